"""Numbers as a reader says them."""

from __future__ import annotations

import math

from e2viz.groups import Group

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Float32 arithmetic alone stays below this; what is larger is a real difference.
ROUNDING = 1e-4


def small(value: float) -> str:
    """A relative difference: "3·10⁻⁷" where it is rounding, "0.4 %" or "83 %" where it is not."""
    if value == 0:
        return "0, bit for bit"
    if value < ROUNDING:
        power = math.floor(math.log10(value))
        factor = round(value / 10**power)
        factor, power = (1, power + 1) if factor == 10 else (factor, power)
        return f"{factor}·10{str(power).translate(_RAISED)}"
    return f"{100 * value:.2g} %" if value < 0.0995 else f"{100 * value:.0f} %"


def element_name(group: Group, element: int) -> str:
    """A group element as its turn, with the mirror where it has one: "90°", "90° after the mirror"."""
    return f"{group.angle_deg(element):g}°" + (" after the mirror" if group.is_reflection(element) else "")


def tail(name: str, most: int = 28) -> str:
    """The end of a long path that names a tensor of somebody's graph; any other name as it is."""
    if "/" not in name or len(name) <= most:
        return name
    *steps, end = name.split("/")
    while steps and len(end) + len(steps[-1]) + 3 <= most:
        end = f"{steps.pop()}/{end}"
    return f"…/{end}"


def listed(parts: list[str]) -> str:
    """Parts of a sentence, separated as in print."""
    return "; ".join(parts)
