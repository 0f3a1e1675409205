"""What the container holds is what the app needs: everything that a wheel ships, and the folder of static files."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_image_has_everything_that_a_wheel_ships():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    held = {line.split()[-1] for line in re.findall(r"^COPY (?!--from).*$", text, flags=re.M)} - {"./"} | {"app.py"}
    held |= {name for source, name in re.findall(r"ln -s (\S+) (\S+)", text) if source.split("/")[0] in held}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for target in shipped.values():
        name = target.removeprefix("e2viz/shipped/")
        assert any(name == each or name.startswith(f"{each}/") for each in held), f"{name} is not in the image"
