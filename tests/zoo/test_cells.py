"""Networks of cells with turns and mirror images built in: on real test cells, the same for all eight elements."""

import pytest
import torch

import e2viz
from e2viz import places
from e2viz.data.samples import offered_names, sample
from e2viz.data.sees import sees
from e2viz.groups import group
from e2viz.images.rotate import views
from tests.conftest import shared_path

D4 = group("d4")


@pytest.fixture
def images(monkeypatch):
    """A test cell of every class, as the networks see it upright."""
    monkeypatch.setenv(places.DATA_VARIABLE, str(shared_path("data/blood_cells.zip").parent))
    seen = [sees(sample(name), e2viz.data_set("blood")) for name in offered_names("blood")]
    assert len(seen) == 8
    return torch.cat([views(each, torch.zeros(1), 64) for each in seen]).float()


@pytest.mark.parametrize("name", ["gcnn_p4m.rotblood", "hybrid_p4m.rotblood"])
def test_turned_and_mirrored_cells_get_the_same_answer_to_1e_5(name, images):
    model = e2viz.load(name)
    upright = model.logits(images)
    for element in D4.elements[1:]:
        moved = model.logits(D4.act_on_plane(images, element))
        assert (moved - upright).abs().max() <= 1e-5, D4.angle_deg(element)
        assert (moved.softmax(1) - upright.softmax(1)).abs().max() <= 1e-5


def test_a_vit_of_the_same_cells_does_not(images):
    model = e2viz.load("vit.rotblood")
    moved = model.logits(D4.act_on_plane(images, 1))
    assert (moved.softmax(1) - model.logits(images).softmax(1)).abs().max() > 1e-4
