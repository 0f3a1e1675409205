"""A lesson: steps of words, a view, a question that is asked before the answer is shown, and what is said after.

The file is Markdown with a few `key: value` lines; docs/lessons.md describes it. Every mistake is told with its line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from e2viz import places, scenes
from e2viz.data import list_data
from e2viz.data.samples import sample_names
from e2viz.zoo.catalogue import list_models

FOLDER = places.ASSETS / "lessons"
ASKS = ("nothing", "curve", "angles", "choice", "find")
KEYS = ("page", "models", "picture", "data", "parts", "ask", "option", "answer", "settings")
LARGEST_FILE = 200_000
MOST_STEPS = 40
# Words that point at a part of the view, and a part at them: [the outer ring](#dial).
POINTER = re.compile(r"\[[^\]]+\]\(#([^)\s]*)\)")
PART = re.compile(r"(dial|bars|(bars|chart|row):\d{1,2}|panel:\d{1,2}\.\d{1,3})")
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
        data: the data set that the reader's own picture must be of, or else the data folder's first; "" for any.
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
    data: str = ""
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


def lesson_files(folder: Path = FOLDER) -> dict[str, Path]:
    """The lessons that there are, by name: the shipped ones, and those of the person's own folder."""
    own = places.home() / "lessons"
    return {path.stem: path for each in (folder, own) for path in sorted(each.glob("*.md"))}


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
    body = list(enumerate(lines[number - 1 : end - 1], start=number))
    cut = next((place for place, (_, line) in enumerate(body) if line.strip().lower() == "### reveal"), len(body))
    return _checked(name, start, lines[start - 1][3:].strip(), found, body[:cut], body[cut + 1 :])


# Lines of a step with their numbers in the file.
Numbered = list[tuple[int, str]]


def _checked(name: str, line: int, title: str, found: dict[str, Numbered], words: Numbered, reveal: Numbered) -> Step:
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
    parts = tuple(filter(None, re.split(r"[,\s]+", one("parts"))))
    for part in parts:
        if part != "all" and not PART.fullmatch(part):
            raise LessonError(
                name, where("parts"), f"a part must be such as dial, bars:0 or chart:0, got {part[:40]!r}"
            )
    _check_known(name, where, one("page", "rotation"), models, one("picture"), one("data"))
    for number, text in (*words, *reveal, (where("answer"), one("answer"))):
        for match in PLACEHOLDER.finditer(text):
            _check_placeholder(name, number, match, models)
        for match in POINTER.finditer(text):
            if place_of(match[1], parts) is None:
                rule = f"words must point at a part that is shown, {', '.join(parts) or 'such as dial or chart:0'}"
                raise LessonError(name, number, f"{rule}, got {match[1][:40]!r}")
    return Step(
        title=title, line=line, words=_text(words), reveal=_text(reveal), page=one("page", "rotation"), models=models,
        picture=one("picture"), data=one("data"), parts=parts, ask=kind, asked=tuple(asked), options=options,
        answer=one("answer"), settings=settings,
    )  # fmt: skip


def _text(lines: Numbered) -> str:
    return "\n".join(line for _, line in lines).strip()


def _check_known(
    name: str, where: Callable[[str], int], page: str, models: tuple[str, ...], picture: str, data: str
) -> None:
    """Refuse a view, a model, a sample or a data set that there is not, with the line that names it."""
    offered = {
        "page": ((page,), list(scenes.SCENES)),
        "models": (models, list_models(wrapped=True) if any("+" in model for model in models) else list_models()),
        "picture": (filter(None, (picture,)), sample_names()),
        "data": (filter(None, (data,)), list_data()),
    }
    for key, (asked, there) in offered.items():
        for each in asked:
            if each not in there:
                near = ", ".join(difflib.get_close_matches(each, there) or sorted(there)[:3])
                raise LessonError(name, where(key), f"{key} must name what there is, such as {near}; got {each[:60]!r}")


def place_of(part: str, parts: tuple[str, ...]) -> str | None:
    """Where a part of a view stands when only some of its parts are shown; None if it is not among them.

    Args:
        part: as a lesson names it, in the view's own numbers: "chart:2".
        parts: those that are shown, in their order; all when empty.
    """
    if not PART.fullmatch(part):
        return None
    if not parts or part == "dial" and part in parts:
        return part
    kind, _, index = part.partition(":")
    shown = 0
    for each in parts:
        if kind == "panel" and each == part:
            return f"panel:{shown}.0"
        if each == part or (kind == "bars" and each == "bars"):
            return part if not index else f"{kind}:{shown + (int(index) if each == 'bars' else 0)}"
        if kind == "panel" and each == f"row:{index.partition('.')[0]}":
            return f"panel:{shown}.{index.partition('.')[2]}"
        same = "row" if kind == "panel" else kind
        shown += each.partition(":")[0] in (same, "panel" if same == "row" else same)
    return None


def pointers(step: Step) -> dict[str, str]:
    """The parts that a step's words point at, and where each stands in what is shown."""
    named = dict.fromkeys(POINTER.findall(step.words + step.reveal))
    return {part: place for part in named if (place := place_of(part, step.parts)) is not None}


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


def without_gap(text: str) -> str:
    """The text without what it says of a curve that nobody has drawn."""
    kept = re.sub(r"[^.:;!?]*\{gap\}[^.:;!?]*[.:;!?]", "", text)
    return re.sub(r";(?=\s*$|\s+[A-Z])", ".", kept).strip()


def wanted_numbers(step: Step) -> list[str]:
    """The placeholders of a step's words."""
    text = " ".join((step.words, step.reveal, step.answer))
    return list(dict.fromkeys(match[0][1:-1] for match in PLACEHOLDER.finditer(text)))
