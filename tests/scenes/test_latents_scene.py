import numpy as np
import pytest
import torch

from e2viz.measure.turning import disc
from e2viz.render.recipe import Recipe
from e2viz.scenes import latents
from e2viz.scenes.latent_maps import layer_of
from e2viz.scenes.latents import Settings
from e2viz.ui.player import pack
from tests.scenes.small import ge_vit, picture, vit

TURN = np.arange(8) * 45.0
QUARTERS = np.arange(4) * 90.0


def recipe(**settings):
    return Recipe(page="latents", models=("a",), picture="mnist-4", angles=8, settings=settings)


def values(panel):
    return panel.low + panel.values / 255 * (panel.high - panel.low)


def turned_back(model, angles=QUARTERS):
    swept = latents.captured(model, picture(), angles)
    return [
        layer_of(name, swept.record(model.name, name), model).turned_back(angles) for name in latents.layers_of(model)
    ]


@pytest.mark.parametrize(
    "model", [ge_vit(), ge_vit(transposed=True), ge_vit(group="d4")], ids=["c4", "transposed", "d4"]
)
def test_the_stabilised_view_of_ge_vit_is_constant_at_quarter_turns(model):
    for layer in turned_back(model):
        for frame in (1, 2, 3):
            assert layer.how[frame] == "exact"
            away = (layer.back[frame] - layer.back[0]).abs().max() / layer.back[0].abs().max()
            assert away < 1e-5, f"{layer.name}: {away} at {QUARTERS[frame]:g}°"
        raw = (layer.maps[1] - layer.maps[0]).norm() / layer.maps[0].norm()
        assert raw > 0.05, f"{layer.name} must turn before it is turned back"


@pytest.mark.parametrize("model", [ge_vit(rule="gsa_net"), vit()], ids=["mutant", "vit"])
def test_that_of_a_mutant_and_of_a_vit_is_not(model):
    last = turned_back(model)[-1]
    assert last.worst_exact > 1e-3
    assert (last.back[1] - last.back[0]).abs().max() / last.back[0].abs().max() > 1e-3


def test_the_old_rule_stands_beside_the_same_weights():
    models = latents.shown([ge_vit(), vit()], Settings(old_rule=True))
    assert [model.name for model in models] == ["ge_vit_small", "gsa_net rule of ge_vit_small", "vit_small"]
    assert latents.shown([ge_vit(), vit()], Settings())[0].name == "ge_vit_small"
    parts = {model.name: latents.part(model, picture(), TURN) for model in models}
    assert parts["ge_vit_small"].facts["worst"] < 1e-5 < 1e-3 < parts[models[1].name].facts["worst"]
    labels = latents.labels_of(parts)
    scene = latents.compose(recipe(old_rule=True), parts, picture(), labels)
    assert f"the feature maps of {labels['ge_vit_small']} with GSA-Net’s rule still move" in scene.title
    assert latents.kept_settings(Settings(old_rule=True)) == {}, "what a model itself shows stays kept"


def test_turning_the_plane_alone_is_not_enough():
    layer = turned_back(ge_vit())[-1]
    alone = torch.rot90(layer.maps[1], -1, (-2, -1)) * disc(layer.size).float()
    assert (alone - layer.back[0]).norm() / layer.back[0].norm() > 0.02


def test_rows_are_elements_and_columns_layers():
    model = ge_vit()
    part = latents.part(model, picture(), TURN)
    assert [row.label.split(",")[0] for row in part.rows[:4]] == [f"element {a}°" for a in (0, 90, 180, 270)]
    columns = ["lifting", "blocks.0", "blocks.1", "blocks.2", "blocks.3"]
    assert [panel.probe for panel in part.rows[0].panels] == 2 * columns and part.rows[0].halves
    swept = latents.captured(model, picture(), TURN)
    shown = part.rows[2].panels[1]
    expected = swept.records[model.name]["blocks.0"][:, 0, 2]
    np.testing.assert_allclose(values(shown), expected, atol=0.51 / 255 * (shown.high - shown.low) + 1e-6)
    assert shown.palette == "diverging" and shown.low == -shown.high
    back = part.rows[2].panels[1 + len(columns)]
    assert (back.low, back.high) == (shown.low, shown.high)
    assert np.abs(values(back)[2] - values(back)[0]).max() <= (back.high - back.low) / 255
    moving = part.rows[4].panels
    assert [panel.probe for panel in moving] == 2 * columns and part.rows[4].halves
    turning, still = moving[0], moving[len(columns)]
    assert turning.high == still.high and turning.values[2].max() > 50
    assert still.values[2].max() == 0 < still.values[1].max(), "exact at 90°, interpolated at 45°"
    assert "%" in turning.caption and "·10⁻" in still.caption
    assert part.facts["table"][0]["at quarter turns"] == still.caption
    assert "%" in part.facts["table"][0]["resampling alone, 45°"]


def test_channel_layers_and_elements_are_chosen():
    settings = Settings(channel=-1, layers=("blocks.2",), elements=("270°", "90°"))
    part = latents.part(ge_vit(), picture(), TURN, settings=settings)
    assert [row.label for row in part.rows[:2]] == [
        "element 90°, root mean square of 4 channels", "element 270°, root mean square of 4 channels"
    ]  # fmt: skip
    assert [panel.probe for panel in part.rows[0].panels] == ["blocks.2"] * 2
    assert part.rows[0].panels[0].palette == "viridis" and part.rows[0].panels[0].low == 0
    figure = latents.part(ge_vit(), picture(), TURN, settings=Settings(view="figure 7"))
    assert len(figure.rows) == 4 and not figure.rows[0].halves


def test_a_vit_has_one_row_of_patch_tokens():
    part = latents.part(vit(), picture(), TURN)
    assert len(part.rows) == 2 and part.rows[0].label.startswith("patch token, channel 0 of 16")
    assert part.rows[0].panels[0].values.shape == (8, 7, 7)
    assert part.facts["unit"] == "patch tokens" and part.facts["how"] == "plane interpolated"


def test_the_scene_says_what_moves_and_what_is_interpolated():
    models = {"ge_vit_a": ge_vit(), "gsa_net_a": ge_vit(rule="gsa_net"), "vit_b": vit()}
    parts = {name: latents.part(model, picture(), TURN) for name, model in models.items()}
    labels = {"ge_vit_a": "GE-ViT", "gsa_net_a": "GSA-Net", "vit_b": "ViT"}
    scene = latents.compose(recipe(), parts, picture(), labels)
    assert "GE-ViT’s feature maps stand still, to" in scene.title
    assert "GSA-Net’s feature maps still move, by" in scene.title and "ViT’s patch tokens still move, by" in scene.title
    assert "GE-ViT: plane and group axis interpolated (elements every 90°)" in scene.caption
    assert "ViT: plane interpolated" in scene.caption
    assert all(panel.probe for panel in scene.panels)
    assert scene.numbers["ge_vit_a blocks.0"][2] < 1e-5 < scene.numbers["ge_vit_a blocks.0"][1]
    assert len(pack(scene)) * 72 / 8 < 3_000_000


def test_settings_round_trip_through_a_recipe():
    settings = Settings(view="figure 7", channel=3, layers=("lifting",), elements=("90°", "180°"))
    made = Recipe.from_json(recipe(**settings.changed()).to_json())
    assert Settings.read(made.settings) == settings
    query = recipe(**settings.changed()).to_query()
    assert Settings.read(Recipe.from_query("latents", query).settings) == settings
    with pytest.raises(ValueError, match="view"):
        Settings(view="figure 8")
    with pytest.raises(ValueError, match="colour"):
        Settings.read({"colour": 1})
