"""The attention that exporters follow is the attention that is computed."""

import torch

from e2viz.nn import factorised, traceable


def maps(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_group_attention_is_the_same_in_plain_operations():
    inputs = [maps(2, 6, 2, 4, 5, 5, seed=k) for k in range(3)]
    encodings = maps(4, 4, 3, 3, seed=3), maps(4, 4, 4, 2, seed=4)
    ours = traceable.group_attention(*inputs, *encodings, scale=0.4)
    assert torch.allclose(ours, factorised.group_attention(*inputs, *encodings, scale=0.4), atol=1e-12)


def test_lifting_attention_is_the_same_in_plain_operations():
    inputs = [maps(2, 6, 2, 5, 5, seed=k) for k in range(3)]
    encoding = maps(4, 6, 3, 3, seed=3)
    ours = traceable.lifting_attention(*inputs, encoding, scale=0.4)
    assert torch.allclose(ours, factorised.lifting_attention(*inputs, encoding, scale=0.4), atol=1e-12)
