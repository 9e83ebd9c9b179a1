"""Each operator on paper beside torch's: what it saves, the most that is alive forward and backward. One row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Live, Saved, own
from test_memory_torch import most
from torch.nn import functional

from vcalc.analyses.memory_plan import Plan
from vcalc.operators.layout import channels_last
from vcalc.operators.paper import OPERATORS, Leaf, Paper, Value

F = functional

MAP, ROWS, HEADS = (2, 6, 8, 10), (2, 5, 6), (2, 3, 5, 4)
SEQUENCE, VIDEO = (2, 6, 20), (2, 6, 4, 8, 10)


class Row:
    """An operator: its inputs, its parameters, how it is called on paper, and what torch runs."""

    def __init__(
        self,
        name: str,
        call: Callable[..., Any],
        *shapes: tuple[int, ...],
        parameters: tuple[tuple[int, ...], ...] = (),
        fields: dict[str, Any] | None = None,
        without: tuple[int, ...] = (),
        last: bool = False,
    ) -> None:
        self.name, self.call, self.shapes, self.parameters = name, call, shapes, parameters
        self.fields = fields or {}
        self.without = without
        """Inputs that have no gradient."""
        self.last = last
        """Whether the inputs' channels come last in memory."""

    def __repr__(self) -> str:
        return f"{self.name} {self.shapes} {self.parameters} {self.fields}{' last' if self.last else ''}"

    def with_channels_last(self) -> Row:
        return Row(self.name, self.call, *self.shapes, parameters=self.parameters, fields=self.fields, last=True)


def recurrent(cell: str, x: Any, *weights: Any) -> Any:
    """All states of one layer of a width of 4, without the last ones."""
    state = x.new_zeros(1, x.shape[0], 4)
    call = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}[cell]
    given = (state, x.new_zeros(1, x.shape[0], 4)) if cell == "lstm" else state
    return call(x, given, weights, True, 1, 0.0, True, False, True)[0]


ROWS_OF_TABLE = [
    Row("activation", F.relu, MAP, fields={"saves": "output", "function": "relu"}),
    Row("activation", torch.sigmoid, MAP, fields={"saves": "output"}),
    Row("activation", torch.tanh, MAP, fields={"saves": "output"}),
    Row("activation", F.gelu, MAP),
    Row("activation", F.silu, MAP),
    Row("activation", F.hardswish, MAP),
    Row("activation", F.hardsigmoid, MAP),
    Row("activation", F.leaky_relu, MAP, fields={"function": "leaky_relu"}),
    Row("activation", F.relu6, MAP),
    *(Row("activation", call, MAP) for call in (F.elu, F.selu, F.hardtanh, F.softplus, F.mish)),
    Row("absolute", torch.abs, MAP),
    Row("largest", lambda x: x.amax(1, keepdim=True), MAP, fields={"axes": (1,)}),
    Row("largest", lambda x: x.amax((2, 3), keepdim=True), MAP, fields={"axes": (2, 3)}),
    Row("add", torch.add, MAP, MAP),
    Row("add", torch.add, MAP, (2, 6, 1, 1)),
    Row("add", torch.add, MAP, parameters=((6, 1, 1),)),
    Row("sub", torch.sub, MAP, (2, 6, 1, 1)),
    Row("maximum", torch.maximum, MAP, MAP),
    Row("maximum", torch.maximum, MAP, (2, 6, 1, 1)),
    Row("absolute", torch.abs, MAP),
    Row("mul", torch.mul, MAP, MAP),
    Row("mul", torch.mul, MAP, (2, 6, 1, 1)),
    Row("mul", torch.mul, MAP, MAP, without=(1,)),
    Row("mul", torch.mul, MAP, parameters=((6, 1, 1),)),
    Row("div", torch.div, MAP, MAP),
    Row("div", torch.div, MAP, (2, 6, 1, 1)),
    Row("div", torch.div, MAP, MAP, without=(1,)),
    Row("scale", lambda x: x * 3.0, MAP),
    Row("scale", lambda x: x / 3.0, MAP),
    Row("scale", torch.neg, MAP),
    Row("shift", lambda x: x + 3.0, MAP, fields={"by": 3.0}),
    Row("exp", torch.exp, MAP),
    Row("power", lambda x: x.pow(0.75), MAP),
    Row("power", torch.square, MAP),
    Row("at_least", lambda x: x.clamp_min(0.1), MAP, fields={"by": 0.1}),
    Row("at_most", lambda x: x.clamp_max(0.9), MAP, fields={"by": 0.9}),
    Row("sum", lambda x: x.sum(1, keepdim=True), ROWS, fields={"axis": 1}),
    Row("sum", lambda x: x.sum(-1), ROWS, fields={"axis": 2, "keep": False}),
    Row("mean", lambda x: x.mean((2, 3), keepdim=True), MAP, fields={"axes": (2, 3)}),
    Row("length", lambda x: torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True), MAP, fields={"axes": (2, 3)}),
    Row("mul_add", lambda x, a, b: torch.addcmul(a, b, x), MAP, parameters=((6, 1, 1), (6, 1, 1))),
    Row("prelu", F.prelu, MAP, parameters=((6,),)),
    Row("softmax", lambda x: x.softmax(-1), HEADS),
    Row("dropout", lambda x: F.dropout(x, 0.5), MAP, fields={"p": 0.5}),
    Row("reshape", lambda x: x.reshape(2, 48, 10), MAP, fields={"shape": (2, 48, 10)}),
    Row("permute", lambda x: x.permute(0, 2, 1), ROWS, fields={"axes": (0, 2, 1)}),
    Row("slice", lambda x: x[:, :3], ROWS, fields={"axis": 1, "count": 3}),
    Row("slice", lambda x: x[:, :5], ROWS, fields={"axis": 1, "count": 5}),
    Row("slice", lambda x: x[..., ::2], ROWS, fields={"axis": 2, "count": 3, "step": 2}),
    Row("select", lambda x: x[:, 0], ROWS, fields={"axis": 1}),
    Row("concat", lambda x, y: torch.cat((x, y), 1), MAP, (2, 3, 8, 10), fields={"axis": 1}),
    Row("stack", lambda x, y: torch.stack((x, y), -1), ROWS, ROWS),
    Row("pad", lambda x: F.pad(x, (1, 2, 0, 1)), MAP, fields={"shape": (2, 6, 9, 13)}),
    Row("pad", lambda x: F.pad(x, (0, 0)), MAP, fields={"shape": MAP}),
    Row("roll", lambda x: x.roll((1, 2), (1, 2)), MAP, fields={"shifts": (1, 2), "axes": (1, 2)}),
    Row("roll", lambda x: x.roll((8, 1), (2, 3)), MAP, fields={"shifts": (8, 1), "axes": (2, 3)}),
    Row("copy", lambda x: x.contiguous(), MAP),
    Row("flip", lambda x: x.flip(2), MAP, fields={"axes": (2,)}),
    *(
        Row("recurrent", lambda x, *w, cell=cell: recurrent(cell, x, *w), (2, 5, 6),
            parameters=((gates * 4, 6), (gates * 4, 4), (gates * 4,), (gates * 4,)),
            fields={"cell": cell, "hidden": 4, "out": 4, "layers": 1, "both": False, "biases": True})
        for cell, gates in (("lstm", 4), ("gru", 3), ("rnn", 1))
    ),
    Row("stack", lambda x, y: torch.stack((x, y)), ROWS, ROWS, fields={"axis": 0}),
    Row("unfold", lambda x: F.unfold(x, 3, stride=2, padding=1), MAP, fields={"shape": (2, 54, 20)}),
    Row("fold", lambda x: F.fold(x, (8, 10), 3, stride=2, padding=1), (2, 54, 20),
        fields={"shape": MAP, "kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)}),
    Row("fold", lambda x: F.fold(x, (8, 10), 2, stride=2), (2, 24, 20),
        fields={"shape": MAP, "kernel": (2, 2), "stride": (2, 2), "pad": (0, 0)}),
    Row("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), MAP, fields={"shape": (2, 24, 4, 5)}),
    Row("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), (2, 8, 4, 5), fields={"shape": (2, 2, 8, 10)}),
    *(
        Row("interpolate", lambda x, mode=mode: F.interpolate(x, scale_factor=2, mode=mode), MAP,
            fields={"shape": (2, 6, 16, 20), "mode": mode})
        for mode in ("nearest", "bilinear", "bicubic")
    ),
    Row("linear", F.linear, ROWS, parameters=((4, 6), (4,))),
    Row("linear", F.linear, ROWS, parameters=((4, 6),)),
    Row("linear", F.linear, (2, 6), parameters=((4, 6), (4,))),
    Row("linear", lambda x, w, b: F.linear(x.transpose(1, 2), w, b), (2, 6, 5), parameters=((4, 6), (4,))),
    Row("matmul", torch.matmul, HEADS, (2, 3, 4, 7)),
    Row("matmul", torch.matmul, (2, 5, 4), (2, 4, 7)),
    Row("matmul", torch.matmul, HEADS, (2, 3, 4, 7), without=(1,)),
    Row("mask", torch.add, HEADS, HEADS, without=(1,)),
    Row("attention", F.scaled_dot_product_attention, HEADS, (2, 3, 7, 4), (2, 3, 7, 4)),
    Row("attention", F.scaled_dot_product_attention, HEADS, (2, 3, 7, 4), (2, 3, 7, 4), parameters=((3, 5, 7),)),
    Row("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), MAP, parameters=((6,), (6,))),
    Row("batch_norm", lambda x: F.batch_norm(x, None, None, training=True), MAP),
    Row("layer_norm", lambda x, w, b: F.layer_norm(x, (6,), w, b), ROWS, parameters=((6,), (6,))),
    Row("group_norm", lambda x, w, b: F.group_norm(x, 3, w, b), MAP, parameters=((6,), (6,)), fields={"groups": 3}),
    Row("conv", lambda x, w, b: F.conv2d(x, w, b, padding=1), MAP, parameters=((4, 6, 3, 3), (4,)),
        fields={"shape": (2, 4, 8, 10)}),
    Row("conv", lambda x, w: F.conv2d(x, w, groups=6), MAP, parameters=((6, 1, 3, 3),), fields={"shape": (2, 6, 6, 8)}),
    Row("conv", lambda x, w: F.conv_transpose2d(x, w, stride=2), MAP, parameters=((6, 4, 2, 2),),
        fields={"shape": (2, 4, 16, 20)}),
    Row("max_pool", lambda x: F.max_pool2d(x, 2), MAP, fields={"shape": (2, 6, 4, 5), "kernel": (2, 2)}),
    Row("max_pool", lambda x: F.adaptive_max_pool2d(x, 3), MAP, fields={"shape": (2, 6, 3, 3)}),
    Row("avg_pool", lambda x: F.avg_pool2d(x, 2), MAP, fields={"shape": (2, 6, 4, 5)}),
    Row("avg_pool", lambda x: F.adaptive_avg_pool2d(x, 3), MAP, fields={"shape": (2, 6, 3, 3)}),
    Row("conv", lambda x, w, b: F.conv1d(x, w, b, padding=1), SEQUENCE, parameters=((4, 6, 3), (4,)),
        fields={"shape": (2, 4, 20)}),
    Row("conv", lambda x, w: F.conv1d(x, w, groups=6), SEQUENCE, parameters=((6, 1, 3),), fields={"shape": (2, 6, 18)}),
    Row("conv", lambda x, w, b: F.conv3d(x, w, b, padding=1), VIDEO, parameters=((4, 6, 3, 3, 3), (4,)),
        fields={"shape": (2, 4, 4, 8, 10)}),
    Row("conv", lambda x, w: F.conv3d(x, w, groups=6), VIDEO, parameters=((6, 1, 1, 3, 3),),
        fields={"shape": (2, 6, 4, 6, 8)}),
    Row("conv", lambda x, w: F.conv_transpose1d(x, w, stride=2), SEQUENCE, parameters=((6, 4, 2),),
        fields={"shape": (2, 4, 40)}),
    Row("conv", lambda x, w: F.conv_transpose3d(x, w, stride=2), VIDEO, parameters=((6, 4, 2, 2, 2),),
        fields={"shape": (2, 4, 8, 16, 20)}),
    *(
        Row(f"{kind}_pool", lambda x, name=f"{adaptive}{kind}_pool{axes}d", by=by: getattr(F, name)(x, by), shape,
            fields={"shape": left, **({} if adaptive else {"kernel": (2,) * axes})})
        for axes, shape, sizes in ((1, SEQUENCE, {"": (2, 6, 10), "adaptive_": (2, 6, 3)}),
                                   (3, VIDEO, {"": (2, 6, 2, 4, 5), "adaptive_": (2, 6, 3, 3, 3)}))
        for kind in ("max", "avg")
        for (adaptive, left), by in zip(sizes.items(), (2, 3), strict=True)
    ),
    *(
        Row("interpolate", lambda x, mode=mode: F.interpolate(x, scale_factor=2, mode=mode), shape,
            fields={"shape": (*shape[:2], *(2 * size for size in shape[2:])), "mode": mode})
        for mode, shape in (("nearest", SEQUENCE), ("linear", SEQUENCE), ("nearest", VIDEO), ("trilinear", VIDEO))
    ),
    *(
        Row("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), shape,
            parameters=((6,), (6,)))
        for shape in (SEQUENCE, VIDEO)
    ),
    *(
        Row("group_norm", lambda x, w, b: F.group_norm(x, 3, w, b), shape, parameters=((6,), (6,)),
            fields={"groups": 3})
        for shape in (SEQUENCE, VIDEO)
    ),
    *(
        Row("pad", lambda x: F.pad(x, (1, 2)), shape, fields={"shape": (*shape[:-1], shape[-1] + 3)})
        for shape in (SEQUENCE, VIDEO)
    ),
    *(
        Row("concat", lambda x, y: torch.cat((x, y), 1), shape, shape, fields={"axis": 1})
        for shape in (SEQUENCE, VIDEO)
    ),
    Row("windows", lambda x: x.unfold(2, 3, 2), SEQUENCE, fields={"axis": 2, "kernel": 3, "stride": 2}),
    Row("windows", lambda x: x.unfold(3, 3, 2), VIDEO, fields={"axis": 3, "kernel": 3, "stride": 2}),
    Row("mean", lambda x: x.mean((2, 3, 4), keepdim=True), VIDEO, fields={"axes": (2, 3, 4)}),
    Row("prelu", F.prelu, VIDEO, parameters=((6,),)),
]  # fmt: skip

SLIDING = (
    "roll",
    "activation",
    "conv",
    "max_pool",
    "avg_pool",
    "interpolate",
    "batch_norm",
    "group_norm",
    "pad",
    "concat",
)
ROWS_OF_TABLE += [
    row.with_channels_last() for row in ROWS_OF_TABLE if row.name in SLIDING and row.shapes[0] in (MAP, SEQUENCE, VIDEO)
]

ELSEWHERE = {
    "adaptive_mean": "mean, or avg_pool to more than one element",
    "at_random": "of nothing: test_memory_torch.py, drop_path",
    "each_normalized": "instance_norm, whose factors are repeated: test_memory_torch.py",
    "local_response_norm": "composed of others: test_memory_torch.py",
    "rectified": "prelu",
    "cast": "nothing is cast where all is fp32: test_autocast_torch.py",
    "fused_attention": "attention",
    "rms_norm": "composed of others: rmsnorm in test_memory_torch.py",
    "add_in_place": "in place unless watched: test_memory_torch.py, attention with biases",
    "expand": "a view, of parameters only: test_memory_torch.py, class_token",
    "spread": "a view, of parameters and constants: test_memory_torch.py, learned and constant",
    "plus": "shift",
    "unbind": "attention's queries, keys and values: test_memory_torch.py",
    "repeat": "instancenorm, and attention of fewer heads of keys: test_memory_torch.py",
    "gather": "conv's connections, tables of positions: test_memory_torch.py",
    "numbers": "no operator of its own: numbers that are made on the way",
    "made": "no operator of its own: a tensor that is made on the way",
    "overwrite": "relative_attention: test_memory_torch.py",
    "embedding": "embedding: test_memory_torch.py",
    "sample": "roi_align, grid_sample: test_memory_torch.py",
    "deform_conv": "test_memory_torch.py",
    "deform_columns": "deform_conv; what is alive in it: test_operators.py",
    "weighted_sum": "composed of others: deformable_attention in test_memory_torch.py",
    "inverse_root": "of fp32 in every dtype: rmsnorm in test_memory_torch.py",
    "instance_norm": "with factors for each image: instancenorm in test_memory_torch.py",
    "lookup": "an einsum with zeros and ones: maxvit-t in test_memory_torch.py",
    "rows_by": "linear",
    "rows_onto": "gru in test_memory_torch.py",
    "chunk": "gru in test_memory_torch.py",
    "add_to": "gru in test_memory_torch.py",
    "mul_by": "gru in test_memory_torch.py",
    "fused_lstm": "recurrent",
    "scan": "a kernel: selective_scan in test_memory_torch.py",
    "product": "matmul",
    "rearrange": "composed of others: test_rearrange_torch.py",
    **dict.fromkeys(("top_k", "order", "whole", "take_along", "split"), "experts: test_experts_torch.py"),
}


def test_every_operator_has_a_row_or_is_measured_elsewhere():
    Paper(Plan().element)
    assert {row.name for row in ROWS_OF_TABLE} | set(ELSEWHERE) == set(OPERATORS)
    assert not {row.name for row in ROWS_OF_TABLE} & set(ELSEWHERE)


def on_paper(row: Row, training: bool) -> tuple[Paper, list[Value], Value]:
    paper = Paper(Plan(device="cpu").checked().element, 2, training, watched=True)
    inputs = [paper.new(shape, strides=channels_last(shape) if row.last else None) for shape in row.shapes]
    for number, value in enumerate(inputs):
        value.source = Leaf() if training and number not in row.without else None
    paper.moments.clear()
    parameters = [paper.parameter(*shape) for shape in row.parameters]
    given: list[Value] = list(inputs)
    if row.name == "mul_add":
        given, parameters = [*parameters, *inputs], []
    if row.name == "linear" and len(row.shapes[0]) == 3 and row.shapes[0][2] != row.parameters[0][1]:
        given = [paper.permute(inputs[0], (0, 2, 1))]
    made = getattr(paper, row.name)(*given, *parameters, **row.fields)
    return paper, inputs, made


def laid(shape: tuple[int, ...], last: bool) -> Any:
    """A tensor, its channels last in memory if so."""
    if not last:
        return torch.rand(shape)
    return torch.rand(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


def assert_lies_as(ours: Value, theirs: Any) -> None:
    strides = zip(ours.shape, ours.strides, theirs.stride(), strict=True)
    assert all(mine == other for size, mine, other in strides if size > 1)


class Holder(torch.nn.Module):
    def __init__(self, row: Row) -> None:
        super().__init__()
        self.given = torch.nn.ParameterList([torch.nn.Parameter(torch.rand(shape)) for shape in row.parameters])


@pytest.mark.parametrize("row", ROWS_OF_TABLE, ids=repr)
def test_an_operator_is_torchs(row: Row):
    module = Holder(row)
    inputs = [laid(shape, row.last).requires_grad_(n not in row.without) for n, shape in enumerate(row.shapes)]
    with Saved(own(module)) as saved:
        result = row.call(*inputs, *module.given)
    paper, given, made = on_paper(row, training=True)
    assert sum(fixed + 2 * each for _, fixed, each in paper.saved) == saved.bytes
    assert made.shape == tuple(result.shape)
    assert_lies_as(made, result)
    assert [x.storage.saved for x in given] == [x.untyped_storage()._cdata in saved.storages for x in inputs]
    del result, saved

    with torch.no_grad(), Live(own(module), *inputs) as live:
        result = row.call(*inputs, *module.given)
    paper, given, made = on_paper(row, training=False)
    paper.mark()
    if row.name not in ("dropout", "batch_norm"):  # those make more in training only
        assert most(paper) == max(live.peak, live.now)
    del result, given, made

    with Live(own(module), *inputs) as live:
        total = (row.call(*inputs, *module.given) * 1.0).sum()
        live.peak = 0
        gradients = torch.autograd.grad(total, [x for x in (*inputs, *module.given) if x.requires_grad])
    paper, inputs_on_paper, made = on_paper(row, training=True)
    seeds = [(made, paper.new(made.shape))]
    del made
    paper.moments.clear()
    paper.backward(seeds)
    paper.mark()
    scalars = 12  # the loss takes 8 bytes, a number among an operator's tensors 4
    assert abs(live.peak - most(paper)) <= scalars
    ours = [x.source.gradient for n, x in enumerate(inputs_on_paper) if n not in row.without]
    for mine, other in zip(ours, gradients, strict=False):
        assert_lies_as(mine, other)
    del inputs_on_paper
