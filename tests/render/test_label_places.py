"""Names of marks on a chart: beside their mark, and never one upon another where there is room."""

from e2viz.render.label_places import _box, _meet, places


def boxes(marks, texts):
    found = places(marks, texts)
    return [_box(mark, len(text) * 0.0155, 0.05, place) for mark, text, place in zip(marks, texts, found, strict=True)]


def test_a_name_stands_to_the_right_where_there_is_room_and_to_the_left_at_the_edge():
    assert places([(0.2, 0.5), (0.9, 0.3)], ["ViT, MNIST", "GE-ViT p4, rotMNIST"]) == ["middle right", "middle left"]


def test_neighbours_do_not_cover_each_other():
    marks = [(0.3, 0.9), (0.42, 0.9), (0.5, 0.88), (0.35, 0.8)]
    found = boxes(marks, ["ViT, rotMNIST"] * 4)
    assert not any(_meet(one, other) for k, one in enumerate(found) for other in found[k + 1 :])


def test_where_there_is_no_room_no_name_stands():
    crowd = [(0.5, 0.5)] * 12
    assert places(crowd, ["a long name of a model"] * 12)[-1] is None
