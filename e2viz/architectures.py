"""The catalogue of architectures: one row each, which everything else looks up.

A new architecture is one file in ``e2viz.models`` and one row here: the row gives it its name on screen and in exports,
its colours, its family among the models that are offered and its place among them. Nothing of it is imported until a
network is built, so that the command line and the renderer know it without torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What there is to know of an architecture without building it.

    Args:
        title: its name on screen.
        module: its file in ``e2viz.models``.
        network: class in that file; takes the configuration.
        config: dataclass in that file.
        colors: on a light page and on a dark one.
        word: that colour among those of Streamlit's Markdown, which .streamlit/config.toml sets.
        equivariant: whether it keeps the symmetry of its group by the way it is made.
        wraps: whether it is another architecture, made equivariant afterwards.
        artificial: whether its attention looks at a small image that it makes of the picture first.
        errors_shipped: whether the errors of its layers are measured ahead for every sample; else when somebody asks.
    """

    title: str
    module: str
    network: str
    config: str
    colors: tuple[str, str]
    word: str = "gray"
    equivariant: bool = False
    wraps: bool = False
    artificial: bool = False
    errors_shipped: bool = True


# In the order in which models stand on screen.
ARCHITECTURES: dict[str, Architecture] = {
    "ge_vit": Architecture(
        title="GE-ViT", module="ge_vit", network="GEViT", config="GEViTConfig",
        colors=("#0b7f7a", "#35c4b5"), word="primary", equivariant=True,
    ),
    "patch_ge_vit": Architecture(
        title="Patch GE-ViT", module="patch_ge_vit", network="PatchGEViT", config="PatchGEViTConfig",
        colors=("#2e6f57", "#7fcfab"), word="green", equivariant=True, artificial=True, errors_shipped=False,
    ),
    "hybrid": Architecture(
        title="Hybrid", module="hybrid", network="Hybrid", config="HybridConfig",
        colors=("#4f7a1e", "#a3cc5c"), word="green", equivariant=True, artificial=True, errors_shipped=False,
    ),
    # It has a group axis, but the rule that GE-ViT corrected: its error is measured, not hidden.
    "gsa_net": Architecture(
        title="GSA-Net", module="gsa_net", network="GSANet", config="GSANetConfig",
        colors=("#6d48c8", "#ab90fb"), word="violet",
    ),
    "vit": Architecture(
        title="ViT", module="vit", network="ViT", config="ViTConfig", colors=("#d2600a", "#ff9d42"), word="orange"
    ),
    "post_hoc": Architecture(
        title="Post-hoc", module="post_hoc_classifier", network="PostHocClassifier", config="PostHocConfig",
        colors=("#2463cc", "#6ea8ff"), word="blue", equivariant=True, wraps=True,
    ),
    "gcnn": Architecture(
        title="G-CNN", module="gcnn", network="GCNN", config="GCNNConfig",
        colors=("#828d98", "#c3ccd4"), equivariant=True, errors_shipped=False,
    ),
    "cnn": Architecture(title="CNN", module="cnn", network="CNN", config="CNNConfig", colors=("#55606b", "#929da8")),
    "resnet": Architecture(
        title="ResNet", module="resnet", network="ResNet", config="ResNetConfig", colors=("#3f4a55", "#aab4be")
    ),
}  # fmt: skip
# The colours of a model whose architecture is not ours.
OTHER = "cnn"


def architecture_of(name: str) -> str:
    """The architecture in "architecture_group.weights_tag", or of "base+method_group"; "" for one not known here."""
    if "+" in name:
        return next((key for key, row in ARCHITECTURES.items() if row.wraps), "")
    fitting = [key for key in ARCHITECTURES if name == key or name.startswith((f"{key}_", f"{key}."))]
    return max(fitting, key=len, default="")


def row_of(name: str) -> Architecture | None:
    """The row of a model's architecture; None for one that is not ours."""
    return ARCHITECTURES.get(architecture_of(name))


def color_of(architecture: str) -> str:
    """The colour of an architecture on a light page."""
    return ARCHITECTURES[architecture].colors[0]
