"""ONNX files counted from what they hold: hand arithmetic, torch's exporters, and files that are damaged."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vcalc import conventions
from vcalc.analyses.cost import Cost, Costs
from vcalc.cli import main
from vcalc.errors import VcalcError
from vcalc.importers.network import RecordedNetwork, named, unweighed

onnx: Any = pytest.importorskip("onnx", reason="onnx reads the files: pip install onnx")
numpy: Any = pytest.importorskip("numpy")

FLOAT, INT8, UINT8, INT32 = 1, 3, 2, 6


def weight(name: str, *sizes: int, type: int = FLOAT) -> Any:
    made = onnx.TensorProto(name=name, dims=sizes, data_type=type)
    width = {FLOAT: 4, INT32: 4}.get(type, 1)
    made.raw_data = bytes(width * int(numpy.prod(sizes)))
    return made


def numbers(name: str, *values: int) -> Any:
    return onnx.helper.make_tensor(name, onnx.TensorProto.INT64, (len(values),), values)


def saved(path: Path, nodes: list[Any], inputs: dict[str, Any], weights: list[Any], opset: int = 22) -> str:
    given = [onnx.helper.make_tensor_value_info(name, type, sizes) for name, (type, *sizes) in inputs.items()]
    ends = [onnx.helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)]
    graph = onnx.helper.make_graph(nodes, "net", given, ends, weights)
    imports = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("com.microsoft", 1)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=imports), path)
    return str(path)


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs.split(), output.split(), **attributes)


def total(network: RecordedNetwork) -> Cost:
    assert not unweighed(network.unweighed)
    return Costs(network.graph, conventions.find("macs")).total(network.graph.nodes)


MICROSOFT = {"domain": "com.microsoft"}
CASES = {
    "convolution, padded on one side": (
        [node("Conv", "x w b", "y", pads=[1, 1, 2, 2], strides=[2, 2])],
        {"x": (FLOAT, "N", 3, 9, 9)},
        [weight("w", 8, 3, 3, 3), weight("b", 8)],
        (224, 8 * 27 * 5 * 5),
    ),
    "same, of an even step": (
        [node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2])],
        {"x": (FLOAT, "N", 3, 9, 9)},
        [weight("w", 8, 3, 3, 3)],
        (216, 8 * 27 * 5 * 5),
    ),
    "transposed convolution": (
        [node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1, 1, 1, 1])],
        {"x": (FLOAT, "N", 8, 5, 5)},
        [weight("w", 8, 4, 4, 4)],
        (512, 8 * 25 * 4 * 16),
    ),
    "deformable convolution, whose offsets a convolution makes": (
        [
            node("Conv", "x p", "o", pads=[1, 1, 1, 1], strides=[2, 2]),
            node("DeformConv", "x w o b", "y", pads=[1, 1, 1, 1], strides=[2, 2], kernel_shape=[3, 3]),
        ],
        {"x": (FLOAT, "N", 4, 9, 9)},
        [weight("p", 18, 4, 3, 3), weight("w", 8, 4, 3, 3), weight("b", 8)],
        (36 * 26 + 8, 36 * 26 * 25),
    ),
    "a map that is sampled": (
        [
            node("Conv", "x p", "o", pads=[1, 1, 1, 1]),
            node("Transpose", "o", "g", perm=[0, 2, 3, 1]),
            node("GridSample", "x g", "y"),
        ],
        {"x": (FLOAT, "N", 4, 9, 9)},
        [weight("p", 2, 4, 3, 3)],
        (72, 72 * 81),
    ),
    "a product and its bias": (
        [node("MatMul", "x w", "m"), node("Add", "m b", "y")],
        {"x": (FLOAT, "N", 10, 32)},
        [weight("w", 32, 64), weight("b", 64)],
        (32 * 64 + 64, 10 * 32 * 64),
    ),
    "a matrix the other way round": (
        [node("Flatten", "x", "f"), node("Gemm", "f w b", "y", transB=1)],
        {"x": (FLOAT, "N", 4, 8)},
        [weight("w", 10, 32), weight("b", 10)],
        (330, 320),
    ),
    "a weight that a node holds": (
        [onnx.helper.make_node("Constant", [], ["w"], value=weight("", 8, 3, 3, 3)), node("Conv", "x w", "y")],
        {"x": (FLOAT, "N", 3, 8, 8)},
        [],
        (216, 216 * 36),
    ),
    "sizes that are settings": (
        [node("Resize", "x roi scales", "r"), node("Conv", "r w", "y")],
        {"x": (FLOAT, "N", 3, 8, 8)},
        [
            weight("w", 8, 3, 3, 3),
            weight("roi", 0),
            onnx.helper.make_tensor("scales", FLOAT, (4,), [1.0, 1.0, 2.0, 2.0]),
        ],
        (216, 216 * 14 * 14),
    ),
    "einsum": (
        [node("Einsum", "x z", "y", equation="bqd,bkd->bqk")],
        {"x": (FLOAT, 1, 6, 16), "z": (FLOAT, 1, 9, 16)},
        [],
        (0, 6 * 9 * 16),
    ),
    "lstm, both directions": (
        [node("LSTM", "x w r b", "y h", hidden_size=16, direction="bidirectional")],
        {"x": (FLOAT, 5, "batch", 8)},
        [weight("w", 2, 64, 8), weight("r", 2, 64, 16), weight("b", 2, 128)],
        (2 * (64 * 24 + 128), 2 * 5 * 64 * 24),
    ),
    "quantized convolution": (
        [node("QLinearConv", "x xs xz w ws wz ys yz b", "y", pads=[1, 1, 1, 1])],
        {"x": (UINT8, "N", 3, 8, 8)},
        [weight("w", 8, 3, 3, 3, type=INT8), weight("b", 8, type=INT32)]
        + [weight(name) for name in ("xs", "ws", "ys")]
        + [weight(name, type=UINT8) for name in ("xz", "yz")]
        + [weight("wz", type=INT8)],
        (224, 8 * 27 * 64),
    ),
    "attention of onnxruntime": (
        [node("Attention", "x w b", "y", num_heads=4, **MICROSOFT)],
        {"x": (FLOAT, "N", 10, 32)},
        [weight("w", 32, 96), weight("b", 96)],
        (32 * 96 + 96, 10 * 32 * 96 + 2 * 10 * 10 * 32),
    ),
    "heads along the features": (
        [node("MultiHeadAttention", "x z z", "y", num_heads=4, **MICROSOFT)],
        {"x": (FLOAT, "N", 6, 32), "z": (FLOAT, "N", 10, 32)},
        [],
        (0, 2 * 6 * 10 * 32),
    ),
    "a reshape that is worked out of a shape": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n", axis=0),
            node("Concat", "n rest", "to", axis=0),
            node("Reshape", "x to", "r"),
            node("MatMul", "r w", "y"),
        ],
        {"x": (FLOAT, "N", 4, 8)},
        [numbers("zero", 0), numbers("rest", 2, 16), weight("w", 16, 5)],
        (80, 2 * 16 * 5),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_by_hand(tmp_path, case: str):
    nodes, inputs, weights, (params, multiply_adds) = CASES[case]
    counted = total(named(saved(tmp_path / "net.onnx", nodes, inputs, weights)))
    assert (counted.params, counted.flops) == (params, multiply_adds)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("network", "exporter"),
    [("resnet18", False), ("vit_b_16", False), ("mobilenet_v2", False), ("resnet18", True)],
)
def test_what_torch_exports(tmp_path, network: str, exporter: bool):
    """Multiply-adds are the module's, params those that the file holds: the exporter folds norms into convolutions."""
    torch: Any = pytest.importorskip("torch")
    from vcalc.torch_backend.against import start_torchvision

    if exporter:
        pytest.importorskip("onnxscript")
    try:
        start_torchvision()
    except VcalcError as error:
        pytest.skip(str(error))
    import torchvision
    from torch.utils.flop_counter import FlopCounterMode

    module = torchvision.models.get_model(network, weights=None).eval()
    image = torch.zeros(1, 3, 224, 224)
    file = tmp_path / "net.onnx"
    torch.onnx.export(module, (image,), file, dynamo=exporter, verbose=False)
    held = sum(
        int(numpy.prod(each.dims))
        for each in onnx.load(file, load_external_data=False).graph.initializer
        if each.data_type == FLOAT and each.dims
    )
    with FlopCounterMode(display=False) as counter:
        module.to("meta")(image.to("meta"))
    counted = total(named(str(file)))
    assert (counted.params, 2 * counted.flops) == (held, counter.get_total_flops())


def test_weights_beside_the_file_are_not_opened(tmp_path, monkeypatch):
    big = onnx.TensorProto(name="w", dims=[8, 3, 3, 3], data_type=FLOAT, data_location=onnx.TensorProto.EXTERNAL)
    big.external_data.add(key="location", value="../../../../etc/passwd")
    file = saved(tmp_path / "net.onnx", [node("Conv", "x w", "y")], {"x": (FLOAT, 1, 3, 8, 8)}, [big])
    opened: list[str] = []
    really = io.open

    def watched(path: Any, *arguments: Any, **named: Any) -> Any:
        opened.append(str(path))
        return really(path, *arguments, **named)

    monkeypatch.setattr("builtins.open", watched)
    assert total(named(file)).params == 216
    assert not [path for path in opened if "passwd" in path]


def test_what_is_open_is_asked_for(tmp_path):
    nodes, weights = [node("Conv", "x w", "y")], [weight("w", 8, 3, 3, 3)]
    file = saved(tmp_path / "net.onnx", nodes, {"x": (FLOAT, "batch_size", 3, "H", "W")}, weights)
    run = CliRunner().invoke
    refused = run(main, ["import", file, "--counts"])
    assert refused.exit_code == 2
    assert "the input 'x' is open: 3xHxW" in refused.output
    for size in ("3x8x8", "x=3x8x8"):
        assert (
            f"{216 * 36:,}" in run(main, ["import", file, "--counts", "--input", size, "--convention", "macs"]).output
        )
    assert "is 3 there, not 4" in run(main, ["table", file, "--input", "4x8x8"]).output
    fixed = saved(tmp_path / "fixed.onnx", nodes, {"x": (FLOAT, 1, 3, 8, 8)}, weights)
    assert "is 8 there, not 9" in run(main, ["table", fixed, "--input", "3x9x9"]).output
    assert "none is left for '3x8x8'" in run(main, ["table", fixed, *["--input", "3x8x8"] * 2]).output
    assert "--bits changes nothing here" in run(main, ["table", fixed, "--bits", "8"]).output
    assert "has no input 'z'" in run(main, ["table", file, "--input", "x=3x8x8", "--input", "z=3"]).output


def test_what_has_no_count_is_shown(tmp_path):
    nodes = [node("Conv", "x w", "y"), node("GridSample", "y g", "z", mode="cubic")]
    inputs = {"x": (FLOAT, 1, 3, 8, 8), "g": (FLOAT, 1, 6, 6, 2)}
    file = saved(tmp_path / "net.onnx", nodes, inputs, [weight("w", 8, 3, 3, 3)])
    shown = CliRunner().invoke(main, ["import", file, "--counts"])
    assert shown.exit_code == 0
    assert "seen and not weighed" in shown.output
    assert "GridSample (1 x, 288 elements" in shown.output
    assert CliRunner().invoke(main, ["import", file, "--counts", "--strict"]).exit_code == 1


def damaged(seed: bytes, chance: random.Random) -> bytes:
    made = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place, what = chance.randrange(len(made)), chance.random()
        if what < 0.5:
            made[place] = chance.randrange(256)
        elif what < 0.7:
            del made[place : place + chance.randrange(1, 9)]
        elif what < 0.9:
            made[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        else:
            made[place : place + 1] = b"\xff\xff\xff\xff\x7f"
    return bytes(made)


def go_through(tmp_path: Path, count: int, seed: int) -> None:
    files = []
    for number, (nodes, inputs, weights, _) in enumerate(CASES.values()):
        files.append(Path(saved(tmp_path / f"{number}.onnx", nodes, inputs, weights)).read_bytes())
    chance, file = random.Random(seed), tmp_path / "damaged.onnx"
    answered = 0
    for _ in range(count):
        file.write_bytes(damaged(chance.choice(files), chance))
        try:
            counted = Costs((network := named(str(file))).graph, conventions.find("macs")).total(network.graph.nodes)
            assert counted.params >= 0
            answered += 1
        except VcalcError:
            pass
    assert answered > count // 20


def test_a_damaged_file_is_an_answer_or_a_message(tmp_path):
    go_through(tmp_path, 300, 1)


@pytest.mark.slow
def test_many_damaged_files_are_answers_or_messages(tmp_path):
    go_through(tmp_path, 20_000, 2)


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "holds no network"), (b"abc", "is no ONNX file"), (b"\x08\x07", "holds no network")]
)
def test_what_is_no_file_of_onnx(tmp_path, data: bytes, says: str):
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    result = CliRunner().invoke(main, ["table", str(file)])
    assert result.exit_code == 2
    assert says in result.output
