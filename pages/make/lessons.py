"""Lessons: predict, then see it measured on your own picture; also as a talk, by keyboard alone."""

import numpy as np
import streamlit as st

import e2viz
from e2viz import scenes
from e2viz.data import data_set
from e2viz.data.samples import first_samples, offered_names, sample
from e2viz.images.picture import Picture
from e2viz.kept.sweeps import stored_sweep
from e2viz.measure.sweep import Sweep, sweep
from e2viz.render.parts import only
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes import lesson_numbers, rotation
from e2viz.scenes.lesson import (
    Lesson,
    LessonError,
    Step,
    fill,
    lesson_files,
    pointers,
    read_lesson,
    wanted_numbers,
    without_gap,
)
from e2viz.scenes.lesson_guess import gap_of, with_guess, within_sentence
from e2viz.scenes.turning import turning_panel
from e2viz.ui.browser import source
from e2viz.ui.page import answered, whole_screen
from e2viz.ui.player import Options, player
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current

EIGHTHS = tuple(range(0, 360, 45))
FIRST = "why_does_a_vit_break"
_sketch = st.components.v2.component("e2viz.sketch", js=source("sketch.js"), css=source("sketch.css"))
_keys = st.components.v2.component("e2viz.keys", js=source("keys.js"))
_point = st.components.v2.component("e2viz.point", js=source("point.js"))
# Words that point at the figure look like what they are, and show when the figure points at them.
POINTERS = """<style>
.stMain .stMarkdown a[href^="#"] { color: inherit; text-decoration: underline dotted; text-underline-offset: 3px; }
.stMain .stMarkdown a[href^="#"].pointed-at { background: rgb(227 23 10 / 22%); border-radius: 3px; }
</style>"""
selection = current()


def swept(step: Step, picture: Picture) -> Sweep | None:
    """The sweep of the step's models: shipped, made before, or computed now; None when stopped."""
    models = [e2viz.load(name) for name in step.models]
    angles_deg = np.arange(72) * 5.0
    kept = stored_sweep(models, picture, angles_deg)
    if kept is not None:
        return kept
    key = repr(("lesson", [model.checksum for model in models], picture.checksum))
    return remembered(key, lambda progress: sweep(models, picture, angles_deg, progress=progress))


def numbers(step: Step, found: Sweep, picture: Picture) -> dict[str, str]:
    """Every number that the step's words quote, measured now."""
    models = {name: e2viz.load(name) for name in step.models}
    wanted = [asked for asked in wanted_numbers(step) if asked not in ("gap", "right")]
    return {asked: lesson_numbers.number_of(asked, found, picture, models) for asked in wanted}


def scene_of(step: Step, found: Sweep | None, picture: Picture, reference: str) -> Scene | None:
    """The view of the step, its parts alone; None when stopped."""
    recipe = Recipe(page=step.page, models=step.models, picture=reference, settings=step.settings)
    if step.page == "rotation" and found is not None:
        return only(rotation.compose(recipe, found, picture), step.parts)
    made = remembered(repr(("lesson", recipe.to_json())), lambda progress: scenes.make(recipe))
    return None if made is None else only(made, step.parts)


def picture_of(step: Step) -> tuple[Picture, str] | None:
    """The picture of a step and its reference; None where it must be of a kind that nobody has brought.

    The reader's own, where it is of the kind that the step or its models ask for; else a sample of that kind.
    """
    if step.picture:
        return sample(step.picture), step.picture
    kinds = lesson_numbers.kinds_of(step)
    if not kinds or selection.data in kinds:
        return selection.picture, selection.reference
    there = first_samples(kinds[0]) or offered_names(kinds[0])
    return (sample(there[0]), there[0]) if there else None


def say_sample(step: Step, reference: str) -> None:
    """One line where a sample turns instead of the reader's picture."""
    if not step.picture and reference != selection.reference:
        what = data_set(lesson_numbers.kinds_of(step)[0])
        st.caption(
            f"These models know {what.plural}, so a sample turns here. For one of your own, choose *{what.title}* "
            "under *What the picture is of* in the sidebar."
        )


def ask(step: Step, found: Sweep | None, known: dict[str, str], mark: str) -> tuple[bool, dict[str, str]]:
    """The question; returns whether it was answered, and what the answer is worth."""
    if step.ask == "nothing":
        return True, {}
    shown_key = f"{mark}_shown"
    shown = bool(st.session_state.get(shown_key))
    extra: dict[str, str] = {}
    ready = False
    if step.ask == "curve" and found is not None and shown:
        drawn = st.session_state.get(f"{mark}_drawn")  # now a line of the measured chart
        if drawn:
            extra["gap"] = gap_of(step, found, drawn)
    elif step.ask == "curve" and found is not None:
        upright = found.class_names(step.asked[0])[int(found.probability(step.asked[0])[0].argmax())]
        label = f"Your guess: how sure of “{upright}” at each angle"
        data = {"label": label, "values": st.session_state.get(f"{mark}_drawn"), "locked": False}
        state = _sketch(key=f"{mark}_sketch", default={"drawn": None}, on_drawn_change=lambda: None, data=data)
        drawn = state.get("drawn")
        if drawn:
            st.session_state[f"{mark}_drawn"] = drawn
            ready = True
    elif step.ask == "angles" and found is not None:
        chosen = st.pills(
            "They agree at", EIGHTHS, selection_mode="multi", format_func=lambda angle: f"{angle}°",
            key=f"{mark}_angles", disabled=shown,
        )  # fmt: skip
        same = lesson_numbers.agreeing(found, *step.asked)
        truth = {angle for angle in EIGHTHS if same[lesson_numbers.frame_at(found.angles_deg, angle)]}
        right = len(EIGHTHS) - len(truth ^ set(chosen))
        extra["right"] = f"You are right about {right} of {len(EIGHTHS)} angles." if chosen else ""
        ready = bool(chosen)
    elif step.ask == "choice":
        chosen = st.radio("What do you expect?", step.options, index=None, key=f"{mark}_choice", disabled=shown)
        answer = fill(step.answer, known)
        if answer:
            extra["right"] = "As you said." if chosen == answer else f"It is: {within_sentence(answer)}."
        ready = chosen is not None
    elif step.ask == "find" and found is not None:
        shown = find(step, found, mark)
    if shown:
        st.button("Take it back", key=f"{mark}_undo", on_click=take_back, args=(mark,), type="tertiary")
        return True, extra
    with st.container(horizontal=True, vertical_alignment="center"):
        reveal = {"on_click": st.session_state.__setitem__, "args": (shown_key, True)}
        if step.ask != "find":
            st.button("Show me", key=f"{mark}_go", type="primary", disabled=not ready, **reveal)
        if not ready:
            st.button("Show me without an answer", key=f"{mark}_skip", type="tertiary", **reveal)
    return False, extra


def take_back(mark: str) -> None:
    """Forget what was answered in this step; the dial goes back to upright."""
    for key in [key for key in st.session_state if mark in str(key)]:
        del st.session_state[key]


def find(step: Step, found: Sweep, mark: str) -> bool:
    """True once the dial stands, or stood, at an angle where the model's answer is another than upright."""
    answers = found.probability(step.asked[0]).argmax(axis=1)
    if (answers == answers[0]).all():
        st.info("On this picture it never changes its answer. Take another picture, or go on.", icon=None)
        return True
    frame = (st.session_state.get(f"lesson_{mark}") or {}).get("frame")
    if frame is not None and answers[min(int(frame), len(answers) - 1)] != answers[0]:
        st.session_state[f"{mark}_shown"] = True
    return bool(st.session_state.get(f"{mark}_shown"))


def at_rest(step: Step, picture: Picture, mark: str) -> None:
    """The picture as it stands, where the answer will be."""
    still = Scene("", np.zeros(1), picture=turning_panel(picture, step.models, np.zeros(1)))
    player(still, key=f"rest_{mark}", options=Options(presenter=presenting or selection.presenter))
    st.caption("What is measured stands here when you have said what you expect.")


def show_step(lesson: Lesson, number: int) -> bool:
    """Words on the left, the view on the right; returns whether the step is done.

    Before the answer the picture stands still: nothing that was measured is given away.
    """
    step = lesson.steps[number]
    mark = mark_of(lesson, number)
    words, figure = st.columns([2, 3], gap="large")
    brought = picture_of(step)
    if brought is None:
        with words:
            st.subheader(f"{number + 1}. {step.title}", anchor=False)
            what = data_set(step.data)
            st.markdown(
                f"This step looks at one of your own {what.plural}. Choose *{what.title}* under *What the picture is "
                "of* in the sidebar and upload one, or start the app with `--data DIR` on a folder that holds some. "
                "Or go on without it."
            )
        return True
    picture, reference = brought
    found = swept(step, picture) if step.models else None
    if step.models and found is None:
        return False
    known = numbers(step, found, picture) if found is not None else {}
    with words:
        st.subheader(f"{number + 1}. {step.title}", anchor=False)
        say_sample(step, reference)
        st.markdown(fill(step.words, known))
        done, extra = ask(step, found, known, mark)
        if done and step.reveal:
            reveal = step.reveal if "gap" in extra else without_gap(step.reveal)
            st.markdown(fill(reveal, known | {"right": ""} | extra))
    with figure:
        if not done and step.ask not in ("find", "nothing"):
            at_rest(step, picture, mark)
            return False
        scene = scene_of(step, found, picture, reference)
        if scene is not None:
            scene = with_guess(scene, st.session_state.get(f"{mark}_drawn") if step.ask == "curve" else None)
            options = Options(
                presenter=presenting or selection.presenter, report_frame=True, autoplay=step.ask != "find"
            )
            player(scene, key=f"lesson_{mark}", options=options)
            _point(key=f"point_{mark}", data={"places": pointers(step)})
    return done


def mark_of(lesson: Lesson, number: int) -> str:
    """What every key of a step's state begins with; steps count from 0."""
    return f"lesson_{lesson.name}_{number}:"


def go_on(lesson: Lesson, number: int) -> None:
    """By keyboard: show the answer of a step, and only then the next one."""
    mark = mark_of(lesson, number - 1)
    if st.session_state.get("_lesson_open") == mark:
        st.session_state[f"{mark}_shown"] = True
    else:
        move(lesson, number + 1)


def readable() -> dict[str, Lesson]:
    """The lessons by name; what is wrong with a file is said with its line, and the others are there."""
    found = {}
    for name, path in lesson_files().items():
        try:
            found[name] = read_lesson(path)
        except LessonError as error:
            st.error(f"This lesson cannot be read. {error}.")
    return found


def move(lesson: Lesson, number: int) -> None:
    """Go to another step, in the address bar too."""
    st.query_params["step"] = str(min(max(number, 1), len(lesson.steps)))


with answered():
    lessons = readable()
    asked = st.query_params.get("lesson", "")
    name = asked if asked in lessons else FIRST if FIRST in lessons else next(iter(lessons))
    text = st.query_params.get("step", "1")
    presenting = st.query_params.get("talk") == "true"
    if not presenting:
        chosen = st.segmented_control(
            "Lesson", sorted(lessons, key=lambda name: name != FIRST), default=name, required=True,
            format_func=lambda name: lessons[name].title, label_visibility="collapsed",
        )  # fmt: skip
        if chosen != name:
            st.query_params["lesson"], st.query_params["step"] = chosen, "1"
            st.rerun()
    lesson = lessons[name]
    number = min(max(int(text), 1), len(lesson.steps)) if text.isdecimal() and len(text) < 4 else 1
    if presenting:
        whole_screen()
    st.html(POINTERS)
    go = _keys(key="lesson_keys", on_go_change=lambda: None).get("go")
    if go == "next":
        go_on(lesson, number)
        st.rerun()
    if go == "previous":
        move(lesson, number - 1)
        st.rerun()
    if go == "leave" and presenting:
        del st.query_params["talk"]
        st.rerun()
    done = show_step(lesson, number - 1)
    st.session_state["_lesson_open"] = "" if done else mark_of(lesson, number - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Back", disabled=number == 1, on_click=move, args=(lesson, number - 1))
        last = number == len(lesson.steps)
        st.button(
            "Next", disabled=last or not done, on_click=move, args=(lesson, number + 1),
            type="primary" if done else "secondary", help=None if done else "When you have said what you expect.",
        )  # fmt: skip
        st.caption(f"Step {number} of {len(lesson.steps)}. Page Down and Page Up turn the steps.")
        if not presenting:
            st.button(
                "Present", on_click=st.query_params.__setitem__, args=("talk", "true"),
                help="Large type, no sidebar, by keyboard: Page Down shows the answer and goes on, Page Up goes back, "
                "1 to 9 point at a part, Escape ends it.",
            )  # fmt: skip
