"""The verdicts follow from the specs: change a spec and they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcalc.analyses.claims import judge_all
from vcalc.errors import VcalcError
from vcalc.spec.beside import claims_beside
from vcalc.spec.find import catalogue_files, claim_files, load_file

SPEC = """
title: Net
input: {C: 3, H: 8, W: 8}
let: {width: 4, twice: false}
models:
  net: {}
  wide: {width: 8}
layers:
  - {name: stage, do: [{conv: {out: width, kernel: 3, pad: 1}}, relu]}
  - global_avgpool
  - linear: {out: 10, name: fc}
claims:
"""
PARAMS = 4 * 3 * 9 + 4 + 4 * 10 + 10  # 162


@pytest.fixture
def judged(tmp_path):
    """The verdict of one claim on the small spec above."""

    def judge(claim: str, spec: str = SPEC):
        file = tmp_path / "net.yaml"
        file.write_text(f"{spec}  - {{source: a test, {claim}}}\n")
        return judge_all([load_file(str(file))])[0]

    return judge


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("model: net, metric: params, printed: 162", "reproduced"),
        ("model: net, metric: params, printed: 0.16K", "reproduced"),
        ("model: net, metric: params, printed: 0.17K", "differs"),
        ("model: net, metric: params, printed: 160, digits: 2", "reproduced"),
        ("model: net, of: fc, metric: params, printed: 50", "reproduced"),
        ("model: net, kinds: conv, metric: params, printed: 112", "reproduced"),
        ("model: net, metric: params, convention: cs231n, printed: 148", "reproduced"),
        ("model: net, of: stage, metric: memory, printed: 1.0 KB", "reproduced"),
        ("model: net, of: stage, metric: elements, printed: 256", "reproduced"),
        ("model: net, metric: depth, printed: 2", "reproduced"),
        ("model: net, of: stage, metric: receptive_field, printed: 3", "reproduced"),
        ("model: net, metric: let.width, printed: 4", "reproduced"),
        ("model: wide, of: stage, metric: width, printed: 8", "reproduced"),
        ("model: net, of: stage, metric: height, printed: 8", "reproduced"),
        ("model: net, metric: params, set: {width: 8}, printed: 314", "reproduced"),
        ("model: wide, metric: params, against: net, printed: 1.9x", "reproduced"),
        ("model: wide, metric: params, against: net, printed: 2.0x", "differs"),
        ("model: net, of: fc, metric: params, printed: 0.06K, rounding: cut", "differs"),
        ("model: net, of: fc, metric: params, printed: 0.04K, rounding: cut", "reproduced under"),
        ("model: net, of: fc, metric: params, printed: 0.0K, rounding: cut", "reproduced"),
        ("model: net, metric: params, printed: 314, under: {model: wide}, why: it is the wide one", "reproduced under"),
        ("model: net, metric: params, printed: 212, under: {plus: fc}, why: twice", "reproduced under"),
        ("model: net, metric: params, printed: 213, under: {plus: fc}, why: twice", "differs"),
    ],
)
def test_verdicts(judged, claim, verdict):
    assert judged(claim).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "explained"),
    [
        ("model: net, metric: params, printed: 200, ours: 162, why: the sum is off", True),
        ("model: net, metric: params, printed: 200, ours: 163, why: the sum is off", False),
        ("model: net, metric: params, printed: 200", False),
        ("model: net, metric: params, printed: 314, under: {model: wide}, ours: 170, why: wide", False),
    ],
)
def test_an_explanation_is_checked_too(judged, claim, explained):
    assert judged(claim).explained is explained


def test_a_verdict_follows_from_the_spec(judged):
    claim = "model: net, metric: params, printed: 162"
    assert judged(claim).verdict == "reproduced"
    assert judged(claim, SPEC.replace("kernel: 3", "kernel: 5")).verdict == "differs"


def test_a_ratio_of_printed_figures(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(
        SPEC
        + "  - {source: a test, model: net, metric: params, printed: 0.2K}\n"
        + "  - {source: a test, model: wide, metric: params, printed: 0.3K}\n"
        + "  - {source: a test, model: wide, metric: params, against: net, printed: 1.5x, "
        + "under: {printed: true}, why: rounded}\n"
    )
    assert judge_all([load_file(str(file))])[2].verdict == "reproduced under"


def test_a_model_of_a_file_is_found_as_it_is_elsewhere_or_refused(tmp_path):
    file = tmp_path / "nets.yaml"
    file.write_text(
        SPEC.replace("wide:", "wide-net:") + "  - {source: a test, metric: params, printed: 200, model: net}\n"
    )
    assert "wide-net" in load_file(str(file)).models
    assert claim_files((f"{file}:Wide_Net",)) == ([str(file)], {"wide-net"})
    with pytest.raises(VcalcError, match="has no model 'wider'"):
        claim_files((f"{file}:wider",))


def test_a_metric_without_a_value_names_the_hyperparameter(judged):
    with pytest.raises(VcalcError, match=r"gives \[10\], which has no width(?s:.*)let\.width is the hyperparam"):
        judged("model: net, metric: width, printed: 4")


@pytest.fixture(scope="module")
def catalogue_verdicts():
    return judge_all([load_file(file) for file in catalogue_files()])


def test_every_claim_of_the_catalogue_is_reproduced_or_explained(catalogue_verdicts):
    wrong = [
        (v.claim.subject, v.claim.question.metric, v.claim.printed, v.exact)
        for v in catalogue_verdicts
        if not v.explained
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("model", "metric", "printed", "exact", "verdict"),
    [
        ("vgg16", "flops", "13.6 GFLOP", 15_476_385_792, "reproduced under"),
        ("vgg16", "memory", "48.6 MB", 13_547_520 * 4, "reproduced under"),
        ("googlenet", "flops", "418 MFLOP", 480_836_608, "differs"),
        ("inception-naive-vs-bottleneck/bottleneck", "flops", "358M", 271_351_808, "reproduced under"),
        ("inception-naive-vs-bottleneck/naive", "flops", "854M", 854_196_224, "reproduced"),
        ("vgg16", "memory", "24M", 15_237_608, "differs"),
        ("alexnet", "flops", "0.7 GFLOP", 717_562_112, "reproduced"),
        ("alexnet", "params", "61M", 61_100_840, "reproduced"),
        ("resnet50", "flops", "3.8 GFLOP", 4_091_090_944, "reproduced under"),
    ],
)
def test_the_lectures_slips_are_found(catalogue_verdicts, model, metric, printed, exact, verdict):
    records = [verdict.record() for verdict in catalogue_verdicts]
    found = [r for r in records if (r["model"], r["metric"], r["printed"]) == (model, metric, printed)]
    assert found, "there is no such claim"
    assert (found[0]["exact"], found[0]["verdict"]) == (exact, verdict)


def test_nothing_of_a_verdict_is_written_in_a_spec():
    files = list(filter(None, map(claims_beside, catalogue_files())))
    assert len(files) > 70
    for file in files:
        assert "verdict" not in Path(file).read_text()
        assert "exact:" not in Path(file).read_text()
