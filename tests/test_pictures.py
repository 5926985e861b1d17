"""Pictures: grids to look at, files that say that they are synthetic."""

import io
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.data.decode import frames
from zoo.data.export import as_source, write_synthetic
from zoo.errors import UsageError
from zoo.runs.pictures import grid_png, pairs_png, tiles, to_rgb

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


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_what_has_more_than_eight_bits_becomes_a_tiff_with_its_pixel_size(
    tmp_path, channels, dtype
):
    images = noise(1, channels, np.uint16).astype(dtype)
    (path,) = write_synthetic(images, tmp_path, facts=FACTS, pixel_size=(0.65, 0.5))
    assert path.name == "00000.tif"
    (frame,) = frames(path)
    assert frame.pixels.dtype == dtype
    np.testing.assert_array_equal(frame.pixels, images[0])
    assert frame.pixel_size == pytest.approx((0.65, 0.5))
    told = tifffile.TiffFile(path).ome_metadata
    assert '"synthetic": true' in told.replace("&quot;", '"')
    assert json.loads((tmp_path / "00000.json").read_text())["pixel_size_um"] == [0.65, 0.5]


def test_sixteen_bit_grey_images_keep_their_bits_as_png(tmp_path):
    images = noise(1, 1, np.uint16)
    (path,) = write_synthetic(images, tmp_path, facts={}, form="png")
    np.testing.assert_array_equal(np.asarray(Image.open(path)), images[0, ..., 0])


@pytest.mark.parametrize("images", [noise(1, 3, np.uint16), noise(1, 1).astype(np.int16)])
def test_png_refuses_what_it_cannot_hold(tmp_path, images):
    with pytest.raises(UsageError, match="choose tiff"):
        write_synthetic(images, tmp_path, facts={}, form="png")
    assert not list(tmp_path.iterdir())


def test_exported_images_lose_their_margins_and_get_raw_values():
    stored = np.array([[0, 65535], [32768, 16384]], np.uint16)
    images = np.pad(stored, ((1, 0), (2, 3)))[None, ..., None]
    mapping = {"mapping": "linear", "raw_dtype": "uint16", "low": [100.0], "high": [4095.0]}
    data = {"view": {"margins": [1, 0, 2, 3]}, "intensity": mapping}
    raw = as_source(images, data)
    assert raw.dtype == np.uint16
    assert raw[0, ..., 0].tolist() == [[100, 4095], [2098, 1099]]


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
        write_synthetic(noise(2, 2), tmp_path / folder, facts=FACTS, start=2, form="tiff")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 8
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files
    )
