"""What a model says about every view of a turning picture, and what each post-hoc method makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

import e2viz
from e2viz import capture
from e2viz.data.samples import confusable_sample, data_of, first_samples
from e2viz.data.sees import sees
from e2viz.images.picture import Picture
from e2viz.images.rotate import views as turned_views
from e2viz.kept.entries import find_arrays
from e2viz.measure.sweep import sweep
from e2viz.models.methods import LEARNED, METHODS, kind_of, suits
from e2viz.models.post_hoc import PostHoc, parts_of
from e2viz.zoo import catalogue
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import Wrapping, wrap

PAGE = "post_hoc"
SHIPPED_ANGLES_DEG = np.arange(72) * 5.0


@dataclass(frozen=True, eq=False)
class Looked:
    """What a model says about every view of a turning picture.

    Attributes:
        base: the model that is wrapped.
        group: name of the group of the views.
        angles_deg: [frame].
        images: what the model sees.
        embeddings: of every view, as the head takes them.
        logits: of every view; view 0 is the picture itself.
    """

    base: Model
    group: str
    angles_deg: Float[np.ndarray, " frame"]
    images: Float[np.ndarray, "frame channel height width"] = field(repr=False)
    embeddings: Float[np.ndarray, "frame view features"] = field(repr=False)
    logits: Float[np.ndarray, "frame view classes"] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one method makes of the views.

    Attributes:
        logits: of the wrapped model.
        weights: how much each view counts; they sum to one.
        attention: the class token's attention to each view, by head; None for methods without one.
    """

    logits: Float[np.ndarray, "frame classes"]
    weights: Float[np.ndarray, "frame view"]
    attention: Float[np.ndarray, "frame head view"] | None = None


def look(
    base: Model, group: str, picture: Picture, angles_deg: Any, method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
) -> Looked:  # fmt: skip
    """Every view of the turning picture through a model: shipped, or computed now."""
    known = shipped_look(base, group, picture, angles_deg, method)
    if known is not None:
        return known
    wrapped = wrap(base, "mean", group)
    swept = sweep([wrapped], picture, angles_deg, ("view_embedding", "view_logits"), method, progress, chunk=2)
    held = swept.records[wrapped.name]
    return Looked(
        base, group, swept.angles_deg, swept.images,
        held["view_embedding"].transpose(0, 2, 1), held["view_logits"].transpose(0, 2, 1),
    )  # fmt: skip


def shipped_group(name: str) -> str:
    """The group whose views of a sample are shipped: what the page opens with, and the edge case; "" for others."""
    data = data_of(name)
    if name in first_samples(data)[:1]:
        return "c16"
    return "c2" if name == confusable_sample(data) else ""


def facts(base: Model, group: str) -> dict[str, Any]:
    """What a shipped look depends on, beside the picture."""
    return {"weights": base.checksum, "group": group, "angles": len(SHIPPED_ANGLES_DEG)}


def key_of(base: Model, group: str) -> str:
    """The name of a shipped look within its file."""
    return f"{base.name}+{group}"


def arrays(looked: Looked) -> dict[str, np.ndarray]:
    """What of a look is shipped; what the model sees is made again from the picture."""
    return {"embeddings": looked.embeddings.astype(np.float16), "logits": looked.logits.astype(np.float16)}


def shipped_look(base: Model, group: str, picture: Picture, angles_deg: Any, method: str) -> Looked | None:
    """The look that is shipped for a sample, at any of its angles; None if there is none for these weights."""
    held = find_arrays(PAGE, picture, key_of(base, group), facts(base, group))
    asked = np.asarray(angles_deg, dtype=np.float64)
    frames = np.abs(SHIPPED_ANGLES_DEG[None] - asked[:, None]).argmin(1)
    if held is None or method != "fair" or not np.allclose(SHIPPED_ANGLES_DEG[frames], asked, atol=1e-3):
        return None
    card = base.card
    images = turned_views(sees(picture, card), torch.from_numpy(asked), card.image_size, mean=torch.tensor(card.mean))
    chosen = {name: values[frames].astype(np.float32) for name, values in held.items()}
    return Looked(base, group, asked, images.float().numpy(), chosen["embeddings"], chosen["logits"])


def outcomes(looked: Looked) -> dict[str, Outcome]:
    """What each method makes of the views; methods that learn only where they were trained for this model."""
    found = {}
    for method in METHODS:
        name = Wrapping(looked.base.name, method, looked.group).name
        network = looked.base.network  # only its head is run, so nothing is copied
        if not suits(method, network):
            continue
        if method not in LEARNED:
            found[method] = combined(PostHoc(network, method, looked.group, *parts_of(network)), looked)
        elif catalogue.is_model(name):
            found[method] = combined(e2viz.load(name).network, looked)  # type: ignore[arg-type]
    return found


@torch.no_grad()
def combined(network: PostHoc, looked: Looked) -> Outcome:
    """One method on what was computed already."""
    parameter = next(network.parameters())
    embeddings = torch.from_numpy(looked.embeddings).to(parameter)
    images = looked.base.prepare(torch.from_numpy(looked.images))
    scores = network.orientation(images) if network.canonicalises else None
    with capture.record(["aggregate.weight", "aggregate.attention"]) as record:
        logits = network.answer(embeddings, scores).float().numpy()
    frames, views, _ = embeddings.shape
    weights, attention = np.full((frames, views), 1 / views, dtype=np.float32), None
    if network.method == "max":
        winner = embeddings.argmax(1)
        weights = torch.stack([(winner == view).float().mean(1) for view in range(views)], 1).numpy()
    elif scores is not None:
        weights = np.eye(views, dtype=np.float32)[scores.argmax(1).numpy()]
    elif kind_of(network.method) in ("choose", "search"):
        distance = np.abs(looked.logits - logits[:, None]).sum(-1)
        weights = np.eye(views, dtype=np.float32)[distance.argmin(1)]
    elif "aggregate.weight" in record:
        weights = record["aggregate.weight"][:, 0].float().numpy()
    elif "aggregate.attention" in record:
        # From the class token, which is token 0, to the views; what it keeps for itself is left out.
        attention = record["aggregate.attention"][:, :, 0, 1:].float().numpy()
        weights = attention.mean(1) / attention.mean(1).sum(-1, keepdims=True)
    return Outcome(logits, weights, attention)
