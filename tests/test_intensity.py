"""Raw values are kept, spread over what a network sees, and come back on export."""

import nibabel
import numpy as np
import pytest
import tifffile

from zoo.data import load
from zoo.data.export import as_source
from zoo.data.intensity import Choice, Intensity, parse
from zoo.errors import UsageError

RAMP = np.linspace(0, 1, 32 * 32).reshape(32, 32)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


def scope(folder, dtype, low, high, *, n=60, channels=1):
    """Images as a microscope writes them: few of the values that the type has."""
    for number in range(n):
        rng = np.random.default_rng(number)
        planes = [
            low + (high - low) * rng.permuted(RAMP, axis=c % 2) / (c + 1) for c in range(channels)
        ]
        image = np.stack(planes).astype(dtype)
        tifffile.imwrite(
            folder / f"{number:03d}.tif",
            image[0] if channels == 1 else image,
            photometric="minisblack",
            metadata={"axes": "YX" if channels == 1 else "CYX"},
        )
    return f"folder:{folder}"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("auto", Choice("auto")),
        ("percentile", Choice("percentile", 0.1, 99.9)),
        ("percentile:1,99/image", Choice("percentile", 1, 99, per_image=True)),
        ("window:-100,300", Choice("window", -100, 300)),
        ("range/image", Choice("range", per_image=True)),
    ],
)
def test_a_mapping_is_asked_for_in_words(text, choice):
    assert parse(text) == choice


@pytest.mark.parametrize(
    "text", ["", "linear", "window", "window:3", "window:5,1", "percentile:-1,101", "range:1,2"]
)
def test_a_wrong_mapping_is_told_with_the_choices(text):
    with pytest.raises(UsageError, match=r"expected auto, none, range, percentile"):
        parse(text)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint16", 90, 1200), ("uint16", 0, 65535), ("int16", -1000, 2000), ("float32", -0.5, 3.25)],
)
def test_dark_images_are_not_black_and_come_back_within_one_unit(tmp_path, dtype, low, high):
    images = load(scope(tmp_path, dtype, low, high), image_size="native")
    seen = images[:]
    assert seen.dtype == np.uint16
    train = images.split("train")[:]
    assert (train.min(), train.max()) == (0, 65535)
    assert 0.4 < seen.mean() / 65535 < 0.6
    raw = as_source(seen, images.provenance)
    assert raw.dtype == dtype
    assert np.abs(raw.astype(np.float64) - images.pixels).max() <= (
        1 if dtype != "float32" else (high - low) / 65535
    )
    facts = images.provenance["intensity"]
    assert (facts["mapping"], facts["by"], facts["per"]) == ("linear", "range", "set")


def test_each_channel_has_its_own_range(tmp_path):
    images = load(scope(tmp_path, "uint16", 0, 4000, channels=3), image_size="native")
    assert images.shape[3] == 3
    assert images.split("train")[:].max(axis=(0, 1, 2)).tolist() == [65535] * 3
    assert images.provenance["intensity"]["high"] == pytest.approx([4000, 2000, 1333])


def test_the_range_is_that_of_the_training_images_and_what_is_clipped_is_counted(tmp_path):
    name = scope(tmp_path, "uint16", 0, 1000)
    parts = load(name, image_size="native")
    held_out = parts.ids[parts.parts == "test"][0]
    tifffile.imwrite(tmp_path / str(held_out), np.full((32, 32), 60_000, np.uint16))
    images = load(name, image_size="native")
    facts = images.provenance["intensity"]
    assert facts["high"] == [1000.0]
    assert facts["held_out_images_with_clipped_pixels"] == 1
    assert facts["clipped_share_of_training_pixels"] == 0


def test_a_hot_pixel_is_told_and_a_percentile_clips_it(tmp_path, capsys):
    name = scope(tmp_path, "uint16", 0, 1000)
    for file in tmp_path.iterdir():
        image = tifffile.imread(file)
        image[0, 0] = 60_000
        tifffile.imwrite(file, image)
    load(name, image_size="native")
    assert "--intensity percentile" in capsys.readouterr().err
    images = load(name, image_size="native", intensity="percentile:1,99")
    assert images[:].mean() > 20_000
    assert 0.005 < images.provenance["intensity"]["clipped_share_of_training_pixels"] < 0.05
    assert "warning" not in capsys.readouterr().err


def test_images_of_fewer_bits_among_others_are_told(tmp_path, capsys):
    name = scope(tmp_path, "uint16", 0, 4000)
    load(name, image_size="native")
    assert "warning" not in capsys.readouterr().err
    for file in sorted(tmp_path.iterdir())[::3]:
        tifffile.imwrite(file, tifffile.imread(file) // 16)
    load(name, image_size="native")
    assert "use less than a twelfth of the range of values" in capsys.readouterr().err
    load(name, image_size="native", intensity="range/image")
    assert "warning" not in capsys.readouterr().err


def test_a_window_that_nobody_asked_for_tells_how_much_it_clips(tmp_path, capsys):
    for number in range(60):
        plane = np.random.default_rng(number).permuted(1000 * RAMP, axis=0).astype(np.int16)
        image = nibabel.Nifti1Image(plane[..., None], np.eye(4))
        image.header["cal_min"], image.header["cal_max"] = 250, 750
        nibabel.save(image, tmp_path / f"{number:03d}.nii")
    name = f"folder:{tmp_path}"
    load(name, image_size="native")
    assert "clips 49.4% of the training pixels; --intensity range" in capsys.readouterr().err
    load(name, image_size="native", intensity="file")
    assert "warning" not in capsys.readouterr().err


def test_images_that_are_left_out_are_not_counted_as_held_out(tmp_path):
    name = scope(tmp_path, "uint16", 0, 1000)
    left_out = load(name, image_size="native").ids[0]
    tifffile.imwrite(tmp_path / str(left_out), np.full((32, 32), 60_000, np.uint16))
    (tmp_path / "reject.txt").write_text(str(left_out))
    images = load(name, image_size="native", reject=str(tmp_path / "reject.txt"))
    assert images.provenance["intensity"]["held_out_images_with_clipped_pixels"] == 0


def test_held_out_images_do_not_bear_on_what_generated_ones_are_given_back(tmp_path):
    name = scope(tmp_path, "uint16", 0, 1000)
    settings = {"image_size": "native", "intensity": "range/image"}
    before = load(name, **settings)
    for held_out in before.ids[before.parts != "train"]:
        file = tmp_path / str(held_out)
        tifffile.imwrite(file, tifffile.imread(file) * 9)
    after = load(name, **settings).provenance["intensity"]
    assert after["high"] == before.provenance["intensity"]["high"]


def test_each_image_may_have_its_own_mapping(tmp_path):
    for number in range(60):
        image = (number + 1) * 100 + 50 * RAMP
        tifffile.imwrite(tmp_path / f"{number:03d}.tif", image.astype(np.uint16))
    images = load(f"folder:{tmp_path}", image_size="native", intensity="range/image")
    assert (images[:].max(axis=(1, 2, 3)) == 65535).all()
    assert (images[7].min(), images[7].max()) == (0, 65535)
    assert images.provenance["intensity"]["inverse"] == "by the median bounds, not exact"


def test_eight_bits_stay_as_they_are_unless_asked(tmp_path):
    name = scope(tmp_path, "uint8", 20, 100)
    assert load(name, image_size="native")[:].max() == 100
    images = load(name, image_size="native", intensity="range")
    assert (images.dtype, images.split("train")[:].max()) == (np.uint8, 255)
    assert np.array_equal(as_source(images[:], images.provenance), images.pixels)


def test_values_that_no_integer_holds_cannot_be_kept(tmp_path):
    with pytest.raises(UsageError, match="float32 values cannot be stored as they are"):
        load(scope(tmp_path, "float32", 0, 1), image_size="native", intensity="none")


def test_files_without_a_window_are_told(tmp_path):
    with pytest.raises(UsageError, match="not every image states a window"):
        load(scope(tmp_path, "uint16", 0, 100), image_size="native", intensity="file")


def test_a_mapping_is_read_again_from_what_was_recorded():
    raw = np.arange(-1000, 2000, dtype=np.int16).reshape(1, 50, 60, 1)
    one = Intensity("window", "int16", low=np.array([-1000.0]), high=np.array([1999.0]))
    again = Intensity.from_facts(one.facts())
    stored = again.apply(raw)
    assert np.array_equal(stored, one.apply(raw))
    assert np.array_equal(again.invert(stored), raw)
