"""The loss of a run: labels, and what trained models say of the same pictures."""

import dataclasses

import pytest
import torch
from torch.nn import functional

from e2viz.architectures import ARCHITECTURES
from e2viz.train.data import TrainingData
from e2viz.train.loop import Run
from e2viz.train.loss import Loss
from e2viz.train.pack import model_of_run
from e2viz.train.recipes import FURTHER, LONG, RECIPES, Recipe, further_recipe
from e2viz.zoo import catalogue
from tests.train.test_loop import split

CPU = torch.device("cpu")
TEACHERS = ("cnn.rotmnist", "vit.rotmnist")
MEAN, STD = torch.tensor([[[0.1307]]]), torch.tensor([[[0.3081]]])


def recipe(**changes):
    config = {"width": 8, "mlp_width": 16, "heads": 2, "layers": 1}
    return Recipe(name="vit.rotmnist", architecture="vit", config=config, epochs=1, batch=4, **changes)


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(5, 1, 28, 28, generator=generator)
    return images, torch.randn(5, 10, generator=generator), torch.randint(0, 10, (5,), generator=generator)


def test_without_teachers_it_is_the_smoothed_cross_entropy(batch):
    images, logits, labels = batch
    found = Loss(recipe(label_smoothing=0.1), CPU, MEAN, STD)(images, logits, labels)
    assert torch.equal(found, functional.cross_entropy(logits, labels, label_smoothing=0.1, reduction="sum"))


def test_teachers_have_their_share_and_no_gradient(batch):
    images, logits, labels = batch
    loss = Loss(recipe(teachers=TEACHERS, distillation=0.7), CPU, MEAN, STD)
    networks = [catalogue.load(name).network.eval() for name in TEACHERS]
    with torch.no_grad():
        answers = sum(network(images).softmax(-1) for network in networks) / 2
    student = logits.clone().requires_grad_(True)
    found = loss(images, student, labels)
    logs = logits.log_softmax(-1)
    by_label, by_teachers = -logs[torch.arange(5), labels].sum(), -(answers * logs).sum()
    assert found.item() == pytest.approx((0.3 * by_label + 0.7 * by_teachers).item(), rel=1e-6)
    found.backward()
    wanted = logits.softmax(-1) - 0.7 * answers - 0.3 * functional.one_hot(labels, 10)
    assert torch.allclose(student.grad, wanted, atol=1e-6)
    assert not any(p.requires_grad or p.grad is not None for each in loss.teachers for p in each.parameters())
    assert not any(each.training for each in loss.teachers)


def test_a_teacher_of_other_data_is_refused():
    chosen = recipe(teachers=("vit.photos",), distillation=0.5)
    with pytest.raises(ValueError, match="vit.photos cannot teach vit.rotmnist"):
        Loss(chosen, CPU, MEAN, STD)


@pytest.mark.parametrize("changes", [{"teachers": TEACHERS}, {"distillation": 0.5},
                                     {"teachers": TEACHERS, "distillation": 1.5}])  # fmt: skip
def test_teachers_and_their_share_belong_together(changes):
    with pytest.raises(ValueError, match="distillation must be"):
        recipe(**changes)


def test_a_run_with_teachers_learns_their_answers_and_its_card_names_them(tmp_path):
    """All labels are wrong; a student that listens to its teacher alone does not see them."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 28, 28), generator=generator, dtype=torch.uint8)
    training = dataclasses.replace(split(8, 1), images=images)
    data = [
        TrainingData(dataclasses.replace(training, labels=labels), training, (0.1307,), (0.3081,), turned=True)
        for labels in (torch.zeros(8, dtype=torch.long), torch.ones(8, dtype=torch.long))
    ]
    chosen = recipe(teachers=TEACHERS[:1], distillation=1.0)
    heads = []
    for number, each in enumerate(data):
        run = Run(chosen, each, tmp_path / str(number))
        run.train(report=lambda _: None)
        heads.append(run.network.head[1].weight.detach().clone())
    assert torch.equal(*heads)
    card = model_of_run(chosen, tmp_path / "0").card
    assert "taught by cnn.rotmnist" in card.data and card.recipe["teachers"] == TEACHERS[:1]


@pytest.mark.parametrize("chosen", FURTHER.values(), ids=FURTHER)
def test_recipes_that_go_on_begin_from_their_own_weights_and_know_their_teachers(chosen):
    assert further_recipe(chosen.name) is chosen and chosen.start == chosen.name
    short = RECIPES[chosen.name]
    assert (chosen.architecture, chosen.config, chosen.task) == (short.architecture, short.config, short.task)
    assert {chosen.name, *chosen.teachers} <= set(catalogue.list_models()) and chosen.architecture in ARCHITECTURES


def test_weights_without_such_a_recipe_go_on_by_their_own():
    own = RECIPES["cnn.rotmnist"]
    assert further_recipe("cnn.rotmnist") == dataclasses.replace(own, start=own.name)
    gpu = torch.device("cuda")
    assert further_recipe("ge_vit_p4.rotmnist", gpu).epochs == LONG["ge_vit_p4.rotmnist"].epochs
    with pytest.raises(LookupError, match="nearest"):
        further_recipe("cnn.rotmnits")
