"""BBBC021, BBBC039 and BBBC041, each from made archives in the official layout and formats."""

import csv
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from zoo_datasets.bbbc.bbbc021 import Bbbc021
from zoo_datasets.bbbc.bbbc039 import Bbbc039, instances
from zoo_datasets.bbbc.bbbc041 import Bbbc041, Bbbc041Cells, square
from zoo_datasets.bbbc.screens import PLATES

from zoo.data.examples import Rejected
from zoo.data.prepare import import_files
from zoo.data.prepared import version_of
from zoo.data.tfds import stored_examples
from zoo.errors import ZooError
from zoo.plugins import find

RNG = np.random.default_rng(0)


def encoded(pixels, kind):
    buffer = io.BytesIO()
    if kind == "TIFF":
        tifffile.imwrite(buffer, pixels)
    else:
        Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def write_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def prepared(name, folder):
    """The facts of what `zoo data import NAME FOLDER` made, and its examples by id."""
    record = find("datasets", name)
    facts = import_files(record, [folder])
    return facts, {example["id"]: example for example in stored_examples(version_of(record))}


def reasons(facts):
    return {rejected["file"]: rejected["reason"] for rejected in facts["rejected"]}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "official files"
    path.mkdir()
    return path


# BBBC021 --------------------------------------------------------------------------------------

FILES = [f"Image_FileName_{stain}" for stain in ("DAPI", "Tubulin", "Actin")]
COLUMNS = [
    *("TableNumber", "ImageNumber", FILES[0], "Image_PathName_DAPI", FILES[1]),
    *("Image_PathName_Tubulin", FILES[2], "Image_PathName_Actin", "Image_Metadata_Plate_DAPI"),
    *("Image_Metadata_Well_DAPI", "Replicate", "Image_Metadata_Compound"),
    "Image_Metadata_Concentration",
]
# Well, compound, concentration as the tables write them; two fields each.
WELLS = [("B02", "DMSO", "0"), ("C03", "taxol", "0.3"), ("D04", "taxol", "0.001")]
STACKS = {
    (plate, well, site): RNG.integers(0, 4096, (8, 12, 3)).astype(np.uint16)
    for plate in ("Week1_22123", "Week4_27481")
    for well, _, _ in WELLS
    for site in (1, 2)
}


def tiff_name(plate, well, site, wave):
    """Files of week 4 lack the prefix that the others have."""
    prefix = "" if plate.startswith("Week4") else "Week1_150607_"
    return f"{prefix}{well}_s{site}_w{wave}{'0A1B2C3D-FFFF-4E4E-9999-001122334455'}.tif"


def write_bbbc021(folder, *, plates=("Week1_22123", "Week4_27481"), missing=(), extra=None):
    rows = []
    for plate in ("Week1_22123", "Week4_27481"):
        entries = {f"{plate}/Thumbs.db": b"no image", **(extra or {})}
        for well, compound, concentration in WELLS:
            for site in (1, 2):
                names = [tiff_name(plate, well, site, wave) for wave in (1, 2, 4)]
                stack = STACKS[plate, well, site]
                for channel, name in enumerate(names):
                    entries[f"{plate}/{name}"] = encoded(stack[..., channel], "TIFF")
                place = f"{plate.partition('_')[0]}/{plate}"
                files = [part for name in names for part in (name, place)]
                rows.append(["1", "1", *files, plate, well, "1", compound, concentration])
        if plate in plates:
            kept = {n: c for n, c in entries.items() if n.rpartition("/")[2] not in missing}
            write_zip(folder / f"BBBC021_v1_images_{plate}.zip", kept)
    with (folder / "BBBC021_v1_image.csv").open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    moa = "compound,concentration,moa\rDMSO,0.0,DMSO\rtaxol,0.30,Microtubule stabilizers\r"
    (folder / "BBBC021_v1_moa.csv").write_bytes(moa.encode())
    return folder


def test_bbbc021_stacks_dna_tubulin_and_actin_without_changing_a_value(folder):
    _, examples = prepared("bbbc/bbbc021", write_bbbc021(folder))
    assert len(examples) == 12
    for (plate, well, site), stack in STACKS.items():
        image = examples[f"{plate}/{well}/s{site}"]["image"]
        assert image.dtype == np.uint16
        assert np.array_equal(image, stack)


def test_bbbc021_is_labelled_with_the_mechanism_of_compound_and_dose(folder):
    facts, examples = prepared("bbbc/bbbc021", write_bbbc021(folder))
    example = examples["Week1_22123/C03/s2"]
    assert {key: example[key] for key in example if key != "image"} == {
        "id": "Week1_22123/C03/s2",
        "split": "train",
        "group": "Week1_22123/C03",
        "label": "Microtubule stabilizers",
        "annotated": "yes",
        "plate": "Week1_22123",
        "well": "C03",
        "site": 2,
        "replicate": 1,
        "compound": "taxol",
        "concentration": "0.3",
        "note": "",
    }
    assert examples["Week1_22123/D04/s1"]["label"] == "not annotated"
    assert facts["contents"]["by"]["annotated"] == {"no": 4, "yes": 8}


def test_bbbc021_takes_any_plate_and_says_which(folder):
    facts, examples = prepared("bbbc/bbbc021", write_bbbc021(folder, plates=["Week4_27481"]))
    assert facts["contents"]["by"]["plate"] == {"Week4_27481": 6}
    assert len({example["group"] for example in examples.values()}) == 3
    assert [copy["filename"] for copy in facts["archives"]] == [
        "BBBC021_v1_image.csv",
        "BBBC021_v1_moa.csv",
        "BBBC021_v1_images_Week4_27481.zip",
    ]


def test_bbbc021_without_a_plate_names_what_is_missing(folder):
    with pytest.raises(ZooError, match=r"no plate: of the 55 .*Week1_22123\.zip, at least one"):
        prepared("bbbc/bbbc021", write_bbbc021(folder, plates=[]))


def test_bbbc021_sets_aside_fields_that_are_not_whole(folder):
    missing = [tiff_name("Week1_22123", "B02", 1, 2)]
    extra = {"Week1_22123/Week1_150607_H12_s1_w1AA.tif": b"what no table names"}
    facts, examples = prepared(
        "bbbc/bbbc021",
        write_bbbc021(folder, plates=["Week1_22123"], missing=missing, extra=extra),
    )
    assert len(examples) == 5
    assert reasons(facts) == {
        "Week1_22123/B02/s1": f"{missing[0]} is not in the archive",
        "Week1_22123/Week1_150607_H12_s1_w1AA.tif": "BBBC021_v1_image.csv does not name it",
    }


def test_bbbc021_refuses_another_table(folder):
    write_bbbc021(folder)
    (folder / "BBBC021_v1_image.csv").write_text("plate,well\nWeek1_22123,B02\n")
    with pytest.raises(ZooError, match=r"BBBC021_v1_image\.csv has no column Image_FileName_DAPI"):
        prepared("bbbc/bbbc021", folder)


def test_the_annotated_fields_are_a_filter_on_the_same_files():
    every, annotated = (find("datasets", f"bbbc/bbbc021{name}") for name in ("", "-moa"))
    assert (annotated.config, annotated.archives) == (every.config, every.archives)
    assert annotated.where == {"annotated": "yes"}
    assert len(PLATES) == len(set(PLATES)) == 55


# BBBC039 --------------------------------------------------------------------------------------

FIELDS = {
    "IXMtest_A02_s1_w1051DAA7C-7042-435F-99F0-1E847D9B42CB": ("training", "20585"),
    "IXMtest_B04_s4_w1F6AEFA0F-AF87-4B3B-A334-698647CFE043": ("validation", "20590"),
    "IXMtest_B12_s2_w19F7E0279-D087-4B5E-9899-61971C29CB78": ("test", "20585"),
}


def colours():
    """Three nuclei in two colours: the first touches the third, the second is diagonal."""
    mask = np.zeros((20, 24), np.uint8)
    mask[2:8, 2:8] = 1
    mask[12, 12] = mask[13, 13] = 1
    mask[2:8, 8:14] = 2
    return mask


def rgba(mask):
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = mask, 255
    return pixels


def write_bbbc039(folder, *, images=None, masks=None, lists=None):
    for number, key in enumerate(FIELDS):
        pixels = np.full((20, 24), 120 + number, np.uint16)
        pixels[2:8, 2:14] = 4095
        images = {f"images/{key}.tif": encoded(pixels, "TIFF")} | (images or {})
        masks = {f"masks/{key}.png": encoded(rgba(colours()), "PNG")} | (masks or {})
    metadata = {
        f"metadata/{split}.txt": "".join(f"{k}.png\n" for k in FIELDS if FIELDS[k][0] == split)
        for split in ("training", "validation", "test")
    }
    plates = "".join(f"{key}.png,{plate}\n" for key, (_, plate) in FIELDS.items())
    metadata |= {"metadata/filenames_and_plates.csv": plates, **(lists or {})}
    mac = {"__MACOSX/images/._IXMtest_A02.tif": b"Mac OS X attributes"}
    write_zip(folder / "images.zip", images | mac)
    write_zip(folder / "masks.zip", masks)
    write_zip(folder / "metadata.zip", metadata)
    return folder


def test_bbbc039_keeps_the_official_split_plates_and_raw_values(folder):
    facts, examples = prepared("bbbc/bbbc039", write_bbbc039(folder))
    assert facts["contents"]["official_splits"] == {"training": 1, "validation": 1, "test": 1}
    assert {key: (e["split"], e["plate"]) for key, e in examples.items()} == FIELDS
    field = examples["IXMtest_B04_s4_w1F6AEFA0F-AF87-4B3B-A334-698647CFE043"]
    assert (field["group"], field["well"], field["site"]) == ("20590/B04", "B04", 4)
    assert field["image"].dtype == np.uint16
    assert (field["image"].min(), field["image"].max()) == (121, 4095)
    assert not facts["rejected"]


def test_bbbc039_nuclei_are_what_is_connected_in_one_colour(folder):
    facts, examples = prepared("bbbc/bbbc039", write_bbbc039(folder))
    mask = examples[next(iter(FIELDS))]["mask"]
    assert facts["contents"]["masks"] == 9
    assert [mask[5, 7], mask[5, 8]] != [mask[5, 8], mask[5, 7]]
    assert mask[12, 12] == mask[13, 13] > 0
    assert np.array_equal(mask > 0, colours() > 0)


def test_a_field_without_nuclei_has_no_instances():
    assert not instances(np.zeros((4, 4), np.uint8)).any()


def test_bbbc039_agrees_with_the_authors_reader():
    measure = pytest.importorskip("skimage.measure")
    mask = RNG.integers(0, 4, (64, 64)).astype(np.uint8)
    ours, theirs = instances(mask), measure.label(mask)
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == ours.max() + 1 == theirs.max() + 1


def test_bbbc039_sets_aside_what_lacks_a_part(folder):
    cut, unmasked, whole = FIELDS
    write_bbbc039(
        folder,
        images={f"images/{cut}.tif": b"", "images/IXMtest_C01_s1_w1AB.tif": b"not listed"},
        masks={f"masks/{unmasked}.png": encoded(rgba(np.zeros((4, 4), np.uint8)), "PNG")},
        lists={"metadata/training.txt": f"{cut}.png\nIXMtest_D01_s1_w1CD.png\nodd.png\n"},
    )
    facts, examples = prepared("bbbc/bbbc039", folder)
    assert list(examples) == [whole]
    assert reasons(facts) == {
        cut: "image: empty file",
        unmasked: "mask of (4, 4) for an image of (20, 24)",
        "IXMtest_D01_s1_w1CD": "filenames_and_plates.csv names no plate for it",
        "odd": "its name tells no well and site",
        "IXMtest_C01_s1_w1AB": "in none of the lists of the official split",
    }


def test_bbbc039_refuses_other_metadata(folder):
    write_bbbc039(folder)
    write_zip(folder / "metadata.zip", {"readme.txt": "nothing"})
    with pytest.raises(ZooError, match=r"metadata\.zip holds no training\.txt"):
        prepared("bbbc/bbbc039", folder)


# BBBC041 --------------------------------------------------------------------------------------

SMEAR = RNG.integers(0, 256, (60, 80, 3), np.uint8)
PLAIN = np.full((50, 70, 3), (200, 150, 160), np.uint8)


def box(category, *corners):
    top, left, bottom, right = corners
    low, high = {"r": top, "c": left}, {"r": bottom, "c": right}
    return {"bounding_box": {"minimum": low, "maximum": high}, "category": category}


def listed(file, content, objects):
    md5 = hashlib.md5(content).hexdigest()
    shape = {"r": 60, "c": 80, "channels": 3}
    return {"image": {"checksum": md5, "pathname": f"/images/{file}", "shape": shape}} | {
        "objects": objects
    }


def write_bbbc041(folder, *, lost=False, altered=False, lists=None):
    train, test = encoded(SMEAR, "PNG"), encoded(PLAIN, "JPEG")
    training = [
        box("red blood cell", 10, 20, 30, 34),
        box("trophozoite", -4, 70, 12, 90),
        box("difficult", 5, 200, 9, 210),
    ]
    lists = lists or {
        "training": [listed("8d02117d.png", train, training)]
        + ([listed("lost.png", b"", training)] if lost else []),
        "test": [listed("1225a18e.jpg", test, [box("leukocyte", 0, 0, 20, 30)])],
    }
    entries = {f"malaria/{name}.json": json.dumps(content) for name, content in lists.items()}
    entries |= {"malaria/images/8d02117d.png": train, "malaria/images/1225a18e.jpg": test}
    if altered:
        entries["malaria/images/8d02117d.png"] = encoded(SMEAR[::-1], "PNG")
        entries["malaria/images/unlisted.png"] = train
    write_zip(folder / "malaria.zip", entries)
    return folder


def test_bbbc041_cells_are_squares_around_their_boxes(folder):
    _, examples = prepared("bbbc/bbbc041-cells", write_bbbc041(folder))
    cell = examples["8d02117d:000"]
    assert (cell["label"], cell["row"], cell["column"]) == ("red blood cell", 10, 17)
    assert np.array_equal(cell["image"], SMEAR[10:30, 17:37])
    assert (cell["group"], cell["split"]) == ("8d02117d", "training")


def test_a_box_that_crosses_the_border_gives_a_square_inside_and_is_noted(folder):
    facts, examples = prepared("bbbc/bbbc041-cells", write_bbbc041(folder))
    cell = examples["8d02117d:001"]
    assert np.array_equal(cell["image"], SMEAR[0:12, 68:80])
    assert (cell["label"], cell["note"]) == ("trophozoite", "the box crosses the border")
    assert reasons(facts) == {"8d02117d:002": "the box (5, 200, 9, 210) holds nothing of the image"}


def test_the_mixture_of_lossless_and_lossy_images_is_told(folder):
    facts, examples = prepared("bbbc/bbbc041-cells", write_bbbc041(folder))
    assert facts["contents"]["by"]["codec"] == {"PNG": 2, "JPEG, lossy": 1}
    assert examples["1225a18e:000"]["note"] == "JPEG, lossy"
    assert examples["1225a18e:000"]["split"] == "test"


def test_bbbc041_fields_count_their_infected_cells(folder):
    facts, examples = prepared("bbbc/bbbc041", write_bbbc041(folder))
    field = examples["8d02117d"]
    assert np.array_equal(field["image"], SMEAR)
    assert (field["cells"], field["infected"], field["codec"]) == (3, 1, "PNG")
    assert facts["contents"]["official_splits"] == {"training": 1, "test": 1}


def test_bbbc041_tells_what_is_listed_or_stored_alone_and_what_was_altered(folder):
    facts, examples = prepared("bbbc/bbbc041", write_bbbc041(folder, lost=True, altered=True))
    assert examples["8d02117d"]["note"] == "not the file whose MD5 the list gives"
    assert reasons(facts) == {
        "lost": "listed, but not in the archive",
        "malaria/images/unlisted.png": "in neither list",
    }


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"training": []}, "holds no test.json"),
        ({"training": [{"image": {}}], "test": []}, "training.json .* is not as BBBC041's"),
    ],
)
def test_bbbc041_refuses_other_lists(folder, lists, message):
    with pytest.raises(ZooError, match=message):
        prepared("bbbc/bbbc041", write_bbbc041(folder, lists=lists))


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((10, 20, 30, 34), (10, 17, 20)),
        ((0, 0, 10, 30), (0, 0, 30)),
        ((55, 70, 60, 80), (50, 70, 10)),
        ((-10, 0, 300, 400), (0, 10, 60)),
    ],
)
def test_squares_lie_inside_the_image(corners, expected):
    assert square(corners, (60, 80)) == expected


def test_an_empty_box_is_refused():
    with pytest.raises(Rejected, match="holds nothing"):
        square((10, 10, 10, 20), (60, 80))


# All ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["bbbc/bbbc021", "bbbc/bbbc021-moa", "bbbc/bbbc039", "bbbc/bbbc041", "bbbc/bbbc041-cells"],
)
def test_what_was_never_run_on_the_official_archive_says_so(name):
    record = find("datasets", name)
    assert not record.verified
    assert all([record.licence, record.citation, record.homepage])
    assert all(archive.url.endswith(archive.filename) for archive in record.archives)


@pytest.mark.parametrize(
    ("builder", "write", "splits"),
    [
        (Bbbc021, write_bbbc021, {"train": 12}),
        (Bbbc039, write_bbbc039, {"training": 1, "validation": 1, "test": 1}),
        (Bbbc041, write_bbbc041, {"training": 1, "test": 1}),
        (Bbbc041Cells, write_bbbc041, {"training": 2, "test": 1}),
    ],
)
def test_tfds_own_test_of_a_builder_passes(builder, write, splits, folder, tfds_case):
    tfds_case(builder, splits, write(folder))
