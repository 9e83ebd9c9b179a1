"""The measured file of benchmarks/memory.py beside vcalc: torchvision's and timm's own networks, without torch.

Saved bytes and forward peaks of training are theirs to the byte, and so are the differences, whose tensors stand here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

import memory_tables
from memory_tables import figures, inference, network, peak

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import FORWARD, Plan

ROWS = memory_tables.record()["rows"]
Row = dict[str, Any]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['library']} {row['name']} {row['batch']}")


class More:
    """What a library has more than vcalc says, or less: elements in fp32 of each image, and of all together."""

    def __init__(self, each: int, once: int = 0) -> None:
        self.each, self.once = each, once

    def bytes(self, row: Row) -> int:
        return 4 * (self.each * row["batch"] + self.once)

    def plus(self, other: More) -> More:
        return More(self.each + other.each, self.once + other.once)


def nfnet() -> More:
    """Gains times 1 / sqrt(inputs), which norms of weights save; no squeezed vector times its gain, but the map.

    Nor are there shares of windows that lie on the map, where `same` has nothing to add before a shortcut's pool.
    """
    nodes = network("nfnet-f0", "timm").graph.nodes
    gains = sum(node.output[0] for node in nodes if node.layer.values().get("standardized"))
    vectors = sum(node.output[0] for node in nodes if node.path.endswith("squeeze_excite/gain"))
    return More(-vectors, gains - (32 * 32 + 16 * 16 + 8 * 8))


COPIES = More(64 * 112 * 112 + 64 * 56 * 56 + 128 * 28 * 28 + 256 * 14 * 14)
"""The maps before the pools of maxvit's shortcuts, which timm's `pad_same` copies, adding nothing."""

SAVED: dict[str, More] = {
    # A dropout of the 9216 before the first linear layer, whose input the pool does not keep then; none of 4096.
    "alexnet": More(2 * 9216 - 9216 - 2 * 4096),
    "maxvit_tiny_tf_224": COPIES,
    "dm_nfnet_f0": nfnet(),
}


def added_in_place(channels: int, logits: bool) -> More:
    """The last residual is added to its branch: the peak is at the pooled vector, or at the logits after it."""
    return More(channels + 1000 * logits - channels * 7 * 7)


PEAKS: dict[str, More] = {
    # What the pools leave, held until the classifier is through, as is SqueezeNet's last map.
    "alexnet": SAVED["alexnet"].plus(More(256 * 6 * 6)),
    "squeezenet1_1": More(512 * 13 * 13),
    **{name: added_in_place(768, False) for name in ("convnext_small", "convnext_tiny")},
    "resnet18": added_in_place(512, True),
    **{name: added_in_place(2048, True) for name in ("resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2")},
    # What attention puts out, which a variable of the block holds.
    "eva02_tiny_patch14_336": More(577 * 192),
    "maxvit_tiny_tf_224": COPIES,
    # The tokens of the last norm are there with the logits; so are a pooled vector, where gammas work in place.
    "mvitv2_tiny": More(1000),
    "dm_nfnet_f0": nfnet().plus(More(3072 + 1000 - 3072 * 8 * 8)),
    # The tokens before positions are added, which `forward` holds until the encoder is through; no logits yet.
    "vit_b_16": More(197 * 768 - 1000),
}
MODULES: dict[str, More] = {
    # The last stage begins here with the map that is merged, there with what it is merged to.
    "swin_v2_t": More(768 * 8 * 8 - 384 * 16 * 16),
    "swin_tiny_patch4_window7_224": More(0),
}
"""The same of networks whose peak is that of held inputs."""

BACKWARD: dict[tuple[str, int], More] = {
    # Gradients of queries, keys and values are put into three tensors of zeros, of which two are there at a time, when
    # vcalc has made the gradients of the projection's weights and biases.
    ("vit_b_16", 2): More(2 * 3 * 197 * 768, -3 * 768 * 769),
    # Biases of queries and values are two parameters: their gradients are parts of one of 3 * 768, not 2 * 768.
    ("beit_base_patch16_224", 1): More(0, 11 * 768),
}
INFERENCE: dict[str, More] = {
    # The tokens before positions are added, and what the block's second norm puts out.
    "vit_b_16": More(2 * 197 * 768),
    "vit_base_patch16_224": More(197 * 768),
    # The product of cosines comes before the mask of 64 windows is made, but after the biases have been copied.
    "swin_v2_t": More(0, 3 * 96 - 64 * 64 * 64),
    # Scaled queries and windows are held, when vcalc's peak has scores twice and the biases that were looked up.
    "swin_tiny_patch4_window7_224": More(2 * 56 * 56 * 96 - 64 * 3 * 49 * 49, -3 * 49 * 49),
}
"""By `--modules`."""


@each_row
def test_saved_bytes(row: Row):
    more = SAVED.get(row["name"], More(0))
    assert figures(row)["saved"] + more.bytes(row) == row["saved"]


@each_row
def test_the_forward_peak_of_training(row: Row):
    held = row["name"] in MODULES
    more = {**PEAKS, **MODULES}.get(row["name"], More(0))
    assert figures(row, modules=held)["forward"] + more.bytes(row) == row["forward"]


@each_row
def test_the_backward_peak_of_training(row: Row):
    """To the byte but for the order in which the two branches of a block are gone through: half a percent there."""
    ours, theirs = figures(row)["backward"], row["backward"]
    if row["name"].startswith(("regnet", "cait", "maxvit", "dm_nfnet")):
        copies = COPIES.bytes(row) if row["name"].startswith("maxvit") else 0
        assert abs(ours + copies - theirs) <= 0.005 * theirs
    else:
        more = BACKWARD.get((row["name"], row["batch"]), More(0))
        assert ours + more.bytes(row) == theirs


@pytest.mark.parametrize("row", [row for row in ROWS if row["name"] in INFERENCE], ids=lambda row: row["name"])
def test_the_peak_of_inference_of_what_looks_all_round(row: Row):
    assert inference(row, modules=True) + INFERENCE[row["name"]].bytes(row) == row["inference"]


def test_the_peak_of_inference_of_torchvisions_swin():
    """At the activation of the second MLP, whose input its caller holds; vcalc holds scores, too, before it."""
    (row,) = (row for row in ROWS if (row["library"], row["name"]) == ("torchvision", "swin_t"))
    run = Run(network("swin-t", "torchvision").graph, Plan(in_place=True, modules=True))
    at_mlp = peak(run, FORWARD, row["batch"], "stage1/block2/gelu")
    assert at_mlp + More(56 * 56 * 96).bytes(row) == row["inference"]


LEAST = ("alexnet", "googlenet", "resnet18", "shufflenet", "squeezenet", "vgg")
"""Whose peak is the same by both definitions."""
OTHER = ("regnet", "densenet", "swin", "vit", "cait", "maxvit", "mvit", "dm_nfnet")
"""Whose variables hold more than their modules, or less."""


@each_row
def test_the_peak_of_inference_is_what_modules_hold(row: Row):
    least, modules = inference(row), inference(row, modules=True)
    assert least <= modules
    if not row["name"].startswith(OTHER) and (row["name"], row["batch"]) != ("beit_base_patch16_224", 1):
        assert modules == row["inference"]
    assert (least == row["inference"]) == row["name"].startswith(LEAST)


def test_the_page_shows_what_is_measured_and_what_is_worked_out():
    page = (memory_tables.DATA.parents[1] / "docs" / "memory.md").read_text(encoding="utf-8")
    assert page == memory_tables.measured_beside(page), "run python docs/generate.py"
    assert page.count("<!-- measured: ") == len(memory_tables.TABLES)
