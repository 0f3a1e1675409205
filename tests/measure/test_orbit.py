"""Orbits of points that lie on known curves, and the compass of a network that has one."""

import numpy as np
import pytest
import torch

from e2viz.groups import group
from e2viz.measure.orbit import compass, orbit, principal_plane
from e2viz.measure.sweep import sweep
from tests.measure.test_sweep import named, picture
from tests.measure.tiny import GroupConvolutions


def circle(radius=2.0, frames=72, channels=5, lift=7.0):
    angle = np.arange(frames) * 2 * np.pi / frames
    points = np.full((frames, channels), lift)
    points[:, 1], points[:, 3] = radius * np.cos(angle), radius * np.sin(angle)
    return points


def test_a_circle_is_a_closed_path_of_its_radius():
    found = orbit(circle())
    assert found.path.shape == (73, 2) and np.array_equal(found.path[0], found.path[-1])
    assert np.allclose(np.linalg.norm(found.path, axis=1), 2.0)
    assert found.radius == pytest.approx(2.0)
    assert found.relative_radius == pytest.approx(2.0 / np.sqrt(3 * 49 + 4))
    assert found.length == pytest.approx(2 * 72 * 2.0 * np.sin(np.pi / 72))
    assert np.allclose(found.plane.explained, 0.5) and found.plane.spread == pytest.approx(2.0)


def test_an_invariant_is_a_point():
    found = orbit(np.ones((8, 4), dtype=np.float32))
    assert found.radius == found.relative_radius == found.length == 0.0
    assert not found.path.any() and not found.plane.explained.any()
    assert orbit(np.zeros((8, 4))).relative_radius == 0.0


def test_the_radius_is_taken_in_all_dimensions_not_on_the_drawn_plane():
    reference = np.zeros((10, 5))
    reference[:, 0] = np.arange(10)
    plane = principal_plane(reference)
    found = orbit(circle(), plane)
    assert found.radius == pytest.approx(2.0)
    assert np.allclose(found.path[:, 0], 7.0 - 4.5) and found.plane is plane


def test_principal_directions_are_the_widest_orthonormal_and_have_a_fixed_sign():
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    points = generator.normal(size=(400, 6)) * np.array([5, 3, 1, 0.1, 0.1, 0.1]) @ basis.T + 9
    plane = principal_plane(points, 3)
    assert np.allclose(plane.directions @ plane.directions.T, np.eye(3), atol=1e-12)
    assert abs(plane.directions[0] @ basis[:, 0]) > 0.99
    assert plane.explained[0] == pytest.approx(25 / 35, abs=0.05) and (np.diff(plane.explained) < 0).all()
    mirrored = principal_plane(2 * points.mean(axis=0) - points, 3)
    assert np.allclose(mirrored.directions, plane.directions)


def test_a_direction_beyond_the_sets_dimension_is_zero():
    plane = principal_plane(np.array([[1.0, 2.0]]), 3)
    assert plane.directions.shape == (3, 2) and not plane.explained.any()


def test_what_has_no_plane_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        principal_plane(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="finite"):
        principal_plane(np.array([[np.nan, 0.0]]))


def test_the_compass_turns_with_the_picture():
    acting = group("d4")
    found = sweep([named(GroupConvolutions("d4"), "a", "d4")], picture(), [0, 90, 180, 270], ["votes"])
    needle = compass(found.records["a"]["votes"], acting, of_class=2)
    assert needle.elements.tolist() == [acting.compose(turn, int(needle.elements[0])) for turn in range(4)]
    assert np.allclose(needle.margin, needle.margin[0], atol=1e-5) and needle.margin[0] > 0
    assert needle.classes.tolist() == [2] * 4
    assert (np.diff(needle.angles_deg) % 360).tolist() == [90.0] * 3
    assert needle.mirrored.tolist() == [needle.elements[0] >= 4] * 4


def test_the_compass_follows_the_predicted_class():
    votes = torch.zeros(2, 3, 4)
    votes[0, 1, 2], votes[1, 2, 3], votes[1, 2, 0] = 5.0, 4.0, 1.0
    needle = compass(votes.numpy(), group("c4"))
    assert needle.classes.tolist() == [1, 2] and needle.elements.tolist() == [2, 3]
    assert needle.angles_deg.tolist() == [180.0, 270.0] and needle.margin.tolist() == [5.0, 3.0]
    with pytest.raises(ValueError, match="8 entries"):
        compass(votes.numpy(), group("d4"))
