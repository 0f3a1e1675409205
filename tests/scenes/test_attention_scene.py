import dataclasses

import numpy as np
import pytest
import torch

from e2viz.images.rotate import views
from e2viz.measure.sweep import sweep
from e2viz.render.recipe import Recipe
from e2viz.scenes import attention
from e2viz.scenes.attention_settings import Settings
from e2viz.scenes.planes import SIZE, attention_planes, striking_pixel, track, turned_point, upright_pixel
from e2viz.ui.player import pack
from tests.scenes.small import ge_vit, picture, vit

TURN = np.arange(8) * 45.0
POINT = (10, 12)


def recipe(**settings):
    return Recipe(page="attention", models=("a",), picture="mnist-4", angles=8, settings=settings)


def values(panel):
    return panel.low + panel.values / 255 * (panel.high - panel.low)


def test_planes_lie_where_crops_and_pools_leave_them():
    planes = attention_planes(ge_vit().network)
    assert [(name, plane.size, plane.pixel, plane.start) for name, plane in planes.items()] == [
        ("lifting.attention", 28, 1, 0),
        ("blocks.0.attention", 28, 1, 0),
        ("blocks.2.attention", 12, 2, 2),
        ("blocks.3.attention", 8, 2, 6),
    ]
    assert attention_planes(vit().network) == {}


def test_a_point_follows_the_picture():
    image = torch.zeros(1, SIZE, SIZE)
    image[0, POINT[0], POINT[1]] = 1.0
    dot = dataclasses.replace(picture(), values=image)
    seen = views(dot, torch.from_numpy(TURN), SIZE)[:, 0].flatten(1)
    points = turned_point(*POINT, SIZE, TURN)
    for frame, angle in enumerate(TURN):
        brightest = np.array(divmod(int(seen[frame].argmax()), SIZE))
        assert np.abs(points[frame] - 0.5 - brightest).max() <= 0.75
        row, column = np.floor(points[frame]).astype(int)
        back = upright_pixel(int(row), int(column), SIZE, float(angle))
        assert np.abs(np.subtract(back, POINT)).max() <= 1
        assert angle % 90 or back == POINT, "a quarter turn and back is the same pixel"


def test_the_striking_pixel_is_on_the_stroke():
    image = views(picture(), torch.zeros(1), SIZE)[0, 0].numpy()
    row, column = striking_pixel(image, 5.6)
    assert np.hypot(row + 0.5 - 14, column + 0.5 - 14) <= 5.6
    assert np.ptp(image[row - 1 : row + 2, column - 1 : column + 2]) > 0.5


def test_one_pass_for_a_chunk_gives_what_each_frame_alone_gives():
    model = ge_vit()
    planes = attention_planes(model.network)
    pixels = {name: torch.from_numpy(track(plane, POINT, TURN))[:, None] for name, plane in planes.items()}
    alone = sweep([model], picture(), TURN, list(planes), pixels=pixels)
    together = attention.captured(model, picture(), TURN, point=POINT, chunk=3)
    for name in planes:
        np.testing.assert_allclose(together.records[model.name][name], alone.records[model.name][name], atol=1e-5)


def test_a_window_is_drawn_where_it_lies():
    plane = attention_planes(ge_vit().network)["blocks.2.attention"]
    window = np.arange(1.0, 10.0).reshape(1, 3, 3)
    drawn = plane.draw(window, np.array([[0, 5]]))[0]
    assert drawn[2, 2 + 2 * 5] == 5.0, "the middle of the window is the query pixel"
    assert drawn[4, 2 + 2 * 6 + 1] == 9.0
    assert not drawn[:2].any(), "what lies outside the plane is not drawn"
    assert plane.box(np.array([[0, 5]]), 3).tolist() == [[2, 10, 4, 6]]
    assert np.count_nonzero(drawn) == 4 * 6


@pytest.mark.parametrize("group_name", ["c4", "d4"])
@pytest.mark.parametrize("layer", ["lifting.attention", "blocks.2.attention"])
def test_attention_of_ge_vit_moves_with_the_picture(group_name, layer):
    model = ge_vit(group=group_name)
    part = attention.part(model, picture(), TURN, settings=Settings(layer=layer))
    assert set(part.facts["moved"]) == {"90", "180", "270"}
    assert part.facts["worst"] < 1e-5
    panels = part.rows[0].panels
    assert len(panels) == model.group.order
    for element in model.group.elements:
        moved = np.rot90(values(panels[element])[0])
        there = values(panels[model.group.compose(1, element)])[2]
        np.testing.assert_allclose(
            there, moved, atol=1.01 / 255 * panels[0].high, err_msg="90° is the upright one turned"
        )
    assert np.abs(values(panels[0])[2] - np.rot90(values(panels[0])[0])).max() > 0.03 * panels[0].high


def test_attention_of_a_mutant_and_of_a_vit_does_not():
    mutant = attention.part(
        ge_vit(group="c4", rule="gsa_net"), picture(), TURN, settings=Settings(layer="blocks.3.attention")
    )
    assert mutant.facts["worst"] > 1e-3
    assert attention.part(vit(), picture(), TURN).facts["worst"] > 1e-2


def test_a_model_that_sees_transposed_pictures_moves_too():
    part = attention.part(ge_vit(transposed=True), picture(), TURN)
    assert part.facts["worst"] < 1e-5


def test_axes_are_summed_or_chosen():
    model = ge_vit()
    swept = attention.captured(model, picture(), TURN, point=POINT)
    record = swept.records[model.name]["blocks.2.attention"][:, :, :, :, 0]

    def shown(**choice):
        settings = Settings(layer="blocks.2.attention", row=POINT[0], column=POINT[1], **choice)
        return attention.part(model, picture(), TURN, "fair", settings, swept).rows[0]

    row = shown()
    assert "sum over g, sum over m" in row.label and "mean of the heads" in row.label
    total = [values(panel)[0].sum() / 4 for panel in row.panels]
    np.testing.assert_allclose(total, 4.0, atol=0.1, err_msg="weights of four query elements, four pixels each")
    one = shown(spread="head", v="90°", g="180°", m="270°")
    assert len(one.panels) == 2 and "v = 90°, g = 180°, m = 270°" in one.label
    assert one.panels[0].high == pytest.approx(record[:, :, 1, 2, 3].max())
    assert len(shown(spread="query element g").panels) == len(shown(spread="key element m").panels) == 4


def test_a_vit_shows_class_token_patch_and_rollout():
    part = attention.part(vit(), picture(), TURN, settings=Settings(row=POINT[0], column=POINT[1]))
    first, rollout = part.rows
    assert first.halves and len(first.panels) == 4 and len(rollout.panels) == 2
    assert first.panels[0].probe == "layers.1.attention"
    swept = attention.captured(vit(), picture(), TURN, point=POINT)
    record = swept.records["vit_small"]["layers.1.attention"]
    patch = 1 + 7 * (POINT[0] // 4) + POINT[1] // 4
    expected = record[0, 1, patch, 1:].reshape(7, 7).repeat(4, 0).repeat(4, 1)
    np.testing.assert_allclose(values(first.panels[3])[0], expected, atol=first.panels[3].high / 255)
    layers = attention.part(vit(), picture(), TURN, settings=Settings(token_spread="layers")).rows[0]
    assert [panel.probe for panel in layers.panels[:2]] == ["layers.0.attention", "layers.1.attention"]


def test_the_scene_says_what_it_shows_and_fits():
    parts = {"ge_vit_a": attention.part(ge_vit(), picture(), TURN), "vit_b": attention.part(vit(), picture(), TURN)}
    scene = attention.compose(recipe(), parts, picture(), {"ge_vit_a": "GE-ViT", "vit_b": "ViT"})
    assert "GE-ViT’s weights in blocks.2 are the upright ones, moved, to" in scene.title
    assert "ViT’s in layers.1 are off by" in scene.title
    assert scene.rows[0].panels[0].palette == "grey" and scene.rows[0].panels[0].marker.shape == (8, 2)
    ring = scene.rows[0].panels[-1]
    for panel in scene.panels:
        assert panel.probe and (panel.palette == "grey" or panel.under is not None)
        assert panel is ring or panel.under is None or panel.under is scene.rows[0].panels[0].values, "sent once"
    assert "a quarter turn of the picture turns the whole ring" in scene.caption
    assert len(pack(scene)) * 72 / 8 < 3_000_000
    assert len(scene.numbers["angle_deg"]) == 8 and len(scene.numbers) > 8


def test_figure_6_shows_the_quarter_turns_below_each_other():
    parts = {"ge_vit_a": attention.part(ge_vit(), picture(), TURN)}
    scene = attention.compose(recipe(view="figure 6"), parts, picture())
    assert scene.frames == 1 and len(scene.rows) == 4
    assert [row.panels[0].title for row in scene.rows] == [f"turned {angle}°" for angle in (0, 90, 180, 270)]
    assert all(panel.frames == 1 for panel in scene.panels)


def test_settings_round_trip_and_wrong_ones_are_named():
    settings = Settings(view="figure 6", spread="head", head=2, row=3, column=4)
    assert Settings.read(settings.changed()) == settings and Settings().changed() == {}
    for wrong in ({"spread": "w"}, {"view": "figure 7"}, {"row": 28}, {"colour": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings.read(wrong)
