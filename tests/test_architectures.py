"""One row in the catalogue is all that the house is told of an architecture."""

import dataclasses
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

import e2viz
from e2viz.architectures import ARCHITECTURES, Architecture
from e2viz.check import check
from e2viz.data import data_set
from e2viz.models import build
from e2viz.models.by_name import classes_of
from e2viz.nn.probe import Probe, name_probes
from e2viz.render.palette import for_theme, model_colors, theme_named
from e2viz.render.payload import dark_colors
from e2viz.zoo import names
from e2viz.zoo.card import Card
from e2viz.zoo.weights import write_model


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpiralConfig:
    image_size: int = 28
    channels: int = 1
    classes: int = 10


class Spiral(nn.Module):
    """The mean of each image: quite equivariant."""

    def __init__(self, config: SpiralConfig) -> None:
        super().__init__()
        self.config = config
        self.head = nn.Linear(config.channels, config.classes)
        self.logits = Probe("logits")
        name_probes(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits(self.head(images.mean((-1, -2))))


@pytest.fixture
def spiral(monkeypatch, tmp_path):
    """A new architecture: a file in models/, here a module made on the spot, and its row; then a model of it."""
    module = ModuleType("e2viz.models.spiral")
    module.Spiral, module.SpiralConfig = Spiral, SpiralConfig
    monkeypatch.setitem(sys.modules, module.__name__, module)
    row = Architecture(
        title="Spiral", module="spiral", network="Spiral", config="SpiralConfig",
        colors=("#102030", "#a0b0c0"), word="violet", equivariant=True,
    )  # fmt: skip
    monkeypatch.setitem(ARCHITECTURES, "spiral_net", row)
    monkeypatch.setenv("E2VIZ_HOME", str(tmp_path))
    card = Card(
        name="spiral_net_p4.rotmnist", architecture="spiral_net", group="c4", data_set=data_set("digits"),
        parameters=20, weights_checksum="",
    )  # fmt: skip
    write_model(tmp_path / "weights", card, build("spiral_net", {}))
    return card.name


def test_a_new_architecture_is_one_row(spiral):
    assert spiral in e2viz.list_models()
    assert isinstance(e2viz.load(spiral).network, Spiral)
    assert names.label(spiral) == "Spiral p4, rotMNIST"
    assert names.chip(spiral).startswith(":violet[⬤] Spiral")
    assert spiral in names.at_a_glance(e2viz.list_models(), (spiral,), data_set("digits"))["equivariant"]
    assert names.in_order([spiral, "vit.rotmnist"]) == ["vit.rotmnist", spiral], "new rows come last"
    assert model_colors([spiral]) == {spiral: "#102030"}
    assert for_theme("#102030", theme_named("dark")) == dark_colors()["#102030"] == "#a0b0c0"
    assert check(spiral).claims_symmetry


def test_every_row_names_classes_that_are_there():
    for name, row in ARCHITECTURES.items():
        config, network = classes_of(name)
        assert (config.__name__, network.__name__) == (row.config, row.network)
        assert {"image_size", "channels", "classes"} <= set(dir(config()))


def test_a_wrapped_architecture_wraps_no_wrapped_one():
    with pytest.raises(ValueError, match="must wrap no other, got post_hoc"):
        build("post_hoc", {"architecture": "post_hoc"})


def test_the_catalogue_knows_no_torch():
    code = "import sys, e2viz.architectures, e2viz.zoo.names; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
