"""Where things lie: one module knows it, and a person's own folder can be moved."""

from pathlib import Path

import pytest

from e2viz import places

SOURCES = sorted(Path(places.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("name", [name for name in dir(places) if name.isupper() and not name.endswith("_VARIABLE")])
def test_every_shipped_place_exists(name):
    place = getattr(places, name)
    assert name == "INSTALLED" or place.exists(), place


def test_the_person_s_folder_is_the_one_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("E2VIZ_HOME", str(tmp_path / "mine"))
    assert places.own_weights() == tmp_path / "mine" / "weights"
    assert places.own_data() == tmp_path / "mine" / "data"
    monkeypatch.delenv("E2VIZ_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert places.home().name == "e2viz" and places.home().is_absolute()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.name))
def test_no_other_module_climbs_out_of_the_package(path):
    """An installed package has no checkout around it: parents[1] or [2] finds nothing there."""
    if path != Path(places.__file__):
        assert ".parents[" not in path.read_text(encoding="utf-8"), "ask e2viz.places"
