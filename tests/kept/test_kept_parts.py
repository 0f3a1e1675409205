"""Parts that are shipped: used only while they agree with picture, weights and settings."""

import numpy as np
import pytest

from e2viz.kept import entries, parts
from e2viz.scenes import attention, latents
from tests.scenes.small import ge_vit, picture

TURN = np.arange(4) * 90.0
ASKED = {"page": "attention", "model": ge_vit(), "picture": picture(), "angles_deg": TURN, "method": "fair"}


def save(part, folder, page="attention"):
    entry = parts.to_entry(part, parts.facts_of(ge_vit().checksum, TURN, "fair", {}))
    entries.save(page, picture(), {ge_vit().name: entry}, folder)


def found(folder, **changes):
    return parts.kept_part(**ASKED | {"settings": {}, "folder": folder} | changes)


@pytest.fixture(scope="module")
def part():
    return attention.part(ge_vit(), picture(), TURN)


def test_a_kept_part_is_the_part_again(part, tmp_path):
    save(part, tmp_path)
    again = found(tmp_path)
    assert again.facts == part.facts and again.under == part.under
    assert [row.label for row in again.rows] == [row.label for row in part.rows]
    for one, other in zip(again.rows[0].panels, part.rows[0].panels, strict=True):
        assert np.array_equal(one.values, other.values)
        assert (one.title, one.palette, one.low, one.high, one.probe) == (
            other.title, other.palette, other.low, other.high, other.probe
        )  # fmt: skip
        assert np.array_equal(one.marker, other.marker) and np.array_equal(one.outline, other.outline)


def test_what_does_not_agree_is_not_used(part, tmp_path):
    save(part, tmp_path)
    for changes in (
        {"model": ge_vit("other")}, {"picture": picture("mnist-6")}, {"angles_deg": TURN + 1}, {"method": "naive"},
        {"settings": {"head": 1}}, {"page": "latents"},
    ):  # fmt: skip
        assert found(tmp_path, **changes) is None, changes
    assert found(tmp_path / "elsewhere") is None


def test_a_latents_part_keeps_its_halves(tmp_path):
    part = latents.part(ge_vit(), picture(), TURN)
    save(part, tmp_path, "latents")
    again = found(tmp_path, page="latents")
    assert [row.halves for row in again.rows] == [row.halves for row in part.rows]
    assert again.rows[-1].panels[0].caption == part.rows[-1].panels[0].caption
