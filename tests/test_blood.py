"""BCCD's crops and Kaggle's blood cells, from small archives in the official layouts."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from zoo_datasets.blood.boxes import Box, crop, parse
from zoo_datasets.blood_cells import CLASSES, groups
from zoo_datasets.blood_cells.groups import Fields, candidates, same_field
from zoo_datasets.blood_cells.registration import MIN_INLIERS, inliers, keypoints

from zoo.data import load
from zoo.data.examples import Rejected
from zoo.data.prepare import import_files
from zoo.data.prepared import facts_of, version_of
from zoo.data.tfds import stored_examples
from zoo.errors import ZooError
from zoo.evaluation.encoding import encoding_of
from zoo.plugins import find

REAL = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
WIDTH, HEIGHT = 320, 240
SHEAR = Image.Transform.AFFINE
CELL = {"label": "RBC", "box": (41, 31, 140, 120)}


def smear(seed):
    """A made photograph: rings, discs and specks as in a stained smear."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (WIDTH, HEIGHT), (225, 222, 215))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = rng.integers(0, (WIDTH, HEIGHT))
        a, b = rng.integers(10, 24, 2)
        draw.ellipse((x - a, y - b, x + a, y + b), fill=(200, int(rng.integers(120, 180)), 160))
        draw.ellipse((x - a / 2, y - b / 2, x + a / 3, y + b / 3), fill=(215, 190, 190))
    for _ in range(120):
        x, y = rng.integers(0, (WIDTH, HEIGHT))
        size = int(rng.integers(2, 6))
        draw.rectangle((x, y, x + size, y + 3), fill=tuple(map(int, rng.integers(60, 140, 3))))
    return image


def pixels(image):
    return np.asarray(image.convert("RGB"))


CHANGES = {
    "turned": lambda image: image.rotate(17),
    "turned upside down": lambda image: image.rotate(170),
    "shifted": lambda image: image.rotate(0, translate=(60, -35)),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(-8),
    "sheared": lambda image: image.transform(image.size, SHEAR, (1, 0.14, -15, 0, 1, 0)),
    "brighter": lambda image: image.point(lambda value: min(255, int(value * 1.1 + 8))),
}


def registered(one, other):
    """The most inliers of two photographs, the first as it is or mirrored."""
    target = keypoints(other)
    return max(inliers(keypoints(one), target), inliers(keypoints(one[:, ::-1]), target))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photograph_registers_to_the_original(change):
    original = smear(0)
    assert registered(pixels(CHANGES[change](original)), pixels(original)) >= 2 * MIN_INLIERS


def test_different_photographs_do_not_register():
    found = [registered(pixels(smear(i)), pixels(smear(i + 1))) for i in range(0, 6, 2)]
    assert max(found) < MIN_INLIERS / 1.5


def test_black_corners_alone_register_nothing():
    """Two photographs turned alike have the same black corners, which must not count."""
    one, other = (pixels(smear(seed).rotate(20)) for seed in (0, 1))
    assert registered(one, other) < MIN_INLIERS


def test_an_even_image_has_no_keypoints_and_is_alone():
    even = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    assert len(keypoints(even).bits) == 0
    assert same_field([even, even, pixels(smear(0))], 3).tolist() == [0, 1, 2]


def copies():
    """Photographs 0, 1 and 2 with changed copies between them, and which each one shows."""
    order = [(0, None), (1, "turned"), (0, "shifted"), (2, "mirrored"), (1, None), (0, "mirrored")]
    images = [CHANGES[change](smear(seed)) if change else smear(seed) for seed, change in order]
    return [pixels(image) for image in images], [0, 1, 0, 3, 1, 0]


def test_copies_are_grouped_and_again_in_the_same_way():
    images, shown = copies()
    assert same_field(images, len(images)).tolist() == shown
    assert same_field(images, len(images)).tolist() == shown


def test_the_first_candidates_are_the_copies():
    images, shown = copies()
    fields = Fields(images, len(images))
    found = [(i, j) for i, j, _ in candidates(fields.plain, fields.mirrored).tolist()]
    true = {(i, j) for i in range(6) for j in range(i) if shown[i] == shown[j]}
    assert set(found[: len(true)]) == true


def test_what_the_candidates_miss_is_registered_all_the_same(monkeypatch):
    monkeypatch.setattr(groups, "MIN_VOTES", 10**6)
    images, shown = copies()
    assert same_field(images, len(images)).tolist() == shown


def jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_cells(path, *, prefix="dataset2-master/dataset2-master/images/", extra=()):
    """Kaggle's layout: each class has two fields in TRAIN, one of which is in TEST too."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(CLASSES):
            for copy in range(2):
                turned = smear(10 * number + copy).rotate(12 * copy)
                archive.writestr(f"{prefix}TRAIN/{name}/_{copy}_77.jpeg", jpeg(turned))
            turned = smear(10 * number).rotate(-20)
            archive.writestr(f"{prefix}TEST/{name}/_0_12.jpeg", jpeg(turned))
        archive.writestr(f"{prefix}TEST_SIMPLE/{CLASSES[0]}/_5_1.jpeg", jpeg(smear(0)))
        for name, content in extra:
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def cells_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    inside = "dataset2-master/dataset2-master/images/TRAIN"
    extra = [
        (f"{inside}/MONOCYTE/broken.jpeg", b"no image"),
        (f"{inside}/BASOPHIL/_0_1.jpeg", jpeg(smear(99))),
        (f"{inside}/MONOCYTE/grey.jpeg", jpeg(smear(98).convert("L"))),
        (f"__MACOSX/{inside}/MONOCYTE/_0_77.jpeg", b"left by a Mac"),
        ("dataset-master/dataset-master/JPEGImages/BloodImage_00000.jpg", jpeg(smear(97))),
    ]
    archive = write_cells(tmp_path_factory.mktemp("archive") / "dataset2-master.zip", extra=extra)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        import_files(find("datasets", "blood-cells"), [archive])
    return home


def test_blood_cells_are_counted_by_class_folder_and_inferred_group(cells_home, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(cells_home))
    facts = facts_of(find("datasets", "blood-cells"))
    assert facts["contents"] == {
        "images": 13,
        "by": {
            "label": {"EOSINOPHIL": 4, "LYMPHOCYTE": 3, "MONOCYTE": 3, "NEUTROPHIL": 3},
            "folder": {"TRAIN": 8, "TEST": 4, "TEST_SIMPLE": 1},
            "codec": {"JPEG, lossy": 13},
        },
        "groups": 8,
        "official_splits": {"train": 8, "test": 4, "test_simple": 1},
    }
    assert {entry["file"]: entry["reason"] for entry in facts["rejected"]} == {
        "TRAIN/MONOCYTE/broken.jpeg": "no image that can be read",
        "TRAIN/MONOCYTE/grey.jpeg": "uint8 pixels in 1 channels, not 8-bit RGB",
        "TRAIN/BASOPHIL/_0_1.jpeg": f"BASOPHIL is none of {', '.join(CLASSES)}",
    }


def test_a_group_spans_the_folders_and_is_named_after_its_first_image(cells_home, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(cells_home))
    stored = list(stored_examples(version_of(find("datasets", "blood-cells"))))
    shared = {e["id"]: e["group"] for e in stored if e["group"] == "TEST/EOSINOPHIL/_0_12.jpeg"}
    assert set(shared) == {
        "TEST/EOSINOPHIL/_0_12.jpeg",
        "TEST_SIMPLE/EOSINOPHIL/_5_1.jpeg",
        "TRAIN/EOSINOPHIL/_0_77.jpeg",
    }


def test_no_inferred_group_is_in_two_parts(cells_home, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(cells_home))
    monkeypatch.setattr("zoo.data.loading.MIN_TRAINING", 1)
    images = load("blood-cells", image_size=32)
    assert_no_group_in_two_parts(images)
    assert encoding_of(images) == "JPEG, lossy"
    assert images.provenance["lossy_files"] == 13


def assert_no_group_in_two_parts(images):
    parts = {}
    for part in ("train", "detect_train", "validation", "test"):
        for group in set(np.asarray(images.split(part).groups).tolist()):
            assert parts.setdefault(group, part) == part
    assert len(set(parts.values())) == 4


def test_an_archive_without_the_folders_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("pictures/a.jpeg", jpeg(smear(0)))
    with pytest.raises(ZooError, match=r"holds no TRAIN/<class>/<image>\.jpeg"):
        import_files(find("datasets", "blood-cells"), [tmp_path / "other.zip"])


@pytest.mark.slow
def test_the_real_part_of_the_set_is_grouped_without_leaks(tmp_path, monkeypatch):
    archive = REAL / "blood-cells" / "dataset2-master.zip"
    if not archive.is_file():
        pytest.skip(f"no real images at {archive}")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    record = find("datasets", "blood-cells")
    facts = import_files(record, [archive])
    assert facts["contents"]["images"] == 911
    assert facts["contents"]["by"]["label"] == {
        "EOSINOPHIL": 223, "LYMPHOCYTE": 216, "MONOCYTE": 214, "NEUTROPHIL": 258,
    }  # fmt: skip
    members = {}
    for example in stored_examples(version_of(record)):
        members.setdefault(example["group"], []).append((example["folder"], example["label"]))
    folders = [{folder for folder, _ in group} for group in members.values()]
    assert 240 <= len(members) <= 270
    assert max(map(len, members.values())) < 40
    assert sum({"TEST", "TEST_SIMPLE"} <= found for found in folders) >= 55
    assert sum(len({label for _, label in group}) > 1 for group in members.values()) <= 2
    assert_no_group_in_two_parts(load("blood-cells", image_size=32))


def annotation(cells, *, name="BloodImage_00000", size=(WIDTH, HEIGHT)):
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{cell['label']}</name><bndbox>"
        + "".join(f"<{c}>{v}</{c}>" for c, v in zip(corners, cell["box"], strict=True))
        + "</bndbox></object>"
        for cell in cells
    )
    return (
        f"<annotation><filename>{name}.jpg</filename><size><width>{size[0]}</width>"
        f"<height>{size[1]}</height><depth>3</depth></size>{objects}</annotation>"
    ).encode()


def write_bccd(path, photographs, *, lists=None, root="BCCD_Dataset-1.0/BCCD/"):
    """BCCD's layout; photographs are (name, list of cells or the bytes of an annotation)."""
    names = [name for name, _ in photographs]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BCCD_Dataset-1.0/README.md", "BCCD")
        for number, (name, cells) in enumerate(photographs):
            archive.writestr(f"{root}JPEGImages/{name}.jpg", jpeg(smear(number)))
            if cells is not None:
                content = cells if isinstance(cells, bytes) else annotation(cells, name=name)
                archive.writestr(f"{root}Annotations/{name}.xml", content)
        for split, listed in (lists or {"train": names, "val": [], "test": []}).items():
            archive.writestr(f"{root}ImageSets/Main/{split}.txt", "\n".join(listed) + "\n")
    return path


def imported(tmp_path, monkeypatch, photographs, **options):
    """The stored cells by id, and the reasons of what was set aside."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    record = find("datasets", "blood")
    archive = write_bccd(tmp_path / "BCCD_Dataset-1.0.zip", photographs, **options)
    facts = import_files(record, [archive])
    cells = {example["id"]: example for example in stored_examples(version_of(record))}
    return cells, {entry["file"]: entry["reason"] for entry in facts["rejected"]}


def test_each_box_is_a_square_crop_with_class_photograph_and_official_split(tmp_path, monkeypatch):
    photographs = [
        ("BloodImage_00000", [CELL, {"label": "WBC", "box": (200, 100, 300, 220)}]),
        ("BloodImage_00002", [{"label": "Platelets", "box": (1, 1, 30, 40)}]),
        ("BloodImage_00003", [CELL]),
    ]
    lists = {"train": ["BloodImage_00000"], "val": ["BloodImage_00002"]}
    lists |= {"test": ["BloodImage_00003"], "trainval": ["BloodImage_00000", "BloodImage_00002"]}
    cells, rejected = imported(tmp_path, monkeypatch, photographs, lists=lists)
    assert not rejected
    found = {(e["id"], e["label"], e["group"], e["split"]) for e in cells.values()}
    assert found == {
        ("BloodImage_00000-001", "RBC", "BloodImage_00000", "train"),
        ("BloodImage_00000-002", "WBC", "BloodImage_00000", "train"),
        ("BloodImage_00002-001", "Platelets", "BloodImage_00002", "val"),
        ("BloodImage_00003-001", "RBC", "BloodImage_00003", "test"),
    }
    assert {e["codec"] for e in cells.values()} == {"JPEG, lossy"}
    decoded = np.asarray(Image.open(io.BytesIO(jpeg(smear(0)))))
    np.testing.assert_array_equal(cells["BloodImage_00000-001"]["image"], decoded[25:125, 40:140])
    assert cells["BloodImage_00002-001"]["image"].shape == (40, 40, 3)


def test_bad_boxes_are_set_aside_one_by_one(tmp_path, monkeypatch):
    boxes = {
        "kept": CELL["box"],
        "one pixel": (104, 137, 104, 137),
        "turned round": (140, 120, 41, 31),
        "outside": (400, 10, 500, 90),
        "repeated": (43, 32, 141, 122),
        "over the border": (281, 201, 360, 290),
        "no number": (10, "", 50, 60),
    }
    cells = [{"label": "RBC", "box": box} for box in boxes.values()]
    cells += [{"label": "WBC", "box": CELL["box"]}, {"label": "Cell", "box": (1, 1, 90, 90)}]
    found, rejected = imported(tmp_path, monkeypatch, [("BloodImage_00000", cells)])
    kept = {name: example["image"].shape[:2] for name, example in found.items()}
    name = "BloodImage_00000-"
    assert kept == {f"{name}001": (100, 100), f"{name}006": (40, 40), f"{name}008": (100, 100)}
    assert {key.removeprefix(name): reason for key, reason in rejected.items()} == {
        "002": "box 104,137 to 104,137 covers less than 8×8 pixels of the 320×240 image",
        "003": "box 140,120 to 41,31 covers less than 8×8 pixels of the 320×240 image",
        "004": "box 400,10 to 500,90 covers less than 8×8 pixels of the 320×240 image",
        "005": "repeats box 1 of those kept: the same class, the same place",
        "007": "bndbox/ymin is missing, not a number",
        "009": "label 'Cell' is none of RBC, WBC, Platelets",
    }


def test_annotations_that_do_not_fit_are_set_aside_with_the_reason(tmp_path, monkeypatch):
    photographs = [
        ("fits", annotation([CELL], name="BloodImage_00777")),
        ("other-size", annotation([CELL], size=(640, 480))),
        ("entities", b'<!DOCTYPE a [<!ENTITY b "c">]>' + annotation([CELL])),
        ("no-xml", b"<annotation>"),
        ("unannotated", None),
        ("unlisted", [CELL]),
    ]
    listed = [name for name, _ in photographs[:-1]] + ["no-image"]
    cells, rejected = imported(tmp_path, monkeypatch, photographs, lists={"train": listed})
    assert {name: cell["note"] for name, cell in cells.items()} == {
        "fits-001": "annotation names BloodImage_00777"
    }
    assert rejected.pop("no-xml").startswith("annotation is no XML: ")
    assert rejected == {
        "other-size": "annotated at (640, 480) pixels, but the image has (320, 240)",
        "entities": "annotation declares entities or a document type",
        "unannotated": "no annotation",
        "unlisted": "in none of the lists train, val, test",
        "no-image": "annotated or listed, but there is no image",
    }


@pytest.mark.parametrize(
    "content",
    [
        '<?xml encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'.encode("utf-16"),
        b"<!doctype a><a/>",
        b"<a>" + b" " * 2**20 + b"</a>",
    ],
    ids=["another encoding", "small letters", "too long"],
)
def test_hostile_xml_is_refused_before_it_is_parsed(content):
    with pytest.raises(Rejected):
        parse(content)


def test_a_crop_at_the_border_is_moved_inside_not_padded():
    image = np.arange(100 * 200 * 3, dtype=np.uint16).reshape(100, 200, 3)
    np.testing.assert_array_equal(crop(image, Box("RBC", 0, 80, 40, 100)), image[60:100, 0:40])
    np.testing.assert_array_equal(crop(image, Box("RBC", 190, 0, 200, 30)), image[:30, 170:200])
    assert crop(image, Box("WBC", 0, 0, 150, 90)).shape == (100, 100, 3)


def test_a_zip_without_bccd_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ZooError, match="holds nothing in BCCD/JPEGImages; it is not BCCD"):
        imported(tmp_path, monkeypatch, [], root="elsewhere/")


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("blood", {"train": 2, "val": 1, "test": 1}),
        pytest.param(
            "blood-cells", {"train": 8, "test": 4, "test_simple": 1}, marks=pytest.mark.slow
        ),
    ],
)
def test_tfds_own_test_of_a_builder_passes(name, splits, tmp_path, tfds_case):
    record = find("datasets", name)
    archive = tmp_path / record.archives[0].filename
    if name == "blood":
        names = list(map("BloodImage_{:05d}".format, range(4)))
        lists = {"train": names[:2], "val": names[2:3], "test": names[3:]}
        write_bccd(archive, [(each, [CELL]) for each in names], lists=lists)
    else:
        write_cells(archive)
    # scikit-image loads tables on its first use.
    facts = {"OVERLAPPING_SPLITS": [], "MOCK_OUT_FORBIDDEN_OS_FUNCTIONS": False}
    tfds_case(record.load(), splits, tmp_path, **facts)
