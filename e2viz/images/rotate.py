"""Turn pictures fairly: at high resolution, in [0, 1], inside a soft disc, exactly at quarter turns.

Rotating a small normalised image and filling the corners with 0 draws a grey wedge that no model was
trained on. The fair rotation works on the picture before normalising, so that only the picture moves.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor
from torch.nn.functional import grid_sample

from e2viz.images.picture import Picture
from e2viz.images.resample import kept_on, resample, round_values, soft_disc

MINIMUM_WORKING_SIZE = 112
GPU_CHUNK_VALUES = 30_000_000  # a GPU wants large pieces; some 1 GB
CHUNK_VALUES = 2_000_000  # at the working resolution; bounds memory to some 50 MB
KEPT_VIEWS = 16  # whole turns of one picture, some 6 MB each


def rotate(
    images: Float[Tensor, "*batch channel size size"],
    angle_deg: float | int | Num[Tensor, ""] | Num[Tensor, "angle"],
    *,
    size: int | None = None,
    background: float | int | tuple[float, ...] | Float[Tensor, "channel"] = 0.0,
    method: str = "fair",
    mean: float | int | Float[Tensor, "channel"] | None = None,
) -> Float[Tensor, "*out channel new_size new_size"]:
    """Rotate square images in [0, 1] about their exact centre, counter-clockwise.

    Property: a further 90 degrees is `torch.rot90` of the result, bit for bit, at every angle. At multiples
    of 90 degrees, turning or mirroring the input first gives the same bits too ("fair" only).

    Source: "naive" is what the published demo did, bilinear rotation of the normalised image filled with 0;
    computed here on [0, 1], where a normalised 0 is the mean.

    Args:
        images: one image, or a batch, in [0, 1].
        angle_deg: one angle; or one for each image of the batch; or several for a single image.
        size: side of the result in pixels; as the images when not given.
        background: what lies outside the disc, in [0, 1], one number or one per channel.
        method: "fair" or "naive".
        mean: what the model's normalisation subtracts, one number or one per channel; "naive" needs it.

    Returns:
        The turned images in [0, 1], same dtype. One image turned by several angles gains a batch axis.

    Raises:
        ValueError: an unknown method, no mean for the naive one, or angles that do not fit the batch.
    """
    if method not in ("fair", "naive"):
        raise ValueError(f'method must be "fair" or "naive", got "{method}"')
    if method == "naive" and mean is None:
        raise ValueError('method "naive" needs the mean that the normalisation subtracts, got none')
    batch = images if images.ndim == 4 else images[None]
    angles_deg = torch.as_tensor(angle_deg, dtype=torch.float64, device=images.device)
    keeps_single = images.ndim == 3 and angles_deg.ndim == 0
    if images.ndim == 4 and angles_deg.ndim == 1 and len(angles_deg) != len(batch):
        raise ValueError(f"angle_deg must hold one angle per image, got {len(angles_deg)} and {len(batch)}")
    angles_deg = angles_deg.expand(len(batch)) if angles_deg.ndim == 0 else angles_deg

    turn, fill = (_turn_fair, background) if method == "fair" else (_turn_naive, mean)
    size = size or images.shape[-1]
    fill = torch.as_tensor(fill, dtype=torch.float64, device=images.device).expand(batch.shape[1])[:, None, None]
    # Quarter turns rotate the array; only the rest, within 45 degrees, is ever interpolated.
    quarter_turns = torch.round(angles_deg / 90)
    rest_deg = angles_deg - 90 * quarter_turns
    # One picture through a whole turn has every rest four times.
    places = None
    if images.ndim == 3:
        rest_deg, places = torch.unique(rest_deg, return_inverse=True)
    most = CHUNK_VALUES if images.is_cpu else GPU_CHUNK_VALUES
    step = max(1, most // (batch.shape[1] * working_size(batch.shape[-1], size) ** 2))
    turned = images.new_empty(len(rest_deg), batch.shape[1], size, size)
    for start in range(0, len(rest_deg), step):
        chunk = slice(start, start + step)
        source = batch[chunk] if images.ndim == 4 else batch
        turned[chunk] = (fill + turn(source.double() - fill, rest_deg[chunk], size)).clamp(0, 1)
    turned = turned if places is None else turned[places]
    for quarters in (1, 2, 3):
        chosen = quarter_turns.long() % 4 == quarters
        turned[chosen] = turned[chosen].rot90(quarters, (-2, -1))
    return turned[0] if keeps_single else turned


def views(
    picture: Picture,
    angles_deg: Num[Tensor, "frame"],
    size: int,
    method: str = "fair",
    *,
    mean: float | int | Float[Tensor, "channel"] | None = None,
) -> Float[Tensor, "frame channel {size} {size}"]:
    """What a model of that input size sees when the picture is turned by each angle, in [0, 1].

    Args:
        picture: a square picture.
        angles_deg: counter-clockwise.
        size: side of the model's input in pixels.
        method: "fair" or "naive", see `rotate`.
        mean: the model's normalisation mean; "naive" needs it.
    """
    angles = tuple(torch.as_tensor(angles_deg, dtype=torch.float64).tolist())
    levels = () if mean is None else tuple(torch.as_tensor(mean, dtype=torch.float64).reshape(-1).tolist())
    return _kept_views(_ByContent(picture), angles, size, method, levels).clone()


class _ByContent:
    """A picture that equals another one of the same checksum."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.checksum = picture, picture.checksum

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByContent) and self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)


@lru_cache(maxsize=KEPT_VIEWS)
def _kept_views(
    held: _ByContent, angles_deg: tuple[float, ...], size: int, method: str, mean: tuple[float, ...]
) -> Float[Tensor, "frame channel {size} {size}"]:
    """Every panel of a page, and every page, asks for the same turns."""
    picture, angles = held.picture, torch.tensor(angles_deg, dtype=torch.float64)
    level = torch.tensor(mean, dtype=torch.float64) if mean else None
    return rotate(picture.values, angles, size=size, background=picture.background, method=method, mean=level)


def working_size(size: int, new_size: int) -> int:
    """Side at which an image is turned: at least 112 and twice the result, whole doublings of the image."""
    working = size
    while working < max(MINIMUM_WORKING_SIZE, 2 * new_size):
        working *= 2
    return working


def _turn_fair(
    images: Float64[Tensor, "source channel height width"], rest_deg: Float64[Tensor, "angle"], size: int
) -> Float64[Tensor, "angle channel {size} {size}"]:
    """Enlarge, turn, mask, reduce; the images hold differences from the background."""
    working = working_size(images.shape[-1], size)
    large = _turn_bilinear(resample(images, working), rest_deg)
    return resample(round_values(large * kept_on(large.device, soft_disc, working)), size)


def _turn_naive(
    images: Float64[Tensor, "source channel height width"], rest_deg: Float64[Tensor, "angle"], size: int
) -> Float64[Tensor, "angle channel {size} {size}"]:
    """Reduce, then turn the small image; what enters from outside is the normalised 0."""
    return _turn_bilinear(resample(images, size), rest_deg)


def _turn_bilinear(
    images: Float64[Tensor, "source channel height width"], rest_deg: Float64[Tensor, "angle"]
) -> Float64[Tensor, "angle channel height width"]:
    """Turn by each angle, zeros outside; an angle of exactly 0 leaves the image untouched."""
    images = images.expand(len(rest_deg), *images.shape[1:])
    moving = rest_deg != 0
    if not moving.any():
        return images
    # float32 halves the time; interpolated values need no exact sums.
    grid = sampling_grid(rest_deg[moving], images.shape[-1]).float()
    sampled = grid_sample(images[moving].float(), grid, padding_mode="zeros", align_corners=False)
    turned = images.clone()
    turned[moving] = sampled.double()
    return turned


def sampling_grid(angle_deg: Float[Tensor, "angle"], size: int) -> Float[Tensor, "angle {size} {size} 2"]:
    """Where each target pixel comes from when an image is turned counter-clockwise, as `grid_sample` reads it.

    The same points as torch's `affine_grid` without its matrix product, which took half the time of a turn.
    """
    angle = torch.deg2rad(angle_deg)[:, None, None]
    across = (torch.arange(size, dtype=angle_deg.dtype, device=angle_deg.device) * 2 + 1 - size) / size
    x, y = across[None, None, :], across[None, :, None]
    return torch.stack([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=-1)
