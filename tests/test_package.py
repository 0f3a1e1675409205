"""The package as others get it: built into an archive, installed in a fresh environment, used from another folder.

To save minutes, the environment borrows the packages of the one that runs the tests and installs e2viz alone; that
the list of dependencies is complete is compared with requirements.txt.
"""

import json
import os
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import urllib.request
import venv
from pathlib import Path

import pytest
from serving import wait_for

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def test_the_package_needs_what_requirements_txt_installs():
    ranges = {"torch==2.13.0": "torch>=2.13,<3"}  # the app's own pin, within what the library works with
    assert PROJECT["dependencies"] == [ranges.get(line, line) for line in requirements("requirements.txt")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The programs' folder of an environment that has e2viz from its source archive."""
    folder = tmp_path_factory.mktemp("package")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    assert (source / "static" / "FiraSans-Regular.woff2").is_file(), "the archive needs a folder for the link"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", str(source)], check=True, capture_output=True)
    assert {path.name.split("-")[0] for path in site.iterdir()} == {"borrowed.pth", "e2viz"}, "nothing else at the top"
    return environment / "bin"


@pytest.fixture
def run(installed, tmp_path):
    """Run a program of that environment in an empty folder; its standard output."""

    def run_(program, *words):
        home = {"E2VIZ_HOME": str(tmp_path / "home")}
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | home
        command = [str(installed / program), *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_


EVERYTHING = """
import json
import e2viz
from e2viz import places
from e2viz.data.samples import sample, sample_names
from e2viz.nn import native
from e2viz.scenes.measured_tables import measured_tables

print(json.dumps({
    "file": e2viz.__file__, "installed": places.INSTALLED, "models": e2viz.list_models(),
    "samples": [sample(name).name for name in sample_names()], "tables": len(measured_tables()),
    "sources": sorted(path.name for path in places.Path(native.__file__).parent.glob("*.cpp")),
    "new": str(places.new_weights()),
}))
"""


@pytest.mark.slow
def test_the_library_has_models_samples_tables_and_the_kernel_s_source(run, tmp_path):
    import e2viz
    from e2viz.data.samples import sample_names

    there = json.loads(run("python", "-c", EVERYTHING))
    assert there["installed"] and not there["file"].startswith(str(ROOT))
    assert there["models"] == e2viz.list_models() and there["samples"] == list(sample_names())
    assert there["tables"] and there["sources"]
    assert there["new"] == str(tmp_path / "home" / "weights"), "an installed package is never written into"


@pytest.mark.slow
def test_commands_work_from_any_folder(run, tmp_path):
    import e2viz

    assert run("e2viz", "--version").split()[0] == "e2viz"
    assert [line.split()[0] for line in run("e2viz", "models").splitlines()[1:]] == e2viz.list_models()
    recipe = {"page": "rotation", "models": ["vit.mnist"], "picture": "mnist-3", "angles": 4}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    run("e2viz", "render", "recipe.json", "-o", "turn.gif", "--width", "320")
    assert (tmp_path / "turn.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.slow
@pytest.mark.browser
def test_e2viz_alone_opens_the_app_in_its_own_look(installed, tmp_path, open_page):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installed / "e2viz"), "--server.port", str(port), "--server.headless", "true"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", 60)
        font = urllib.request.urlopen(f"http://127.0.0.1:{port}/app/static/FiraSans-Regular.woff2").read()
        assert font == (ROOT / "assets" / "fonts" / "FiraSans-Regular.woff2").read_bytes()
        page = open_page(f"http://127.0.0.1:{port}/orbits")
        assert "Orbits" in page.title()
        assert "Fira Sans" in page.evaluate("getComputedStyle(document.querySelector('.stApp')).fontFamily")
    finally:
        server.terminate()
        server.wait(10)
