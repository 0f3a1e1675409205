"""Weights without a graph: what they are follows from names and shapes, everything must fit, nothing in them runs."""

import dataclasses
import io

import pytest
import safetensors.torch
import torch

import e2viz
from e2viz import places
from e2viz.architectures import ARCHITECTURES
from e2viz.foreign.open import arrive
from e2viz.foreign.sizes import MARKS, READERS
from e2viz.models import build, configured
from e2viz.zoo import catalogue
from e2viz.zoo.wrapped import wrap

ANSWERS = {"mean": "0 to 1"}
# Of each way to be read one, run whole.
RUN = ("vit.photos", "cnn.rotmnist", "gcnn_p4m.rotblood", "hybrid_p4_invariant.rotmnist", "gsa_net_p4.rotmnist")
READ = ("cnn.photos", "gcnn_p4.photos", "ge_vit_p4.mnist", "ge_vit_p4.rotmnist", "ge_vit_p8.rotmnist",
        "hybrid_p4m.rotblood", "patch_ge_vit_p4_2px.photos")  # fmt: skip


def bare(state):
    """A safetensors file that says nothing but the tensors."""
    return safetensors.torch.save({name: value.contiguous() for name, value in state.items()})


def saved(held):
    file = io.BytesIO()
    torch.save(held, file)
    return file.getvalue()


def state_of(name):
    return safetensors.torch.load((places.WEIGHTS / f"{name}.safetensors").read_bytes())


def shapes_of(name):
    with safetensors.safe_open(places.WEIGHTS / f"{name}.safetensors", "pt") as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118


def small_vit():
    torch.manual_seed(0)
    config = {"image_size": 16, "channels": 3, "patch_size": 4, "width": 16, "mlp_width": 24, "layers": 2, "classes": 5}
    return build("vit", config).eval()


@pytest.mark.parametrize("name", RUN)
@torch.no_grad()
def test_our_own_come_back_from_their_bare_tensors(name):
    data = (places.WEIGHTS / f"{name}.safetensors").read_bytes()
    known = catalogue.load(name)
    like = name if name.startswith("gsa_net") else None
    model = e2viz.open_model(data, **ANSWERS, like=like)
    images = torch.rand(1, known.card.channels, known.card.image_size, known.card.image_size)
    assert torch.equal(model.network(images), known.network(images))
    assert (model.card.architecture, model.checksum) == (known.card.architecture, known.checksum)
    assert model.probe_kinds() == known.probe_kinds()
    if like:
        with pytest.raises(e2viz.WeightsError, match="differ in what no shape says: .*ge_vit_p4.rotmnist"):
            e2viz.open_model(data, **ANSWERS)


@pytest.mark.parametrize("name", READ)
def test_sizes_groups_and_crops_are_those_of_its_card(name):
    card = catalogue.card(name)
    found = arrive(places.WEIGHTS / f"{name}.safetensors").found
    twins = [other for other in catalogue.list_models() if shapes_of(other) == shapes_of(name)]
    built = {repr(whole(catalogue.card(each))) for each in twins}  # D4 has as many elements as C8
    assert {repr(whole(each)) for each in found} == built
    assert len(found) == len(built)
    assert whole(card) in [whole(each) for each in found]


def whole(built):
    """The configuration, that of an inner transformer with its defaults written out."""
    config = configured(built.architecture, built.config)
    inner = config.ge_vit() if hasattr(config, "ge_vit") else config
    return built.architecture, dataclasses.asdict(config) | {"transformer": dataclasses.asdict(inner)}


def test_every_architecture_can_be_read():
    plain = {name for name, row in ARCHITECTURES.items() if not row.wraps}
    assert set(READERS) == set(MARKS) == plain


@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("resnet", {"image_size": 32, "width": 4, "stages": [1, 2], "classes": 3}),
        ("gcnn", {"image_size": 16, "channels": 3, "classes": 4, "stages": [[3, 0], [4, 1]]}),
        ("cnn", {"image_size": 32, "width": 5, "classes": 4}),
        (
            "hybrid",
            {
                "image_size": 16, "channels": 3, "classes": 4, "stages": [[3, 1], [4, 1]],
                "transformer": {"width": 6, "heads": 2, "depth": 6, "stages": [[0, 0]], "width_factors": [1]},
            },
        ),
        (
            "ge_vit",
            {
                "group": "c2", "image_size": 12, "width": 4, "heads": 2, "depth": 6, "stages": [[0], [0]],
                "width_factors": [1, 1],
            },
        ),
    ],
    ids=["resnet", "gcnn", "cnn", "hybrid", "ge_vit"],
)  # fmt: skip
def test_sizes_that_nothing_shipped_has_are_read_too(architecture, config):
    torch.manual_seed(0)
    network = build(architecture, config).eval()
    arrival = arrive(bare(network.state_dict()))
    images = torch.rand(2, network.config.channels, config["image_size"], config["image_size"])
    with torch.no_grad():
        expected = network(images)
        answers = [each.network()(images) for each in arrival.found]
    assert any(torch.allclose(each, expected, atol=1e-6) for each in answers)


def test_what_no_shape_says_is_said_or_asked():
    data = bare(small_vit().state_dict())
    assert arrive(data).questions == ("heads", "normalisation", "classes")
    assert "heads as in" in e2viz.open_model(data, **ANSWERS).card.data
    images = torch.rand(2, 3, 16, 16)
    two, four = (e2viz.open_model(data, **ANSWERS, heads=heads) for heads in (2, 4))
    assert two.network.config.heads == 2 and not torch.allclose(two.logits(images), four.logits(images), atol=1e-4)
    with pytest.raises(e2viz.WeightsError, match="heads"):
        e2viz.open_model(data, **ANSWERS, heads=3)
    with pytest.raises(e2viz.WeightsError, match="normalised"):
        e2viz.open_model(data)
    with pytest.raises(e2viz.WeightsError, match="are of images of 16"):
        e2viz.open_model(data, **ANSWERS, size=32)


def test_the_report_names_missing_unexpected_and_misshapen_keys():
    state = small_vit().state_dict()
    del state["head.1.bias"]
    state["extra.weight"] = torch.ones(3)
    state["layers.1.mlp.3.bias"] = torch.ones(7)
    with pytest.raises(e2viz.WeightsError) as caught:
        e2viz.open_model(bare(state), **ANSWERS)
    assert str(caught.value).startswith("Weights must have exactly the tensors of an architecture that is known.")
    for part in (
        "Nearest is vit", "1 missing (head.1.bias)", "1 unexpected (extra.weight)",
        "1 of another shape (layers.1.mlp.3.bias must be [16], got [7])",
    ):  # fmt: skip
        assert part in str(caught.value)
    with pytest.raises(e2viz.WeightsError, match="exactly the tensors"):
        e2viz.open_model(bare({"anything": torch.ones(2)}), **ANSWERS)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "in a checkpoint"])
@torch.no_grad()
def test_a_state_dict_saved_by_torch(beside):
    network = small_vit()
    state = network.state_dict()
    held = {"epoch": 3, "model": {f"module.{name}": value for name, value in state.items()}} if beside else state
    model = e2viz.open_model(saved(held), **ANSWERS, classes=list("abcde"))
    images = torch.rand(2, 3, 16, 16)
    assert torch.allclose(model.logits(images), network(images), atol=1e-6) and model.card.class_names == tuple("abcde")
    mended = wrap(model, "mean", "c4")
    assert torch.allclose(mended.logits(images), mended.logits(images.rot90(1, (-2, -1))), atol=1e-5)


class Hostile:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        import pathlib

        return pathlib.Path.touch, (pathlib.Path(self.mark),)


def test_a_state_dict_that_would_run_code_does_not(tmp_path):
    mark = tmp_path / "it ran"
    data = saved({"head.weight": torch.ones(2), "x": Hostile(mark)})
    with pytest.raises(e2viz.WeightsError, match="weights alone"):
        e2viz.open_model(data, **ANSWERS)
    assert not mark.exists()
    torch.load(io.BytesIO(data), weights_only=False)
    assert mark.exists(), "the control: unpickled, it does run"


def test_tensors_that_are_larger_than_their_file_are_refused():
    with pytest.raises(e2viz.WeightsError, match="MB; at most 200"):
        e2viz.open_model(saved({"class_token": torch.zeros(1).expand(10**10)}), **ANSWERS)


def test_a_file_that_is_cut_off_is_said():
    data = bare(small_vit().state_dict())
    for cut in (-1, 5_000):
        with pytest.raises(e2viz.WeightsError, match="cut off"):
            e2viz.open_model(data[:cut], **ANSWERS)
    with pytest.raises(e2viz.WeightsError, match="weights alone"):
        e2viz.open_model(saved(small_vit().state_dict())[:-100], **ANSWERS)


def test_numbers_that_are_none_are_refused():
    state = small_vit().state_dict()
    state["head.1.bias"] = torch.full((5,), torch.nan)
    with pytest.raises(e2viz.WeightsError, match="finite"):
        e2viz.open_model(bare(state), **ANSWERS)


@pytest.mark.parametrize(
    ("file", "like"),
    [
        ("ge_vit_p4m_3vs8.pt", None), ("vit_rotmnist.pt", "vit_rotmnist"),
    ],
)  # fmt: skip
def test_published_checkpoints_say_what_they_are(reference, file, like):
    path = reference / "checkpoints" / file
    model = e2viz.open_model(path, like=like)
    known = e2viz.import_checkpoint(path, like or "ge_vit_p4m")
    images = torch.rand(2, 1, 28, 28)
    assert torch.equal(model.logits(images), known.logits(images))
    assert model.card.class_names == known.card.class_names and model.card.orientation == known.card.orientation
    if like:
        with pytest.raises(e2viz.WeightsError, match="vit_mnist, vit_rotmnist"):
            e2viz.open_model(path)
