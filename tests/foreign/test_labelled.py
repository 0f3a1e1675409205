"""Labelled pictures that somebody brings: reading them may be stopped, lets others in, and ends."""

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from torch import nn

from e2viz import interrupt
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.foreign import mend
from e2viz.foreign.mend import labelled
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model

PETS = DataSet(
    name="pets", title="Pets", class_names=("cat", "dog"), channels=3, size=8,
    mean=(0.5,) * 3, std=(0.25,) * 3, background=(0.5,) * 3, files=("pets",),
)  # fmt: skip


def picture() -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (8, 8, 3), dtype=np.uint8)).save(content, "PNG")
    return content.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


class Stop(BaseException):
    pass


def test_others_are_let_in_between_members_and_reading_ends_with_its_session(tmp_path):
    source = zipped(tmp_path / "set.zip", [(f"cat/{k}.png", picture()) for k in range(3)])
    told = []
    labelled(source, PETS, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 400), (1, 400), (2, 400)]

    def stop():
        raise Stop

    with pytest.raises(Stop), interrupt.asked(stop):
        labelled(zipped(tmp_path / "other.zip", [("bird/1.png", b"of no class, and still a point")]), PETS)


def test_pictures_that_take_long_and_are_none_are_not_all_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(mend, "MOST_UNREAD", 3)
    source = zipped(tmp_path / "set.zip", [(f"cat/{k}.png", b"no picture") for k in range(9)])
    with pytest.raises(DataError, match="At most 3 pictures may be unreadable"):
        labelled(source, PETS)


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mend, "MOST_UNPACKED", 1 << 20)
    source = zipped(tmp_path / "set.zip", [(f"bird/{k}.png", bytes(500_000)) for k in range(4)])
    assert source.stat().st_size < 10_000
    with pytest.raises(DataError, match="together may unpack"):
        labelled(source, PETS)


def test_a_list_of_members_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(mend, "DIRECTORY_BYTES", 200)
    source = zipped(tmp_path / "set.zip", [(f"cat/{k}.png", picture()) for k in range(9)])
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: pytest.fail("the list was read"))
    with pytest.raises(DataError, match="holds too many files"):
        labelled(source, PETS)


def test_a_packed_tar_is_no_zip(tmp_path):
    from e2viz.ui import mending
    from e2viz.ui.gate import Progress

    progress = Progress(lambda share, text: None)
    file = SimpleNamespace(getvalue=lambda: b"\xfd7zXZ\0 a terabyte of zeros")
    with pytest.raises(DataError, match="no zip"):
        mending._read(file, Model(Card(name="pets.test", architecture="vit", data_set=PETS), nn.Identity()), progress)
