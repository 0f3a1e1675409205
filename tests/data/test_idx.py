"""IDX files: every element type, plain and gzipped, and every way of being wrong."""

import gzip
import struct

import numpy as np
import pytest

from e2viz.data.idx import ELEMENT_TYPES, DataError, load_folder, read_idx


def idx_bytes(values: np.ndarray, code: int = 0x08) -> bytes:
    header = bytes([0, 0, code, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(ELEMENT_TYPES[code]).tobytes()


@pytest.mark.parametrize("code", ELEMENT_TYPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_round_trip(tmp_path, code, pack):
    values = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "file").write_bytes(pack(idx_bytes(values, code)))
    found = read_idx(tmp_path / "file")
    np.testing.assert_array_equal(found, values)
    assert found.dtype.isnative


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not an IDX file"),
        (b"\x89PNG....", "not an IDX file: it starts with 89 50 4e 47"),
        (b"\0\0\x08\x03\0\0", "ends inside its header"),
        (idx_bytes(np.zeros((2, 3)))[:-1], "must hold 18 bytes, got 17"),
        (gzip.compress(idx_bytes(np.zeros((2, 3))), mtime=0)[:-6], "cannot be read"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("name", ["-ubyte", "-ubyte.gz", ".ubyte"])
def test_a_folder_is_found_under_the_usual_names(tmp_path, name):
    images = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256
    pack = gzip.compress if name.endswith("gz") else bytes
    (tmp_path / f"t10k-images-idx3{name}").write_bytes(pack(idx_bytes(images)))
    (tmp_path / f"t10k-labels-idx1{name}").write_bytes(pack(idx_bytes(np.array([3, 4]))))
    found = load_folder(tmp_path, "test")
    assert found.labels.tolist() == [3, 4] and found.images.shape == (2, 28, 28)
    with pytest.raises(DataError, match="holds no train-images-idx3-ubyte"):
        load_folder(tmp_path, "train")
    with pytest.raises(ValueError, match='"train" or "test"'):
        load_folder(tmp_path, "validation")


def test_labels_that_do_not_belong_to_the_images(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((2, 5, 5))))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(3)))
    with pytest.raises(DataError, match="n labels"):
        load_folder(tmp_path, "train")
