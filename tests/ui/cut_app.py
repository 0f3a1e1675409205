"""The page that the browser tests open: a picture of 300×200 with the square, or with two drawings to choose from."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402
import streamlit as st  # noqa: E402

from e2viz.images.intake import bring  # noqa: E402
from e2viz.images.picture import Box  # noqa: E402
from e2viz.ui.cutting import choose_drawing, cut_square, data_url  # noqa: E402
from e2viz.ui.page import configure  # noqa: E402

configure("Cut")
rows, columns = np.mgrid[0:200, 0:300]
picture = bring(np.stack([columns % 256, rows, 0 * rows], axis=-1).astype(np.uint8))
shown = data_url(picture, 0.0)
with st.container(width=300):
    if "drawings" in st.query_params:
        boxes = (Box(left=0.6, top=0.2, right=0.9, bottom=0.8), Box(left=0.1, top=0.3, right=0.4, bottom=0.7))
        st.text(json.dumps(choose_drawing(picture, boxes, shown, key="choice")))
    else:
        cut = cut_square(picture, shown, key="cut")
        st.text(json.dumps([cut.x, cut.y, cut.side]))
