"""The memory that torch takes for networks that torchvision and timm wrote, on a CPU, into benchmarks/memory.json.

python benchmarks/memory.py            all of them, a few minutes
python benchmarks/memory.py resnet18   those of our names

Weights are random. A dispatch mode sees every tensor that is made and let go, so that gradients are added anew, as
torch does where somebody looks on. `docs/memory.md` shows the figures beside vcalc's, and the tests hold both together.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import torch

from vcalc.spec.find import load
from vcalc.spec.network import expand
from vcalc.torch_backend import needed
from vcalc.torch_backend.against import start_torchvision

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from live_memory import Live, Saved, own

FILE = HERE / "memory.json"
TORCHVISION = (
    "alexnet",
    "convnext-s",
    "convnext-t",
    "densenet121",
    "densenet169",
    "efficientnet-b0",
    "efficientnet-b3",
    "efficientnet-v2-s",
    "googlenet-bn",
    "inception-v3",
    "mobilenet-v2",
    "mobilenet-v3-large",
    "mobilenet-v3-small",
    "regnet-x-400mf-torchvision",
    "regnet-y-16gf",
    "resnet18",
    "resnet50",
    "resnet101",
    "resnext50-32x4d",
    "shufflenet-v2-x1.0",
    "squeezenet1.1",
    "swin-t",
    "swin-v2-t",
    "vgg11",
    "vgg16-bn",
    "vit-b-16",
    "wide-resnet50-2",
)
TIMM = ("beit-b-16", "cait-xxs24", "eva02-ti-14", "maxvit-t", "mvit-v2-t", "nfnet-f0", "swin-t", "vit-b-16")
SMALL = ("beit-b-16", "cait-xxs24")
"""Those that are measured with one image and with four: a leading 1 is a view."""


def asked(models: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """Model, library and batch of every row."""
    both = [(model, "torchvision") for model in TORCHVISION] + [(model, "timm") for model in TIMM]
    rows = [(*row, batch) for row in both for batch in ((1, 4) if row[0] in SMALL else (2,))]
    return [row for row in rows if not models or row[0] in models]


def written(library: str, name: str) -> Any:
    """The library's own network, without stochastic depth and heads for training, which the specs do not have."""
    if library == "timm":
        module = needed("timm", "this benchmark").create_model(name, pretrained=False)
    else:
        start_torchvision()
        from torchvision import models

        bare = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
        module = getattr(models, name)(**bare)
    for part in module.modules():
        if type(part).__name__ == "StochasticDepth":
            part.p = 0.0
        if type(part).__name__ == "DropPath":
            part.drop_prob = 0.0
    return module


def measured(module: Any, image: torch.Tensor) -> dict[str, int]:
    """Bytes that forward saves, and the most that is alive: at inference, forward and backward in training."""
    held = own(module)
    module.eval()
    with torch.no_grad(), Live(held, image) as live:
        module(image)
    inference = live.peak
    module.train()
    with Saved(held) as saved:
        output = module(image)
    del output
    module.zero_grad()
    with Live(held, image) as live:
        output = module(image)
        forward, live.peak = live.peak, 0
        (output * 1.0).sum().backward()
    module.zero_grad()
    loss = 2 * output.element_size()
    return {"saved": saved.bytes, "forward": forward, "backward": live.peak - loss, "inference": inference}


def row(model: str, library: str, batch: int) -> dict[str, Any]:
    """One network, measured at its own size."""
    network = expand(*load(model), library=library)
    name = network.same_as[library]
    torch.manual_seed(0)
    image = torch.randn(batch, *network.graph.input)
    return {
        "model": model, "library": library, "name": name, "batch": batch, **measured(written(library, name), image)
    }  # fmt: skip


def write(record: dict[str, Any], path: Path) -> None:
    """Write the file whole or not at all, a network a line."""
    rows = ",\n".join(f"  {json.dumps(each)}" for each in record.pop("rows"))
    head = json.dumps(record, indent=1).removesuffix("\n}")
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(f'{head},\n "rows": [\n{rows}\n ]\n}}\n')
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


@click.command()
@click.argument("models", nargs=-1)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), default=FILE)
def main(models: tuple[str, ...], output: Path) -> None:
    """Measure MODELS, or all, and write the file."""
    start_torchvision()
    rows = []
    for asked_for in asked(models):
        rows.append(row(*asked_for))
        click.echo(" ".join(map(str, rows[-1].values())))
    libraries = {name: needed(name, "this benchmark").__version__ for name in ("torch", "torchvision", "timm")}
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    write({"schema": 1, "date": date, "device": "cpu", "dtype": "float32", **libraries, "rows": rows}, output)


if __name__ == "__main__":
    main()
