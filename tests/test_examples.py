"""The scripts in examples/ do what they say."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_a_classifier_of_one_s_own_becomes_a_gif(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "own_classifier.py"))["main"]
    main(str(tmp_path / "turn.gif"))
    with Image.open(tmp_path / "turn.gif") as gif:
        assert gif.format == "GIF" and gif.width == 600 and gif.n_frames > 20
    said = capsys.readouterr().out
    assert "GE-ViT says 3 at 24 of 24 angles" in said, said
    assert "my network says 3 at 24" not in said, "what never saw a turned digit does not know one"


def test_the_equivariance_test_passes_as_a_pytest():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "test_equivariance.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES)
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout


def test_wrapping_and_measuring_prints_both_errors(capsys):
    runpy.run_path(str(EXAMPLES / "wrap_and_measure.py"))["main"]()
    plain, averaged = capsys.readouterr().out.splitlines()
    before, after = (float(line.partition(" by ")[2].split()[0]) for line in (plain, averaged))
    assert before > 0.01 and after < 1e-5


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short_and_use_public_names_alone(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    assert "from e2viz" not in text and "import e2viz." not in text
