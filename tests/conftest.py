"""What several test files need: the command line in process, and a network by name."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from vcalc.cli import main
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand


@pytest.fixture
def vcalc() -> Any:
    """Run a command in process; the result has exit_code, stdout and stderr."""

    def run(*arguments: str, input: str | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=input, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def network() -> Any:
    """Expand a catalogue model with sizes bound."""

    def build(name: str, **sizes: Any) -> Network:
        return expand(*load(name), sizes)

    return build
