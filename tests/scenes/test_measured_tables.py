"""What the post-hoc page shows of `make tables` is what is in its files, cell by cell."""

import json

import pytest

from e2viz import places
from e2viz.models.methods import METHODS
from e2viz.scenes.measured_tables import measured_tables
from e2viz.train.measured_table import KIND_LEVELS, PUBLISHED, MeasuredTable, tables_in

STUDY = ("mean", "max", "sum", "most_likely", "tta", "learned_average", "learned_attention", "most_certain")


def test_every_setting_is_shown_with_all_its_cells():
    tables = {table.setting: table for table in measured_tables()}
    assert {
        "trained on turned digits", "trained on upright digits only", "trained on 10 % of the turned digits"
    } <= set(tables)  # fmt: skip
    for table in tables.values():
        shown = table.columns["method"][1:]
        assert table.columns["method"][0] == "(not wrapped)"
        assert shown == [name for method in METHODS if (name := method.replace("_", " ")) in shown]
        assert {method.replace("_", " ") for method in STUDY} <= set(shown)
        assert {"nothing", "last layer"} <= set(table.columns)
        assert table.about.startswith("`vit") and "Ours differs" in table.notes
        later = next((line for line in table.notes.split("\n") if line.startswith("Without a row yet")), "")
        missing = later.removeprefix("Without a row yet: ").removesuffix(".").split(", ")
        for method in METHODS:
            assert (method.replace("_", " ") in shown) != (method.replace("_", " ") in missing)


def table(tmp_path, cells):
    path = tmp_path / "mnist.json"
    held = {"base": "vit.mnist", "base_checksum": "1", "images": 200, "group": "c16", "cells": cells}
    path.write_text(json.dumps(held))
    return MeasuredTable.read(path)


def cell(correct, total=200, epochs=0):
    return {"correct": correct, "total": total, "epochs": epochs, "seconds": 1.0}


def test_numbers_stand_in_their_own_columns(tmp_path):
    found = table(tmp_path, {
        "unwrapped/none": cell(100), "mean/none": cell(150), "mean/whole": cell(190, epochs=6),
        "angle_search/none": cell(120), "angle_search/upright": cell(80, 100),
    })  # fmt: skip
    columns = found.columns()
    assert columns["method"] == ["(not wrapped)", "mean", "angle search"]
    assert columns["what is done"] == ["", "combine", "search"]
    assert [each.split()[0] for each in columns["nothing"]] == ["50.00", "75.00", "60.00"]
    assert columns["upright pictures"] == ["", "–", "80.00 (71.12 to 86.66) \\*"]
    assert columns["whole model"] == ["", "95.00 (91.04 to 97.26)", "–"]
    assert columns["whole model, published"] == ["", "97.53", ""] and "last layer" not in columns
    assert "6 epochs" in found.notes(epochs=20, training_views=4)
    text = found.markdown("Said.")
    assert "| search | angle search | 80.00 (71.12 to 86.66) \\* | 60.00" in text and text.endswith("Said.\n")


def test_tables_of_other_names_are_not_shown(tmp_path):
    table(tmp_path, {})
    assert list(tables_in(tmp_path)) == ["mnist"] and not tables_in(tmp_path / "none")
    with pytest.raises(ValueError, match="a table must be one of"):
        MeasuredTable.read(tmp_path / "other.json")
    assert all(name in ("mnist", "rotmnist", "rotmnist10") for name, *_ in PUBLISHED) and set(KIND_LEVELS) < {
        "search", "canonicalise", "choose", "combine"
    }  # fmt: skip


def test_the_text_is_that_of_the_numbers():
    from e2viz.train.tables import notes

    for name, found in tables_in(places.TABLES).items():
        assert (places.TABLES / f"{name}.md").read_text(encoding="utf-8") == found.markdown(notes(found))


def test_no_cell_is_left_to_measure():
    for path in places.TABLES.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert "not measured" not in text and "Without a row yet" not in text, path.name
