import pytest
import torch

from e2viz.groups import group
from e2viz.nn.relative import gsa_net, is_invariant, relative_table

GROUPS = ["c1", "c4", "c8", "d4", "d8"]


@pytest.mark.parametrize("name", GROUPS)
def test_ge_vits_rule_is_invariant_on_every_group(name):
    assert is_invariant(group(name), "ge_vit")


def test_on_rotations_the_rules_are_the_published_index_formulas():
    v, g, m = torch.meshgrid(*[torch.arange(4)] * 3, indexing="ij")
    assert torch.equal(relative_table(group("c4"), "ge_vit"), (2 * g - m - v) % 4)
    assert torch.equal(relative_table(group("c4"), "gsa_net"), (v + m - g) % 4)


@pytest.mark.parametrize(("name", "rule"), [("c4", "gsa_net"), ("d4", "gsa_net"), ("d4", "published_p4m")])
def test_the_old_rules_are_not(name, rule):
    assert not is_invariant(group(name), rule)


def test_published_indices_over_eight_elements_are_not_invariant():
    assert not is_invariant(group("d4"), lambda _, v, g, m: (2 * g - m - v) % 8)


def test_unknown_rule():
    with pytest.raises(LookupError, match="gsa_net"):
        relative_table(group("c4"), "gsa_nett")
    assert torch.equal(relative_table(group("c4"), gsa_net), relative_table(group("c4"), "gsa_net"))
