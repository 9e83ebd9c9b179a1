"""Models by the names of others: an owner before the name, a tag of weights behind it, a version."""

from __future__ import annotations

import json

import pytest

from vcalc.errors import VcalcError
from vcalc.spec.find import find, load


@pytest.mark.parametrize(
    ("name", "model", "library"),
    [
        ("timm/resnet50", "resnet50", "timm"),
        ("timm/resnet50.a1_in1k", "resnet50", "timm"),
        ("hf-hub:timm/resnet50.a1_in1k", "resnet50", "timm"),
        ("https://huggingface.co/timm/resnet18.tv_in1k", "resnet18", "timm"),
        ("resnet50.a1_in1k", "resnet50", "timm"),
        ("resnet50.tv2_in1k", "resnet50", "timm"),
        ("vit_base_patch16_224.augreg2_in21k_ft_in1k", "vit-b-16", "timm"),
        ("swin_base_patch4_window12_384.ms_in22k_ft_in1k", "swin-b-384", "timm"),
        ("tf_efficientnet_b0", "efficientnet-b0", "timm"),
        ("tf_efficientnet_b0.ns_jft_in1k", "efficientnet-b0", "timm"),
        ("tf_efficientnet_b8.ap_in1k", "efficientnet-b8", "timm"),
        ("gluon_resnet50_v1b", "resnet50", "timm"),
        ("torchvision:resnet50", "resnet50", "torchvision"),
        ("torchvision/vgg16", "vgg16", "torchvision"),
        ("torchvision.models.vgg16_bn", "vgg16-bn", "torchvision"),
        ("ResNet50_Weights.IMAGENET1K_V2", "resnet50", "torchvision"),
        ("torchvision:regnet_x_400mf", "regnet-x-400mf-torchvision", "torchvision"),
        ("timm:regnetx_004", "regnet-x-400mf", "timm"),
        ("microsoft/resnet-50", "resnet50", ""),
        ("facebook/convnext-tiny-224", "convnext-t", ""),
        ("google/vit-base-patch16-224", "vit-b-16", ""),
        ("microsoft/swin-tiny-patch4-window7-224", "swin-t", ""),
        ("resnet-50-v1.5", "resnet50", ""),
        ("resnet50_v1.5", "resnet50", ""),
        ("ViT-B/16", "vit-b-16", ""),
    ],
)
def test_it_finds_the_model_and_counts_it_as_its_owner_writes_it(name, model, library):
    assert find(name)[1] == model
    spec, entry = load(name)
    assert entry.name == model
    assert not library or next(iter(entry.same_as)) == library
    assert list(spec.models[model].same_as) == list(load(model)[1].same_as)  # the catalogue's own stays as it was


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("segnet", "the catalogue has none of this family"),
        ("yolov9", "the catalogue has none of this family"),
        ("convnext_base.fb_in22k_ft_in1k_384", "vcalc table convnext-b --input 3x384x384"),
        ("google/vit-base-patch16-384", "vcalc table vit-b-16 --input 3x384x384"),
        ("vit_base_patch16_224.augreg_in21k", "vcalc table vit-b-16 --set classes=…"),
        ("timm/resnet50.fb_swsl_ig1b", "with another head than resnet50"),
        ("timm/alexnet", "the catalogue's alexnet, which is another network"),
        ("torchvision/vit_base_patch16_224", "vit-b-16, which is another network or not known to be the same"),
        ("somebody/resnet50", "nobody has held the networks of 'somebody' against the catalogue's"),
        ("resnet50v2", "the resnets without a 2 have the norm last"),
        ("google/vit-base-patch16-224-in21k", "it ends in a pooler in place of a head"),
        ("vgg16,resnet50", "names stand apart, with a space between them: vgg16 resnet50"),
        ("vgg17", "did you mean 'vgg1"),
        ("timm/", "there is no model 'timm/'"),
        ("/", "there is no model '/'"),
        ("", "there is no model ''"),
    ],
)
def test_a_name_that_means_something_else_is_no_model(name, says):
    with pytest.raises(VcalcError) as caught:
        find(name)
    assert says in str(caught.value)
    assert "zfnet" not in str(caught.value)


def test_a_name_of_others_reads_no_more_than_its_own_spec(vcalc, monkeypatch):
    """The index of the catalogue is enough: building it anew takes seconds."""
    monkeypatch.setattr("vcalc.spec.find.build_index", lambda: pytest.fail("the index is built"))
    record = json.loads(vcalc("table", "timm/resnet50.a1_in1k", "--format", "json").stdout)
    assert record["model"] == "resnet50"
    assert "vcalc table vit-b-16" in vcalc("table", "google/vit-base-patch16-384", code=2).stderr
