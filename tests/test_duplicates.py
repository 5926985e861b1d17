"""Copies are found through shift, brightness and JPEG; pictures that are merely alike are not."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from zoo.data.duplicates import SIDE, near_duplicates, thumbnail


def field(seed, *, sides=(220, 300), cells=60, depth=255.0):
    """Blurred spots of several sizes on a dark background, with noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros(sides)
    for radius in (2, 4, 7):
        spots = np.zeros(sides)
        at = rng.integers(0, sides, (cells // 3, 2)).T
        spots[at[0], at[1]] = rng.uniform(0.4, 1, cells // 3)
        image += ndimage.gaussian_filter(spots, radius) * radius**2 * 6
    noisy = image / image.max() * 0.7 + 0.1 + rng.normal(0, 0.01, sides)
    return np.clip(noisy * depth, 0, depth)


def as_uint8(image):
    return np.rint(image).astype(np.uint8)[..., None]


def jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))[..., None]


def pairs(*images):
    return near_duplicates(np.array([thumbnail(image) for image in images])).tolist()


def centred(seed):
    """A round cell in the middle of 28×28 pixels, its size, shape and texture its own."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:28, :28] - 13.5 + rng.normal(0, 0.7, (2, 1, 1))
    turned = 2 * np.arctan2(rows, columns) + rng.uniform(0, 6)
    radius = rng.uniform(7, 10) * (1 + 0.1 * np.cos(turned))
    texture = ndimage.gaussian_filter(rng.normal(0, 1, (28, 28)), 1.2) * 40
    cell = np.clip((radius - np.hypot(rows, columns)) / 2, 0, 1)
    return as_uint8(np.clip(30 + cell * (150 + texture) + rng.normal(0, 2, (28, 28)), 0, 255))


COPIES = {
    "the same": lambda x: (x, x.copy()),
    "one pixel further": lambda x: (x[:-1, :-1], x[1:, 1:]),
    "five percent further": lambda x: (x[:-11, 15:], x[11:, :-15]),
    "darker": lambda x: (x, np.rint(x * 0.7).astype(np.uint8)),
    "brighter": lambda x: (x, np.clip(x.astype(int) + 30, 0, 255).astype(np.uint8)),
    "compressed": lambda x: (x, jpeg(x, 50)),
    "all of it": lambda x: (x[:-7, :-9], jpeg(np.rint(x[7:, 9:] * 0.8 + 10).astype(np.uint8), 60)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_found_and_no_other_picture(change):
    original, copy = change(as_uint8(field(0)))
    others = [as_uint8(field(seed)) for seed in range(1, 12)]
    assert pairs(original, *others, copy) == [[0, 12]]


def test_a_shift_of_one_pixel_is_found_whatever_the_size_of_the_field():
    for sides in ((28, 28), (1040, 1388)):
        image = as_uint8(field(3, sides=sides, cells=24))
        assert pairs(image[:-1, :-1], image[1:, 1:], as_uint8(field(4, sides=sides))) == [[0, 1]]


def test_turned_and_mirrored_copies_are_not_looked_for():
    image = as_uint8(field(5))
    assert pairs(image, image[::-1], image[:, ::-1], image[::-1, ::-1]) == []


def test_a_16_bit_image_is_compared_like_an_8_bit_one():
    image = field(6, depth=4095.0)
    eight = as_uint8(image / 4095 * 255)
    assert pairs(np.rint(image).astype(np.uint16)[..., None], eight) == [[0, 1]]


def test_cells_in_the_middle_of_small_images_are_not_taken_for_one_another():
    assert pairs(*(centred(seed) for seed in range(300))) == []


def test_copies_of_cells_in_the_middle_are_found():
    cells = [centred(seed) for seed in range(100)]
    copies = [np.rint(cell * 0.8 + 5).astype(np.uint8) for cell in cells[::10]]
    assert pairs(*cells, *copies) == [[10 * k, 100 + k] for k in range(10)]


def test_fields_that_share_only_their_vignette_are_not_paired():
    rows, columns = np.mgrid[-1:1:200j, -1:1:200j]
    light = 200 - 60 * np.hypot(rows, columns)
    rng = np.random.default_rng(0)
    assert pairs(*(as_uint8(light + rng.normal(0, 3, light.shape)) for _ in range(12))) == []


def test_images_of_one_value_are_never_paired():
    assert pairs(*(np.full((40, 50, 1), value, np.uint8) for value in (0, 0, 7, 200))) == []


def test_no_images_and_one_image_have_no_pairs():
    none = np.empty((0, SIDE, SIDE), np.uint8)
    assert near_duplicates(none).shape == (0, 2)
    assert pairs(as_uint8(field(1))) == []


def test_a_pair_is_one_whatever_else_is_in_the_set():
    original, copy = COPIES["all of it"](as_uint8(field(0)))
    assert pairs(original, copy) == [[0, 1]]
    assert [0, 1] in pairs(original, copy, *(as_uint8(field(seed)) for seed in range(1, 12)))


def test_each_of_many_equal_pictures_is_paired_with_the_first():
    image = as_uint8(field(2))
    assert pairs(*[image] * 40) == [[0, k] for k in range(1, 40)]


def test_a_thumbnail_keeps_means_of_areas_whatever_the_size():
    large = np.zeros((130, 70, 3), np.uint8)
    large[:, :35] = 100
    small = thumbnail(large)
    assert small.shape == (SIDE, SIDE)
    assert small.dtype == np.uint8
    assert (small[:, : SIDE // 2] == 255).all()
    assert not small[:, SIDE // 2 :].any()
    assert (thumbnail(np.eye(3, dtype=np.float32)[..., None])[:21, :21] == 255).all()
