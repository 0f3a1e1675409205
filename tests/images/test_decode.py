"""Intake refuses what is dangerous or broken, says what to do, and reads the awkward rest rightly."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

import e2viz
from e2viz.images import safe_file
from e2viz.images.decode import Decoded, decode
from e2viz.images.layers import KEPT_LONGEST, LUMINANCE_LONGEST, compose
from e2viz.images.picture import PictureError


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def corner() -> Image.Image:
    """White, with a black upper left quarter; wider than high."""
    image = Image.new("L", (40, 30), 255)
    image.paste(0, (0, 0, 20, 15))
    return image


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (b"hello, this is text", "not a picture that can be read; save the picture as PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC photographs cannot be read; export"),
        (png_that_claims(5_000, 5_000), "at most 16 million pixels, got 5000×5000"),
        (png_that_claims(10_000, 10_000), "at most 16 million pixels"),
        (png_that_claims(60_000, 60_000), "at most 16 million pixels"),
        (png_that_claims(100_000, 100_000), "at most 16 million pixels"),
        (png_that_claims(100, 100), "damaged or incomplete"),
        (b"\0" * 20_000_001, "at most 20 MB, got 20.0"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(content, message):
    with pytest.raises(PictureError, match=message):
        decode(content)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_truncated_file_is_refused_or_not_a_picture(form, corner):
    noise = np.random.RandomState(0).randint(0, 256, (60, 80), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), form)
    with pytest.raises(PictureError, match="damaged|not a picture"):
        decode(whole[: len(whole) // 2])


def test_a_format_off_the_list_is_refused(corner):
    with pytest.raises(PictureError, match="not a picture"):
        decode(encoded(corner, "TIFF"))


def test_a_missing_or_large_file_is_refused(tmp_path, monkeypatch, corner):
    with pytest.raises(PictureError, match="There is no file"):
        decode(tmp_path / "none.png")
    (tmp_path / "large.png").write_bytes(encoded(corner))
    monkeypatch.setattr(safe_file, "MAX_BYTES", 10)
    with pytest.raises(PictureError, match="at most 0 MB"):
        decode(str(tmp_path / "large.png"))


def test_path_bytes_image_and_array_agree(tmp_path, corner):
    (tmp_path / "corner.png").write_bytes(encoded(corner))
    sources = [str(tmp_path / "corner.png"), tmp_path / "corner.png", encoded(corner), corner, np.asarray(corner)]
    decoded = [decode(source).values for source in sources]
    for values in decoded:
        assert values.shape == (1, 30, 40) and values.dtype == torch.float32
        assert torch.equal(values, decoded[0])


def test_the_cameras_rotation_is_obeyed(corner):
    exif = Image.Exif()
    exif[0x0112] = 6
    read = decode(encoded(corner, "JPEG", exif=exif, quality=95))
    assert read.values.shape == (1, 40, 30) and "turned as the camera says" in read.note
    assert read.values[0, 5, -5] < 0.1 and read.values[0, 5, 5] > 0.9


def laid(read: Decoded, level: float) -> torch.Tensor:
    return compose(read.values, read.alpha, torch.tensor(level))


def test_transparency_is_kept():
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    for source in (encoded(image), np.asarray(image), encoded(image.convert("LA"))):
        read = decode(source)
        assert read.alpha is not None and read.luminance[0, 0] == 0 and read.luminance[0, 7] == 1
        for level in (0.0, 0.25, 1.0):
            assert laid(read, level)[:, 0, 0].max() == 0 and (laid(read, level)[:, 0, 7] == level).all()


def test_a_transparent_palette_is_kept_too():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(1, (0, 0, 4, 8))
    read = decode(encoded(image, transparency=0))
    assert laid(read, 0.5)[:, 0, 7].tolist() == [0.5] * 3 and abs(read.values[0, 0, 0] - 200 / 255) < 1e-6


def test_16_bit_greys_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(8, 0)
    read = decode(encoded(Image.fromarray(ramp)))
    np.testing.assert_allclose(read.values[0, 0], ramp[0] / 65535, atol=1e-6)
    assert "16-bit" in read.note


def test_one_frame_of_an_animation_and_it_is_said(corner):
    frames = [Image.new("L", (10, 10), grey) for grey in (0, 120, 250)]
    read = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert "first of 3 frames" in read.note and read.values.max() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGB"])
def test_every_mode_becomes_grey_or_colour(mode, corner):
    values = decode(corner.convert(mode)).values
    assert values.shape == (1, 30, 40) and values[0, 2, 2] < 0.1 and values[0, -1, -1] > 0.9


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "L", "floats", "16-bit"])
def test_a_large_picture_is_reduced_a_row_at_a_time_to_the_same_bits_as_at_once(kind):
    height, width = 1100, 1501
    numbers = np.random.RandomState(0).randint(0, 256, (height, width, 4), dtype=np.uint8)
    if kind == "floats":
        source = numbers[..., :3] / np.float32(255)
        whole = torch.from_numpy(source)
    elif kind == "16-bit":
        source = Image.fromarray(numbers[..., 0].astype(np.uint16) * 257)
        whole = torch.from_numpy(numbers[..., :1] / np.float32(255)).expand(-1, -1, 3)
    else:
        source = Image.fromarray(numbers, "RGBA").convert(kind)
        white = Image.new("RGBA", source.size, "white")
        laid_on_white = Image.alpha_composite(white, source.convert("RGBA")).convert("RGB")
        whole = torch.from_numpy(np.asarray(laid_on_white, dtype=np.float32) / 255)
    read = decode(source)
    size = round(height * LUMINANCE_LONGEST / width), LUMINANCE_LONGEST
    grey = bool((whole == whole[..., :1]).all())
    expected = whole[..., 0].clone() if grey else whole[..., 0] * 0.299 + whole[..., 1] * 0.587 + whole[..., 2] * 0.114
    assert grey == (kind in ("L", "16-bit")) == (len(read.values) == 1)
    assert torch.equal(read.luminance, interpolate(expected[None, None], size=size, mode="area")[0, 0])
    assert max(read.values.shape) == KEPT_LONGEST and read.size == (height, width)
    assert (read.alpha is not None) == (kind == "RGBA")


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((4, 4, 2)), "got \\[4, 4, 2\\]"),
        (np.zeros((0, 4)), "got \\[0, 4\\]"),
        (np.zeros(4), "got \\[4\\]"),
        (np.zeros((4, 4), dtype=np.int64), "got int64"),
        (np.full((4, 4), np.nan), "must lie in"),
        (np.full((4, 4), 200.0), "got 200 to 200"),
        (np.zeros((4001, 4000), dtype=np.uint8), "got 4000×4001"),
    ],
)
def test_arrays_that_are_no_pictures(array, message):
    with pytest.raises(PictureError, match=message):
        decode(array)


def test_a_picture_is_the_same_bits_on_every_processor():
    """Shipped results are found by the checksum of what models see: sums must not depend on how a processor sums."""
    for name, checksum in (("photo-cat", "156b029b4af8c166"), ("mnist-8", "a77d9c2a6ec7396e")):
        picture = e2viz.sample(name)
        assert picture.checksum == checksum
    red, green, blue = e2viz.sample("photo-cat").values.numpy()
    weighed = red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)
    np.testing.assert_array_equal(e2viz.sample("photo-cat").luminance.numpy(), weighed)
