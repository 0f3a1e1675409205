"""Scripts and styles of the player, read as text: the app's component and the offline file are made of the same."""

from pathlib import Path

_HERE = Path(__file__).parent
SCRIPTS = (
    "payload.js", "clock.js", "dial.js", "bars.js", "charts.js", "panels.js", "controls.js", "tip.js", "player.js",
)  # fmt: skip


def joined(folder: Path, *names: str) -> str:
    """The files joined in this order, as one module or one style sheet.

    Raises:
        LookupError: a file that is not shipped.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise LookupError(f"no such browser source: {', '.join(missing)}")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def source(*names: str) -> str:
    """The player's files joined in this order."""
    return joined(_HERE, *names)


def player_script() -> str:
    """The whole player as one module, which exports `show` as its default."""
    return source(*SCRIPTS)


def player_style() -> str:
    """The player's style sheet; it reads the page's colours and fonts from variables that begin with --st-."""
    return source("player.css")
