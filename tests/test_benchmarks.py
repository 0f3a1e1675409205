"""What the README says about speed is what was measured."""

import json

from benchmarks import readme


def test_the_readme_agrees_with_the_kept_results():
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition(readme.START)[2].partition(readme.END)[0].strip()
    assert table == readme.markdown(json.loads(readme.KEPT.read_text())), "run python -m benchmarks.readme"
