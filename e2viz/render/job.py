"""One file to be made: the scene, how it looks, and who is told how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image

from e2viz.render.draw import draw
from e2viz.render.layout import lay_out
from e2viz.render.look import MAX_PIXELS, MAX_WORK, Look
from e2viz.render.scene import AnyRecipe, Scene
from e2viz.render.timeline import Moment, moments

Progress = Callable[[int, int], None]


def untold(done: int, total: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True, eq=False)
class Job:
    """A scene on its way into a file.

    Args:
        scene: what is shown.
        look: how.
        progress: called with the frames done and the frames in all; may raise to cancel.
    """

    scene: Scene
    look: Look
    progress: Progress = untold

    @cached_property
    def recipe(self) -> AnyRecipe | None:
        """What the file carries: the scene's recipe with this look."""
        recipe = self.scene.recipe
        return None if recipe is None else replace(recipe, look=self.look)

    @cached_property
    def recipe_text(self) -> str:
        """The recipe as one line of ASCII JSON; "" without one."""
        return "" if self.recipe is None else self.recipe.to_json()

    @cached_property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the pictures.

        Raises:
            ValueError: more pixels than may be drawn.
        """
        sheet = lay_out(self.scene, self.look.width)
        size = (round(sheet.width * self.look.scale), round(sheet.height * self.look.scale))
        if size[0] * size[1] > MAX_PIXELS:
            raise ValueError(f"a picture must have at most {MAX_PIXELS:,} pixels, got {size[0]:,} x {size[1]:,}")
        return size

    @cached_property
    def moments(self) -> list[Moment]:
        """The animation's frames and their time.

        Raises:
            ValueError: more frames and pixels than may be drawn.
        """
        played = moments(self.scene.angles_deg, self.look)
        width, height = self.size_px
        if len(played) * width * height > MAX_WORK:
            raise ValueError(
                f"an animation must have at most {MAX_WORK:,} pixels over all frames, "
                f"got {len(played)} frames of {width:,} x {height:,}; make it narrower or show fewer angles"
            )
        return played

    @property
    def turn_s(self) -> float:
        """How long a player takes for all angles."""
        return self.scene.frames / float(self.look.fps)

    @property
    def still_frame(self) -> int:
        """The frame nearest to the angle of a still, round the circle."""
        away = [abs((float(angle) - self.look.angle_deg + 180) % 360 - 180) for angle in self.scene.angles_deg]
        return min(range(len(away)), key=away.__getitem__)

    def still(self) -> Image.Image:
        """The picture of one moment."""
        assert self.size_px
        return draw(self.scene, self.still_frame, **self.look.drawing)

    def frames(self) -> Iterator[Image.Image]:
        """The pictures of the animation; progress is told after each."""
        total = len(self.moments)
        for done, moment in enumerate(self.moments, start=1):
            yield draw(self.scene, moment.frame, **self.look.drawing)
            self.progress(done, total)
