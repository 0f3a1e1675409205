"""Rollout on attention that can be followed by hand."""

import numpy as np
import pytest

from e2viz.measure.rollout import class_token_attention, class_token_rollout, patch_attention, patch_grid, rollout


def random_attention(layers=3, heads=2, tokens=10):
    scores = np.random.default_rng(0).normal(size=(layers, 1, heads, tokens, tokens))
    return list(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))


def chain(source, target, tokens=5):
    """One head in which only ``target`` looks elsewhere: at ``source``."""
    maps = np.eye(tokens)[None, None].copy()
    maps[0, 0, target] = np.eye(tokens)[source]
    return maps


def test_attention_of_identity_stays_where_it_is():
    assert np.array_equal(rollout([np.eye(5)[None, None]] * 4)[0], np.eye(5))


def test_rollout_follows_a_chain_through_the_layers_in_order():
    reached = rollout([chain(3, 2), chain(2, 0)])[0]
    assert reached[0].tolist() == [0.5, 0.0, 0.25, 0.25, 0.0]
    assert rollout([chain(2, 0), chain(3, 2)])[0, 0].tolist() == [0.5, 0.0, 0.5, 0.0, 0.0]
    assert class_token_rollout([chain(3, 2), chain(2, 0)])[0].tolist() == [[0.0, 0.25], [0.25, 0.0]]


def test_rollout_is_the_product_of_half_attention_and_half_identity():
    layers = random_attention()
    mixed = [0.5 * layer[0].mean(axis=0) + 0.5 * np.eye(10) for layer in layers]
    assert np.allclose(rollout(layers)[0], mixed[2] @ mixed[1] @ mixed[0])
    assert np.allclose(rollout(layers, up_to=2)[0], mixed[1] @ mixed[0])
    assert np.allclose(rollout(layers).sum(axis=-1), 1)


def test_heads_are_averaged():
    both = np.concatenate([chain(3, 0), chain(4, 0)], axis=1)
    assert rollout([both])[0, 0].tolist() == [0.5, 0, 0, 0.25, 0.25]


def test_class_token_and_patch_attention_are_rows_without_the_class_token():
    layer = random_attention()[0]
    assert np.array_equal(class_token_attention(layer), layer[:, :, 0, 1:].reshape(1, 2, 3, 3))
    assert np.array_equal(patch_attention(layer, 1, 2), layer[:, :, 6, 1:].reshape(1, 2, 3, 3))
    assert patch_grid(np.arange(5.0)).tolist() == [[1, 2], [3, 4]]


def test_registers_are_left_out_and_without_a_class_token_the_patches_answer_together():
    with_registers = random_attention(tokens=21)[0]
    assert np.array_equal(class_token_attention(with_registers), with_registers[:, :, 0, 5:].reshape(1, 2, 4, 4))
    assert np.array_equal(patch_attention(with_registers, 1, 2), with_registers[:, :, 11, 5:].reshape(1, 2, 4, 4))
    patches_alone = random_attention(tokens=9)[0]
    assert np.allclose(class_token_attention(patches_alone), patches_alone.mean(2).reshape(1, 2, 3, 3))
    assert np.allclose(class_token_rollout([patches_alone]).sum(), 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        rollout([])
    with pytest.raises(ValueError, match="layer 1 is not"):
        rollout([np.eye(5)[None, None], 2 * np.eye(5)[None, None]])
    with pytest.raises(ValueError, match="square of patches"):
        patch_grid(np.zeros(34))
    with pytest.raises(ValueError, match="3×3 grid, got row 3"):
        patch_attention(random_attention()[0], 3, 0)
