"""Sweeps: the same numbers as one forward pass, in chunks, cancellable, on shared networks."""

import dataclasses
import threading

import numpy as np
import pytest
import torch
from torch import nn

from e2viz.groups import group
from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.subject import Subject
from e2viz.measure.sweep import beside, joined, sweep, sweep_parts
from e2viz.measure.turning import stabilise
from tests.measure.tiny import GroupConvolutions, Patches, WindowAttention


def picture(seed=0, size=8, name="drawn"):
    coarse = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(seed))
    values = nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False).clamp(0, 1)
    return Picture(values=values[0], name=name)


def named(network, name, acting="c4", transposed=False):
    prepare = (lambda x: x.transpose(-1, -2)) if transposed else (lambda x: x)
    return Subject(
        name=name, network=network, prepare=prepare, group=group(acting), size=8, checksum=name, transposed=transposed
    )


TURN = np.arange(8) * 45.0


def test_a_sweep_is_what_the_models_say_about_the_views():
    equivariant, patches = named(GroupConvolutions(), "a"), named(Patches(), "b")
    found = sweep([equivariant, patches], picture(), TURN, ["mixed", "tokens"], chunk=3)
    seen = views(picture(), torch.tensor(TURN), 8)
    assert found.models == ("a", "b")
    assert np.array_equal(found.images, seen.numpy()) and np.array_equal(found.angles_deg, TURN)
    for each in (equivariant, patches):
        assert np.allclose(found.logits[each.name], each.network(seen).detach().numpy(), atol=1e-5)
    assert found.records["a"]["mixed"].shape == (8, 4, 4, 4, 4) and list(found.records["b"]) == ["tokens"]
    assert found.kinds == {"a": {"mixed": "feature_map"}, "b": {"tokens": "tokens"}}
    assert found.logits["a"].dtype == found.records["a"]["mixed"].dtype == np.float32
    assert np.allclose(found.probability("a").sum(axis=1), 1)
    assert found.stability("a", label=3).frames == 8


def test_chunks_do_not_change_the_result_and_parts_join_to_the_whole():
    model = named(GroupConvolutions(), "a")
    whole = sweep([model], picture(), TURN, ["mixed"], chunk=8)
    parts = list(sweep_parts([model], picture(), TURN, ["mixed"], chunk=3))
    assert [len(part.angles_deg) for part in parts] == [3, 3, 2]
    assert np.allclose(joined(parts).logits["a"], whole.logits["a"], atol=1e-5)
    assert np.allclose(joined(parts).records["a"]["mixed"], whole.records["a"]["mixed"], atol=1e-5)
    assert joined(parts).key == whole.key


def test_quarter_turns_leave_an_equivariant_model_as_it_was():
    found = sweep([named(GroupConvolutions("d4"), "a", "d4")], picture(), [0, 90, 180, 270], ["mixed"])
    assert np.abs(found.logits["a"] - found.logits["a"][0]).max() < 1e-5
    view = stabilise(found.record("a", "mixed"), found.angles_deg, group("d4"))
    assert float(view.residual().abs().max()) < 1e-5
    broken = sweep([named(GroupConvolutions("d4", "axis"), "a", "d4")], picture(), [0, 90], ["mixed"])
    assert float(stabilise(broken.record("a", "mixed"), [0, 90], group("d4")).residual().abs().max()) > 0.01


def test_progress_comes_after_each_chunk_and_an_exception_from_it_cancels():
    class Stop(BaseException):
        """Streamlit's own is no Exception either."""

    calls = []

    def progress(done, total):
        calls.append((done, total))
        if done > 4:
            raise Stop

    with pytest.raises(Stop):
        sweep([named(Patches(), "b")], picture(), TURN, progress=progress, chunk=3)
    assert calls == [(3, 8), (6, 8)]


def test_records_of_a_model_that_sees_transposed_images_are_upright():
    plain = sweep([named(GroupConvolutions(), "a")], picture(), TURN, ["image", "mixed"])
    turned = sweep([named(GroupConvolutions(), "t", transposed=True)], picture(), TURN, ["image", "mixed"])
    assert np.array_equal(turned.records["t"]["image"], plain.records["a"]["image"])
    view = stabilise(turned.record("t", "mixed")[::2], TURN[::2], group("c4"))
    assert float(view.residual().abs().max()) < 1e-5


def test_query_pixels_are_of_the_upright_picture_and_may_follow_an_object():
    pixels = torch.tensor([[1, 6], [3, 2], [0, 5]])
    probes = ["lifting_attention", "group_attention"]
    whole = sweep([named(WindowAttention(), "w")], picture(), [0, 45], probes)
    some = sweep([named(WindowAttention(), "w")], picture(), [0, 45], probes, pixels=pixels)
    chosen = [8 * 1 + 6, 8 * 3 + 2, 5]
    assert np.array_equal(
        some.records["w"]["lifting_attention"], whole.records["w"]["lifting_attention"][..., chosen, :, :]
    )
    transposed = named(WindowAttention(), "w", transposed=True)
    flipped = sweep([transposed], picture(), [0, 45], probes, pixels=pixels)
    by_name = sweep([transposed], picture(), [0, 45], probes, pixels=dict.fromkeys(probes, pixels))
    assert all(np.array_equal(by_name.records["w"][name], flipped.records["w"][name]) for name in probes)
    full = sweep([transposed], picture(), [0, 45], probes)
    assert np.allclose(
        flipped.records["w"]["group_attention"], full.records["w"]["group_attention"][:, :, :, :, chosen], atol=1e-5
    )
    moving = torch.stack([pixels, pixels.flip(0)])
    by_probe = {"lifting_attention": moving, "group_attention": pixels[:1]}
    followed = sweep([named(WindowAttention(), "w")], picture(), [0, 45], probes, pixels=by_probe).records["w"]
    still = some.records["w"]["lifting_attention"]
    assert np.allclose(followed["lifting_attention"][0], still[0], atol=1e-5)
    assert np.allclose(followed["lifting_attention"][1], still[1][:, :, [2, 1, 0]], atol=1e-5)
    assert followed["group_attention"].shape[4] == 1


def test_probes_may_be_chosen_for_each_model():
    models = [named(GroupConvolutions(), "a"), named(Patches(), "b")]
    found = sweep(models, picture(), [0], {"a": ["lifting", "logits"]})
    assert {name: list(held) for name, held in found.records.items()} == {"a": ["lifting", "logits"], "b": []}


@pytest.mark.parametrize(("size", "probes", "frames"), [(28, (), 24), (28, ("mixed",), 8), (64, (), 8)])
def test_small_pictures_without_records_go_through_a_network_many_at_once(size, probes, frames):
    seen = []
    turn = np.arange(30) * 12.0
    model = dataclasses.replace(named(GroupConvolutions(), "a"), size=size)
    sweep([model], picture(), turn, probes, progress=lambda done, _: seen.append(done))
    assert seen[0] == frames and seen[-1] == 30


def test_records_that_would_not_fit_are_refused_after_the_first_chunk():
    calls = []
    with pytest.raises(ValueError, match="must fit into 0 MiB, 8 frames need"):
        sweep(
            [named(GroupConvolutions(), "a")], picture(), TURN, ["mixed"], chunk=2, limit_bytes=1000,
            progress=lambda *done: calls.append(done),
        )  # fmt: skip
    assert not calls


@pytest.mark.parametrize(
    ("models", "angles", "probes", "error", "rule"),
    [
        ([], [0], (), ValueError, "needs angles and models"),
        (["a"], [], (), ValueError, "needs angles and models"),
        (["a", "a"], [0], (), ValueError, "different names"),
        (["a"], [0], ["nowhere"], LookupError, "no model has a probe 'nowhere'"),
        (["a"], [0], {"a": ["nowhere"]}, LookupError, "a has no probe 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_refused(models, angles, probes, error, rule):
    with pytest.raises(error, match=rule):
        sweep([named(GroupConvolutions(), name) for name in models], picture(), angles, probes)


def test_the_key_changes_with_everything_that_changes_the_answer():
    def key(model="a", seed=0, angles=TURN, probes=("mixed",), method="fair", pixels=None):
        return sweep([named(GroupConvolutions(), model)], picture(seed), angles, probes, method, pixels=pixels).key

    others = [
        key("b"), key(seed=1), key(angles=TURN[:4]), key(probes=()), key(method="naive"),
        key(pixels=torch.tensor([[0, 1]])), key(pixels=torch.tensor([[1, 0]])),
    ]  # fmt: skip
    assert len({key(), *others}) == 8 and key() == key()
    retrained = Subject(**{**vars(named(GroupConvolutions(), "a")), "checksum": "retrained"})
    assert sweep([retrained], picture(), TURN, ["mixed"]).key != key()


def test_the_naive_rotation_fills_with_each_models_own_mean():
    dark = Subject(name="dark", network=GroupConvolutions(), group=group("c4"), size=8, mean=(0.0,))
    light = Subject(name="light", network=GroupConvolutions(), group=group("c4"), size=8, mean=(0.9,))
    found = sweep([dark, light], picture(), [45], ["image"], method="naive")
    assert found.records["dark"]["image"].min() < 0.05 < 0.3 < found.records["light"]["image"][0, 0, 0, 0]


def test_two_threads_may_sweep_the_same_network_at_once():
    model = named(GroupConvolutions(), "a")
    expected = [sweep([model], picture(seed), TURN, ["mixed"], chunk=2) for seed in range(2)]
    found = [None, None]

    def run(seed):
        found[seed] = sweep([model], picture(seed), TURN, ["mixed"], chunk=2)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(2):
        assert np.allclose(found[seed].records["a"]["mixed"], expected[seed].records["a"]["mixed"], atol=1e-5)


def test_a_sweep_leaves_nothing_on_a_shared_network():
    network = GroupConvolutions()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    sweep([named(network, "a")], picture(), TURN, ["mixed"])
    assert all(not module._forward_hooks for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


def test_sweeps_of_one_picture_stand_beside_each_other_and_others_do_not():
    first = sweep([named(GroupConvolutions(), "a")], picture(), TURN)
    second = sweep([named(Patches(), "b")], picture(), TURN)
    both = sweep([named(GroupConvolutions(), "a"), named(Patches(), "b")], picture(), TURN)
    assert beside([first, second]).key == both.key and beside([first, second]).models == ("a", "b")
    with pytest.raises(ValueError, match="one picture"):
        beside([first, sweep([named(Patches(), "b")], picture(1), TURN)])
    assert np.array_equal(both.at([0, 2]).logits["a"], both.logits["a"][[0, 2]])
