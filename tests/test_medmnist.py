"""MedMNIST: small files in the official layout, prepared and read as any archive is."""

import io
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from zoo_datasets.medmnist import zoo_datasets
from zoo_datasets.medmnist.subsets import SUBSETS

from zoo.data import load
from zoo.data.prepare import import_files
from zoo.data.prepared import facts_of, version_of
from zoo.data.tfds import stored_examples
from zoo.errors import ZooError
from zoo.plugins import find

COUNTS = {"train": 60, "val": 12, "test": 9}


def images(count, *, side=28, channels=1, start=0):
    shape = (count, side, side) if channels == 1 else (count, side, side, channels)
    return np.random.default_rng(start).integers(0, 256, shape, np.uint8)


def arrays(subset, *, side=28, counts=COUNTS):
    """What a subset's file holds, as MedMNIST lays it out: labels are (n, 1) or (n, classes)."""
    found = {}
    for start, (split, count) in enumerate(counts.items()):
        found[f"{split}_images"] = images(count, side=side, channels=subset.channels, start=start)
        number = np.arange(count)[:, None]
        columns = np.arange(len(subset.classes))
        labels = (number % (columns + 2) == 1) if subset.several else number % len(columns)
        found[f"{split}_labels"] = labels.astype(np.uint8)
    return found


def subset_of(name):
    return next(subset for subset in SUBSETS if subset.name == name)


def write(folder, name, *, size=28, **changes):
    path = folder / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
    held = arrays(subset_of(name), side=size) | changes
    np.savez_compressed(path, **{key: value for key, value in held.items() if value is not None})
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path


def prepared(folder, name, **changes):
    record = find("datasets", f"medmnist/{name}")
    stem, _, size = name.partition("-")
    import_files(record, [write(folder, stem, size=int(size or 28), **changes)])
    return record


def test_there_are_twelve_subsets_in_four_sizes_and_the_smallest_are_listed():
    records = list(zoo_datasets())
    assert len(records) == 48
    assert sum(record.listed for record in records) == 12
    (archive,) = find("datasets", "medmnist/pathmnist-224").archives
    assert archive.filename == "pathmnist_224.npz"
    assert archive.url == "https://zenodo.org/records/10519652/files/pathmnist_224.npz?download=1"
    assert set(archive.md5) == {"2c51a510bcdc9cf8ddb2af93af1eadec"}
    assert find("datasets", "medmnist/dermamnist").licence == "CC-BY-NC-4.0"
    hashes = [digest for record in records for digest in record.archives[0].md5]
    assert len(hashes) == len(set(hashes)) == 51
    assert all(len(bytes.fromhex(digest)) == 16 for digest in hashes)


@pytest.mark.parametrize("name", ["pathmnist", "pneumoniamnist", "bloodmnist-64"])
def test_pixels_classes_and_official_splits_are_those_of_the_file(home, name):
    record = prepared(home, name)
    subset = subset_of(name.partition("-")[0])
    held = arrays(subset, side=64 if name.endswith("64") else 28)
    examples = list(stored_examples(version_of(record)))
    assert len(examples) == sum(COUNTS.values())
    for example in examples:
        split, _, number = example["id"].partition("/")
        row = int(number)
        stored = held[f"{split}_images"][row]
        assert example["split"] == split
        assert example["group"] == example["id"]
        assert np.array_equal(example["image"].squeeze(), stored)
        assert example["label"] == subset.classes[held[f"{split}_labels"][row, 0]]
    contents = facts_of(record)["contents"]
    assert contents["official_splits"] == COUNTS
    assert contents["split_origin"] == subset.split


def test_an_image_with_several_findings_has_a_field_for_each_and_no_label(home):
    record = prepared(home, "chestmnist")
    rows = {example["id"]: example for example in stored_examples(version_of(record))}
    example = rows["train/000001"]
    assert "label" not in example
    assert [example[name] for name in subset_of("chestmnist").classes] == ["present"] * 14
    assert rows["train/000000"]["findings"] == "none"
    assert rows["train/000007"]["findings"] == "atelectasis, cardiomegaly, mass"
    by_finding = facts_of(record)["contents"]["by"]
    assert by_finding["atelectasis"] == {"absent": 41, "present": 40}
    conditional = load("medmnist/chestmnist", image_size=8, label="hernia")
    assert conditional.class_names == ("absent", "present")
    assert load("medmnist/chestmnist", image_size=8).labels is None


def test_grades_are_classes_and_numbers(home):
    prepared(home, "retinamnist")
    loaded = load("medmnist/retinamnist")
    assert loaded.shape == (81, 28, 28, 3)
    assert loaded.class_names == ("0", "1", "2", "3", "4")
    assert loaded.fields["grade"].tolist() == loaded.labels.tolist()


def test_reading_imports_no_tensorflow(home):
    prepared(home, "breastmnist")
    code = (
        "import sys; from zoo.data import load; load('medmnist/breastmnist');"
        "assert 'tensorflow' not in sys.modules, 'TensorFlow was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=home)


def test_a_file_of_unknown_hash_is_taken_and_told(home, capsys):
    prepared(home, "breastmnist")
    assert "breastmnist.npz is no known copy of breastmnist.npz" in capsys.readouterr().err


def objects(count):
    """An array of pickled objects, which must never be read."""
    array = np.empty((count, 1), object)
    array[:] = {"any": "thing"}
    return array


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"val_images": None}, "holds no val_images and val_labels"),
        ({"train_images": images(60, side=64)}, "train: images are 64×64 uint8, not 28×28 uint8"),
        ({"train_images": images(60, channels=3)}, "images are 28×28×3 uint8, not 28×28 uint8"),
        ({"train_images": images(60) / 2}, "images are 28×28 float64, not 28×28 uint8"),
        ({"train_images": images(59)}, "59 images for 60 labels"),
        ({"train_labels": np.full((60, 1), 2)}, "labels from 2 to 2, not 0 to 1"),
        ({"train_labels": np.zeros(60, np.uint8)}, r"labels are \(60,\) uint8, not \(n, 1\)"),
        ({"train_labels": objects(60)}, "no plain array in C order"),
    ],
)
def test_what_is_not_the_subset_is_told_in_one_line_and_leaves_nothing(home, changes, reason):
    with pytest.raises(ZooError, match=reason) as error:
        prepared(home, "breastmnist", **changes)
    assert "\n" not in str(error.value)
    assert version_of(find("datasets", "medmnist/breastmnist")) is None


def rewritten(path, member, change):
    """The same .npz with the bytes of one member changed."""
    with zipfile.ZipFile(path) as source:
        held = {name: source.read(name) for name in source.namelist()}
    held[member] = change(held[member])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in held.items():
            target.writestr(name, content)


def header(shape):
    buffer = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("member", "change", "reason"),
    [
        ("train_images.npy", lambda held: held[:-1], "ends after 59 of 60 images"),
        ("train_images.npy", lambda held: held + b"x", "holds more than its header says"),
        ("train_images.npy", lambda held: b"no array", "magic string"),
        ("train_labels.npy", lambda held: header((10**15, 1)), "cannot reshape"),
        ("train_labels.npy", lambda held: header((60, 1)) + bytes(2**25), "more than 1000 times"),
    ],
)
def test_a_damaged_member_is_told_in_one_line(home, member, change, reason):
    path = write(home, "breastmnist")
    rewritten(path, member, change)
    with pytest.raises(ZooError, match=rf"breastmnist\.npz, train.*{reason}"):
        import_files(find("datasets", "medmnist/breastmnist"), [path])


def test_flipped_bytes_inside_a_member_are_found(home):
    path = write(home, "breastmnist")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("test_images.npy")
    name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
    start = entry.header_offset + 30 + name + extra
    content[start + entry.compress_size // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(ZooError, match=r"breastmnist\.npz, test: "):
        import_files(find("datasets", "medmnist/breastmnist"), [path])


def test_a_truncated_download_is_no_archive(home):
    path = write(home, "breastmnist")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ZooError, match=f"^{path} is no zip archive, or is truncated"):
        import_files(find("datasets", "medmnist/breastmnist"), [path])
