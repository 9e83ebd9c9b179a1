"""Exact names of libraries that sound like a model of the catalogue and are another network."""

from __future__ import annotations

from typing import NamedTuple


class Other(NamedTuple):
    """A library's network: what it has, the model that is nearest, and the values that make that one the same."""

    library: str
    has: str
    nearest: str
    values: str = ""


OTHERS = {
    "maxvit_t": Other("torchvision", "30,919,624 parameters", "maxvit-t"),
    "mvit_v2_s": Other("torchvision", "34,537,744 parameters", "mvit-v2-s"),
    "mvitv2_base_cls": Other("timm", "19,168 classes", "mvit-v2-b-cls", "classes=19168"),
    "mvitv2_large_cls": Other("timm", "19,168 classes", "mvit-v2-l-cls", "classes=19168"),
    "mvitv2_huge_cls": Other("timm", "19,168 classes", "mvit-v2-h", "classes=19168"),
    "vit_base_r50_s16_224": Other("timm", "no classifier", "hybrid-r50-vit-b-16"),
}
"""By the library's own spelling; what timm and torchvision build by default (timm 1.0, torchvision 0.28)."""
