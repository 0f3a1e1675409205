"""The lesson "export yours, open it, mend it" is run as it is written, in the README, the document and on the page."""

import logging
import re
import shlex
import textwrap
import warnings
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import nn

import e2viz
from e2viz.cli import main
from e2viz.foreign.words import LESSON

ROOT = Path(__file__).resolve().parents[2]


def blocks(file: str, heading: str = "") -> list[str]:
    """The indented code blocks of a Markdown file, or of one section of it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if heading:
        text = re.split(r"\n## ", text.partition(f"\n## {heading}\n")[2])[0]
    found = re.findall(r"\n\n((?:    .*(?:\n|$))+)", "\n\n" + text.strip("\n"))
    return [textwrap.dedent(each) for each in found]


class Net(nn.Module):
    """Somebody's classifier of a thousand classes."""

    def __init__(self):
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 4, 32, 32), nn.Linear(4, 1000)

    def forward(self, images):
        return self.head(self.patches(images).relu().mean((-2, -1)))


@pytest.fixture(scope="module")
def exporter():
    """torch's own, run once for the same words: it takes seconds, and all three say the same."""
    real, made = torch.onnx.export, {}

    def export(model, given, path, **how):
        if not isinstance(path, str):
            return real(model, given, path, **how)
        key = repr(([tuple(each.shape) for each in given], sorted(how.items(), key=lambda each: each[0])))
        if key not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch about itself
                logging.disable()  # thousands of lines that nobody reads
                try:
                    real(model, given, path, **how)
                finally:
                    logging.disable(logging.NOTSET)
            made[key] = Path(path).read_bytes()
        Path(path).write_bytes(made[key])
        return None

    return export


@pytest.mark.parametrize("written", ["document", "readme", "page"])
def test_the_lesson_runs_as_it_is_written(written, exporter, tmp_path, monkeypatch):
    pytest.importorskip("onnxscript", reason="the exporter of torch that the lesson uses needs onnxscript")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.onnx, "export", exporter)
    torch.manual_seed(0)
    known = {"model": Net(), "images": torch.rand(2, 3, 224, 224), "torch": torch, "e2viz": e2viz}
    document = [each for each in blocks("docs/your_model.md") if "safetensors" not in each]
    code = {"document": document, "readme": blocks("README.md", "Your model"), "page": [LESSON]}[written]
    assert any("torch.onnx.export" in each for each in code)
    for each in code:
        if each.startswith("e2viz "):
            continue
        exec(compile(each, written, "exec"), known)
    if written == "page":
        assert e2viz.open_model("mine.onnx", mean="ImageNet").card.image_size == 224
        return
    image = torch.rand(1, 3, 224, 224)
    session = onnxruntime.InferenceSession("mended.onnx", providers=["CPUExecutionProvider"])
    (name,) = (each.name for each in session.get_inputs())
    scores = [torch.from_numpy(session.run(None, {name: x.numpy()})[0]) for x in (image, image.rot90(1, (-2, -1)))]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=0)
    assert known["mine"].card.class_names[0] == "tench"


def test_the_commands_of_the_lesson_are_there(tmp_path, monkeypatch):
    """What is written as a command exports a model; a small one in place of the large one that it names."""
    monkeypatch.chdir(tmp_path)
    (command,) = (each for each in blocks("docs/your_model.md") if each.startswith("e2viz "))
    words = ["cnn.rotmnist" if each.startswith("ge_vit") else each for each in shlex.split(command)[1:]]
    assert main(words) == 0 and e2viz.open_model(words[-1]).card.image_size == 28
