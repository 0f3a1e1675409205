"""What models are called on screen, and in which order."""

import re

# Architecture -> (name on screen, colour word of Streamlit's Markdown; config.toml gives the words our colours).
ARCHITECTURES: dict[str, tuple[str, str]] = {
    "ge_vit": ("GE-ViT", "primary"),
    "patch_ge_vit": ("Patch GE-ViT", "green"),
    "hybrid": ("Hybrid", "green"),
    "gsa_net": ("GSA-Net", "violet"),
    "vit": ("ViT", "orange"),
    "post_hoc": ("Post-hoc", "blue"),
    "gcnn": ("G-CNN", "gray"),
    "cnn": ("CNN", "gray"),
}
DATA = {"rotmnist": "rotMNIST", "mnist": "MNIST", "rotmnist10": "rotMNIST 10 %", "fashion": "Fashion-MNIST"}
DEFAULT_MODELS = ("ge_vit_p4.rotmnist", "vit.mnist")


def architecture_of(name: str) -> str:
    """The architecture in "architecture_group.weights_tag"; "" for one that is not known here."""
    if "+" in name:
        return "post_hoc"
    fitting = [each for each in ARCHITECTURES if name == each or name.startswith((f"{each}_", f"{each}."))]
    return max(fitting, key=len, default="")


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
    shown = ARCHITECTURES[architecture][0] if architecture else ""
    first = " ".join(filter(None, (shown, group.replace("_", " "))))
    return ", ".join(filter(None, (first, DATA.get(tag, tag))))


def short_labels(names: tuple[str, ...]) -> dict[str, str]:
    """The shortest names that still tell these models apart."""
    short = {name: label(name).partition(",")[0] for name in names}
    architecture = {name: ARCHITECTURES.get(architecture_of(name), (short[name],))[0] for name in names}
    architecture |= {name: short[name] for name in names if "+" in name}
    for shorter in (architecture, short):
        if len(set(shorter.values())) == len(names):
            return shorter
    return {name: label(name) for name in names}


def chip(name: str) -> str:
    """Markdown of a model's chip: its fixed colour and its name."""
    color = ARCHITECTURES.get(architecture_of(name), ("", "gray"))[1]
    return f":{color}[⬤] {label(name)}"


def in_order(names: list[str]) -> list[str]:
    """The models by architecture, in the order above, then by group or size, then by data, in the order above."""
    architectures, data = list(ARCHITECTURES), list(DATA)

    def place(name: str) -> tuple:
        architecture = architecture_of(name)
        model, _, tag = name.partition(".")
        known = data.index(tag) if tag in DATA else len(data)
        first = architectures.index(architecture) if architecture else len(architectures)
        numbered = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", model)]  # 4px before 14px
        return first, numbered, known, tag

    return sorted(names, key=place)


def defaults(names: list[str]) -> tuple[str, ...]:
    """The models shown before anybody chose: the default pair, or the first two there are."""
    wanted = tuple(name for name in DEFAULT_MODELS if name in names)
    return wanted if len(wanted) == len(DEFAULT_MODELS) else tuple(in_order(names)[:2])
