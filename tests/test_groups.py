import itertools

import numpy as np
import pytest
import torch

from e2viz.groups import Group, group

GROUPS = ["c1", "c4", "c8", "d1", "d4", "d8"]


@pytest.mark.parametrize("name", GROUPS)
def test_composition_is_that_of_the_matrices(name):
    g = group(name)
    for a, b in itertools.product(g.elements, repeat=2):
        np.testing.assert_allclose(g.matrix(a) @ g.matrix(b), g.matrix(g.compose(a, b)), atol=1e-12)
        assert g.cayley[a, b] == g.compose(a, b)
    for a in g.elements:
        assert g.compose(a, g.inverse(a)) == 0
        assert g.inverses[a] == g.inverse(a)


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_the_action_on_a_feature_map_is_a_left_action_bit_for_bit(name):
    g = group(name)
    maps = torch.randn(2, 3, g.order, 5, 5, generator=torch.Generator().manual_seed(0))
    for a, b in itertools.product(g.elements, repeat=2):
        once = g.act_on_feature_map(maps, g.compose(a, b))
        assert torch.equal(g.act_on_feature_map(g.act_on_feature_map(maps, b), a), once)


def test_the_action_moves_pixels_as_the_matrices_move_points():
    g = group("d4")
    plane = torch.zeros(5, 5)
    plane[0, 3] = 1.0  # x = 1, y = 2 from the centre
    for a in g.elements:
        x, y = g.matrix(a) @ np.array([1.0, 2.0])
        assert g.act_on_plane(plane, a)[2 - int(y), 2 + int(x)] == 1.0


def test_a_quarter_turn_moves_the_group_index_up_by_one():
    maps = torch.arange(4.0)[:, None, None].expand(4, 2, 2)
    assert group("p4").act_on_feature_map(maps, 1)[:, 0, 0].tolist() == [3.0, 0.0, 1.0, 2.0]


def test_only_quarter_turns_are_exact():
    g = group("c8")
    assert [g.is_exact(e) for e in g.elements] == [True, False] * 4
    with pytest.raises(ValueError, match="multiples of 90 degrees"):
        g.act_on_plane(torch.zeros(4, 4), 1)


def test_names_and_errors():
    assert group("p4m") is group("p4m") == Group(4, True)
    assert group("C16").order == 16
    with pytest.raises(LookupError, match="c4"):
        group("q4")
    with pytest.raises(ValueError, match="at least 1"):
        Group(0)
    with pytest.raises(ValueError, match="must have length 4"):
        group("c4").act_on_group_axis(torch.zeros(3, 2), 1, 0)
    with pytest.raises(ValueError, match="must be in 0..3"):
        group("c4").compose(4, 0)
