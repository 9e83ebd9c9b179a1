"""Memory under torch.autocast, beside torch on the CPU: weights cast once, activations cast as operators read them."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Live, Saved, own
from test_memory_torch import MODELS, made, outputs, run

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, INFERENCE, TRAINING, Plan
from vcalc.graph import INPUT, Graph
from vcalc.layers import KINDS
from vcalc.operators.autocast import AUTOCAST
from vcalc.operators.paper import OPERATORS, Paper, Value
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand

HEAVY = ("alexnet", "zfnet", "vgg11-bn")
"""Whose weights take longer to be made than the rest of them all."""
PLAN = Plan(TRAINING, dtype="bfloat16", autocast=True, device="cpu").checked()


def autocast() -> Any:
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture(
    scope="module", params=[(name, images) for name in MODELS if name not in HEAVY for images in (1, 2)], ids=str
)
def case(request: Any) -> tuple[Network, Any, Any]:
    name, images = request.param
    network = expand(*load(name), MODELS[name])
    if images == 1 and any(
        node.kind == "batchnorm" and node.output[1:] in ((1, 1), ()) for node in network.graph.nodes
    ):
        images = 3  # one value a channel has no variance
    return network, made(network), torch.randn(images, *network.graph.input)


def moments(network: Network, image: Any, plan: Plan) -> Run:
    return Run(network.graph, plan._replace(single=len(image) == 1), watched=True)


def peak(run: Run, phase: str, images: int) -> int:
    return max(moment.size.at(images) for moment in run.moments if moment.phase == phase)


def test_saved_bytes_are_torchs(case: tuple[Network, Any, Any]):
    """Copies of weights among them, where backward reads them."""
    network, module, image = case
    with Saved(own(module)) as saved, autocast():
        result = module.train()(image)
    assert sum(size.at(len(image)) for size in moments(network, image, PLAN).saved_by) == saved.bytes
    del result


def test_the_peaks_of_training_are_torchs(case: tuple[Network, Any, Any]):
    """The backward pass runs after autocast has ended. The loss is two numbers of the output's type."""
    network, module, image = case
    ours = moments(network, image, PLAN)
    module.train().zero_grad()
    with Live(own(module), image) as live:
        with autocast():
            values = run(network, module, {INPUT: image})
        forward, live.peak = live.peak, 0
        loss = sum((tensor * 1.0).sum() for tensor in outputs(values))
        loss.backward()
    module.zero_grad()
    assert peak(ours, FORWARD, len(image)) == forward
    assert peak(ours, BACKWARD, len(image)) == live.peak - 2 * loss.element_size()


def test_the_peak_of_inference_is_torchs(case: tuple[Network, Any, Any]):
    """Copies of all weights stay until autocast ends."""
    network, module, image = case
    with torch.no_grad(), Live(own(module), image) as live, autocast():
        run(network, module.eval(), {INPUT: image})
    assert peak(moments(network, image, PLAN._replace(mode=INFERENCE)), FORWARD, len(image)) == live.peak


def test_a_weight_is_cast_once():
    """Two layers that share a convolution of 148 parameters: 296 bytes in 16 bits, and both read one copy."""
    graph, layer = Graph((4, 8, 8)), KINDS["conv"](out=4, kernel=3, pad=1)
    for number in range(2):
        graph.add(layer, (number - 1,), f"conv{number}", 0 if number else None)
    convolution, image = torch.nn.Conv2d(4, 4, 3, padding=1), torch.randn(2, 4, 8, 8)
    with torch.no_grad(), Live(own(convolution), image) as live, autocast():
        convolution(convolution(image))
    ours = Run(graph, PLAN._replace(mode=INFERENCE), watched=True)
    assert (
        peak(ours, FORWARD, 2) == live.peak == 2 * 1024 + 296 + 2 * 1024
    )  # the image, its copy, what the first puts out


KERNELS = {
    "attention": "scaled_dot_product_attention",
    "avg_pool3d": "avg_pool3d",
    "concat": "cat",
    "conv": "conv2d",
    "exp": "exp",
    "group_norm": "group_norm",
    "interpolate": "upsample_bilinear2d",
    "inverse_root": "rsqrt",
    "layer_norm": "layer_norm",
    "length": "linalg_vector_norm",
    "linear": "linear",
    "matmul": "matmul",
    "max_pool3d": "max_pool3d",
    "mul_add": "addcmul",
    "power": "pow.Tensor_Scalar",
    "prelu": "prelu",
    "rms_norm": "rms_norm",
    "sample": "grid_sampler",
    "softmax": "softmax.int",
    "stack": "stack",
    "sum": "sum.dim_IntList",
}
"""What our operators are in torch; those that autocast has no rule for on any device stand below."""
FREE = {
    "activation": "gelu",
    "add": "add.Tensor",
    "at_least": "clamp_min",
    "avg_pool": "avg_pool2d",
    "batch_norm": "batch_norm",
    "div": "div.Tensor",
    "dropout": "dropout",
    "embedding": "embedding",
    "instance_norm": "instance_norm",
    "max_pool": "max_pool2d",
    "mean": "mean.dim",
    "mul": "mul.Tensor",
    "pad": "constant_pad_nd",
    "sub": "sub.Tensor",
    "unfold": "im2col",
}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_autocast_has_rules_for_the_operators_that_torch_registers(device: str):
    """Torch knows the kernels of both devices, whichever it was built for."""
    Paper(PLAN.element)
    key = {"cpu": "AutocastCPU", "cuda": "AutocastCUDA"}[device]
    registered = {
        ours
        for ours, theirs in {**KERNELS, **FREE}.items()
        if torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::{theirs}", key)
    }
    for (where, _), rules in AUTOCAST.items():
        assert where != device or rules.low | rules.wide | rules.into | rules.widest == registered
    assert {name.removesuffix("3d") for name in KERNELS} | set(FREE) <= set(OPERATORS)


CALLS: dict[str, tuple[Any, Any]] = {
    "linear": (lambda x: torch.nn.functional.linear(x, x), lambda ops, x: ops.linear(x, x)),
    "matmul": (lambda x: x @ x, lambda ops, x: ops.matmul(x, x)),
    "softmax": (lambda x: x.softmax(-1), lambda ops, x: ops.softmax(x)),
    "layer_norm": (lambda x: torch.nn.functional.layer_norm(x, (4,)), lambda ops, x: ops.layer_norm(x)),
    "rms_norm": (lambda x: torch.nn.functional.rms_norm(x, (4,)), lambda ops, x: ops.rms_norm(x)),
    "gelu": (torch.nn.functional.gelu, lambda ops, x: ops.activation(x)),
    "exp": (torch.exp, lambda ops, x: ops.exp(x)),
    "sum": (lambda x: x.sum(-1, keepdim=True), lambda ops, x: ops.sum(x, axis=1)),
    "concat": (lambda x: torch.cat((x, x.float())), lambda ops, x: ops.concat(x, _wide(ops, x), axis=0)),
    "add": (lambda x: x + x.float(), lambda ops, x: ops.add(x, _wide(ops, x))),
}


def _wide(ops: Paper, x: Value) -> Value:
    return ops.like(x, type="activation")


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_an_operator_makes_the_type_that_torch_makes(name: str, low: bool):
    theirs, ours = CALLS[name]
    x = torch.randn(4, 4, dtype=torch.bfloat16 if low else torch.float32)
    with autocast():
        made = theirs(x)
    paper = Paper(PLAN.element, rules=PLAN.rules)
    found = ours(paper, paper.new((4, 4), type="low" if low else "activation"))
    assert PLAN.element(found.type) == made.element_size()
