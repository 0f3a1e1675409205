"""e2viz in the browser: `streamlit run app.py`.

The server reads this file once, for what it says with every answer; each run of a page reads it again.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from e2viz.ui.server import middleware

    app = st.App(__file__, middleware=middleware())
else:
    import torch

    from e2viz.ui.gate import share_cores
    from e2viz.ui.navigation import navigation
    from e2viz.ui.page import configure
    from e2viz.ui.settled import settle, tidy
    from e2viz.ui.sidebar import sidebar

    settle()
    share_cores(torch.set_num_threads)
    page = navigation()
    configure(page.title)
    try:
        sidebar()
        page.run()
    finally:
        tidy()
