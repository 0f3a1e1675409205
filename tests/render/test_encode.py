"""Files: every format holds its recipe, its frames and its time."""

import csv
import io
import subprocess
import xml.etree.ElementTree as ElementTree

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from sample_scene import sample_scene

from e2viz.render.draw import draw
from e2viz.render.embed import read_recipe
from e2viz.render.encode import EASINGS, FORMATS, durations_ms, encode, frame_order
from e2viz.render.recipe import Recipe, png_data_url

SCENE = sample_scene(12)
WIDTH = 390


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("format", FORMATS)
def test_recipe_comes_back(format, tmp_path):
    content = encode(SCENE, format, width=WIDTH)
    assert read_recipe(content) == SCENE.recipe
    path = tmp_path / f"file{FORMATS[format].suffix}"
    path.write_bytes(content)
    assert read_recipe(path) == SCENE.recipe


@pytest.mark.parametrize("format", FORMATS)
def test_a_drawn_picture_comes_back(format):
    file = io.BytesIO()
    Image.fromarray(np.eye(28, dtype=np.uint8)).save(file, "PNG")
    recipe = Recipe(page="rotation", picture=png_data_url(file.getvalue()), settings={"text": "ä <&>\"'"})
    scene = sample_scene(2, rows=False)
    object.__setattr__(scene, "recipe", recipe)
    assert read_recipe(encode(scene, format, width=WIDTH)) == recipe


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
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # starts before it is loaded


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
    lines = encode(SCENE, "csv").decode("utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [float(row["angle_deg"]) for row in rows] == SCENE.angles_deg.tolist()
    assert [int(row["ViT: class"]) for row in rows] == SCENE.rings[1].classes.tolist()


def test_durations_do_not_drift():
    assert durations_ms(4, 20, 10) == [50] * 4
    assert sum(durations_ms(30, 30, 10)) == 1000
    assert set(durations_ms(30, 30, 10)) == {30, 40}


@pytest.mark.parametrize("easing", EASINGS)
def test_easings_go_forward_once_around(easing):
    order = frame_order(72, easing)
    assert len(order) == 72 and order[0] == 0 and order[-1] >= 70
    assert (np.diff(order) >= 0).all()


def test_progress_is_told_and_may_cancel():
    told = []
    encode(SCENE, "gif", width=WIDTH, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    for format in ("gif", "mp4", "webp", "apng"):
        with pytest.raises(InterruptedError):
            encode(SCENE, format, width=WIDTH, progress=cancel)


@pytest.mark.parametrize(
    ("format", "options"), [("bmp", {}), ("gif", {"fps": 60}), ("mp4", {"fps": 0}), ("gif", {"easing": "bounce"})]
)
def test_refusals(format, options):
    with pytest.raises(ValueError, match="must be"):
        encode(SCENE, format, **options)
