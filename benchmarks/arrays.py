"""What arrays cost, in process. Run by hand: python benchmarks/arrays.py

A thousand sizes of an image bound and counted at once, and a thousand widths, against one: the ratio of CPU times is
1.8 to 2.6 (a thousand one by one), and 7 where widths are rounded to eights, which is done one after the other.
"""

from __future__ import annotations

import time
from typing import Any

import numpy
from engine import best

import vcalc

MODELS = ("resnet50", "vgg16", "efficientnet-b0", "mobilenet-v2", "convnext-t", "vit-b-16", "swin-t", "nasnet-a-large")

SIZES = 32 * numpy.random.default_rng(0).integers(7, 32, 1000)
WIDTHS = {"resnet50": 8, "mobilenet-v2": 1, "densenet121": 1}


def compared(name: str, one: dict[str, Any], many: dict[str, Any]) -> str:
    """What it takes to bind and count many settings, and one of them."""
    model = vcalc.load(name)
    of_one = best(lambda: model.bind(one).total, 7, time.process_time)
    of_many = best(lambda: model.bind(many).total, 7, time.process_time)
    sizes = len(next(iter(many.values())))
    times = f"{of_one * 1e3:7.1f} ms for one, {of_many * 1e3:7.1f} for {sizes}"
    return f"{name:16} {', '.join(many):8} {times}: {of_many / of_one:5.2f}"


def main() -> None:
    """Print the times and their ratio for each model."""
    for name in MODELS:
        largest = int(SIZES.max())
        print(compared(name, {"H": largest, "W": largest}, {"H": SIZES, "W": SIZES[::-1]}))
    for name, step in WIDTHS.items():
        key = "growth" if name == "densenet121" else "width"
        values = step * numpy.arange(1, 1001)
        print(compared(name, {key: int(values[3])}, {key: values}))


if __name__ == "__main__":
    main()
