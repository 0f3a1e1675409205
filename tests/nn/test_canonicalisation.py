"""The orientation network turns with its picture, learns which way is up, and the wrong wirings of it are caught."""

import pytest
import torch
from einops import rearrange
from torch.nn import functional

from e2viz.groups import group
from e2viz.nn import canonicalisation
from e2viz.nn.canonicalisation import OrientationNetwork, between, nearest_turn, straight_through, upright_prior


def images(channels=1, size=14):
    return torch.rand(2, channels, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def network(name, channels=1):
    torch.manual_seed(0)
    return OrientationNetwork(group(name), channels).double().eval().requires_grad_(False)


def worst_error(net, pictures):
    """How far scores are from moving as a group axis, over the exact elements."""
    acting, before = net.group, net(between(pictures, net.group))
    return max(
        float((net(between(acting.act_on_plane(pictures, a), acting)) - acting.act_on_group_axis(before, a, -1))
              .abs().max() / before.abs().max())
        for a in acting.elements if acting.is_exact(a)
    )  # fmt: skip


@pytest.mark.parametrize(("name", "channels"), [("c2", 1), ("c4", 3), ("c16", 1), ("d4", 1), ("d8", 3), ("c6", 1)])
def test_scores_move_as_a_group_axis(name, channels):
    net = network(name, channels)
    assert worst_error(net, images(channels)) < 1e-10
    scores = net(between(images(channels), net.group))
    assert scores.shape == (2, net.group.order) and scores.std(-1).min() > 1e-3, "equal scores would move too"


def test_a_wrong_order_of_the_elements_is_caught(monkeypatch):
    monkeypatch.setattr(
        canonicalisation, "by_element",
        lambda votes, k: rearrange(votes, "(b k) (s q) -> b (s k q)", k=k, s=1),
    )  # fmt: skip
    assert worst_error(network("c16"), images()) > 1e-2


def test_in_between_the_scores_move_as_well_as_a_picture_can_be_sampled():
    x = torch.linspace(-1, 1, 28, dtype=torch.float64)
    blob = torch.exp(-((x[None] - 0.3) ** 2 + x[:, None] ** 2) * 8)[None, None]
    net = network("c16")
    from e2viz.nn.views import turned

    before = net(between(blob, net.group))
    after = net(between(turned(blob, 22.5), net.group))
    right = (after - before.roll(1, -1)).norm() / before.norm()
    assert right < 0.1 and (after - before.roll(-1, -1)).norm() / before.norm() > 3 * right


def test_straight_through_is_one_view_with_the_gradient_of_the_softmax():
    scores = torch.tensor([[0.5, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([[3.0, 5.0, 7.0]], dtype=torch.float64)
    weights = straight_through(scores)
    assert weights.tolist() == [[0.0, 1.0, 0.0]]
    (weights * values).sum().backward()
    soft = scores.detach().clone().requires_grad_(True)
    (soft.softmax(-1) * values).sum().backward()
    torch.testing.assert_close(scores.grad, soft.grad)


def test_the_prior_knows_which_element_moved_the_picture():
    acting = group("c4")
    assert nearest_turn(torch.tensor([0.0, 44.0, 46.0, 181.0, 350.0]), acting).tolist() == [0, 0, 1, 2, 0]
    scores = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    angles_deg = torch.tensor([0.0, 90.0, 270.0])
    expected = functional.cross_entropy(scores, torch.tensor([0, 1, 3]))
    torch.testing.assert_close(upright_prior(scores, angles_deg, acting), expected)
    assert not torch.isclose(upright_prior(scores, -angles_deg, acting), expected), "turned the other way"


def test_it_learns_which_way_is_up():
    """An arrow on the right, turned by known angles: the score of the turn that was made becomes the highest."""
    torch.manual_seed(0)
    acting = group("c8")
    arrow = torch.zeros(1, 1, 28, 28)
    arrow[..., 12:16, 14:26] = 1.0
    from e2viz.images.rotate import rotate

    angles_deg = torch.arange(8, dtype=torch.float64) * 45
    turns = between(rotate(arrow[0], angles_deg), acting)
    net = OrientationNetwork(acting, 1, width=4)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(30):
        loss = upright_prior(net(turns), angles_deg, acting)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert net.eval()(turns).argmax(-1).tolist() == list(range(8))
