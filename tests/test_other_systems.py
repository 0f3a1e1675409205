"""The app on systems that lack what Linux has: each is imitated in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUN = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=300)
app.query_params["angles"] = "24"
app.query_params["models"] = "vit.mnist,ge_vit_p4.rotmnist"
app.query_params["method"] = "naive"
app.run()
assert not app.exception, app.exception
assert not app.error, app.error[0].value
print(app.subheader[0].value)
"""
LACKS = {
    "macOS, Windows: no sched_getaffinity": "import os; del os.sched_getaffinity",
    "Windows: no fork": (
        "import os, multiprocessing; multiprocessing.set_start_method('spawn', force=True)\n"
        "for name in ('fork', 'forkpty', 'posix_spawn', 'sched_getaffinity'): hasattr(os, name) and delattr(os, name)"
    ),
    "no compiler": "import os; os.environ['PATH'] = '/nowhere'; os.environ['CXX'] = '/nowhere/c++'",
}


@pytest.mark.slow
@pytest.mark.parametrize("lacking", LACKS.values(), ids=LACKS)
def test_the_app_computes_a_turn_there(lacking):
    done = subprocess.run([sys.executable, "-c", lacking + RUN], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("Turn it.") and "of 24 angles" in done.stdout
