"""What others call their operators: `aten.yaml` and `onnx.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / name).read_text("utf-8"))
    return found


def aten() -> dict[str, Any]:
    """Torch's operators, by what they do."""
    return _read("aten.yaml")


def onnx() -> dict[str, Any]:
    """ONNX's operators, in the words of torch's."""
    return _read("onnx.yaml")
