"""Intake refuses what is dangerous or broken, says what to do, and reads the awkward rest rightly."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from e2viz.images import decode as module
from e2viz.images.decode import decode
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
        (png_that_claims(100_000, 100_000), "at most 16 million pixels"),
        (png_that_claims(100, 100), "damaged or incomplete"),
        (b"\0" * 10_000_001, "at most 10 MB, got 10.0"),
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
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(PictureError, match="at most 0 MB"):
        decode(str(tmp_path / "large.png"))


def test_path_bytes_image_and_array_agree(tmp_path, corner):
    (tmp_path / "corner.png").write_bytes(encoded(corner))
    sources = [str(tmp_path / "corner.png"), tmp_path / "corner.png", encoded(corner), corner, np.asarray(corner)]
    decoded = [decode(source)[0] for source in sources]
    for pixels in decoded:
        assert pixels.shape == (30, 40, 3) and pixels.dtype == np.float32
        np.testing.assert_array_equal(pixels, decoded[0])


def test_the_cameras_rotation_is_obeyed(corner):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels, note = decode(encoded(corner, "JPEG", exif=exif, quality=95))
    assert pixels.shape == (40, 30, 3) and "turned as the camera says" in note
    assert pixels[5, -5].max() < 0.1 and pixels[5, 5].min() > 0.9


def test_transparency_lies_on_white():
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    for source in (encoded(image), np.asarray(image), encoded(image.convert("LA"))):
        pixels, note = decode(source)
        assert pixels[0, 0].max() == 0 and pixels[0, 7].min() == 1
        assert "transparency laid on white" in note


def test_a_transparent_palette_lies_on_white_too():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(1, (0, 0, 4, 8))
    pixels, _ = decode(encoded(image, transparency=0))
    assert pixels[0, 7].min() == 1 and abs(pixels[0, 0, 0] - 200 / 255) < 1e-6


def test_16_bit_greys_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(8, 0)
    pixels, note = decode(encoded(Image.fromarray(ramp)))
    np.testing.assert_allclose(pixels[0, :, 0], ramp[0] / 65535, atol=1e-6)
    assert "16-bit" in note


def test_one_frame_of_an_animation_and_it_is_said(corner):
    frames = [Image.new("L", (10, 10), grey) for grey in (0, 120, 250)]
    pixels, note = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert "first of 3 frames" in note and pixels.max() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGB"])
def test_every_mode_becomes_rgb(mode, corner):
    pixels, _ = decode(corner.convert(mode))
    assert pixels.shape == (30, 40, 3) and pixels[2, 2].max() < 0.1 and pixels[-1, -1].min() > 0.9


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
