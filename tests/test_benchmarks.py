"""What the README says about speed is what was measured."""

import json

import torch

from benchmarks import published_formula, readme
from e2viz.models import build
from e2viz.nn import functional


def test_the_readme_agrees_with_the_kept_results():
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition(readme.START)[2].partition(readme.END)[0].strip()
    assert table == readme.markdown(json.loads(readme.KEPT.read_text())), "run python -m benchmarks.readme"


def test_the_published_formula_is_what_runs_when_it_is_measured(monkeypatch):
    network, called = build("ge_vit", {"image_size": 16, "stages": ((2,),), "width_factors": (1,)}).eval(), []
    for name in ("group_attention", "lifting_attention"):
        formula = getattr(published_formula, name)
        monkeypatch.setattr(
            published_formula, name, lambda *a, _name=name, _f=formula, **b: called.append(_name) or _f(*a, **b)
        )
    with torch.inference_mode():
        expected = network(torch.ones(1, 1, 16, 16))
        with published_formula.published():
            measured = network(torch.ones(1, 1, 16, 16))
    assert called == ["lifting_attention", "group_attention"]
    torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-4)
    assert functional.group_attention is not published_formula.group_attention
