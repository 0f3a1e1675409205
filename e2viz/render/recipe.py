"""A recipe: a page's whole state, small enough for a link and for the metadata of an exported file."""

import base64
import binascii
import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from e2viz import limits
from e2viz.limits import shown as brief
from e2viz.render.look import Look

Setting = str | int | float | bool | list

METHODS = ("fair", "naive")
DATA_URL_PREFIX = "data:image/png;base64,"
# Longer links are cut by mail programs and by some servers; a drawn 28x28 picture is well below.
LINK_PICTURE_MAX_CHARACTERS = 1500
_COMPACT_PREFIX = "png."
# Version 1 had no version and no look; what it says is understood as it was.
VERSION = 2


def png_data_url(png: bytes) -> str:
    """A PNG file as the data URL that a recipe carries."""
    return DATA_URL_PREFIX + base64.b64encode(png).decode("ascii")


def _nearest(name: str, valid: Collection[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=3, cutoff=0.4) or sorted(valid)
    return ", ".join(near)


def _refuse_unknown(what: str, names: Collection[str], valid: Collection[str]) -> None:
    for name in names:
        if name not in valid:
            near = _nearest(str(name)[: limits.LONGEST_NAME], valid)
            raise ValueError(f"unknown {what} {brief(name)}; nearest: {near}")


def json_object(text: str | bytes, *, most: int = limits.LARGEST_RECIPE) -> dict[str, Any]:
    """A JSON object from a file that anybody may have written.

    Raises:
        ValueError: text that is too long, too deeply nested, no JSON, or no object.
    """
    values = limits.read_json(text, "a recipe", most)
    if not isinstance(values, dict):
        raise ValueError(f"a recipe must be an object, got {type(values).__name__}")
    return values


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
        look: how it is drawn and played.

    Raises:
        ValueError: a field that does not hold what is described here.
    """

    page: str
    models: tuple[str, ...] = ()
    picture: str = ""
    angles: int = 72
    method: str = "fair"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        if not isinstance(self.page, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.page):
            raise ValueError(f"page must be a lower-case name, got {brief(self.page)}")
        if isinstance(self.models, str) or not all(isinstance(name, str) and name for name in self.models):
            raise ValueError(f"models must be a list of names, got {brief(self.models)}")
        limits.check_models(self.models)
        for name in self.models:
            limits.at_most("the length of the name of a model", len(name), limits.LONGEST_NAME, "characters")
        if not isinstance(self.picture, str):
            raise ValueError(f"picture must be a sample's name or a data URL, got {type(self.picture).__name__}")
        if not self.picture.startswith("data:") and len(self.picture) > limits.LONGEST_NAME:
            raise ValueError(f"picture must be a sample's name or a data URL, got {brief(self.picture)}")
        is_number = isinstance(self.angles, int) and not isinstance(self.angles, bool)
        if not is_number or not 1 <= self.angles <= limits.MOST_ANGLES:
            raise ValueError(f"angles must be a whole number from 1 to {limits.MOST_ANGLES}, got {brief(self.angles)}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {brief(self.method)}")
        if not isinstance(self.look, Look):
            raise ValueError(f"look must be a Look, got {type(self.look).__name__}")
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
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "look"}
        values |= {"version": VERSION, "models": list(self.models), "settings": dict(self.settings)}
        look = self.look.to_dict()
        return values | ({"look": look} if look else {})

    def to_json(self) -> str:
        """One line of ASCII JSON, the same for equal recipes."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Inverse of `to_dict`.

        Raises:
            ValueError: a field that is unknown, missing or invalid.
        """
        check_version(values)
        given = {name: value for name, value in values.items() if name != "version"}
        _refuse_unknown("recipe field", given, _FIELDS)
        if "page" not in given:
            raise ValueError(f"a recipe must name its page, got only {brief(sorted(given))}")
        if not isinstance(given.get("models", ()), (list, tuple)):
            raise ValueError(f"models must be a list of names, got {brief(given['models'])}")
        return cls(**{**given, "models": tuple(given.get("models", ())), "look": look_of(given)})

    @classmethod
    def from_json(cls, text: str | bytes) -> "Recipe":
        """Inverse of `to_json`.

        Raises:
            ValueError: text that is no JSON, or no recipe.
        """
        return cls.from_dict(json_object(text))

    def to_query(self) -> dict[str, str]:
        """Query parameters of the page's link; the page itself is the path, defaults are left out.

        A picture that is too long for a link is left out: the link then shows the page's first sample.
        """
        query = {"models": ",".join(self.models), "picture": _picture_for_link(self.picture)}
        if self.angles != 72:
            query["angles"] = str(self.angles)
        if self.method != "fair":
            query["method"] = self.method
        query["look"] = self.look.to_text()
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
        if "look" in values:
            values["look"] = Look.from_text(query["look"])
        if "angles" in values:
            values["angles"] = limits.whole_number(query["angles"], 1, limits.MOST_ANGLES)
            if values["angles"] is None:
                most = limits.MOST_ANGLES
                raise ValueError(f"angles must be a whole number from 1 to {most}, got {brief(query['angles'])}")
        return cls(page=page, settings={name: _setting_from_text(text) for name, text in others.items()}, **values)


_FIELDS = tuple(each.name for each in fields(Recipe))


def check_version(values: Mapping[str, Any]) -> None:
    """Refuse what a newer e2viz wrote.

    Raises:
        ValueError: a version that is none, or newer than this one.
    """
    version = values.get("version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ValueError(f"version must be a whole number, got {brief(version)}")
    if version > VERSION:
        raise ValueError(f"version must be at most {VERSION}, got {version}: a newer e2viz wrote this recipe")


def look_of(values: Mapping[str, Any]) -> Look:
    """The look among a recipe's values; as usual where there is none.

    Raises:
        ValueError: a look that is none.
    """
    look = values.get("look", {})
    if not isinstance(look, Mapping):
        raise ValueError(f"look must be an object, got {brief(look)}")
    return Look.from_dict(look)


def _checked_settings(settings: object) -> dict[str, Setting]:
    if not isinstance(settings, Mapping):
        raise ValueError(f"settings must be an object, got {type(settings).__name__}")
    if len(settings) > limits.MOST_SETTINGS:
        raise ValueError(f"a recipe must have at most {limits.MOST_SETTINGS} settings, got {len(settings)}")
    for name, value in settings.items():
        if not isinstance(name, str) or not 0 < len(name) <= limits.LONGEST_NAME or name in _FIELDS:
            raise ValueError(f"a setting's name must be text and no recipe field, got {brief(name)}")
        limits.check_setting(name, value)
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
        value = json.loads(text) if len(text) <= limits.LONGEST_SETTING else text
    except (ValueError, RecursionError):
        return text
    return text if value is None or isinstance(value, dict) else value
