"""`folder:PATH`: one's own images, with labels, masks and names that say what they hold."""

import os
import re

import numpy as np
import pytest
import tifffile
from PIL import Image
from zoo_datasets.folder.files import Folder

from zoo.data import load
from zoo.errors import UsageError, ZooError
from zoo.testing import check_dataset


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


def test_held_out_images_of_few_groups_are_not_said_to_be_missing(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        write(tmp_path / part, count, shape=(256, 256), start=10 * count)
    images = load(f"folder:{tmp_path}", image_size=64, view="tile", split="official")
    assert images.provenance["splits"]["test"]["groups"] == 2
    assert "no_held_out" not in images.provenance


def test_leaving_out_all_held_out_images_is_said(tmp_path):
    write(tmp_path / "images", 90)
    whole = load(f"folder:{tmp_path}/images")
    accept = tmp_path / "accept.txt"
    accept.write_text("\n".join(whole.ids[whole.parts == "train"]))
    images = load(f"folder:{tmp_path}/images", accept=str(accept))
    assert images.provenance["no_held_out"].startswith("all held-out images are left out")


# What follows reads the examples themselves, before they are cut.


def folder(path, **options):
    return check_dataset(Folder(str(path), **options))


def by_id(examples):
    return {example["id"]: example for example in examples}


def reasons(examples):
    return {e["id"]: e["rejected"] for e in examples if "rejected" in e}


def plane(level, shape=(6, 8)):
    return np.full(shape, level, np.uint16)


def write_fields(folder, wells=("A01", "A02"), fields=(1, 2), depths=(0, 1, 2), channels=(1, 2)):
    """Fields of view as a microscope writes them; a pixel says which plane it is of."""
    folder.mkdir(parents=True, exist_ok=True)
    for w, well in enumerate(wells):
        for f in fields:
            for z in depths:
                for c in channels:
                    level = 1000 * w + 100 * f + 10 * z + c
                    tifffile.imwrite(folder / f"{well}_{f}_z{z}_c{c}.tif", plane(level))


PATTERN = "{well}_{field}_z{z}_c{channel}.tif"


def test_channels_in_files_of_their_own_become_one_image_and_depth_is_projected(tmp_path):
    write_fields(tmp_path)
    found = by_id(folder(tmp_path, pattern=PATTERN, z="max"))
    assert list(found) == ["A01/1", "A01/2", "A02/1", "A02/2"]
    example = found["A02/1"]
    assert example["image"].shape == (6, 8, 2)
    assert example["image"].dtype == np.uint16
    assert example["image"][0, 0].tolist() == [1121, 1122]
    assert (example["well"], example["field"], example["group"]) == ("A02", "1", "A02/1")
    assert example["note"] == "max of 3 along z"


@pytest.mark.parametrize(
    ("z", "levels"),
    [("mean", [111, 112]), ("middle", [111, 112]), (2, [121, 122]), ("0", [101, 102])],
)
def test_one_plane_is_chosen_or_made_of_several(tmp_path, z, levels):
    write_fields(tmp_path)
    assert by_id(folder(tmp_path, pattern=PATTERN, z=z))["A01/1"]["image"][0, 0].tolist() == levels


def test_a_plane_is_chosen_by_the_number_in_its_name(tmp_path):
    write_fields(tmp_path, depths=(5, 6))
    examples = folder(tmp_path, pattern=PATTERN, z=6)
    assert by_id(examples)["A01/1"]["image"][0, 0, 0] == 161
    assert set(reasons(folder(tmp_path, pattern=PATTERN, z=1)).values()) == {
        "has no z 1; it has 5 to 6"
    }


def test_all_planes_of_a_field_stay_in_its_group(tmp_path):
    write_fields(tmp_path, depths=(1, 2))
    examples = folder(tmp_path, pattern=PATTERN, z="all")
    assert [e["id"] for e in examples[:2]] == ["A01/1#z001", "A01/1#z002"]
    assert {e["group"] for e in examples} == {"A01/1", "A01/2", "A02/1", "A02/2"}
    assert examples[1]["image"][0, 0].tolist() == [121, 122]


def test_files_off_a_microscope_need_one_call(tmp_path):
    rng = np.random.default_rng(0)
    for well in range(10):
        for z in range(2):
            for channel in ("DAPI", "GFP"):
                pixels = rng.integers(0, 4096, (64, 128), np.uint16)
                tifffile.imwrite(tmp_path / f"B{well:02d}_1_z{z}_c{channel}.tif", pixels)
    images = load(
        f"folder:{tmp_path}", pattern=PATTERN, z="max", pixel_size=0.65, view="tile", image_size=32
    )
    assert images.shape == (80, 32, 32, 2)
    assert set(images.groups) == {f"B{well:02d}/1" for well in range(10)}
    facts = images.provenance
    assert (facts["pattern"], facts["channels"]) == (PATTERN, ["DAPI", "GFP"])
    assert facts["notes"] == {"max of 2 along z": 10}
    assert facts["pixel_size_um"] == [0.65, 0.65]


def test_several_planes_ask_for_a_choice_in_one_line(tmp_path):
    write_fields(tmp_path)
    with pytest.raises(UsageError, match=r"3 files along z .*--z max, mean, middle, all or a num"):
        Folder(str(tmp_path), pattern=PATTERN)
    with pytest.raises(UsageError, match=r"no z 'top'; choose from all, max, mean, middle"):
        Folder(str(tmp_path), pattern=PATTERN, z="top")


def test_an_image_that_lacks_a_channel_is_set_aside_by_name(tmp_path):
    write_fields(tmp_path, depths=(0,))
    (tmp_path / "A01_2_z0_c2.tif").unlink()
    (tmp_path / "overview.tif").write_bytes((tmp_path / "A01_1_z0_c1.tif").read_bytes())
    examples = folder(tmp_path, pattern=PATTERN)
    assert reasons(examples) == {
        "A01/2": "has no file for channel 2",
        "overview.tif": f"does not follow the pattern {PATTERN}",
    }
    assert len(examples) == 5


def test_channels_are_ordered_by_number_and_chosen_by_position(tmp_path):
    write_fields(tmp_path, depths=(0,), channels=(2, 10))
    whole = by_id(folder(tmp_path, pattern=PATTERN))["A01/1"]["image"]
    assert whole[0, 0].tolist() == [102, 110]
    chosen = Folder(str(tmp_path), pattern=PATTERN, channels="1")
    assert chosen.facts["channels"] == ["2", "10"]
    assert next(iter(chosen))["image"][0, 0].tolist() == [110]
    with pytest.raises(UsageError, match=r"no channel 2; of the 2 channels, 0 is 2, 1 is 10"):
        Folder(str(tmp_path), pattern=PATTERN, channels="2")


def test_more_than_four_channels_ask_for_a_choice(tmp_path):
    write_fields(tmp_path, depths=(0,), channels=range(5))
    with pytest.raises(UsageError, match=r"5 channels, .* up to 4: choose, as --channels 0,1,2"):
        Folder(str(tmp_path), pattern=PATTERN)


def test_channels_that_no_image_has_all_of_are_counted(tmp_path):
    write_fields(tmp_path, wells=("A01",), depths=(0,), channels=(1,))
    write_fields(tmp_path, wells=("B01",), depths=(0,), channels=(2,))
    with pytest.raises(UsageError, match=r"no image has all 2 .*0 is 1 \(2 images\), 1 is 2"):
        Folder(str(tmp_path), pattern=PATTERN)


def test_a_patient_in_the_name_is_the_group_alone(tmp_path):
    for name in ("p7_slide1_f1.tif", "p7_slide2_f1.tif", "p8_slide1_f1.tif"):
        tifffile.imwrite(tmp_path / name, plane(1))
    examples = folder(tmp_path, pattern="{patient}_{slide}_f{field}.tif")
    assert [e["group"] for e in examples] == ["p7", "p7", "p8"]


def test_a_pattern_may_name_folders_and_forget_what_it_does_not_need(tmp_path):
    for channel in ("DAPI", "GFP"):
        (tmp_path / "plate1" / channel).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "plate1" / channel / f"A01_{channel}_17h.tif", plane(3))
    examples = folder(tmp_path, pattern="{plate}/{channel}/{well}_{channel}_{*}.tif")
    assert [(e["id"], e["group"], e["plate"]) for e in examples] == [
        ("plate1/A01", "plate1/A01", "plate1")
    ]
    assert examples[0]["image"].shape == (6, 8, 2)
    assert "label" not in examples[0]


def test_folders_keep_files_of_one_name_apart_and_are_classes(tmp_path):
    write_fields(tmp_path / "healthy", depths=(0,))
    write_fields(tmp_path / "ill", depths=(0,))
    examples = folder(tmp_path, pattern=PATTERN)
    assert {(e["id"], e["label"]) for e in examples if e["field"] == "1"} == {
        (f"{kind}/{well}/1", kind) for kind in ("healthy", "ill") for well in ("A01", "A02")
    }


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{plate}-{n}.tif", r"fits none of the 8 images, such as A01_1_z0_c1.tif; write .*\{well"),
        ("{well_{n}.tif", "a brace is alone"),
        ("{image}.tif", "a field cannot be called image"),
        ("{2nd}.tif", r"\{2nd\} is no field"),
    ],
)
def test_a_pattern_that_does_not_fit_is_told_with_an_example(tmp_path, pattern, message):
    write_fields(tmp_path, depths=(0,))
    with pytest.raises(UsageError, match=message):
        Folder(str(tmp_path), pattern=pattern)


def test_two_files_for_one_plane_and_sizes_that_differ_are_set_aside(tmp_path):
    write_fields(tmp_path, depths=(0,))
    tifffile.imwrite(tmp_path / "A01_1_z00_c1.tif", plane(1))
    tifffile.imwrite(tmp_path / "A02_2_z0_c2.tif", plane(1, (5, 5)))
    assert reasons(folder(tmp_path, pattern=PATTERN)) == {
        "A01/1": "A01_1_z00_c1.tif and A01_1_z0_c1.tif are the same plane",
        "A02/2": "channels that differ: 5×5 uint16, 8×6 uint16",
    }


def test_a_stack_in_one_file_gives_examples_of_one_group(tmp_path):
    stack = np.arange(3 * 6 * 8, dtype=np.uint8).reshape(3, 6, 8)
    tifffile.imwrite(tmp_path / "cells.ome.tif", stack, metadata={"axes": "ZYX"})
    assert "choose --z" in reasons(folder(tmp_path))["cells.ome.tif"]
    examples = folder(tmp_path, z="all")
    assert [e["id"] for e in examples] == [f"cells.ome.tif#z{n}" for n in range(3)]
    assert {e["group"] for e in examples} == {"cells.ome.tif"}
    assert np.array_equal(folder(tmp_path, z=2)[0]["image"][..., 0], stack[2])


def table(folder, text, *, name="labels.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))


@pytest.mark.parametrize(
    ("delimiter", "encoding", "first"),
    [
        (",", "utf-8", ""),
        (";", "utf-8-sig", ""),
        ("\t", "utf-16", ""),
        (";", "cp1252", "sep=;\r\n"),
    ],
)
def test_labels_csv_gives_label_group_split_and_fields(tmp_path, delimiter, encoding, first):
    write(tmp_path / "Zellkörper 1", 2)
    rows = [
        "Path,Label,group,split,age,id,",
        "Zellkörper 1/000.png,krank,p 7,train,61,x,",
        "Zellkörper 1\\001.png,gesund,p 8,test,48,y,",
    ]
    table(tmp_path, first + "\r\n".join(rows).replace(",", delimiter), encoding=encoding)
    examples = folder(tmp_path)
    assert [(e["label"], e["group"], e["split"], e["age"]) for e in examples] == [
        ("krank", "p 7", "train", "61"),
        ("gesund", "p 8", "test", "48"),
    ]
    assert examples[0]["id"] == "Zellkörper 1/000.png"


def test_a_letter_written_in_two_parts_names_the_same_file(tmp_path):
    write(tmp_path, 1)
    (tmp_path / "000.png").rename(tmp_path / "Zellko\u0308rper.png")
    table(tmp_path, "path,label\nZellk\u00f6rper.png,a\n")
    assert folder(tmp_path)[0]["label"] == "a"


def test_what_the_table_and_the_folder_do_not_share_is_named(tmp_path, capsys):
    write(tmp_path, 6)
    table(
        tmp_path,
        "path,label\n000.png,a\n001.png,a\n001.png,a\n002.png,b\n003.png,a\n003.png,b\n"
        "004.png,\nnowhere.png,a\n",
    )
    examples = folder(tmp_path)
    assert reasons(examples) == {
        "003.png": "has rows in labels.csv that differ",
        "004.png": "has no label in labels.csv",
        "005.png": "has no row in labels.csv",
        "nowhere.png": "labels.csv names it, but there is no such file",
    }
    assert [e["id"] for e in examples if "image" in e] == ["000.png", "001.png", "002.png"]
    assert capsys.readouterr().err.splitlines() == [
        "warning: labels.csv has more than one row for 001.png, 003.png",
        "warning: label b has one image, 002.png: it cannot be both trained on and held out",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000.png;a\n", r"labels.csv: the first line must name the columns, path among them"),
        ("", "first line must name the columns"),
        ("path,label,label\n", "two columns are called label"),
        ("path,label\n,a\n", "a row has no path: ,a"),
        ("label,path\na\n", "a row has no path: a"),
    ],
)
def test_a_table_that_cannot_be_understood_is_told_in_one_line(tmp_path, text, message):
    write(tmp_path, 1)
    table(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        Folder(str(tmp_path))


def test_another_table_may_name_the_fields_of_a_pattern(tmp_path):
    write_fields(tmp_path / "plate", depths=(0,))
    table(tmp_path, "path,label\nA01/1,x\nA01_2_z0_c1.tif,x\nA02/1,y\nA02/2,y\n", name="my.csv")
    examples = folder(tmp_path / "plate", pattern=PATTERN, labels=str(tmp_path / "my.csv"))
    assert [e["label"] for e in examples] == ["x", "x", "y", "y"]
    with pytest.raises(UsageError, match=r"--labels absent.csv: no such file"):
        Folder(str(tmp_path / "plate"), labels="absent.csv")


LABELS = np.zeros((40, 40), np.uint16)
LABELS[2:6, 2:6], LABELS[10:20, 10:20] = 7, 300


def test_masks_of_the_same_name_are_read_as_they_are(tmp_path):
    write(tmp_path / "cells" / "day 1", 2)
    masks = tmp_path / "elsewhere" / "day 1"
    masks.mkdir(parents=True)
    tifffile.imwrite(masks / "000.tif", LABELS)
    Image.fromarray(LABELS.astype(np.uint8) // 7 * 7).save(masks / "001_mask.png")
    examples = folder(tmp_path / "cells", masks=str(tmp_path / "elsewhere"))
    assert np.array_equal(examples[0]["mask"], LABELS)
    assert set(np.unique(examples[1]["mask"])) == {0, 7, 42}
    assert [e["note"] for e in examples] == ["", ""]


@pytest.mark.parametrize("foreground", [1, 255])
def test_a_binary_mask_is_parted_into_its_components(tmp_path, foreground):
    write(tmp_path / "images", 1)
    (tmp_path / "masks").mkdir()
    binary = (LABELS > 0).astype(np.uint8) * foreground
    Image.fromarray(binary).save(tmp_path / "masks" / "000_masks.png")
    (example,) = folder(tmp_path)
    assert example["id"] == "000.png"
    assert "label" not in example
    assert np.array_equal(example["mask"] == 1, LABELS == 7)
    assert np.array_equal(example["mask"] == 2, LABELS == 300)
    assert example["note"] == "binary mask parted into its connected components"


def test_missing_masks_are_named_and_no_match_at_all_is_refused(tmp_path, capsys):
    write(tmp_path, 3)
    (tmp_path / "truth").mkdir()
    Image.fromarray(LABELS).save(tmp_path / "truth" / "001.tif")
    examples = folder(tmp_path, masks="truth")
    assert ["mask" in e for e in examples] == [False, True, False]
    assert "warning: no mask for 2 of 3 images: 000.png, 002.png" in capsys.readouterr().err
    (tmp_path / "truth" / "001.tif").rename(tmp_path / "truth" / "one.tif")
    with pytest.raises(UsageError, match=r"no mask with the name of an image, such as 000.tif"):
        Folder(str(tmp_path), masks="truth")
    with pytest.raises(UsageError, match=r"--masks absent: no such folder"):
        Folder(str(tmp_path), masks="absent")
    with pytest.raises(UsageError, match=r"--masks .: masks need a folder apart"):
        Folder(str(tmp_path), masks=".")


def test_masks_of_a_pattern_are_called_as_one_of_the_files_or_as_the_field(tmp_path):
    write_fields(tmp_path / "plate", fields=(1,), depths=(0, 1))
    masks = tmp_path / "masks"
    (masks / "A02").mkdir(parents=True)
    tifffile.imwrite(masks / "A01_1_z1_c2_mask.tif", plane(9))
    tifffile.imwrite(masks / "A02" / "1.tif", plane(7))
    examples = folder(tmp_path / "plate", pattern=PATTERN, z="max", masks=str(masks))
    assert [int(e["mask"].max()) for e in examples] == [9, 7]
    tifffile.imwrite(masks / "A01_1_z0_c1.tif", plane(9))
    examples = folder(tmp_path / "plate", pattern=PATTERN, z="max", masks=str(masks))
    assert "has 2 masks: A01_1_z0_c1.tif, A01_1_z1_c2_mask" in reasons(examples)["A01/1"]
    every = folder(tmp_path / "plate", pattern=PATTERN, z="all", masks=str(masks))
    assert [int(e["mask"].max()) for e in every] == [9, 9, 7, 7]


def test_a_mask_that_lost_detail_is_cut_at_half(tmp_path):
    write(tmp_path / "images", 1)
    (tmp_path / "masks").mkdir()
    binary = np.kron(LABELS[::8, ::8] > 0, np.full((8, 8), 255, np.uint8)).astype(np.uint8)
    Image.fromarray(binary).save(tmp_path / "masks" / "000.jpg", quality=60)
    (example,) = folder(tmp_path)
    assert example["note"].startswith("lossy mask cut at half")
    assert np.array_equal(example["mask"] > 0, binary > 0)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros((20, 40), np.uint8), r"mask 000.png: 40×20 pixels for an image of 40×40"),
        (np.dstack([LABELS.astype(np.uint8), *[LABELS.astype(np.uint8) * 0] * 2]), "colours are"),
    ],
)
def test_an_image_whose_mask_does_not_fit_is_set_aside(tmp_path, mask, reason):
    write(tmp_path / "images", 2)
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "000.png")
    Image.fromarray(LABELS).save(tmp_path / "masks" / "001.png")
    assert re.search(reason, reasons(folder(tmp_path))["000.png"])


def test_a_volume_and_its_mask_go_slice_by_slice(tmp_path):
    numbers = np.arange(5, dtype=np.uint16)[:, None, None] * 3 + np.zeros((5, 6, 8), np.uint16)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.ome.tif", numbers, metadata={"axes": "ZYX"})
    examples = folder(tmp_path, z="all")
    assert [int(e["mask"].max()) for e in examples] == [0, 3, 6, 9, 12]
    assert int(folder(tmp_path, z=2)[0]["mask"].max()) == 6
    assert "a projection needs a mask of one" in reasons(folder(tmp_path, z="max"))["a.ome.tif"]


def test_folders_called_train_and_test_are_the_official_split(tmp_path):
    for part, kind in (("train", "a"), ("train", "b"), ("Test", "a")):
        write(tmp_path / part / kind, 2)
    examples = folder(tmp_path)
    assert {(e["split"], e["label"]) for e in examples} == {
        ("train", "a"), ("train", "b"), ("Test", "a")
    }  # fmt: skip
    write(tmp_path / "control", 2)
    assert {e["label"] for e in folder(tmp_path)} == {"train", "Test", "control"}


@pytest.mark.parametrize("change", ["image", "mask", "table", "option"])
def test_what_the_images_depend_on_changes_the_key(tmp_path, change):
    write(tmp_path / "images", 1)
    (tmp_path / "masks").mkdir()
    mask = tmp_path / "masks" / "000.png"
    Image.fromarray(LABELS).save(mask)
    table(tmp_path, "path\n000.png\n")
    before = Folder(str(tmp_path)).content_key
    assert Folder(str(tmp_path)).content_key == before
    if change == "image":
        Image.fromarray(noise(5, (41, 40))).save(tmp_path / "images" / "000.png")
    elif change == "mask":
        Image.fromarray(LABELS[:, ::-1].copy()).save(mask)
        os.utime(mask, (1, 1))
    elif change == "table":
        table(tmp_path, "path,group\nimages/000.png,x\n")
    after = Folder(str(tmp_path), z="max" if change == "option" else None)
    assert after.content_key != before
    assert len(list(after)) == 1


def test_pixels_beside_their_header_change_the_key(tmp_path):
    header = "ObjectType = Image\nNDims = 2\nDimSize = 40 40\nElementType = MET_UCHAR\n"
    (tmp_path / "a.mhd").write_text(f"{header}ElementDataFile = pixels.raw\n")
    (tmp_path / "pixels.raw").write_bytes(noise(1).tobytes())
    before = Folder(str(tmp_path)).content_key
    (tmp_path / "pixels.raw").write_bytes(noise(2).tobytes())
    os.utime(tmp_path / "pixels.raw", (1, 1))
    assert Folder(str(tmp_path)).content_key != before


@pytest.mark.parametrize("part", ["", "train"])
def test_masks_are_never_taken_for_a_class(tmp_path, part):
    write(tmp_path / part / "images", 3)
    write(tmp_path / part / "masks", 3)
    write(tmp_path / (part and "test/images"), 1, start=9)
    with pytest.raises(UsageError, match="images and masks would be two classes"):
        Folder(str(tmp_path))


def test_a_field_may_be_called_as_a_measurement_is(tmp_path):
    write(tmp_path, 60)
    rows = [f"{number:03d}.png,{'in' if number % 2 else 'out'},{number}" for number in range(60)]
    table(tmp_path, "\n".join(["path,focus,height", *rows]))
    images = load(f"folder:{tmp_path}", label="focus")
    assert images.class_names == ("in", "out")
    assert images.fields["height"].tolist() == [str(number) for number in range(60)]


def test_dicom_without_an_ending_is_found(tmp_path):
    write(tmp_path, 1)
    (tmp_path / "IM0001").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "notes").write_bytes(b"text")
    found = reasons(folder(tmp_path))
    assert "not of a kind" in found["notes"]
    assert "not of a kind" not in found["IM0001"]


def test_slices_of_one_patient_are_one_group_and_the_number_stays_in_the_file(tmp_path):
    from valid_files import dicom

    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 4000, (32, 32), np.uint16)
        content = dicom(pixels, PatientID=f"secret-{number // 5}")
        (tmp_path / f"{number:02d}.dcm").write_bytes(content)
    images = load(f"folder:{tmp_path}", image_size=32)
    assert len(set(images.groups)) == 12
    assert not any("secret" in group for group in images.groups)
    assert all(group.startswith("patient ") for group in images.groups)


def test_a_folder_that_may_not_be_entered_is_one_line(tmp_path, monkeypatch):
    write(tmp_path, 40)

    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.is_dir", denied)
    with pytest.raises(ZooError, match=r"cannot be read: .*Permission denied"):
        load(f"folder:{tmp_path}")
