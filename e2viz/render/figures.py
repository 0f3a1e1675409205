"""Numbers as they stand in sentences."""

from __future__ import annotations

import math

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def two_digits(value: float) -> str:
    """Two significant digits; below 0.001 as a power of ten: "0.082", "1.3·10⁻⁶"."""
    if not math.isfinite(value):
        return "undefined"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    digits = f"{abs(value) / 10**exponent:.1f}"
    if digits == "10.0":
        digits, exponent = "1.0", exponent + 1
    sign = "−" if value < 0 else ""
    if exponent < -3 or exponent > 5:
        return f"{sign}{digits}·10{str(exponent).translate(_RAISED)}"
    return f"{sign}{float(f'{abs(value):.2g}'):,.{max(0, 1 - exponent)}f}"
