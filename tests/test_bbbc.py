"""BBBC038: prepared once from an archive in the official layout, then read without TensorFlow."""

import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data import load, resolve
from zoo.data.fetching import fetch
from zoo.data.prepare import import_files
from zoo.data.prepared import FACTS, facts_of, place_of, remove, version_of
from zoo.errors import UsageError, ZooError
from zoo.plugins import find

ALL = "bbbc/bbbc038"
REAL = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def field(number, kind):
    """An RGBA field of 64×64 with two nuclei, and their masks."""
    rng = np.random.default_rng(number)
    background, nucleus = {
        "fluorescence": ((8, 8, 8), (150, 150, 150)),
        "histology": ((240, 220, 235), (120, 60, 160)),
        "brightfield": ((220, 220, 220), (90, 90, 90)),
    }[kind]
    masks = [np.zeros((64, 64), np.uint8) for _ in range(2)]
    rgb = np.full((64, 64, 3), background, np.uint8)
    for mask in masks:
        y, x = rng.integers(0, 44, 2)
        mask[y : y + 20, x : x + 20] = 255
    masks[1][masks[0] > 0] = 0
    for mask in masks:
        rgb[mask > 0] = nucleus
    rgb += rng.integers(0, 8, (64, 64, 1), np.uint8)
    alpha = np.full((64, 64, 1), 255, np.uint8)
    return np.concatenate([rgb, alpha], axis=2), masks


KINDS = ["fluorescence"] * 70 + ["histology"] * 6 + ["brightfield"] * 4


def write_archive(path, *, kinds=KINDS, extra=()):
    with zipfile.ZipFile(path, "w") as archive:
        for number, kind in enumerate(kinds):
            image, masks = field(number, kind)
            archive.writestr(f"{number:04x}/images/{number:04x}.png", png(image))
            for i, mask in enumerate(masks):
                archive.writestr(f"{number:04x}/masks/{i}.png", png(mask))
        for name, content in extra:
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def prepared_home(tmp_path_factory):
    """A home in which an archive with some damaged members has been imported."""
    home = tmp_path_factory.mktemp("home")
    image, masks = field(99, "fluorescence")
    extra = [
        ("broken/images/broken.png", b"no image"),
        ("badmask/images/badmask.png", png(image)),
        ("badmask/masks/0.png", png(masks[0])[:60]),
        ("two/images/a.png", png(image)),
        ("two/images/b.png", png(image)),
        ("../climbs/images/climbs.png", png(image)),
    ]
    archive = write_archive(tmp_path_factory.mktemp("archive") / "any name.zip", extra=extra)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        stale = home / "datasets" / "bbbc" / "bbbc038" / ".1.0.0.incomplete"
        stale.mkdir(parents=True)
        (stale / "half a file").write_text("what a killed process left")
        import_files(find("datasets", ALL), [archive])
    return home


@pytest.fixture
def home(prepared_home, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(prepared_home))
    return prepared_home


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_images_masks_and_modalities_are_counted(home):
    contents = facts_of(find("datasets", ALL))["contents"]
    assert contents["images"] == 80
    assert contents["masks"] == 160
    assert contents["by"] == {
        "modality": {"fluorescence": 70, "histology": 6, "brightfield": 4},
    }


def test_damaged_members_are_set_aside_with_the_reason(home, capsys):
    images = load("bbbc/bbbc038-fluorescence", image_size=64)
    reasons = {entry["file"]: entry["reason"] for entry in images.provenance["rejected"]}
    assert reasons == {
        "broken": "no image that can be read",
        "badmask": reasons["badmask"],
        "two": "2 images under one id",
        "../climbs/images/climbs.png": "its name climbs out of the archive's folder",
    }
    assert reasons["badmask"].startswith("mask 0.png: does not decode")
    assert capsys.readouterr().err.count("set aside") == 4


def test_an_unknown_copy_is_recorded(home):
    (archive,) = load("bbbc/bbbc038-fluorescence", image_size=64).provenance["archives"]
    assert archive["copy"] == "unknown copy"
    assert len(archive["sha256"]) == 64


def test_fluorescence_has_one_channel_and_the_whole_has_three(home):
    assert load("bbbc/bbbc038-fluorescence", image_size=64).shape == (70, 64, 64, 1)
    assert load(ALL, image_size=64).shape == (80, 64, 64, 3)


def test_pixels_and_instances_are_those_of_the_archive(home):
    images = load("bbbc/bbbc038-fluorescence", image_size=64)
    row = images.ids.tolist().index("0007")
    image, masks = field(7, "fluorescence")
    assert np.array_equal(images[row][..., 0], image[..., 0])
    assert np.array_equal(images.masks[row], (masks[0] > 0) + 2 * (masks[1] > 0))
    assert images.groups[row] == "0007"


def test_the_modality_can_be_the_label(home):
    images = load(ALL, image_size=64, label="modality")
    assert images.class_names == ("brightfield", "fluorescence", "histology")
    assert np.bincount(images.labels).tolist() == [4, 70, 6]


def test_smaller_tiles_split_by_source_image(home):
    images = load(ALL, image_size=32)
    assert all(len(set(images.parts[images.groups == group])) == 1 for group in images.groups)
    assert images.masks.shape == images.shape[:3]
    assert images.provenance["tiles_without_foreground"] == 80 * 4 - len(images)


def test_the_alias_is_the_fluorescence_set_once_prepared(home):
    assert resolve("bbbc") == ("bbbc/bbbc038-fluorescence", "")
    assert load("bbbc", image_size=64).name == "bbbc/bbbc038-fluorescence"


def test_what_is_prepared_is_listed_and_nothing_unfinished_is_left(home):
    (facts,) = (home / "datasets").rglob(FACTS)
    assert facts.parent == version_of(find("datasets", ALL))
    assert facts_of(find("datasets", ALL))["version"] == "1.0.0"
    assert not list((home / "datasets").rglob("*incomplete*"))


def test_another_archive_is_refused_until_the_first_is_removed(home, tmp_path):
    other = write_archive(tmp_path / "other.zip", kinds=["fluorescence"])
    with pytest.raises(ZooError, match="already prepared from other archives"):
        import_files(find("datasets", ALL), [other])


def test_reading_imports_no_tensorflow(home):
    code = (
        "import sys; from zoo.data import load;"
        f"load({ALL!r}, image_size=48, min_foreground=0.0);"
        "assert 'tensorflow' not in sys.modules, 'TensorFlow was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_explicit_variant_never_falls_back(fresh):
    with pytest.raises(
        ZooError, match=r"`zoo data fetch bbbc/bbbc038`.*`zoo data import bbbc/bbbc038 PATH"
    ):
        load(ALL, image_size=64)


def test_offline_the_alias_is_the_simulator_and_says_so(fresh, capsys):
    name, reason = resolve("bbbc", offline=True)
    assert name == "bbbc/simulated"
    assert "is not prepared" in reason
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: bbbc is bbbc/simulated in this run: ")


def test_an_archive_without_the_layout_is_refused_and_leaves_nothing(fresh, tmp_path):
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "nothing here")
    with pytest.raises(ZooError, match="it is not BBBC038"):
        import_files(find("datasets", ALL), [archive])
    assert version_of(find("datasets", ALL)) is None
    assert not list(fresh.rglob("*incomplete*"))


def test_a_truncated_archive_is_one_line_and_no_warning(fresh, tmp_path, capsys):
    archive = write_archive(tmp_path / "cut.zip", kinds=["fluorescence"])
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(ZooError, match="is no zip archive, or is truncated"):
        import_files(find("datasets", ALL), [archive])
    assert capsys.readouterr().err == ""


def test_a_removal_that_was_killed_leaves_no_half_of_a_dataset(fresh, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    record = find("datasets", ALL)
    version = place_of(record) / "1.0.0"
    version.mkdir(parents=True)
    (version / FACTS).write_text("{}")
    monkeypatch.setattr("zoo.runs.files.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove(record)
    assert version_of(record) is None


def test_removing_deletes_the_prepared_files(fresh):
    record = find("datasets", ALL)
    version = place_of(record) / "1.0.0"
    version.mkdir(parents=True)
    (version / "zoo.json").write_text("{}")
    assert remove(record) == [place_of(record)]
    assert version_of(record) is None
    with pytest.raises(ZooError, match="nothing to remove"):
        remove(record)


def test_what_has_no_address_says_where_to_get_it(fresh):
    record = find("datasets", ALL)
    record = replace(record, archives=(replace(record.archives[0], url=""),))
    with pytest.raises(UsageError, match=r"get stage1_train\.zip from https://bbbc"):
        fetch(record)


@pytest.mark.slow
def test_the_corrected_copy_of_the_archive_gives_the_known_counts(fresh):
    archive = REAL / "BBBC038" / "stage1_train.zip"
    if not archive.is_file():
        pytest.skip(f"no real images at {archive}")
    facts = import_files(find("datasets", ALL), [archive])
    assert facts["archives"][0]["copy"].startswith("corrected masks")
    assert facts["contents"]["images"] == 664
    assert facts["contents"]["masks"] == 28_986
    assert facts["contents"]["by"]["modality"] == {
        "fluorescence": 541,
        "histology": 107,
        "brightfield": 16,
    }
    assert load("bbbc/bbbc038-fluorescence", image_size=64).shape[1:] == (64, 64, 1)
