from e2viz.data.samples import sample, sample_names
from e2viz.measure import kept
from e2viz.scenes import shipped


def test_no_shipped_result_is_of_other_weights():
    """An entry may be missing, then the page measures; one that is there must agree with the catalogue."""
    wrong = []
    for page, entries in shipped.PAGES.items():
        wanted = {name: {key: facts for key, facts, _ in entries(sample(name))} for name in sample_names()}
        for path, key, facts in kept.entries(page):
            expected = wanted.get(path.stem, {}).get(key)
            if expected is None or any(facts[name] != value for name, value in expected.items()):
                wrong.append(f"{page}/{path.stem}: {key}; e2viz make results makes it again")
    assert not wrong, wrong


def test_stale_entries_are_found_and_not_used(tmp_path, monkeypatch):
    picture = sample("mnist-1")
    made = {"x": ({"weights": "old"}, {"error": picture.values[0].numpy()})}
    kept.save("page", picture, made, tmp_path)
    entry = ("x", {"weights": "new"}, lambda: {"error": picture.values[0].numpy()})
    monkeypatch.setattr(shipped, "PAGES", {"page": lambda _: iter([entry])})
    assert shipped.stale(tmp_path, ["mnist-1"]) == ["page/mnist-1: x"]
    shipped.prune(tmp_path, lambda _: None)
    assert not list(kept.entries("page", tmp_path))
    told = []
    shipped.remake(tmp_path, ["page"], ["mnist-1"], told.append)
    assert shipped.stale(tmp_path, ["mnist-1"]) == [] and "1 made" in told[0]
    shipped.remake(tmp_path, ["page"], ["mnist-1"], told.append)
    assert len(told) == 1, "what agrees is not made again"
