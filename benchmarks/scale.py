"""Whether every command is linear in the size of a network, and how long the largest take. Run by hand.

    python benchmarks/scale.py                     every network with every command
    python benchmarks/scale.py groups 'table'      the networks and the commands whose names hold these texts

Each command runs on a network of n, 2n and 4n layers, in a process of its own that has everything imported. Printed
are its seconds of CPU at each, and the power of n with which they grow from the first to the last; `!` marks what
takes over five seconds, or grows with more than n ** 1.3. Ten thousand layers and five thousand groups are the
largest: a model of the catalogue has 4,209.
"""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

LAYERS = 9_990
BOUND = 5
"""Seconds of CPU that no command may take."""
GIVEN_UP = 60
"""Seconds of CPU after which a run is ended."""

HEAD = "title: scale\ncite: none\ninput: {C: 8, H: 16, W: 16}\n"
CONV = "conv: {out: 8, kernel: 3, pad: 1}"


def looped(body: str) -> Callable[[int], str]:
    """A network of so many layers from a loop: `{n}` is how many there are, `{n2}` and `{n4}` a half and a quarter."""
    return lambda n: HEAD + "layers:\n" + body.format(n=n, n2=n // 2, n3=n // 3, n4=n // 4)


def listed(lines: str, each: int) -> Callable[[int], str]:
    """A network that stands in the file, these lines once for every `each` layers: a file holds fewer than a loop."""
    return lambda n: HEAD + "layers:\n" + "".join(lines.replace("{i}", str(i)) for i in range(n // each))


def written(n: int) -> str:
    """Layers that a library calls in a way of its own, a path for each."""
    forms = ", ".join(f"relu{i + 1}: functional" for i in range(n))
    models = "models: {scale: {same_as: {timm: scale}}}\n"
    return f"{HEAD}{models}written:\n  timm: {{{forms}}}\nlayers:\n  - {{repeat: {n}, do: [relu]}}\n"


def deep(n: int) -> str:
    """Groups in groups, twelve deep, around each of some layers."""
    body = "conv: {out: 8 + i, kernel: 1}"
    for level in range(12):
        body = f"{{name: level{level}, do: [{body}]}}"
    return HEAD + f"layers:\n  - {{repeat: {n}, name: g, index: i, do: [{body}]}}\n"


def wide(n: int) -> str:
    """As many branches as there are layers, joined at once."""
    branches = ", ".join(f"[conv: {{out: {8 + i}, kernel: 1}}]" for i in range(n // 2))
    return HEAD + f"layers:\n  - {{branches: [{branches}], join: concat}}\n  - relu\n"


def models(n: int) -> str:
    """A family: a model for every hundred layers, each of a hundred layers, with its figure."""
    names = [f"m{i}" for i in range(n // 100)]
    claims = "".join(f"      {name}: {8 * 100 * (8 + 1)}\n" for name in names)
    return (
        HEAD
        + "models:\n"
        + "".join(f"  {name}: {{w: {8 + i}}}\n" for i, name in enumerate(names))
        + "layers:\n  - {repeat: 50, index: i, do: [{conv: {out: w + i, kernel: 1}}, relu]}\n"
        + f"claims:\n  - source: none\n    metric: params\n    models:\n{claims}"
    )


def options(n: int) -> str:
    """A comparison of blocks: an option for every ten layers."""
    loop = "{{repeat: 5, index: i, do: [{{conv: {{out: {w} + i, kernel: 1}}}}, relu]}}"
    each = "".join(f"  o{i}:\n    - {loop.format(w=8 + i)}\n" for i in range(n // 10))
    return f"{HEAD}options:\n{each}"


def claimed(n: int) -> str:
    """A claim for every hundred layers, each of a part of the network."""
    claims = "".join(f"      g{i + 1}: {8 * (8 + i)}\n" for i in range(n // 100))
    loop = f"  - {{repeat: {n // 2}, index: i, name: g, do: [{{conv: {{out: 8 + i, kernel: 1}}}}, relu]}}\n"
    return HEAD + f"layers:\n{loop}claims:\n  - source: none\n    metric: params\n    layers:\n{claims}"


NETWORKS: dict[str, Callable[[int], str]] = {
    "alike": looped("  - {{repeat: {n}, do: [conv: {{out: 8, kernel: 3, pad: 1}}]}}\n"),
    "alike groups": looped("  - {{repeat: {n2}, name: g, do: [conv: {{out: 8, kernel: 3, pad: 1}}, relu]}}\n"),
    "unlike": looped("  - {{repeat: {n}, index: i, do: [conv: {{out: 8 + i, kernel: 1}}]}}\n"),
    "unlike groups": looped("  - {{repeat: {n2}, index: i, name: g, do: [conv: {{out: 8 + i, kernel: 1}}, relu]}}\n"),
    "residual groups": looped(
        "  - {{repeat: {n4}, index: i, name: g, do: [{{residual: [conv: {{out: 9 + i, kernel: 1}}, relu, "
        "conv: {{out: 8, kernel: 1}}]}}]}}\n"
    ),
    "dense": looped(
        "  - {{repeat: {n2}, name: g, do: [{{branches: [[], [conv: {{out: 1, kernel: 1}}]], join: concat}}]}}\n"
    ),
    "tokens": looped(
        "  - tokens\n  - {{repeat: {n4}, index: i, name: g, do: [layernorm, attention: {{heads: 2}}, "
        "linear: {{out: 8 + 2 * i}}, gelu, linear: {{out: 8}}]}}\n"
    ),
    "deep": deep,
    "wide": wide,
    "listed": listed("  - conv: {out: {i} + 8, kernel: 1}\n", 2),
    "written": written,
    "saved": listed(f"  - save: x{{i}}\n  - {CONV}\n  - {{branches: [[], [take: x{{i}}]], join: add}}\n", 6),
    "first taken": looped(
        "  - save: x\n  - {{repeat: {n2}, do: [conv: {{out: 8, kernel: 1}}, "
        "{{branches: [[], [take: x]], join: add}}]}}\n"
    ),
    "models": models,
    "claims": claimed,
    "options": options,
}

COMMANDS = (
    "table {a}",
    "table {a} --format rich",
    "table {a} --format json",
    "table {a} --format markdown",
    "table {a} --format csv",
    "table {a} --format latex",
    "table {a} --depth 1",
    "table {a} --all",
    "table {a} --explain",
    "table {a} --only g1,g2,g3",
    "table {a} --columns layer,receptive_field,params",
    "table {a} --batch n",
    "compare {a} {b}",
    "compare {a} {b} --metric depth",
    "diff {a} {b}",
    "diff {a} {c}",
    "diff {a} {b} --all",
    "formula {a}",
    "formula {a} --batch n",
    "conventions {a}",
    "conventions {a} {b}",
    "why {a} fvcore ptflops",
    "why {a} fvcore ptflops --by layer",
    "why {a} 5M",
    "memory {a}",
    "memory {a} --layers",
    "memory {a} --mode training",
    "memory {a} --mode training --layers",
    "memory {a} --mode training --checkpoint 1",
    "memory {a} --fit 80GB",
    "memory {a} --mode training --fit 80GB",
    "memory {a} --in-place",
    "training {a} --images 1M --epochs 90",
    "formula {a} --set H=h --set W=w",
    "table {a} --set H=h --set W=w",
    "block {f}",
    "check {f}",
    "check {f} --format sarif",
    "check {f} --budget params<=5M",
    "fmt {f} --check",
    "claims {f}",
    "export {a}",
    "new scale-copy --from {a} -o -",
    "diff {a} --against HEAD",
    "validate {a}",
    "list",
    "schema",
)
"""Those with `--against` run where git has the network that differs in all; `validate` needs torch."""


def seconds(arguments: list[str]) -> float | None:
    """Seconds of CPU that a command takes in a process of its own, forked from this one; None if it was ended.

    A refusal is its exit code, less than 0.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (GIVEN_UP, GIVEN_UP))
        try:
            start = time.process_time()
            code = run(arguments)
            os.write(writer, f"{time.process_time() - start if code < 2 else -code}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    os.waitpid(child, 0)
    return float(text) if text else None


def run(arguments: list[str]) -> int:
    """Run a command in this process; returns its exit code."""
    from vcalc.cli import main as vcalc

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            vcalc(arguments)
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def files(folder: Path, network: Callable[[int], str], n: int) -> dict[str, str]:
    """A network, one that differs in its last layers, and one that differs in all."""
    text = network(n)
    changed = text.replace("title: scale", "title: changed")
    variants = {
        "a": text,
        "b": changed + ("" if "claims:" in text else "  - relu\n"),
        "c": changed.replace("C: 8", "C: 9"),
    }
    paths = {}
    for name, content in variants.items():
        path = folder / f"scale-{name}-{n}.yaml"
        path.write_text(content, encoding="utf-8")
        paths[name] = f"{path}:m0" if "models:\n  m0" in content else str(path)
    return {**paths, "f": paths["a"].removesuffix(":m0")}


def committed(folder: Path, paths: dict[str, str]) -> None:
    """Make the folder a repository whose last commit holds, as the network, the one that differs in all."""
    path = Path(paths["f"])
    now = path.read_text(encoding="utf-8")
    path.write_text(Path(paths["c"].removesuffix(":m0")).read_text(encoding="utf-8"), encoding="utf-8")
    who = ("-c", "user.name=scale", "-c", "user.email=scale@localhost")
    for words in (("init", "-q"), ("add", path.name), (*who, "commit", "-q", "--allow-empty", "-m", "scale")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    path.write_text(now, encoding="utf-8")
    os.chdir(folder)


def measured(folder: Path, network: str, command: str) -> Iterator[tuple[int, float | None]]:
    """How many layers, and the seconds that they take."""
    for n in (LAYERS // 4, LAYERS // 2, LAYERS):
        paths = files(folder, NETWORKS[network], n)
        if "--against" in command:
            committed(folder, paths)
        yield n, seconds([word.format(**paths) for word in command.split()])


def main(networks: str = "", commands: str = "") -> None:
    """Print a line for each network and command."""
    warm = ["table", "lenet5"], ["memory", "lenet5"], ["formula", "lenet5", "--batch", "n"]
    for words in warm:
        run(words)
    print(f"{'network':16} {'command':44} {LAYERS // 4:>8} {LAYERS // 2:>8} {LAYERS:>8}  growth")
    with TemporaryDirectory() as folder:
        for network in NETWORKS:
            for command in COMMANDS:
                if networks in network and commands in command:
                    times = [found for _, found in measured(Path(folder), network, command)]
                    if any(found is None or found > 0 for found in times):
                        print(line(network, command, times), flush=True)


def line(network: str, command: str, times: list[float | None]) -> str:
    """A row of the table."""
    shown = " ".join(f"{'over' if found is None else 'refused' if found < 0 else f'{found:.2f}':>8}" for found in times)
    first, last = times[0], times[-1]
    growth = math.log(last / first, 4) if first and last and min(first, last) > 0 else math.nan
    mark = " !" if last is None or last > BOUND or (growth > 1.3 and last > 1) else ""
    return f"{network:16} {command.format(a='A', b='B', c='C', f='A'):44} {shown}  {growth:6.2f}{mark}"


if __name__ == "__main__":
    main(*sys.argv[1:3])
