"""A data set's name is all that one must say to bring a picture in its way."""

import dataclasses

import numpy as np
import pytest
import torch

import e2viz
from e2viz.data.table import data_set
from e2viz.images.picture import Cut


def photograph() -> np.ndarray:
    picture = np.full((90, 120, 3), (200, 120, 40), np.uint8)
    picture[20:70, 55:62] = 10
    return picture


def test_digits_are_found_and_photographs_are_cut():
    digit, photo = (e2viz.read_picture(photograph(), data=name) for name in ("digits", "photos"))
    assert digit.values.shape == (1, 112, 112) and digit.background == 0
    assert photo.values.shape == (3, 90, 90) and photo.background == data_set("photos").background
    assert digit.original is not None and torch.equal(digit.original.values, photo.original.values)


def test_without_a_name_it_is_a_digit_as_ever():
    assert e2viz.read_picture(photograph()).checksum == e2viz.read_picture(photograph(), data="digits").checksum


def test_a_data_set_of_ones_own_and_a_cut():
    mine = dataclasses.replace(data_set("blood"), name="mine", background=(0.0, 0.0, 1.0))
    see_through = np.zeros((50, 80, 4), np.uint8)
    picture = e2viz.read_picture(see_through, mine, cut=Cut(x=0, y=0, side=0.5))
    assert picture.values.shape == (3, 25, 25) and (picture.values == torch.tensor([0.0, 0, 1])[:, None, None]).all()


def test_what_is_unknown_is_named():
    with pytest.raises(LookupError, match="no data set is called 'fotos'"):
        e2viz.read_picture(photograph(), data="fotos")
    with pytest.raises(TypeError, match="sharpen"):
        e2viz.read_picture(photograph(), sharpen=True)
