"""Equivariance errors of networks that are right, and of networks that are wrong in known ways."""

import numpy as np
import pytest
import torch
from torch import nn

from e2viz.groups import group
from e2viz.images.picture import Picture
from e2viz.measure.assertion import assert_equivariant, sheared
from e2viz.measure.equivariance import equivariance_error, untrained_copy
from e2viz.measure.orientation import conjugated, upright
from e2viz.measure.subject import Subject, subject
from e2viz.nn.probe import Probe, name_probes
from tests.measure.tiny import GroupConvolutions, Patches, WindowAttention


def images(count=2, size=8, seed=0):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


def smooth(count=2, size=28):
    coarse = images(count, 5, seed=4)
    return nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False).clamp(0, 1)


@pytest.mark.parametrize("name", ["c4", "d4", "c2", "d2"])
def test_an_equivariant_network_passes_at_every_probe(name):
    worst = assert_equivariant(GroupConvolutions(name), images(), name)
    assert list(worst) == ["image", "lifting", "mixed", "votes", "embedding", "logits"]
    assert max(worst.values()) < 1e-12


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("axis", "must be equivariant .* at mixed"),
        ("plane", "must be equivariant .* at lifting"),
        ("constant", "trivially equivariant at lifting: a shear"),
        ("pointwise", "trivially equivariant at lifting: a shear"),
        ("isotropic", "trivially equivariant at lifting: its group axis"),
    ],
)
@pytest.mark.parametrize("name", ["c4", "d4"])
def test_each_wrong_network_fails_for_its_own_reason(name, wrong, complaint):
    with pytest.raises(AssertionError, match=complaint):
        assert_equivariant(GroupConvolutions(name, wrong), images(), name)


def test_a_network_of_rotations_is_not_equivariant_under_reflections():
    with pytest.raises((AssertionError, ValueError)):
        assert_equivariant(GroupConvolutions("c4"), images(), "d4")
    error = equivariance_error(GroupConvolutions("c4"), images(), group="d4", elements=[4], probes=["logits"])
    assert error.probes["logits"].worst_exact > 0.01


def test_the_check_leaves_the_network_as_it_was_and_looks_at_the_output_of_any():
    network = GroupConvolutions().train()
    assert_equivariant(network, images(), "c4")
    assert network.training and network.lift.dtype == torch.float32
    with pytest.raises(AssertionError, match="Flatten must be equivariant under c4.* at logits"):
        assert_equivariant(nn.Flatten(), images(), "c4")


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_attention_maps_of_both_layouts_are_checked_when_named(name):
    probes = ["lifting_attention", "group_attention"]
    assert max(assert_equivariant(WindowAttention(name), images(1, 6), name, probes=probes).values()) < 1e-12
    network = WindowAttention(name)
    network.convolutions.wrong = "plane"
    for probe in probes:
        with pytest.raises(AssertionError, match=f"at {probe}"):
            assert_equivariant(network, images(1, 6), name, probes=[probe])


def test_a_shear_moves_pixels_exactly():
    assert sheared(torch.arange(9.0).reshape(3, 3)).tolist() == [[0, 1, 2], [5, 3, 4], [7, 8, 6]]


def test_members_give_rounding_error_and_non_members_give_a_large_one():
    error = equivariance_error(GroupConvolutions("d4"), images(), group="d4")
    assert [str(each) for each in error.transforms][-1] == "270° after the mirror"
    assert all(probe.worst_exact < 2e-6 for probe in error.probes.values())
    between = equivariance_error(GroupConvolutions("d4"), images(), group="d4", angles_deg=[45.0])
    assert all(probe.mean[0] > 0.01 for probe in between.probes.values())


def test_the_error_of_a_five_axis_map_is_not_silently_zero():
    """A published tool un-turns maps of three and four axes only, and calls the rest equivariant."""
    for wrong in ("plane", "axis"):
        error = equivariance_error(GroupConvolutions("c4", wrong), images(), group="c4", elements=[1, 2, 3])
        assert error.probes["mixed"].error.min() > 0.05
    bad = nn.Sequential(nn.Unflatten(2, (2, 4)), Probe("plane_map")).eval()
    bad[1].name = "bad"
    with pytest.raises(ValueError, match="plane_map must have 4 axes, got 5"):
        equivariance_error(bad, images())
    bad[1].kind = "feature_map"
    with pytest.raises(ValueError, match="needs the group"):
        equivariance_error(bad, images())


def test_quarter_turns_by_angle_equal_the_groups_elements():
    network = GroupConvolutions("c4", "axis")
    by_angle = equivariance_error(network, images(), group="c4", angles_deg=[90.0, 180.0])
    by_element = equivariance_error(network, images(), group="c4", elements=[1, 2])
    for name, probe in by_angle.probes.items():
        assert probe.how == ("exact", "exact")
        assert np.allclose(probe.error, by_element.probes[name].error, atol=1e-12)


def test_the_error_is_the_formula():
    network, x = GroupConvolutions("c4", "axis").double(), images(1).double()
    acting, held = group("c4"), {}
    network.mixed_probe.register_forward_hook(lambda _m, _i, out: held.update(z=out.detach()))
    measured = equivariance_error(network, x, group="c4", elements=[1], probes=["mixed"]).probes["mixed"]
    from e2viz.images.rotate import rotate

    still = rotate(x, 0.0)
    network(still)
    z = held["z"]
    network(still.rot90(1, (-2, -1)))
    back = acting.act_on_feature_map(held["z"], 3)
    mask = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]])
    expected = ((back - z) * mask).norm() / (z * mask).norm()
    assert measured.error[0, 0] == pytest.approx(float(expected), rel=1e-12)


def test_floor_and_ceiling_stand_beside_the_error():
    found = equivariance_error(GroupConvolutions("c4"), smooth(), group="c4", angles_deg=[0.0, 90.0, 30.0])
    mixed, logits = found.probes["mixed"], found.probes["logits"]
    assert mixed.floor[:2].max() == 0 and 0 < mixed.floor[2].mean() < mixed.mean[2]
    assert logits.floor.max() == 0
    assert mixed.how == ("exact", "exact", "plane and group axis interpolated")
    assert logits.how == ("exact", "exact", "picture interpolated")
    assert found.probes["votes"].how[2] == "picture and group axis interpolated"
    assert logits.worst_exact < 1e-5 < logits.mean[2]  # only what is exact counts as such
    assert (mixed.ceiling[:2] > 100 * mixed.error[:2]).all()
    assert np.allclose(found.table()[2], mixed.mean) and found.angles_deg.tolist() == [0, 90, 30]


def test_a_measurement_without_the_floor_changes_nothing_else():
    asked = dict(group="c4", angles_deg=[30.0])
    found = equivariance_error(GroupConvolutions("c4"), smooth(), floor=False, **asked).probes["mixed"]
    with_floor = equivariance_error(GroupConvolutions("c4"), smooth(), **asked).probes["mixed"]
    assert found.floor is None and with_floor.floor is not None
    assert np.array_equal(found.error, with_floor.error) and np.array_equal(found.ceiling, with_floor.ceiling)


def test_the_ceiling_of_one_image_needs_another():
    assert equivariance_error(GroupConvolutions(), images(1), group="c4").probes["logits"].ceiling is None
    found = equivariance_error(GroupConvolutions(), images(1), group="c4", other=images(1, seed=9))
    assert found.probes["logits"].ceiling.min() > 1e-3
    same = equivariance_error(GroupConvolutions(), images(1), group="c4", other=images(1)).probes["mixed"]
    assert np.allclose(same.ceiling, same.error)


def test_patch_tokens_are_measured_as_a_plane_and_logits_as_invariants():
    found = equivariance_error(Patches(), images(), angles_deg=[90.0, 30.0])
    assert list(found.probes) == ["tokens", "logits"]
    assert found.probes["tokens"].how == ("exact", "plane interpolated")
    assert found.probes["tokens"].error.min() > 0.1 and found.probes["logits"].error.min() > 0.01
    assert len(equivariance_error(Patches(), images()).transforms) == 8


def transposing(network, name):
    return Subject(name="t", network=network, prepare=lambda x: x.transpose(-1, -2), transposed=True, group=group(name))


@pytest.mark.parametrize("name", ["c4", "d4", "c2", "d2"])
def test_a_model_that_sees_transposed_images_is_equivariant_on_the_upright_picture(name):
    model = transposing(GroupConvolutions(name), name)
    error = equivariance_error(model, images())
    assert all(probe.worst_exact < 2e-6 for probe in error.probes.values())
    assert equivariance_error(transposing(GroupConvolutions(name, "axis"), name), images()).table().max() > 0.05


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_transposed_attention_moves_with_the_upright_picture_too(name):
    probes = ["lifting_attention", "group_attention"]
    error = equivariance_error(transposing(WindowAttention(name), name), images(1, 6), probes=probes)
    assert all(probe.worst_exact < 2e-6 for probe in error.probes.values())
    model = transposing(Patches(), "c4")
    tokens = equivariance_error(model, images(), probes=["tokens"]).probes["tokens"]
    plain = equivariance_error(Patches(), images().transpose(-1, -2), probes=["tokens"]).probes["tokens"]
    assert tokens.error[1] == pytest.approx(plain.error[3], rel=1e-6)  # it turns the other way


def test_transposition_on_elements_and_tokens():
    assert conjugated(group("c4")).tolist() == [0, 3, 2, 1]
    assert conjugated(group("d4")).tolist() == [0, 3, 2, 1, 6, 5, 4, 7]
    tokens = torch.arange(5.0)[None, :, None]
    assert upright(tokens, "tokens", None).flatten().tolist() == [0, 1, 3, 2, 4]
    pair = upright(tokens * torch.arange(5.0), "token_attention", None)
    assert pair[0, 2].tolist() == [0, 3, 9, 6, 12]
    with pytest.raises(ValueError, match="needs the group"):
        upright(torch.zeros(1, 1, 4, 2, 2), "feature_map", None)


def test_an_untrained_copy_is_measured_beside_it_and_shares_nothing():
    class Configured(GroupConvolutions):
        def __init__(self, config):
            super().__init__(seed=int(torch.randint(1000, ())))
            self.config = config

    torch.manual_seed(5)
    network = Configured({})
    state = torch.random.get_rng_state()
    fresh = untrained_copy(network, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(fresh.lift, network.lift) and torch.equal(fresh.lift, untrained_copy(network, 1).lift)
    error = equivariance_error(network, images(), group="c4", angles_deg=[30.0], untrained=True)
    assert error.untrained.probes["mixed"].error[0, 0] != error.probes["mixed"].error[0, 0]
    with pytest.raises(TypeError, match="needs network.config"):
        untrained_copy(GroupConvolutions())


def test_a_picture_and_other_rotations_and_half_precision():
    picture = Picture(values=smooth(1, 56)[0], name="p")
    seen = Subject(name="n", network=GroupConvolutions("c4"), group=group("c4"), size=28)
    assert equivariance_error(seen, picture, elements=[1]).probes["logits"].worst_exact < 2e-6
    fair = equivariance_error(seen, picture, angles_deg=[45.0]).probes["logits"].mean[0]
    naive = equivariance_error(seen, picture, angles_deg=[45.0], method="naive").probes["logits"].mean[0]
    own = equivariance_error(seen, picture, angles_deg=[45.0], method=lambda x, _: x).probes["logits"].mean[0]
    assert own == 0 and fair != naive
    half = Subject(name="h", network=GroupConvolutions("c4").bfloat16(), group=group("c4"), size=28)
    rounded = equivariance_error(half, picture, angles_deg=[45.0]).probes["logits"].mean[0]
    assert 0 < abs(rounded - fair) < fair


def test_progress_is_called_between_chunks_and_cancels():
    calls = []
    equivariance_error(
        GroupConvolutions(), images(1), group="c4", angles_deg=[1.0] * 5, chunk=2,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert calls == [(2, 5), (4, 5), (5, 5)]


def test_what_does_not_fit_is_refused():
    with pytest.raises(LookupError, match="no probe 'nowhere'"):
        equivariance_error(GroupConvolutions(), images(), group="c4", probes=["nowhere"])
    with pytest.raises(ValueError, match="act exactly on pixels, got 1 of c8"):
        equivariance_error(Patches(), images(), group="c8", elements=[1])
    with pytest.raises(ValueError, match="eval mode"):
        equivariance_error(GroupConvolutions().train(), images(), group="c4")
    with pytest.raises(TypeError, match="module"):
        subject("ge_vit")


def test_a_dead_probe_gives_no_number_instead_of_a_good_one():
    class Dead(nn.Module):
        def __init__(self):
            super().__init__()
            self.probe = Probe("vector")
            name_probes(self)
            self.probe.name = "dead"
            self.eval()

        def forward(self, x):
            return self.probe(torch.zeros(len(x), 3))

    assert np.isnan(equivariance_error(Dead(), images(), elements=[1]).probes["dead"].error).all()
    with pytest.raises(AssertionError, match="got nan"):
        assert_equivariant(Dead(), images(), "c4")
