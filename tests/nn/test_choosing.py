"""Each rule that chooses one view, by its definition; wrong rules near it choose otherwise."""

import math

import pytest
import torch

from e2viz.nn import choosing
from e2viz.nn.choosing import GATE, certainty, evidence, log_entropy

LOG = math.log


def logits_of(*rows):
    """[1 view class] logits whose softmax is the rows, each shifted by a constant that must not matter."""
    return torch.tensor([[[LOG(p) + shift for p in row] for shift, row in enumerate(rows)]], dtype=torch.float64)


def entropies(*rows):
    return [-sum(p * LOG(p) for p in row) for row in rows]


def test_most_certain_is_the_logits_of_one_view():
    views = logits_of((0.5, 0.3, 0.2), (0.1, 0.7, 0.2), (0.6, 0.2, 0.2))
    torch.testing.assert_close(choosing.most_certain(views), views[:, 1], rtol=0, atol=0)


def test_most_certain_differs_from_the_published_mixture_of_views():
    views = torch.tensor([[[3.0, 0.0, 0.0], [9.0, 8.9, 0.0]]])
    assert choosing.most_certain(views).tolist() == [[3.0, 0.0, 0.0]], "0.91 is more certain than 0.52"
    mixed = torch.softmax(views, -1).amax(1)
    assert mixed[0, 1] > 0.47, "the maximum of each class by itself takes class 1 from the uncertain view"


def test_certainty_still_tells_views_apart_where_probabilities_round_to_one():
    views = torch.tensor([[[200.0, 0.0, 0.0], [0.0, 300.0, 0.0]]])
    assert torch.softmax(views, -1).amax(-1).tolist() == [[1.0, 1.0]]
    assert certainty(views)[0, 1] > certainty(views)[0, 0]
    assert choosing.most_certain(views).argmax() == choosing.most_certain(views.flip(1)).argmax() == 1


def test_certainty_is_the_log_odds_of_the_best_class():
    torch.testing.assert_close(certainty(logits_of((0.5, 0.3, 0.2)))[0, 0], torch.tensor(0.0, dtype=torch.float64))


# More certain of its best class, yet less ordered: two rivals share what is left, or one has it all.
CERTAIN, ORDERED = (0.62, 0.19, 0.19), (0.6, 0.3999, 0.0001)


def test_lowest_entropy_asks_for_the_whole_distribution():
    views = logits_of(CERTAIN, ORDERED)
    assert entropies(ORDERED) < entropies(CERTAIN)
    torch.testing.assert_close(choosing.lowest_entropy(views), views[:, 1], rtol=0, atol=0)
    torch.testing.assert_close(choosing.most_certain(views), views[:, 0], rtol=0, atol=0)
    highest = choosing.of_view(views, log_entropy(views).argmax(1))
    assert not torch.equal(highest, views[:, 1]), "a rule that chose the highest would be caught"


def test_entropy_is_shannon_s():
    torch.testing.assert_close(
        log_entropy(logits_of(CERTAIN, ORDERED)).exp()[0], torch.tensor(entropies(CERTAIN, ORDERED)).double()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_entropy_still_tells_views_apart_where_probabilities_round_to_one(dtype):
    views = torch.tensor([[[200.0, 0.0, 0.0], [0.0, 300.0, 0.0]]], dtype=dtype)
    assert torch.special.entr(views.softmax(-1)).sum(-1).max() < 1e-30
    assert choosing.lowest_entropy(views).argmax() == choosing.lowest_entropy(views.flip(1)).argmax() == 1


def test_entropy_has_no_seam_where_the_odds_become_large():
    for odds in (19.999, 20.001):
        views = torch.tensor([[[odds, 0.0]]], dtype=torch.float64)
        rival = 1 / (1 + math.exp(odds))
        expected = -(1 - rival) * math.log1p(-rival) - rival * LOG(rival)
        torch.testing.assert_close(log_entropy(views).exp().item(), expected, rtol=1e-8, atol=0)


def test_the_search_takes_the_view_with_most_evidence():
    views = torch.tensor([[[3.0, 0.0], [6.0, 5.5]]])
    assert evidence(views)[0, 1] > evidence(views)[0, 0]
    assert choosing.angle_search(views).tolist() == [[6.0, 5.5]]
    assert choosing.most_certain(views).tolist() == [[3.0, 0.0]], "certainty is another rule"


@pytest.mark.parametrize(("more", "chosen"), [(GATE - 0.01, 0), (GATE + 0.01, 1), (-1.0, 0)])
def test_the_gate_opens_where_another_view_has_clearly_more_evidence(more, chosen):
    upright = torch.tensor([2.0, 0.0, -1.0])
    views = torch.stack([upright, upright.flip(0) + more])[None]
    assert choosing.gated_search(views).tolist() == views[:, chosen].tolist()
    assert choosing.angle_search(views).tolist() == views[:, int(more > 0)].tolist()


def test_a_gate_of_nothing_is_the_search():
    torch.manual_seed(0)
    views = torch.randn(200, 6, 10)
    assert torch.equal(choosing.gated_search(views, 0.0), choosing.angle_search(views))
    assert torch.equal(choosing.gated_search(views, 100.0), views[:, 0])
    assert not torch.equal(choosing.gated_search(views), choosing.angle_search(views))


@pytest.mark.parametrize("name", ["most_certain", "lowest_entropy", "angle_search"])
def test_the_order_of_the_views_does_not_matter(name):
    torch.manual_seed(0)
    views, order = torch.randn(40, 6, 8, dtype=torch.float64), torch.randperm(6)
    assert torch.equal(getattr(choosing, name)(views[:, order]), getattr(choosing, name)(views))


def test_the_gate_is_what_breaks_that():
    torch.manual_seed(0)
    views = torch.randn(40, 6, 8, dtype=torch.float64)
    assert not torch.equal(choosing.gated_search(views.flip(1)), choosing.gated_search(views))
