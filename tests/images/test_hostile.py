"""Whatever the file: a picture with a note, or a refusal that says what to do; in a second and in little memory."""

import re
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from hostile import FORMS, REFUSED, animation, broken_exif, cases, drawing, encoded

from e2viz.images.intake import bring, prepare, read_picture
from e2viz.images.picture import Picture, PictureError
from e2viz.render.marked import image_facts

CASES = {case.name: case for case in cases()}
ADVICE = re.compile(r"try again|make it smaller|export the picture|darker pen|check the name|or smaller", re.I)
# Generous for a busy machine that also checks every shape; the slow test below measures.
SECONDS = 6.0


def test_there_are_enough_of_them():
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_each_is_read_with_a_note_or_refused_with_advice(name):
    case = CASES[name]
    content = case.make()
    start_s = time.thread_time()
    try:
        picture = read_picture(content)
    except PictureError as error:
        assert case.refused or case.words in ("", REFUSED), f"must be read, was refused: {error}"
        assert ADVICE.search(str(error)) and len(str(error)) < 400, error
        assert case.words == REFUSED or re.search(case.words, str(error)), error
    else:
        assert not case.refused, f"must be refused, was read: {picture.steps}"
        assert case.words == REFUSED or re.search(case.words, picture.steps[0]), picture.steps
        assert_good(picture)
    assert time.thread_time() - start_s < SECONDS


def test_reading_leaves_the_filters_of_warnings_alone(monkeypatch):
    """They are the whole process's: of two threads that set them for a while, one would leave the other's behind."""
    monkeypatch.setattr(warnings, "catch_warnings", lambda *_, **__: pytest.fail("filters were set for a while"))
    for content in (encoded(drawing()), broken_exif(), animation(3, "GIF")):
        read_picture(content)
        image_facts(content, "GIF")


def assert_good(picture: Picture) -> None:
    for each in (picture, prepare(picture.original, "crop", (0.5, 0.4, 0.3))):
        assert each.values.isfinite().all() and each.values.min() >= 0 and each.values.max() <= 1
        assert each.values.shape[1] == each.values.shape[2] <= 512


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".png", "数" * 90 + ".png", "a\0b.png", "../" * 60 + "x.png", "", "/dev/zero"]
)
def test_a_name_is_never_more_than_a_name(name, tmp_path):
    for path in (name, tmp_path / name if "\0" not in name else name):
        with pytest.raises(PictureError, match="check the name"):
            read_picture(path)
    assert bring(encoded(drawing()), name=name or "none").name == (name or "none")


def mutated(random: np.random.RandomState) -> bytes:
    form = FORMS[random.randint(len(FORMS))]
    content = bytearray(encoded(drawing(40 + random.randint(60), 40 + random.randint(60)), form))
    for _ in range(1 + random.randint(6)):
        place = random.randint(len(content))
        kind = random.randint(4)
        if kind == 0:
            content[place] ^= 1 << random.randint(8)
        elif kind == 1:
            content[place] = (0, 255, 127, 128)[random.randint(4)]
        elif kind == 2:
            del content[place : place + 1 + random.randint(12)]
        else:
            content[place:place] = random.bytes(1 + random.randint(12))
        if not content:
            break
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_end_in_a_picture_or_a_refusal(seed):
    random = np.random.RandomState(seed)
    for number in range(250):
        content = mutated(random)
        start_s = time.thread_time()
        try:
            picture = read_picture(content)
            assert picture.values.isfinite().all()
        except PictureError:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}") from error
        assert time.thread_time() - start_s < SECONDS, f"seed {seed}, number {number}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_arbitrary_arrays_and_drawings_end_in_a_picture_or_a_refusal(seed):
    random = np.random.RandomState(seed)
    for number in range(150):
        height, width = (1 + random.randint(90, size=2)).tolist()
        values = random.uniform(size=(height, width)) if number % 3 else np.full((height, width), 0.98)
        values[random.uniform(size=values.shape) < 0.5] = random.uniform()
        if number % 3 == 0:
            row, column = random.randint(height), random.randint(width)
            values[row, :column] = 0.0
            values[:row, column] = 0.0
        try:
            assert read_picture(values).values.isfinite().all(), f"seed {seed}, number {number}"
        except PictureError as error:
            assert "No drawing" in str(error)


MEASURE = """
import resource, sys, time
import torch
torch.set_num_threads(1)
import numpy as np
from e2viz.images.intake import bring, prepare
from e2viz.images.picture import PictureError
prepare(bring(np.eye(64)), "digit"); prepare(bring(np.eye(64)), "crop")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
content = sys.stdin.buffer.read()
start_s = time.process_time()
try:
    picture = bring(content)
    prepare(picture, "crop")
    prepare(picture, "digit")
except PictureError as error:
    pass
print(time.process_time() - start_s, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
HEAVY = [
    "a JPEG of 24 million pixels", "a JPEG of 50 million pixels", "a JPEG of 3 000 passes",
    "a large BMP in runs, a pixel each", "a profile that unpacks to 50 MB", "a PNG of 4 000×4 000 in 20 kB",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_reading_takes_a_second_and_300_mb_at_most(name):
    best_s, best_mb = float("inf"), float("inf")
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE], input=CASES[name].make(), capture_output=True, check=True
        )
        seconds, megabytes = map(float, done.stdout.split())
        best_s, best_mb = min(best_s, seconds), min(best_mb, megabytes)
    assert best_s <= 1.0 and best_mb <= 300, f"{best_s:.2f} s, {best_mb:.0f} MB"
