import dataclasses

import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.measure import kept

FACTS = {"weights": "abc", "step_deg": 15.0}
ARRAYS = {"error": np.arange(6.0, dtype=np.float32).reshape(2, 3), "probes": np.array(["image", "logits"])}


@pytest.fixture
def folder(tmp_path):
    kept.save("page", sample("mnist-8"), {"model": (FACTS, ARRAYS)}, tmp_path)
    return tmp_path


def test_what_was_kept_is_found_as_it_was(folder):
    found = kept.find("page", sample("mnist-8"), "model", FACTS, folder)
    np.testing.assert_array_equal(found["error"], ARRAYS["error"])
    assert found["probes"].tolist() == ["image", "logits"]
    assert [(key, facts["weights"]) for _, key, facts in kept.entries("page", folder)] == [("model", "abc")]


def test_nothing_stale_is_given_out(folder):
    picture = sample("mnist-8")
    other = dataclasses.replace(picture, values=picture.values * 0.5)
    assert kept.find("page", picture, "model", FACTS | {"weights": "abd"}, folder) is None
    assert kept.find("page", other, "model", FACTS, folder) is None
    assert kept.find("page", picture, "other", FACTS, folder) is None
    assert kept.find("elsewhere", picture, "model", FACTS, folder) is None


def test_a_key_with_a_slash_would_mix_entries(folder):
    with pytest.raises(ValueError, match="slash"):
        kept.save("page", sample("mnist-8"), {"a/b": (FACTS, ARRAYS)}, folder)
