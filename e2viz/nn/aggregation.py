"""One answer out of what a model says about many views of a picture. The order of the views never matters.

Where the published code differs, and why, stands with each definition; docs/measures.md states them.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.nn.probe import Probe

Views = Float[Tensor, "batch view features"]
Pooled = Float[Tensor, "batch features"]


def most_likely(logits: Float[Tensor, "batch view classes"]) -> Float[Tensor, "batch classes"]:
    """Sum over views of log-softmax: the class under which all views together are most likely.

    Source: the study multiplies probabilities, with a temperature; their product underflows, a sum of logarithms does
    not, and no temperature is needed.
    """
    return logits.log_softmax(-1).sum(1)


def averaged_probability(logits: Float[Tensor, "batch view classes"]) -> Float[Tensor, "batch classes"]:
    """Logarithm of the probabilities averaged over views: test-time augmentation by the group.

    Source: Krizhevsky et al. 2012, section 4.1, with group elements in place of crops.
    """
    log_probability = logits.log_softmax(-1)
    views = torch.tensor(float(logits.shape[1]), dtype=logits.dtype, device=logits.device)
    return log_probability.logsumexp(1) - views.log()


class LearnedAverage(nn.Module):
    """Weighted average of embeddings; the weights are a softmax over views, so they are positive and sum to one.

    Each view's score is a linear function of its embedding, so the average does not depend on the order of the views.
    It begins as the plain mean. Source: the study; its weights belong to the position of a view, are not normalised
    and so change the answer when the picture turns.

    Args:
        width: features of an embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)
        self.weight_probe = Probe("group_vector")

    def forward(self, embeddings: Views) -> Pooled:
        weights = self.score(embeddings).softmax(1)
        self.weight_probe(weights.transpose(1, 2))
        return (weights * embeddings).sum(1)


class LambdaEquitune(nn.Module):
    """Weighted average of embeddings; view e counts as λ(z_e) / Σ λ, where λ is a small network with positive output.

    λ sees one embedding at a time, so the average does not depend on the order of the views. It begins as the plain
    mean, which is equitune. Source: Basu et al. 2023, *Efficient Equivariant Transfer Learning from Pretrained Models*:
    Σ_g λ(gx) g⁻¹M(gx) / Σ_g λ(gx). What differs: λ reads the embedding that is averaged, not another layer's.

    Args:
        width: features of an embedding.
        hidden: features between the two layers of λ.
    """

    def __init__(self, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        nn.init.zeros_(self.score[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.score[-1].bias)  # type: ignore[arg-type]
        self.weight_probe = Probe("group_vector")

    def forward(self, embeddings: Views) -> Pooled:
        importance = functional.softplus(self.score(embeddings))
        weights = importance / importance.sum(1, keepdim=True)
        self.weight_probe(weights.transpose(1, 2))
        return (weights * embeddings).sum(1)


class ViewAttention(nn.Module):
    """Multi-head attention among the class token and the views, without any position."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_projection = nn.Linear(width, 3 * width)
        self.out_projection = nn.Linear(width, width)
        self.probe = Probe("token_attention")

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.in_projection(tokens).chunk(3, -1)
        )
        attention = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        return self.out_projection((self.probe(attention) @ value).transpose(1, 2).flatten(2))


class LearnedAttention(nn.Module):
    """A class token that attends to the views through one transformer layer; there are no positional encodings.

    Permuting the views leaves the class token as it is. The token's way out starts as the plain mean of the views, to
    which the layer adds: a head that was trained on single embeddings answers sensibly from the first step.
    Source: the study, "learned attention aggregation"; the mean at the start is ours.

    Args:
        width: features of an embedding.
        heads: of the attention; must divide the width.

    Raises:
        ValueError: if the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be divisible by heads, got {width} and {heads}")
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = ViewAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, embeddings: Views) -> Pooled:
        token = self.class_token.expand(embeddings.shape[0], -1, -1)
        tokens = torch.cat([token, embeddings], dim=1)
        tokens = tokens + self.attention(self.attention_norm(tokens))
        token = tokens[:, 0]
        token = token + self.mlp(self.mlp_norm(token))
        return embeddings.mean(1) + self.out(functional.layer_norm(token, (self.out.in_features,)))
