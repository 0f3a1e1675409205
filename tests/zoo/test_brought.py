"""A person's own models: found by the one who holds them, and by nobody else."""

import contextvars

import pytest

import e2viz
from e2viz.zoo import brought, catalogue, names
from e2viz.zoo.brought import OwnModels

MEGABYTE = 1 << 20


@pytest.fixture
def mine(monkeypatch):
    held = OwnModels()
    asks = contextvars.ContextVar("asks", default=held)
    monkeypatch.setattr(brought, "_of_whoever_asks", [asks.get])
    return held, asks


def made(name="vit_small.yours"):
    from dataclasses import replace

    model = e2viz.load("cnn.rotmnist")
    return replace(model, card=replace(model.card, name=name))


def test_it_is_in_the_catalogue_of_its_owner_alone(mine):
    held, asks = mine
    held.add(made(), 10)
    assert "vit_small.yours" in catalogue.list_models() and e2viz.load("vit_small.yours") is held.get("vit_small.yours")
    assert catalogue.card("vit_small.yours").parameters == e2viz.load("cnn.rotmnist").card.parameters
    asks.set(OwnModels())
    assert "vit_small.yours" not in catalogue.list_models()
    with pytest.raises(LookupError):
        e2viz.load("vit_small.yours")
    asks.set(None)
    with pytest.raises(LookupError):
        e2viz.load("vit_small.yours")


def test_wrapped_it_is_made_once_and_forgotten_with_it(mine):
    held, _ = mine
    held.add(made(), 10)
    name = "vit_small.yours+tta_c4"
    assert catalogue.is_model(name) and e2viz.load(name) is e2viz.load(name)
    held.forget("vit_small.yours")
    assert not catalogue.is_model(name)
    with pytest.raises(LookupError):
        e2viz.load(name)


def test_a_session_holds_so_many_and_no_more():
    held = OwnModels(most=2, most_bytes=100 * MEGABYTE)
    held.add(made("a.yours"), 40 * MEGABYTE)
    with pytest.raises(ValueError, match="forget one first"):
        held.add(made("b.yours"), 70 * MEGABYTE)
    held.add(made(held.free_name("a.yours")), 40 * MEGABYTE)
    assert held.names() == ["a.yours", "a_2.yours"]
    with pytest.raises(ValueError, match="forget one first"):
        held.check_room(1)


def test_all_sessions_together_hold_so_much_and_no_more(monkeypatch):
    monkeypatch.setattr(brought, "MOST_BYTES_OF_ALL", sum(each.held_bytes for each in brought._ALL) + 100 * MEGABYTE)
    one, other = OwnModels(), OwnModels()
    one.add(made("a.yours"), 60 * MEGABYTE)
    with pytest.raises(ValueError, match="all sessions together"):
        other.check_room(50 * MEGABYTE)
    other.add(made("b.yours"), 40 * MEGABYTE)
    one.forget("a.yours")
    other.check_room(50 * MEGABYTE)


def test_what_memory_holds_counts_where_the_file_is_smaller():
    model, held = made("a.yours"), OwnModels()
    held.add(model, 10)
    assert held.held_bytes >= 4 * model.card.parameters
    with pytest.raises(ValueError, match="forget one first"):
        OwnModels(most_bytes=4 * model.card.parameters - 1).add(model, 10)


def test_it_has_a_place_of_its_own_on_screen():
    assert names.family("vit_small.yours") == "yours" and names.family("vit_small.yours+mean_c4") == "wrapped"
    assert names.at_a_glance(["vit_small.yours", "cnn.rotmnist"], ())["yours"] == ["vit_small.yours"]
