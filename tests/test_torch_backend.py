"""The torch backend: what it builds and compares; and that it finds a count that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_export import network_of, run
from zoo import of_each_file

from vcalc.arithmetic import product
from vcalc.errors import VcalcError
from vcalc.layers.conv import Conv
from vcalc.spec.find import load
from vcalc.spec.network import expand

torch: Any = pytest.importorskip("torch", reason="the networks are built with torch")

from vcalc.reports.validate import validate_report
from vcalc.torch_backend.against import start_torchvision, twin
from vcalc.torch_backend.build import build, example
from vcalc.torch_backend.validate import validate


@pytest.mark.parametrize("model", of_each_file())
def test_every_count_of_every_model(model: str, network: Any):
    checks = validate(network(model), batch=2)
    assert [check for check in checks if not check.holds] == []
    assert len(checks) >= 4 * len(network(model).graph.nodes) + 4


EVERY_KIND = """
title: Rare kinds
input: {C: 6, H: 13, W: 18}
layers:
  - elu: {alpha: 0.5}
  - leaky_relu: {slope: 0.2}
  - selu
  - hardtanh: {low: -3, high: 20}
  - softplus
  - softsign
  - mish
  - star_relu
  - conv_transpose: {out: 6, kernel: [3, 2], stride: [2, 3], pad: same}
  - maxpool: {kernel: 3, stride: 2, dilation: 2, pad: same}
  - branches: [[], [maxpool: {kernel: 2, dilation: 3, stride: 1, ceil_mode: true}], [reduce_axes: {by: max, over: C}]]
    join: {concat: {fit: pad}}
  - pixel_shuffle: {factor: [1, 13]}
  - conv: {out: 24, kernel: 1, stride: [1, 13]}
  - pixel_shuffle
  - roll: {rows: 3, columns: -2}
  - branches: [[], [crop: {out: [13, 18]}, squared_relu]]
    join: {concat: {fit: crop}}
  - conv: {out: 6, kernel: 1}
  - unfold: {kernel: 3, pad: 1}
  - fold: {out: [13, 18], kernel: 3, pad: 1}
  - conv: {out: 8, kernel: [3, 4], stride: 2, pad: same}
  - conv: {out: 8, kernel: 3, dilation: 2, pad: 2, groups: 4}
  - conv: {out: 2, kernel: 1, connections: [[0, 1], [2, 3, 5]]}
  - conv: {out: 6, kernel: 1, standardized: true}
  - conv: {out: 6, kernel: 3, pad: same, stride: 2, groups: 2, standardized: true, gain: true, bias: false}
  - upsample
  - conv_transpose: {out: 6, kernel: 4, stride: 2, pad: 1, output_pad: 1, groups: 2}
  - prelu
  - prelu: {shared: true}
  - instancenorm: {affine: true}
  - instancenorm
  - groupnorm: {groups: 3}
  - batchnorm: {affine: false}
  - local_response_norm
  - upsample: {scale: 2, mode: bilinear}
  - upsample: {mode: bicubic}
  - upsample
  - adaptive_maxpool: {out: [9, 11]}
  - avgpool: {kernel: 3, stride: 2, pad: same}
  - avgpool: {kernel: 3, stride: 2, pad: same, count_pad: false}
  - avgpool: {kernel: 3, stride: 1, pad: 1, count_pad: false, ceil_mode: true}
  - maxpool: {kernel: 2, stride: 1, pad: same}
  - leaky_relu
  - hardsigmoid
  - softmax: {over: channels}
  - drop_path: {p: 0.1}
  - layer_scale
  - layer_scale: {shared: true}
  - layer_scale: {constant: 0.17}
  - global_response_norm
  - softmax: {over: groups, groups: 3}
  - channel_shuffle: {groups: 2}
  - rearrange: C H W -> C W H
  - rearrange: C W H -> C H W
  - zero_pad: {rows: [0, 1], columns: 2, channels: [1, 1]}
  - keep_channels: {count: 6, start: 1}
  - branches: [[], [relu], [global_avgpool]]
    join: mean
  - branches: [[], [maxpool: {kernel: 2, stride: 2}]]
    join: {roi_align: {proposals: 9, out: 7}}
  - upsample: {scale: 4}
  - window_attention: {heads: 2, window: 7, shift: 3}
  - window_attention: {heads: 2, window: 7, shift: 3, cosine: true, position_mlp: 16, qkv_bias: qv}
  - window_attention: {heads: 3, window: [2, 3], relative_position_bias: false, qkv_bias: false}
  - window_attention: {heads: 3, window: [2, 3], one_hot_lookup: true}
  - space_to_depth: {factor: 2}
  - layernorm
  - pointwise_linear: {out: 12}
  - tokens
  - groupnorm: {groups: 4}
  - prelu
  - rmsnorm
  - branches:
      q: [linear: {out: 12}, split_heads: {heads: 3}, rotary_embedding]
      k: [linear: {out: 12, bias: false}, split_heads: {heads: 3}, rotary_embedding: {skip: 1}]
      v: [linear: {out: 12}, split_heads: {heads: 3}]
    join: {scaled_dot_product_attention: {relative_positions: 40}}
  - merge_heads
  - keep_tokens: {count: 13, start: 1}
  - branches:
      q: [linear: {out: 12}, split_heads: {heads: 3}, pool_heads: {height: 4, skip: 1}, layernorm: {over: last}]
      k: [linear: {out: 12}, split_heads: {heads: 3}, pool_heads: {height: 4, stride: 2, skip: 1}]
      v: [linear: {out: 12}, split_heads: {heads: 3}, pool_heads: {height: 4, stride: 2, skip: 1}]
    join: {relative_attention: {query_rows: 4, key_rows: 2, skip: 1}}
  - branches:
      - [keep_channels: {count: 2}, pool_heads: {height: 13}]
      - [keep_channels: {count: 2}, pool_heads: {height: 13, stride: 3, kernel: 5}]
      - [keep_channels: {count: 2}, pool_heads: {height: 13, stride: 3, kernel: 5}]
    join: {relative_attention: {query_rows: 13, key_rows: 5}}
  - merge_heads
  - branches: [[random_features: {count: 5}], [random_features: {count: 5}], []]
    join: linear_attention
  - branches: [[split_heads: {heads: 2}, relu], [split_heads: {heads: 2}, relu], [split_heads: {heads: 2}]]
    join: {linear_attention: {ones: true, eps: 0.00001}}
  - merge_heads
  - branches: [[split_heads: {heads: 2}], [split_heads: {heads: 2, transposed: true}]]
    join: matmul
  - merge_heads
  - linear: {out: 12}
  - class_token: {count: 2}
  - position_embedding: {fixed: true}
  - keep_tokens: {count: 10}
  - append_tokens: {count: 4}
  - softmax: {over: groups, groups: 4}
  - keep_channels: {count: 12}
  - attention: {heads: 3, head_dim: 5, qkv_bias: false, out_bias: false}
  - branches: [[linear: {out: 5}], [linear: {out: 5}], [linear: {out: 7}]]
    join: scaled_dot_product_attention
  - branches: [[linear: {out: 5}], [linear: {out: 5}], [linear: {out: 7}]]
    join: {scaled_dot_product_attention: {keys_read: 4, causal: true}}
  - branches: [[linear: {out: 12}, split_heads: {heads: 4}], [linear: {out: 6}, split_heads: {heads: 2}],
               [linear: {out: 6}, split_heads: {heads: 2}]]
    join: scaled_dot_product_attention
  - merge_heads
  - branches: [[linear: {out: 12}, split_heads: {heads: 4}], [linear: {out: 6}, split_heads: {heads: 2}],
               [linear: {out: 6}, split_heads: {heads: 2}]]
    join: {scaled_dot_product_attention: {keys_read: 5}}
  - merge_heads
  - branches: [[linear: {out: 14}], [linear: {out: 3}]]
    join: matmul
  - softmax
  - layernorm: {affine: false}
  - global_avgpool: {keep_dims: true}
  - global_avgpool
  - batchnorm
  - radial_basis: {out: 9}
"""


def test_rare_kinds(tmp_path: Path):
    network = network_of(tmp_path, EVERY_KIND)
    for device in ("meta", "cpu"):
        checks = validate(network, device, batch=2)
        assert [check for check in checks if not check.holds] == []


def test_words_go_in(tmp_path: Path):
    network = network_of(
        tmp_path,
        "title: Words\ninput: {D: 12}\nlayers: [{embedding: {vocabulary: 30, out: 8}}, {attention: {heads: 2}}]",
    )
    assert [check for check in validate(network, "cpu", batch=3) if not check.holds] == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_dtypes(dtype: str, network: Any):
    assert all(check.holds for check in validate(network("lenet5"), "cpu", dtype, batch=2))


@pytest.mark.parametrize(
    ("method", "what"),
    [("parameters", "params"), ("work", "FLOPs")],
)
def test_a_wrong_formula_is_found(method: str, what: str, monkeypatch: pytest.MonkeyPatch):
    """The layer, both values and the formula are named, and the exit code is 1."""
    right = getattr(Conv, method)
    monkeypatch.setattr(Conv, method, lambda *given: {key: value + 1 for key, value in right(*given).items()})
    result = run("validate", "lenet5", "--format", "json")
    assert result.exit_code == 1
    record = json.loads(result.output)
    wrong = {(row["path"], row["what"]) for row in record["rows"] if not row["holds"]}
    assert {("C1", what), ("C3", what), ("total", what)} <= wrong
    assert record["mismatches"] == len(wrong)
    shown = run("validate", "lenet5").output
    assert "mismatches" in shown
    assert "C1" in shown


def executed(network: Any, input: Any) -> list[Any]:
    """The modules with parameters and none inside, in the order they first run."""
    order: list[Any] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: order.append(module) if module not in order else None)
        for module in network.modules()
        if not list(module.children()) and list(module.parameters())
    ]
    with torch.no_grad():
        network(input)
    for hook in hooks:
        hook.remove()
    return order


@pytest.mark.parametrize(
    "model",
    ["alexnet", "vgg11-bn", "resnet18", "resnet50", "googlenet-bn", "densenet121", "mobilenet-v2", "efficientnet-b0"],
)
def test_the_same_weights_give_the_same_answer(model: str):
    """Our network with the weights of torchvision's, module by module in the order they run."""
    network = expand(*load(model), {"H": 224, "W": 224})
    peer = twin("torchvision", network.same_as["torchvision"]).to_empty(device="cpu").eval()
    torch.manual_seed(1)
    for parameter in peer.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    for name, buffer in peer.named_buffers():
        buffer.fill_(1.0 if name.endswith("running_var") else 0.0)
    built = build(network).eval()
    image = torch.randn(2, 3, 224, 224)
    ours, theirs = executed(built, image), executed(peer, image)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        mine.load_state_dict(other.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(built(image), peer(image), rtol=1e-3, atol=1e-4)


def test_windows_attend_as_torchvisions_do(tmp_path: Path):
    """Padded, shifted and masked windows, with the same weights."""
    try:
        start_torchvision()
    except VcalcError as error:
        pytest.skip(str(error))
    from torchvision.models.swin_transformer import ShiftedWindowAttention

    torch.manual_seed(1)
    for shift in (0, 3):
        theirs = ShiftedWindowAttention(12, [7, 7], [shift, shift], 3).eval()
        theirs.relative_position_bias_table.data.normal_()
        for height, width in ((14, 14), (16, 23), (7, 7)):
            layer = f"window_attention: {{heads: 3, window: 7, shift: {shift}}}"
            input = f"{{C: 12, H: {height}, W: {width}}}"
            ours = build(network_of(tmp_path, f"title: T\ninput: {input}\nlayers: [{layer}]")).window_attention.eval()
            ours.qkv.load_state_dict(theirs.qkv.state_dict())
            ours.out.load_state_dict(theirs.proj.state_dict())
            ours.relative_position_bias.data.copy_(theirs.relative_position_bias_table.data)
            x = torch.randn(2, height, width, 12)
            with torch.no_grad():
                torch.testing.assert_close(ours(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), theirs(x))


def test_attention_is_torchs_own(tmp_path: Path):
    torch.manual_seed(1)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True).eval()
    theirs.in_proj_bias.data.normal_()
    x = torch.randn(2, 5, 12)
    for form in ("sdpa", "operator"):
        spec = f"title: T\ninput: {{N: 5, D: 12}}\nlayers: [attention: {{heads: 3, written: {form}}}]"
        ours = build(network_of(tmp_path, spec)).attention.eval()
        ours.qkv.weight.data.copy_(theirs.in_proj_weight.data)
        ours.qkv.bias.data.copy_(theirs.in_proj_bias.data)
        ours.out.load_state_dict(theirs.out_proj.state_dict())
        torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


NAMED_AXES = [
    ("C: 4, H: 3, W: 5", "C H W", "C"),
    ("C: 4, H: 3, W: 5", "C H W", "C H W"),
    ("C: 4, H: 3, W: 5", "C H W", "W C"),
    ("C: 4, L: 6", "C L", "L"),
    ("C: 4, T: 6, H: 3, W: 5", "C T H W", "T"),
    ("C: 4, T: 6, H: 3, W: 5", "C T H W", "H W"),
    ("N: 6, D: 4", "N D", "N"),
    ("N: 6, D: 4", "N D", "D"),
]


@pytest.mark.parametrize("kind", ["layernorm", "rmsnorm", "softmax"])
@pytest.mark.parametrize(("input", "axes", "over"), NAMED_AXES)
def test_named_axes_are_those_that_are_normalised(input: str, axes: str, over: str, kind: str, tmp_path: Path):
    """Squares of mean 1, or a sum of 1, along those axes; and nothing passes along the others."""
    spec = f"input: {{{input}}}\nlayers: [{kind}: {{over: [{', '.join(over.split())}]}}]\n"
    network = network_of(tmp_path, f"title: t\n{spec}")
    assert [check for check in validate(network, "cpu", batch=2) if not check.holds] == []
    module = build(network).eval()
    x = torch.randn(1, *network.graph.input, generator=torch.Generator().manual_seed(0), requires_grad=True)
    made = module(x)
    along = [1 + axes.split().index(name) for name in over.split()]
    sizes = product(network.graph.input[axis - 1] for axis in along)
    found = (made if kind == "softmax" else made.square()).sum(along)
    assert torch.allclose(found, torch.full_like(found, 1 if kind == "softmax" else sizes), atol=1e-2)
    assert kind != "layernorm" or torch.allclose(made.sum(along), torch.zeros_like(found), atol=1e-4)
    assert sum(parameter.numel() for parameter in module.parameters()) == sizes * {"layernorm": 2, "rmsnorm": 1}.get(
        kind, 0
    )
    made.square()[(0,) * made.dim()].backward()
    assert int((x.grad != 0).sum()) == sizes


F = torch.nn.functional
TWOS = torch.full((4,), 2.0)
NORMS = {
    "batchnorm": lambda x: 2 * (x - 0.5) / (4 + 1e-5) ** 0.5 + 3,
    "batchnorm: {bias: false, eps: 0.25}": lambda x: 2 * (x - 0.5) / (4 + 0.25) ** 0.5,
    "layernorm: {eps: 0.5}": lambda x: F.layer_norm(x, (4,), TWOS, TWOS + 1, 0.5),
    "layernorm: {bias: false, eps: 0.5}": lambda x: F.layer_norm(x, (4,), TWOS, None, 0.5),
    "rmsnorm: {eps: 0.5}": lambda x: 2 * x / (x.square().mean(-1, True) + 0.5).sqrt(),
    "groupnorm: {groups: 2, bias: false, eps: 1e-3}": lambda x: F.group_norm(x.mT, 2, TWOS, None, 1e-3).mT,
    "affine": lambda x: 2 * x + 3,
    "l2norm: {over: N}": lambda x: F.normalize(x, dim=1),
    "l2norm: {eps: 100}": lambda x: x / 100,
}
"""Norms of tokens [B, N, 4], and what libraries compute where factors are 2, offsets 3, means 0.5, variances 4."""


@pytest.mark.parametrize("layer", NORMS)
def test_a_norm_computes_what_libraries_compute(layer: str, tmp_path: Path):
    network = network_of(tmp_path, f"title: t\ninput: {{N: 5, D: 4}}\nlayers: [{layer}]\n")
    assert [check for check in validate(network, "cpu", batch=2) if not check.holds] == []
    module, x = build(network).eval(), torch.randn(2, 5, 4)
    for number, parameter in enumerate(module.parameters()):
        parameter.detach().fill_(number + 2)
    for name, buffer in module.named_buffers():
        buffer.fill_(0.5 if name.endswith("mean") else 4)
    torch.testing.assert_close(module(x), NORMS[layer](x))


def test_a_frozen_batch_norm_is_torchvisions(tmp_path: Path):
    start_torchvision()
    from torchvision.ops import FrozenBatchNorm2d

    text = "title: t\ninput: {C: 4, H: 3, W: 5}\nlayers: [frozen_batchnorm: {eps: 1e-3}]\n"
    ours, theirs = build(network_of(tmp_path, text)), FrozenBatchNorm2d(4, eps=1e-3)
    names = {"frozen_scale": "weight", "frozen_shift": "bias", "running_variance": "running_var"}
    for name, buffer in ours.frozen_batchnorm.named_buffers():
        getattr(theirs, names.get(name, name)).copy_(buffer.uniform_(0.5, 1))
    x = torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(ours(x), theirs(x))
    assert not [*ours.parameters()]


def test_an_exported_file_runs_alone(tmp_path: Path):
    target = tmp_path / "vit.py"
    assert run("export", "vit-ti-16", "-o", str(target)).exit_code == 0
    done = subprocess.run([sys.executable, "-I", str(target)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["(1,", "1000)", "5717416"]


@pytest.mark.parametrize(("model", "theirs"), [("resnet18", "resnet18"), ("r3d-18", "r3d_18")])
def test_against_a_twin(model: str, theirs: str):
    result = run("validate", model, "--against", "torchvision", "--format", "json")
    if "needs torchvision" in result.output:
        pytest.skip("torchvision is not installed")
    record = json.loads(result.output)
    assert (result.exit_code, record["mismatches"], record["twin"]) == (0, 0, theirs)
    assert any(row["what"] == "params: norm scale" and row["ours"] == row["theirs"] == 4_800 for row in record["rows"])


class Parallel(torch.nn.Module):
    """Two convolutions side by side, the larger first, and an attention that is a module of its own."""

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.proj = (torch.nn.Linear(4, 4) for _ in range(4))

        def forward(self, x: Any) -> Any:
            y = torch.nn.functional.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))
            return self.proj(y)

    def __init__(self, kernel: int = 1) -> None:
        super().__init__()
        self.large = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.small = torch.nn.Conv2d(3, 4, kernel, padding=kernel // 2)
        self.attention = Parallel.Attention()
        self.head = torch.nn.Linear(4, 10)

    def forward(self, x: Any) -> Any:
        y = self.large(x) + self.small(x)
        return self.head(self.attention(y.flatten(2).transpose(1, 2)).mean(1))


WRITTEN_OUT = """
title: Parallel
same_as: {timm: parallel}
input: {C: 3, H: 8, W: 8}
layers:
  - branches: [[conv: {out: 4, kernel: 1}], [conv: {out: 4, kernel: 3, pad: 1}]]
    join: add
  - tokens
  - branches: [[linear: {out: 4}], [linear: {out: 4}], [linear: {out: 4}]]
    join: scaled_dot_product_attention
  - linear: {out: 4}
  - global_avgpool
  - linear: {out: 10}
"""


@pytest.mark.parametrize("kernel", [1, 5])
def test_a_twin_whose_layers_run_in_another_order(kernel: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same layers in another order are the same; one that is not there is named beside what is left."""
    with torch.device("meta"):
        peer = Parallel(kernel).eval().requires_grad_(False)
    monkeypatch.setattr("vcalc.torch_backend.against.twin", lambda library, name, shape: peer)
    (tmp_path / "net.yaml").write_text(WRITTEN_OUT)
    result = run("validate", str(tmp_path / "net.yaml"), "--against", "timm", "--format", "json")
    record = json.loads(result.output)
    wrong = [row for row in record["rows"] if not row["holds"] and row["path"] != "total"]
    assert record["in_order"] is False
    if kernel == 1:
        assert (result.exit_code, record["mismatches"], wrong) == (0, 0, [])
        shown = run("validate", str(tmp_path / "net.yaml"), "--against", "timm").output
        assert "all 7 convolutions and matrices are the same, in another order" in shown
    else:
        assert result.exit_code == 1
        assert [(row["path"], row["ours"], row["theirs"]) for row in wrong] == [
            ("1 of 7", [4, 3, [1, 1], 64], [4, 3, [5, 5], 64])
        ]
        shown = run("validate", str(tmp_path / "net.yaml"), "--against", "timm").output
        assert "4x3x1x1x64  4x3x5x5x64" in shown


def test_a_twin_is_never_downloaded(monkeypatch: pytest.MonkeyPatch):
    """A backbone has trained weights of its own, and a name can be an address."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    try:
        start_torchvision()
    except VcalcError as error:
        pytest.skip(str(error))
    built = twin("torchvision", "lraspp_mobilenet_v3_large")
    assert all(parameter.is_meta for parameter in built.parameters())
    with pytest.raises(VcalcError, match="torchvision has no network 'resnet51'"):
        twin("torchvision", "resnet51")
    pytest.importorskip("timm")
    with pytest.raises(VcalcError, match="timm has no network 'hf-hub:someone/else'"):
        twin("timm", "hf-hub:someone/else")


def test_a_layer_that_torch_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As if table took a pool that is padded too far: the layer and torch's reason, and the others compared."""
    network = network_of(
        tmp_path, "title: T\ninput: {C: 3, H: 8, W: 8}\nlayers: [relu, maxpool: {kernel: 3, stride: 2}]"
    )
    layer: Any = network.graph.nodes[1].layer
    window = layer._window()
    monkeypatch.setattr(layer, "_window", lambda: {**window, "pad": (2, 2)})
    wrong = [check for check in validate(network) if not check.holds]
    assert [(check.path, check.what) for check in wrong] == [("maxpool", "runs in torch"), ("total", "runs in torch")]
    assert "no: pad should be at most half" in wrong[0].theirs
    report = validate_report(network, wrong, {})
    assert not report.holds


ONE_AFTER_ANOTHER = """
title: One after another
input: {C: 4, H: 8, W: 8}
layers:
  - conv: {out: 4, kernel: 3, pad: 1}
  - groupnorm: {groups: 2}
  - batchnorm
  - maxpool: {kernel: 2}
  - global_avgpool
  - linear: {out: 5}
  - softmax
"""


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    ("layer", "field", "value", "wrong", "whole"),
    [
        ("conv", "pad", (0, 0), {"output shape", "FLOPs"}, {"FLOPs"}),
        ("conv", "bias", False, {"params"}, {"params"}),
        ("groupnorm", "groups", 3, {"runs in torch"}, {"runs in torch"}),
        ("batchnorm", "affine", False, {"params"}, {"params"}),
        ("maxpool", "ceil_mode", True, set(), set()),
        ("maxpool", "stride", (3, 3), {"output shape"}, set()),
        ("linear", "out", 6, {"output shape", "params", "FLOPs"}, {"output shape", "params", "FLOPs"}),
    ],
)
def test_only_the_layer_that_differs_is_named(
    layer: str,
    field: str,
    value: Any,
    wrong: set[str],
    whole: set[str],
    device: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """A layer built otherwise than it was counted; those after it get what ours gives, and every one is compared."""
    network = network_of(tmp_path, ONE_AFTER_ANOTHER)
    nodes = network.graph.nodes
    for node in nodes:
        assert node.facts.work is not None
    right = validate(network, device, batch=2)
    changed = next(node for node in nodes if node.kind == layer)
    monkeypatch.setattr(changed.layer, field, value)
    checks = validate(network, device, batch=2)
    assert {(check.path, check.what) for check in checks if not check.holds} == (
        {(layer, what) for what in wrong} | {("total", what) for what in whole}
    )
    for check in right:
        assert check.path in (layer, "total") or check in checks


def test_a_layer_that_shares_what_torch_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The second has the first one's module: both are named with its reason, and no other."""
    text = (
        "title: T\ninput: {C: 4, H: 8, W: 8}\nblocks: {b: {shared: true, do: [groupnorm: {groups: 2}]}}\n"
        "layers: [{use: b, name: a}, relu, {use: b, name: b}]\n"
    )
    network = network_of(tmp_path, text)
    for node in network.graph.nodes:
        if node.kind == "groupnorm":
            monkeypatch.setattr(node.layer, "groups", 3)
    wrong = [check for check in validate(network) if not check.holds]
    assert [check.path for check in wrong] == ["a/groupnorm", "b/groupnorm", "total"]
    assert {check.theirs for check in wrong} == {wrong[0].theirs}


def test_an_attention_whose_products_are_run_twice(monkeypatch: pytest.MonkeyPatch):
    """Fused it agrees; as two products torch sees their FLOPs once more."""
    right = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: (right(a, b), right(a, b))[1])
    wrong = [check for check in validate(expand(*load("vit-ti-16"), {})) if not check.holds]
    assert {(check.kind, check.what) for check in wrong} == {("attention", "FLOPs, attention unfused")}
    assert len(wrong) == 12
    assert {check.theirs - check.ours for check in wrong} == {2 * 2 * 197 * 197 * 192}


def test_each_layer_is_built_and_run_once(monkeypatch: pytest.MonkeyPatch):
    """The time of a large network goes into torch's calls."""
    made, ran = [], []
    make, run_ = torch.nn.Conv2d.__init__, torch.nn.Conv2d.forward
    monkeypatch.setattr(torch.nn.Conv2d, "__init__", lambda *given, **named: made.append(1) or make(*given, **named))
    monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda *given: ran.append(1) or run_(*given))
    validate(expand(*load("resnet50"), {}))
    assert len(made) == len(ran) == 53


def test_an_input_without_a_shape_that_torch_has():
    """More elements than a 64-bit number can count: what reads it is named, and the network."""
    wrong = validate(expand(*load("lenet5"), {}), batch=2**60)
    assert [(check.path, check.what, check.holds) for check in wrong] == [
        ("C1", "runs in torch", False),
        ("total", "runs in torch", False),
    ]


def test_what_validate_cannot_find_out():
    """No room, no such dtype: exit code 2."""
    result = run("validate", "lenet5", "--device", "cpu", "--batch", "99999999999")
    assert (result.exit_code, "torch cannot run C1 (conv) here" in result.output) == (2, True)
    result = run("validate", "lenet5", "--dtype", "int8")
    assert (result.exit_code, "torch runs no network in int8" in result.output) == (2, True)


def test_words_and_pixels_of_one_input(tmp_path: Path):
    """A part of the input is looked up, the rest convolved."""
    text = (
        "title: T\ninput: {C: 3, H: 8, W: 8}\nlayers:\n  - save: x\n  - conv: {out: 4, kernel: 1}\n  - global_avgpool\n"
        "  - save: y\n  - take: x\n  - flatten\n  - keep_channels: {count: 1}\n  - embedding: {vocabulary: 9, out: 4}\n"
        "  - take_token\n  - branches: [[], [take: y]]\n    join: add\n"
    )
    for device in ("meta", "cpu"):
        assert [check for check in validate(network_of(tmp_path, text), device) if not check.holds] == []


def test_against_nobody():
    result = run("validate", "lenet5", "--against", "torchvision")
    assert result.exit_code == 2
    assert "has no twin in 'torchvision'" in result.output


def test_a_device_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    result = run("validate", "lenet5", "--device", "cuda")
    assert result.exit_code == 2
    assert "torch has no device 'cuda' here" in result.output
    assert run("validate", "lenet5", "--device", "quantum").exit_code == 2


def test_the_gpu_benchmark_runs_on_a_cpu(tmp_path: Path):
    """Small batches, no measured memory; the prediction, the counts and the table are there."""
    benchmark = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
    target = tmp_path / "cpu.json"
    command = [sys.executable, str(benchmark), "--device", "cpu", "--batch", "2", "--runs", "1", "-o", str(target)]
    done = subprocess.run([*command, "lenet5"], capture_output=True, text=True, check=True)
    record = json.loads(target.read_text())
    assert (record["mismatches"], record["device_name"], record["batch"]) == (0, "CPU", 2)
    assert len(record["rows"]) == 2 * 2 * 2
    for row in record["rows"]:
        assert row["seconds"] > 0
        assert row["predicted_bytes"] > sum(4 for _ in range(60_000)) / (2 if row["dtype"] == "bfloat16" else 1)
    assert done.stdout.count("| lenet5 |") == 8


def test_a_network_without_memory(network: Any):
    """On the meta device three billion parameters take none."""
    wide = expand(*load("vit-h-14"), {"dim": 2560, "mlp": 10240, "heads": 20})
    assert sum(sum(node.facts.parameters.values()) for node in wide.graph.nodes) > 2.5e9
    built = build(wide, "meta")
    assert all(parameter.is_meta for parameter in built.parameters())
    assert built(example(wide, 1, "meta")).shape == (1, 1000)
