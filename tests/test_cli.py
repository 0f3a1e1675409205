"""The command line: what it prints, and that mistakes end in one sentence rather than a traceback."""

import json

import pytest

from e2viz import cli, places
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
    if cli.TABLE_START not in text:
        pytest.skip("README.md has no table of models yet")
    table = text.partition(cli.TABLE_START)[2].partition(cli.TABLE_END)[0].strip()
    assert table == catalogue.markdown_table(), "run python -m e2viz models --write README.md"


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.list_models())
def test_every_shipped_model_passes_its_check(capsys, name):
    code, out, _ = run(capsys, "check", name, "--json")
    assert code == 0, out
    assert json.loads(out)[0]["name"] == name


def test_the_weights_stay_under_15_megabytes():
    assert sum(path.stat().st_size for path in places.WEIGHTS.iterdir()) < 15e6
