"""What a person is told about a folder of pictures before anything is trained on it."""

import io

import numpy as np
import pytest
from PIL import Image

from e2viz import cli
from e2viz.data.idx import DataError
from e2viz.data.inspection import described, in_words, inspect


def picture(seed, size=(12, 10), mode="RGB"):
    pixels = np.random.RandomState(seed).randint(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, "PNG")
    return content.getvalue()


def folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def two_parts(**more):
    files = {f"train/{name}/{i}.png": picture(10 * k + i) for k, name in enumerate(("cat", "dog")) for i in range(5)}
    return {**files, "test/cat/9.png": picture(99), "test/dog/9.png": picture(98), **more}


def test_counts_sizes_and_colour(tmp_path):
    found = inspect(folder(tmp_path, two_parts(**{"test/dog/grey.png": picture(1, (40, 20), "L")})))
    assert found.class_names == ("cat", "dog") and found.parts == ("train", "test")
    assert found.counts["train", "cat"] == 5 and found.of_part("test") == 3
    assert found.grey == 1 and max(found.sizes) == (40, 20) and not found.broken and not found.twice
    words = in_words(found)
    assert "2 classes, 13 pictures" in words and "12×10 (12)" in words and "broken: none" in words


def test_broken_files_are_named_and_nothing_is_described(tmp_path):
    found = inspect(
        folder(tmp_path, two_parts(**{"train/cat/torn.png": picture(5)[:80], "train/dog/text.jpg": b"hello"}))
    )
    assert [name for name, _ in found.broken] == ["train/cat/torn.png", "train/dog/text.jpg"]
    with pytest.raises(DataError, match="torn.png"):
        described(found, "mine")


def test_the_same_picture_in_two_parts_is_named_once_in_one_is_counted(tmp_path):
    files = two_parts(**{"test/dog/copy.png": picture(3), "train/cat/again.png": picture(4)})
    found = inspect(folder(tmp_path, files))
    assert found.across == (("test/dog/copy.png", "train/cat/3.png"),) and len(found.twice) == 2
    assert "in two parts: 1; twice in one: 1" in in_words(found)
    assert "test/dog/copy.png = train/cat/3.png" in in_words(found)


def test_a_description_suits_the_pictures(tmp_path):
    small = described(inspect(folder(tmp_path / "small", two_parts())), "mine")
    assert (small.size, small.channels, small.class_names) == (32, 3, ("cat", "dog"))
    big = {f"{name}/{i}.png": picture(i, (90, 70), "L") for name in "ab" for i in range(6)}
    large = described(inspect(folder(tmp_path / "large", big)), "mine")
    assert (large.size, large.channels) == (64, 1)
    with pytest.raises(ValueError, match="multiple of 8"):
        described(inspect(tmp_path / "large"), "mine", size=30)
    with pytest.raises(DataError, match="at least 2 classes"):
        described(inspect(folder(tmp_path / "one", {f"a/{i}.png": picture(i) for i in range(12)})), "mine")


def test_the_command_says_it_and_fails_where_something_must_be_mended(tmp_path, capsys):
    assert cli.main(["data", str(folder(tmp_path, two_parts()))]) == 0
    assert "cat" in capsys.readouterr().out
    folder(tmp_path, {"test/dog/torn.png": picture(1)[:50]})
    assert cli.main(["data", str(tmp_path)]) == 1
    assert "test/dog/torn.png" in capsys.readouterr().out
    assert cli.main(["data", str(tmp_path / "nothing")]) == 1
    assert "does not exist" in capsys.readouterr().err
