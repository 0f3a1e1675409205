import pytest
import torch

from e2viz.data.samples import sample
from e2viz.measure.breaking import Switches, spoilt_errors, turned
from e2viz.measure.rules import rule_errors, with_rule
from e2viz.scenes.untrained import fresh_subject

SIZES = {"width": 4, "heads": 2, "depth": 6}
ANGLES_DEG = (45.0, 90.0)


@pytest.fixture(scope="module")
def model():
    return fresh_subject("c4", **SIZES)


def quarter_turn(model, **switches):
    probes, errors = spoilt_errors(model, sample("mnist-3"), Switches(**switches), ANGLES_DEG)
    return errors[probes.index("logits"), ANGLES_DEG.index(90.0)]


def test_unspoilt_a_quarter_turn_is_exact(model):
    assert quarter_turn(model) < 1e-5


@pytest.mark.parametrize(
    "switches",
    [{"interpolate": True}, {"odd_size": True}, {"half": True}, {"rule": "gsa_net"}, {"group": "c1"}],
    ids=lambda each: next(iter(each)),
)
def test_each_of_these_spoils_a_quarter_turn(model, switches):
    assert quarter_turn(model, **switches) > 1e-4


@pytest.mark.parametrize("switches", [{"no_disc": True}, {"naive": True}], ids=lambda each: next(iter(each)))
def test_these_spoil_only_what_lies_between(model, switches):
    assert quarter_turn(model, **switches) < 1e-5
    still = turned(sample("mnist-3"), 45.0, 28, Switches(), (0.13,))
    assert float((turned(sample("mnist-3"), 45.0, 28, Switches(**switches), (0.13,)) - still).abs().max()) > 1e-3


def test_the_model_is_left_as_it_was(model):
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    quarter_turn(model, rule="gsa_net", group="c8", half=True)
    assert model.network.config.group == "c4"
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_on_d4_ours_is_exact_and_the_published_rule_is_not():
    model, worst = fresh_subject("d4", **SIZES), {}
    for rule in ("ge_vit", "published_p4m"):
        probes, transforms, errors = rule_errors(model, rule, sample("mnist-3"))
        assert len(transforms) == 7 and any(each.mirrors for each in transforms)
        worst[rule] = errors[probes.index("logits")].max()
    assert worst["ge_vit"] < 1e-5
    assert worst["published_p4m"] > 1e-4


def test_a_rule_needs_group_attention():
    with pytest.raises(ValueError, match="group attention"):
        with_rule(torch.nn.Linear(2, 2), "ge_vit")
