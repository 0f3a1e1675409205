"""A small scene with a bit of everything, the same on every machine."""

import numpy as np

from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Bars, Curve, Panel, Ring, Row, Scene

MODELS = ("ge_vit_p4.rotmnist", "vit.mnist")


def sample_scene(frames: int = 12, *, rows: bool = True, bars: bool = True) -> Scene:
    """A bar that turns; the first model always says 1, the second one follows the angle."""
    angles_deg = np.arange(frames) * 360.0 / frames
    at = np.arange(28) - 13.5
    across, up = np.meshgrid(at, -at)
    angle = np.deg2rad(angles_deg)[:, None, None]
    along = across * np.sin(angle) - up * np.cos(angle)
    beside = across * np.cos(angle) + up * np.sin(angle)
    picture = np.exp(-((beside / 3) ** 2) - (np.clip(-along, -4, 9) - np.abs(along)) ** 2 / 20)
    steady = np.full((frames, 10), 0.02)
    steady[:, 1] = 0.82
    restless = np.full((frames, 10), 0.04)
    restless[np.arange(frames), np.arange(frames) * 10 // frames] = 0.64
    colors = model_colors(MODELS)
    both = tuple(zip(("GE-ViT p4", "ViT"), (colors[name] for name in MODELS), (steady, restless), strict=True))
    signed = beside / 19.1
    panels = (
        Panel.from_values("magnitude", picture, low=0, high=1, probe="blocks.0", marker=np.array([[14.0, 9.0]])),
        Panel.from_values("signed", signed, "diverging", symmetric=True, probe="blocks.1"),
    )
    return Scene(
        title="A sentence that says what to look for.",
        angles_deg=angles_deg,
        picture=Panel.from_values("picture", picture, "grey", low=0, high=1),
        rings=tuple(Ring.from_probability(*each) for each in both),
        bars=tuple(Bars(*each, tuple("0123456789")) for each in both) if bars else (),
        rows=(Row("GE-ViT p4", panels, colors[MODELS[0]]),) if rows else (),
        caption="Made for the tests.",
        recipe=Recipe(page="rotation", models=MODELS, picture="bar", angles=frames, settings={"probe": "blocks.0"}),
        curves=(Curve("ViT", colors[MODELS[1]], restless[:, 0], "probability of 0", dashed=True),),
    )
