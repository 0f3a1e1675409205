"""What the post-hoc methods are called on screen, by what they do with the views, and their mathematics."""

from collections.abc import Iterable

from e2viz.models.methods import kind_of

# Kind -> (heading, what it does in a few words).
KIND_WORDS = {
    "combine": ("Combine", "every view counts"),
    "choose": ("Choose", "the view the model is surest of answers alone"),
    "search": ("Search", "the view that looks most like the training pictures answers alone"),
    "canonicalise": ("Canonicalise", "a small equivariant network sets the picture upright first"),
}
LABELS = {
    "mean": "mean", "max": "maximum", "sum": "sum", "most_likely": "most likely", "tta": "test-time augmentation",
    "learned_average": "learned average", "learned_attention": "learned attention", "lambda_equitune": "λ-equitune",
    "most_certain": "most certain", "lowest_entropy": "lowest entropy", "angle_search": "ungated search",
    "gated_search": "gated search", "canonical": "canonical", "canonical_upright": "canonical, upright prior",
}  # fmt: skip
MATHS = r"""
Every view $e^{-1}x$ of the picture, for $e$ in the group, passes through the model, which is left as it is: $z_e$ is
its embedding, $h(z_e)$ its logits, $p_e = \mathrm{softmax}\,h(z_e)$.

| what is done | method | logits of the wrapped model |
|---|---|---|
| combine | mean, maximum, sum | $h$ of the mean, maximum or sum of $z_e$ over $e$ |
| | most likely | $\sum_e \log p_e$; no temperature, no product that underflows |
| | test-time augmentation | $\log \frac{1}{|G|} \sum_e p_e$ |
| | learned average | $h(\sum_e w_e z_e)$ with $w = \mathrm{softmax}_e\,(a \cdot z_e + b)$ |
| | learned attention | $h$ of a class token that attends to all $z_e$, without positions |
| | λ-equitune | $h(\sum_e \lambda(z_e) z_e / \sum_e \lambda(z_e))$, $\lambda > 0$ of two layers (Basu et al. 2023) |
| choose | most certain | those of the one view with the largest $\max_c p_e[c]$ |
| | lowest entropy | those of the one view with the lowest $-\sum_c p_e[c] \log p_e[c]$ (equizero, Basu et al. 2023) |
| search | ungated search | those of the view with most $E_e = \log \sum_c \exp h(z_e)[c]$ (Schmidt & Stober 2024) |
| | gated search | those of the picture as it was brought, unless some $E_e$ exceeds its own by more than ½ |
| canonicalise | canonical | $h(z_e)$ of the $e$ that a small equivariant network scores highest (Kaba et al. 2023) |
| | with the upright prior | the same, trained also to know how training pictures were turned (Mondal et al. 2023) |

Moving the picture by a group element only permutes the views, and all but one of these do not depend on their order:
the answer stays, exactly at quarter turns and mirrors, and as well as a turned picture can be sampled again in between.
The published code of *most certain* mixes views class by class. The gate is the exception. Without it, a search asks
all views alike, and the answer to an upright picture stays right only as long as no other view happens to look better;
with it, upright pictures keep their answers, and turned ones are searched only when that clearly pays. A model that
cannot tell a 6 from a turned 6 cannot tell it from a 9 either.
"""


def rows_of(methods: Iterable[str]) -> str:
    """The methods as a legend of rows, from top to bottom."""
    return ", ".join(LABELS[method] for method in methods)


def grouped(method: str) -> str:
    """A method's name in a list of choices: "Choose · most certain"."""
    return f"{KIND_WORDS[kind_of(method)][0]} · {LABELS[method]}"
