"""A rule is shown on a network that knows the picture, or it is said whose network stands in."""

import numpy as np

import e2viz
from e2viz.data.samples import sample
from e2viz.data.table import DATA_SETS
from e2viz.images.picture import Picture
from e2viz.measure.subject import subject
from e2viz.scenes.broken import groups_of, network_to_break
from e2viz.scenes.group_networks import kind_of, network_of, why_others
from e2viz.scenes.positional_encodings import encoder_of
from e2viz.scenes.rule_lines import RuleLine, case_of, layers_of, rule_line
from tests.scenes.small import picture


def test_a_photograph_is_measured_on_a_network_of_photographs():
    photos = kind_of(sample("photo-cat"))
    model, trained = network_of("c4", photos)
    assert trained and model.card.data_set == photos and not why_others(model, photos)
    assert subject(network_of("c4", kind_of(picture()))[0]).data == DATA_SETS["digits"]


def test_cells_are_measured_on_their_hybrid_whose_groups_are_offered():
    cells = DATA_SETS["blood"]
    model, _ = network_to_break(cells.default_models, cells)
    assert model.name == "hybrid_p4m.rotblood" == encoder_of("c4", (), cells)[0].name
    assert "d4" not in groups_of(model) and "c4" in groups_of(model)


def test_where_no_network_knows_the_picture_one_sentence_says_whose_is_shown():
    photos = DATA_SETS["photos"]
    model, _ = network_of("c8", photos)
    said = why_others(model, photos, "c8")
    assert "No C8 network" in said and "photographs" in said and "digits" in said and said.count(". ") == 0


def test_a_chosen_network_comes_first():
    chosen = "ge_vit_p4.rotmnist"
    assert network_of("c4", DATA_SETS["photos"], (chosen, "vit.photos"))[0].name == chosen


def test_a_picture_without_a_kind_is_what_its_models_know():
    bare = Picture(values=sample("photo-cat").values, background=(0.5, 0.5, 0.5), name="picture of the link")
    assert kind_of(bare, ("vit.photos",)).name == "photos" and kind_of(bare).name == "digits"


def test_layers_of_two_networks_stand_in_the_order_of_both():
    def line(*probes):
        case, error = case_of("c4", "ge_vit"), np.zeros(len(probes))
        return RuleLine(case=case, network="", trained=True, probes=probes, error=error, elements=3)

    lines = [line("image", "lifting", "logits"), line("image", "convolutions", "lifting", "blocks", "logits")]
    assert layers_of(lines) == ["image", "convolutions", "lifting", "blocks", "logits"]


def test_the_rule_line_of_a_photograph_is_exact_and_shipped():
    line = rule_line(case_of("c4", "ge_vit"), sample("photo-dog"))
    assert line.network == "ge_vit_p4.photos" and line.error[-1] < 1e-5 and not line.why
    assert e2viz.load(line.network).card.group == "c4"
