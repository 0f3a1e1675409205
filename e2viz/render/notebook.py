"""A scene in a notebook: the offline player in a page of its own inside the cell, which asks nothing of any server.

Importing this module is what makes scenes do so; a scene itself knows no file format.
"""

import html
from dataclasses import replace

from e2viz.render.encode import encode
from e2viz.render.look import Look
from e2viz.render.scene import Scene


def in_notebook(scene: Scene) -> str:
    """The player as an HTML element, for the cell's output, light or dark as the reader prefers."""
    look = Look() if scene.recipe is None else scene.recipe.look
    made = encode(scene, "html", look=replace(look, theme="transparent")).decode("utf-8")
    # On a ground of its own: what colour the notebook has is not known inside the cell.
    page = html.escape(made.replace("</head>", "<style>:root{--page:Canvas}</style></head>", 1), quote=True)
    return (
        f'<iframe srcdoc="{page}" title="{html.escape(scene.title, quote=True)}" width="100%" height="760" '
        'sandbox="allow-scripts allow-downloads" style="border:0"></iframe>'
    )


Scene._in_notebook = staticmethod(in_notebook)
