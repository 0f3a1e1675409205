"""The relative rules of one group side by side: the line of code, what it does to its table, the error it gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from e2viz.data.data_set import DataSet
from e2viz.groups import group as find_group
from e2viz.images.picture import Picture
from e2viz.measure.encodings import changed_entries
from e2viz.nn.relative import RULES as RULE_FUNCTIONS
from e2viz.render.figures import two_digits
from e2viz.scenes.positional_encodings import RULES
from e2viz.scenes.rule_lines import NAMES, RuleLine, case_of, rule_line


@dataclass(frozen=True, kw_only=True, eq=False)
class RuleTable:
    """One rule of one group.

    Attributes:
        line: the measured error.
        changed: most entries that change when all three elements are multiplied by one.
        entries: entries of the table.
    """

    line: RuleLine
    changed: int
    entries: int


def measured(
    group: str,
    picture: Picture,
    progress: Callable[[int, int], None] | None = None,
    kind: DataSet | None = None,
) -> tuple[RuleTable, ...]:
    """Every rule that the page shows for this group: shipped, or measured now."""
    found, acting = [], find_group(group)
    for place, rule in enumerate(RULES[group]):
        line = rule_line(case_of(group, rule), picture, kind=kind)
        changed = int(changed_entries(acting, rule).max())
        found.append(RuleTable(line=line, changed=changed, entries=acting.order**3))
        if progress is not None:
            progress(place + 1, len(RULES[group]))
    return tuple(found)


def source_line(rule: str) -> str:
    """The one line of code, as it stands in e2viz/nn/relative.py."""
    lines = inspect.getsource(RULE_FUNCTIONS[rule]).splitlines()
    body = [line.strip() for line in lines[1:] if '"""' not in line and line.strip()]
    return "\n".join(line for line in body if line.startswith(("return", "r, s")))


def error_text(table: RuleTable) -> str:
    """The error of the logits under this rule."""
    return two_digits(float(table.line.error[table.line.probes.index("logits")]))


def caption(table: RuleTable) -> str:
    """What multiplying all three elements does to the table."""
    name = NAMES[table.line.case.rule]
    if not table.changed:
        return f"{name}: multiply v, g and m by any element, and none of {table.entries} entries changes."
    return f"{name}: multiply v, g and m by one element, and up to {table.changed} of {table.entries} entries change."


def sentence(tables: Sequence[RuleTable]) -> str:
    """What the two tables do to this picture."""
    parts = [f"{NAMES[each.line.case.rule]}'s line moves the logits by **{error_text(each)}**" for each in tables]
    return f"With the same weights, and the picture moved exactly by a group element: {'; '.join(parts)}."
