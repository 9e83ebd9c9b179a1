"""Where a torch module comes from: a library's model by name, or a class or function in somebody's own code.

`timm:resnet50`, `torchvision:swin_t`, `mypkg.models:build`. Naming one's own code runs it, as importing it does.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from vcalc.errors import VcalcError, nearest, printable, quoted
from vcalc.importers import LIBRARIES, OWN
from vcalc.torch_backend import needed

_SHAPE = re.compile(r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<sizes>\d{1,9}(?:[x,×]\d{1,9})*)(?::(?P<type>\w+))?")
_FORMS = "write timm:resnet50, torchvision:swin_t, or package.module:name for a class or function of your own"
_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".t7")


class Built(NamedTuple):
    """A module, what it is called, and what goes into it: by place, and by name."""

    name: str
    module: Any
    inputs: list[Any]
    named: dict[str, Any]


def built(source: str, arguments: str = "", shapes: Iterable[str] = ()) -> Built:
    """The module that a source means, with tensors for it to run on.

    `arguments` is a JSON object of keyword arguments, `shapes` are the inputs' without a batch: `3x224x224`,
    `text=77:int64`. Raises VcalcError for what is not there, cannot be built, or needs a shape and has none.
    """
    if source.lower().endswith(_PICKLES):
        message = f"{printable(source)} is a pickle, which runs whatever code is in it when it is read"
        raise VcalcError("import", message, hint="name the code that builds the module instead: package.module:name")
    found = OWN.fullmatch(source)
    if not found:
        raise VcalcError("import", f"{quoted(printable(source))} names no torch module", hint=_FORMS)
    keywords = _keywords(arguments)
    own, name = found["module"], found["name"]
    torch = needed("torch", "counting a module")
    usual: list[str] = []
    takes_lists = False
    if own in LIBRARIES:
        module, usual = (_of_timm if own == "timm" else _of_torchvision)(torch, name, keywords)
        takes_lists = type(module).__module__.startswith("torchvision.models.detection")
    else:
        module = _of_code(torch, own, name, keywords)
    given = [*shapes] or usual
    if not given:
        raise VcalcError("import", f"{source} does not say what goes into it", hint="--input 3x224x224")
    placed, named = _tensors(torch, given)
    return Built(source, module, [[each[0] for each in placed]] if takes_lists else placed, named)


def _keywords(arguments: str) -> dict[str, Any]:
    if not arguments:
        return {}
    try:
        found = json.loads(arguments)
    except ValueError as error:
        hint = """--args '{"num_classes": 10}'"""
        raise VcalcError("import", f"--args is no JSON: {error}", hint=hint) from None
    if not isinstance(found, dict):
        raise VcalcError("import", "--args is no JSON object", hint="""--args '{"num_classes": 10}'""")
    return found


def _tensors(torch: Any, shapes: list[str]) -> tuple[list[Any], dict[str, Any]]:
    placed: list[Any] = []
    named: dict[str, Any] = {}
    for text in shapes:
        found = _SHAPE.fullmatch(text.strip())
        if not found:
            message = f"--input {quoted(printable(text[:80]))} is no shape"
            raise VcalcError("import", message, hint="3x224x224; by name image=3x224x224; of numbers text=77:int64")
        kind = getattr(torch, found["type"] or "float32", None)
        if not isinstance(kind, torch.dtype):
            message = f"there is no type {quoted(found['type'])} in torch"
            raise VcalcError("import", message, hint="float32, int64, bool, ...")
        tensor = torch.zeros(1, *map(int, re.findall(r"\d+", found["sizes"])), dtype=kind, device="meta")
        if found["name"]:
            named[found["name"]] = tensor
        else:
            placed.append(tensor)
    return placed, named


def _made(torch: Any, what: str, make: Any) -> Any:
    """A module that is built without elements where that goes, else with them. Raises VcalcError where it is none."""
    try:
        try:
            with torch.device("meta"):
                module = make()
        except (NotImplementedError, RuntimeError):
            module = make()  # what looks at the values of its parameters needs some
    except Exception as error:  # noqa: BLE001  # whatever code of others raises
        message = f"{what} cannot be built: {type(error).__name__}: {printable(str(error))[:300]}"
        raise VcalcError("import", message, hint="its arguments are given as --args '{\"name\": value}'") from None
    if not isinstance(module, torch.nn.Module):
        message = f"{what} is no torch module, but {type(module).__name__}"
        raise VcalcError("import", message, hint="name a class of nn.Module, a function that makes one, or one")
    return module


def _of_timm(torch: Any, name: str, keywords: dict[str, Any]) -> tuple[Any, list[str]]:
    from vcalc.torch_backend.against import start_torchvision

    start_torchvision()
    timm = needed("timm", "timm:NAME")
    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models())
    module = _made(torch, f"timm's {name}", lambda: timm.create_model(name, **keywords))
    size = (getattr(module, "pretrained_cfg", None) or {}).get("input_size")
    return module, ["x".join(map(str, size))] if size else []


def _of_torchvision(torch: Any, name: str, keywords: dict[str, Any]) -> tuple[Any, list[str]]:
    from vcalc.torch_backend.against import start_torchvision

    start_torchvision()
    models = needed("torchvision", "torchvision:NAME").models
    if name not in models.list_models():
        raise _unknown("torchvision", name, models.list_models())
    weights = {"weights": None}
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        weights["weights_backbone"] = None
    module = _made(torch, f"torchvision's {name}", lambda: models.get_model(name, **{**weights, **keywords}))
    return module, _usual(models, name, module)


def _usual(models: Any, name: str, module: Any) -> list[str]:
    """What goes into a model of torchvision: images of the size that its weights were evaluated at."""
    if hasattr(module, "image_size"):
        return [f"3x{module.image_size}x{module.image_size}"]
    weights = next(iter(models.get_model_weights(name)), None)
    size = getattr(weights.transforms() if weights else None, "crop_size", None)
    if name in models.list_models(module=models.optical_flow):
        return ["3x368x496", "3x368x496"]
    if name in models.list_models(module=models.video):
        return [f"3x16x{'x'.join(map(str, (size * 2)[:2] if size else (112, 112)))}"]
    if name in models.list_models(module=models.segmentation):
        return ["3x520x520"]
    if name in models.list_models(module=models.detection):
        return ["3x800x800"]
    return [f"3x{'x'.join(map(str, (size * 2)[:2]))}"] if size else ["3x224x224"]


def _unknown(library: str, name: str, known: list[str]) -> VcalcError:
    near = " or ".join(f"{library}:{each}" for each in nearest(name, known)[:3])
    hint = f"did you mean {near}?" if near else f"{library} lists its models: list_models()"
    return VcalcError("import", f"{library} has no model {quoted(printable(name))}", hint=hint)


def _of_code(torch: Any, module: str, name: str, keywords: dict[str, Any]) -> Any:
    """What a name in a module of one's own makes: a class or a function is called, a module taken as it is."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            hint = "it is looked for in the current folder and where Python's packages are"
            raise VcalcError("import", f"there is no module {quoted(module)} here", hint=hint) from None
        raise VcalcError("import", f"{module} needs {error.name}, which is not installed") from None
    except Exception as error:  # noqa: BLE001  # whatever code of others raises
        message = f"{module} cannot be imported: {type(error).__name__}: {printable(str(error))[:300]}"
        raise VcalcError("import", message) from None
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each in vars(found) if not each.startswith("_")]
            near = " or ".join(nearest(part, known)[:3])
            hint = f"did you mean {near}?" if near else ""
            raise VcalcError("import", f"{module} has no {quoted(part)}", hint=hint)
        found = getattr(found, part)
    return found if isinstance(found, torch.nn.Module) else _made(torch, f"{module}:{name}", lambda: found(**keywords))
