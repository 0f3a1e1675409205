"""Where two group elements stand to each other, seen from a third: the rules, side by side.

Group attention looks up E[rel(v, g, m)] for output element v, query element g and key element m. For the layer to
be equivariant, rel must not change when v, g and m are all multiplied on the left by the same element. GE-ViT's
rule keeps that; GSA-Net's does not, and the difference is one line.
Source: Romero & Cordonnier 2021 (GSA-Net); Xu et al. 2023 (GE-ViT); the published code, for the third.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from e2viz.groups import Group

Rule = Callable[[Group, int, int, int], int]


def ge_vit(group: Group, v: int, g: int, m: int) -> int:
    """v⁻¹ · g · m⁻¹ · g, which on rotations is (2g − m − v) mod n. Invariant on every group."""
    return group.compose(group.compose(group.inverse(v), g), group.compose(group.inverse(m), g))


def gsa_net(group: Group, v: int, g: int, m: int) -> int:
    """v · g⁻¹ · m, which on rotations is (v + m − g) mod n. Not invariant: v acts on what already is relative."""
    return group.compose(v, group.compose(group.inverse(g), m))


def published_p4m(group: Group, v: int, g: int, m: int) -> int:
    """The table inside the published E(2) checkpoints. Not invariant.

    There a relative position is m · a', where a' negates the angle of a = g · v and keeps its reflection: the
    inverse of a rotation, but not of a reflection.
    """
    r, s = group.split(group.compose(g, v))
    return group.compose(m, s * group.rotations + (-r) % group.rotations)


RULES: dict[str, Rule] = {"ge_vit": ge_vit, "gsa_net": gsa_net, "published_p4m": published_p4m}


def relative_table(group: Group, rule: str | Rule) -> Int[Tensor, "v g m"]:
    """``table[v, g, m]`` is the index of the group embedding.

    Raises:
        LookupError: for a rule that has no such name.
    """
    if isinstance(rule, str):
        if rule not in RULES:
            near = difflib.get_close_matches(rule, RULES) or list(RULES)
            raise LookupError(f"no rule is called {rule!r}; there are {', '.join(near)}")
        rule = RULES[rule]
    span = group.elements
    return torch.tensor([[[rule(group, v, g, m) for m in span] for g in span] for v in span])


def is_invariant(group: Group, rule: str | Rule) -> bool:
    """Whether left multiplication of all three elements leaves the rule's table as it is."""
    table, cayley = relative_table(group, rule), group.cayley
    return all(torch.equal(table[cayley[a]][:, cayley[a]][:, :, cayley[a]], table) for a in group.elements)
