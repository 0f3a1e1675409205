"""Kept sweeps: small files that are used only while they agree with weights and pictures."""

import numpy as np
import pytest

from e2viz.data.table import DATA_SETS
from e2viz.kept import entries, making
from e2viz.kept.sweeps import PAGE, load, path_of, save, stored_sweep
from e2viz.measure.sweep import sweep
from e2viz.scenes import shipped, turning
from tests.measure.test_sweep import TURN, named, picture
from tests.measure.tiny import GroupConvolutions, Patches


@pytest.fixture
def models():
    return [named(GroupConvolutions(), "a"), named(Patches(), "b")]


@pytest.fixture
def kept(models, tmp_path):
    found = sweep(models, picture(), TURN, ["votes", "tokens"])
    save(found, picture(), tmp_path)
    return found


def test_a_file_gives_the_sweep_back(kept, tmp_path):
    found = load(path_of(picture(), tmp_path))
    assert found.key == kept.key and found.kinds == kept.kinds
    for model in kept.models:
        assert np.array_equal(found.logits[model], kept.logits[model])
        for probe, values in kept.records[model].items():
            assert found.records[model][probe].dtype == np.float32
            assert np.abs(found.records[model][probe] - values).max() < 1e-3 * np.abs(values).max()
    assert np.abs(found.images - kept.images).max() <= 0.5001 / 255


def test_the_same_sweep_makes_the_same_bytes(kept, tmp_path):
    again = save(kept, picture(), tmp_path / "again")
    assert again.read_bytes() == path_of(picture(), tmp_path).read_bytes()


def test_values_too_large_for_float16_keep_their_precision(kept, tmp_path):
    kept.records["a"]["votes"] = kept.records["a"]["votes"] * 1e6
    path = save(kept, picture(), tmp_path)
    assert np.array_equal(load(path).records["a"]["votes"], kept.records["a"]["votes"])


def test_a_part_can_be_read_and_what_is_missing_is_named(kept, tmp_path):
    path = path_of(picture(), tmp_path)
    assert load(path, ["b"], ()).records == {"b": {}}
    assert list(load(path, probes={"a": ["votes"]}).records["a"]) == ["votes"]
    with pytest.raises(LookupError, match="no model c; it has a, b"):
        load(path, ["c"])
    with pytest.raises(LookupError, match="no record a/mixed"):
        load(path, ["a"], ["mixed"])


def test_the_stored_sweep_answers_its_own_question_and_subsets_of_it(kept, models, tmp_path):
    found = stored_sweep(models, picture(), TURN, {"a": ["votes"]}, folder=tmp_path)
    assert np.array_equal(found.logits["a"], kept.logits["a"]) and list(found.records["a"]) == ["votes"]
    assert stored_sweep(models[::-1], picture(), TURN, folder=tmp_path).models == ("b", "a")
    half = stored_sweep(models[:1], picture(), [0, 90, 180, 270], folder=tmp_path)
    assert np.array_equal(half.logits["a"], kept.logits["a"][::2]) and half.angles_deg.tolist() == [0, 90, 180, 270]


def test_a_stored_sweep_that_does_not_agree_is_not_used(kept, models, tmp_path):
    def ask(models=models, of=None, angles=TURN, probes=(), method="fair"):
        return stored_sweep(models, of or picture(), angles, probes, method, folder=tmp_path)

    assert ask() is not None
    other_weights = named(GroupConvolutions(seed=1), "a")
    assert ask([type(other_weights)(**{**vars(other_weights), "checksum": "other"})]) is None
    assert ask(of=picture(1)) is None
    assert ask(of=picture(name="elsewhere")) is None
    assert ask(angles=[0, 30]) is None
    assert ask(probes={"a": ["mixed"]}) is None
    assert ask(method="naive") is None
    assert ask([named(Patches(), "c")]) is None


def test_another_format_is_refused_and_not_used(kept, models, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "FORMAT", 99)
    with pytest.raises(ValueError, match="format 99, got 2"):
        load(path_of(picture(), tmp_path))
    assert stored_sweep(models, picture(), TURN, folder=tmp_path) is None


class TestRemake:
    """The command, on a small zoo and two samples."""

    @pytest.fixture(autouse=True)
    def zoo(self, monkeypatch):
        class Card:

            def __init__(self, name):
                self.name, self.weights_checksum = name, versions[name]
                self.orientation, self.group, self.mean, self.image_size = "upright", "c4", (0.1,), 8
                self.data_set = DATA_SETS["digits"]

        class Model:
            def __init__(self, name):
                self.name, self.card, self.network = name, Card(name), GroupConvolutions(seed=int(versions[name]))

            def prepare(self, images):
                return images

            def probe_kinds(self):
                return {"votes": "group_vector", "mixed": "feature_map"}

        self.versions = versions = {"a": "1", "b": "1"}
        self.pictures = pictures = {"one": picture(0, name="one"), "two": picture(1, name="two")}
        monkeypatch.setattr(turning.catalogue, "list_models", lambda *_: list(versions))
        monkeypatch.setattr(turning.catalogue, "card", Card)
        monkeypatch.setattr(shipped.e2viz, "load", Model)
        for module in (turning, shipped):
            monkeypatch.setattr(module, "data_of", lambda name: "digits")
        monkeypatch.setattr(shipped, "sample_names", lambda: tuple(pictures))
        page = making.Page(PAGE, shipped.samples, shipped.SWEEPS[PAGE].wanted, pictures.__getitem__)
        self.pages = {PAGE: page}

    def remake(self, folder, **how):
        told = []
        making.remake(self.pages, folder, tell=told.append, **how)
        return told

    def stale(self, folder):
        return making.stale(self.pages, folder)

    def test_remake_makes_what_stale_asks_for(self, tmp_path):
        assert self.stale(tmp_path) == [
            f"sweeps/{name}: {key} is missing" for name in ("one", "two") for key in ("frames", "a", "b")
        ]
        self.remake(tmp_path)
        assert self.stale(tmp_path) == []
        path = tmp_path / PAGE / "one.npz"
        assert list(load(path).records["a"]) == ["votes"]
        before = path.read_bytes()
        assert self.remake(tmp_path) == [] and path.read_bytes() == before
        assert len(self.remake(tmp_path, force=True)) == 2 and self.stale(tmp_path) == []

    def test_weights_that_change_make_the_store_stale(self, tmp_path):
        self.remake(tmp_path)
        old = load(tmp_path / PAGE / "one.npz")
        self.versions["a"] = "2"
        assert self.stale(tmp_path) == [f"sweeps/{name}: a was made from other weights" for name in ("one", "two")]
        self.remake(tmp_path)
        assert self.stale(tmp_path) == []
        new = load(tmp_path / PAGE / "one.npz")
        assert not np.array_equal(new.logits["a"], old.logits["a"])
        assert np.array_equal(new.logits["b"], old.logits["b"])

    def test_models_and_samples_that_went_away_are_noticed(self, tmp_path):
        self.remake(tmp_path)
        (tmp_path / PAGE / "two.npz").rename(tmp_path / PAGE / "three.npz")
        del self.versions["b"]
        assert self.stale(tmp_path) == [
            "sweeps/one: b does not belong here",
            *(f"sweeps/two: {key} is missing" for key in ("frames", "a")),
            "sweeps/three: no such sample",
        ]
        self.remake(tmp_path)
        assert sorted(path.name for path in (tmp_path / PAGE).iterdir()) == ["one.npz", "two.npz"]
        assert load(tmp_path / PAGE / "one.npz").models == ("a",)

    def test_a_picture_that_changed_is_noticed(self, tmp_path):
        self.remake(tmp_path)
        self.pictures["one"] = picture(7, name="one")
        assert self.stale(tmp_path) == [
            f"sweeps/one: {key} was made from another picture" for key in ("frames", "a", "b")
        ]
        assert self.remake(tmp_path, only_remove=True) == ["sweeps/one: 0 made, 3 removed"]
        assert not (tmp_path / PAGE / "one.npz").exists()
