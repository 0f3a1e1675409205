"""What nobody wrote, or wrote to harm: `render` answers in one line and computes nothing."""

import struct
import zlib
from pathlib import Path

import pytest

from e2viz.cli import main

DEEP = Path(__file__).parents[3] / "shared" / "cases" / "deep.png"


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces more pixels than it holds."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def refused(capsys, *words: str) -> str:
    assert main(["render", *words]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and len(said) < 400
    return said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 100_000, "must hold a recipe"),
        (b'{"page":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, "nested"),
        (b'{"page": "' + b"a" * 9_000_000 + b'"}', "at most 8,000,000 characters"),
        (b'{"page": "' + b"a" * 1_000_000 + b'"}', "lower-case name"),
        (b'{"page": "rotation", "settings": {"a": "' + b"b" * 100_000 + b'"}}', "setting 'a' must be"),
        (b'{"page": "rotation", "version": 99}', "newer e2viz"),
        (b'{"page": "rotation", "look": {"width": 100000}}', "width must be"),
        (b'{"page": "rotation", "angles": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (png_header(60_000, 60_000), "at most 90 million pixels"),
    ],
)
def test_a_file_that_is_no_recipe(content, words, tmp_path, capsys):
    path = tmp_path / "recipe.bin"
    path.write_bytes(content)
    assert words in refused(capsys, str(path), "-o", str(tmp_path / "x.gif"))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--width", "100000"], "width must be"),
        (["--scale", "8", "--width", "4000"], "at most 24,000,000 pixels"),
        (["--fps", "0"], "fps must be"),
        (["--theme", "pink"], "theme must be"),
    ],
)
def test_what_cannot_be_drawn(option, words, tmp_path, capsys):
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"page": "rotation", "picture": "mnist-8", "models": ["cnn.rotmnist"], "angles": 4}')
    assert words in refused(capsys, str(recipe), "-o", str(tmp_path / "x.png"), *option)


def test_an_output_of_no_format(tmp_path, capsys):
    assert "must end in one of .gif" in refused(capsys, "recipe.json", "-o", str(tmp_path / "x.bmp"))


@pytest.mark.skipif(not DEEP.is_file(), reason="../shared/cases is not here")
def test_a_picture_that_carries_nested_json(tmp_path, capsys):
    assert "nested" in refused(capsys, str(DEEP), "-o", str(tmp_path / "x.gif"))
