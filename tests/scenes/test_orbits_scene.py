import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.render.recipe import Recipe
from e2viz.scenes import orbits
from e2viz.scenes.untrained import fresh_subject

PICTURE = sample("mnist-4")
ANGLES_DEG = np.arange(8) * 45.0


@pytest.fixture(scope="module")
def measured():
    models = [
        fresh_subject("c4", name="ge_vit_small", width=4, heads=2, depth=6),
        fresh_subject("c4", name="gsa_net_small", width=4, heads=2, depth=6, rule="gsa_net"),
    ]
    found = orbits.swept(models, PICTURE, ANGLES_DEG, "fair")
    return models, found, orbits.turnings(models, found)


def test_an_equivariant_embedding_is_a_point_at_the_groups_angles(measured):
    _, _, turning = measured
    assert turning["ge_vit_small"].exact_radius < 1e-5
    assert turning["gsa_net_small"].exact_radius > 1e-4
    assert turning["ge_vit_small"].orbit.relative_radius > 1e-4


def test_the_compass_turns_with_the_picture(measured):
    _, _, turning = measured
    reading = turning["ge_vit_small"].compass
    assert orbits.follows(turning["ge_vit_small"], ANGLES_DEG) == 1.0
    assert (np.diff(reading.angles_deg[::2]) % 360 == 90).all()


def test_a_dot_walks_along_the_path(measured):
    _, found, turning = measured
    recipe = Recipe(page="orbits", picture="mnist-4", angles=8)
    scene = orbits.compose(recipe, turning, found, PICTURE)
    chart = scene.charts[0]
    (walking,) = (track for track in chart.tracks if track.follows)
    orbit = next(iter(turning.values())).orbit
    path = orbit.path / orbit.size
    assert orbit.size > 0 and np.isclose(orbit.radius, orbit.relative_radius * orbit.size)
    assert np.allclose(walking.x, path[:-1, 0]) and np.allclose(walking.y, path[:-1, 1])
    assert chart.square and chart.x.high >= np.abs(path).max() and chart.x.high == chart.y.high
    assert scene.rows[0].panels[0].probe == "orientation"
    boxes = scene.rows[0].panels[1].outline
    assert (boxes[:, 0] / boxes[:, 2]).tolist() == turning["ge_vit_small"].compass.elements.tolist()
    assert scene.title.startswith("A point or a loop? ")


def test_the_ground_is_one_of_two():
    with pytest.raises(ValueError, match="ground"):
        orbits.ground_of(Recipe(page="orbits", settings={"ground": "sea"}))
