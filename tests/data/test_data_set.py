"""The noun: facts that fit together, one table, and sets that people describe."""

import dataclasses
import json

import pytest

from e2viz.data import DataSet, data_set, list_data, table, task
from e2viz.data.samples import data_of, sample, sample_names
from e2viz.data.tasks import TASKS


def own(**changes):
    return dataclasses.replace(data_set("photos"), **({"name": "mine", "class_names": ("cat", "dog")} | changes))


@pytest.mark.parametrize("name", list_data())
def test_a_set_of_the_table_survives_json(name):
    found = data_set(name)
    assert DataSet.from_json(json.dumps(found.to_dict())) == found
    assert len(found.background) == found.channels and found.title and found.source


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": "My Set"}, "name must be"),
        ({"channels": 2}, "channels must be 1 or 3"),
        ({"size": 5000}, "size 1 to 1024"),
        ({"mean": (0.5,)}, "one number for each of 3 channels"),
        ({"background": (2.0, 0.0, 0.0)}, "background must lie in"),
        ({"std": (0.0, 1.0, 1.0)}, "std above 0"),
        ({"class_names": ("cat", "cat")}, "different names"),
        ({"confusable": (("cat", "cow"),)}, "classes of the set, got cow"),
        ({"preparation": "magic"}, "preparation must be"),
    ],
)
def test_facts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        own(**changes)


def test_bad_descriptions_are_refused():
    for text, message in (
        ("[1]", "object of fields"),
        ('{"name": "a"}', "needs the field"),
        (json.dumps({**own().to_dict(), "wings": 2}), "no field wings"),
        (json.dumps({**own().to_dict(), "mean": 3}), "wrong kind"),
        ("[" * 100_000, "nested too deeply"),
    ):
        with pytest.raises(ValueError, match=message):
            DataSet.from_json(text)


def test_what_a_turn_confuses():
    digits = data_set("digits")
    assert digits.partner(6) == 9 and digits.partner(9) == 6 and digits.partner(8) is None
    assert own(confusable=(("dog", "cat"),)).partner(0) == 1
    with pytest.raises(LookupError, match="no class 'cow'"):
        digits.index("cow")


def test_a_described_set_is_found_and_named_by_a_task(tmp_path, monkeypatch):
    monkeypatch.setenv("E2VIZ_HOME", str(tmp_path))
    table.write(own())
    assert list_data()[-1] == "mine" and data_set("mine") == own()
    assert task("mine").data_set == own() and task("mine").turned
    with pytest.raises(ValueError, match="choose another name"):
        table.write(data_set("digits"))
    (tmp_path / "data" / "mine.data.json").write_text("{")
    with pytest.raises(ValueError, match="mine.data.json cannot be read"):
        data_set("mine")
    with pytest.raises(LookupError, match="photos"):
        data_set("photo")


def test_every_task_names_a_set_of_the_table():
    assert {each.data for each in TASKS.values()} <= set(list_data())
    with pytest.raises(LookupError, match="rotmnist"):
        task("rotmnst")


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_has_the_channels_of_its_data_set(name):
    found = data_set(data_of(name))
    assert sample(name).values.shape[0] == found.channels
