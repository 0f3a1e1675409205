"""What models are called on screen, in which families and in which order."""

import re

from e2viz.architectures import ARCHITECTURES, architecture_of, row_of
from e2viz.data.data_set import DataSet
from e2viz.data.tasks import TASKS

# Families of models, as they are offered.
FAMILIES = {
    "yours": "Yours",
    "equivariant": "Equivariant by design",
    "plain": "Not equivariant",
    "wrapped": "Wrapped afterwards",
}
MOST_AT_A_GLANCE = 8


def label(name: str) -> str:
    """A model's name on screen: "ge_vit_p4.rotmnist" is "GE-ViT p4, rotMNIST".

    "vit.rotmnist+mean_c4" is "ViT + mean C4, rotMNIST".
    """
    base, wrapped, how = name.partition("+")
    if wrapped:
        model, _, data = label(base).partition(", ")
        method, _, group = how.rpartition("_")
        return ", ".join(filter(None, (f"{model} + {method.replace('_', ' ')} {group.upper()}", data)))
    architecture = architecture_of(name)
    model, _, tag = name.partition(".")
    group = model.removeprefix(architecture).strip("_") if architecture else model
    shown = ARCHITECTURES[architecture].title if architecture else ""
    first = " ".join(filter(None, (shown, group.replace("_", " "))))
    return ", ".join(filter(None, (first, TASKS[tag].short if tag in TASKS else tag)))


def short_labels(names: tuple[str, ...]) -> dict[str, str]:
    """The shortest names that still tell these models apart."""
    short = {name: label(name).partition(",")[0] for name in names}
    rows = {name: row_of(name) for name in names}
    architecture = {name: short[name] if row is None or row.wraps else row.title for name, row in rows.items()}
    for shorter in (architecture, short):
        if len(set(shorter.values())) == len(names):
            return shorter
    return {name: label(name) for name in names}


def chip(name: str) -> str:
    """Markdown of a model's chip, among others of its data set: its fixed colour and its name."""
    row = row_of(name)
    color = row.word if row else "gray"
    model, _, data = label(name).rpartition(", ")
    tag = name.partition("+")[0].partition(".")[2]
    return f":{color}[⬤] {model}, {TASKS[tag].brief}" if tag in TASKS and model else f":{color}[⬤] {label(name)}"


def in_order(names: list[str]) -> list[str]:
    """The models by architecture, in the order above, then by group or size, then by data, in the order above."""
    architectures, tags = list(ARCHITECTURES), list(TASKS)

    def place(name: str) -> tuple:
        architecture = architecture_of(name)
        model, _, tag = name.partition(".")
        known = tags.index(tag) if tag in tags else len(tags)
        first = architectures.index(architecture) if architecture else len(architectures)
        numbered = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", model)]  # 4px before 14px
        return first, numbered, known, tag

    return sorted(names, key=place)


def family(name: str) -> str:
    """A key of FAMILIES."""
    row = row_of(name)
    if row and row.wraps:
        return "wrapped"
    if name.endswith(".yours"):
        return "yours"
    return "equivariant" if row and row.equivariant else "plain"


def defaults(names: list[str], data: DataSet | None = None) -> tuple[str, ...]:
    """The models shown before anybody chose.

    Those that the data set names first, where they are there; else one that is equivariant and one that is not; else
    the first two.

    Args:
        names: the models there are for this data set.
        data: the data set.
    """
    wanted = tuple(name for name in (data.default_models if data else ()) if name in names)
    if wanted and data and len(wanted) == len(data.default_models):
        return wanted
    ordered = in_order(names)
    pair = [next((name for name in ordered if family(name) == each), None) for each in ("equivariant", "plain")]
    found = tuple(dict.fromkeys(name for name in (*wanted, *pair) if name is not None))[:2]
    return found if len(found) == 2 else tuple(dict.fromkeys((*found, *ordered)))[:2]


def at_a_glance(names: list[str], chosen: tuple[str, ...], data: DataSet | None = None) -> dict[str, list[str]]:
    """The few models that are offered without a click, by family: the chosen ones, a person's own, the default
    ones, then one or two of each architecture.

    Args:
        names: the models there are for this data set, and the wrapped ones.
        chosen: shown in any case.
        data: the data set.
    """
    ordered = in_order(names)
    first_of: dict[tuple[str, str], str] = {}
    for name in ordered:
        first_of.setdefault((architecture_of(name), name.partition(".")[2] if "+" in name else ""), name)
    own = [name for name in ordered if family(name) == "yours"]
    wanted = dict.fromkeys([*chosen, *own, *defaults(names, data), *first_of.values(), *ordered])
    most = max(MOST_AT_A_GLANCE, len(chosen))
    few = set([name for name in wanted if name in names or name in chosen][:most])
    shown = in_order(list(few))
    return {each: [name for name in shown if family(name) == each] for each in FAMILIES}
