"""The optional torch backend: networks built from specs, run, and held against every count."""

from __future__ import annotations

from typing import Any

from vcalc.errors import VcalcError


def needed(library: str = "torch", what: str = "this") -> Any:
    """An optional library. Raises VcalcError with the command that installs it where it is missing."""
    import importlib

    try:
        return importlib.import_module(library)
    except ImportError:
        package = "vcalc[torch]" if library in ("torch", "torchvision", "timm") else library
        hint = f"pip install '{package}'"
        raise VcalcError("missing-library", f"{what} needs {library}, which is not installed", hint=hint) from None
