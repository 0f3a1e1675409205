"""Each post-hoc definition on logits written by hand, and that the order of the views never matters."""

import math

import pytest
import torch

from e2viz.nn import aggregation
from e2viz.nn.aggregation import LambdaEquitune, LearnedAttention, LearnedAverage

LOG = math.log


def logits_of(*rows):
    """[1 view class] logits whose softmax is the rows, each shifted by a constant that must not matter."""
    return torch.tensor([[[LOG(p) + shift for p in row] for shift, row in enumerate(rows)]], dtype=torch.float64)


def test_most_likely_multiplies_probabilities():
    views = logits_of((0.5, 0.3, 0.2), (0.1, 0.6, 0.3))
    expected = torch.tensor([[LOG(0.05), LOG(0.18), LOG(0.06)]], dtype=torch.float64)
    torch.testing.assert_close(aggregation.most_likely(views), expected)


def test_most_likely_does_not_underflow():
    views = torch.tensor([[[0.0, -900.0, -1000.0]] * 16], dtype=torch.float32)
    assert aggregation.most_likely(views).tolist() == [[0.0, -14400.0, -16000.0]]


def test_test_time_augmentation_averages_probabilities():
    views = logits_of((0.5, 0.3, 0.2), (0.1, 0.6, 0.3))
    expected = torch.tensor([[0.3, 0.45, 0.25]], dtype=torch.float64)
    torch.testing.assert_close(aggregation.averaged_probability(views).exp(), expected)


def test_learned_average_begins_as_the_mean_and_weighs_by_a_softmax():
    pool = LearnedAverage(2).double()
    views = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]], dtype=torch.float64)
    torch.testing.assert_close(pool(views), views.mean(1))
    with torch.no_grad():
        pool.score.weight.copy_(torch.tensor([[LOG(3.0), 0.0]]))
    weights = torch.tensor([3.0, 1.0, 9.0], dtype=torch.float64) / 13
    torch.testing.assert_close(pool(views), (weights[:, None] * views[0]).sum(0, keepdim=True))


def test_learned_attention_begins_as_the_mean_and_then_attends():
    torch.manual_seed(0)
    pool = LearnedAttention(8, heads=2).double()
    views = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(pool(views), views.mean(1))
    torch.nn.init.normal_(pool.out.weight)
    assert not torch.allclose(pool(views), views.mean(1), rtol=1e-2)
    with pytest.raises(ValueError, match="width must be divisible by heads, got 6 and 4"):
        LearnedAttention(6)


def lambda_of(pool, views):
    """[batch view] the importance of each view, written out."""
    norm, first, _, second = pool.score
    hidden = torch.relu(first(norm(views)))
    return torch.log1p(torch.exp(second(hidden)))[..., 0]


def test_lambda_equitune_begins_as_the_mean_and_weighs_by_a_positive_network():
    torch.manual_seed(0)
    pool = LambdaEquitune(8, hidden=6).double()
    views = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(pool(views), views.mean(1), msg="λ is the same for all views: equitune")
    for parameter in pool.parameters():
        torch.nn.init.normal_(parameter)
    importance = lambda_of(pool, views)
    assert (importance > 0).all()
    expected = torch.stack([sum(w * z for w, z in zip(i, v)) / i.sum() for i, v in zip(importance, views)])  # noqa: B905
    torch.testing.assert_close(pool(views), expected)
    scores = pool.score(views)[..., 0]
    for wrong in (scores.softmax(1), importance / importance.shape[1], scores / scores.sum(1, keepdim=True)):
        assert not torch.allclose((wrong[..., None] * views).sum(1), expected, rtol=1e-2), "another rule is caught"


@pytest.mark.parametrize("name", ["most_likely", "averaged_probability", "average", "attention", "lambda"])
def test_the_order_of_the_views_does_not_matter(name):
    torch.manual_seed(0)
    learned = {
        "average": LearnedAverage(8).double(), "attention": LearnedAttention(8).double(),
        "lambda": LambdaEquitune(8).double(),
    }  # fmt: skip
    for pool in learned.values():
        for parameter in pool.parameters():
            torch.nn.init.normal_(parameter)
    combine = learned[name] if name in learned else getattr(aggregation, name)
    views = torch.randn(4, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(combine(views[:, torch.randperm(6)]), combine(views), rtol=1e-12, atol=1e-12)
