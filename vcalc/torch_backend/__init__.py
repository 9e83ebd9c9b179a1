"""The optional torch backend: networks built from specs, run, and held against every count."""

from __future__ import annotations

from typing import Any

from vcalc.errors import VcalcError


def needed(library: str = "torch", what: str = "this") -> Any:
    """An optional library. Raises VcalcError with the commands that install it where it is missing."""
    import importlib

    try:
        return importlib.import_module(library)
    except ImportError:
        hint = f"pip install {library}"
        if library in ("torch", "torchvision", "timm"):
            hint += "; in a clone of vcalc, pip install '.[torch]' brings torch, torchvision and timm"
        raise VcalcError("missing-library", f"{what} needs {library}, which is not installed", hint=hint) from None
