"""Stored sweeps: small files that are used only while they agree with weights and pictures."""

import numpy as np
import pytest

from e2viz.data.table import DATA_SETS
from e2viz.measure import stored
from e2viz.measure.stored import load, path_of, save, stored_sweep
from e2viz.measure.sweep import sweep
from e2viz.scenes import sweeps
from tests.measure.test_sweep import TURN, named, picture
from tests.measure.tiny import GroupConvolutions, Patches


@pytest.fixture
def models():
    return [named(GroupConvolutions(), "a"), named(Patches(), "b")]


@pytest.fixture
def kept(models, tmp_path):
    found = sweep(models, picture(), TURN, ["votes", "tokens"])
    save(found, path_of(picture(), tmp_path))
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
    save(kept, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path_of(picture(), tmp_path).read_bytes()
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz", ".npz"]


def test_values_too_large_for_float16_keep_their_precision(kept, tmp_path):
    kept.records["a"]["votes"] = kept.records["a"]["votes"] * 1e6
    save(kept, tmp_path / "large.npz")
    assert np.array_equal(load(tmp_path / "large.npz").records["a"]["votes"], kept.records["a"]["votes"])


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
    monkeypatch.setattr(stored, "FORMAT", 99)
    with pytest.raises(ValueError, match="format 99, got 1"):
        load(path_of(picture(), tmp_path))
    assert stored_sweep(models, picture(), TURN, folder=tmp_path) is None


def test_the_file_name_is_safe(tmp_path):
    assert path_of(picture(name="../my six"), tmp_path) == tmp_path / "___my_six.npz"


def test_what_is_shipped_agrees_with_the_weights_and_samples():
    """Fails when weights or samples changed; ``e2viz make sweeps`` makes the store again."""
    wrong = sweeps.stale()
    assert not wrong, "run e2viz make sweeps; " + "; ".join(wrong)


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
        pictures = {"one": picture(0, name="one"), "two": picture(1, name="two")}
        monkeypatch.setattr(sweeps.catalogue, "list_models", lambda *_: list(versions))
        monkeypatch.setattr(sweeps.catalogue, "card", Card)
        monkeypatch.setattr(sweeps.catalogue, "load", Model)
        monkeypatch.setattr(sweeps, "data_of", lambda name: "digits")
        monkeypatch.setattr(sweeps, "sample_names", lambda dataset=None: tuple(pictures))
        monkeypatch.setattr(sweeps, "sample", pictures.__getitem__)

    def test_remake_makes_what_stale_asks_for(self, tmp_path):
        assert sweeps.stale(tmp_path) == ["one: no usable file", "two: no usable file"]
        sweeps.remake(tmp_path, tell=lambda _: None)
        assert sweeps.stale(tmp_path) == []
        assert list(load(tmp_path / "one.npz").records["a"]) == ["votes"]
        before = (tmp_path / "one.npz").read_bytes()
        sweeps.remake(tmp_path, tell=lambda _: None)
        assert (tmp_path / "one.npz").read_bytes() == before

    def test_weights_that_change_make_the_store_stale(self, tmp_path):
        sweeps.remake(tmp_path, tell=lambda _: None)
        old = load(tmp_path / "one.npz")
        self.versions["a"] = "2"
        assert sweeps.stale(tmp_path) == ["one: a has other weights", "two: a has other weights"]
        sweeps.remake(tmp_path, tell=lambda _: None)
        assert sweeps.stale(tmp_path) == []
        new = load(tmp_path / "one.npz")
        assert not np.array_equal(new.logits["a"], old.logits["a"])
        assert np.array_equal(new.logits["b"], old.logits["b"])

    def test_models_and_samples_that_went_away_are_noticed(self, tmp_path):
        sweeps.remake(tmp_path, tell=lambda _: None)
        (tmp_path / "two.npz").rename(tmp_path / "three.npz")
        del self.versions["b"]
        assert sweeps.stale(tmp_path) == [
            "one: b does not belong here", "two: no usable file", "three: no such sample"
        ]  # fmt: skip
        sweeps.remake(tmp_path, tell=lambda _: None)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]

    def test_a_picture_that_changed_is_noticed(self, tmp_path, monkeypatch):
        sweeps.remake(tmp_path, tell=lambda _: None)
        monkeypatch.setattr(sweeps, "sample", lambda name: picture(7, name=name))
        assert sweeps.stale(tmp_path) == ["one: made from another picture", "two: made from another picture"]
