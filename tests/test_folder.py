"""`folder:PATH`: images in folders, sub-folder = class."""

import numpy as np
import pytest
from PIL import Image

from zoo.data import load
from zoo.errors import UsageError, ZooError


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


def noise(number, shape=(40, 40)):
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


def write(folder, count, *, shape=(40, 40), start=0, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        Image.fromarray(noise(number, shape)).save(folder / f"{number:03d}{suffix}")


def test_sub_folders_are_classes_and_files_are_groups(tmp_path):
    write(tmp_path / "healthy" / "slide-1", 40)
    write(tmp_path / "ill", 40, start=40)
    images = load(f"folder:{tmp_path}")
    assert images.shape == (80, 40, 40, 1)
    assert images.class_names == ("healthy", "ill")
    assert np.bincount(images.labels).tolist() == [40, 40]
    assert len(set(images.groups)) == 80
    assert "healthy/slide-1/000.png" in images.ids


def test_pixels_are_those_of_the_files(tmp_path):
    write(tmp_path, 60)
    images = load(f"folder:{tmp_path}")
    assert images.class_names == ()
    row = images.ids.tolist().index("017.png")
    assert np.array_equal(images[row][..., 0], noise(17))


def test_hidden_files_and_notes_are_ignored_and_the_rest_is_told(tmp_path, capsys):
    write(tmp_path, 60)
    write(tmp_path / ".hidden", 5, shape=(9, 9))
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "README.txt").write_text("notes")
    (tmp_path / "scan.czi").write_bytes(b"x")
    (tmp_path / "broken.png").symlink_to(tmp_path / "absent.png")
    images = load(f"folder:{tmp_path}")
    rejected = {entry["file"]: entry["reason"] for entry in images.provenance["rejected"]}
    assert set(rejected) == {"scan.czi", "broken.png"}
    assert rejected["broken.png"] == "no regular file, or a broken link"
    assert "scan.czi" in capsys.readouterr().err


def test_images_of_several_sizes_ask_for_one(tmp_path):
    write(tmp_path, 40)
    write(tmp_path, 10, start=40, shape=(40, 72))
    with pytest.raises(UsageError, match=r"2 sizes, 40x40 \(40\), 40x72 \(10\).*--image-size 40"):
        load(f"folder:{tmp_path}")
    assert load(f"folder:{tmp_path}", image_size=32).shape == (50, 32, 32, 1)


def test_resizing_keeps_the_centre_and_the_aspect(tmp_path):
    image = np.zeros((64, 128), np.uint8)
    image[:, 32:96] = 200
    for number in range(60):
        image[0, 0] = number
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    images = load(f"folder:{tmp_path}", image_size=32)
    assert images[:].min() == 200


def test_microscope_fields_can_be_tiled(tmp_path):
    write(tmp_path, 40, shape=(70, 100))
    images = load(f"folder:{tmp_path}", image_size=32, view="tile", min_foreground=0)
    assert len(images) == 40 * 2 * 3
    row = images.ids.tolist().index("005.png:32,64")
    assert np.array_equal(images[row][..., 0], noise(5, (70, 100))[32:64, 64:96])


def test_sixteen_bits_stay_sixteen_bits(tmp_path):
    for number in range(60):
        deep = np.random.default_rng(number).integers(0, 65536, (32, 32)).astype(np.uint16)
        Image.fromarray(deep).save(tmp_path / f"{number:02d}.tif")
    images = load(f"folder:{tmp_path}")
    assert images.dtype == np.uint16
    assert np.array_equal(images[59][..., 0], deep)


def test_grey_files_among_coloured_ones_become_three_channels(tmp_path):
    write(tmp_path, 30)
    for number in range(30, 60):
        Image.fromarray(noise(number, (40, 40, 3))).save(tmp_path / f"{number:03d}.png")
    images = load(f"folder:{tmp_path}")
    assert images.shape == (60, 40, 40, 3)
    assert np.array_equal(images[3], np.repeat(noise(3)[..., None], 3, axis=-1))
    assert np.array_equal(images[45], noise(45, (40, 40, 3)))


def test_grey_stored_as_rgb_becomes_one_channel_and_alpha_is_dropped(tmp_path):
    for number in range(60):
        grey = noise(number)
        rgba = np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1)
        Image.fromarray(rgba).save(tmp_path / f"{number:02d}.png")
    images = load(f"folder:{tmp_path}")
    assert images.shape == (60, 40, 40, 1)
    assert images.provenance["notes"] == {"alpha channel dropped": 60}
    assert np.array_equal(images[7][..., 0], noise(7))


def test_the_encodings_of_the_files_are_counted_and_lossy_ones_apart(tmp_path):
    write(tmp_path, 40)
    write(tmp_path, 20, start=40, suffix=".jpg")
    jpeg = (tmp_path / "040.jpg").read_bytes()
    (tmp_path / "renamed.png").write_bytes(jpeg)
    Image.fromarray(noise(80)).save(tmp_path / "80.tif", compression="jpeg")
    for lossless in (True, False):
        Image.fromarray(noise(81)).save(tmp_path / f"{lossless}.webp", lossless=lossless)
    facts = load(f"folder:{tmp_path}").provenance
    assert facts["formats"] == {
        "PNG": 40,
        "JPEG, lossy": 21,
        "TIFF, lossy": 1,
        "WEBP": 1,
        "WEBP, lossy": 1,
    }
    assert facts["lossy_files"] == 23


def test_copies_of_an_image_stay_in_one_part(tmp_path):
    write(tmp_path / "a", 60)
    write(tmp_path / "b", 60)
    images = load(f"folder:{tmp_path}")
    part_of = dict(zip(images.ids.tolist(), images.parts.tolist(), strict=True))
    assert all(part_of[f"a/{i:03d}.png"] == part_of[f"b/{i:03d}.png"] for i in range(60))
    assert images.provenance["groups_joined_by_duplicates"] == 60


def test_every_file_that_is_set_aside_has_its_line(tmp_path, capsys):
    write(tmp_path, 60)
    for number in range(30):
        (tmp_path / f"empty-{number:02d}.png").touch()
    for _ in ("cut", "cached"):
        load(f"folder:{tmp_path}")
        lines = capsys.readouterr().err.splitlines()
        assert lines == [
            f"warning: set aside empty-{number:02d}.png: empty file" for number in range(30)
        ]


def test_a_changed_file_is_read_again_and_changes_the_fingerprint(tmp_path):
    write(tmp_path, 60)
    before = load(f"folder:{tmp_path}")
    Image.fromarray(noise(999)).save(tmp_path / "000.png")
    after = load(f"folder:{tmp_path}")
    assert np.array_equal(after[0][..., 0], noise(999))
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "no such folder"), ("empty", "holds no images"), ("", "needs a path")],
)
def test_a_folder_without_images_is_a_wrong_use(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        load(f"folder:{tmp_path / name}" if name else "folder:")


def test_fewer_than_32_training_images_are_refused(tmp_path):
    write(tmp_path, 20)
    with pytest.raises(ZooError, match=r"\d+ training images are too few; at least 32"):
        load(f"folder:{tmp_path}")


def test_under_eight_groups_it_trains_and_says_what_is_missing(tmp_path):
    write(tmp_path, 3, shape=(256, 256))
    images = load(f"folder:{tmp_path}", image_size=64, view="tile")
    assert set(images.parts) == {"train"}
    assert images.provenance["no_held_out"].startswith("3 groups;")
