"""Parts that are shipped: used only while they agree with picture, weights and settings."""

import numpy as np
import pytest

from e2viz.scenes import attention, keep, kept, latents
from e2viz.zoo import catalogue
from tests.scenes.small import ge_vit, picture

TURN = np.arange(4) * 90.0


@pytest.fixture(scope="module")
def part():
    return attention.part(ge_vit(), picture(), TURN)


def key(**changes):
    values = {"page": "attention", "model": ge_vit(), "picture": picture(), "angles_deg": TURN, "method": "fair"}
    return kept.key_of(**values | {"settings": {}} | changes)


def test_a_kept_part_is_the_part_again(part, tmp_path):
    kept.save(part, tmp_path / "a.npz", key(), "weights")
    found = kept.load(tmp_path / "a.npz", key())
    assert found.facts == part.facts and found.under == part.under
    assert [row.label for row in found.rows] == [row.label for row in part.rows]
    for one, other in zip(found.rows[0].panels, part.rows[0].panels, strict=True):
        assert np.array_equal(one.values, other.values)
        assert (one.title, one.palette, one.low, one.high, one.probe) == (
            other.title, other.palette, other.low, other.high, other.probe
        )  # fmt: skip
        assert np.array_equal(one.marker, other.marker) and np.array_equal(one.outline, other.outline)


def test_what_does_not_agree_is_not_used(part, tmp_path):
    kept.save(part, tmp_path / "a.npz", key(), "weights")
    for changes in (
        {"model": ge_vit("other")}, {"picture": picture("mnist-6")}, {"angles_deg": TURN + 1}, {"method": "naive"},
        {"settings": {"head": 1}}, {"page": "latents"},
    ):  # fmt: skip
        assert kept.load(tmp_path / "a.npz", key(**changes)) is None, changes
    assert kept.load(tmp_path / "b.npz", key()) is None


def test_parts_of_other_weights_are_named_and_removed(part, tmp_path, monkeypatch):
    cards = {"a": type("Card", (), {"weights_checksum": "now"})}
    monkeypatch.setattr(catalogue, "list_models", lambda folder=None: list(cards))
    monkeypatch.setattr(catalogue, "card", cards.__getitem__)
    kept.save(part, kept.path_of("attention", "a", "mnist-8", tmp_path), "key", "before")
    kept.save(part, kept.path_of("attention", "a", "mnist-6", tmp_path), "key", "now")
    kept.save(part, kept.path_of("attention", "gone", "mnist-6", tmp_path), "key", "now")
    assert keep.stale(tmp_path) == ["attention/mnist-6.gone.npz", "attention/mnist-8.a.npz"]
    keep.prune(tmp_path, tell=lambda _: None)
    assert keep.stale(tmp_path) == [] and len(list(tmp_path.glob("*/*.npz"))) == 1


def test_what_is_shipped_agrees_with_the_weights():
    wrong = keep.stale()
    assert not wrong, "run e2viz make panels (or --prune); " + "; ".join(wrong)


def test_a_latents_part_keeps_its_halves(tmp_path):
    part = latents.part(ge_vit(), picture(), TURN)
    kept.save(part, tmp_path / "a.npz", "key", "weights")
    found = kept.load(tmp_path / "a.npz", "key")
    assert [row.halves for row in found.rows] == [row.halves for row in part.rows]
    assert found.rows[-1].panels[0].caption == part.rows[-1].panels[0].caption
