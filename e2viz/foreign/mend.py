"""Before and after: a model and the same model made equivariant, on one picture and on a folder of labelled ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from e2viz import interrupt
from e2viz.data import DataSet
from e2viz.data.class_folders import folder_name, members
from e2viz.data.idx import DataError
from e2viz.data.intake import read_picture
from e2viz.data.sees import sees
from e2viz.images.picture import Picture, PictureError
from e2viz.images.rotate import views
from e2viz.measure.equivariance import equivariance_error
from e2viz.measure.subject import subject
from e2viz.measure.sweep import sweep
from e2viz.nn.views import border_median
from e2viz.zoo.card import Accuracy
from e2viz.zoo.weights import Model

ANGLES_DEG = np.arange(12) * 30.0
MOST_PICTURES = 400
MOST_UNREAD = 100
"""Pictures that cannot be read, each of which may take a second to find out."""
MOST_UNPACKED = 2 << 30
"""Bytes of all members that are looked at: a small archive unpacks to a thousand times its size."""
DIRECTORY_BYTES = 8 << 20
"""Of a zip's list of members, which is held whole."""
QUARTER_TURNS = (1, 2, 3)


def beside(
    models: Sequence[Model],
    picture: Picture,
    angles_deg: np.ndarray,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[str]]:
    """A table of measures that need no label, one column a model.

    Args:
        models: the one that was brought, and the mended one.
        picture: what is turned.
        angles_deg: equispaced over one turn, from upright.
        progress: called with (angles done, all); it cancels by raising.
    """
    swept = sweep(models, picture, angles_deg, progress=progress)
    table: dict[str, list[str]] = {
        "measure": [
            "answers in a turn", "changes of mind", "agreement with upright", "worst total variation",
            "Jensen–Shannon, nats", "error of the logits at quarter turns",
        ]
    }  # fmt: skip
    for model in models:
        found = swept.stability(model.name)
        (logits,) = [[name for name, kind in model.probe_kinds().items() if kind == "logits"][-1]]
        errors = equivariance_error(
            subject(model), sees(picture, model.card), elements=_quarters(model), probes=[logits], floor=False
        )
        table[model.name] = [
            f"{found.distinct_classes}",
            f"{len(found.flips)} of {found.frames}",
            f"{100 * found.agreement:.0f} %",
            f"{found.worst_total_variation:.3f}",
            f"{found.jensen_shannon:.3f}",
            f"{errors.probes[logits].error.max():.1e}",
        ]
    return table


def _quarters(model: Model) -> list[int]:
    """The quarter turns among the elements of a model's group; of the square's, for one without."""
    group = subject(model).group
    if group is None:
        return list(QUARTER_TURNS)
    return [each for each in group.elements if each and group.is_exact(each) and not group.is_reflection(each)]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Pictures with their classes, as they were read.

    Args:
        pictures: as brought.
        labels: places among a model's classes.
        unknown: folders that are none of the classes.
        unread: pictures that could not be read.
        more: whether there were more than are looked at.
    """

    pictures: tuple[Picture, ...]
    labels: tuple[int, ...]
    unknown: tuple[str, ...] = ()
    unread: int = 0
    more: bool = False


def labelled(
    source: Path, found: DataSet, most: int = MOST_PICTURES, progress: Callable[[int, int], None] | None = None
) -> Labelled:
    """Pictures of class folders, in a directory, a zip or a tar, a bounded number of them.

    Args:
        source: that holds one folder for each class.
        found: names the classes.
        most: pictures read.
        progress: called with (pictures read, most) before each member; it cancels by raising.

    Raises:
        DataError: if nothing in it can be used, or it asks for too much.
    """
    numbers = {folder_name(name): index for index, name in enumerate(found.class_names)}
    pictures: list[Picture] = []
    labels, unknown, unread, more, unpacked = [], dict[str, None](), 0, False, 0
    for member in itertools.islice(members(source, directory_bytes=DIRECTORY_BYTES), 20 * most):
        interrupt.point()
        if progress is not None:
            progress(len(pictures), most)
        unpacked += len(member.content)
        if unpacked > MOST_UNPACKED:
            raise DataError(f"All pictures together may unpack to {MOST_UNPACKED >> 30} GB; give fewer of them.")
        if len(pictures) == most:
            more = True
            break
        label = numbers.get(folder_name(member.class_name))
        if label is None:
            unknown[member.class_name] = None
            continue
        try:
            pictures.append(read_picture(member.content, found, name=member.name))
        except PictureError:
            unread += 1
            if unread > MOST_UNREAD:
                one = member.name[:200]
                raise DataError(f"At most {MOST_UNREAD} pictures may be unreadable; {one} is one more.") from None
            continue
        labels.append(label)
    if not pictures:
        named = ", ".join(found.class_names[:8])
        raise DataError(
            f"No folder is named like a class of the model, with a picture that can be read: {named}, … "
            f"Got {', '.join(list(unknown)[:8]) or 'no other folder'}."
        )
    return Labelled(
        pictures=tuple(pictures), labels=tuple(labels), unknown=tuple(unknown), unread=unread, more=more
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How often a model is right, over pictures and angles.

    Args:
        right: [picture angle], turned inside a disc.
        standing: of the pictures as they were brought, without a disc.
    """

    right: Bool[np.ndarray, "picture angle"]
    standing: Bool[np.ndarray, " picture"]

    @property
    def upright(self) -> Accuracy:
        return self._of(self.standing, "pictures as they stand")

    @property
    def turned(self) -> Accuracy:
        return self._of(self.right.ravel(), "pictures at all angles")

    @property
    def worst_case(self) -> Accuracy:
        """Right at every angle."""
        return self._of(np.asarray(self.right.all(1)), "pictures at every angle")

    def _of(self, right: np.ndarray, words: str) -> Accuracy:
        return Accuracy(correct=int(right.sum()), total=int(right.size), of=words)


def judged(
    models: Sequence[Model],
    pictures: Labelled,
    angles_deg: np.ndarray = ANGLES_DEG,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, Judged]:
    """Accuracy of each model over labelled pictures, as they stand and turned.

    What lies around a turned picture is the median of its own border: what a person's model was trained on is not
    known, and on grey corners a model of bright pictures would be judged by its corners.

    Args:
        models: of the same classes.
        pictures: with their classes.
        angles_deg: the first upright.
        progress: called with (pictures done, all); it cancels by raising.
    """
    angles = torch.as_tensor(angles_deg, dtype=torch.float64)
    upright = torch.zeros(1, dtype=torch.float64)
    rows: dict[str, list[np.ndarray]] = {model.name: [] for model in models}
    stood: dict[str, list[bool]] = {model.name: [] for model in models}
    for done, (picture, label) in enumerate(zip(pictures.pictures, pictures.labels, strict=True), 1):
        for model in models:
            size, mean = model.card.image_size, torch.tensor(model.card.mean)
            seen = sees(picture, model.card)
            seen = replace(seen, background=tuple(border_median(seen.values[None]).flatten().tolist()))
            images = torch.cat([views(seen, upright, size, "naive", mean=mean), views(seen, angles, size)])
            right = (model.logits(images).argmax(-1) == label).cpu().numpy()
            stood[model.name].append(bool(right[0]))
            rows[model.name].append(right[1:])
        if progress is not None:
            progress(done, len(pictures.pictures))
    return {name: Judged(right=np.stack(each), standing=np.array(stood[name])) for name, each in rows.items()}
