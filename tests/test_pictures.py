"""Pictures: grids to look at, files that say that they are synthetic."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from zoo.errors import UsageError
from zoo.runs.pictures import grid_png, pairs_png, tiles, to_rgb, write_synthetic

FACTS = {"run": "00000-dcgan-data", "seed": 1, "note": "Zellkern µ"}


def noise(n, channels, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (n, 8, 12, channels), dtype, endpoint=True)


def decode(png):
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_is_shown_in_three(channels):
    images = noise(2, channels)
    shown = to_rgb(images)
    assert shown.shape == (2, 8, 12, 3)
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown[..., 0], images[..., 0])
    np.testing.assert_array_equal(shown[..., 1], images[..., 1 if channels > 1 else 0])


def test_sixteen_bit_images_are_shown_by_their_upper_eight_bits():
    images = np.full((1, 8, 8, 1), 0xABCD, np.uint16)
    assert np.all(to_rgb(images) == 0xAB)


@pytest.mark.parametrize("images", [noise(1, 1)[0], noise(1, 1).astype(float), noise(1, 1)[:0]])
def test_what_is_no_batch_of_images_is_refused(images):
    with pytest.raises(UsageError, match="images must be"):
        to_rgb(images)


def test_a_grid_holds_every_image_where_it_belongs():
    images = noise(5, 3)
    grid = decode(grid_png(images, 3, gap=2))
    assert grid.shape == (8 + 2 + 8, 12 * 3 + 2 * 2, 3)
    np.testing.assert_array_equal(grid[:8, :12], images[0])
    np.testing.assert_array_equal(grid[10:18, 14:26], images[4])
    assert np.all(grid[10:18, 28:] == 127)


def test_a_grid_can_be_taken_apart_again():
    images = noise(5, 3)
    np.testing.assert_array_equal(tiles(grid_png(images, 3), 8, 12), images)
    assert len(tiles(grid_png(images, 3), 9, 12)) == 0


def test_a_pair_shows_left_beside_right():
    left, right = noise(2, 1), noise(2, 1) // 2
    pairs = decode(pairs_png(left, right, 1))
    np.testing.assert_array_equal(pairs[:8, :12], left[0, ..., 0])
    np.testing.assert_array_equal(pairs[-8:, -12:], right[1, ..., 0])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "RGB"), (3, "RGB"), (4, "RGBA")])
def test_written_images_lose_nothing(tmp_path, channels, mode):
    images = noise(2, channels)
    paths = write_synthetic(images, tmp_path, facts=FACTS)
    assert [path.name for path in paths] == ["00000.png", "00001.png"]
    read = Image.open(paths[1])
    assert read.mode == mode
    pixels = np.asarray(read).reshape(8, 12, -1)
    np.testing.assert_array_equal(pixels[..., :channels], images[1])


def test_sixteen_bit_grey_images_keep_their_bits(tmp_path):
    images = noise(1, 1, np.uint16)
    (path,) = write_synthetic(images, tmp_path, facts={})
    np.testing.assert_array_equal(np.asarray(Image.open(path)), images[0, ..., 0])


def test_sixteen_bit_colour_images_are_refused(tmp_path):
    with pytest.raises(UsageError, match="16-bit images of 3 channels"):
        write_synthetic(noise(1, 3, np.uint16), tmp_path, facts={})
    assert not list(tmp_path.iterdir())


def test_written_images_say_that_they_are_synthetic(tmp_path):
    (path,) = write_synthetic(noise(1, 1), tmp_path, facts=FACTS, start=7)
    marks = Image.open(path).text
    assert path.name == "00007.png"
    assert marks["Software"] == "zoo"
    assert marks["Synthetic"] == "true"
    assert (marks["seed"], marks["note"]) == ("1", "Zellkern µ")
    sidecar = json.loads((tmp_path / "00007.json").read_text())
    assert sidecar == {
        "file": "00007.png",
        "synthetic": True,
        "software": "zoo",
        **FACTS,
        "number": 7,
    }


def test_the_same_images_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        write_synthetic(noise(2, 2), tmp_path / folder, facts=FACTS)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 4
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files
    )
