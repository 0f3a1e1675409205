"""A recipe: a page's whole state, small enough for a link and for the metadata of an exported file."""

import base64
import binascii
import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Setting = str | int | float | bool | list

METHODS = ("fair", "naive")
DATA_URL_PREFIX = "data:image/png;base64,"
# Longer links are cut by mail programs and by some servers; a drawn 28x28 picture is well below.
LINK_PICTURE_MAX_CHARACTERS = 1500
_COMPACT_PREFIX = "png."


def png_data_url(png: bytes) -> str:
    """A PNG file as the data URL that a recipe carries."""
    return DATA_URL_PREFIX + base64.b64encode(png).decode("ascii")


def _nearest(name: str, valid: Collection[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=3, cutoff=0.4) or sorted(valid)
    return ", ".join(near)


def _refuse_unknown(what: str, names: Collection[str], valid: Collection[str]) -> None:
    for name in names:
        if name not in valid:
            raise ValueError(f"unknown {what} {name!r}; nearest: {_nearest(name, valid)}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to make a scene again.

    Args:
        page: name of the page and of its module in e2viz/scenes.
        models: names in the catalogue, in the order shown.
        picture: name of a sample, or a PNG as a data URL; "" for the page's first sample.
        angles: number of equispaced angles in a full turn.
        method: "fair" or "naive" rotation.
        settings: what else the page lets one choose; JSON scalars or lists of them.

    Raises:
        ValueError: a field that does not hold what is described here.
    """

    page: str
    models: tuple[str, ...] = ()
    picture: str = ""
    angles: int = 72
    method: str = "fair"
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.page, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", self.page):
            raise ValueError(f"page must be a lower-case name, got {self.page!r}")
        if isinstance(self.models, str) or not all(isinstance(name, str) and name for name in self.models):
            raise ValueError(f"models must be a list of names, got {self.models!r}")
        if not isinstance(self.picture, str):
            raise ValueError(f"picture must be a sample's name or a data URL, got {type(self.picture).__name__}")
        if isinstance(self.angles, bool) or not isinstance(self.angles, int) or not 1 <= self.angles <= 720:
            raise ValueError(f"angles must be a whole number from 1 to 720, got {self.angles!r}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        object.__setattr__(self, "models", tuple(self.models))
        object.__setattr__(self, "settings", _checked_settings(self.settings))
        self.picture_png()  # a broken picture is refused here, not when it is drawn

    def __hash__(self) -> int:
        return hash(self.to_json())

    def picture_png(self) -> bytes | None:
        """The embedded picture as a PNG file, or None when `picture` names a sample."""
        if not self.picture.startswith("data:"):
            return None
        if not self.picture.startswith(DATA_URL_PREFIX):
            raise ValueError(f"a picture's data URL must start with {DATA_URL_PREFIX}, got {self.picture[:30]!r}")
        return _decode(self.picture.removeprefix(DATA_URL_PREFIX))

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON knows them."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {"models": list(self.models), "settings": dict(self.settings)}

    def to_json(self) -> str:
        """One line of ASCII JSON, the same for equal recipes."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Inverse of `to_dict`.

        Raises:
            ValueError: a field that is unknown, missing or invalid.
        """
        _refuse_unknown("recipe field", values, _FIELDS)
        if "page" not in values:
            raise ValueError(f"a recipe must name its page, got only {sorted(values)}")
        if not isinstance(values.get("models", ()), (list, tuple)):
            raise ValueError(f"models must be a list of names, got {values['models']!r}")
        return cls(**{**values, "models": tuple(values.get("models", ()))})

    @classmethod
    def from_json(cls, text: str | bytes) -> "Recipe":
        """Inverse of `to_json`.

        Raises:
            ValueError: text that is no JSON, or no recipe.
        """
        try:
            values = json.loads(text)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"a recipe must be JSON: {error}") from error
        if not isinstance(values, dict):
            raise ValueError(f"a recipe must be an object, got {type(values).__name__}")
        return cls.from_dict(values)

    def to_query(self) -> dict[str, str]:
        """Query parameters of the page's link; the page itself is the path, defaults are left out.

        A picture that is too long for a link is left out: the link then shows the page's first sample.
        """
        query = {"models": ",".join(self.models), "picture": _picture_for_link(self.picture)}
        if self.angles != 72:
            query["angles"] = str(self.angles)
        if self.method != "fair":
            query["method"] = self.method
        query |= {name: _setting_to_text(value) for name, value in sorted(self.settings.items())}
        return {name: text for name, text in query.items() if text}

    @classmethod
    def from_query(cls, page: str, query: Mapping[str, str], *, settings: Collection[str] | None = None) -> "Recipe":
        """Inverse of `to_query`.

        Args:
            page: the page that the link leads to.
            query: parameters as in the address bar.
            settings: names that the page knows; None accepts any.

        Raises:
            ValueError: a parameter that is unknown or invalid.
        """
        own = [name for name in _FIELDS if name not in ("page", "settings")]
        others = {name: text for name, text in query.items() if name not in own}
        if settings is not None:
            _refuse_unknown("parameter", others, [*own, *settings])
        values: dict[str, Any] = {name: query[name] for name in own if name in query}
        if "models" in values:
            values["models"] = tuple(filter(None, query["models"].split(",")))
        if "picture" in values:
            values["picture"] = _picture_from_link(query["picture"])
        if "angles" in values:
            values["angles"] = _setting_from_text(query["angles"])
        return cls(page=page, settings={name: _setting_from_text(text) for name, text in others.items()}, **values)


_FIELDS = tuple(each.name for each in fields(Recipe))


def _checked_settings(settings: object) -> dict[str, Setting]:
    if not isinstance(settings, Mapping):
        raise ValueError(f"settings must be an object, got {type(settings).__name__}")
    for name, value in settings.items():
        if not isinstance(name, str) or not name or name in _FIELDS:
            raise ValueError(f"a setting's name must be text and no recipe field, got {name!r}")
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(item, (str, int, float, bool)) or item != item:
                raise ValueError(f"setting {name!r} must be text, a number, a truth value or a list, got {value!r}")
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _decode(text: str) -> bytes:
    try:
        png = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a picture's data URL must be base64: {error}") from error
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError(f"a picture's data URL must hold a PNG file, got bytes {png[:8]!r}")
    return png


def _picture_for_link(picture: str) -> str:
    if not picture.startswith("data:"):
        return picture
    compact = _COMPACT_PREFIX + picture.removeprefix(DATA_URL_PREFIX).translate(str.maketrans("+/", "-_")).rstrip("=")
    return compact if len(compact) <= LINK_PICTURE_MAX_CHARACTERS else ""


def _picture_from_link(text: str) -> str:
    if not text.startswith(_COMPACT_PREFIX):
        return text
    base = text.removeprefix(_COMPACT_PREFIX).translate(str.maketrans("-_", "+/"))
    return DATA_URL_PREFIX + base + "=" * (-len(base) % 4)


def _setting_to_text(value: Setting) -> str:
    if isinstance(value, str) and value and _setting_from_text(value) == value:
        return value
    return json.dumps(value, separators=(",", ":"))


def _setting_from_text(text: str) -> Setting:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return text if value is None or isinstance(value, dict) else value
