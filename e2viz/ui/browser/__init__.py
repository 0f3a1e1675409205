"""Scripts and styles of the app's small components, read as text: Streamlit takes a single line for a path."""

from pathlib import Path

from e2viz.render.browser import joined


def source(*names: str) -> str:
    """The files joined in this order, as one module or one style sheet.

    Raises:
        LookupError: a file that is not shipped.
    """
    return joined(Path(__file__).parent, *names)
