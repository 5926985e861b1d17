"""The builder that prepared datasets share, through import and reading back."""

import io
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode
from zoo.data.prepare import import_files
from zoo.data.prepared import place_of, version_of
from zoo.data.source import open_source
from zoo.errors import ZooError
from zoo.specs import Archive, Dataset

RNG = np.random.default_rng(0)
CELLS = RNG.integers(0, 256, (4, 8, 10, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (8, 10, 2), np.uint16)


class Cells(ImageBuilder, skip_registration=True):
    """Two splits in two archives, the second optional."""

    VERSION = tfds.core.Version("1.0.0")
    channels, masks = 3, True
    fields = {"label": ("round", "long"), "plate": str, "well": int}  # noqa: RUF012
    splits = ("train", "test")
    pixel_size = (0.5, 0.25)

    def examples(self, archives, split):
        if f"{split}.zip" not in archives:
            return
        with open_zip(archives[f"{split}.zip"]) as archive:
            for number, entry in enumerate(archive.infolist()):
                image, note = decode(read_entry(archive, entry))
                mask = np.zeros(image.shape[:2], np.uint16)
                mask[:2], mask[4:] = 1, 300
                label = entry.filename.partition("/")[0]
                name = f"{split} {number}"
                yield {
                    "id": name,
                    "image": image,
                    "mask": mask,
                    "label": label,
                    "plate": "p1",
                    "well": number,
                    "group": "slide 1",
                    "note": note,
                }
        yield {"id": f"{split} odd", "rejected": "no image that can be read"}


class Deep(ImageBuilder, skip_registration=True):
    """One 16-bit image of two channels, told again, and one of 8 bits."""

    VERSION = tfds.core.Version("1.0.0")
    channels, dtype = 2, np.uint16

    def examples(self, archives, split):
        yield {"id": "a", "image": DEEP}
        yield {"id": "a", "image": DEEP}
        yield {"id": "b", "image": DEEP.astype(np.uint8)}


class Nothing(Deep, skip_registration=True):
    """Finds no image."""

    def examples(self, archives, split):
        yield {"id": "a", "rejected": "another layout"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def record(target, *archives, config=""):
    name = f"made/{config}" if config else f"made-{target.lower()}"
    return Dataset(name, f"{__name__}:{target}", archives=archives, config=config)


def write_zip(path, **images):
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in images.items():
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(name.replace("_", "/") + ".png", buffer.getvalue())
    return path


CELL_RECORD = record(
    "Cells", Archive("train.zip"), Archive("test.zip", optional=True), config="cells"
)


def test_what_a_builder_yields_is_read_back_and_counted(tmp_path):
    write_zip(tmp_path / "train.zip", round_0=CELLS[0], long_1=CELLS[1], other_2=CELLS[2])
    write_zip(tmp_path / "TEST.zip", round_0=CELLS[3])
    facts = import_files(CELL_RECORD, [tmp_path])
    assert facts["contents"] == {
        "images": 3,
        "masks": 6,
        "by": {"label": {"round": 2, "long": 1}},
        "official_splits": {"train": 2, "test": 1},
    }
    assert [copy["filename"] for copy in facts["archives"]] == ["train.zip", "test.zip"]
    assert {r["file"]: r["reason"] for r in facts["rejected"]} == {
        "train 2": "label 'other' is none of round, long",
        "train odd": "no image that can be read",
        "test odd": "no image that can be read",
    }
    examples = {e["id"]: e for e in open_source(CELL_RECORD, "made/cells", {}).examples()}
    example = examples["train 1"]
    assert np.array_equal(example.pop("image"), CELLS[1])
    assert np.unique(example.pop("mask")).tolist() == [0, 1, 300]
    assert example == {
        "id": "train 1",
        "label": "long",
        "plate": "p1",
        "well": 1,
        "group": "slide 1",
        "split": "train",
        "pixel_size": (0.5, 0.25),
        "note": "",
    }
    assert examples["test 0"]["split"] == "test"


def test_a_split_whose_optional_archive_is_absent_is_left_out(tmp_path):
    file = write_zip(tmp_path / "train.zip", round_0=CELLS[0])
    facts = import_files(CELL_RECORD, [file])
    assert facts["contents"]["official_splits"] == {"train": 1}


def test_sixteen_bits_and_two_channels_are_kept_as_they_are(tmp_path):
    deep = record("Deep", Archive("deep.tif"))
    (tmp_path / "any.tif").write_bytes(b"not read by this builder")
    facts = import_files(deep, [tmp_path / "any.tif"])
    (example,) = open_source(deep, "made", {}).examples()
    assert example["image"].dtype == np.uint16
    assert np.array_equal(example["image"], DEEP)
    assert example["group"] == "a"
    assert [r["reason"] for r in facts["rejected"]] == [
        "another image has the same id",
        "uint8 pixels, not uint16",
    ]


def test_archives_without_an_image_are_refused_with_the_first_reason(tmp_path):
    nothing = record("Nothing", Archive("deep.tif"))
    (tmp_path / "deep.tif").write_bytes(b"empty")
    with pytest.raises(ZooError, match=r"no image in deep\.tif can be read; a: another layout"):
        import_files(nothing, [tmp_path])
    assert version_of(nothing) is None


def test_each_dataset_has_a_folder_and_filters_share_their_configs(home):
    places = {
        "made/a": place_of(Dataset("made/a", "x:y")),
        "made/b": place_of(Dataset("made/b", "x:y", config="whole")),
        "made/b-part": place_of(Dataset("made/b-part", "x:y", config="whole")),
    }
    assert places == {
        "made/a": home / "datasets" / "made" / "a",
        "made/b": home / "datasets" / "made" / "whole",
        "made/b-part": home / "datasets" / "made" / "whole",
    }
