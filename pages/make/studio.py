"""Compose a figure from parts of any page, fit it to a size, and make its file."""

from dataclasses import replace

import streamlit as st

from e2viz import scenes
from e2viz.render.budget import BUDGETS, Fitted, fitted, sized
from e2viz.render.draw import draw
from e2viz.render.figure import Cell, Figure
from e2viz.render.formats import FORMATS
from e2viz.render.look import EASINGS, LOOPS, Look
from e2viz.render.parts import compose, parts_of
from e2viz.render.scene import Scene
from e2viz.ui.composing import edition, figure, keep_figure, keep_scene, scenes_kept, set_figure
from e2viz.ui.computing import compute
from e2viz.ui.encoding import making
from e2viz.ui.export import file_name
from e2viz.ui.page import answered
from e2viz.ui.state import current

LOOP_WORDS = {"loop": "loop", "back": "there and back", "once": "once"}
EASING_WORDS = {"linear": "even", "smooth": "smooth", "quarters": "pause at quarters"}
LINK = "figure"
LAST_DEG = 0.5


def starting_figure() -> Figure:
    """What the studio shows before anything was added: the dial, what the models say, and their bars."""
    recipe = current().recipe("rotation")
    parts = (("dial", 1), ("chart:0", 1), ("bars", 2))
    cells = tuple(Cell(recipe=recipe, part=part, columns=columns) for part, columns in parts)
    return Figure(cells=cells, title="One picture, turned once round")


def from_link() -> None:
    """Take the figure of the address bar, once."""
    text = st.query_params.get(LINK, "")
    if text and st.session_state.get("_figure_link") != text:
        st.session_state["_figure_link"] = text
        set_figure(Figure.from_link(text))


def views_made(now: Figure) -> bool:
    """Make the views that no page of this session has made; False when the reader stopped it."""
    for recipe in dict.fromkeys(cell.recipe for cell in now.cells):
        if recipe not in scenes_kept():
            made = compute(recipe.to_json(), lambda progress, recipe=recipe: scenes.make(recipe))
            if made is None:
                return False
            keep_scene(recipe, made, {cell.recipe for cell in now.cells})
    return True


def arrange(now: Figure, scene: Scene) -> Figure:
    """The words and places of the cells."""
    mark = edition()
    cells = list(now.cells)
    for place, (cell, placed) in enumerate(zip(now.cells, scene.cells, strict=True)):
        known = parts_of(scenes_kept()[cell.recipe])
        with st.expander(f"{place + 1} · {cell.title or placed.title or known[cell.part]}"[:60]):
            title = st.text_input("Title", cell.title, key=f"title_{mark}_{place}", max_chars=120)
            caption = st.text_input("Caption", cell.caption, key=f"caption_{mark}_{place}", max_chars=300)
            wide = st.segmented_control(
                "Columns", range(1, now.columns + 1), default=min(cell.columns, now.columns), required=True,
                key=f"wide_{mark}_{place}",
            )  # fmt: skip
            cells[place] = replace(cell, title=title, caption=caption, columns=int(wide))
            left, middle, right = st.columns(3)
            left.button("Up", key=f"up_{mark}_{place}", disabled=not place, on_click=move, args=(place, -1))
            last = place == len(cells) - 1
            middle.button("Down", key=f"down_{mark}_{place}", disabled=last, on_click=move, args=(place, 1))
            right.button("Remove", key=f"remove_{mark}_{place}", on_click=move, args=(place, 0))
    return replace(now, cells=tuple(cells))


def move(place: int, by: int) -> None:
    """Move a cell up or down, or take it out."""
    cells = list(figure().cells)
    cell = cells.pop(place)
    if by:
        cells.insert(place + by, cell)
    set_figure(replace(figure(), cells=tuple(cells)))


def choose(now: Figure) -> Figure:
    """Words, grid and look of the whole."""
    mark = edition()
    title = st.text_input("Title of the figure", now.title, key=f"figure_title_{mark}", max_chars=200)
    caption = st.text_area("Caption of the figure", now.caption, key=f"figure_caption_{mark}", max_chars=500, height=80)
    columns = st.segmented_control(
        "Columns of the grid", range(1, 5), default=now.columns, required=True, key=f"figure_columns_{mark}"
    )
    budget = st.selectbox(
        "Size", list(BUDGETS), index=list(BUDGETS).index(now.budget if now.budget in BUDGETS else ""),
        format_func=lambda name: BUDGETS[name].title, key=f"figure_budget_{mark}",
    )  # fmt: skip
    theme = st.segmented_control(
        "Background", ("light", "dark", "transparent"), default=now.look.theme, required=True, key=f"theme_{mark}"
    )
    color_bars = st.toggle("Colour bars", now.color_bars, key=f"color_bars_{mark}")
    look = now.look
    with st.expander("Size, speed and rests"):
        width = st.slider("Width, pixels", 300, 2000, look.width, 20, key=f"width_{mark}")
        scale = st.segmented_control(
            "Pixels for each of these",
            (1, 2, 3, 4),
            default=max(1, round(look.scale)),
            required=True,
            key=f"scale_{mark}",
        )
        fps = st.slider("Angles a second", 1, 50, round(min(max(look.fps, 1), 50)), key=f"fps_{mark}")
        loop = st.segmented_control(
            "Plays", LOOPS, default=look.loop, required=True, format_func=LOOP_WORDS.__getitem__, key=f"loop_{mark}"
        )
        easing = st.segmented_control(
            "Pace", list(EASINGS), default=look.easing, required=True, format_func=EASING_WORDS.__getitem__,
            key=f"easing_{mark}",
        )  # fmt: skip
        hold = st.slider("Rest at quarter turns, seconds", 0.0, 3.0, float(look.hold_s), 0.1, key=f"hold_{mark}")
        start, last = st.slider("Angles", 0, 360, (int(look.start_deg), int(look.end_deg)), 5, key=f"range_{mark}")
    # A turn ends before its last angle; the last one of a range is shown, and rests there.
    end = look.end_deg if last == int(look.end_deg) else min(last + LAST_DEG, 360)
    if end <= start:
        end = start + LAST_DEG
    look = Look(
        width=width, scale=scale, theme=theme, fps=fps, loop=loop, easing=easing, hold_s=hold, start_deg=start,
        end_deg=end, angle_deg=look.angle_deg,
    )  # fmt: skip
    words = {"title": title, "caption": caption, "columns": int(columns)}
    return replace(now, budget=budget, color_bars=color_bars, height=BUDGETS[budget].height, look=look, **words)


def preview(scene: Scene, now: Figure) -> Figure:
    """One moment, drawn by what draws the files."""
    look = sized(now.look, BUDGETS[now.budget])
    frame = 0
    if scene.frames > 1:
        angles = [f"{angle:g}°" for angle in scene.angles_deg]
        chosen = st.select_slider(
            "Moment", angles, value=angles[0], key=f"moment_{edition()}", label_visibility="collapsed"
        )
        frame = angles.index(chosen)
    image = draw(scene, frame, **(look.drawing | {"scale": min(look.scale, 2)}))
    st.image(image, width="stretch", alt=now.title or "The figure")
    return replace(now, look=replace(now.look, angle_deg=float(scene.angles_deg[frame])))


def make_file(scene: Scene, now: Figure) -> None:
    """Choose a format, make the file with progress and a way to stop, and hand it out."""
    offered = [name for name, each in FORMATS.items() if each.clear or now.look.theme != "transparent"]
    format = st.pills(
        "File", offered, default="gif", required=True, format_func=lambda name: FORMATS[name].title,
        key=f"studio_format_{now.look.theme == 'transparent'}", wrap=True,
    )  # fmt: skip
    key = (now.to_json(), format)
    if st.button("Make the file", type="primary"):
        st.session_state["_studio_wanted"] = key
    if st.session_state.get("_studio_wanted") == key and st.session_state.get("_studio_made", (None,))[0] != key:
        made = making(lambda told: fitted(scene, format, now.look, BUDGETS[now.budget], told), key="studio")
        st.session_state.pop("_studio_wanted", None)
        if made is not None:
            st.session_state["_studio_made"] = (key, made)
    held = st.session_state.get("_studio_made")
    if held is not None and held[0] == key:
        hand_out(held[1], scene, format)


def hand_out(made: Fitted, scene: Scene, format: str) -> None:
    """The file itself, and what was done to make it fit."""
    st.success(made.words, icon=None)
    each = FORMATS[format]
    name = file_name(scene, format, 0)
    st.download_button(f"Download {each.title}", made.content, name, each.mime, on_click="ignore", type="primary")
    if format == "mp4":
        st.video(made.content, loop=True, autoplay=True, muted=True)
    elif format in ("gif", "webp", "apng"):
        with st.expander("The file, playing"):
            st.image(made.content, width="stretch", alt="the file that was made")


with answered():
    from_link()
    now = figure() if figure().cells else starting_figure()
    st.subheader("Compose a figure: “Add to figure” on any page brings its parts here.", anchor=False)
    canvas, controls = st.columns([3, 2], gap="large")
    with controls:
        now = choose(now)
    if not views_made(now):
        st.stop()
    scene = compose(now, scenes.make, scenes_kept())
    with controls:
        now = arrange(now, scene)
        if figure().cells:
            st.button("Start over", on_click=set_figure, args=(Figure(),))
    scene = compose(now, scenes.make, scenes_kept())
    with canvas:
        now = preview(scene, now)
        make_file(replace(scene, recipe=now), now)
        st.download_button(
            "Recipe", now.to_json(), "figure.json", "application/json", on_click="ignore",
            help="`e2viz render figure.json -o figure.gif` makes the same file.",
        )  # fmt: skip
    if figure().cells:
        keep_figure(now)
        link = now.to_link()
        if link and st.query_params.get(LINK) != link:
            st.session_state["_figure_link"] = link
            st.query_params[LINK] = link
