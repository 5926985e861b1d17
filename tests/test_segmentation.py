"""Segmentation is measured on real test images, with the same network and steps in each arm."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation.segmentation import ARMS, Plan, segmentation

SIDE = 16
FITTED = []


class Threshold:
    """Cuts at the grey level between the mean of foreground and of background."""

    def __init__(self, seed=0, *, steps, width):
        self.seed, self.steps, self.asked = seed, steps, []
        FITTED.append(self)

    def fit(self, images, masks, validation):
        self.images, self.validation = images, validation
        grey = images[..., 0]
        inside = grey[masks].mean() if masks.any() else 255
        self.cut = (inside + grey[~masks].mean()) / 2
        return self

    def predict(self, images):
        self.asked.append(images)
        return images[..., 0] > self.cut


def pairs(n, seed, *, inside=150):
    """Bright discs, or discs of another brightness, on a dark background."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    centre, radius = rng.uniform(4, 12, (n, 2, 1, 1)), rng.uniform(2, 5, (n, 1, 1))
    masks = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < radius**2
    images = 40 + (inside - 40) * masks + rng.normal(0, 20, (n, SIDE, SIDE))
    return images.clip(0, 255).astype(np.uint8)[..., None], masks


def image_set(groups=30, tiles=3):
    n = groups * tiles
    group = np.repeat(np.arange(groups), tiles)
    pixels, masks = pairs(n, 0)
    return ImageSet(
        name="made",
        pixels=pixels,
        index=np.arange(n),
        groups=np.array([f"source-{g}" for g in group]),
        ids=np.array([f"image-{i}" for i in range(n)]),
        parts=np.array(["train", "train", "validation", "test", "test"])[group % 5],
        instances=masks.astype(np.uint16) * 7,
        fingerprint="made",
    )


def faithful(n, seed):
    return pairs(n, [seed, 99])


@pytest.fixture(autouse=True)
def forget():
    FITTED.clear()


def measured(make=faithful, images=None, folder=None, **plan):
    given = images if images is not None else image_set()
    return segmentation(given, make, Plan(**plan), build=Threshold, folder=folder)


def test_every_arm_is_measured_and_fits_json():
    found = json.loads(json.dumps(measured(), allow_nan=False))
    assert [row["arm"] for row in found["table"]] == list(ARMS)
    assert [row["shown"] for row in found["table"]] == [36, 36, 72]
    assert found["protocol"]["comparable"]["test_groups"] == 12
    for row in found["table"]:
        assert 0.8 < row["iou"]["mean"] < row["dice"]["mean"] < 1


def test_masks_that_are_as_real_ones_are_worth_as_much_and_wrong_ones_are_not():
    ratio = measured()["ratios"][0]
    assert ratio["value"] == pytest.approx(1, abs=0.03)

    found = measured(lambda n, seed: pairs(n, seed, inside=255))
    row = next(row for row in found["differences"] if row["arm"] == "synthetic")
    assert row["dice"]["interval"][1] < 0


def test_arms_have_the_same_steps_and_take_the_test_once():
    images = image_set()
    measured(steps=7)
    assert {fitted.steps for fitted in FITTED} == {7}
    assert len(FITTED) == 9
    held_out = {image.tobytes() for image in images.split("validation", "test")[:]}
    for fitted in FITTED:
        (asked,) = fitted.asked
        np.testing.assert_array_equal(asked, images.split("test")[:])
        np.testing.assert_array_equal(fitted.validation[0], images.split("validation")[:])
        assert held_out.isdisjoint(image.tobytes() for image in fitted.images)


def test_dice_is_of_all_pixels_of_a_source_image_and_a_rightly_empty_answer_counts_as_one():
    images = image_set(groups=20, tiles=2)
    images.instances[:] = 0
    images.pixels[:] = 0
    test = np.flatnonzero(images.parts == "test")
    found = measured(
        images=images,
        make=lambda n, seed: (
            np.zeros((n, SIDE, SIDE, 1), np.uint8),
            np.zeros((n, SIDE, SIDE), bool),
        ),
    )
    assert found["table"][0]["dice"]["mean"] == 1
    # Of one source image 30 pixels are found, 10 of them wrongly, and 20 are missed.
    images.instances[test[0], 0, :10] = 1
    images.pixels[test[0], 0, :10] = 255
    images.instances[test[1], :2, :5] = 1
    images.pixels[test[1], 0, :5] = 255
    images.pixels[test[1], 5, :5] = 255
    images.instances[test[1], 3, :10] = 1
    dice = (2 * 15) / (2 * 15 + 5 + 15)
    others = len(np.unique(images.split("test").groups)) - 1
    found = measured(images=images)
    assert found["table"][0]["dice"]["mean"] == pytest.approx((dice + others) / (others + 1))


def test_a_second_measurement_trains_nothing_again(tmp_path):
    first = measured(folder=tmp_path, seeds=2)
    assert len(FITTED) == 6
    assert measured(folder=tmp_path, seeds=2) == first
    assert len(FITTED) == 6
    measured(folder=tmp_path, seeds=3)
    assert len(FITTED) == 9


def test_images_without_masks_or_of_another_size_are_refused():
    with pytest.raises(UsageError, match="made has no masks"):
        measured(images=replace(image_set(), instances=None))
    with pytest.raises(ZooError, match="real images are uint8"):
        measured(lambda n, seed: (faithful(n, seed)[0][:, 1:], faithful(n, seed)[1]))
    with pytest.raises(NotComputed, match="2 groups in test"):
        measured(images=image_set(groups=5))


def test_the_u_net_finds_discs_of_any_rectangle():
    from zoo.evaluation.unet import UNet

    images, masks = pairs(48, 3)
    images, masks = images[:, :, :13], masks[:, :, :13]
    held_out = (images[32:40], masks[32:40])
    unet = UNet(width=4, depth=2, steps=80, batch_size=8, learning_rate=0.01)
    answer = unet.fit(images[:32], masks[:32], held_out).predict(images[40:])
    assert answer.shape == (8, SIDE, 13)
    overlap = 2 * (answer & masks[40:]).sum() / (answer.sum() + masks[40:].sum())
    assert overlap > 0.8
