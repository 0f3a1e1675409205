"""Wrapped classifiers: exactly invariant, by the stated definitions, and the wrapped model left as it was."""

import copy

import pytest
import torch
from torch import nn

import e2viz
from e2viz import capture
from e2viz.groups import group
from e2viz.models import build
from e2viz.models.methods import KINDS, LEARNED, METHODS, NOT_INVARIANT, ON_LOGITS
from e2viz.models.post_hoc import make_equivariant
from e2viz.nn.probe import probes
from e2viz.nn.views import group_views

VIT = {"image_size": 12, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}
SMALL = {
    "vit": VIT,
    "cnn": {"image_size": 16, "width": 4, "layers": (1, 1)},
    "ge_vit": {"image_size": 12, "width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((1,), (1,))},
}


class Strangers(nn.Module):
    """A classifier that knows nothing of e2viz."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.BatchNorm2d(6), nn.Dropout(0.5), nn.Flatten())
        self.last = nn.Linear(6 * 8 * 8, 5)

    def forward(self, images):
        return self.last(self.body(images))


def images(size=12, channels=1, batch=3):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, channels, size, size, dtype=torch.float64, generator=generator)


def wrapped(method, name, architecture="vit"):
    torch.manual_seed(0)
    net = build("post_hoc", {"method": method, "group": name, "architecture": architecture,
                             "config": SMALL[architecture]}).double().eval()  # fmt: skip
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.1, 0.5)
    return net


@torch.no_grad()
def assert_invariant(net, pictures, tolerance=1e-9):
    before = net(pictures)
    for element in filter(net.group.is_exact, net.group.elements):
        after = net(net.group.act_on_plane(pictures, element))
        torch.testing.assert_close(after, before, rtol=tolerance, atol=tolerance)
    sheared = torch.stack([row.roll(k, -1) for k, row in enumerate(pictures.unbind(-2))], -2)
    assert not torch.allclose(net(sheared), before, rtol=1e-3, atol=1e-3), "a constant would be invariant too"


INVARIANT = [method for method in METHODS if method not in NOT_INVARIANT]


@pytest.mark.parametrize("name", ["c4", "d4", "c16"])
@pytest.mark.parametrize("method", INVARIANT)
def test_invariant_under_every_exact_element(method, name):
    assert_invariant(wrapped(method, name), images())


@pytest.mark.parametrize("method", NOT_INVARIANT)
def test_a_gate_gives_the_invariance_up(method):
    net = wrapped(method, "c16")
    assert not net.invariant and wrapped("angle_search", "c16").invariant
    with pytest.raises(AssertionError):
        assert_invariant(net, images(batch=20))


def test_kinds_hold_every_method_once():
    assert sorted(METHODS) == sorted(set(METHODS)) and set(LEARNED) < set(METHODS)
    assert list(KINDS) == ["combine", "choose", "search", "canonicalise"]


def test_the_unwrapped_network_is_not():
    net = wrapped("mean", "c4").wrapped
    with torch.no_grad():
        assert not torch.allclose(net(images()), net(images().rot90(1, (-2, -1))), rtol=1e-2)


@pytest.mark.parametrize("method", ["mean", "learned_attention", "most_certain"])
@pytest.mark.parametrize("architecture", ["cnn", "ge_vit"])
def test_networks_without_a_head_give_their_logits(architecture, method):
    if method == "learned_attention":
        with pytest.raises(ValueError, match="divisible by heads"):
            wrapped(method, "c4", architecture)
        method = "learned_average"
    assert_invariant(wrapped(method, "c4", architecture), images(16 if architecture == "cnn" else 12), 1e-8)


@torch.no_grad()
@pytest.mark.parametrize(
    "method", ["mean", "max", "sum", "most_likely", "most_certain", "tta", "lowest_entropy", "angle_search"]
)
def test_the_definition_on_the_views(method):
    net = wrapped(method, "d4")
    views = group_views(images(), group("d4"))
    embeddings = torch.stack([net.wrapped.embed(views[:, e]) for e in range(8)], 1)
    logits = net.wrapped.head(embeddings)
    expected = {
        "mean": lambda: net.wrapped.head(embeddings.mean(1)),
        "max": lambda: net.wrapped.head(embeddings.max(1).values),
        "sum": lambda: net.wrapped.head(embeddings.sum(1)),
        "most_likely": lambda: logits.softmax(-1).prod(1).log(),
        "most_certain": lambda: torch.stack([v[v.softmax(-1).max(-1).values.argmax()] for v in logits]),
        "tta": lambda: logits.softmax(-1).mean(1).log(),
        "lowest_entropy": lambda: torch.stack([v[torch.special.entr(v.softmax(-1)).sum(-1).argmin()] for v in logits]),
        "angle_search": lambda: torch.stack([v[v.exp().sum(-1).argmax()] for v in logits]),
    }[method]()
    torch.testing.assert_close(net(images()), expected)


@torch.no_grad()
@pytest.mark.parametrize("method", KINDS["canonicalise"])
def test_canonicalisation_shows_the_network_one_view_alone(method):
    net = wrapped(method, "c16")
    pictures = images(batch=6)
    views, scores = group_views(pictures, group("c16")), net.orientation(pictures)
    chosen = scores.argmax(1)
    assert len(set(chosen.tolist())) > 1
    upright = torch.stack([views[k, e] for k, e in enumerate(chosen)])
    torch.testing.assert_close(net(pictures), net.wrapped(upright))
    other = torch.stack([views[k, e] for k, e in enumerate(-chosen % 16)])
    assert not torch.allclose(net(pictures), net.wrapped(other), rtol=1e-3), "turned the other way is another picture"
    torch.testing.assert_close(net.answer(net.wrapped.embed(views.flatten(0, 1)).unflatten(0, (6, 16)), scores),
                               net(pictures))  # fmt: skip


def test_canonicalisation_learns_through_the_choice():
    net = wrapped("canonical", "c4").train()
    net(images()).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.aggregate.last.parameters() if parameter.ndim > 1)
    with pytest.raises(ValueError, match="scores must be given"):
        net.answer(torch.zeros(1, 4, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match="channels must be given"):
        make_equivariant(nn.Linear(2, 2), "canonical", "c4")


@pytest.mark.parametrize("method", METHODS)
def test_every_probe_that_is_promised_is_held(method):
    net = wrapped(method, "c4")
    names = [name for name, probe in probes(net).items() if probe.kind != "token_attention"]
    with torch.no_grad(), capture.record(names) as record:
        net(images())
    assert set(record) == set(names)


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_is_wrapped_and_left_as_it_was(method):
    torch.manual_seed(0)
    stranger = Strangers().double().eval()
    stranger.body[0].weight.requires_grad_(False)
    before = copy.deepcopy(stranger)
    net = make_equivariant(stranger, method, "d4", embed=stranger.body, head=stranger.last)
    net.double().eval()
    if net.invariant:
        assert_invariant(net, images(10, 3))
    for (name, one), (_, other) in zip(stranger.named_parameters(), before.named_parameters(), strict=True):
        assert torch.equal(one, other) and one.requires_grad == other.requires_grad and one.grad is None, name
    assert stranger.state_dict().keys() == before.state_dict().keys()
    assert not stranger.training and stranger._forward_hooks == {}
    assert [name for name in net.state_dict() if not name.startswith(("wrapped.", "aggregate."))] == []


def test_train_and_eval_reach_the_wrapped_model_as_in_torch():
    stranger = Strangers()
    net = make_equivariant(stranger, "mean", "c4", embed=stranger.body, head=stranger.last)
    net.eval()
    assert not stranger.training and not stranger.body.training
    net.train()
    assert stranger.training
    net(images(10, 3).float()).sum().backward()
    assert stranger.last.weight.grad is not None and stranger.body[0].weight.grad is not None


@pytest.mark.parametrize("method", ["max", "tta"])
def test_a_training_step_may_combine_a_few_random_views_and_an_answer_combines_all(method):
    net = wrapped(method, "c16")
    every = net(images())
    net.training_views = 3
    assert torch.equal(net(images()), every)
    part = "view_logits" if method == "tta" else "view_embeddings"
    net.train()
    runs = [getattr(net, part)(images()) for _ in range(4)]
    assert all(run.shape[:2] == (3, 3) for run in runs)
    assert not torch.equal(runs[0], runs[1])
    net.eval()
    all_of_them = getattr(net, part)(images())
    for run in runs:
        for view in run.unbind(1):
            assert any(torch.allclose(view, other) for other in all_of_them.unbind(1))


def test_functions_of_another_module_are_trained_with_it():
    stranger, other = Strangers(), nn.Linear(6 * 8 * 8, 4)
    net = make_equivariant(stranger, "learned_attention", "c4", embed=stranger.body, head=other)
    assert "own_head.weight" in net.state_dict() and net(images(10, 3).float()).shape == (3, 4)


def test_a_copy_runs_its_own_weights():
    net = wrapped("mean", "c4")
    other = copy.deepcopy(net)
    with torch.no_grad():
        other.wrapped.head[1].weight.zero_()
        assert not torch.allclose(other(images()), net(images()))


def test_probes_hold_views_and_those_of_the_wrapped_network_stay_silent():
    net = wrapped("learned_attention", "c4")
    kinds = {name: probe.kind for name, probe in probes(net).items()}
    assert kinds == {
        "image": "image", "view_embedding": "group_vector", "view_logits": "group_vector",
        "aggregate.attention": "token_attention", "embedding": "vector", "logits": "logits",
    }  # fmt: skip
    assert list(probes(net.wrapped))[:2] == ["image", "layers.0.attention"], "its names are its own"
    with torch.no_grad(), capture.record([*kinds, "layers.0"]) as record:
        logits = net(images())
    assert "layers.0" not in record
    assert record["view_logits"].shape == (3, 10, 4) and record["view_embedding"].shape == (3, 8, 4)
    assert record["aggregate.attention"].shape == (3, 4, 5, 5)
    assert torch.equal(record["logits"], logits)
    with torch.no_grad(), capture.record(["view_logits"]) as turned:
        net(images().rot90(1, (-2, -1)))
    expected = net.group.act_on_group_axis(record["view_logits"], 1, -1)
    torch.testing.assert_close(turned["view_logits"], expected)


def test_a_probe_that_sums_over_wrong_views_would_be_seen():
    net = wrapped("mean", "c4")
    net.group = group("c3")
    with torch.no_grad():
        assert not torch.allclose(net(images()), net(images().rot90(1, (-2, -1))), rtol=1e-3)


def test_mistakes_are_answered():
    with pytest.raises(LookupError, match="mean"):
        make_equivariant(Strangers(), "mena", "c4")
    with pytest.raises(LookupError, match="no group"):
        make_equivariant(Strangers(), "tta", "square")
    with pytest.raises(ValueError, match="embed and head must be given for 'mean'"):
        make_equivariant(Strangers(), "mean", "c4")
    stranger = Strangers()
    with pytest.raises(ValueError, match="or width be given"):
        make_equivariant(stranger, "learned_average", "c4", embed=stranger.body, head=lambda x: stranger.last(x))
    with pytest.raises(LookupError, match="no post-hoc method"):
        build("post_hoc", {"method": "median"})
    assert set(ON_LOGITS) < set(METHODS) and e2viz.make_equivariant is make_equivariant
