"""What the discriminator's images pass: DiffAugment, ADA, flips."""

import math

import numpy as np
import pytest
import tensorflow as tf

from zoo.gan.ada import warp
from zoo.gan.augment import find_augmentation, flip
from zoo.gan.pixels import to_unit_range


def augmented(policy, images, seed=0, probability=1.0):
    augmentation = find_augmentation(policy)
    draws = np.random.default_rng(seed).random((len(images), augmentation.draws), np.float32)
    return augmentation(images, tf.constant(draws), probability)


def noise(n=64, shape=(32, 32, 1), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 120, (n, *shape), dtype=np.uint8)


def moved(images, matrix):
    one = tf.constant(np.asarray(matrix, np.float32))[None]
    return warp(tf.constant(images), tf.repeat(one, len(images), axis=0)).numpy()


def turned_by(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[c, -s, 0], [s, c, 0], [0, 0, 1]]


@pytest.mark.parametrize("policy", ["diffaugment", "ada"])
def test_an_augmentation_is_a_function_of_its_draws(policy):
    images = to_unit_range(noise(8, (32, 32, 3)))
    first, again, other = (augmented(policy, images, seed).numpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_parts_of_diffaugment_can_be_chosen():
    images = to_unit_range(noise(8))
    assert np.array_equal(augmented("none", images), images)
    shifted = augmented("translation", images).numpy()
    assert np.isin(shifted, [*np.unique(images), -1.0]).mean() > 0.99
    both = augmented("translation, cutout", images).numpy()
    assert (both == -1.0).mean() > (shifted == -1.0).mean()


def test_diffaugment_shifts_by_at_most_an_eighth_and_shows_background_behind():
    images = np.full((200, 32, 48, 1), 1.0, np.float32)
    shifted = augmented("translation", images).numpy()
    rows = 32 - (shifted.max(axis=(2, 3)) == 1.0).sum(axis=1)
    columns = 48 - (shifted.max(axis=(1, 3)) == 1.0).sum(axis=1)
    assert set(rows) == set(range(5))
    assert set(columns) == set(range(7))
    assert set(np.unique(shifted)) == {-1.0, 1.0}


def test_cutout_never_takes_more_than_a_quarter():
    holes = augmented("cutout", np.ones((200, 32, 32, 1), np.float32)).numpy() == -1.0
    assert holes.mean(axis=(1, 2, 3)).max() == pytest.approx(0.25)


@pytest.mark.parametrize("policy", ["diffaugment", "ada"])
@pytest.mark.parametrize("jit", [False, True])
def test_an_augmentation_lets_the_gradient_through_twice(policy, jit):
    @tf.function(jit_compile=jit)
    def curvature(images):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                value = tf.reduce_sum(tf.square(augmented(policy, images)))
            steepness = tf.reduce_sum(tf.square(inner.gradient(value, images)))
        return outer.gradient(steepness, images)

    assert np.abs(curvature(to_unit_range(noise(8)))).max() > 0


@pytest.mark.parametrize("policy", ["diffaugment", "ada"])
def test_xla_and_graph_augment_alike_from_the_same_draws(policy):
    images = to_unit_range(noise(8, (32, 32, 3)))
    graph, xla = (
        tf.function(lambda x: augmented(policy, x), jit_compile=jit)(images).numpy()
        for jit in (False, True)
    )
    assert np.abs(graph - xla).max() < 1e-3


@pytest.mark.parametrize("shape", [(32, 48, 3), (31, 31, 1)])
def test_ada_with_probability_0_shows_the_images_themselves(shape):
    images = to_unit_range(noise(8, shape))
    assert np.abs(augmented("ada", images, probability=0.0) - images).max() < 1e-6
    assert np.abs(augmented("ada", images, probability=1.0) - images).max() > 0.5


def test_ada_changes_as_large_a_share_of_images_as_its_probability_says():
    images = to_unit_range(noise(400))
    shares = []
    for p in (0.0, 0.1, 0.5):
        changed = np.abs(augmented("ada", images, probability=p) - images).max(axis=(1, 2, 3))
        shares.append(float((changed > 1e-4).mean()))
    # Mirrored or turned by nothing counts as unchanged, so 9 operations give a little less.
    assert shares[0] == 0.0
    assert shares[1] == pytest.approx(1 - 0.9**7 * 0.95 * 0.925, abs=0.1)
    assert shares[2] > 0.95


def test_ada_keeps_grey_images_within_reason():
    images = to_unit_range(noise(200))
    found = augmented("ada", images).numpy()
    assert np.isfinite(found).all()
    # Contrast is a factor whose logarithm to 2 has deviation 0.5, brightness has 0.2.
    assert float(found.mean()) == pytest.approx(float(images.numpy().mean()), abs=0.1)
    assert 0.5 < found.std() / images.numpy().std() < 2


def test_a_warp_by_identity_is_exact():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 33, 48, 3)).astype("float32")
    assert np.array_equal(moved(images, np.eye(3)), images)


@pytest.mark.parametrize("side", [32, 33])
def test_a_warp_by_right_angles_is_numpys(side):
    images = np.random.default_rng(0).uniform(-1, 1, (2, side, side, 2)).astype("float32")
    for quarters in range(4):
        expected = np.rot90(images, quarters, axes=(1, 2))
        # y points down, so that a turn from x to y in the input is one against the clock.
        assert np.allclose(moved(images, turned_by(90 * quarters)), expected, atol=1e-5)


def test_a_warp_by_whole_pixels_moves_the_inside_and_mirrors_the_edge():
    images = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    found = moved(images, [[1, 0, 5], [0, 1, -3], [0, 0, 1]])
    assert np.allclose(found[:, 3:, :27], images[:, :29, 5:], atol=1e-6)
    assert np.allclose(found[:, 3:, 27:], images[:, :29, 30:25:-1], atol=1e-6)
    assert float(found.mean()) == pytest.approx(float(images.mean()), abs=0.1)


def test_a_warp_by_half_a_pixel_is_the_mean_of_two():
    images = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1)).astype("float32")
    found = moved(images, [[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    expected = (images[:, :, :-1] + images[:, :, 1:]) / 2
    assert np.allclose(found[:, :, :-1], expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["colour,translation", "ada"])
def test_a_mask_channel_moves_with_its_image_and_keeps_its_values(policy):
    images = np.zeros((64, 32, 32, 2), np.float32) - 1.0
    images[:, 12:20, 8:24] = 1.0
    augmentation = find_augmentation(policy, masked=True)
    draws = np.random.default_rng(0).random((64, augmentation.draws), np.float32)
    image, mask = np.moveaxis(augmentation(images, tf.constant(draws), 1.0).numpy(), -1, 0)
    assert mask.min() >= -1.0 - 1e-6
    assert mask.max() <= 1.0 + 1e-6
    inside = [image[i][mask[i] > 0.99].min() for i in range(64) if (mask[i] > 0.99).any()]
    outside = [np.median(image[i][mask[i] < -0.99]) for i in range(64) if (mask[i] > 0.99).any()]
    assert len(inside) > 50
    assert all(i > o for i, o in zip(inside, outside, strict=True))


def test_flips_make_all_eight_forms_of_a_square_and_four_of_a_rectangle():
    for shape, expected in (((8, 8, 1), 8), ((8, 12, 1), 4)):
        image = np.random.default_rng(0).random((1, *shape), np.float32)
        draws = tf.constant(np.random.default_rng(1).random((200, 3), np.float32))
        found = flip(np.repeat(image, 200, 0), "dihedral", draws).numpy()
        assert len({form.tobytes() for form in found}) == expected


def test_horizontal_flips_mirror_left_and_right_alone():
    image = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    draws = tf.constant(np.random.default_rng(1).random((50, 3), np.float32))
    forms = {form.tobytes() for form in flip(np.repeat(image, 50, 0), "horizontal", draws).numpy()}
    assert forms == {image[0].tobytes(), image[0, :, ::-1].tobytes()}
