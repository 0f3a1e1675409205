"""Turning records: exact where it can be, labelled where it is not, and never silently unturned."""

import pytest
import torch

from e2viz.groups import group
from e2viz.measure.turning import (
    disc,
    exactness,
    on_step,
    patch_map,
    stabilise,
    turn,
    turn_group_axis,
    turn_plane,
)  # fmt: skip

C4, C8, D4 = group("c4"), group("c8"), group("d4")


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def blob(size=40):
    """A smooth picture, off centre, so that interpolation error is small and direction is visible."""
    x = torch.linspace(-1, 1, size, dtype=torch.float64)
    y, x = torch.meshgrid(-x, x, indexing="ij")
    return torch.exp(-8 * ((x - 0.4) ** 2 + y**2)), x, y


@pytest.mark.parametrize("acting", [C4, D4])
def test_quarter_turns_are_the_groups_own_action_bit_for_bit(acting):
    maps = noise(2, acting.order, 6, 6)
    for element in range(4):
        assert torch.equal(turn(maps, 90.0 * element, acting), acting.act_on_feature_map(maps, element))
    assert torch.equal(turn(maps, -90.0, acting), acting.act_on_feature_map(maps, 3))


def test_the_plane_turns_counter_clockwise_in_between():
    picture, x, y = blob()
    turned = turn_plane(picture, 30.0)
    total = turned.sum()
    assert float((turned * x).sum() / total) == pytest.approx(0.4 * 3**0.5 / 2, abs=0.01)
    assert float((turned * y).sum() / total) == pytest.approx(0.2, abs=0.01)


def test_there_and_back_is_nearly_the_same_inside_the_disc():
    picture, _, _ = blob()
    for angle in (17.0, 45.0, 130.0, 200.0):
        back = turn_plane(turn_plane(picture, angle), -angle)
        assert ((back - picture) * disc(40)).norm() < 0.02 * picture.norm()


def test_an_even_angle_beyond_45_is_a_quarter_turn_and_a_rest():
    maps = noise(3, 7, 7)
    assert torch.allclose(turn_plane(maps, 120.0), turn_plane(maps, 30.0).rot90(1, (-2, -1)), atol=1e-12)


def test_a_multiple_of_45_moves_the_group_axis_of_c8_exactly():
    maps = noise(8, 4, 4)
    assert torch.equal(turn_group_axis(maps, 45.0, C8), C8.act_on_group_axis(maps, 1, -3))
    assert torch.equal(turn_group_axis(maps, -135.0, C8), C8.act_on_group_axis(maps, 5, -3))


def test_between_elements_the_group_axis_is_interpolated_round_the_circle():
    maps = torch.zeros(4, 1, 1, dtype=torch.float64)
    maps[3] = 1.0
    assert turn_group_axis(maps, 22.5, C4)[:, 0, 0].tolist() == [0.25, 0.0, 0.0, 0.75]
    assert turn_group_axis(maps, -22.5, C4)[:, 0, 0].tolist() == [0.0, 0.0, 0.25, 0.75]


def test_reflections_go_round_the_same_way_as_rotations():
    maps = torch.zeros(8, 1, 1, dtype=torch.float64)
    maps[7] = 1.0  # R³F
    assert turn_group_axis(maps, 22.5, D4)[:, 0, 0].tolist() == [0, 0, 0, 0, 0.25, 0, 0, 0.75]


@pytest.mark.parametrize(
    ("angle_deg", "acting", "label"),
    [
        (90.0, C4, "exact"),
        (-270.00001, C4, "exact"),
        (45.0, C4, "plane and group axis interpolated"),
        (45.0, C8, "plane interpolated"),
        (90.0, group("c2"), "group axis interpolated"),
        (90.0, None, "exact"),
        (30.0, None, "plane interpolated"),
    ],
)
def test_labels_say_what_is_interpolated(angle_deg, acting, label):
    assert exactness(angle_deg, acting) == label


def test_a_group_axis_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="length 4 for c4, got 8"):
        turn_group_axis(noise(8, 3, 3), 90.0, C4)


def test_the_disc_has_no_corners_and_the_symmetry_of_the_square():
    for size in (1, 2, 4, 5, 12, 28):
        mask = disc(size)
        assert torch.equal(mask, mask.rot90()) and torch.equal(mask, mask.flip(0))
    assert disc(4).tolist() == [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]


def test_patch_tokens_are_rows_of_patches_after_the_class_token():
    tokens = torch.arange(10.0)[None, :, None]
    assert patch_map(tokens)[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert patch_map(tokens[:, 1:])[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    registers = torch.arange(14.0)[None, :, None]
    assert patch_map(registers)[0, 0].tolist() == [[5, 6, 7], [8, 9, 10], [11, 12, 13]]
    with pytest.raises(ValueError, match="square of patches"):
        patch_map(torch.zeros(1, 34, 1))


def test_the_stabilised_view_of_an_equivariant_record_stands_still():
    still = noise(3, 4, 6, 6)
    angles = torch.tensor([0.0, 90.0, 180.0, 270.0])
    record = torch.stack([C4.act_on_feature_map(still, element) for element in range(4)])
    view = stabilise(record, angles, C4)
    assert view.how == ("exact",) * 4
    assert torch.equal(view.maps, still.expand_as(view.maps))
    assert view.residual().abs().max() == 0


def test_the_stabilised_view_of_a_record_whose_group_axis_does_not_move_does_not():
    still = noise(3, 4, 6, 6)
    record = torch.stack([C4.act_on_plane(still, element) for element in range(4)])
    assert stabilise(record, torch.tensor([0.0, 90.0, 180.0, 270.0]), C4).residual().norm() > still.norm()


def test_a_five_axis_record_is_never_passed_on_unturned():
    with pytest.raises(ValueError, match="4 axes without a group, got 5"):
        stabilise(noise(2, 3, 4, 6, 6), torch.tensor([0.0, 90.0]), None)
    with pytest.raises(ValueError, match="5 axes with a group, got 4"):
        stabilise(noise(2, 3, 6, 6), torch.tensor([0.0, 90.0]), C4)


def test_slider_angles_count_as_on_step():
    assert on_step(float(torch.tensor(270.0) + 2e-5), 90.0) and not on_step(1e-3, 90.0)
