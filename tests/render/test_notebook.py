"""A scene shows itself in a notebook, with no server."""

import html

from e2viz.render import notebook  # noqa: F401
from tests.render.sample_scene import sample_scene


def test_a_scene_is_its_own_player_in_a_notebook():
    shown = sample_scene()._repr_html_()
    inner = html.unescape(shown.partition('srcdoc="')[2].partition('" title=')[0])
    assert shown.startswith("<iframe") and 'sandbox="allow-scripts' in shown
    assert "prefers-color-scheme" in inner and "--page:Canvas" in inner, "light or dark as the reader prefers"
    assert "<script" in inner and "</html>" in inner and 'src="http' not in inner
