"""Take a model away: one ONNX file that runs anywhere, the mended model with its views and combination inside."""

from __future__ import annotations

import io
import json
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.foreign.network import ForeignNetwork
from e2viz.foreign.process import check_available
from e2viz.models.methods import ON_EMBEDDINGS, ON_LOGITS
from e2viz.models.post_hoc import PostHoc, parts_of
from e2viz.nn.canonicalisation import exact_part
from e2viz.zoo.weights import Model, WeightsError
from e2viz.zoo.wrapped import wrap

OPSET = 18
TRACED_BATCH = 3
_ONE_AT_A_TIME = threading.Lock()  # torch's exporter keeps its state in globals


class _Prepared(nn.Module):
    """A part of a model behind its preparation: it takes upright images in [0, 1].

    Args:
        model: whose preparation it is.
        part: of images, or of all views of them, as the model sees them.
        oriented: whether the images stand as the model takes them already.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Model, part: Any, *, oriented: bool = False) -> None:
        super().__init__()
        self.network = model.network
        self.part = part
        self.transposed = not oriented and _transposed(model)
        mean, std = (torch.tensor(values)[:, None, None] for values in (model.card.mean, model.card.std))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Float[Tensor, "batch *view channel height width"]) -> Float[Tensor, "batch features"]:
        oriented = images.transpose(-1, -2) if self.transposed else images
        return self.part((oriented - self.mean) / self.std)


class _Part(nn.Module):
    """A function of one tensor as a module, with the modules that it calls."""

    def __init__(self, part: Any, calls: nn.Module | None = None) -> None:
        super().__init__()
        self.part, self.calls = part, calls

    def forward(self, given: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch features"]:
        return self.part(given)


def export(model: Model) -> bytes:
    """One ONNX file that gives what the model gives.

    A model of the catalogue takes upright images in [0, 1]: its normalisation and orientation are inside. A person's
    own takes images as its file did. A mended one holds every view of the image, exact for quarter turns and mirror
    images and by GridSample in between, the model, and the combination.

    Raises:
        WeightsError: if it cannot be said in ONNX, with the reason.
    """
    check_available()
    network = model.network
    if isinstance(network, PostHoc):
        return _mended(model, network)
    if isinstance(network, ForeignNetwork):
        return network.process.dressed(metadata_of(model))
    import onnx

    data, _ = _traced(_Prepared(model, network), _image(model))
    held = onnx.load_model_from_string(data)
    onnx.helper.set_model_props(held, metadata_of(model, prepared=True))
    return held.SerializeToString()


def mend(model: Model, method: str, group: str) -> Model:
    """A model made equivariant after the fact, as a model; the one that was given stays as it is.

    Args:
        model: of the catalogue, or a person's own.
        method, group: as ``e2viz.make_equivariant`` takes them.
    """
    return wrap(model, method, group)


def export_onnx(model: Model, path: str | os.PathLike[str]) -> Path:
    """Write a model as one ONNX file: see ``export``.

    Raises:
        WeightsError: if it cannot be said in ONNX.
    """
    target = Path(path)
    target.write_bytes(export(model))
    return target


def metadata_of(model: Model, *, prepared: bool = False) -> dict[str, str]:
    """What the file says about itself, as ``e2viz.open_model`` reads it.

    Args:
        model: what is exported.
        prepared: whether normalisation is inside the graph.
    """
    card = model.card
    mean, std = ([0.0] * card.channels, [1.0] * card.channels) if prepared else (list(card.mean), list(card.std))
    return {
        "class_names": json.dumps(list(card.class_names), ensure_ascii=False),
        "mean": json.dumps(mean),
        "std": json.dumps(std),
        "size": str(card.image_size),
        "e2viz_model": model.name,
        "e2viz_weights_sha256": card.weights_checksum,
    }


def _transposed(model: Model) -> bool:
    return model.card.orientation == "transposed"


def _canonicalised(model: Model, network: PostHoc) -> bytes:
    """Views, the network that says which of them stands upright, and the model on that one."""
    from e2viz.foreign.assembly import canonicalised, opset_of
    from e2viz.foreign.view_graph import views_model

    size, channels, classes = model.card.image_size, model.card.channels, len(model.card.class_names)
    inner, steps = network.wrapped, network.group.rotations // exact_part(network.group).rotations
    views = _image(model)[:, None].repeat(1, network.group.order, 1, 1, 1)

    def orientation(stack: Float[Tensor, "batch view channel size size"]) -> Float[Tensor, "batch view"]:
        return network.aggregate(stack[:, :steps])  # type: ignore[misc]

    if isinstance(inner, ForeignNetwork):
        opset = max(inner.process.facts["opset"], OPSET)
        return inner.process.canonicalised(
            {"classes": classes, "batch": inner.batch, "metadata": metadata_of(model)},
            views_model(network.group, channels, size, opset).SerializeToString(),
            _traced(_Part(orientation, network.aggregate), views)[0],
        )
    import onnx

    body, free = _traced(_Prepared(model, inner, oriented=True), _image(model))
    says, any_batch = _traced(_Prepared(model, orientation, oriented=True), views)
    whole = onnx.load_model_from_string(body)
    made = canonicalised(
        whole, views_model(network.group, channels, size, opset_of(whole)), onnx.load_model_from_string(says),
        classes=classes, layout="NCHW", dtype="float32", batch=None if free and any_batch else 1,
        transposed=_transposed(model), metadata=metadata_of(model, prepared=True),
    )  # fmt: skip
    return made.SerializeToString()


def _mended(model: Model, network: PostHoc) -> bytes:
    if network.canonicalises:
        return _canonicalised(model, network)
    from e2viz.foreign.assembly import mended, opset_of
    from e2viz.foreign.view_graph import views_model

    on_logits = network.method in ON_LOGITS
    size, channels, count = model.card.image_size, model.card.channels, network.group.order
    classes = len(model.card.class_names)
    inner = network.wrapped
    if isinstance(inner, ForeignNetwork):
        width = classes if on_logits else inner.head.width
        opset = max(inner.process.facts["opset"], OPSET)
        return inner.process.mended(
            {
                "on_logits": on_logits, "count": count, "width": width, "classes": classes, "scores": inner.scores,
                "batch": inner.batch, "metadata": metadata_of(model),
            },
            views_model(network.group, channels, size, opset).SerializeToString(),
            _combination(network, count, width),
        )  # fmt: skip
    import onnx

    embed, head = parts_of(inner)
    body, free = _traced(_Prepared(model, inner if on_logits else embed), _image(model))
    width = classes
    head_model = None
    if not on_logits:
        with torch.no_grad():
            width = int(_Prepared(model, embed)(_image(model)[:1]).shape[-1])
        head_model = onnx.load_model_from_string(_traced(_Part(head), torch.randn(TRACED_BATCH, width))[0])
    whole = onnx.load_model_from_string(body)
    made = mended(
        whole, head_model, views_model(network.group, channels, size, opset_of(whole)),
        onnx.load_model_from_string(_combination(network, count, width)), count=count, width=width, classes=classes,
        layout="NCHW", dtype="float32", batch=None if free else 1, scores="logits",
        metadata=metadata_of(model, prepared=True),
    )  # fmt: skip
    return made.SerializeToString()


def _combination(network: PostHoc, count: int, width: int) -> bytes:
    """From what was computed of each view to one of it, by the very function that is used here."""
    if network.method in ON_LOGITS:
        part: Any = ON_LOGITS[network.method]
    else:
        part = network.aggregate or ON_EMBEDDINGS[network.method]
    return _traced(_Part(part), torch.randn(TRACED_BATCH, count, width))[0]


def _image(model: Model) -> Float[Tensor, "batch channel size size"]:
    size, channels = model.card.image_size, model.card.channels
    return torch.rand(TRACED_BATCH, channels, size, size, generator=torch.Generator().manual_seed(0))


def _traced(module: nn.Module, given: Float[Tensor, "batch *shape"]) -> tuple[bytes, bool]:
    """The module as ONNX, checked against itself; and whether it takes any batch, or one at a time.

    Raises:
        WeightsError: if it cannot be traced, or gives something else than the module.
    """
    module = module.eval()
    fresh = torch.randn(given.shape[0] + 2, *given.shape[1:], generator=torch.Generator().manual_seed(1))
    if given.ndim >= 4:
        fresh = fresh.sigmoid()
    for free in (True, False):
        data = _exported(module, given if free else given[:1], free)
        tried = fresh if free else fresh[:1]
        with torch.no_grad():
            expected = module(tried).numpy()
        answer = _answered(data, tried.numpy())
        if answer is not None and answer.shape == expected.shape:
            scale = max(1.0, float(np.abs(expected).max()))
            if np.abs(answer - expected).max() <= 1e-4 * scale:
                return data, free
    raise WeightsError("The model gives something else once it is exported to ONNX, so that it is not handed out.")


def _exported(module: nn.Module, given: Tensor, free: bool) -> bytes:
    file: Any = io.BytesIO()  # torch's types know only paths, its exporter takes both
    axes = {"image": {0: "batch"}, "scores": {0: "batch"}} if free else None
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer warns of every size that it takes as it is; it is tried after
            torch.onnx.export(
                module, (given,), file, dynamo=False, opset_version=OPSET, input_names=["image"],
                output_names=["scores"], dynamic_axes=axes,
            )  # fmt: skip
    except (RuntimeError, ValueError, TypeError) as error:
        raise WeightsError(f"The model cannot be exported to ONNX: {str(error)[:300]}") from error
    return file.getvalue()


def _answered(data: bytes, given: np.ndarray) -> np.ndarray | None:
    """What the file gives here; None where it does not run for so many images."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: given})[0]
    except Exception:  # the runtime raises many kinds, none of them public
        return None
