import numpy as np
import pytest
import torch

from e2viz.groups import group
from e2viz.measure.subject import Subject
from e2viz.models.post_hoc import PostHoc
from e2viz.scenes import attention
from e2viz.scenes.view_attention import attends_to_views
from tests.scenes.small import picture, vit
from tests.scenes.test_attention_scene import TURN, recipe, values

QUARTERS = np.arange(4) * 90.0


def wrapped(name="c4"):
    torch.manual_seed(0)
    network = vit().network
    learned = PostHoc(network, "learned_attention", name, network.embed, network.head)
    learned.aggregate.attention.in_projection.weight.data.mul_(8.0)
    learned = learned.eval().requires_grad_(False)
    return Subject(name="vit_small+learned_attention", network=learned, group=group(name), checksum="a", size=28)


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_attention_to_the_views_moves_with_the_picture(name):
    model = wrapped(name)
    swept = attention.captured(model, picture(), QUARTERS)
    part = attention.part(model, picture(), QUARTERS, swept=swept)
    assert attends_to_views(model) and not attends_to_views(vit())
    assert set(part.facts["moved"]) == {"90", "180", "270"} and part.facts["worst"] < 1e-4
    ring, by_head = part.rows[0].panels
    record = swept.records[model.name]["aggregate.attention"]
    assert by_head.high == pytest.approx(record[:, :, 0, 1:].max())
    tall = by_head.values.shape[1] // record.shape[1]
    np.testing.assert_allclose(values(by_head)[:, ::tall], record[:, :, 0, 1:], atol=0.51 / 255 * by_head.high)
    assert np.ptp(values(by_head)[0]) > 0.2 * by_head.high, "the views do not all get the same"
    for frame in range(4):
        away = ring.values[frame].astype(int) - np.rot90(ring.values[0], frame)
        assert np.abs(away).max() <= 1, "the ring turns with the picture"
    size = ring.values.shape[-1]
    middle = ring.under[1, size // 2 - 14 : size // 2 + 14, size // 2 - 14 : size // 2 + 14]
    np.testing.assert_allclose(middle / 255, swept.images[1].mean(0), atol=0.003)


def test_the_page_says_what_it_shows_and_fits():
    model = wrapped("c8")
    part = attention.part(model, picture(), TURN)
    scene = attention.compose(recipe(), {model.name: part}, picture(), {model.name: "ViT, wrapped"})
    assert "ViT, wrapped’s weights in aggregate are" in scene.title
    assert all(panel.probe for panel in scene.panels)
    assert "8 views of the picture" in scene.caption
