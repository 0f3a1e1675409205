"""State dicts of timm's vision transformers (``vit_*``, ``deit_*``) under the names of our ViT.

timm's plain ViT is ours but for the names: pre-norm, a class token, learned positions, exact GELU, layer norms with
1e-6. What can be folded into our tensors without changing a result is: scales after each branch (DeiT III), positions
without one for the class token, projections without a bias. Anything else is refused with the reason.

Source: the state dicts of timm.models.vision_transformer and timm.models.deit, versions 0.9 and 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from e2viz.foreign.sizes import channels_and_side, indices, root

NORM_EPS = 1e-6
# timm's vision transformers of up to 200 MB have heads of 64 channels, whatever their width.
HEAD_DEPTH = 64
# Keys that our ViT has no place for -> what they belong to.
REFUSED = {
    r"^(dist_token|head_dist\.)": "a distillation token with a head of its own",
    r"^reg_token$": "register tokens",
    r"^norm_pre\.": "a layer norm before the first layer",
    r"^fc_norm\.": "the mean over patches in the place of the class token",
    r"^attn_pool\.": "attention pooling",
    r"^pre_logits\.": "a layer before the head",
    r"\.(q_norm|k_norm)\.": "normalised queries and keys",
    r"\.attn\.norm\.": "a layer norm inside attention",
    r"\.mlp\.(norm\.|w12|w3|fc1_g|fc1_x)": "a gated or normalised MLP",
    r"(rel_pos|relative_position|rope)": "relative or rotary positions",
    r"^patch_embed\.(norm|backbone|conv|proj\.\d)": "patches made by more than one convolution",
    r"^(stages|layers)\.": "stages",
}
_NAMES = [
    (r"^cls_token$", "class_token"),
    (r"^pos_embed$", "position_embedding"),
    (r"^patch_embed\.proj\.", "patch_embedding."),
    (r"^blocks\.(\d+)\.norm1\.", r"layers.\1.attention_norm."),
    (r"^blocks\.(\d+)\.norm2\.", r"layers.\1.mlp_norm."),
    (r"^blocks\.(\d+)\.attn\.qkv\.", r"layers.\1.attention.in_projection."),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"layers.\1.attention.out_projection."),
    (r"^blocks\.(\d+)\.mlp\.fc1\.", r"layers.\1.mlp.0."),
    (r"^blocks\.(\d+)\.mlp\.fc2\.", r"layers.\1.mlp.3."),
    (r"^norm\.", "head.0."),
    (r"^head\.", "head.1."),
]


class Inexpressible(ValueError):
    """A ViT that our configuration cannot express; the message says what it has."""


def is_timm(names: Mapping[str, object]) -> bool:
    """Whether these are the names of a timm ViT."""
    return "patch_embed.proj.weight" in names and any(re.match(r"blocks\.\d+\.attn\.", name) for name in names)


def in_our_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a timm ViT as our ViT has them: its logits are the same.

    Args:
        state: names to tensors, as timm has them.

    Raises:
        Inexpressible: if it has a part that our ViT does not.
    """
    for name in state:
        for pattern, part in REFUSED.items():
            if re.search(pattern, name):
                raise Inexpressible(f"it has {part} ({name})")
    for name, part in (("cls_token", "class token"), ("pos_embed", "learned positions"), ("head.weight", "head")):
        if name not in state:
            raise Inexpressible(f"it has no {part} (there is no {name})")
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        found[_renamed(name)] = value
    kernel = found.get("patch_embedding.weight")
    if kernel is not None:
        found["patch_embedding.weight"] = kernel.flatten(1)
    _fold_scales(found)
    _fill_biases(found)
    _class_position(found)
    return found


def _renamed(name: str) -> str:
    for pattern, replacement in _NAMES:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def sizes(state: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, int | None]:
    """What timm's shapes say of ``ViTConfig``, the depth of a head by convention; None where they say nothing.

    Args:
        state, ours: the tensors under timm's names and under ours.
    """
    width = int(ours["class_token"].shape[-1])
    _, patch = channels_and_side(int(ours["patch_embedding.weight"].shape[-1]))
    grid = root(int(ours["position_embedding"].shape[1]) - 1)
    kernel = state["patch_embed.proj.weight"].shape
    if kernel[-1] != kernel[-2] or patch is None or grid is None:
        raise Inexpressible(f"its patches or its grid are not square (patches {list(kernel[-2:])})")
    return {
        "width": width, "heads": width // HEAD_DEPTH if width % HEAD_DEPTH == 0 else None,
        "layers": len(indices({name: () for name in ours}, "layers.")),
    }  # fmt: skip


def _fold_scales(found: dict[str, Tensor]) -> None:
    """γ · (Wx + b) is (γW)x + γb."""
    for name in [each for each in found if re.search(r"^blocks\.\d+\.ls[12]\.gamma$", each)]:
        scale, place = found.pop(name), name.split(".")[1]
        layer = f"layers.{place}.{'attention.out_projection' if '.ls1.' in name else 'mlp.3'}"
        for part in ("weight", "bias"):
            held = found.get(f"{layer}.{part}")
            if held is not None and len(held) == len(scale):
                found[f"{layer}.{part}"] = held * (scale[:, None] if held.ndim == 2 else scale)


def _fill_biases(found: dict[str, Tensor]) -> None:
    """A projection without a bias is one with a bias of 0."""
    for name in [each for each in found if re.search(r"^layers\.\d+\.attention\.(in|out)_projection\.weight$", each)]:
        bias = name.replace(".weight", ".bias")
        if bias not in found:
            found[bias] = found[name].new_zeros(len(found[name]))
    if "patch_embedding.weight" in found and "patch_embedding.bias" not in found:
        found["patch_embedding.bias"] = found["patch_embedding.weight"].new_zeros(len(found["patch_embedding.weight"]))


def _class_position(found: dict[str, Tensor]) -> None:
    """A class token without a position is one at 0."""
    positions = found["position_embedding"]
    if positions.ndim == 3 and root(positions.shape[1]) and not root(positions.shape[1] - 1):
        found["position_embedding"] = torch.cat([positions.new_zeros(1, 1, positions.shape[2]), positions], 1)
