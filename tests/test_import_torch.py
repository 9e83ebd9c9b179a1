"""Torch modules counted as they run: against torch's own counter, hand arithmetic, and the catalogue's twins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import vcalc
from vcalc import conventions
from vcalc.analyses.cost import Cost, Costs
from vcalc.cli import main
from vcalc.errors import VcalcError
from vcalc.spec.find import load
from vcalc.spec.network import expand

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")
nn: Any = torch.nn
F: Any = torch.nn.functional


@pytest.fixture(scope="module")
def timm() -> Any:
    from vcalc.torch_backend.against import start_torchvision

    try:
        start_torchvision()
    except VcalcError as error:
        pytest.skip(str(error))
    return pytest.importorskip("timm")


def total(module: Any, *shapes: Any, **named: Any) -> Cost:
    return vcalc.from_torch(module, list(shapes), convention="macs", **named).total


def witnessed(module: Any, *inputs: Any) -> tuple[int, int]:
    """Parameters, and multiply-adds as torch's FlopCounterMode has them."""
    from torch.utils.flop_counter import FlopCounterMode

    module = module.eval().to("meta").requires_grad_(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return sum(each.numel() for each in module.parameters()), counter.get_total_flops() // 2


NETWORKS = [
    "resnet18",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "convnext_atto",
    "efficientnet_b0",
    "levit_128",
    "maxvit_pico_rw_256",
    "mobilevit_xxs",
    "xcit_nano_12_p16_224",
    "volo_d1_224",
    "halonet26t",
    "gmlp_s16_224",
    "coat_lite_tiny",
    "dm_nfnet_f0",
    "res2net50_26w_4s",
    "twins_pcpvt_small",
    "focalnet_tiny_srf",
    "botnet26t_256",
    "lambda_resnet26t",
]


@pytest.mark.parametrize("name", NETWORKS)
def test_params_and_multiply_adds_are_those_that_torch_counts(timm, name: str):
    with torch.device("meta"):
        module = timm.create_model(name)
        image = torch.zeros(1, *module.pretrained_cfg["input_size"])
    counted = total(module, image)
    assert (counted.params, counted.flops) == witnessed(module, image)


FOLLOWED = ("lecture", "macs", "flops", "torch", "fvcore", "cs231n", "thop", "deepspeed", "mmcv", "timm-activations")
"""Conventions that ask nothing but operators, and what is called as a module."""


@pytest.mark.parametrize(("model", "library"), [("resnet50", "torchvision"), ("efficientnet-b0", "timm"),
                                                ("vit-b-16", "timm"), ("swin-t", "torchvision"),
                                                ("densenet121", "torchvision")])  # fmt: skip
def test_a_network_of_the_catalogue_counts_as_its_spec_does(timm, model: str, library: str):
    from vcalc.torch_backend.against import _builder

    spec, entry = load(model)
    ours = expand(spec, entry, {}, library=library)
    recorded = vcalc.from_torch(_builder(library, entry.same_as[library])(), tuple(ours.graph.input))
    graph = recorded._expanded.graph
    for name in FOLLOWED:
        convention = conventions.find(name)
        written, seen = (Costs(each, convention).total(each.nodes) for each in (ours.graph, graph))
        assert (seen.params, seen.flops) == (written.params, written.flops), name


class Tied(nn.Module):
    """One table for words and for the classifier; a layer that runs three times; a parameter that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 16)
        self.again = nn.Linear(16, 16)
        self.spare = nn.Parameter(torch.ones(7))
        self.scale = torch.ones(16)

    def forward(self, numbers: Any) -> Any:
        x = self.words(numbers)
        for _ in range(3):
            x = torch.relu_(self.again(x)) * self.scale
        return F.linear(x, self.words.weight)


def test_weights_that_are_read_again_are_there_once():
    network = vcalc.from_torch(Tied(), torch.zeros(1, 5, dtype=torch.int64), convention="macs")
    assert network.total.params == 100 * 16 + 16 * 16 + 16 + 7
    assert network.total.flops == 5 * (3 * 16 * 16 + 16 * 100)
    assert [layer.params for layer in network.layers if layer.kind == "unread"] == [7]
    assert network.outputs == {"output": (5, 100)}


class Branches(nn.Module):
    """Two inputs, einsum with odd letters, a product with a parameter outside modules, a volume, an attention."""

    def __init__(self) -> None:
        super().__init__()
        self.volume = nn.Conv3d(3, 4, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2), bias=False)
        self.queries = nn.Parameter(torch.zeros(6, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, video: Any, text: Any) -> Any:
        x = self.volume(video).flatten(2)
        y = torch.einsum("bqw,bzw->bqz", x, x)
        z, _ = self.attention(self.queries.expand(1, -1, -1), text, text)
        return y, z


def test_each_operator_is_counted_by_hand():
    network = vcalc.from_torch(Branches(), video=(3, 4, 8, 8), text=(10, 8), convention="macs")
    places = 4 * 4 * 4
    projections = 8 * 8 * (6 + 10 + 10 + 6)
    assert network.total.flops == 3 * 75 * 4 * places + 4 * 4 * places + projections + 2 * 6 * 10 * 8
    assert network.total.params == 900 + 48 + 4 * 64 + 32
    assert network.inputs == {"video": (3, 4, 8, 8), "text": (10, 8)}
    assert network.outputs == {"output1": (4, 4), "output2": (6, 8)}


class Moved(nn.Module):
    """A map read where a convolution of it says."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x: Any) -> Any:
        return nn.functional.grid_sample(x, self.places(x).permute(0, 2, 3, 1), align_corners=False)


def test_a_map_that_is_sampled_is_interpolated():
    network = vcalc.from_torch(Moved(), x=(8, 16, 16), convention="fvcore")
    assert network.total.flops == 9 * 8 * 2 * 256 + 4 * 8 * 256


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False, "batch_first": False}]
)
def test_recurrent_layers_are_one_each(kind: str, options: dict[str, Any]):
    """Each step multiplies what arrives, and the state, by the matrices of all gates."""
    module = getattr(nn, kind)(8, 16, **{"batch_first": True, **options})
    shape = (1, 5, 8) if module.batch_first else (5, 1, 8)
    network = vcalc.from_torch(module, torch.zeros(shape), convention="macs")
    gates, ways = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 2 if module.bidirectional else 1
    widths = [8, *[16 * ways] * (module.num_layers - 1)]
    assert [layer.kind for layer in network.layers] == [kind.lower()]
    assert network.total.flops == 5 * ways * sum(gates * 16 * (width + 16) for width in widths)
    assert network.total.params == sum(each.numel() for each in module.parameters())


def test_many_sequences_and_what_is_sampled_and_folded():
    class Moves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.along = nn.LSTM(8, 4, batch_first=True, proj_size=2)

        def forward(self, x: Any, grid: Any) -> Any:
            rows, _ = self.along(x[0].permute(1, 2, 0))
            return (
                rows,
                F.grid_sample(x, grid, align_corners=False),
                F.fold(F.unfold(x, 2, stride=2), (6, 6), 2, stride=2),
            )

    grid = torch.zeros(1, 3, 3, 2)
    network = vcalc.from_torch(Moves(), [torch.zeros(1, 8, 6, 6), grid], convention="macs")
    assert [layer.kind for layer in network.layers if layer.kind != "im2col"] == ["lstm", "grid_sample", "fold"]
    assert network.total.flops == 6 * 6 * (16 * (8 + 2) + 4 * 2)


class Asks(nn.Module):
    """What it runs depends on a value."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        x = self.first(x).mean((2, 3))
        return self.second(x) if x.sum() > 0 else x


def test_counting_stops_where_a_value_is_asked_for(monkeypatch, tmp_path):
    (tmp_path / "asks.py").write_text("from test_import_torch import Asks\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    result = CliRunner().invoke(main, ["import", "asks:Asks", "--counts", "--input", "3x8x8", "--convention", "macs"])
    assert result.exit_code == 0
    assert "counting stops at the network" in result.output
    assert "depends on values" in result.output
    assert f"{27 * 8 * 36:,}" in result.output
    assert "no operator reads these parameters: second.weight, second.bias" in result.output
    assert CliRunner().invoke(main, ["import", "asks:Asks", "--counts", "--strict", "--input", "3x8x8"]).exit_code == 1


class Fails(nn.Module):
    def forward(self, x: Any) -> Any:
        print("on the way")  # noqa: T201
        raise KeyError(x.relu().shape)


@pytest.mark.parametrize(
    ("module", "input", "says"),
    [
        (Fails(), (8,), "the module does not run: the network, after relu: KeyError"),
        (nn.ReLU(), "3x8", "is neither a shape without its batch nor a tensor"),
        (nn.ReLU(), (3, -8), "is neither a shape"),
        (nn.ReLU, (8,), "was given a class"),
        (len, (8,), "no torch module"),
    ],
)
def test_what_from_torch_refuses(capsys, module: Any, input: Any, says: str):
    with pytest.raises(vcalc.VcalcError) as refused:
        vcalc.from_torch(module, input)
    assert says in str(refused.value)
    assert capsys.readouterr().out == ""


def test_what_has_no_size_yet_is_refused():
    with pytest.raises(vcalc.VcalcError, match=r"0\.weight has no size before the module has run"):
        vcalc.from_torch(nn.Sequential(nn.LazyLinear(4)), (8,))


def test_norms_of_weights_and_many_devices_hide_nothing():
    """A weight brought to a length is a product of its own; what marks a range for a profiler does nothing."""
    linear = nn.utils.parametrizations.weight_norm(nn.Linear(8, 4))
    network = vcalc.from_torch(nn.DataParallel(linear), (8,), convention="macs")
    assert (network.total.params, network.total.flops) == (8 * 4 + 4 + 4, 8 * 4)
    assert not network.notes


def test_a_run_that_ends_early_warns_in_python():
    with pytest.warns(UserWarning, match="counting stops at the network"):
        network = vcalc.from_torch(Asks(), (3, 8, 8))
    assert any("no operator reads these parameters: second.weight" in note for note in network.notes)


class Transforms(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.fft.fft(x).real


def test_what_has_no_count_is_shown(monkeypatch, tmp_path):
    (tmp_path / "transforms.py").write_text("from test_import_torch import Transforms as net\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["import", "transforms:net", "--counts", "--input", "3x8x8", "--format", "json"]
    found = json.loads(CliRunner().invoke(main, arguments).output)
    assert [(each["times"], each["elements"]) for each in found["unmapped"]] == [(1, 3 * 8 * 8)]
    assert CliRunner().invoke(main, [*arguments, "--strict"]).exit_code == 1


def test_a_module_is_left_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: each.clone() for name, each in module.state_dict().items()}
    fast = torch.backends.mha.get_fastpath_enabled()
    network = vcalc.from_torch(module, (3, 8, 8))
    assert module.training
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled() is fast
    assert network.trained_params == network.total.params == 4 * 27 + 4 + 8


def test_frozen_parameters_are_told():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    module[0].requires_grad_(False)
    network = vcalc.from_torch(module, (3, 8, 8))
    assert (network.total.params, network.trained_params) == (112 + 290, 290)


def test_a_batch_counts_as_often_as_there_are_images():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    one, four = (vcalc.from_torch(module, (3, 8, 8), batch=batch, convention="macs").total for batch in (1, 4))
    assert four.flops == 4 * one.flops


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("timm:resnet5000", [], "timm has no model"),
        ("torchvision:resnet5000", [], "torchvision has no model"),
        ("nowhere.net:build", ["--input", "3x8x8"], "there is no module"),
        ("json:dumps", ["--input", "3x8x8", "--args", '{"obj": 1}'], "is no torch module, but str"),
        ("json:dump", ["--input", "3x8x8"], "cannot be built"),
        ("json:dumpz", ["--input", "3x8x8"], "did you mean dump"),
        ("torch.nn:ReLU", [], "does not say what goes into it"),
        ("torch.nn:ReLU", ["--input", "3x"], "is no shape"),
        ("torch.nn:ReLU", ["--input", "3:floaty"], "there is no type 'floaty'"),
        ("torch.nn:Conv2d", ["--input", "4x8x8", "--args",
                             '{"in_channels": 3, "out_channels": 4, "kernel_size": 3}'], "does not run"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_message(timm, source: str, options: list[str], says: str):
    result = CliRunner().invoke(main, ["import", source, "--counts", *options])
    assert result.exit_code == 2
    assert says in result.output


def test_detectors_are_counted_up_to_what_depends_on_values(timm):
    result = CliRunner().invoke(main, ["import", "torchvision:retinanet_resnet50_fpn", "--counts"])
    assert result.exit_code == 0
    assert "34,014,999" in result.output or "34,068,119" in result.output
    assert "counting stops at" in result.output


def test_a_table_of_ones_own_module(monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\ndef build(width=4):\n    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = CliRunner().invoke(main, ["table", "mine:build", "--input", "3x8x8", "--convention", "macs"])
    assert result.exit_code == 0
    assert f"{27 * 4 * 36:,}" in result.output
    for option in (["--set", "width=8"], ["--explain"], ["--bits", "8"]):
        assert CliRunner().invoke(main, ["table", "mine:build", *option, "--input", "3x8x8"]).exit_code == 2
