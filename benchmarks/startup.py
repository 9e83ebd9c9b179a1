"""How long vcalc takes from a cold start, against what its libraries alone take. Run by hand.

    python benchmarks/startup.py [RUNS]

Each pair of commands runs in turn; the median of the pairwise ratios is what counts (bound: 1.4).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

VCALC = str(Path(sys.executable).parent / "vcalc")
PAIRS = (
    ((VCALC, "table", "vgg16", "--format", "json"), "import click, yaml"),
    ((VCALC, "table", "vgg16", "--format", "rich"), "import click, yaml, rich.console, rich.table"),
)


def seconds(command: tuple[str, ...]) -> float:
    """Wall-clock time of one run of a whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(runs: int) -> None:
    """Print the medians and the ratio of each pair."""
    for ours, imports in PAIRS:
        theirs = (sys.executable, "-c", imports)
        seconds(ours), seconds(theirs)
        times = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
        mine, other = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in times)
        print(f"vcalc {' '.join(ours[1:])}: {mine:.0f} ms; python -c '{imports}': {other:.0f} ms; ratio {ratio:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
