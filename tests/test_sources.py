"""What a claim says of its source: which edition was read, whether it was to be had, in whose form a figure is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vcalc.analyses.read_claims import Claim

KINDS: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "data" / "sources.yaml").read_text())
CORRECTED = ", corrected in "


def kind_of(source: str) -> dict[str, str] | None:
    """The first kind that the text of a source shows."""
    return next((kind for kind in KINDS if re.search(kind["source"], source)), None)


def named(claims: list[Claim]) -> Iterator[tuple[Claim, str, Any]]:
    """Each claim with each of its sources and the kind of it."""
    return ((claim, source, kind_of(source)) for claim in claims for source in claim.sources)


def test_every_source_is_of_a_known_kind(claims):
    assert {source for _, source, kind in named(claims) if kind is None} == set()


def test_what_can_change_names_its_edition(claims):
    missing = {
        source
        for claim, source, kind in named(claims)
        if kind and "edition" in kind and (claim.seen or claim.edition)
        if not any(re.fullmatch(kind["edition"], edition) for edition in claim.edition.split("; "))
    }
    assert missing == set()


def test_a_figure_keeps_the_form_of_its_source(claims):
    strange = {
        (source, claim.printed)
        for claim, source, kind in named(claims)
        if kind and "printed" in kind and source == claim.source
        if not re.fullmatch(kind["printed"], claim.printed)
    }
    assert strange == set()


def test_what_was_corrected_is_claimed_as_corrected_too(claims):
    def of(claim: Claim) -> tuple[str, str]:
        return claim.question.model, claim.question.metric

    # the figure of a later edition, of the same paper or file
    now = {(*of(claim), edited) for claim in claims for edited in editions(claim) if CORRECTED not in claim.edition}
    before = [claim for claim in claims if CORRECTED in claim.edition]
    assert before, "no claim says that its source corrected itself"
    assert {claim.source for claim in before if not any((*of(claim), e) in now for e in editions(claim))} == set()


def editions(claim: Claim) -> set[str]:
    """What was read, without its version: a repository, or the number of a paper."""
    return {re.sub(r"( [0-9a-f]{7}\b|v\d+).*", "", edition) for edition in claim.edition.split("; ")}


def test_a_source_that_was_not_to_be_had_is_a_claim_that_says_so(claims):
    unseen = {source for claim, source, _ in named(claims) if not claim.seen}
    assert any("MathWorks" in source for source in unseen)
    assert not any("torchvision" in source for source in unseen)


@pytest.mark.parametrize(
    ("model", "metric", "corrected", "now"),
    [  # what the two editions print
        ("mobilenet-v3-small", "params", "2.9M", "2.5M"),
        ("mobilenet-v3-small", "flops", "66M", "57M"),
        ("mobilenet-v3-small", "features", "1280", "1024"),
        ("mobilenet-v3-small-0.75", "params", "2.4M", "2.0M"),
        ("resnet50", "params", "22.6M", "25.6M"),
        ("resnet101", "elements", "16.2M", "16.4M"),
        ("efficientnet-b4", "elements", "48.5M", "49.5M"),
        ("deit-ti-distilled", "params", "5720000", "5910800"),
        ("pvt-v2-b0", "params", "3.4M", "3.7M"),
        ("mvit-v2-l", "flops", "42.10G", "43.87G"),
        ("coatnet-3", "params", "167M", "168M"),
    ],
)
def test_both_editions_are_there(claims, model, metric, corrected, now):
    of_it = [claim for claim in claims if (claim.question.model, claim.question.metric) == (model, metric)]
    assert any(claim.printed == corrected and CORRECTED in claim.edition for claim in of_it)
    assert any(claim.printed == now and claim.edition and CORRECTED not in claim.edition for claim in of_it)


@pytest.mark.parametrize(
    ("source", "model", "printed"),
    [  # what is printed in words and signs, as the texts have it
        ("Krizhevsky et al.", "alexnet-2012", "60 million"),
        ('He et al., "Deep Residual', "vgg19", "19.6 billion FLOPs"),
        ('He et al., "Deep Residual', "vgg16", "15.3 billion FLOPs"),
        ('Szegedy et al., "Going Deeper', "googlenet", "1.5 billion"),
        ("Szegedy et al. 2016, abstract", "inception-v3", "5 billion"),
        ('Liu et al., "Swin Transformer V2', "swin-v2-h", "658 million"),
        ('Liu et al., "Swin Transformer V2', "swin-v2-g", "3 billion"),
        ("Xie et al. 2017, Table 4", "resnext101-64x4d", "2x"),
        ('Tu et al., "MaxViT", ECCV 2022, Table 2', "maxvit-t-384", "17.7G"),
        ('Tu et al., "MaxViT", ECCV 2022, Table 3', "maxvit-xl-512", "535.2G"),
        ("google-research/maxvit", "maxvit-b", "24.2B"),
        ("Szegedy et al. 2016, section 6", "inception-v3", "about 2.5x"),
        ("leondgarse/keras_cv_attention_models", "coatnet-0", "4.6G"),
    ],
)
def test_a_figure_stands_as_its_first_source_has_it(claims, source, model, printed):
    assert any(
        claim.source.startswith(source) and claim.printed == printed for claim in claims if of_model(claim, model)
    )


def of_model(claim: Claim, model: str) -> bool:
    return claim.question.model == model


def test_formulas_that_stand_in_a_picture_alone_were_not_seen(claims):
    """The slides on the residual blocks say "More layers, less computational cost!"; their formulas are drawn."""
    drawn = [claim for claim in claims if claim.printed in {"18*H*W*C**2", "17*H*W*C**2"} and "Block" in claim.source]
    assert [claim.seen for claim in drawn] == [False, False]


def test_a_network_is_not_cited_to_a_table_that_has_it_not(claims):
    """Table 1 of DenseNet's paper has 121, 169, 201 and 264, all with k = 32; the lecture's has 161 with k = 48."""
    its = [claim for claim in claims if of_model(claim, "densenet161")]
    assert its
    assert not [claim for claim in its if any("Huang" in source for source in claim.sources)]


def test_a_count_to_the_last_digit_is_of_one_network(claims):
    """torchvision's RegNetX-400MF of 5,495,976 parameters is not that of pycls, which has 5,157,512."""
    networks = defaultdict(set)
    for claim in claims:
        if re.fullmatch(r"\d{6,}", claim.printed.replace(",", "")) and not claim.printed.endswith("000"):
            question = claim.question
            cell = (claim.source, claim.printed, question.metric, question.of, question.kinds, question.bindings)
            networks[cell].add(question.model)
    assert {cell: models for cell, models in networks.items() if len(models) > 1} == {}
