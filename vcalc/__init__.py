"""Memory, parameters and FLOPs of vision architectures, as exact numbers and as formulas."""

TYPE_CHECKING = False  # typing itself takes longer to import than all else here; a type checker takes this for true
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

__all__ = ["Layer", "Model", "Network", "VcalcError", "__version__", "from_torch", "load", "models"]


def __getattr__(name: str) -> "Any":
    """The public names, brought in when they are first used: the command line needs none of them."""
    if name in __all__:
        from vcalc import api

        return getattr(api, name)
    raise AttributeError(f"module 'vcalc' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is to use, brought in or not: a shell completes it."""
    return __all__
