"""Any rectangle: tiles, resized, cropped and padded images, and padding that is cut off again."""

import numpy as np
import pytest
from PIL import Image

from zoo.data import load
from zoo.data.crops import read_crops, write_crops
from zoo.data.examples import Rejected
from zoo.data.export import as_source
from zoo.data.view import View, unpad
from zoo.errors import UsageError

IMAGE = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30, 1)
MASK = (IMAGE[..., 0] % 7).astype(np.uint16)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def folder(tmp_path):
    for number in range(70):
        pixels = np.random.default_rng(number).integers(0, 256, (21, 30), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number:02d}.png")
    return f"folder:{tmp_path}"


def test_a_crop_is_the_centre_at_its_own_scale():
    ((crop,), _) = View("crop", (10, 12)).cut(IMAGE, MASK)
    assert np.array_equal(crop.pixels, IMAGE[5:15, 9:21])
    assert np.array_equal(crop.mask, MASK[5:15, 9:21])
    assert (crop.place, crop.scale) == ("5,9", (1, 1))


def test_padding_mirrors_the_image_and_can_be_cut_off():
    ((crop,), _) = View("pad", (24, 32)).cut(IMAGE, MASK)
    assert crop.pixels.shape == (24, 32, 1)
    assert crop.margins == (2, 2, 1, 1)
    assert np.array_equal(unpad(crop.pixels[None], crop.margins)[0], IMAGE)
    assert np.array_equal(crop.pixels[1, 1:-1], IMAGE[0])
    assert np.array_equal(crop.mask[2:-2, 1:-1], MASK)


@pytest.mark.parametrize(
    ("kind", "size", "reason"),
    [
        ("crop", (24, 12), "30×20 pixels are smaller than a crop of 12×24"),
        ("tile", (12, 40), "30×20 pixels are smaller than a tile of 40×12"),
        ("pad", (24, 24), "30×20 pixels do not fit into 24×24"),
    ],
)
def test_an_image_that_does_not_suit_is_set_aside_with_the_reason(kind, size, reason):
    with pytest.raises(Rejected, match=reason):
        View(kind, size).cut(IMAGE)


@pytest.mark.parametrize(
    ("view", "scale"),
    [
        (View("tile", (5, 5)), (1.0, 1.0)),
        (View("tile", (5, 5), downscale=2), (2.0, 2.0)),
        (View("resize", (10, 10)), (2.0, 2.0)),
        (View("resize", (10, 15), downscale=2), (2.0, 2.0)),
        (View("pad", (64, 64)), (1.0, 1.0)),
    ],
)
def test_each_crop_knows_its_scale(view, scale):
    crops, _ = view.cut(IMAGE)
    assert {crop.scale for crop in crops} == {scale}


def test_the_size_of_a_pixel_follows_the_scale(folder):
    images = load(folder, view="tile", image_size=5, downscale=2, pixel_size=0.65)
    assert images.provenance["pixel_size_um"] == pytest.approx([1.3, 1.3], rel=0.05)


def test_images_keep_their_own_size_and_padding_fills_up_to_a_multiple(folder):
    assert load(folder, image_size="native").shape[1:] == (21, 30, 1)
    images = load(folder, image_size="native", view="pad", multiple_of=8)
    assert images.shape[1:] == (24, 32, 1)
    assert images.provenance["view"]["margins"] == [1, 2, 1, 1]
    raw = as_source(images[:], images.provenance)
    assert np.array_equal(raw, load(folder, image_size="native")[:])


def test_paddings_that_differ_are_said_to_stay(folder, tmp_path):
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(tmp_path / "small.png")
    images = load(folder, view="pad", image_size=32)
    assert images.provenance["view"]["margins"] == "differ, so that exported images keep them"
    assert as_source(images[:], images.provenance).shape[1:] == (32, 32, 1)


def test_several_sizes_are_told_with_the_ways_out(folder, tmp_path):
    Image.fromarray(np.full((8, 9), 9, np.uint8)).save(tmp_path / "small.png")
    with pytest.raises(UsageError, match=r"2 sizes, 21x30 \(70\), 8x9 \(1\).*--view tile, resize"):
        load(folder, image_size="native")


def test_an_image_without_a_tile_decides_the_type_too(tmp_path):
    told = []
    examples = [
        {"id": "empty", "image": np.zeros((32, 32), np.uint8)},
        {"id": "deep", "image": np.zeros((32, 32), np.uint16)},
        {"id": "good", "image": np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)},
    ]
    write_crops(tmp_path, examples, view=View("tile", (16, 16), 1.0, 0.02), tell=told.append)
    assert [rejection.file for rejection in told] == ["deep"]
    assert read_crops(tmp_path).survey.samples[1].max() > 200


def test_an_unknown_view_is_told_with_the_choices(folder):
    with pytest.raises(UsageError, match="choose from tile, resize, crop, pad"):
        load(folder, view="squeeze")


def test_what_resizing_cuts_off_is_told_and_recorded(folder, capsys):
    images = load(folder, view="resize", image_size=16)
    assert "cuts 30% of each image off" in capsys.readouterr().err
    assert images.provenance["view"]["share_cut_off"] == pytest.approx(0.3)
    load(folder, view="resize", image_size=(21, 30))
    assert "cuts" not in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, 100_000, (64, 9000)])
def test_a_size_that_no_disk_holds_is_refused_at_once(folder, size):
    with pytest.raises(UsageError, match="from 1 to 8192 pixels"):
        load(folder, image_size=size)
