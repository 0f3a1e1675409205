"""Fresh weights are the same for the same seed, whoever makes networks beside them."""

import threading

import torch

from e2viz.measure.equivariance import untrained_copy
from e2viz.models import build
from e2viz.nn.fresh import drawing

SMALL = {"image_size": 28, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


def test_no_other_thread_draws_in_between():
    with drawing(seed=3):
        expected = torch.rand(4)
    beside = threading.Thread(target=build, args=("vit", SMALL))
    with drawing(seed=3):
        first = torch.rand(2)
        beside.start()
        beside.join(0.2)
        assert beside.is_alive(), "it waits until these weights are drawn"
        assert torch.equal(torch.cat([first, torch.rand(2)]), expected)
    beside.join(10)
    assert not beside.is_alive()


def test_a_seed_gives_the_same_weights_and_leaves_the_generator_as_it_was():
    network = build("vit", SMALL).eval()
    before = torch.get_rng_state()
    one, other = untrained_copy(network, 1).state_dict(), untrained_copy(network, 1).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["class_token"], network.state_dict()["class_token"])
