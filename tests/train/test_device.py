"""Where training and evaluation run: the choice, and on a GPU the same figures as on the processor."""

import dataclasses

import pytest
import torch

from e2viz.data.protocol import Split, Splits
from e2viz.models import build
from e2viz.train.data import TrainingData
from e2viz.train.device import device, machine_class
from e2viz.train.evaluation import evaluate
from e2viz.train.loop import Run
from e2viz.train.recipes import Recipe
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
BACKGROUND = (0.2, 0.4, 0.6)


def colour_split(count, seed, turned=True):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
    angles_deg = torch.rand(count, generator=generator, dtype=torch.float64) * (360 if turned else 0)
    return Split(images, torch.randint(0, 4, (count,), generator=generator), angles_deg, background=BACKGROUND)


def test_the_choice_of_a_device(monkeypatch):
    assert device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device("auto").type == "cpu"
    with pytest.raises(ValueError, match="there is none; choose cpu"):
        device("cuda")
    with pytest.raises(ValueError, match="one of auto, cpu, cuda"):
        device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device("auto").type == device("cuda").type == "cuda"


def test_a_card_says_what_it_was_trained_on_without_naming_the_machine():
    assert "CPU, " in machine_class() and torch.__version__.split("+")[0] in machine_class()


def test_a_quarter_turn_is_asked_where_the_protocol_asks():
    upright = colour_split(6, 1, turned=False)
    quarter = dataclasses.replace(upright, angles_deg=torch.full((6,), 90.0, dtype=torch.float64))
    network = build("gcnn", {"image_size": 16, "channels": 3, "classes": 4, "stages": ((2, 1), (4, 1))}).eval()
    card = Card(name="gcnn_p4.test", architecture="gcnn")
    levels = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "background": BACKGROUND, "channels": 3, "size": 16}
    card = dataclasses.replace(card, data_set=dataclasses.replace(card.data_set, preparation="crop", **levels))
    found = evaluate(Model(card, network), Splits(upright, upright, colour_split(6, 2), upright, quarter))
    assert found.quarter.total == 6 and found.quarter.correct == found.upright.correct
    assert "at 90°" in found.quarter.of
    read = Card.from_json(dataclasses.replace(card, measured=found).to_json())
    assert read.measured == found


@needs_gpu
def test_a_gpu_serves_the_same_pictures():
    split = colour_split(8, 3)
    torch.testing.assert_close(split.to("cuda").served(slice(None)).cpu(), split.served(slice(None)), rtol=0, atol=1e-5)
    rows, angles_deg = torch.arange(8), split.angles_deg
    on_gpu = split.to("cuda").turned(rows.cuda(), angles_deg.cuda()).cpu()
    torch.testing.assert_close(on_gpu, split.turned(rows, angles_deg), rtol=0, atol=1e-4)


@needs_gpu
@pytest.mark.parametrize("architecture", ["vit", "cnn", "gcnn", "hybrid"])
def test_training_on_a_gpu_learns_and_says_so(architecture, tmp_path):
    stages = {} if architecture == "vit" else {"stages": ((4, 1), (8, 1))}
    config = {"image_size": 16, "channels": 3, "classes": 4, **stages}
    recipe = Recipe(
        name="x.test", architecture=architecture, config=config, epochs=3, batch=16, optimiser="muon",
        muon_filters=True, precision="bf16", mirror=True, shift_px=1, erase=0.3, zoom=0.1, tint=0.1,
    )  # fmt: skip
    levels = (0.5,) * 3
    data = TrainingData(colour_split(32, 4), colour_split(16, 5), levels, levels, turned=True, where=device("cuda"))
    run = Run(recipe, data, tmp_path)
    assert run.train(report=lambda _: None)
    losses = [float(row["loss"]) for row in run.progress.rows]
    assert all(loss == loss for loss in losses) and losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("architecture", "tiles", "half"), [("gcnn", True, True), ("gcnn", False, False), ("vit", True, False)]
)
def test_a_processor_learns_in_bf16_where_that_is_faster(monkeypatch, tmp_path, architecture, tiles, half):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": tiles})
    stages = {} if architecture == "vit" else {"stages": ((4, 1), (8, 1))}
    config = {"image_size": 16, "channels": 3, "classes": 4, **stages}
    recipe = Recipe(name="x.test", architecture=architecture, config=config, epochs=1, batch=8, precision="bf16")
    data = TrainingData(colour_split(8, 4), colour_split(8, 5), (0.5,) * 3, (0.5,) * 3, turned=True)
    run = Run(recipe, data, tmp_path)
    types = set()
    module = run.network.classifier if architecture == "gcnn" else run.network.head[-1]
    module.register_forward_hook(lambda _module, _inputs, out: types.add(out.dtype))
    assert run.train(report=lambda _: None)
    assert types == {torch.bfloat16 if half else torch.float32}
    assert run.progress.machines == [machine_class(precision="bf16" if half else "float32")]
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in run.network.parameters())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_under_autocast_attention_stays_in_single_precision(mode):
    transformer = {"stages": ((0,),), "width_factors": (1,), "width": 8, "attention_dropout": 0.0, "value_dropout": 0.0}
    network = build("hybrid", {"stages": ((4, 1), (8, 1), (8, 1)), "transformer": transformer})
    getattr(network, mode)()
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = {}
    for name in ("convolutions", "blocks.0"):
        module = network.get_submodule(name)
        module.register_forward_hook(lambda _module, _inputs, out, name=name: found.__setitem__(name, out))
    with torch.autocast("cpu", torch.bfloat16):
        network(images)
        assert found["convolutions"].dtype == torch.bfloat16
    alone, under_autocast = found["convolutions"].detach().float(), found["blocks.0"]
    assert torch.equal(network.transformed(alone), under_autocast)
