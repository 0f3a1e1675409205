"""The command line: what it prints, and that mistakes end in one sentence rather than a traceback."""

import json
import os
import subprocess
import sys

import pytest

from e2viz import cli, places
from e2viz.commands import catalogue as commands
from e2viz.zoo import catalogue


def run(capsys, *words):
    code = cli.main(list(words))
    output = capsys.readouterr()
    return code, output.out, output.err


@pytest.mark.parametrize(
    "words,message",
    [
        (("train", "vit.rotmnits"), "no recipe is called 'vit.rotmnits'; nearest: vit.rotmnist"),
        (("evaluate", "vit.nothing"), "no model is called 'vit.nothing'"),
        (("check", "vit.nothing"), "no model is called 'vit.nothing'"),
        (("data", "--data", "nowhere"), "never downloads"),
        (("train", "vit.mnits+learned_attention_c4"), "no model is called 'vit.mnits'"),
        (("train", "vit.mnist+mean_c4"), "a method of learned"),
        (("tables", "--settings", "imagenet"), "no setting is called 'imagenet'; there are rotmnist"),
        (("make", "results", "--page", "orbit"), "no shipped page is called 'orbit'; there are "),
    ],
)
def test_mistakes_end_in_one_sentence(capsys, words, message):
    code, out, err = run(capsys, *words)
    assert code == 1 and out == ""
    assert err.startswith("e2viz: ") and message in err and "Traceback" not in err


def test_models_lists_every_card(capsys):
    code, out, _ = run(capsys, "models")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == catalogue.list_models()


def test_the_table_is_written_between_its_marks(capsys, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- models -->\nold\n<!-- /models -->\nafter\n")
    assert run(capsys, "models", "--write", str(readme))[0] == 0
    _, table, _ = run(capsys, "models", "--markdown")
    assert readme.read_text() == f"before\n<!-- models -->\n{table}<!-- /models -->\nafter\n"


def test_a_file_without_marks_is_left_alone(capsys, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no table here")
    code, _, err = run(capsys, "models", "--write", str(readme))
    assert code == 1 and "<!-- models -->" in err and readme.read_text() == "no table here"


def test_the_readme_agrees_with_the_cards():
    readme = places.ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if commands.TABLE_START not in text:
        pytest.skip("README.md has no table of models yet")
    table = text.partition(commands.TABLE_START)[2].partition(commands.TABLE_END)[0].strip()
    assert table == catalogue.markdown_table(), "run python -m e2viz models --write README.md"


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.list_models())
def test_every_shipped_model_passes_its_check(capsys, name):
    code, out, _ = run(capsys, "check", name, "--json")
    assert code == 0, out
    assert json.loads(out)[0]["name"] == name


def test_weights_and_assets_fit_into_a_package():
    """A wheel must stay below the 100 MB that package indexes accept, with room for what is still to be trained."""
    shipped = [*places.WEIGHTS.rglob("*"), *places.ASSETS.rglob("*")]
    assert sum(path.stat().st_size for path in shipped if path.is_file()) < 80e6


def test_what_no_command_takes_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["models", "--server.port", "8502"])
    assert ended.value.code == 2 and "unrecognized arguments: --server.port 8502" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [[], ["app"], ["--server.port", "8502"], ["--theme.base=dark"], ["app", "--server.port", "8502"]],
)
def test_without_a_command_the_app_is_opened(monkeypatch, words):
    from streamlit.web import cli as streamlit

    opened = []
    monkeypatch.setattr(sys, "argv", ["e2viz", *words])
    monkeypatch.setattr(streamlit, "main", lambda: opened.extend(sys.argv) or 0)
    assert cli.main() == 0
    assert opened == ["streamlit", "run", str(places.APP), *[word for word in words if word != "app"]]


def test_help_answers_at_once_and_names_every_command():
    """The rule is 0.3 s: of processor time, the best of five, since other programs take their share of a clock's."""
    command, best = [sys.executable, "-m", "e2viz", "--help"], float("inf")
    for _ in range(5):
        before = os.times()
        text = subprocess.run(command, capture_output=True, text=True, cwd=places.ROOT, check=True).stdout
        after = os.times()
        best = min(best, after.children_user + after.children_system - before.children_user - before.children_system)
    for name in ("app", "models", "check", "evaluate", "render", "data", "train", "train-all", "pack", "make"):
        assert f"\n    {name}" in text, name
    assert best < 0.3


def test_no_module_but_the_command_line_reads_arguments():
    for path in (places.ROOT / "e2viz").rglob("*.py"):
        if path.parent.name != "commands" and path.name not in ("cli.py", "__main__.py"):
            text = path.read_text(encoding="utf-8")
            assert "argparse" not in text, f"{path} has a command line of its own"


def test_nothing_is_said_when_the_reader_leaves():
    done = subprocess.run(
        f"{sys.executable} -m e2viz models | head -c 1", shell=True, capture_output=True, text=True, cwd=places.ROOT
    )
    assert done.stderr == ""


def test_the_icon_is_drawn_in_every_size(tmp_path):
    from PIL import Image

    from e2viz.scenes import icon

    icon.write(tmp_path)
    for name, side in icon.SIZES.items():
        with Image.open(tmp_path / name) as image:
            assert image.size == (side, side)
