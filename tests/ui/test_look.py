"""Names, colours and order on screen: one source for the app and for exports."""

import tomllib
from pathlib import Path

import pytest

from e2viz.architectures import ARCHITECTURES
from e2viz.render.palette import THEMES
from e2viz.ui.drawing import decode_drawing
from e2viz.ui.navigation import found
from e2viz.zoo import names

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize("shade, theme", [(0, "light"), (1, "dark")])
def test_the_app_and_the_exports_have_the_same_colours(shade: int, theme: str) -> None:
    app, page = CONFIG["theme"][theme], THEMES[theme]
    assert (app["backgroundColor"], app["textColor"]) == (page.background, page.text)
    words = {"ge_vit": "primary", "gsa_net": "violet", "vit": "orange", "post_hoc": "blue"}
    for architecture, word in words.items():
        assert ARCHITECTURES[architecture].word == word
        assert app[f"{word}Color"] == ARCHITECTURES[architecture].colors[shade]


def test_fonts_of_the_app_are_shipped() -> None:
    for face in CONFIG["theme"]["fontFaces"]:
        assert face["url"].startswith("app/static/")
        assert (ROOT / "static" / face["url"].removeprefix("app/static/")).is_file()


def test_every_architecture_has_a_name_and_a_colour_of_its_own() -> None:
    rows = ARCHITECTURES.values()
    assert len({row.title for row in rows}) == len({row.colors for row in rows}) == len(rows)
    for row in rows:
        assert f"{row.word}Color" in CONFIG["theme"]["light"]


@pytest.mark.parametrize(
    "name, label",
    [
        ("ge_vit_p4.rotmnist", "GE-ViT p4, rotMNIST"),
        ("vit.mnist", "ViT, MNIST"),
        ("patch_ge_vit_p4.rotmnist", "Patch GE-ViT p4, rotMNIST"),
        ("gcnn_p4m.mnist", "G-CNN p4m, MNIST"),
        ("something.else", "something, else"),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert names.label(name) == label


def test_short_labels_are_as_short_as_they_can_be() -> None:
    assert list(names.short_labels(("ge_vit_p4.rotmnist", "vit.mnist")).values()) == ["GE-ViT", "ViT"]
    assert list(names.short_labels(("ge_vit_p4.a", "ge_vit_p4m.a")).values()) == ["GE-ViT p4", "GE-ViT p4m"]
    assert list(names.short_labels(("vit.mnist", "vit.rotmnist")).values()) == ["ViT, MNIST", "ViT, rotMNIST"]
    wrapped = ("vit.mnist", "vit.mnist+most_likely_c16")
    assert list(names.short_labels(wrapped).values()) == ["ViT", "ViT + most likely C16"]


def test_pages_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    for path in ("inside/orbits", "inside/attention", "inside/zebra", "turn/rotation", "extra/new", "turn/_draft"):
        file = tmp_path / f"{path}.py"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    order = {section: [path.stem for path in paths] for section, paths in found(tmp_path).items()}
    assert order == {"turn": ["rotation"], "inside": ["attention", "orbits", "zebra"], "extra": ["new"]}
    assert list(order) == ["turn", "inside", "extra"]


@pytest.mark.parametrize(
    "sent", [None, 3, "", "data:image/png;base64,!!", "data:image/png;base64,aGVsbG8=", "x" * 500_000]
)
def test_only_a_png_is_taken_from_the_drawing_pad(sent: object) -> None:
    assert decode_drawing(sent) is None


def test_models_stand_by_architecture_then_group_then_data():
    mixed = ["vit.fashion", "cnn.rotmnist", "ge_vit_p8.rotmnist", "ge_vit_p4.fashion", "vit.rotmnist10",
             "ge_vit_p4.mnist", "vit.rotmnist", "my_own.weights", "ge_vit_p4.rotmnist",
             "patch_ge_vit_p4_14px.rotmnist", "patch_ge_vit_p4_4px.rotmnist"]  # fmt: skip
    assert names.in_order(mixed) == [
        "ge_vit_p4.rotmnist", "ge_vit_p4.mnist", "ge_vit_p4.fashion", "ge_vit_p8.rotmnist",
        "patch_ge_vit_p4_4px.rotmnist", "patch_ge_vit_p4_14px.rotmnist",
        "vit.rotmnist", "vit.rotmnist10", "vit.fashion", "cnn.rotmnist", "my_own.weights",
    ]  # fmt: skip
