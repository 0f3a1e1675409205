"""Odd and hostile picture files, made here: what each must give, a picture with a note or a refusal with advice."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

REFUSED = "refused"


@dataclass(frozen=True)
class Case:
    """A file, and words that the record of a picture or the refusal must hold; "" for any picture or refusal."""

    name: str
    make: Callable[[], bytes]
    words: str = ""
    refused: bool = False


def drawing(width: int = 120, height: int = 90) -> Image.Image:
    image = Image.new("L", (width, height), 245)
    points = [(width * 0.3, height * 0.2), (width * 0.7, height * 0.2), (width * 0.45, height * 0.8)]
    ImageDraw.Draw(image).line(points, fill=15, width=max(2, min(width, height) // 10))
    return image


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", found)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """A good drawing with one chunk more, after its header."""
    whole = encoded(drawing())
    return whole[:33] + chunk(kind, content) + whole[33:]


def with_text(text: str, packed: bool) -> bytes:
    note = PngInfo()
    note.add_text("comment", text, zip=packed)
    return encoded(drawing(), pnginfo=note)


def oriented(mark: int, form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = mark
    return encoded(drawing(), form, exif=exif)


def broken_exif() -> bytes:
    whole = encoded(drawing(), "JPEG")
    body = b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 200
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]


def many_passes() -> bytes:
    whole = encoded(drawing(1000, 1000), "JPEG", progressive=True)
    start = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[start:-2] * 3000 + b"\xff\xd9"


def animation(frames: int, form: str, size: int = 40) -> bytes:
    images = [drawing(size + 20, size).point(lambda level, k=k: max(0, level - 3 * (k % 30))) for k in range(frames)]
    exact = {"lossless": True} if form == "WEBP" else {}
    return encoded(images[0], form, save_all=True, append_images=images[1:], duration=40, **exact)


def bmp_in_runs(width: int, height: int) -> bytes:
    """Eight bits in runs, which are decoded slowly: one pixel a run."""
    pixels = (b"\x01\x05" * width + b"\0\0") * height + b"\0\1"
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    offset = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + palette + pixels


def stretched(width: int, height: int) -> bytes:
    return encoded(drawing().resize((width, height)))


def alpha(ink: tuple[int, int, int], inverse: bool = False) -> bytes:
    mask = drawing() if inverse else drawing().point(lambda level: 255 - level)
    image = Image.new("RGBA", mask.size, (*ink, 0))
    image.putalpha(mask)
    return encoded(image)


def flipped(form: str, place: float, bit: int = 3) -> bytes:
    whole = bytearray(encoded(drawing(), form))
    whole[int(place * (len(whole) - 1))] ^= 1 << bit
    return bytes(whole)


def cut(form: str, share: float) -> bytes:
    noise = np.random.RandomState(0).randint(0, 256, (60, 80), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), form)
    return whole[: int(share * len(whole))]


FORMS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF")
NOT_PICTURES = {
    "empty": b"",
    "one byte": b"\x89",
    "text": b"hello",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "zip": b"PK\3\4" + b"\0" * 60,
    "gzip bomb's head": zlib.compress(b"\0" * 10**6),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "signature alone": b"\x89PNG\r\n\x1a\n",
    "jpeg start alone": b"\xff\xd8",
    "jpeg without picture": b"\xff\xd8\xff\xd9",
    "gif head alone": b"GIF89a\x10\0\x10\0\0\0\0",
    "riff of nothing": b"RIFF\x04\0\0\0WEBP",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "tiff": encoded(drawing(), "TIFF"),
    "icon": encoded(drawing(32, 32), "ICO"),
    "ppm": encoded(drawing(), "PPM"),
    "zeros": b"\0" * 5000,
    "noise": np.random.RandomState(0).bytes(5000),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, content in NOT_PICTURES.items():
        yield Case(name, lambda content=content: content, refused=True)
    for form in FORMS:
        yield Case(f"a plain {form}", lambda form=form: encoded(drawing(), form), form)
        for share in (0.02, 0.3, 0.97):
            # The end of some formats is padding: then the picture is whole.
            words = "" if share > 0.9 else "damaged|not a picture"
            yield Case(f"{share:.0%} of a {form}", lambda form=form, share=share: cut(form, share), words, share < 0.9)
        for place in (0.01, 0.1, 0.5):
            yield Case(f"a flipped bit at {place:.0%} of a {form}", lambda f=form, p=place: flipped(f, p), REFUSED)
    for width, height in ((60_000, 60_000), (2**31 - 1, 1), (0, 10), (30_000, 30_000), (5_000, 5_000)):
        yield Case(f"a PNG that claims {width}×{height}", lambda w=width, h=height: png(w, h, b"\0" * 99), refused=True)
    yield Case("a PNG of 4 000×4 000 in 20 kB", lambda: png(4000, 4000, b"\0" * 4001 * 4000), "No drawing", True)
    yield Case("rows that are missing", lambda: png(100, 100, b"\0" * 50), "damaged", True)
    yield Case("rows that are too many", lambda: png(40, 40, b"\0" * 10**6), "No drawing", True)
    yield Case("an unknown filter", lambda: png(8, 8, b"\x09" * 72), refused=True)
    yield Case("an unknown depth", lambda: png(8, 8, b"\0" * 72, depth=3), refused=True)
    yield Case("a palette that is missing", lambda: png(8, 8, b"\0" * 72, colour=3), REFUSED)
    yield Case("a picture of no ink", lambda: encoded(Image.new("L", (80, 80), 200)), "No drawing", True)
    yield Case("a blank of 28×28", lambda: encoded(Image.new("L", (28, 28), 0)), "No drawing", True)
    yield Case("a packed text of 3 MB", lambda: with_text("a" * 3_000_000, True), "PNG 120×90")
    yield Case("a plain text of 3 MB", lambda: with_text("a" * 3_000_000, False), "PNG 120×90")
    yield Case("a packed text that is damaged", lambda: with_chunk(b"zTXt", b"key\0\0garbage"), "PNG 120×90")
    yield Case("a colour profile that is damaged", lambda: with_chunk(b"iCCP", b"x\0\0garbage"), "PNG 120×90")
    yield Case(
        "a profile that unpacks to 50 MB", lambda: with_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 50_000_000))
    )
    yield Case(
        "a chunk longer than the file",
        lambda: encoded(drawing())[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt",
        "",
        True,
    )
    yield Case("a damaged mark of the camera", broken_exif, "JPEG 120×90")
    for mark in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65_535):
        words = "turned as the camera says" if 2 <= mark <= 8 else "JPEG 120×90"
        yield Case(f"the camera's mark {mark}", lambda mark=mark: oriented(mark), words)
    yield Case("the camera's mark in a WebP", lambda: oriented(6, "WEBP"), "turned as the camera says")
    yield Case("a JPEG of 3 000 passes", many_passes, "passes", True)
    yield Case("a progressive JPEG", lambda: encoded(drawing(), "JPEG", progressive=True), "JPEG")
    yield Case("a JPEG in CMYK", lambda: encoded(drawing().convert("CMYK"), "JPEG"), "JPEG")
    yield Case("a JPEG of 24 million pixels", lambda: encoded(drawing(5712, 4284), "JPEG"), "decoded at 1428×1071")
    yield Case("a JPEG of 50 million pixels", lambda: encoded(drawing(8160, 6144), "JPEG"), "decoded at 2040×1536")
    yield Case(
        "a JPEG of 90 million pixels", lambda: encoded(Image.new("L", (10_000, 9_000)), "JPEG"), "64 million", True
    )
    for form in ("GIF", "PNG", "WEBP"):
        yield Case(f"an animated {form}", lambda form=form: animation(5, form), "first of 5 frames")
    yield Case("an animation of 400 frames", lambda: animation(400, "GIF"), "first of 400 frames")
    yield Case("a BMP in runs", lambda: bmp_in_runs(60, 60), "", True)
    yield Case("a large BMP in runs, a pixel each", lambda: bmp_in_runs(2500, 2500), "", True)
    for width, height in ((1, 1), (1, 4000), (4000, 1), (3, 3), (16_000, 900), (27, 28), (28, 29)):
        yield Case(f"a picture of {width}×{height}", lambda w=width, h=height: stretched(w, h), REFUSED)
    for name, ink in (("white", (255, 255, 255)), ("black", (0, 0, 0)), ("red", (220, 30, 30))):
        yield Case(f"{name} ink on transparency", lambda ink=ink: alpha(ink), "transparency")
    yield Case("a transparent drawing in white", lambda: alpha((255, 255, 255), inverse=True), REFUSED)
    yield Case("all of it transparent", lambda: encoded(Image.new("RGBA", (50, 50), (9, 9, 9, 0))), "No drawing", True)
    for mode in ("1", "P", "LA", "RGB", "RGBA"):
        yield Case(f"a PNG of mode {mode}", lambda mode=mode: encoded(drawing().convert(mode)), "PNG 120×90")
    sixteen = np.asarray(drawing(), dtype=np.uint16) * 257
    yield Case("greys of 16 bits", lambda: encoded(Image.fromarray(sixteen)), "16-bit")
    yield Case("greys of 16 bits, all dark", lambda: encoded(Image.fromarray(sixteen // 257)), "16-bit")
    yield Case("a file of 21 MB", lambda: encoded(drawing()) + b"\0" * 21_000_000, "at most 20 MB", True)
    yield Case("something behind the end", lambda: encoded(drawing(), "JPEG") + b"<script>" * 1000, "JPEG 120×90")
