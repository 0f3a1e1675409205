"""Lessons: the shipped ones are read, mistakes name their line, and numbers are those that were measured."""

import numpy as np
import pytest

import e2viz
from e2viz import scenes
from e2viz.data.samples import sample, sample_names
from e2viz.kept.sweeps import stored_sweep
from e2viz.scenes import lesson_numbers
from e2viz.scenes.lesson import FOLDER, LessonError, fill, lesson_files, place_of, pointers, read_lesson, without_gap

GOOD = """# Title

About it.

## First
models: vit.mnist
ask: curve vit.mnist

[It](#chart:0) says {says vit.mnist}.

### Reveal
And {gap}.
"""


@pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.md")])
def test_shipped_lessons_name_what_there_is(name):
    lesson = read_lesson(FOLDER / f"{name}.md")
    assert 6 <= len(lesson.steps) <= 9 and lesson.about
    for step in lesson.steps:
        assert step.page in scenes.SCENES and set(step.models) <= set(e2viz.list_models())
        assert not step.picture or step.picture in sample_names()
        assert step.words and step.reveal and step.ask != "nothing"


def test_a_lesson_is_read():
    lesson = read_lesson(GOOD, "mine")
    (step,) = lesson.steps
    assert (lesson.title, lesson.about, step.title, step.line) == ("Title", "About it.", "First", 5)
    assert step.ask == "curve" and step.asked == ("vit.mnist",) and step.reveal == "And {gap}."
    assert fill(step.words, {"says vit.mnist": "8"}) == "[It](#chart:0) says 8."
    assert pointers(step) == {"chart:0": "chart:0"}


def test_words_point_at_where_a_part_stands_in_what_is_shown():
    parts = ("dial", "bars:1", "chart:2", "chart:0", "row:3", "panel:1.2")
    assert [place_of(part, parts) for part in parts] == ["dial", "bars:0", "chart:0", "chart:1", "row:0", "panel:1.0"]
    assert place_of("panel:3.4", parts) == "panel:0.4" and place_of("chart:5", parts) is None
    assert place_of("bars:1", ("dial", "bars")) == "bars:1" and place_of("row:7", ()) == "row:7"


def test_nothing_is_said_of_a_curve_that_nobody_has_drawn():
    assert without_gap("It falls at 3.5°; your curve is {gap} away.") == "It falls at 3.5°."
    assert without_gap("It falls. Your curve is {gap} away on average. Nothing else.") == "It falls. Nothing else."


def test_a_teacher_s_own_folder_holds_lessons_too(tmp_path, monkeypatch):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "mine.md").write_text(GOOD)
    monkeypatch.setenv("E2VIZ_HOME", str(tmp_path))
    assert read_lesson(lesson_files()["mine"]).title == "Title"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("# Title", "Title", 1, "must begin with"),
        ("## First", "### First", 1, "must have 1 to"),
        ("models: vit.mnist", "modles: vit.mnist", 6, "first lines must be one of"),
        ("ask: curve vit.mnist", "ask: draw vit.mnist", 7, "ask must be one of"),
        ("ask: curve vit.mnist", "ask: curve", 7, "must name 1 model"),
        ("ask: curve vit.mnist", "ask: curve cnn.rotmnist", 7, "must name a model of the step"),
        ("ask: curve vit.mnist", "ask: choice", 7, "two options"),
        ("{says vit.mnist}", "{says}", 9, "must name 1 model"),
        ("{says vit.mnist}", "{sings vit.mnist}", 9, "number must be one of"),
        ("{gap}", "{gap vit.mnist}", 12, "must name 0 model"),
        ("models: vit.mnist", "models: vit.mnits", 7, "must name a model of the step"),
        ("models: vit.mnist", "models: vit.mnist, vit.mnits", 6, "models must name what there is, such as vit.mnist"),
        ("models: vit.mnist", "page: rotatoin\nmodels: vit.mnist", 6, "page must name what there is, such as rotation"),
        ("models: vit.mnist", "picture: mnist-77\nmodels: vit.mnist", 6, "picture must name"),
        ("models: vit.mnist", "data: cells\nmodels: vit.mnist", 6, "data must name"),
        ("models: vit.mnist", "parts: ring\nmodels: vit.mnist", 6, "a part must be such as"),
        ("#chart:0", "#ring", 9, "words must point at a part"),
        ("models: vit.mnist", "parts: dial\nmodels: vit.mnist", 10, "words must point at a part that is shown, dial"),
        ("ask: curve", "settings: a\nask: curve", 7, "name=value"),
    ],
)
def test_a_mistake_names_its_line(old, new, line, words):
    with pytest.raises(LessonError, match=f"mine, line {line}: .*{words}") as error:
        read_lesson(GOOD.replace(old, new, 1), "mine")
    assert error.value.line == line


def test_numbers_are_those_of_the_sweep():
    model, picture = e2viz.load("vit.mnist"), sample("mnist-8")
    swept = stored_sweep([model], picture)
    answers = swept.probability("vit.mnist").argmax(axis=1)
    changes = int((answers != np.roll(answers, 1)).sum())
    known = {"vit.mnist": model}
    assert lesson_numbers.number_of("flips vit.mnist", swept, picture, known) == str(changes)
    same = int((answers == answers[0]).sum())
    assert lesson_numbers.number_of("agreement vit.mnist", swept, picture, known) == f"{same} of 72"


def test_the_gap_of_the_measured_curve_is_nothing():
    curve = np.linspace(0, 1, 72)
    assert lesson_numbers.gap(curve.tolist(), curve) == pytest.approx(0, abs=1e-9)
    assert lesson_numbers.gap([1.0] * 36, np.zeros(72)) == pytest.approx(1)
