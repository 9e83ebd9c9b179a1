"""Every option and argument of every command with values that nobody means: an answer or a message, no traceback."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vcalc.cli import COMMANDS, main

pytestmark = pytest.mark.slow

TINY = (Path(__file__).parent.parent / "examples" / "tiny.yaml").read_text(encoding="utf-8")
NINES = "9" * 4301
VALUES = [
    *("", " ", "0", "-1", "1.5", "nan", "inf", "-inf", "1e400", "1e-400", NINES, f"-{NINES}", f"1{'0' * 200}"),
    *("lambda", "None", "True", "é", "文", "x\ny", "\x1b[31m", "٣", "²", "a" * 9999, "${x}", "%s%n", "no/../such", "@"),
    *("=", "a=", "=1", "a=b", "[", "[1]", "{", "'", '"', "1/0", "2**999999", "3x224x224", "0x0x0", f"{NINES}x1x1"),
    *("H=h", "H=32*h", f"H={NINES}", "H=nan", "H=h**h", "H=0/0", "classes=0", "classes=1e300", "width=inf"),
    *("0%", "nan%", "1e5G", f"{NINES}GB", "80GB", "40 days", f"{NINES} days", "B", "fp16", "t4", "stage1", "fvcore"),
    *("params <= nan", f"params <= {NINES}", "flops of x under y", "let.width <= 1", "let.", "let.x", "params,,", ","),
]
ASKED = {
    **{name: ["tiny.yaml"] for name in ("table", "formula", "claims", "conventions", "memory", "training", "check")},
    **{name: ["tiny.yaml"] for name in ("export", "validate")},
    "compare": ["tiny.yaml", "tiny.yaml"],
    "diff": ["tiny.yaml", "tiny.yaml"],
    "why": ["tiny.yaml", "fvcore", "ptflops"],
    "block": ["conv3x3x2-vs-5x5"],
    "layers": ["conv"],
    "new": ["net", "--output", "-"],
    "fmt": ["--check", "tiny.yaml"],
}
MORE = {
    "training": ["--images", "100", "--epochs", "2", "--device", "t4"],
    "memory": ["--mode", "training"],
    "table": ["--explain"],
}
"""What gives other options a meaning."""


def questions(name: str) -> list[list[str]]:
    """A command with each value in each place."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    asked = ASKED.get(name, [])
    found = [[name, *asked[:-1], "--", value] for value in VALUES] + [[name, *asked, "--", value] for value in VALUES]
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and "--output" not in option.opts:
            for more in ([], MORE.get(name, [])):
                found += [[name, *asked, *more, f"{option.opts[0]}={value}"] for value in VALUES]
    return found


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("list", "validate", "export", "schema")])
def test_no_option_ends_in_a_traceback(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    for arguments in questions(name):
        result = CliRunner().invoke(main, arguments)
        assert isinstance(result.exception, SystemExit | None), (arguments, result.exception)
        assert result.exit_code in (0, 1, 2), arguments
