"""Patch GE-ViT and the hybrid in both forms: exact for digits and for 96×96 colour, and mutants that are caught."""

import pytest
import torch
from torch import nn

from e2viz import capture
from e2viz.groups import group
from e2viz.measure.assertion import assert_equivariant
from e2viz.models import build
from e2viz.nn.attention import GroupAttention
from e2viz.nn.patches import PatchEmbedding
from e2viz.nn.probe import probes
from e2viz.nn.relative import relative_table
from e2viz.train.recipes import RECIPES

THIN = {"width": 4, "heads": 2, "depth": 6, "window": 3}
DIGITS = {"image_size": 28, "channels": 1}
COLOUR = {"image_size": 96, "channels": 3, "classes": 2}
CONFIGS = {
    "patches of 2": ("patch_ge_vit", DIGITS | {"patch_size": 2, "transformer": THIN | {"stages": ((1,), (1,))}}),
    "patches of 7": ("patch_ge_vit", DIGITS | {"patch_size": 7, "swish": True,
                     "transformer": THIN | {"stages": ((0,),), "width_factors": (1,)}}),
    "patches of 14": ("patch_ge_vit", DIGITS | {"patch_size": 14,
                      "transformer": THIN | {"stages": ((0, 0),), "width_factors": (1,)}}),
    "patches, colour": ("patch_ge_vit", COLOUR | {"patch_size": 8, "transformer": THIN | {"stages": ((1,), (1,))}}),
    "hybrid, ours": ("hybrid", DIGITS | {"transformer": THIN | {"stages": ((1, 1),), "width_factors": (1,)}}),
    "hybrid, published": ("hybrid", DIGITS | {"keeps_group": False,
                          "transformer": THIN | {"stages": ((1, 1),), "width_factors": (1,)}}),
}  # fmt: skip
_COLOUR_LAYERS = ((5, True), (3, True), (3, True), (3, False))
for _form, _keeps in (("ours", True), ("published", False)):
    CONFIGS[f"hybrid, {_form}, colour"] = (
        "hybrid",
        COLOUR | {"layers": _COLOUR_LAYERS, "convolved": 4, "keeps_group": _keeps,
                  "transformer": THIN | {"stages": ((1, 0),), "width_factors": (1,)}},
    )  # fmt: skip


def network(case, name="c4"):
    torch.manual_seed(0)
    architecture, config = CONFIGS[case]
    net = build(architecture, {**config, "group": name}).eval()
    for tensor in net.state_dict().values():  # norms and biases too must matter
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.2, 1.0)
    for layer in net.modules():
        if isinstance(layer, GroupAttention):
            nn.init.normal_(layer.group_embedding, 0.0, 3.0)
    return net


def images(net):
    size, channels = net.config.image_size, net.config.channels
    return torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["c4", "d4"])
@pytest.mark.parametrize("case", CONFIGS)
def test_equivariant_at_every_probe_and_not_trivially(case, name):
    net = network(case, name)
    worst = assert_equivariant(net, images(net), name, 1e-9)
    assert {"artificial_image", "lifting", "blocks.0", "orientation", "embedding", "logits"} <= set(worst)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["c4", "d4"])
def test_ge_vit_itself_on_96_colour_pixels(name):
    """The recipe's stages and crops, thinner: all of its pooling and cropping at the size of PCam."""
    torch.manual_seed(0)
    recipe = RECIPES["ge_vit_p4.pcam"]
    net = build("ge_vit", {**recipe.config, **THIN, "group": name}).eval()
    worst = assert_equivariant(net, torch.randn(1, 3, 96, 96), name, 1e-9)
    assert {"lifting", "blocks.0", "classifier", "orientation", "embedding", "logits"} <= set(worst)


@pytest.mark.parametrize("case", ["patches of 2", "hybrid, ours", "hybrid, published", "hybrid, ours, colour"])
def test_a_wrong_relative_rule_is_caught(case):
    net = network(case, "d4")
    for layer in net.modules():
        if isinstance(layer, GroupAttention):
            layer.relative = relative_table(net.group, lambda g, v, a, m: (2 * a - m - v) % g.order)
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(net, images(net), "d4")


@pytest.mark.parametrize("case", ["patches of 7", "patches, colour"])
def test_a_patch_that_is_not_averaged_over_the_group_is_caught(case):
    net = network(case)
    net.patches.group = group("c1")
    with pytest.raises(AssertionError, match="must be equivariant .* at artificial_image"):
        assert_equivariant(net, images(net), "c4")


def test_handing_over_one_orientation_is_caught():
    net = network("hybrid, published")
    net.convolutions[3].register_forward_hook(lambda module, inputs, maps: maps[:, :, :1])
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(net, images(net), "c4")


def test_the_artificial_image_is_small_and_has_the_kind_it_should_have():
    sizes = {"patches of 2": (20, 14, 14), "patches, colour": (20, 12, 12), "hybrid, ours": (10, 4, 8, 8),
             "hybrid, published": (10, 8, 8), "hybrid, ours, colour": (4, 4, 8, 8)}  # fmt: skip
    for case, size in sizes.items():
        net = network(case)
        with torch.no_grad(), capture.record(["artificial_image", "image"]) as record:
            logits = net(images(net))
        assert record["artificial_image"].shape == (1, *size), case
        assert torch.equal(record["image"], images(net)), "the probe of that name holds what the network was given"
        assert logits.shape == (1, net.config.classes)
        assert list(probes(net))[0] == "image" and list(probes(net))[-1] == "logits"
        kind = "feature_map" if len(size) == 4 else "plane_map"
        assert probes(net)["artificial_image"].kind == kind and probes(net)["image"].kind == "image"


def test_patches_are_projected_by_definition():
    """Each patch moved by every element, projected, averaged, normalised: written out, patch by patch."""
    torch.manual_seed(0)
    picture = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    for swish in (False, True):
        embedding = PatchEmbedding(group("d4"), 2, 5, 3, swish=swish).double()
        found = embedding(picture)
        for row in range(2):
            for column in range(2):
                patch = picture[0, :, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
                moved = [group("d4").act_on_plane(patch, element) for element in range(8)]
                projected = torch.stack([embedding.projection(each.flatten()) for each in moved])
                projected = nn.functional.silu(projected) if swish else projected
                expected = embedding.norm(projected.mean(0))
                torch.testing.assert_close(found[0, :, row, column], expected)


def test_without_swish_only_the_mean_of_a_small_patch_gets_through():
    net = PatchEmbedding(group("c4"), 1, 4, 2)
    one = torch.tensor([[4.0, 0.0], [0.0, 0.0]])[None, None]
    other = torch.tensor([[1.0, 1.0], [1.0, 1.0]])[None, None]
    torch.testing.assert_close(net(one), net(other))
    swish = PatchEmbedding(group("c4"), 1, 4, 2, swish=True)
    assert not torch.allclose(swish(one), swish(other), rtol=1e-2)


@pytest.mark.parametrize(
    ("architecture", "change", "message"),
    [
        ("patch_ge_vit", {"patch_size": 5}, "divisible by patch_size, got 28 and 5"),
        ("patch_ge_vit", {"group": "c8"}, "multiples of 90 degrees"),
        ("patch_ge_vit", {"transformer": {"stages": ((3,), (1,))}}, "even size, got 1"),
        ("hybrid", {"layers": ((4, True),)}, "even size, got 25"),
        ("hybrid", {"layers": ()}, "at least one"),
        ("hybrid", {"layers": ((29, False),)}, "leave a plane, got 0"),
    ],
)
def test_bad_configuration(architecture, change, message):
    with pytest.raises(ValueError, match=message):
        build(architecture, change)


def test_configurations_survive_json():
    import json

    for architecture, config in CONFIGS.values():
        assert (
            build(architecture, json.loads(json.dumps(config))).state_dict().keys()
            == build(architecture, config).state_dict().keys()
        )
