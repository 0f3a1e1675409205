"""Models that one person holds and nobody else sees: brought, and forgotten with the session that holds them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from e2viz.models.methods import suits
from e2viz.zoo.own import TAG
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import wrap, wrapping

MOST_MODELS = 3
MOST_BYTES = 400 << 20
MOST_BYTES_OF_ALL = 1 << 30
"""Of everybody's models together, which lie in the memory of one process."""


def is_own(name: str) -> bool:
    """Whether a name is of a model that a person brought, wrapped or not."""
    return name.partition("+")[0].endswith(f".{TAG}")


_ALL: weakref.WeakSet[OwnModels] = weakref.WeakSet()
_COUNTING = threading.Lock()


class OwnModels:
    """The models of one person, counted against a limit.

    Args:
        most: models held at once.
        most_bytes: of all together, each by its file or by its numbers in memory, whichever is more.
    """

    def __init__(self, most: int = MOST_MODELS, most_bytes: int = MOST_BYTES) -> None:
        self.most, self.most_bytes = most, most_bytes
        self._models: dict[str, tuple[Model, int]] = {}
        self._wrapped: dict[str, Model] = {}
        with _COUNTING:
            _ALL.add(self)

    def __len__(self) -> int:
        return len(self._models)

    def names(self) -> list[str]:
        """Names of the models that were brought."""
        return list(self._models)

    def free_name(self, name: str) -> str:
        """The name, or the same with a number where it is taken by another file."""
        stem, number = name.removesuffix(f".{TAG}"), 2
        while name in self._models:
            name, number = f"{stem}_{number}.{TAG}", number + 1
        return name

    def check_room(self, size_bytes: int) -> None:
        """Whether another file of that size fits.

        Raises:
            ValueError: if it does not, with what to do.
        """
        held = self.held_bytes
        if len(self._models) >= self.most or held + size_bytes > self.most_bytes:
            raise ValueError(
                f"a session holds at most {self.most} models and {self.most_bytes >> 20} MB, "
                f"it has {len(self._models)} and {held >> 20} MB; forget one first"
            )
        with _COUNTING:
            of_all = sum(each.held_bytes for each in _ALL)
        if of_all + size_bytes > MOST_BYTES_OF_ALL:
            raise ValueError(
                f"all sessions together hold at most {MOST_BYTES_OF_ALL >> 20} MB of models, "
                f"they have {of_all >> 20} MB; try again later"
            )

    @property
    def held_bytes(self) -> int:
        """Of all models."""
        return sum(size for _, size in list(self._models.values()))

    def add(self, model: Model, size_bytes: int) -> None:
        """Hold a model. Numbers of half precision take twice their file's size.

        Raises:
            ValueError: if there is no room for it.
        """
        held = sum(tensor.numel() * tensor.element_size() for tensor in model.network.state_dict().values())
        size_bytes = max(size_bytes, held)
        self.check_room(size_bytes)
        self._models[model.name] = model, size_bytes

    def size_bytes(self, name: str) -> int:
        """Of the file of a model."""
        return self._models[name][1]

    def forget(self, name: str) -> None:
        """Drop a model and what was made of it; its process ends with it."""
        self._models.pop(name, None)
        self._wrapped = {each: model for each, model in self._wrapped.items() if not each.startswith(f"{name}+")}

    def get(self, name: str) -> Model | None:
        """The model of that name, or one of these wrapped by a method that learns nothing; None for any other."""
        if name in self._models:
            return self._models[name][0]
        wanted = wrapping(name)
        if wanted is None or wanted.learns or wanted.base not in self._models:
            return None
        base, _ = self._models[wanted.base]
        if not suits(wanted.method, base.network):
            return None
        if name not in self._wrapped:
            self._wrapped[name] = wrap(base, wanted.method, wanted.group)
        return self._wrapped[name]


_of_whoever_asks: list[Callable[[], OwnModels | None]] = [lambda: None]


def own_models() -> OwnModels | None:
    """Those of whoever asks now; None where nobody said who that is, as in a script."""
    return _of_whoever_asks[0]()


def ask(who: Callable[[], OwnModels | None]) -> None:
    """Say once how to find the models of whoever asks: a screen with many sessions knows."""
    _of_whoever_asks[0] = who
