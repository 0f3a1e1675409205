"""Equivariance in float64 at every probe, with checks that would fail for a trivial or a wrong network."""

import pytest
import torch

from e2viz import capture
from e2viz.groups import group
from e2viz.models import build
from e2viz.models.ge_vit import GEViTConfig
from e2viz.nn.attention import GroupAttention
from e2viz.nn.probe import probes
from e2viz.nn.relative import relative_table

SMALL = {"image_size": 12, "width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((1,), (1,))}
MUTANTS = {
    "acts on what is relative": lambda g, v, a, m: g.compose(v, g.compose(g.inverse(a), m)),
    "index arithmetic over the whole group": lambda g, v, a, m: (2 * a - m - v) % g.order,
}


def network(name, rule="ge_vit", **changes):
    torch.manual_seed(0)
    net = build("ge_vit", {**SMALL, "group": name, **changes}).double().eval()
    for layer in net.modules():
        if isinstance(layer, GroupAttention):
            layer.relative = relative_table(net.group, rule)
    for parameter in net.parameters():  # biases and norms too must matter
        torch.nn.init.normal_(parameter, 0.1, 0.5)
    for layer in net.modules():
        if isinstance(layer, GroupAttention):
            torch.nn.init.normal_(layer.group_embedding, 0.0, 3.0)
    return net


def held(net, images):
    maps = [name for name, probe in probes(net).items() if probe.kind != "attention"]
    with torch.no_grad(), capture.record(maps) as record:
        net(images)
    return record


def errors(net, element):
    """Relative error of each probe under one group element."""
    images = torch.randn(2, 1, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    before, after = held(net, images), held(net, net.group.act_on_plane(images, element))
    found = {}
    for name, probe in probes(net).items():
        if probe.kind == "feature_map":
            expected = net.group.act_on_feature_map(before[name], element)
        elif probe.kind == "group_vector":
            expected = net.group.act_on_group_axis(before[name], element, -1)
        elif probe.kind in ("vector", "logits"):
            expected = before[name]
        else:
            continue
        found[name] = float((after[name] - expected).norm() / expected.norm())
    return found


@pytest.mark.parametrize("name", ["c4", "d4", "c8"])
def test_equivariant_at_every_probe(name):
    net = network(name)
    for element in filter(net.group.is_exact, net.group.elements):
        found = errors(net, element)
        assert {"lifting", "blocks.0", "blocks.1", "blocks.2", "classifier", "orientation", "logits"} <= set(found)
        assert max(found.values()) < 1e-9


@pytest.mark.parametrize("name", ["c4", "d4"])
@pytest.mark.parametrize("mutant", MUTANTS)
def test_wrong_rules_are_caught(name, mutant):
    if name == "c4" and "index" in mutant:
        pytest.skip("on rotations the published index formula is right")
    net = network(name, MUTANTS[mutant])
    assert max(errors(net, 1)["logits"], errors(net, net.group.order - 1)["logits"]) > 1e-4


def test_mirrors_are_not_a_symmetry_of_c4():
    net, images = network("c4"), torch.randn(2, 1, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        assert not torch.allclose(net(images), net(images.flip(-1)), rtol=1e-3)


def test_the_output_depends_on_both_encodings():
    images = torch.randn(1, 1, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        net = network("d4")
        whole = net(images)
        net.blocks[0].attention.group_embedding.zero_()
        assert not torch.allclose(net(images), whole, rtol=1e-4)
        net = network("d4")
        net.lifting.encoding.row[3].weight.zero_()
        assert not torch.allclose(net(images), whole, rtol=1e-4)


def test_gsa_net_is_measured_not_equivariant():
    torch.manual_seed(0)
    net = build("gsa_net", {**SMALL, "group": "c4"}).double().eval()
    assert errors(net, 1)["lifting"] < 1e-9, "lifting uses no relative group element"
    assert errors(net, 1)["logits"] > 1e-4


def test_published_sizes_and_pcam_configuration():
    assert sum(p.numel() for p in build("ge_vit", {}).parameters()) < 46_095
    pcam = {"image_size": 96, "channels": 3, "classes": 2, "width": 12, "heads": 2, "depth": 6, "group": "d4",
            "stages": ((), (2,), (1, 0), (1,)), "width_factors": (1, 2, 2, 2), "pool_last": True}  # fmt: skip
    net = build("ge_vit", pcam).eval()
    images = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        turned = net(net.group.act_on_plane(images, 5))
        torch.testing.assert_close(net(images), turned, rtol=1e-4, atol=1e-4)


def test_attention_is_recorded_for_the_pixels_asked_for():
    net, images = network("c4"), torch.randn(1, 1, 12, 12, dtype=torch.float64)
    with torch.no_grad(), capture.record(["blocks.0.attention"], torch.tensor([[3, 4], [0, 0]])) as record:
        net(images)
    maps = record["blocks.0.attention"]
    assert maps.shape == (1, 2, 4, 4, 2, 4, 3, 3)
    torch.testing.assert_close(maps.sum((-3, -2, -1)), torch.ones_like(maps[..., 0, 0, 0]))
    assert (maps[..., 1, :, 0, :] == 0).all(), "offsets above the first row are outside"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 4}, "window must be odd"),
        ({"image_size": 13}, "must have an even size"),
        ({"stages": ((2,),)}, "one entry a stage"),
        ({"stages": ((6,), ())}, "must leave a plane"),
        ({"depth": 2}, "at least 3"),
    ],
)
def test_bad_configuration(change, message):
    with pytest.raises(ValueError, match=message):
        build("ge_vit", {**SMALL, **change})


def test_unknown_names():
    with pytest.raises(LookupError, match="ge_vit"):
        build("ge_vitt", {})
    with pytest.raises(ValueError, match="no field colour"):
        build("ge_vit", {"colour": 3})
    assert GEViTConfig(group="p4").group == "p4" and group("p4").order == 4


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_no_pictures_has_no_answers(training):
    network = build("ge_vit", {"attention_dropout": 0.0, "value_dropout": 0.0}).train(training)
    with torch.set_grad_enabled(training):
        assert network(torch.rand(0, 1, 28, 28)).shape == (0, 10)
