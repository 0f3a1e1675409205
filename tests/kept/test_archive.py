"""Files of results: whole or not there, also after a fault; a damaged one counts as none."""

import errno
import multiprocessing
import os

import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.kept import archive, entries
from e2viz.kept.entries import Entry

ARRAYS = {"values": np.arange(50_000, dtype=np.float32)}


def read(path):
    with archive.opened(path) as file:
        return file.header, file["values"]


def test_what_was_written_comes_back(tmp_path):
    path = tmp_path / "made" / "result.npz"
    archive.save(path, {"a": [1, "ü"]}, ARRAYS)
    header, values = read(path)
    assert header == {"a": [1, "ü"]} and np.array_equal(values, ARRAYS["values"])


def damage_of(kind, content):
    return {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "text": b"assets/kept\n",
        "flipped": content[:200] + bytes([content[200] ^ 255]) + content[201:],
        "encrypted": b"".join([content[: (at := content.rindex(b"PK\1\2") + 8)], b"\1", content[at + 1 :]]),
        "no header": content.replace(b"header.npy", b"headex.npy"),
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "flipped", "no header", "encrypted"])
def test_a_damaged_file_counts_as_none_and_is_written_anew(tmp_path, kind, caplog):
    picture = sample("mnist-8")
    made = {"key": Entry({"weights": "abc"}, ARRAYS)}
    path = entries.save("page", picture, made, tmp_path)
    path.write_bytes(damage_of(kind, path.read_bytes()))
    found = entries.find("page", picture, "key", {"weights": "abc"}, tmp_path)
    assert found is None or np.array_equal(found.arrays["values"], ARRAYS["values"])
    assert list(entries.listed("page", tmp_path)) == [] or found is not None or kind in ("flipped", "encrypted")
    entries.save("page", picture, made, tmp_path)
    assert entries.find("page", picture, "key", {"weights": "abc"}, tmp_path) is not None


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "result.npz"
    archive.save(path, {"made": "before"}, ARRAYS)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        archive.save(path, {"made": "after"}, ARRAYS)
    assert read(path)[0] == {"made": "before"} and os.listdir(tmp_path) == ["result.npz"]


def _write(path, number):
    for _ in range(5):
        archive.save(path, {"by": number}, {"values": np.full(50_000, number, dtype=np.float32)})


def test_two_processes_that_fill_one_cache_do_not_corrupt_it(tmp_path):
    """Started anew, as on systems without fork."""
    path = tmp_path / "result.npz"
    archive.save(path, {"by": 0}, {"values": np.zeros(50_000, dtype=np.float32)})
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, number)) for number in (1, 2)]
    for each in writers:
        each.start()
    while any(each.is_alive() for each in writers):
        header, values = read(path)
        assert (values == header["by"]).all()
    assert [each.exitcode for each in writers] == [0, 0]
    assert os.listdir(tmp_path) == ["result.npz"]
