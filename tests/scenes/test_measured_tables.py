"""What the post-hoc page shows of `make tables` is what is in its files, cell by cell."""

from e2viz.models.methods import METHODS
from e2viz.scenes.measured_tables import TABLES, measured_tables


def test_every_setting_is_shown_with_all_its_cells():
    tables = {table.setting: table for table in measured_tables()}
    assert set(tables) == {
        "trained on turned digits", "trained on upright digits only", "trained on 10 % of the turned digits"
    }  # fmt: skip
    for table in tables.values():
        assert table.columns["method"] == ["(not wrapped)", *(method.replace("_", " ") for method in METHODS)]
        assert {"nothing", "last layer", "whole model", "whole model, published"} <= set(table.columns)
        assert table.about.startswith("`vit.") and "Ours differs" in table.notes


def test_numbers_stand_in_their_own_columns(tmp_path):
    (tmp_path / "one.md").write_text(
        "# Methods, trained on a thing\n\nAbout it.\n\n| method | nothing | published | last layer | published |\n"
        "|---|---:|---:|---:|---:|\n| (not wrapped) | 1.00 | | | |\n| mean | 2.00 | 3.00 | 4.00 |  |\n\nSaid.\nMore.\n"
    )
    (table,) = measured_tables(tmp_path)
    assert table.columns == {
        "method": ["(not wrapped)", "mean"],
        "nothing": ["1.00", "2.00"],
        "nothing, published": ["", "3.00"],
        "last layer": ["", "4.00"],
    }
    assert (table.setting, table.about, table.notes) == ("trained on a thing", "About it.", "Said.\n\nMore.")
    assert measured_tables(tmp_path / "none") == []


def test_no_cell_is_left_to_measure():
    for path in TABLES.glob("*.md"):
        assert "not measured" not in path.read_text(encoding="utf-8")
