"""Files: every format holds its recipe, its frames and its time."""

import csv
import io
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import imageio_ffmpeg
import numpy as np
import pandas
import pytest
from PIL import Image
from sample_scene import sample_scene

from e2viz.render.draw import draw
from e2viz.render.embed import read_recipe
from e2viz.render.encode import encode
from e2viz.render.formats import FORMATS
from e2viz.render.indexed import indexed_frames
from e2viz.render.look import Look
from e2viz.render.recipe import Recipe, png_data_url
from e2viz.render.timeline import durations_ms, moments

SCENE = sample_scene(12)
WIDTH = 390


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def with_look(recipe, **look):
    return replace(recipe, look=Look(**look))


@pytest.mark.parametrize("format", FORMATS)
def test_recipe_comes_back_with_how_it_was_drawn(format, tmp_path):
    content = encode(SCENE, format, width=WIDTH, fps=25)
    assert read_recipe(content) == with_look(SCENE.recipe, width=WIDTH, fps=25)
    path = tmp_path / f"file{FORMATS[format].suffix}"
    path.write_bytes(content)
    assert read_recipe(path) == with_look(SCENE.recipe, width=WIDTH, fps=25)


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "mp4"])
def test_the_same_file_is_made_from_the_recipe_inside(format):
    first = encode(SCENE, format, width=WIDTH, fps=25, theme="dark", easing="smooth", frame=3)
    again = sample_scene(12)
    object.__setattr__(again, "recipe", read_recipe(first))
    assert encode(again, format) == first


@pytest.mark.parametrize("format", FORMATS)
def test_a_drawn_picture_comes_back(format):
    file = io.BytesIO()
    Image.fromarray(np.eye(28, dtype=np.uint8)).save(file, "PNG")
    recipe = Recipe(page="rotation", picture=png_data_url(file.getvalue()), settings={"text": "ä <&>\"'\\=;#()"})
    scene = sample_scene(2, rows=False)
    object.__setattr__(scene, "recipe", recipe)
    assert read_recipe(encode(scene, format, width=WIDTH)) == with_look(recipe, width=WIDTH)


@pytest.mark.parametrize("format", FORMATS)
def test_a_photograph_comes_back(format):
    """A recipe of half a megabyte: longer than a command line, a comment block or a cell of a table may be."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    recipe = Recipe(page="rotation", picture=png_data_url(file.getvalue()))
    scene = sample_scene(2, rows=False)
    object.__setattr__(scene, "recipe", recipe)
    assert len(recipe.to_json()) > 500_000
    assert read_recipe(encode(scene, format, width=WIDTH)) == with_look(recipe, width=WIDTH)


@pytest.mark.parametrize("format", FORMATS)
def test_a_scene_without_recipe(format):
    scene = sample_scene(2, rows=False)
    object.__setattr__(scene, "recipe", None)
    with pytest.raises(ValueError, match="must hold a recipe"):
        read_recipe(encode(scene, format, width=WIDTH))


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"nonsense", b"\x00\x00\x00\x18ftypisom"])
def test_no_recipe_in_other_files(content):
    with pytest.raises(ValueError, match="must hold a recipe"):
        read_recipe(content)


def test_gif_time_frames_and_loop():
    image = opened(encode(SCENE, "gif", width=WIDTH, fps=20))
    shown = []
    for frame in range(image.n_frames):
        image.seek(frame)
        shown.append(image.info["duration"])
    assert shown == [50] * 12
    assert image.n_frames == 12
    assert image.info["loop"] == 0
    assert "loop" not in opened(encode(SCENE, "gif", width=WIDTH, loop=False)).info


@pytest.mark.parametrize("theme", ["light", "dark", "transparent"])
def test_every_gif_frame_is_its_scene(theme):
    """What only stores changes decodes to the whole indexed picture, frame by frame."""
    image = opened(encode(SCENE, "gif", width=WIDTH, theme=theme))
    expected = indexed_frames(SCENE, list(range(12)), width=WIDTH, theme=theme, scale=1.0)
    for frame, indexed in enumerate(expected):
        image.seek(frame)
        found, wanted = np.asarray(image.convert("RGBA")), np.asarray(indexed.convert("RGB"))
        shown = np.asarray(indexed) != 255
        assert np.array_equal(found[..., 3] == 255, shown)
        assert np.array_equal(found[shown][:, :3], wanted[shown])


@pytest.mark.parametrize(
    "look",
    [
        {"loop": "back", "hold_s": 0.5}, {"loop": "once", "easing": "quarters"}, {"start_deg": 90, "end_deg": 271},
        {"every": 3, "colors": 64}, {"scale": 2, "easing": "smooth"},
        {"scale": 0.64, "theme": "transparent", "every": 2},
    ],
    ids=str,
)  # fmt: skip
def test_every_kind_of_gif_shows_its_moments(look):
    """Rests, ranges, ways and sizes as they are decoded: the frames of the scene, each for its time."""
    look = Look(width=WIDTH, fps=20, **look)
    image, played = opened(encode(SCENE, "gif", look=look)), moments(SCENE.angles_deg, look)
    order = [each.frame for each in played]
    shown, times = [], []
    for place, indexed in enumerate(indexed_frames(SCENE, order, **look.drawing, colors=look.colors)):
        image.seek(place)
        opaque = np.asarray(indexed) != 255
        found = np.asarray(image.convert("RGBA"))
        shown.append(np.array_equal(found[opaque][:, :3], np.asarray(indexed.convert("RGB"))[opaque]))
        times.append(image.info["duration"])
    assert image.n_frames == len(order) and all(shown)
    assert times == durations_ms(played, 10)
    if look.hold_s:
        rests = [time for time, frame in zip(times, order, strict=True) if SCENE.angles_deg[frame] % 90 == 0]
        assert set(rests) == {550} and len(rests) == 7
    if look.start_deg:
        assert {float(SCENE.angles_deg[frame]) for frame in order} == {90, 120, 150, 180, 210, 240, 270}


def test_gif_has_one_color_table_and_stores_what_changed():
    content = encode(SCENE, "gif", width=WIDTH)
    image, local, areas = opened(content), 0, []
    for frame in range(image.n_frames):
        image.seek(frame)
        _, (left, top, right, bottom), _, _ = image.tile[0] if image.tile else (0, (0, 0, 0, 0), 0, 0)
        areas.append((right - left) * (bottom - top))
        local += image.palette is not image.global_palette and image.dispose_extent is None
    assert content[10] & 0x80 and not local
    assert max(areas[1:]) < 0.9 * areas[0]


@pytest.mark.skipif(shutil.which("gifsicle") is None, reason="gifsicle is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_gif_is_about_as_small_as_gifsicle_makes_it(theme, tmp_path):
    path = tmp_path / "scene.gif"
    path.write_bytes(encode(SCENE, "gif", width=WIDTH, theme=theme))
    smaller = subprocess.run(["gifsicle", "-O2", str(path)], capture_output=True, check=True).stdout
    assert path.stat().st_size <= 1.05 * len(smaller)


def test_gif_maps_keep_their_colors():
    """At most one step of a palette off, and the same colour for the same step in every frame."""
    image = opened(encode(SCENE, "gif", width=WIDTH))
    for frame in (0, 7):
        image.seek(frame)
        found = np.asarray(image.convert("RGB"), dtype=np.int16)
        expected = np.asarray(draw(SCENE, frame, width=WIDTH), dtype=np.int16)
        assert np.abs(found - expected).mean() < 1.5
        assert (np.abs(found - expected).max(axis=-1) > 40).mean() < 0.002


def test_page_color_is_exact_in_a_gif():
    image = opened(encode(SCENE, "gif", width=WIDTH, theme="dark"))
    assert image.convert("RGB").getpixel((1, 1)) == (13, 16, 20)


@pytest.mark.parametrize("format", ["gif", "webp", "apng", "png"])
def test_clear_page(format):
    image = opened(encode(SCENE, format, width=WIDTH, theme="transparent"))
    assert image.convert("RGBA").getpixel((1, 1))[3] == 0


@pytest.mark.parametrize("format", ["apng", "webp"])
def test_apng_and_webp_frames(format):
    image = opened(encode(SCENE, format, width=WIDTH, fps=25))
    assert image.n_frames == 12
    image.seek(5)
    image.load()
    assert image.info["duration"] == 40
    assert image.info["loop"] == 0


def test_png_is_the_frame():
    content = encode(SCENE, "png", frame=4, width=WIDTH, scale=2)
    assert opened(content).tobytes() == draw(SCENE, 4, width=WIDTH, scale=2).tobytes()


@pytest.mark.parametrize("width", [390, 391])
def test_mp4_size_rate_and_frames(width, tmp_path):
    path = tmp_path / "scene.mp4"
    path.write_bytes(encode(SCENE, "mp4", width=width, fps=24))
    expected = draw(SCENE, 0, width=width)
    size = (width + width % 2, expected.height + expected.height % 2)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True)
    assert f"{size[0]}x{size[1]}".encode() in decoded.stderr and b" 24 fps" in decoded.stderr
    pictures = np.frombuffer(decoded.stdout, np.uint8).reshape(-1, size[1], size[0], 3)
    assert len(pictures) == 12
    assert np.abs(pictures[0, : expected.height, :width].astype(int) - np.asarray(expected)).mean() < 4
    flat, shown = flat_squares(np.asarray(expected)), pictures[0].astype(float)
    away = [np.abs(shown[y + 4 : y + 12, x + 4 : x + 12].mean((0, 1)) - color).max() for y, x, color in flat]
    assert len(away) > 500 and np.quantile(away, 0.99) <= 2
    assert b"h264 (High) (avc1" in decoded.stderr  # what PowerPoint and QuickTime play
    assert b"bt709" in decoded.stderr and b"yuv420p(tv, bt709" in decoded.stderr
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # starts before it is loaded


def flat_squares(pixels):
    """Corners and colour of squares of 16 pixels in one colour."""
    for y in range(0, pixels.shape[0] - 15, 8):
        for x in range(0, pixels.shape[1] - 15, 8):
            square = pixels[y : y + 16, x : x + 16].reshape(-1, 3)
            if (square == square[0]).all():
                yield y, x, square[0]


def test_mp4_has_no_clear_page():
    with pytest.raises(ValueError, match="must have a background"):
        encode(SCENE, "mp4", theme="transparent")


def test_svg_is_xml_with_text_and_one_arc_for_each_angle():
    root = ElementTree.fromstring(encode(SCENE, "svg", frame=3, width=WIDTH))
    names = [element.tag.rsplit("}")[-1] for element in root.iter()]
    assert names.count("path") == 2 * 12
    assert names.count("image") >= 3
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"GE-ViT p4", "90°"} <= texts


def test_csv_holds_every_angle():
    content = encode(SCENE, "csv").decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert pandas.read_csv(io.StringIO(content))["angle_deg"].tolist() == SCENE.angles_deg.tolist()
    assert np.loadtxt(io.StringIO(content), delimiter=",", skiprows=1, usecols=0).tolist() == SCENE.angles_deg.tolist()
    assert [float(row["angle_deg"]) for row in rows] == SCENE.angles_deg.tolist()
    assert [int(row["ViT: class"]) for row in rows] == SCENE.rings[1].classes.tolist()


@pytest.mark.parametrize("format", [name for name, each in FORMATS.items() if each.animated])
def test_four_slow_frames(format):
    """A page of few angles at a slow pace asks for less than one frame a second."""
    scene = sample_scene(4, rows=False)
    content = encode(scene, format, width=WIDTH, fps=1 / 3)
    if format in ("gif", "webp", "apng"):
        image = opened(content)
        image.seek(1)
        image.load()
        assert image.info["duration"] == 3000


def test_progress_is_told_and_may_cancel():
    told = []
    encode(SCENE, "gif", width=WIDTH, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    for format in ("gif", "mp4", "webp", "apng", "zip"):
        with pytest.raises(InterruptedError):
            encode(SCENE, format, width=WIDTH, progress=cancel)


@pytest.mark.parametrize(
    ("format", "options"), [("bmp", {}), ("gif", {"fps": 60}), ("mp4", {"fps": 0}), ("gif", {"easing": "bounce"})]
)
def test_refusals(format, options):
    with pytest.raises(ValueError, match="must be"):
        encode(SCENE, format, **options)
