"""A lesson: steps of words, a view, a question that is asked before the answer is shown, and what is said after.

The file is Markdown with a few `key: value` lines; docs/lessons.md describes it. Every mistake is told with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from e2viz import places

FOLDER = places.ASSETS / "lessons"
ASKS = ("nothing", "curve", "angles", "choice", "find")
KEYS = ("page", "models", "picture", "parts", "ask", "option", "answer", "settings")
LARGEST_FILE = 200_000
MOST_STEPS = 40
PLACEHOLDER = re.compile(r"\{([a-z_]+)((?: [^{}\s]+)*)\}")


class LessonError(ValueError):
    """A lesson that cannot be read: the file, the line, and what is wrong."""

    def __init__(self, name: str, line: int, what: str) -> None:
        super().__init__(f"{name}, line {line}: {what}")
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        title: above it.
        line: of the file at which it begins.
        words: shown at once, Markdown.
        reveal: shown after the question was answered; `{flips vit.mnist}` is a number just measured.
        page: the view.
        models: shown in it.
        picture: a sample; "" for the reader's own.
        parts: of the view, all when empty; the first is pointed at.
        ask: one of ASKS, and for which models.
        options: of a choice.
        answer: the right option, with placeholders; "" where any is.
        settings: of the view.
    """

    title: str
    line: int
    words: str = ""
    reveal: str = ""
    page: str = "rotation"
    models: tuple[str, ...] = ()
    picture: str = ""
    parts: tuple[str, ...] = ()
    ask: str = "nothing"
    asked: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    answer: str = ""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson.

    Attributes:
        name: of its file.
        title: on screen.
        about: one paragraph.
        steps: in order.
    """

    name: str
    title: str
    about: str
    steps: tuple[Step, ...]


def lesson_names(folder: Path = FOLDER) -> list[str]:
    """The lessons that there are."""
    return sorted(path.stem for path in folder.glob("*.md"))


def read_lesson(source: Path | str, name: str = "") -> Lesson:
    """A lesson from its file, or from its text.

    Raises:
        LessonError: with the line that is wrong.
        OSError: a file that cannot be read.
    """
    if isinstance(source, Path):
        name, text = source.stem, source.read_text(encoding="utf-8")
    else:
        text = source
    if len(text) > LARGEST_FILE:
        raise LessonError(name, 1, f"a lesson must have at most {LARGEST_FILE} characters, got {len(text)}")
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, start=1) if line.startswith("## ")]
    if not lines or not lines[0].startswith("# "):
        raise LessonError(name, 1, "a lesson must begin with '# ' and its title")
    if not 1 <= len(starts) <= MOST_STEPS:
        rule = f"a lesson must have 1 to {MOST_STEPS} steps that begin with '## '"
        raise LessonError(name, 1, f"{rule}, got {len(starts)}")
    about = "\n".join(lines[1 : starts[0] - 1]).strip()
    ends = [*starts[1:], len(lines) + 1]
    steps = tuple(_step(name, lines, start, end) for start, end in zip(starts, ends, strict=True))
    return Lesson(name=name, title=lines[0][2:].strip(), about=about, steps=steps)


def _step(name: str, lines: list[str], start: int, end: int) -> Step:
    """The step whose title stands on line `start`, up to the line before `end`."""
    found: dict[str, list[tuple[int, str]]] = {}
    number = start + 1
    while number < end and (line := lines[number - 1].strip()):
        key, colon, value = line.partition(":")
        if not colon or key not in KEYS:
            raise LessonError(name, number, f"a step's first lines must be one of {', '.join(KEYS)}, got {line[:40]!r}")
        found.setdefault(key, []).append((number, value.strip()))
        number += 1
    body = lines[number - 1 : end - 1]
    cut = next((place for place, line in enumerate(body) if line.strip().lower() == "### reveal"), len(body))
    return _checked(name, start, lines[start - 1][3:].strip(), found, body[:cut], body[cut + 1 :])


def _checked(
    name: str, line: int, title: str, found: dict[str, list[tuple[int, str]]], words: list[str], reveal: list[str]
) -> Step:
    def one(key: str, usual: str = "") -> str:
        values = found.get(key, [])
        if len(values) > 1:
            raise LessonError(name, values[1][0], f"{key} must stand once in a step")
        return values[0][1] if values else usual

    def where(key: str) -> int:
        return found[key][0][0] if key in found else line

    kind, *asked = one("ask", "nothing").split()
    if kind not in ASKS:
        raise LessonError(name, where("ask"), f"ask must be one of {', '.join(ASKS)}, got {kind!r}")
    models = tuple(filter(None, re.split(r"[,\s]+", one("models"))))
    for model in asked:
        if model not in models:
            raise LessonError(name, where("ask"), f"ask must name a model of the step, got {model!r}")
    needed = {"curve": 1, "angles": 2, "find": 1}.get(kind, 0)
    if len(asked) != needed:
        raise LessonError(name, where("ask"), f"ask: {kind} must name {needed} model(s) of the step, got {len(asked)}")
    options = tuple(value for _, value in found.get("option", []))
    if kind == "choice" and len(options) < 2:
        raise LessonError(name, where("ask"), f"a choice must have two options or more, got {len(options)}")
    settings = {}
    for pair in filter(None, one("settings").split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise LessonError(name, where("settings"), f"settings must be name=value, got {pair.strip()!r}")
        settings[key.strip()] = value.strip()
    for text in (*words, *reveal, one("answer")):
        for match in PLACEHOLDER.finditer(text):
            _check_placeholder(name, line, match, models)
    return Step(
        title=title, line=line, words="\n".join(words).strip(), reveal="\n".join(reveal).strip(),
        page=one("page", "rotation"), models=models, picture=one("picture"),
        parts=tuple(filter(None, re.split(r"[,\s]+", one("parts")))), ask=kind, asked=tuple(asked), options=options,
        answer=one("answer"), settings=settings,
    )  # fmt: skip


# Placeholder -> how many models it names.
NUMBERS = {
    "says": 1, "flips": 1, "agreement": 1, "lowest": 1, "quarters": 1, "together": 2, "error": 1, "gap": 0, "right": 0,
}  # fmt: skip


def _check_placeholder(name: str, line: int, match: re.Match[str], models: tuple[str, ...]) -> None:
    what, named = match[1], match[2].split()
    if what not in NUMBERS:
        raise LessonError(name, line, f"a number must be one of {', '.join(NUMBERS)}, got {{{what}}}")
    if len(named) != NUMBERS[what]:
        raise LessonError(name, line, f"{{{what}}} must name {NUMBERS[what]} model(s), got {len(named)}")
    for model in named:
        if model not in models:
            raise LessonError(name, line, f"{{{what}}} must name a model of the step, got {model!r}")


def fill(text: str, numbers: dict[str, str]) -> str:
    """The text with its placeholders replaced; one that has no number yet is left out."""
    return PLACEHOLDER.sub(lambda match: numbers.get(match[0][1:-1], "…"), text)


def wanted_numbers(step: Step) -> list[str]:
    """The placeholders of a step's words."""
    text = " ".join((step.words, step.reveal, step.answer))
    return list(dict.fromkeys(match[0][1:-1] for match in PLACEHOLDER.finditer(text)))
