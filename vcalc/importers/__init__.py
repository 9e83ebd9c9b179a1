"""Networks of others, recorded: torch code while it runs on tensors without elements, and ONNX files."""

from __future__ import annotations

import os
import re

LIBRARIES = ("timm", "torchvision")
OWN = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


def is_recorded(name: str) -> bool:
    """Whether a model's name means an ONNX file or somebody's own code: dotted names with a colon between them."""
    return name.lower().endswith(".onnx") or is_own_code(name)


def is_own_code(name: str) -> bool:
    """Whether a name is that of something in somebody's own code, and of no file."""
    found = OWN.fullmatch(name)
    return found is not None and found["module"] not in LIBRARIES and not os.path.exists(name.partition(":")[0])
