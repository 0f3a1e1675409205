from e2viz.data.samples import sample
from e2viz.kept import entries, making
from e2viz.kept.entries import Entry
from e2viz.scenes import shipped


def test_what_is_shipped_agrees_with_weights_and_samples():
    """Sweeps are all there; of the other pages an entry may be missing, which the page then measures."""
    wrong = making.stale(shipped.PAGES)
    wrong = [each for each in wrong if each.startswith("sweeps/") or not each.endswith("is missing")]
    assert not wrong, "e2viz make sweeps, panels or results makes them again; " + "; ".join(wrong)


def test_every_page_that_is_kept_has_entries():
    kept = {path.parent.name for path in entries.FOLDER.glob("*/*.npz")}
    assert kept == set(shipped.PAGES)


def test_stale_entries_are_found_and_not_used(tmp_path):
    picture = sample("mnist-1")
    arrays = {"error": picture.values[0].numpy()}
    entries.save("page", picture, {"x": Entry({"weights": "old"}, arrays)}, tmp_path)
    wanted = making.Wanted("x", {"weights": "new"}, lambda: Entry({"weights": "new"}, arrays))
    pages = {"page": making.Page("page", lambda: ["mnist-1"], lambda _: iter([wanted]), sample)}
    assert making.stale(pages, tmp_path) == ["page/mnist-1: x was made from other weights"]
    assert making.stale(pages, tmp_path, ["mnist-2"]) == []
    making.remake(pages, tmp_path, only_remove=True, tell=lambda _: None)
    assert not list(entries.listed("page", tmp_path))
    told = []
    making.remake(pages, tmp_path, tell=told.append)
    assert making.stale(pages, tmp_path) == [] and "1 made" in told[0]
    making.remake(pages, tmp_path, tell=told.append)
    assert len(told) == 1, "what agrees is not made again"
