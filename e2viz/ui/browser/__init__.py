"""Scripts and styles of the components, read as text: Streamlit takes a single line for a path."""

from pathlib import Path

_HERE = Path(__file__).parent


def source(*names: str) -> str:
    """The files joined in this order, as one module or one style sheet.

    Raises:
        LookupError: a file that is not shipped.
    """
    missing = [name for name in names if not (_HERE / name).is_file()]
    if missing:
        raise LookupError(f"no such browser source: {', '.join(missing)}")
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
