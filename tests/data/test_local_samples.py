"""Samples that may not be shipped come from the data folder, and are gone with it."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from e2viz.data import data_set
from e2viz.data.samples import data_of, offered_names, sample, sample_names


def picture(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), level, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("E2VIZ_DATA", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "blood_cells.zip", "w") as archive:
        archive.writestr("train/neutrophil/0000.png", picture(10))
        archive.writestr("test/neutrophil/0001.png", picture(20))
        archive.writestr("test/immature_granulocyte/0001.png", picture(30))
    return tmp_path


def test_one_test_picture_of_each_class_in_their_order(folder):
    names = offered_names("blood")
    assert names == ("blood.immature-granulocyte", "blood.neutrophil") and not sample_names("blood")
    cell = sample("blood.neutrophil")
    assert abs(float(cell.values.mean()) - 20 / 255) < 1e-6, "a picture of the test part"
    assert cell.label == data_set("blood").index("neutrophil") and cell.data == data_of("blood.neutrophil") == "blood"
    assert set(names) < set(offered_names())


def test_without_the_folder_there_are_none(monkeypatch):
    monkeypatch.delenv("E2VIZ_DATA", raising=False)
    assert offered_names("blood") == ()
    with pytest.raises(LookupError, match="no sample"):
        sample("blood.neutrophil")
    assert offered_names("digits") == sample_names("digits")


def test_a_damaged_archive_offers_nothing(folder):
    (folder / "blood_cells.zip").write_bytes(b"nothing")
    assert offered_names("blood") == ()
