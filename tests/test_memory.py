"""The memory model without torch: small graphs worked out by hand, and what has to hold for every network."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_layers import CASES
from zoo import of_each_file, one_in

from vcalc import symbols
from vcalc.analyses.fold_norms import fold_norms
from vcalc.analyses.liveness import Run
from vcalc.analyses.memory import Memory, upper
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, INFERENCE, TRAINING, UPDATE, Plan, Size
from vcalc.errors import VcalcError
from vcalc.graph import Graph
from vcalc.layers import KINDS
from vcalc.spec.find import load
from vcalc.spec.network import expand

BARE = Plan(TRAINING, optimizer="sgd")


def graph(input: tuple[int, ...], *layers: tuple[Any, ...]) -> Graph:
    """Layers (kind, fields[, inputs[, path]]), each on the one before it unless it names its inputs."""
    made = Graph(input)
    for index, (kind, fields, *rest) in enumerate(layers):
        inputs = rest[0] if rest else (index - 1,)
        made.add(KINDS[kind](**fields), inputs, rest[1] if len(rest) > 1 else f"{kind}{index}")
    return made


def peak(memory: Memory, phase: str = "", batch: int = 1) -> tuple[int, str]:
    """Bytes beside what is held, and where."""
    moment = memory.peak(batch, phase)
    return moment.size.at(batch) - memory.held.always, moment.path


CONV = {"out": 4, "kernel": 3, "pad": 1}
CHAIN = graph(
    (3, 8, 8),
    ("conv", CONV),
    ("relu", {}),
    ("maxpool", {"kernel": 2, "stride": 2}),
    ("flatten", {}),
    ("linear", {"out": 10}),
)
"""Input 768 bytes; convolution and ReLU 1024; pool 256 with indices 512; logits 40; parameters 112 and 650."""


def test_a_chain_at_inference():
    memory = Memory(CHAIN, Plan())
    assert memory.held.weights == (112 + 650) * 4
    assert memory.input == Size(0, 768)
    assert peak(memory) == (768 + 1024 + 1024, "relu1")


def test_a_chain_at_inference_in_place():
    """The ReLU overwrites the convolution's output; the pool reads 1024, writes 256 and makes 512 of indices."""
    assert peak(Memory(CHAIN, Plan(in_place=True))) == (768 + 1024 + 256 + 512, "maxpool2")


def test_a_chain_in_training():
    """Saved: the input, the ReLU's output (which the pool saves, too), the indices, and what the linear layer reads."""
    memory = Memory(CHAIN, BARE)
    saved = 768 + 1024 + 512 + 256
    assert memory.saved == Size(0, saved)
    assert [size.per_image for size in memory.saved_by] == [768, 1024, 512, 0, 256]
    assert peak(memory, FORWARD) == (768 + 1024 + 1024, "relu1")
    at_relu = 768 + 1024 + 40 + 4 * 650 + 1024 + 1024  # input, ReLU, logits, gradients: linear, ReLU, convolution
    assert peak(memory, BACKWARD) == (at_relu, "relu1")


def test_the_batch_multiplies_activations_and_not_parameters():
    memory = Memory(CHAIN, BARE)
    assert peak(memory, BACKWARD, 3) == (3 * (768 + 1024 + 40 + 1024 + 1024) + 4 * 650, "relu1")


RESIDUAL = graph((4, 8, 8), ("conv", CONV), ("conv", CONV), ("relu", {}), ("add", {}, (2, 0)), ("relu", {}))
"""Every tensor takes 1024 bytes; a convolution has 148 parameters."""


def test_a_residual_keeps_the_shortcut_alive():
    assert peak(Memory(RESIDUAL, Plan())) == (4 * 1024, "relu2")
    assert [moment.size.per_image // 1024 for moment in Memory(RESIDUAL, Plan()).moments] == [2, 3, 4, 4, 3]


def test_a_shortcut_is_not_overwritten():
    """relu2 may run in place, for nobody else reads the second convolution; on the shortcut it may not."""
    assert [moment.size.per_image // 1024 for moment in Memory(RESIDUAL, Plan(in_place=True)).moments] == [
        2,
        3,
        3,
        4,
        2,
    ]
    twice = graph((4, 8, 8), ("conv", CONV), ("relu", {}, (0,)), ("add", {}, (0, 1)))
    assert [moment.size.per_image // 1024 for moment in Memory(twice, Plan(in_place=True)).moments] == [2, 3, 4]


def test_the_callers_input_is_not_overwritten():
    assert peak(Memory(graph((4, 8, 8), ("relu", {})), Plan(in_place=True))) == (2 * 1024, "relu0")


def test_what_backward_reads_is_not_overwritten():
    """A sigmoid keeps its output, so that the ReLU after it makes a new tensor; a convolution does not keep its own."""
    kept = Memory(graph((4, 8, 8), ("conv", CONV), ("sigmoid", {}), ("relu", {})), BARE._replace(in_place=True))
    assert kept.saved == Size(0, 3 * 1024)
    free = Memory(graph((4, 8, 8), ("conv", CONV), ("relu", {}), ("conv", CONV)), BARE._replace(in_place=True))
    assert free.saved == Size(0, 2 * 1024)


def test_in_place_what_backward_needs_is_copied():
    """SiLU's gradient needs its input, of which torch makes a copy before it overwrites it; ReLU's needs the output."""
    forward = {}
    for kind in ("silu", "relu"):
        memory = Memory(graph((4, 8, 8), ("conv", CONV), (kind, {})), BARE._replace(in_place=True))
        assert memory.saved == Size(0, 2 * 1024)
        forward[kind] = memory.peak(1, FORWARD).size.per_image
    assert forward == {"silu": 3 * 1024, "relu": 2 * 1024}


def test_a_norm_folded_into_the_convolution_before_it():
    """Left are 9*3*4 + 4 and 9*4*4 + 4 parameters; the second norm stays, for the shortcut reads its input, too."""
    bare = {**CONV, "bias": False}
    layers = [("conv", bare), ("batchnorm", {}), ("relu", {}), ("conv", bare), ("batchnorm", {}), ("add", {}, (4, 3))]
    network = graph((3, 8, 8), *layers)
    whole, folded = Memory(network, Plan()), Memory(fold_norms(network), Plan())
    assert whole.held.weights == 4 * (9 * 3 * 4 + 9 * 4 * 4 + 16)
    assert folded.graph.folded == [("batchnorm1", "conv0")]
    assert folded.held.weights == 4 * (9 * 3 * 4 + 4 + 9 * 4 * 4 + 8)
    assert (whole.held.buffers, folded.held.buffers) == (2 * 40, 40)
    assert [node.path for node in folded.graph.nodes] == ["conv0", "relu2", "conv3", "batchnorm4", "add5"]
    assert [len(network.nodes), network.nodes[0].layer.values()["bias"]] == [6, False]


@pytest.mark.parametrize(
    "layers",
    [
        [("batchnorm", {}), ("conv", CONV)],
        [("conv", CONV), ("relu", {}), ("batchnorm", {})],
        [("conv", {**CONV, "standardized": True}), ("batchnorm", {})],
        [("conv", {**CONV, "connections": [[0], [1], [2], [0, 1, 2]]}), ("batchnorm", {})],
    ],
)
def test_a_norm_that_is_no_part_of_a_convolution(layers: list[Any]):
    network = graph((3, 8, 8), *layers)
    assert fold_norms(network).folded == []
    assert Memory(fold_norms(network), Plan()).moments == Memory(network, Plan()).moments


def test_a_shared_convolution_takes_up_no_norm():
    """One convolution, two norms: its weights cannot be scaled by both."""
    network, layer = Graph((4, 8, 8)), KINDS["conv"](**CONV)
    network.add(layer, (-1,), "first")
    network.add(KINDS["batchnorm"](), (0,), "norm1")
    network.add(layer, (1,), "second", 0)
    network.add(KINDS["batchnorm"](), (2,), "norm2")
    assert fold_norms(network).folded == []


def test_a_part_keeps_the_whole_alive():
    """Windows of 4x4 on 7x9 pad it to 8x12, of which the output is a part."""
    windows = graph((6, 7, 9), ("window_attention", {"heads": 2, "window": 4}), ("relu", {}))
    assert Memory(windows, Plan()).moments[-1].size.per_image == 4 * 6 * (7 * 9 + 8 * 12 + 7 * 9)


def test_lines_that_meet_in_one_point():
    """10, 5 + B and 2 B meet at 5, where the middle one is never above both others."""
    assert upper([Size(10, 0), Size(5, 1), Size(0, 2)]) == [Size(10, 0), Size(0, 2)]


def test_a_residual_in_training():
    """The input, what the second convolution reads, and both ReLUs; the sum needs nothing."""
    assert Memory(RESIDUAL, BARE).saved == Size(0, 4 * 1024)
    assert [size.per_image for size in Memory(RESIDUAL, BARE).saved_by] == [1024, 1024, 1024, 0, 1024]


def test_gradients_of_a_residual():
    """At relu2 both branches hold one gradient, to which another is added. Saved 4 and the output is saved, too."""
    moments = [moment for moment in Memory(RESIDUAL, BARE).moments if moment.phase == BACKWARD]
    at = {moment.path: moment.size.per_image // 1024 for moment in moments}
    # relu4: 4 saved, its output among them, and 2 gradients. add3: 1 gradient, which is that of both branches.
    # relu2: that and the one made. conv1: relu2's output is free; 3 gradients. conv0: input, output, their sum.
    assert at == {"relu4": 6, "add3": 5, "relu2": 6, "conv1": 6, "conv0": 3}


def test_a_branch_that_needs_no_gradient_saves_nothing():
    """Before the first trained layer nothing is saved."""
    plain = graph((3, 8, 8), ("relu", {}), ("maxpool", {"kernel": 2, "stride": 1}), ("conv", CONV))
    assert [size.per_image for size in Memory(plain, BARE).saved_by] == [0, 0, 3 * 7 * 7 * 4]


def test_a_product_saves_what_the_gradients_of_the_others_need():
    """Input times a gate of it: the gate's gradient needs the input, and no gradient needs the gate but its own."""
    gated = graph((4, 8, 8), ("conv", CONV), ("gelu", {}), ("multiply", {}, (-1, 1)))
    assert [size.per_image for size in Memory(gated, BARE).saved_by] == [1024, 1024, 0]
    own = graph((4, 8, 8), ("conv", CONV), ("gelu", {}), ("multiply", {}, (0, 1)))
    assert [size.per_image for size in Memory(own, BARE).saved_by] == [1024, 1024, 1024]


def test_words_are_numbers_of_64_bits():
    words = graph((7,), ("embedding", {"vocabulary": 30, "out": 6}))
    memory = Memory(words, BARE._replace(dtype="bf16"))
    assert memory.input == memory.saved == Size(0, 7 * 8)
    assert memory.held.weights == 30 * 6 * 2


def test_a_network_without_parameters():
    """Nothing is saved and backward holds no more than the input and the output."""
    memory = Memory(graph((4, 8, 8), ("relu", {})), Plan(TRAINING))
    assert memory.saved == Size(0, 0)
    assert peak(memory, BACKWARD) == peak(memory, UPDATE) == (2 * 1024, "")


def test_a_long_chain_in_place_takes_no_long_time():
    chain = Memory(graph((4, 8, 8), ("conv", CONV), *[("relu", {})] * 20_000), Plan(in_place=True))
    assert peak(chain) == (2 * 1024, "conv0")


def test_views_share_their_storage():
    """One token read out of five keeps all five alive; the linear layer saves the token, so all of it stays."""
    tokens = graph((5, 6), ("layernorm", {}), ("take_token", {}), ("linear", {"out": 2}))
    memory = Memory(tokens, BARE)
    assert memory.saved == Size(0, 5 * 6 * 4 + 2 * 5 * 4 + 5 * 6 * 4)
    assert peak(Memory(tokens, Plan())) == (5 * 6 * 4 * 2 + 2 * 5 * 4, "layernorm0")


def test_batch_norm_saves_statistics_once_for_the_whole_batch():
    memory = Memory(graph((6, 8, 8), ("batchnorm", {})), BARE)
    assert memory.saved == Size(2 * 6 * 4, 6 * 8 * 8 * 4)
    assert memory.held.buffers == (6 + 6) * 4 + 8
    assert memory.held.weights == 12 * 4


def test_statistics_stay_fp32_where_activations_are_not():
    memory = Memory(graph((6, 8, 8), ("batchnorm", {})), BARE._replace(dtype="bf16"))
    assert memory.saved == Size(2 * 6 * 4, 6 * 8 * 8 * 2)
    assert Memory(graph((5, 6), ("layernorm", {})), BARE._replace(dtype="bf16")).saved == Size(0, 5 * 6 * 2 + 2 * 5 * 4)


@pytest.mark.parametrize(("device", "each"), [("cuda", 1), ("cpu", 4)])
def test_a_dropout_keeps_its_mask(device: str, each: int):
    dropped = graph((6,), ("linear", {"out": 8}), ("dropout", {"p": 0.5}), ("linear", {"out": 8}))
    memory = Memory(dropped, BARE._replace(device=device))
    assert memory.saved == Size(0, 6 * 4 + 8 * each + 8 * 4)
    assert peak(Memory(dropped, Plan()))[0] == 6 * 4 + 2 * 8 * 4


def test_fused_attention_saves_no_scores():
    """q, k, v, the weighted values and one fp32 number for each head and token, beside the input."""
    memory = Memory(graph((196, 768), ("attention", {"heads": 12})), BARE)
    assert memory.saved == Size(0, 196 * 768 * 4 * (1 + 3 + 1) + 12 * 196 * 4)


def test_window_attention_saves_its_scores():
    """Swin's first block: windows, q, k, v and values of 96x56x56, and the softmax of 3 heads in 64 windows of 49."""
    memory = Memory(graph((96, 56, 56), ("window_attention", {"heads": 3, "window": 7})), BARE)
    assert memory.saved == Size(0, 4 * (5 * 96 * 56 * 56 + 3 * 64 * 49 * 49))


BYTES_A_PARAMETER = {
    ("sgd", "float32", False): (4, 4, 0, 0),
    ("momentum", "float32", False): (4, 4, 0, 4),
    ("adam", "float32", False): (4, 4, 0, 8),
    ("adamw", "bfloat16", False): (2, 2, 0, 4),
    ("sgd", "float16", True): (2, 2, 4, 0),
    ("momentum", "bfloat16", True): (2, 2, 4, 4),
    ("adamw", "bfloat16", True): (2, 2, 4, 8),
}
"""Weights, gradients, fp32 weights, state. The last adds up to 16: Rajbhandari et al. 2020 (ZeRO), section 3.1."""


@pytest.mark.parametrize(("optimizer", "dtype", "mixed"), BYTES_A_PARAMETER)
def test_bytes_a_parameter(optimizer: str, dtype: str, mixed: bool):
    held = Memory(CHAIN, Plan(TRAINING, dtype, optimizer, mixed)).held
    each = (held.weights, held.gradients, held.master, held.state)
    assert each == tuple(762 * bytes_ for bytes_ in BYTES_A_PARAMETER[optimizer, dtype, mixed])


def test_the_update_of_adam_makes_a_copy():
    memory = Memory(CHAIN, Plan(TRAINING))
    update = memory.peak(1, UPDATE).size
    assert update == Size(762 * 4 * (1 + 1 + 2 + 1), 768 + 40)
    assert Memory(CHAIN, BARE).peak(1, UPDATE).size == Size(762 * 4 * 2, 768 + 40)


def test_frozen_parameters_have_no_gradient_and_no_state():
    frozen = graph((5, 6), ("linear", {"out": 6}), ("position_embedding", {"fixed": True}))
    held = Memory(frozen, Plan(TRAINING)).held
    assert (held.weights, held.gradients, held.state) == ((42 + 30) * 4, 42 * 4, 2 * 42 * 4)


BLOCKS = graph(
    (4, 8, 8),
    ("conv", CONV, (-1,), "stem"),
    *(
        (kind, fields, (index,), f"block{1 + index // 4}/{kind}{index}")
        for index, (kind, fields) in enumerate([("conv", CONV), ("relu", {}), ("conv", CONV), ("relu", {})] * 2)
    ),
    ("conv", CONV, (8,), "head"),
)
"""Every tensor takes 1024 bytes; a convolution has 148 parameters."""


def test_checkpoints_save_what_enters_a_group():
    """Without: the input and what each convolution reads, which are the ReLUs' outputs. With: what enters them."""
    assert Memory(BLOCKS, BARE).saved == Size(0, 6 * 1024)
    memory = Memory(BLOCKS, BARE._replace(checkpoint=1))
    assert memory.saved == Size(0, 4 * 1024)
    assert [size.per_image // 1024 for size in memory.saved_by] == [1, 1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_checkpoints_run_one_group_at_a_time():
    """At the last ReLU of the last group are alive: the input and both groups' entries, the group's two ReLUs run
    again, the network's output, and two gradients. Without checkpoints: six saved, the output, and two gradients."""
    memory, plain = Memory(BLOCKS, BARE._replace(checkpoint=1)), Memory(BLOCKS, BARE)
    assert memory.peak(1000, BACKWARD).path == "block2/relu7"
    assert memory.peak(1000, BACKWARD).size.per_image == 1024 * (3 + 2 + 1 + 2)
    assert plain.peak(1000, BACKWARD).size.per_image == 1024 * (6 + 1 + 2)
    assert memory.peak(1000, FORWARD).size.per_image < plain.peak(1000, FORWARD).size.per_image


def test_a_depth_below_all_layers_checkpoints_nothing():
    assert Memory(BLOCKS, BARE._replace(checkpoint=5)).moments == Memory(BLOCKS, BARE).moments


# Batches


@settings(max_examples=40)
@given(st.lists(st.builds(Size, st.integers(0, 50), st.integers(0, 8)), min_size=1, max_size=12))
def test_the_upper_lines_are_the_largest_everywhere(sizes: list[Size]):
    lines = upper(sizes)
    for batch in range(1, 70):
        assert max(line.at(batch) for line in lines) == max(size.at(batch) for size in sizes)
    for line in lines:
        others = [other for other in lines if other != line]
        assert (
            any(
                line.at(batch / 840) > max((other.at(batch / 840) for other in others), default=-1)
                for batch in range(840, 60_000)
            )
            or not others
        )


@pytest.mark.parametrize("model", ["resnet18", "swin-t", "lenet5"])
@pytest.mark.parametrize("mode", [INFERENCE, TRAINING])
def test_the_largest_batch_fits_and_the_next_does_not(model: str, mode: str):
    memory = Memory(expand(*load(model), {}).graph, Plan(mode))
    for capacity in (10**6, 300 * 10**6, 24 * 2**30, 80 * 2**30):
        batch = memory.largest_batch(capacity)
        assert batch is not None
        assert memory.peak(batch + 1).size.at(batch + 1) > capacity
        assert batch == 0 or memory.peak(batch).size.at(batch) <= capacity


@pytest.mark.parametrize("model", ["resnet50", "vit-ti-16"])
@pytest.mark.parametrize("mode", [INFERENCE, TRAINING])
def test_the_formula_in_the_batch_bound_is_the_number(model: str, mode: str):
    memory = Memory(expand(*load(model), {}).graph, Plan(mode))
    formula = memory.peak_formula(symbols.symbol("B"))
    for batch in (1, 2, 3, 7, 1000):
        assert symbols.evaluate(formula, {"B": batch}) == memory.peak(batch).size.at(batch)


def test_vgg16_at_inference():
    """Its peak is where two tensors of 64x224x224 and the input are alive."""
    memory = Memory(expand(*load("vgg16"), {}).graph, Plan())
    assert memory.peak(1).size == Size(138_357_544 * 4, 4 * (3 * 224 * 224 + 2 * 64 * 224 * 224))


# What holds for every network


def trained(graph: Graph) -> int:
    return Memory(graph, Plan(TRAINING)).held.gradients


@pytest.mark.parametrize("model", one_in(40, of_each_file()))
def test_every_model(model: str):
    """Backward frees all but the input, the outputs and the parameters' gradients; options only ever save memory."""
    network = expand(*load(model), {})
    for plan in (Plan(TRAINING), Plan(TRAINING, in_place=True), Plan(TRAINING, checkpoint=1)):
        run = Run(network.graph, plan.checked())
        assert run.left == run.outside.plus(Size(trained(network.graph), 0))
    assert Run(network.graph, Plan().checked()).left == run.outside
    plain, in_place = Memory(network.graph, Plan()), Memory(network.graph, Plan(in_place=True))
    assert in_place.peak(1).size.at(1) <= plain.peak(1).size.at(1)
    whole, blocks = (Memory(network.graph, Plan(TRAINING, checkpoint=depth)) for depth in (0, 1))
    assert blocks.saved.at(1) <= whole.saved.at(1)
    assert whole.peak(1, FORWARD).size.at(1) >= whole.held.always + whole.saved.at(1)
    assert plain.peak(1).size.at(1) >= plain.held.always + plain.input.at(1)


def test_a_transposed_convolution_saves_its_input():
    """Of 3x8x8 and 4x8x8."""
    up = ("conv_transpose", {"out": 2, "kernel": 2, "stride": 2})
    memory = Memory(graph((3, 8, 8), ("conv", CONV), up), BARE)
    assert [size.per_image for size in memory.saved_by] == [768, 1024]


RESHAPES = {"flatten", "tokens", "to_map", "split_heads", "merge_heads", "rearrange", "merge_frames", "transpose"}
PARTS = {"take_token", "keep_tokens", "keep_channels", "crop"}


def test_whose_output_lies_in_its_inputs_memory():
    """Reshapes, parts, and what drops nothing: drop_path at its p of 0, dropout at inference."""
    views = {
        training: {
            case.kind
            for case in CASES
            for facts in [case.facts(case.sizes)]
            if facts.inputs  # a table has none in whose memory it could lie
            and facts.layer.is_view(training, facts.inputs[0])
        }
        for training in (True, False)
    }
    assert views == {True: RESHAPES | PARTS | {"drop_path"}, False: RESHAPES | PARTS | {"drop_path", "dropout"}}
    dropout, drop_path = KINDS["dropout"], KINDS["drop_path"]
    assert [dropout(p=p).is_view(True, (4,)) for p in (0, 0.1, 1)] == [True, False, False]
    assert [drop_path(p=p).is_view(True, (4,)) for p in (0, 0.1, 1)] == [True, False, False]
    assert drop_path(p=1).is_view(False, (4,))


# Refusals and the command


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(TRAINING, dtype="int8"), "torch does not train in int8"),
        (Plan(TRAINING, mixed=True), "mixed precision has a 16-bit dtype beside fp32, not float32"),
        (Plan(TRAINING, optimizer="lion"), "there is no optimizer 'lion'"),
        (Plan(dtype="float31"), "there is no dtype 'float31'"),
    ],
)
def test_plans_that_make_no_sense(plan: Plan, says: str):
    with pytest.raises(VcalcError, match=says):
        Memory(CHAIN, plan)


def test_open_sizes_are_refused():
    with pytest.raises(VcalcError, match="cannot be told while sizes are open, at conv0"):
        Memory(graph((3, symbols.symbol("H"), 8), ("conv", CONV)), Plan())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--fit", "80 potatoes"), "--fit '80 potatoes' is no size of a memory"),
        (("--fit", "-1GB"), "is no size of a memory"),
        (("--optimizer", "adam"), "--optimizer is for training"),
        (("--checkpoint", "2"), "--checkpoint is for training"),
        (("--fold-norms", "--mode", "training"), "--fold-norms is for inference"),
        (("--mixed",), "--mixed is for training"),
        (("--mixed", "autocast"), "mixed precision has a 16-bit dtype beside fp32, not float32"),
        (("--convention", "macs"), "there is no option '--convention'"),
        (("--set", "H=32*h", "--set", "W=32*h"), "bind every size to a number"),
        (("--mode", "training", "--dtype", "int8"), "does not train"),
    ],
)
def test_questions_that_are_wrong(vcalc: Any, arguments: tuple[str, ...], says: str):
    assert says in vcalc("memory", "resnet18", *arguments, code=2).stderr


@pytest.mark.parametrize("asked", [("--optimizer", "adam"), ("--checkpoint", "2"), ("--mixed",)])
def test_the_help_about_training_is_what_can_be_typed(vcalc: Any, asked: tuple[str, ...]):
    refused = vcalc("memory", "lenet5", *asked, "--dtype", "bf16", code=2).stderr
    assert refused.splitlines()[-1] == f"  help: --mode training {' '.join(asked)}"
    vcalc("memory", "lenet5", *refused.splitlines()[-1].split()[1:], "--dtype", "bf16")


def test_the_memory_contract(vcalc: Any):
    asked = ("memory", "vit-ti-16", "--mode", "training", "--batch", "8", "--fit", "80GB", "--format", "json")
    found = json.loads(vcalc(*asked).stdout)
    assert list(found) == [
        "schema", "model", "title", "input", "batch", "dtype", "mode", "optimizer", "mixed", "autocast",
        "device", "in_place", "modules",
        "checkpoint", "folded_norms",
        "weights", "master_weights", "gradients", "optimizer_state", "buffers", "input_bytes", "saved", "held",
        "peak_forward", "peak_backward", "peak_update", "peak", "fit", "not_included", "layers",
    ]  # fmt: skip
    assert found["schema"] == 1
    assert found["weights"] == found["gradients"] == 5_717_416 * 4
    assert found["optimizer_state"] == 2 * found["weights"]
    assert found["held"] == 3 * found["weights"] + found["buffers"]
    assert found["peak"] == max((found[f"peak_{phase}"] for phase in ("forward", "backward", "update")), key=size)
    assert found["saved"] == sum(layer["saved"] for layer in found["layers"])
    assert found["peak_backward"]["bytes"] == max(layer["backward"] for layer in found["layers"])
    peak = found["peak"]
    assert peak["bytes"] == peak["fixed"] + 8 * peak["per_image"]
    assert found["fit"]["capacity"] == 80 * 2**30


def size(peak: dict[str, Any]) -> int:
    return peak["bytes"]


def test_a_batch_with_a_name_gives_formulas(vcalc: Any):
    found = json.loads(vcalc("memory", "resnet18", "--batch", "B", "--format", "json").stdout)
    number = json.loads(vcalc("memory", "resnet18", "--batch", "5", "--format", "json").stdout)
    import sympy

    formula = sympy.sympify(found["peak"]["bytes"], {"B": symbols.symbol("B")})
    assert symbols.evaluate(formula, {"B": 5}) == number["peak"]["bytes"]


def test_one_image_is_run_by_itself_where_that_makes_a_difference(vcalc: Any):
    """CaiT's heads need no copy to be merged with a batch of one; ResNet's maps have nothing to merge."""
    assert "one image: torch makes views" in vcalc("memory", "cait-xxs24").stdout
    assert "one image: torch makes views" not in vcalc("memory", "cait-xxs24", "--batch", "2").stdout
    assert "one image: torch makes views" not in vcalc("memory", "resnet18").stdout
    graph = expand(*load("cait-xxs24")).graph
    several = Memory(graph, Plan(TRAINING))
    assert several.of(2) is several
    assert several.of(1).saved.at(1) < several.saved.at(1)


def test_modules_hold_what_enters_a_group(vcalc: Any):
    """ResNet-50's first stage holds its input, 64x56x56 of each image, until its last block is done."""
    network = expand(*load("resnet50"))
    least, held = (Memory(network.graph, Plan(in_place=True, modules=modules)) for modules in (False, True))
    more = held.peak(1).size.per_image - least.peak(1).size.per_image
    assert more == 64 * 56 * 56 * 4
    assert "what enters a group" in vcalc("memory", "resnet50", "--modules").stdout
    assert json.loads(vcalc("memory", "resnet50", "--modules", "--format", "json").stdout)["modules"] is True


def test_no_image_fits(vcalc: Any):
    assert "not one image fits into 10 MB" in vcalc("memory", "resnet18", "--fit", "10MB", code=1).stdout


def test_the_table_says_what_it_is(vcalc: Any):
    text = vcalc("memory", "resnet50", "--mode", "training", "--fit", "24 GB").stdout
    for words in ("do not add peaks", "not included: rounding", "largest batch that fits into 24 GB", "peak backward"):
        assert words in text


def test_a_batch_norm_of_one_value_is_not_trained_with_one_image(vcalc: Any, tmp_path: Path):
    spec = tmp_path / "net.yaml"
    spec.write_text("title: Net\ninput: {D: 4}\nlayers: [linear: {out: 8}, batchnorm]\n")
    for batch, said in (("1", True), ("2", False)):
        text = vcalc("memory", str(spec), "--mode", "training", "--batch", batch).stdout
        assert (
            "torch does not train with a batch of 1: one value a channel has no variance, at batchnorm" in text
        ) is said


def test_layers_are_shown_on_request(vcalc: Any):
    text = vcalc("memory", "lenet5", "--layers").stdout
    assert "alive while each layer runs" in text
    assert "saves" not in text.partition("alive while")[2]
    assert "saves (bytes)" in vcalc("memory", "lenet5", "--layers", "--mode", "training").stdout


# The page in docs/


def table_rows(heading: str) -> list[list[str]]:
    page = (Path(__file__).parent.parent / "docs" / "memory.md").read_text(encoding="utf-8")
    lines = page.partition(heading)[2].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in itertools.takewhile(bool, lines)]


def test_the_page_has_our_figures():
    """The figures that test_memory_torch.py holds against torch, at batch 2."""
    rows = table_rows("| model | input | saved |")
    assert len(rows) >= 10
    for model, shape, *figures in rows:
        sizes = dict(zip("CHW", map(int, shape.split("x")), strict=True))
        plans = [Plan(), Plan(TRAINING, device="cpu")]
        inference, training = (Memory(expand(*load(model), sizes).graph, plan) for plan in plans)
        ours = [training.saved.at(2), peak(inference, batch=2)[0]]
        ours += [peak(training, phase, 2)[0] for phase in (FORWARD, BACKWARD)]
        assert [int(figure.replace(",", "")) for figure in figures[:4]] == ours, model


def test_the_page_lists_every_kind():
    kinds = {kind for row in table_rows("| kind | saved beside parameters |") for kind in row[0].split(", ")}
    assert kinds == set(KINDS)
