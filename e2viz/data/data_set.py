"""The one noun for what a model knows: its classes, and how pictures must come to it."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

PREPARATIONS = ("digit", "crop")
READERS = ("idx", "class_folders", "hdf5", "none")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
MOST_CLASSES, LARGEST_SIZE = 10_000, 1024


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A set of labelled pictures of one kind. Cards, tasks, samples, recipes and pages name one; all facts stand here.

    Args:
        name: short, lower case, as links and cards say it.
        title: as the screen says it.
        class_names: in the order of the logits.
        channels: 1 for grey, 3 for colour.
        size: side of an image in pixels.
        mean, std: of each channel over the training images, on values in [0, 1]; what normalisation takes.
        background: of each channel, in [0, 1]: what lies outside the disc when a picture is turned.
        confusable: pairs of classes that turn into each other, by name: an ambiguity of the label, not an error.
        preparation: how a person's picture is made ready: "digit" cuts ink out of paper; "crop" cuts a square.
        reader: how files are read: "idx", "class_folders", "hdf5"; "none" for a set that has no files.
        files: name of the folder or archive inside a data folder; the first of them that exists is read.
        noun, plural: what one image shows, for sentences.
        test_split: what the test images are, in words.
        source, licence: whose pictures they are, and under which terms.
        default_models: shown first, where they are there.
        first_samples: shown first, and much of them is computed ahead; the first shipped one where none is named.
        compared_with: two samples that others are measured against; the first two shipped ones where none are named.

    Raises:
        ValueError: if the facts do not fit together.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    confusable: tuple[tuple[str, str], ...] = ()
    preparation: str = "crop"
    reader: str = "class_folders"
    files: tuple[str, ...] = ()
    noun: str = "picture"
    plural: str = "pictures"
    test_split: str = "the test split"
    source: str = ""
    licence: str = ""
    default_models: tuple[str, ...] = ()
    first_samples: tuple[str, ...] = ()
    compared_with: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a data set's name must be 1 to 64 of a-z, 0-9, '_', '.', '-', got {self.name[:80]!r}")
        if self.channels not in (1, 3) or not 1 <= self.size <= LARGEST_SIZE:
            raise ValueError(
                f"channels must be 1 or 3 and size 1 to {LARGEST_SIZE}, got {self.channels} and {self.size}"
            )
        lengths = tuple(len(each) for each in (self.mean, self.std, self.background))
        if lengths != (self.channels,) * 3:
            raise ValueError(
                f"mean, std and background need one number for each of {self.channels} channels, got {lengths}"
            )
        if not all(0 <= level <= 1 for level in self.background) or not all(each > 0 for each in self.std):
            raise ValueError(f"background must lie in [0, 1] and std above 0, got {self.background} and {self.std}")
        if not 1 <= len(self.class_names) <= MOST_CLASSES or len(set(self.class_names)) < len(self.class_names):
            raise ValueError(f"class_names must be 1 to {MOST_CLASSES} different names, got {len(self.class_names)}")
        if strange := {name for pair in self.confusable for name in pair} - set(self.class_names):
            raise ValueError(f"confusable must name classes of the set, got {', '.join(sorted(strange))}")
        if self.preparation not in PREPARATIONS or self.reader not in READERS:
            raise ValueError(
                f"preparation must be one of {', '.join(PREPARATIONS)} and reader one of {', '.join(READERS)}, "
                f"got {self.preparation!r} and {self.reader!r}"
            )

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.class_names)

    @property
    def grey(self) -> bool:
        return self.channels == 1

    def at_size(self, size: int) -> DataSet:
        """The same pictures with another side in pixels, under a name that says so."""
        return self if size == self.size else dataclasses.replace(self, name=f"{self.name}.{size}px", size=size)

    def index(self, class_name: str) -> int:
        """Place of a class among the logits.

        Raises:
            LookupError: if the set has no such class.
        """
        if class_name not in self.class_names:
            raise LookupError(f"{self.title} has no class {class_name!r}; it has {', '.join(self.class_names[:20])}")
        return self.class_names.index(class_name)

    def partner(self, label: int) -> int | None:
        """The class that a turn makes of this one, as 9 of 6; None where there is none."""
        named = self.class_names[label]
        for first, second in self.confusable:
            if named in (first, second):
                return self.index(second if named == first else first)
        return None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; ``from_dict`` gives an equal set back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Any) -> DataSet:
        """The set written by ``to_dict``.

        Raises:
            ValueError: if fields are unknown, missing, or of the wrong kind.
        """
        if not isinstance(fields, dict):
            raise ValueError(f"a data set must be an object of fields, got {type(fields).__name__}")
        known = {field.name: field for field in dataclasses.fields(cls)}
        if unknown := set(fields) - set(known):
            raise ValueError(f"a data set has no field {', '.join(sorted(map(str, unknown)))}")
        needed = {name for name, field in known.items() if field.default is dataclasses.MISSING}
        if missing := needed - set(fields):
            raise ValueError(f"a data set needs the field {', '.join(sorted(missing))}")
        try:
            return cls(**{name: _immutable(value) for name, value in fields.items()})
        except (TypeError, AttributeError) as error:
            raise ValueError(f"a field of the data set is of the wrong kind: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> DataSet:
        """The set in a JSON text.

        Raises:
            ValueError: if the text is not JSON, or ``from_dict`` refuses it.
        """
        try:
            return cls.from_dict(json.loads(text))
        except RecursionError:
            raise ValueError("a data set's JSON is nested too deeply") from None


def _immutable(value: Any) -> Any:
    """Lists, as JSON gives them, as tuples."""
    return tuple(map(_immutable, value)) if isinstance(value, list) else value
