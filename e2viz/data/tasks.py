"""What the tag behind a model's name means: a data set, and whether its training images are turned."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from e2viz.data.data_set import DataSet
from e2viz.data.table import data_set, list_data

VARIANTS = ("upright", "rotated", "rotated10")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set under one protocol.

    Args:
        tag: what follows the dot in a model's name.
        data: name of the data set.
        variant: "upright", where training and validation images are not turned; "rotated"; or "rotated10", with a
            tenth of the training images.
        short: the tag as the screen says it.
        brief: the same beside others of the data set alone.
        words: what a card says about it.
    """

    tag: str
    data: str
    variant: str
    short: str
    words: str
    brief: str = ""

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {self.variant!r}")
        if not self.brief:
            object.__setattr__(self, "brief", self.short)

    @property
    def data_set(self) -> DataSet:
        return data_set(self.data)

    @property
    def turned(self) -> bool:
        """Whether training images are turned."""
        return self.variant != "upright"


_T10K = "tested on all 10,000 t10k images, upright and at 5 random angles each"
_PHOTOS = "tested on 9,000 test images, upright, at 90° and at 5 random angles each, all in the soft disc"
_BLOOD = "tested on 2,931 test pictures, upright, at 90° and at 5 random angles each, all in the soft disc"
_SHARED = "no patient numbers exist, so patients may be shared between splits"

TASKS: dict[str, Task] = {
    task.tag: task
    for task in (
        Task(tag="rotmnist", data="digits", variant="rotated", short="rotMNIST",
             words=f"MNIST, 10,000 training digits turned by random angles; {_T10K}"),
        Task(tag="mnist", data="digits", variant="upright", short="MNIST",
             words=f"MNIST, 10,000 training digits, all upright; {_T10K}"),
        Task(tag="rotmnist10", data="digits", variant="rotated10", short="rotMNIST 10 %",
             words=f"MNIST, 1,000 training digits turned by random angles; {_T10K}"),
        Task(tag="fashion", data="clothes", variant="rotated", short="Fashion-MNIST",
             words=f"Fashion-MNIST, 10,000 training images turned by random angles; {_T10K}"),
        Task(tag="photos", data="photos", variant="upright", short="upright photographs", brief="upright",
             words=f"CIFAR-10, JPEG coded, 45,000 training images, all upright; {_PHOTOS}"),
        Task(tag="rotphotos", data="photos", variant="rotated", short="turned photographs", brief="turned",
             words=f"CIFAR-10, JPEG coded, 45,000 training images turned by random angles; {_PHOTOS}"),
        Task(tag="blood", data="blood", variant="upright", short="cells as photographed", brief="as photographed",
             words=f"normal peripheral blood cells, 11,959 training pictures as photographed; {_BLOOD}; {_SHARED}"),
        Task(tag="rotblood", data="blood", variant="rotated", short="turned cells", brief="turned",
             words=f"normal peripheral blood cells, 11,959 training pictures turned by random angles; {_BLOOD}; "
                   f"{_SHARED}"),
        Task(tag="pcam", data="tissue", variant="rotated", short="PCam",
             words="PCam, 262,144 training patches turned by random quarter turns; tested on all 32,768 test "
                   "patches, as they are and turned by a random quarter turn"),
    )
}  # fmt: skip


def task(tag: str) -> Task:
    """The task of that tag; a data set described by its owner is a tag too.

    Raises:
        LookupError: if there is none, with the nearest tags.
    """
    if tag in TASKS:
        return TASKS[tag]
    if tag in list_data():
        words = f"{data_set(tag).title}, training images turned by random angles; tested upright and turned"
        return Task(tag=tag, data=tag, variant="rotated", short=tag, words=words)
    near = difflib.get_close_matches(tag, TASKS) or list(TASKS)
    raise LookupError(f"no task is called {tag[:80]!r}; there are {', '.join(near)}")
