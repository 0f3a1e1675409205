import dataclasses

import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.kept import archive, entries
from e2viz.kept.entries import Entry

FACTS = {"weights": "abc", "step_deg": 15.0}
ARRAYS = {"error": np.arange(6.0, dtype=np.float32).reshape(2, 3), "probes": np.array(["image", "logits"])}


@pytest.fixture
def folder(tmp_path):
    entries.save("page", sample("mnist-8"), {"model": Entry(FACTS, ARRAYS, {"words": ["ü"]})}, tmp_path)
    return tmp_path


def test_what_was_kept_is_found_as_it_was(folder):
    found = entries.find("page", sample("mnist-8"), "model", FACTS, folder)
    np.testing.assert_array_equal(found.arrays["error"], ARRAYS["error"])
    assert found.arrays["probes"].tolist() == ["image", "logits"] and list(found.arrays) == list(ARRAYS)
    assert found.more == {"words": ["ü"]} and found.facts["weights"] == "abc"
    assert [(key, facts["weights"]) for _, key, facts in entries.listed("page", folder)] == [("model", "abc")]


def test_nothing_stale_is_given_out(folder):
    picture = sample("mnist-8")
    other = dataclasses.replace(picture, values=picture.values * 0.5)
    assert entries.find("page", picture, "model", FACTS | {"weights": "abd"}, folder) is None
    assert entries.find("page", other, "model", FACTS, folder) is None
    assert entries.find("page", picture, "other", FACTS, folder) is None
    assert entries.find("elsewhere", picture, "model", FACTS, folder) is None


@pytest.mark.parametrize(("key", "array"), [("a/b", "error"), ("a", "more")])
def test_names_that_would_mix_entries_are_refused(folder, key, array):
    with pytest.raises(ValueError, match="slash"):
        entries.save("page", sample("mnist-8"), {key: Entry(FACTS, {array: ARRAYS["error"]})}, folder)


def test_another_format_counts_as_none(folder, monkeypatch):
    monkeypatch.setattr(entries, "FORMAT", 99)
    assert entries.find("page", sample("mnist-8"), "model", FACTS, folder) is None
    path = entries.path_of("page", "mnist-8", folder)
    with archive.opened(path) as file, pytest.raises(ValueError, match="format 99, got 2"):
        entries.Kept(file)


def test_the_file_name_is_safe(tmp_path):
    assert entries.path_of("page", "../my six", tmp_path) == tmp_path / "page" / "___my_six.npz"
    assert len(entries.path_of("page", "ü" * 300, tmp_path).name.encode()) < 255
