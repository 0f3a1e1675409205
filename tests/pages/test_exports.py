"""Every offered export of every page gives its file, at every speed."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from e2viz.render.embed import read_recipe
from e2viz.render.encode import encode
from e2viz.render.formats import FORMATS
from e2viz.render.look import Look
from e2viz.ui import export
from e2viz.ui.export import SECONDS, fps_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in ROOT.glob("pages/*/*.py") if path.parent.name != "make")
# Pages that need models of their own, or an upload, before they show a view.
SETTINGS = {"equivariance_error": {"step": "45"}, "steerability": {"sizes": "28"}}


@pytest.mark.parametrize("pace", SECONDS)
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 8, 24, 72, 120, 720])
def test_every_speed_of_every_length_can_be_played(pace, frames):
    fps = fps_of(frames, SECONDS[pace])
    assert Look(fps=fps).fps == fps and fps <= 50


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_button_gives_its_file(path, monkeypatch):
    pressed = []

    def maker(scene, format, look):
        pressed.append((scene, format, look))
        return lambda: b""

    monkeypatch.setattr(export, "_maker", maker)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page(str(path.relative_to(ROOT)))
    app.query_params["angles"] = "24"
    app.query_params["models"] = "cnn.rotmnist,ge_vit_p4.rotmnist"
    for name, value in SETTINGS.get(path.stem, {}).items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    if not pressed:
        pytest.skip("the page shows no view before something is brought")
    assert {format for _, format, _ in pressed} == set(FORMATS)
    scenes = {id(scene): (scene, look) for scene, _, look in pressed}
    for scene, look in scenes.values():
        for format in FORMATS:
            content = encode(scene, format, look=look, width=300, scale=0.5)
            assert read_recipe(content).page == scene.recipe.page
