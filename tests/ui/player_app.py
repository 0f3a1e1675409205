"""The page that the browser tests open: one player, and what it reports."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st  # noqa: E402

from e2viz.ui.page import configure  # noqa: E402
from e2viz.ui.player import Options, player  # noqa: E402
from tests.ui.scenes import CLASS_NAMES, scene  # noqa: E402

configure("Player")
query = st.query_params
shared = {"report_frame": True, "report_pixel": True, "autoplay": query.get("autoplay") == "1"}
shown = scene()
if "words" in query:  # names of classes that are longer than their bars
    named = tuple(f"class {name} of ten with a long name" for name in CLASS_NAMES)
    shown = replace(shown, bars=tuple(replace(bars, class_names=named) for bars in shown.bars))
played = player(shown, key="first", options=Options(start_frame=7, group=query.get("group", ""), **shared))
if "group" in query:
    player(scene(24, 2), key="second", options=Options(group=query["group"]))
st.text(f"reported {played.frame} {played.pixel}")
