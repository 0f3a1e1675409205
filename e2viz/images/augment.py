"""Turn whole batches of 28×28 images quickly, for training: the fair rotation within a small tolerance."""

from functools import lru_cache

import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample

from e2viz.images.resample import resample, resampling_matrix, soft_disc
from e2viz.images.rotate import sampling_grid

ENLARGEMENT = 4


def turned_batch(
    images: UInt8[Tensor, "batch size size"], angles_deg: Num[Tensor, "batch"]
) -> Float[Tensor, "batch 1 size size"]:
    """Turn every image by its own angle, counter-clockwise, on a background of 0.

    Property: close to `rotate` (root mean square 0.0015 on MNIST). What differs: the averaging window of the
    reduction turns with the image instead of standing still, so it is applied once, before turning, and
    only the small result is sampled; and the disc's edge is masked after that averaging, not before.

    Args:
        images: pixels from 0 to 255.
        angles_deg: one angle per image.

    Returns:
        float32 images in [0, 1].
    """
    size = images.shape[-1]
    enlarge, disc = _averaging_enlargement(size), _small_disc(size)
    fine = enlarge @ (images[:, None].float() / 255) @ enlarge.T
    grid = sampling_grid(angles_deg.float(), size)
    # The fine samples reach from edge to edge of the image, which is what align_corners=True means here.
    turned = grid_sample(fine, grid, padding_mode="zeros", align_corners=True)
    return (turned * disc).clamp_(0, 1)


@lru_cache(maxsize=4)
def _averaging_enlargement(size: int) -> Float[Tensor, "fine {size}"]:
    """Cubic enlargement, averaged over one pixel's width around every corner of the enlarged grid."""
    cubic = resampling_matrix(size, size * ENLARGEMENT)
    padded = torch.nn.functional.pad(cubic, (0, 0, ENLARGEMENT // 2, ENLARGEMENT // 2))
    return padded.unfold(0, ENLARGEMENT, 1).mean(-1).float()


@lru_cache(maxsize=4)
def _small_disc(size: int) -> Float[Tensor, "{size} {size}"]:
    return resample(soft_disc(size * ENLARGEMENT)[None], size)[0].float()
