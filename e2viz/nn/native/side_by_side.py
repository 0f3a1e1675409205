"""Small images of a batch side by side in each row, so that they fill the packs of pixels that the kernel works on.

Apart by as many columns as a window reaches to one side, which the kernel leaves out of every softmax: no window sees
two images.
"""

from dataclasses import dataclass

from torch import Tensor

MOST_PACKS = 4  # in a row: all rows that a window needs stay in cache


@dataclass(frozen=True)
class Rows:
    """How the maps [batch depth head element height width] of a layer are laid side by side."""

    batch: int
    width: int
    images: int  # in a row
    gap: int

    @property
    def image_width(self) -> int:
        """As the kernel wants to know it: 0 where each image has its own rows."""
        return self.width if self.images > 1 else 0

    def join(self, maps: Tensor) -> Tensor:
        """The maps of a row's images as one, contiguous; zero between them and where the batch does not go round."""
        if self.images == 1:
            return maps.contiguous()
        rows = -(-self.batch // self.images)
        joined = maps.new_zeros(rows, *maps.shape[1:-1], self.images * self.width + (self.images - 1) * self.gap)
        for place in range(self.images):
            of_place = maps[place * rows : (place + 1) * rows]
            self._of(joined, place)[: len(of_place)] = of_place
        return joined

    def part(self, joined: Tensor) -> Tensor:
        """Back from `join`."""
        if self.images == 1:
            return joined
        maps = joined.new_empty(self.batch, *joined.shape[1:-1], self.width)
        rows = len(joined)
        for place in range(self.images):
            of_place = maps[place * rows : (place + 1) * rows]
            of_place[:] = self._of(joined, place)[: len(of_place)]
        return maps

    def _of(self, joined: Tensor, place: int) -> Tensor:
        return joined.narrow(-1, place * (self.width + self.gap), self.width)


def fewest_packs(batch: int, width: int, window: int, lanes: int) -> int:
    """How many images in a row make the fewest packs of a batch; of as many packs, the shortest row.

    Args:
        batch: images.
        width: of each, in pixels.
        window: side of the window in pixels.
        lanes: pixels in a pack.
    """

    def packs(images: int) -> int:
        return -(-(images * width + (images - 1) * (window // 2)) // lanes)

    fitting = [images for images in range(1, max(batch, 1) + 1) if images == 1 or packs(images) <= MOST_PACKS]
    return min(fitting, key=lambda images: -(-batch // images) * packs(images))
