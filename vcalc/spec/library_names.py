"""Models by the names that libraries give them: an owner before it, the tag of its weights behind it.

`timm/resnet50.a1_in1k`, `torchvision:vgg16`, `microsoft/resnet-50`, `tf_efficientnet_b0`. A name that says whose it is
means that library's network or is an error: a network that is only called alike would give another number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from vcalc import foreign
from vcalc.errors import VcalcError, quoted
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import Spec

OWNERS = {
    "timm": "timm",
    "pytorchimagemodels": "timm",
    "torchvision": "torchvision",
    "torchvisionmodels": "torchvision",
    "tv": "torchvision",
    "pytorchvision": "torchvision",
}
"""Who publishes the networks of which library."""

_NAME = re.compile(r"(?:(?P<owner>.+)(?:[/:]|(?<=models)\.))?(?P<name>[^/:]+)")
_HUBS = re.compile(r"(?:https?://)?(?:www\.)?(?:hf[-_]hub:|huggingface\.co/|hf\.co/|hf://)", re.IGNORECASE)
_TAG = re.compile(r"(?P<name>.*[a-z0-9])\.(?P<tag>[a-z][a-z0-9]*(?:_[a-z0-9]+)*)", re.IGNORECASE)
_WEIGHTS = re.compile(r"in\d+k|imagenet\d+k|default$", re.IGNORECASE)
"""What a tag says of weights that classify images: `a1_in1k`, `augreg_in21k_ft_in1k_384`, `IMAGENET1K_V2`."""
_CLASSES = re.compile(r"(?:.*_)?(?:in1k|imagenet1k_v\d|default)(?:_\d+)?", re.IGNORECASE)
"""A tag of weights for the 1,000 classes of ImageNet."""
_SIZE = re.compile(r"_r?(\d{3})(?=_|$)")
"""The size of the images that a tag says its weights are for."""
_PORTS = re.compile(r"(?:tf|tv|gluon|ssl|swsl|ig)_(?P<name>.+?)(?:_v1b)?")
"""Prefixes under which timm keeps (or kept) the same networks with the weights of others."""


class Unlike(NamedTuple):
    """A library's network that is called like a model and is another one: what it has, the model that is nearest, and
    the values that make that one the same."""

    library: str
    has: str
    nearest: str
    values: str = ""


UNLIKE = {
    "maxvit_t": Unlike("torchvision", "30,919,624 parameters", "maxvit-t"),
    "mvit_v2_s": Unlike("torchvision", "34,537,744 parameters", "mvit-v2-s"),
    "mvitv2_base_cls": Unlike("timm", "19,168 classes", "mvit-v2-b-cls", "classes=19168"),
    "mvitv2_large_cls": Unlike("timm", "19,168 classes", "mvit-v2-l-cls", "classes=19168"),
    "mvitv2_huge_cls": Unlike("timm", "19,168 classes", "mvit-v2-h", "classes=19168"),
    "vit_base_r50_s16_224": Unlike("timm", "no classifier", "hybrid-r50-vit-b-16"),
}
"""By the library's own spelling; what timm and torchvision build by default (timm 1.0, torchvision 0.28)."""


Find = Callable[[str], tuple[str, str] | None]
Load = Callable[[str], Spec]


class Found(NamedTuple):
    """A model of the catalogue, and the library whose network was asked for (empty: nobody's)."""

    file: str
    model: str
    library: str


def model_of(name: str, find: Find, load: Load) -> Found | None:
    """The model that a name of others means; None for a name that means none.

    `find` finds a file and a model by name or alias, `load` reads the file. Raises VcalcError for a name that is
    known to mean something else than a model as it stands.
    """
    text = _HUBS.sub("", name.strip(), count=1)
    told = _told(name, text, find)
    if told:
        return told
    parts = _NAME.fullmatch(text)
    if not parts:
        return None
    owner, own_name = parts["owner"] or "", parts["name"]
    library = OWNERS.get(re.sub(r"[\W_]|:v[\d.]+", "", owner.lower()), "")
    tagged = _TAG.fullmatch(own_name)
    tag = tagged["tag"] if tagged and (library or _WEIGHTS.search(tagged["tag"])) else ""
    base = tagged["name"] if tagged and tag else own_name
    if tag and not library and not owner:
        library = "torchvision" if re.match(r"imagenet|default", tag, re.IGNORECASE) else "timm"
        base = re.sub(r"_weights$", "", base, flags=re.IGNORECASE)
    if library:
        return _of_library(name, base, tag, library, find, load)
    port = _PORTS.fullmatch(base) if not owner else None
    if port:
        return _of_library(name, base, "", "timm", find, load)
    if owner and find(base):
        _refuse_owner(name, owner, find(base))
    return None


def check_unlike(name: str, found: str) -> None:
    """Refuse the exact name of a library's network that the model found for it is not."""
    if name in UNLIKE:
        library, has, near, values = UNLIKE[name]
        hint = f"{near} is the nearest: vcalc table {near}" + (f" --set {values}" if values else "")
        raise VcalcError("unknown-model", f"{library}'s {name} has {has}, and {found} is another network", hint=hint)


def _told(name: str, text: str, find: Find) -> Found | None:
    """What the table says of the very name. Raises VcalcError where it is none, or needs more than a name."""
    for answer in foreign.answers("models", text):
        model, _, more = answer.write.partition(" ")
        found = find(model) if model else None
        if found and not more:
            return Found(*found, "")
        hint = f"vcalc table {answer.write}" if more else answer.says
        raise VcalcError("unknown-model", f"there is no model {quoted(name)}", hint=hint)
    return None


def _of_library(name: str, base: str, tag: str, library: str, find: Find, load: Load) -> Found | None:
    """The model that is the same as a library's. Raises VcalcError where one is only called alike."""
    port = _PORTS.fullmatch(base)
    names = [base, *([port["name"]] if port and library == "timm" else [])]
    alike = next(filter(None, map(find, names)), None)
    if not alike:
        return None
    spec = load(alike[0])
    for wanted in names:
        for model in spec.models.values():
            if _bare(model.same_as.get(library, "")) == _bare(wanted):
                _check_tag(name, tag, spec, model.name)
                return Found(alike[0], model.name, library)
    hint = f"the catalogue's {alike[1]}, which is another network or not known to be the same: vcalc table {alike[1]}"
    raise VcalcError("unknown-model", f"there is no model {quoted(name)}", hint=hint)


def _check_tag(name: str, tag: str, spec: Spec, model: str) -> None:
    """Refuse weights that go with another input or another head than the model's own."""
    more = []
    size = _SIZE.search(f"_{tag}")
    sizes = next(iter(merged_inputs(spec, spec.models[model]).values()))
    if size and "H" in sizes and getattr(sizes["H"].node, "value", "") != size[1]:
        more.append(f"--input 3x{size[1]}x{size[1]}")
    if tag and not _CLASSES.fullmatch(tag):
        more.append("--set classes=…")
    if more:
        message = f"the weights of {quoted(name)} go with another {'input' if 'input' in more[0] else 'head'}"
        raise VcalcError("unknown-model", f"{message} than {model}", hint=f"vcalc table {model} {' '.join(more)}")


def _refuse_owner(name: str, owner: str, found: tuple[str, str] | None) -> None:
    assert found is not None
    message = (
        f"there is no model {quoted(name)}: nobody has held the networks of {quoted(owner)} against the catalogue's"
    )
    raise VcalcError("unknown-model", message, hint=f"vcalc table {found[1]} is the catalogue's own")


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
