"""Every architecture, one a file; ``e2viz.architectures`` lists them, and ``build`` makes one by its name."""

from e2viz.models.by_name import build as build
from e2viz.models.by_name import configured as configured
