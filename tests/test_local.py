"""Sets that are read from a local copy in their official layout, here made small."""

import nibabel
import numpy as np
import pytest
from PIL import Image
from zoo_datasets.acdc.slices import Acdc
from zoo_datasets.idrid.fundus import Idrid
from zoo_datasets.retina.vessels import ChaseDb1, Drive
from zoo_datasets.sliver07.slices import Sliver07

from zoo.errors import UsageError
from zoo.testing import check_dataset


def rgb(number, shape=(12, 16, 3)):
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


def save(file, pixels, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **options)


def save_nifti(file, volume):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(volume, np.diag([1.5, 1.25, 10, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, file)


def save_mhd(file, volume):
    """A header and its pixels; volume (z, y, x)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kinds = {"int16": "MET_SHORT", "uint8": "MET_UCHAR"}
    z, y, x = volume.shape
    file.write_text(
        "ObjectType = Image\nNDims = 3\nBinaryDataByteOrderMSB = False\n"
        f"DimSize = {x} {y} {z}\nElementSpacing = 0.5 0.5 2\n"
        f"ElementType = {kinds[volume.dtype.name]}\nElementDataFile = {file.stem}.raw\n"
    )
    file.with_suffix(".raw").write_bytes(volume.tobytes())


def heart(number):
    rng = np.random.default_rng(number)
    return rng.integers(0, 900, (16, 12, 3)).astype(np.int16)


def structures():
    volume = np.zeros((16, 12, 3), np.uint8)
    volume[4:8, 3:6], volume[9:12, 3:9] = 1, 3
    return volume


def write_acdc(root):
    for split, patient, group in (
        ("training", "patient001", "DCM"),
        ("training", "patient002", "NOR"),
        ("testing", "patient101", "RV"),
    ):
        folder = root / split / patient
        for frame in (1, 12):
            save_nifti(folder / f"{patient}_frame{frame:02d}.nii.gz", heart(frame))
            save_nifti(folder / f"{patient}_frame{frame:02d}_gt.nii.gz", structures())
        save_nifti(folder / f"{patient}_4d.nii.gz", np.zeros((4, 4, 2, 5), np.int16))
        info = f"ED: 1\nES: 12\nGroup: {group}\nHeight: 184.0\nNbFrame: 30\nWeight: 95.0\n"
        (folder / "Info.cfg").write_text(info)


def write_sliver07(root):
    for number in (1, 2):
        scan = np.random.default_rng(number).integers(-1000, 400, (4, 10, 12)).astype(np.int16)
        liver = np.zeros((4, 10, 12), np.uint8)
        liver[1:3, 2:5, 3:9] = 1
        save_mhd(root / "scan" / f"liver-orig{number:03d}.mhd", scan)
        save_mhd(root / "label" / f"liver-seg{number:03d}.mhd", liver)


def write_idrid(root):
    part = root / "B. Disease Grading"
    truths = part / "2. Groundtruths"
    truths.mkdir(parents=True)
    for split, kind, grades in (
        ("a. Training", "Training", (0, 4)),
        ("b. Testing", "Testing", (2,)),
    ):
        rows = ["Image name,Retinopathy grade,Risk of macular edema ,,,"]
        for number, grade in enumerate(grades, start=1):
            name = f"IDRiD_{number:03d}"
            save(part / "1. Original Images" / f"{split} Set" / f"{name}.jpg", rgb(number))
            rows.append(f"{name},{grade},1,,,")
        table = f"{split[:2]} IDRiD_Disease Grading_{kind} Labels.csv"
        (truths / table).write_text("\n".join([*rows, ",,,,,"]))


def write_idrid_masks(root):
    part = root / "A. Segmentation"
    save(part / "1. Original Images" / "a. Training Set" / "IDRiD_01.jpg", rgb(1))
    truths = part / "2. All Segmentation Groundtruths" / "a. Training Set"
    lesion, disc = np.zeros((2, 12, 16), np.uint8)
    lesion[2:4, 2:4], disc[3:9, 3:9] = 76, 255
    red = np.dstack([lesion, lesion * 0, lesion * 0])
    save(truths / "1. Microaneurysms" / "IDRiD_01_MA.tif", red)
    save(truths / "5. Optic Disc" / "IDRiD_01_OD.tif", disc)


def vessels():
    drawn = np.zeros((12, 16), bool)
    drawn[5, 2:14] = True
    return drawn


def write_drive(root):
    for split, number in (("training", 21), ("training", 22), ("test", 1)):
        folder = root / split
        save(folder / "images" / f"{number:02d}_{split}.tif", rgb(number))
        save(folder / "1st_manual" / f"{number:02d}_manual1.gif", vessels())
        save(folder / "mask" / f"{number:02d}_{split}_mask.gif", vessels() | True)


def write_chase(root):
    for name in ("01L", "01R", "02L"):
        save(root / f"Image_{name}.jpg", rgb(len(name)))
        save(root / f"Image_{name}_1stHO.png", vessels())
        save(root / f"Image_{name}_2ndHO.png", ~vessels())


SETS = {
    "acdc": (Acdc, write_acdc),
    "sliver07": (Sliver07, write_sliver07),
    "idrid": (Idrid, write_idrid),
    "drive": (Drive, write_drive),
    "chase-db1": (ChaseDb1, write_chase),
}


def by_id(examples):
    return {example["id"]: example for example in examples}


def reasons(examples):
    return {e["id"]: e["rejected"] for e in examples if "rejected" in e}


@pytest.mark.parametrize("name", SETS)
def test_a_copy_in_the_official_layout_is_read_whole(tmp_path, name):
    adapter, write = SETS[name]
    write(tmp_path)
    examples = check_dataset(adapter(str(tmp_path)))
    assert not reasons(examples)
    assert len(examples) == {"acdc": 18, "sliver07": 4}.get(name, 3)


@pytest.mark.parametrize("name", SETS)
def test_another_folder_is_told_with_what_was_expected_and_found(tmp_path, name):
    adapter, _ = SETS[name]
    save(tmp_path / "holiday.png", rgb(1))
    expected = rf"{name}:.*: expected .*; found holiday.png$"
    with pytest.raises(UsageError, match=expected):
        adapter(str(tmp_path))
    with pytest.raises(UsageError, match="no such folder"):
        adapter(str(tmp_path / "absent"))
    with pytest.raises(UsageError, match=f"{name}: needs a path"):
        adapter("")


@pytest.mark.parametrize(
    ("name", "codec"), [("idrid", "JPEG, lossy"), ("chase-db1", "JPEG, lossy"), ("drive", "TIFF")]
)
def test_photographs_say_how_their_files_are_encoded(tmp_path, name, codec):
    adapter, write = SETS[name]
    write(tmp_path)
    source = adapter(str(tmp_path))
    assert source.facts["formats"] == {codec: 3}
    assert source.facts["lossy_files"] == (3 if "lossy" in codec else 0)
    assert {example["codec"] for example in check_dataset(source)} == {codec}


@pytest.mark.parametrize("name", SETS)
def test_a_changed_file_changes_the_key(tmp_path, name):
    adapter, write = SETS[name]
    write(tmp_path)
    before = adapter(str(tmp_path)).content_key
    assert adapter(str(tmp_path)).content_key == before
    images = (
        path for path in tmp_path.rglob("*") if path.suffix in (".gz", ".raw", ".jpg", ".tif")
    )
    next(path for path in sorted(images) if "4d" not in path.name).write_bytes(b"shorter")
    assert adapter(str(tmp_path)).content_key != before


@pytest.mark.parametrize("name", SETS)
def test_a_damaged_image_is_set_aside_and_the_rest_goes_on(tmp_path, name):
    adapter, write = SETS[name]
    write(tmp_path)
    whole = len(check_dataset(adapter(str(tmp_path))))
    endings = ("_frame01.nii.gz", "orig001.mhd", "_001.jpg", "_training.tif", "01L.jpg")
    damaged = next(path for path in tmp_path.rglob("*") if path.name.endswith(endings))
    damaged.write_bytes(b"no image")
    examples = check_dataset(adapter(str(tmp_path)))
    assert len(reasons(examples)) == 1
    assert 0 < len(examples) <= whole


def test_acdc_gives_pathology_patient_phase_and_structures(tmp_path):
    write_acdc(tmp_path / "database")
    found = by_id(check_dataset(Acdc(str(tmp_path))))
    example = found["patient101/frame12#z1"]
    facts = {key: example[key] for key in ("label", "group", "phase", "split")}
    assert facts == {"label": "RV", "group": "patient101", "phase": "ES", "split": "testing"}
    assert example["image"].dtype == np.int16
    assert sorted(np.unique(example["mask"])) == [0, 1, 3]
    assert sorted(example["image"].ravel()) == sorted(heart(12)[..., 1].ravel())
    assert (example["mask"] == 1).sum() == 12
    assert sorted(example["pixel_size"]) == [1250.0, 1500.0]
    assert found["patient001/frame01#z0"]["phase"] == "ED"


def test_acdc_names_what_is_missing_beside_a_volume(tmp_path):
    write_acdc(tmp_path)
    (tmp_path / "training" / "patient001" / "patient001_frame12_gt.nii.gz").unlink()
    (tmp_path / "training" / "patient002" / "Info.cfg").unlink()
    (tmp_path / "testing" / "patient101" / "Info.cfg").write_text("ED: 1\nES: 12\n")
    assert reasons(check_dataset(Acdc(str(tmp_path)))) == {
        "patient001/frame12": "has no ground truth patient001_frame12_gt.nii.gz",
        "patient002/frame01": "has no Info.cfg",
        "patient002/frame12": "has no Info.cfg",
        "patient101/frame01": "has an Info.cfg without Group",
        "patient101/frame12": "has an Info.cfg without Group",
    }


def test_sliver07_gives_slices_with_liver_in_hounsfield_units(tmp_path):
    write_sliver07(tmp_path)
    found = by_id(check_dataset(Sliver07(str(tmp_path))))
    assert list(found) == [f"liver-orig00{n}#z{z}" for n in (1, 2) for z in (1, 2)]
    example = found["liver-orig002#z1"]
    assert example["group"] == "liver-orig002"
    assert example["image"].dtype == np.int16
    assert example["image"].min() < 0
    assert example["mask"].sum() == 18
    assert example["pixel_size"] == (500.0, 500.0)
    assert len(list(Sliver07(str(tmp_path), all_slices=True))) == 8
    assert "explicit permission" in Sliver07(str(tmp_path)).facts["terms"]


def test_sliver07_sets_scans_without_segmentation_or_pixels_aside(tmp_path):
    write_sliver07(tmp_path)
    (tmp_path / "label" / "liver-seg001.mhd").unlink()
    (tmp_path / "scan" / "liver-orig002.raw").unlink()
    found = reasons(check_dataset(Sliver07(str(tmp_path))))
    assert found["liver-orig001"] == "has no segmentation liver-seg001.mhd"
    assert "liver-orig002.raw" in found["liver-orig002"]


def test_idrid_gives_grades_and_keeps_equal_names_of_its_splits_apart(tmp_path):
    write_idrid(tmp_path)
    found = by_id(check_dataset(Idrid(str(tmp_path))))
    assert {key: (e["label"], e["split"], e["group"]) for key, e in found.items()} == {
        "train/IDRiD_001": ("0", "train", "train/IDRiD_001"),
        "train/IDRiD_002": ("4", "train", "train/IDRiD_002"),
        "test/IDRiD_001": ("2", "test", "test/IDRiD_001"),
    }
    assert found["test/IDRiD_001"]["macular_edema"] == "1"


def test_idrid_names_images_without_grade_and_grades_without_image(tmp_path):
    write_idrid(tmp_path)
    images = tmp_path / "B. Disease Grading" / "1. Original Images" / "a. Training Set"
    (images / "IDRiD_002.jpg").rename(images / "IDRiD_009.jpg")
    found = reasons(check_dataset(Idrid(str(tmp_path / "B. Disease Grading"))))
    assert found["train/IDRiD_009"].startswith("has no grade in a. IDRiD")
    assert found["train/IDRiD_002"].endswith("names it, but there is no IDRiD_002.jpg")


def test_idrid_gives_kinds_of_lesions_of_the_segmentation_part(tmp_path):
    write_idrid_masks(tmp_path)
    (example,) = check_dataset(Idrid(str(tmp_path), part="segmentation"))
    assert np.unique(example["mask"]).tolist() == [0, 1, 5]
    assert example["mask"][3, 3] == 1
    assert "label" not in example
    with pytest.raises(
        UsageError, match=r"expected a folder with 1. Original Images and 2. Ground"
    ):
        Idrid(str(tmp_path))
    with pytest.raises(UsageError, match=r"no part of idrid 'grade'.*grading"):
        Idrid(str(tmp_path), part="grade")


def test_drive_gives_vessels_and_its_official_split(tmp_path):
    write_drive(tmp_path / "DRIVE")
    found = by_id(check_dataset(Drive(str(tmp_path))))
    assert {key: example["split"] for key, example in found.items()} == {
        "21_training": "training",
        "22_training": "training",
        "01_test": "test",
    }
    assert np.array_equal(found["22_training"]["mask"] == 1, vessels())
    assert np.array_equal(found["22_training"]["image"], rgb(22))


def test_drive_sets_test_images_without_a_drawing_aside(tmp_path):
    write_drive(tmp_path)
    (tmp_path / "test" / "1st_manual" / "01_manual1.gif").unlink()
    assert reasons(check_dataset(Drive(str(tmp_path)))) == {"01_test": "has no mask 01_manual1.gif"}


def test_chase_db1_keeps_both_eyes_of_a_child_together(tmp_path):
    write_chase(tmp_path / "CHASEDB1")
    examples = check_dataset(ChaseDb1(str(tmp_path)))
    assert [(e["group"], e["eye"]) for e in examples] == [
        ("child 01", "left"),
        ("child 01", "right"),
        ("child 02", "left"),
    ]
    assert np.array_equal(examples[0]["mask"] == 1, vessels())


def test_a_mask_of_another_size_sets_its_image_aside(tmp_path):
    write_chase(tmp_path)
    save(tmp_path / "Image_01L_1stHO.png", np.zeros((5, 5), np.uint8))
    assert reasons(check_dataset(ChaseDb1(str(tmp_path)))) == {
        "Image_01L": "mask Image_01L_1stHO.png: 5×5 pixels for an image of 16×12"
    }


BROKEN = [
    ({"id": "a", "image": np.zeros((4, 4), np.uint8)}, r"a: image of shape \(4, 4\) is not H×W×C"),
    ({"id": "a", "image": np.zeros((4, 4, 5), np.uint8)}, "a: 5 channels"),
    ({"id": "a", "image": np.zeros((4, 4, 1))}, "a: image is float64"),
    ({"id": "a", "image": np.full((4, 4, 1), np.nan, np.float32)}, "a: image holds NaN"),
    ({"id": "a"}, "a: image is NoneType"),
    ({"id": 7, "image": np.zeros((4, 4, 1), np.uint8)}, "id 7 is no text"),
    ({"id": "a", "rejected": ""}, "a: rejected without a reason"),
]
GOOD = {"id": "a", "image": np.zeros((4, 4, 1), np.uint8)}
BROKEN += [
    (GOOD | {"mask": np.zeros((4, 4), np.uint8)}, "a: mask is uint8"),
    (GOOD | {"mask": np.zeros((3, 4), np.uint16)}, r"a: mask of \(3, 4\)"),
    (GOOD | {"label": 3}, "a: label 3 is no text"),
    (GOOD | {"group": None}, "a: group None is no text"),
    (GOOD | {"pixel_size": (0.0, 1.0)}, "a: pixel_size .* is not positive"),
    (GOOD | {"window": (3, 1)}, "a: window .* is not"),
    (GOOD | {"rejected": "damaged"}, "a: has an image and is rejected"),
]


@pytest.mark.parametrize(("example", "message"), BROKEN)
def test_the_check_for_plugin_authors_names_what_breaks_the_contract(example, message):
    with pytest.raises(AssertionError, match=message):
        check_dataset([example])


def test_the_check_for_plugin_authors_finds_repeated_and_changing_ids():
    check_dataset([GOOD, {"id": "b", "rejected": "damaged"}])
    with pytest.raises(AssertionError, match="ids are not unique: 'a'"):
        check_dataset([GOOD, GOOD])
    with pytest.raises(AssertionError, match="a second iteration gives other ids"):
        check_dataset(iter([GOOD]))
