"""Fine-tuning at three levels and the tables it fills, on data small enough to count by hand."""

import copy
import dataclasses
import json

import pytest
import torch

from e2viz import cli
from e2viz.data import task
from e2viz.data.protocol import Split, Splits
from e2viz.models import build
from e2viz.models.methods import METHODS
from e2viz.train import data, features, fine_tune, loop, measured_table, tables
from e2viz.train.features import Features, correct_count, features_folder, learning_features
from e2viz.train.features import view_features as features_of
from e2viz.train.fine_tune import train_aggregation, tune
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import wrap
from tests.data_sets import small

SIZE = 12
SMALL = small(SIZE)
CONFIG = {"image_size": SIZE, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


def split(count, seed):
    """A bright spot left or right of the centre, turned: near or far tells the two classes apart at every angle."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=generator)
    images = torch.zeros(count, SIZE, SIZE, dtype=torch.uint8)
    for row, label in enumerate(labels.tolist()):
        images[row, 5:7, 5 - 3 * label : 7 - 3 * label] = 255
    return Split(images, labels, torch.rand(count, generator=generator, dtype=torch.float64) * 360)


SPLITS = Splits(split(40, 1), split(20, 2), split(30, 3), split(10, 4))


SMALL_TASK = task("rotmnist")


@pytest.fixture
def base(monkeypatch):
    torch.manual_seed(0)
    name = measured_table.SETTINGS["rotmnist"].base
    card = Card(name=name, architecture="vit", config=CONFIG, data_set=SMALL, weights_checksum="1")
    model = Model(card, build("vit", CONFIG).eval().requires_grad_(False))
    monkeypatch.setattr(catalogue, "load", lambda name: model)
    monkeypatch.setattr(catalogue, "list_models", lambda: [name])
    for module in (tables, fine_tune):
        monkeypatch.setattr(module, "read_splits", lambda task, folder: SPLITS)
    monkeypatch.setattr(data, "read_splits", lambda task, folder: SPLITS)
    setting = dataclasses.replace(measured_table.SETTINGS["rotmnist"], group="c4")
    monkeypatch.setitem(measured_table.SETTINGS, "rotmnist", setting)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_kept_embeddings_give_the_network_s_own_answers(base, method):
    model = wrap(base, method, "c4")
    images = model.prepare(SPLITS.test.served(slice(0, 4)))
    with torch.no_grad():
        embeddings = wrap(base, "mean", "c4").network.view_embeddings(images)
        scores = model.network.orientation(images) if model.network.canonicalises else None
        torch.testing.assert_close(model.network.answer(embeddings, scores), model.network(images))


def test_features_are_kept_in_parts_and_not_computed_twice(base, tmp_path, monkeypatch):
    model = wrap(base, "mean", "c4")
    monkeypatch.setattr(features, "PART_IMAGES", 12)
    found = features_of(model, SPLITS.test, tmp_path)
    assert found.embeddings.shape == (30, 4, 8) and len(list(tmp_path.glob("*.pt"))) == 3
    monkeypatch.setattr(type(model.network), "view_embeddings", lambda *_: pytest.fail("computed again"))
    again = features_of(model, SPLITS.test, tmp_path)
    assert torch.equal(again.embeddings, found.embeddings)
    other = wrap(Model(base.card, build("vit", CONFIG).eval()), "mean", "c4")
    assert features_folder(tmp_path, other) != features_folder(tmp_path, model), "other weights, other embeddings"


@pytest.mark.parametrize(
    ("method", "level", "changes"),
    [
        ("mean", "none", set()),
        ("mean", "last", {"wrapped.head"}),
        ("tta", "last", {"wrapped.head"}),
        ("learned_average", "none", {"aggregate"}),
        ("learned_attention", "last", {"aggregate", "wrapped.head"}),
    ],
)
def test_each_level_changes_what_it_says_and_nothing_else(base, method, level, changes, tmp_path):
    network = wrap(base, method, "c4").network
    before = copy.deepcopy(network.state_dict())
    features = features_of(wrap(base, "mean", "c4"), SPLITS.train, tmp_path)
    tuned = tune(network, level, features, features, epochs=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    moved = {name for name, tensor in tuned.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {part for part in ("aggregate", "wrapped.head") if any(name.startswith(part) for name in moved)} == changes
    assert all(name.startswith(tuple(changes)) for name in moved) if changes else not moved
    assert not tuned.training and not any(parameter.requires_grad for parameter in tuned.parameters())


def test_tuning_learns(base):
    torch.manual_seed(1)
    labels = torch.arange(60) % 2
    embeddings = torch.randn(60, 4, 8) * 0.3 + labels[:, None, None] * torch.linspace(-2, 2, 8)
    features = Features(embeddings, labels)
    network = wrap(base, "learned_attention", "c4").network
    assert correct_count(tune(network, "last", features, features, epochs=200), features) == 60


def test_the_table_is_filled_kept_and_gone_on_with(base, tmp_path, monkeypatch, capsys):
    words = ["--settings", "rotmnist", "--output", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"),
             "--epochs", "1"]  # fmt: skip
    assert cli.main(["tables", *words, "--levels", "none", "last"]) == 0
    held = json.loads((tmp_path / "out" / "rotmnist.json").read_text())
    everything = 1 + sum(len(set(levels_of(method)) - {"whole"}) for method in METHODS)
    assert len(held["cells"]) == everything and held["images"] == 30
    assert "angle_search/none" in held["cells"] and "angle_search/last" not in held["cells"]
    assert held["cells"]["mean/none"]["total"] == 30
    text = (tmp_path / "out" / "rotmnist.md").read_text()
    assert "| combine | mean | " in text and "| search | angle search | " in text
    monkeypatch.setattr(tables.Filling, "features", lambda *_, **__: pytest.fail("measured again"))
    assert cli.main(["tables", *words, "--levels", "none", "last"]) == 0
    capsys.readouterr()
    assert cli.main(["tables", *words, "--levels", "whole", "--methods", "mean"]) == 0
    assert "mean, whole" in capsys.readouterr().out
    held = json.loads((tmp_path / "out" / "rotmnist.json").read_text())
    assert "mean/whole" in held["cells"] and len(held["cells"]) == 1 + everything
    epochs = {cell: held["cells"][cell]["epochs"] for cell in ("mean/none", "mean/last", "mean/whole")}
    assert epochs == {"mean/none": 0, "mean/last": fine_tune.EPOCHS, "mean/whole": 1}
    assert "the whole model for 1 epoch, on 4 random views a step" in (tmp_path / "out" / "rotmnist.md").read_text()


def test_cells_of_other_weights_are_not_kept(base, tmp_path):
    def begun(path, limit=None, base=base):
        return tables.Filling.begin("rotmnist", path, base, tmp_path, tmp_path, limit)

    path = tmp_path / "rotmnist.json"
    begun(path).add("mean", "none", 20, 30, 1.0)
    assert begun(path).table.cells
    assert not begun(path, 29).table.cells
    other = Model(dataclasses.replace(base.card, weights_checksum="2"), base.network)
    assert not begun(path, base=other).table.cells


def levels_of(method):
    return measured_table.MeasuredTable("rotmnist", 30).levels_of(method)


def test_upright_pictures_show_what_a_gate_is_for(base, tmp_path):
    words = ["--settings", "rotmnist", "--output", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"),
             "--levels", "none", "upright", "--methods", "angle_search", "gated_search"]  # fmt: skip
    assert cli.main(["tables", *words]) == 0
    held = json.loads((tmp_path / "out" / "rotmnist.json").read_text())
    assert held["cells"]["gated_search/upright"]["total"] == len(SPLITS.test_upright) == 10
    assert {"unwrapped/upright", "angle_search/upright"} < set(held["cells"])
    assert "| upright pictures | nothing |" in (tmp_path / "out" / "rotmnist.md").read_text()


def test_an_orientation_network_learns_from_turned_pictures(base, tmp_path):
    upright = dataclasses.replace(SPLITS.train, angles_deg=torch.zeros(40).double())
    model = wrap(base, "canonical_upright", "c4")
    found = learning_features(model, upright, tmp_path / "train")
    assert found.turns.shape == (40, 1, 1, SIZE, SIZE) and found.angles_deg.std() > 50
    assert torch.equal(learning_features(model, SPLITS.train, tmp_path / "own").angles_deg, SPLITS.train.angles_deg)
    assert not learning_features(wrap(base, "mean", "c4"), upright, tmp_path / "upright").angles_deg.any()
    assert learning_features(wrap(base, "lambda_equitune", "c4"), upright, tmp_path / "train").angles_deg.any()
    with pytest.raises(ValueError, match="must hold turns"):
        correct_count(model.network, dataclasses.replace(found, turns=None))


def test_an_upright_prior_is_what_teaches_the_angle(base, tmp_path):
    right = {}
    for method in ("canonical", "canonical_upright"):
        model = wrap(base, method, "c4")
        torch.manual_seed(0)
        found = learning_features(model, SPLITS.train, tmp_path / "train")
        tuned = tune(model.network, "none", found, found, epochs=25)
        off_centre = found.labels == 1  # the other spot looks the same from all sides
        turned = (found.angles_deg[off_centre] * 4 / 360).round().long() % 4
        right[method] = float((tuned.aggregate(found.turns[off_centre]).argmax(1) == turned).float().mean())
    assert right["canonical_upright"] > 0.9 > right["canonical"]


def test_a_look_writes_nothing_to_the_benchmarks(base, tmp_path):
    words = ["--settings", "rotmnist", "--output", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    assert cli.main(["tables", *words, "--levels", "none", "--methods", "mean", "most_certain", "--limit", "7"]) == 0
    assert not (tmp_path / "out").exists()


def test_the_whole_model_begins_from_its_trained_weights(base, tmp_path):
    recipe = fine_tune.whole_recipe(base.card, "mean", "c4", "rotmnist", epochs=1)
    run = loop.Run(recipe, loop.TrainingData.of(SMALL_TASK, tmp_path), tmp_path / "run")
    for name, tensor in run.network.wrapped.state_dict().items():
        assert torch.equal(tensor, base.network.state_dict()[name])


def test_an_aggregation_is_trained_to_the_same_bits_whatever_was_random_before(base, tmp_path):
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        card = train_aggregation("vit_unbent.rotmnist+learned_attention_c4", tmp_path, tmp_path / "runs", tmp_path)
        found.append(card.weights_checksum)
    assert found[0] == found[1]


def test_an_aggregation_is_trained_and_shipped(base, tmp_path):
    card = train_aggregation("vit_unbent.rotmnist+learned_average_c4", tmp_path, tmp_path / "runs", tmp_path)
    assert card.recipe["base_checksum"] == "1" and (tmp_path / f"{card.name}.safetensors").stat().st_size < 2000
    with pytest.raises(LookupError, match="aggregation|method of"):
        train_aggregation("vit_unbent.rotmnist+mean_c4", tmp_path, tmp_path, tmp_path)


def test_training_a_sum_is_training_a_mean_and_is_not_done_twice(base, tmp_path):
    images = torch.rand(3, 1, SIZE, SIZE)
    results = []
    for method in ("sum", "mean"):
        network = copy.deepcopy(wrap(base, method, "c4").network).requires_grad_(True)
        logits = network(images)
        logits.square().sum().backward()
        results.append([logits.detach(), *(parameter.grad for parameter in network.parameters())])
    for of_sum, of_mean in zip(*results, strict=True):
        # Up to the norm's epsilon, which a network of so few channels feels.
        assert (of_sum - of_mean).abs().max() <= 0.02 * of_mean.abs().max()
    words = ["--settings", "rotmnist", "--output", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    assert cli.main(["tables", *words, "--levels", "whole", "--methods", "sum"]) == 0
    assert not list((tmp_path / "runs").glob("*")), "nothing was trained"
    table = measured_table.MeasuredTable("rotmnist", 30)
    for method in ("sum", "mean", "max"):
        table.add(method, "none", 1, 30, 0.0)
    table.add("max", "whole", 1, 30, 0.0, 1)
    assert table.columns()["whole model"][1:3] == ["not measured", "3.33 (0.59 to 16.67)"]
    assert table.columns()["whole model"][3] == "as mean"


def test_methods_on_a_part_say_so_in_their_cells():
    setting = measured_table.SETTINGS["mnist"]
    assert setting.images_for("canonical", 50_000) == setting.training_for("canonical") == 2_000
    assert setting.images_for("mean", 50_000) == 50_000
    assert measured_table.SETTINGS["photos_c4"].images_for("canonical", 5_000) == 5_000
    table = measured_table.MeasuredTable("mnist", 50_000)
    table.add("mean", "none", 30_000, 50_000, 1.0)
    table.add("canonical", "none", 1_500, 2_000, 1.0)
    cells = table.columns()["nothing"]
    assert cells[1].endswith(")") and cells[2].endswith("\\*")
    assert "\\* On 2,000 test images, none of them twice" in table.notes(epochs=20, training_views=4)
