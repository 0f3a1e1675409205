"""e2viz in the browser: `streamlit run app.py`."""

import torch

from e2viz.ui.gate import share_cores
from e2viz.ui.navigation import navigation
from e2viz.ui.page import configure
from e2viz.ui.sidebar import sidebar

share_cores(torch.set_num_threads)
page = navigation()
configure(page.title)
sidebar()
page.run()
