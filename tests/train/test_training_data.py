"""Training images as a recipe moves them: by its seeds alone, in grey and in colour."""

import dataclasses

import pytest
import torch

from e2viz.data.protocol import Split
from e2viz.train.data import Augmentation, TrainingData, erased
from e2viz.train.recipes import Recipe


def grey_split(count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 12, 12), generator=generator, dtype=torch.uint8)
    angles_deg = torch.rand(count, generator=generator, dtype=torch.float64) * 360
    return Split(images, torch.randint(0, 10, (count,), generator=generator), angles_deg)


def colour_split(count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 12, 12), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return Split(images, labels, torch.zeros(count, dtype=torch.float64), background=(0.2, 0.4, 0.6))


def test_colour_is_augmented_from_the_seeds_alone():
    levels = (0.5, 0.5, 0.5)
    data = TrainingData(colour_split(20, 1), colour_split(6, 2), levels, levels, turned=False)
    moves = {"mirror": True, "zoom": 0.1, "tint": 0.2, "erase": 0.3, "shift_px": 2}
    recipe = Recipe(name="vit.test", architecture="vit", **moves)
    rows = torch.arange(4)
    drawn = [data.batch(rows, torch.Generator().manual_seed(seed), recipe.augmentation)[0] for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("changes", [{"zoom": 0.2}, {"shear": 0.2}, {"bend_px": 1.0}])
def test_grey_images_zoom_shear_and_bend_too_by_the_seeds_alone(changes):
    data = TrainingData(grey_split(20, 1), grey_split(6, 2), (0.1307,), (0.3081,), turned=True)
    rows, plain = torch.arange(6), Augmentation(fresh_angles=False)
    drawn = [
        data.batch(rows, torch.Generator().manual_seed(7), dataclasses.replace(plain, **changes))[0] for _ in range(2)
    ]
    assert torch.equal(drawn[0], drawn[1])
    still = data.batch(rows, torch.Generator().manual_seed(7), plain)[0]
    assert drawn[0].shape == still.shape and (drawn[0] - still).abs().amax((1, 2, 3)).min() > 0.1


def test_validation_images_join_the_training_images_and_none_are_left_to_validate_on():
    data = TrainingData(grey_split(20, 1), grey_split(6, 2), (0.1307,), (0.3081,), turned=True)
    joined = data.joined()
    assert [len(each) for each in (data, data.validation_labels, joined, joined.validation_labels)] == [20, 6, 26, 0]
    still = Augmentation(fresh_angles=False)
    images, labels = joined.batch(torch.arange(20, 26), torch.Generator().manual_seed(1), still)
    alone = TrainingData(grey_split(6, 2), grey_split(20, 1), (0.1307,), (0.3081,), turned=True)
    expected, expected_labels = alone.batch(torch.arange(6), torch.Generator().manual_seed(1), still)
    assert torch.equal(images, expected) and torch.equal(labels, expected_labels)
    first, _ = joined.batch(torch.arange(20), torch.Generator().manual_seed(1), still)
    assert torch.equal(first, data.batch(torch.arange(20), torch.Generator().manual_seed(1), still)[0])


def test_images_that_stay_in_a_file_are_not_joined():
    stored = grey_split(6, 2)
    object.__setattr__(stored, "images", range(6))  # anything that is not a tensor, as pcam's stored images
    with pytest.raises(ValueError, match="train without the validation images"):
        stored.joined(grey_split(6, 3))


def test_erasing_sets_a_square_of_its_own_to_the_mean():
    images = torch.ones(50, 2, 10, 10)
    found = erased(images, 0.4, torch.Generator().manual_seed(1))
    gone = (found == 0).all(1)
    assert torch.equal(gone, (found == 0).any(1))
    assert gone.sum((1, 2)).max() == 16 and gone.sum((1, 2)).min() >= 4
    assert len({tuple(each.flatten().tolist()) for each in gone}) > 20
