"""BBBC001, 005, 006, 008, 018 and the HT29 sets, prepared from small made files in the official
layout, names and formats, and read back."""

import csv
import io
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.draw import disk, ellipse_perimeter
from zoo_datasets.bbbc.truth import MISFIT, foreground, instances

from zoo.data import load
from zoo.data.examples import Rejected
from zoo.data.formats.cellomics import read_dib
from zoo.data.prepare import import_files
from zoo.data.prepared import facts_of
from zoo.data.source import open_source
from zoo.errors import ZooError
from zoo.plugins import find

SHAPE = (40, 48)
SPOTS = ((10, 12, 6), (24, 34, 7))  # y, x, radius; nothing where they are upside down


def nuclei(number, *, shape=SHAPE, bright=900):
    """A 12-bit field with two bright spots on a noisy ground, different for every number."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(100, 140, shape).astype(np.uint16)
    for y, x, radius in SPOTS:
        pixels[disk((y, x), radius, shape=shape)] += np.uint16(bright)
    return pixels


DNA_8_BIT = nuclei(7, bright=110).astype(np.uint8)


def spots_mask(shape=SHAPE):
    mask = np.zeros(shape, bool)
    for y, x, radius in SPOTS:
        mask[disk((y, x), radius, shape=shape)] = True
    return mask


def outlines(shape=SHAPE):
    drawn = np.zeros(shape, np.uint8)
    for y, x, radius in SPOTS:
        drawn[ellipse_perimeter(y, x, radius, radius, shape=shape)] = 255
    return drawn


def dib(pixels):
    height, width = pixels.shape
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 0, 0, 0, 0, 0, 0)
    return header + bytes(12) + pixels.astype("<u2").tobytes()


def tif(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
            folder, _, base = name.rpartition("/")
            archive.writestr(f"__MACOSX/{folder}/._{base}", b"Mac OS X")
        archive.writestr(f"{folder}/.htaccess", b"Options +Indexes")


def write_bbbc001(folder):
    place, stem = "human_ht29_colon_cancer_1_images", "AS_09125_050118150001_A03f0{}d0"
    files = {f"{place}/{stem.format(i)}.DIB": dib(nuclei(i)) for i in range(6)}
    write_zip(folder / "BBBC001_v1_images_dib.zip", files)
    lines = [f"{stem.format(i)}.tif\t{350 + i}\t{360 + i}" for i in range(6)]
    header = "file name\tmanual count #1\tmanual count #2"
    (folder / "BBBC001_v1_counts.txt").write_text("\r\n".join([header, *lines]))


def write_bbbc005(folder):
    images, masks = {}, {}
    for column, count in enumerate((1, 5, 10, 14), start=1):
        for row, focus in (("A", 1), ("B", 4)):
            for sample in (1, 2):
                for stain in (1, 2):
                    well = f"{row}{column:02d}"
                    name = f"SIMCEPImages_{well}_C{count}_F{focus}_s{sample:02d}_w{stain}.TIF"
                    pixels = nuclei(1000 * count + 10 * sample + stain, bright=80).astype(np.uint8)
                    images[f"BBBC005_v1_images/{name}"] = tif(pixels)
                    if focus == 1:
                        masks[f"BBBC005_v1_ground_truth/{name}"] = tif(spots_mask() * np.uint8(255))
    write_zip(folder / "BBBC005_v1_images.zip", images)
    write_zip(folder / "BBBC005_v1_ground_truth.zip", masks)


def write_bbbc006(folder, *, planes=(16,)):
    fields = [(f"{row}{column:02d}", site) for row in "ap" for column in (1, 24) for site in (1, 2)]
    for z in planes:
        files = {}
        for i, (well, site) in enumerate(fields):
            for stain in (1, 2):
                uuid = f"{z:08x}-b742-4ab9-ae46-{i:06x}{stain:06x}"
                name = f"mcf-z-stacks-03212011_{well}_s{site}_w{stain}{uuid}.tif"
                pixels = nuclei(100 * z + 10 * i + stain)
                files[f"BBBC006_v1_images_z_{z:02d}/{name}"] = tif(pixels, compression="lzw")
        write_zip(folder / f"BBBC006_v1_images_z_{z:02d}.zip", files)
    numbered = np.zeros(SHAPE, np.uint8)
    for number, (y, x, radius) in enumerate(SPOTS, start=1):
        numbered[disk((y, x), radius, shape=SHAPE)] = number
    labels = {
        f"BBBC006_v1_labels/mcf-z-stacks-03212011_{well}_s{site}.png": png(numbered)
        for well, site in fields
    }
    write_zip(folder / "BBBC006_v1_labels.zip", labels)
    with (folder / "BBBC006_v1_counts.csv").open("w", newline="") as file:
        columns = ("Count_Nuclei", "FileName_OrigDAPI", "Metadata_Site", "Metadata_Well")
        rows = csv.writer(file)
        rows.writerow([f"Image_{column}" for column in columns])
        rows.writerows([i, f"{well}.tif", site, well] for i, (well, site) in enumerate(fields))


def write_bbbc008(folder):
    images, masks = {}, {}
    for well in ("A24", "L15"):
        for piece in range(1, 7):
            stem = f"AS_09125_050116000001_{well}f00d0_slice{piece}_channel"
            for channel in (1, 3):
                pixels = nuclei(ord(well[0]) + 10 * piece + channel, bright=110).astype(np.uint8)
                place = "human_ht29_colon_cancer_2_{}/" + f"{stem}{channel}.tif"
                images[place.format("images")] = tif(pixels)
                # One bit, nuclei 0, as a reader of the raw bits found them.
                masks[place.format("foreground")] = tif(~spots_mask(), photometric="minisblack")
    write_zip(folder / "BBBC008_v1_images.zip", images)
    write_zip(folder / "BBBC008_v1_foreground.zip", masks)


INDICES = (733, 734, 735, 736, 10777, 10778, 10779, 10780, 17673)


def write_bbbc018(folder):
    images, drawn = {}, {}
    for index in INDICES:
        for number, stain in enumerate(("DNA", "actin", "pH3")):
            pixels = dib(nuclei(10 * index + number))
            images[f"BBBC018_v1_images/{index:05d}-{stain}.DIB"] = pixels
        for target in ("nuclei", "cells"):
            if index != 10779:  # too blurred, and left out of the official outlines
                drawn[f"BBBC018_v1_outlines/{index:05d}-{target}.png"] = png(outlines())
    write_zip(folder / "BBBC018_v1_images.zip", images)
    write_zip(folder / "BBBC018_v1_outlines.zip", drawn)


def write_ht29(folder):
    write_bbbc001(folder)
    write_bbbc008(folder)
    write_bbbc018(folder)


WRITERS = {
    "bbbc001": write_bbbc001,
    "bbbc005": write_bbbc005,
    "bbbc006": write_bbbc006,
    "bbbc008": write_bbbc008,
    "bbbc018": write_bbbc018,
    "ht29": write_ht29,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def prepared(home, tmp_path_factory):
    """Prepare a set from its made archives, once, and give its examples by their id."""

    def read(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZOO_HOME", str(home))
            record = find("datasets", f"bbbc/{name}")
            if name not in done:
                folder = tmp_path_factory.mktemp(name)
                WRITERS[name](folder)
                import_files(record, [folder])
                done[name] = list(open_source(record, record.name, {}).examples())
            return {example["id"]: example for example in done[name]}, facts_of(record)

    done = {}
    return read


@pytest.fixture
def at_home(home, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(home))


def values(examples, *fields):
    return {tuple(example[field] for field in fields) for example in examples.values()}


def test_bbbc001_keeps_the_16_bits_of_its_dib_files_and_both_counts(prepared):
    examples, facts = prepared("bbbc001")
    assert len(examples) == 6
    third = examples["AS_09125_050118150001_A03f02d0"]
    assert third["image"].dtype == np.uint16
    assert np.array_equal(third["image"][..., 0], nuclei(2))
    assert (third["well"], third["site"], third["count"]) == ("A03", 2, 357.0)
    assert "mask" not in third
    assert facts["rejected"] == []


def test_bbbc001_has_one_group_because_all_fields_are_of_one_well(prepared):
    examples, _ = prepared("bbbc001")
    assert values(examples, "group") == {("AS_09125_050118150001_A03",)}


def test_bbbc005_has_a_mask_only_where_the_image_is_sharp(prepared):
    examples, facts = prepared("bbbc005")
    assert values(examples, "focus", "annotated") == {(1, "yes"), (4, "no")}
    assert all(("mask" in e) == (e["annotated"] == "yes") for e in examples.values())
    sharp = examples["A03_C10_F1_s02_w2"]
    assert np.array_equal(sharp["mask"], spots_mask())
    assert (sharp["well"], sharp["site"], sharp["count"], sharp["stain"]) == (
        "A03",
        2,
        10,
        "nuclei",
    )
    assert facts["contents"]["masks"] == 16
    assert facts["contents"]["by"]["stain"] == {"cell body": 16, "nuclei": 16}


def test_bbbc005_groups_every_blur_and_stain_of_one_simulated_field(prepared):
    examples, _ = prepared("bbbc005")
    together = {key for key, e in examples.items() if e["group"] == "C10_s02"}
    assert together == {
        f"{well}_C10_F{focus}_s02_w{stain}"
        for well, focus in (("A03", 1), ("B03", 4))
        for stain in (1, 2)
    }


def test_the_annotated_part_of_a_set_loads_with_its_masks(prepared, at_home):
    prepared("bbbc005")
    images = load("bbbc/bbbc005-annotated", image_size=16, label="stain", min_foreground=0.0)
    assert images.masks.shape == images.shape[:3]
    assert images.class_names == ("cell body", "nuclei")


def test_bbbc006_puts_both_stains_of_a_field_into_one_16_bit_image(prepared):
    examples, _ = prepared("bbbc006")
    assert len(examples) == 8
    field = examples["a24_s2_z16"]
    assert field["image"].dtype == np.uint16
    assert np.array_equal(field["image"], np.dstack([nuclei(1631), nuclei(1632)]))
    assert (field["count"], field["z"], field["focus"]) == (3, 16, "in")
    assert set(np.unique(field["mask"])) == {0, 1, 2}


def test_bbbc006_groups_both_sites_of_a_well(prepared):
    examples, _ = prepared("bbbc006")
    assert values(examples, "group", "well") == {(w, w) for w in ("a01", "a24", "p01", "p24")}
    assert {e["site"] for e in examples.values() if e["group"] == "a01"} == {1, 2}


def test_bbbc006_takes_more_planes_and_gives_blurred_ones_no_mask(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    write_bbbc006(tmp_path, planes=(2, 16, 20))
    record = find("datasets", "bbbc/bbbc006")
    import_files(record, [tmp_path])
    found = list(open_source(record, record.name, {}).examples())
    assert len({e["id"] for e in found}) == 24
    assert {(e["z"], e["focus"], "mask" in e) for e in found} == {
        (2, "out", False),
        (16, "in", True),
        (20, "in", True),
    }
    assert len({e["group"] for e in found}) == 4


def test_bbbc008_pairs_dna_with_actin_and_marks_the_bright_side(prepared):
    examples, _ = prepared("bbbc008")
    assert len(examples) == 12
    field = examples["AS_09125_050116000001_L15f00d0_slice4"]
    assert field["image"].dtype == np.uint8
    dna, actin = nuclei(ord("L") + 41, bright=110), nuclei(ord("L") + 43, bright=110)
    assert np.array_equal(field["image"], np.dstack([dna, actin]))
    assert np.array_equal(field["mask"], spots_mask())
    assert field["note"] == "mask inverted"
    assert values(examples, "group") == {
        ("AS_09125_050116000001_A24",),
        ("AS_09125_050116000001_L15",),
    }


def test_bbbc018_puts_three_stains_into_one_16_bit_image_with_numbered_nuclei(prepared):
    examples, facts = prepared("bbbc018")
    field = examples["00734"]
    expected = np.dstack([nuclei(7340), nuclei(7342), nuclei(7341)])  # DNA, pH3, actin
    assert np.array_equal(field["image"], expected)
    assert (field["sample"], field["site"], field["phenotype"]) == (184, 2, "peripheral actin")
    inside = [field["mask"][y, x] for y, x, _ in SPOTS]
    assert sorted(inside) == [1, 2]
    assert field["mask"][0, 0] == 0
    assert facts["contents"]["masks"] == 2 * (len(INDICES) - 1)


def test_bbbc018_groups_the_fields_of_a_sample(prepared):
    examples, _ = prepared("bbbc018")
    assert {key for key, e in examples.items() if e["group"] == "sample-2695"} == {
        "10777",
        "10778",
        "10779",
        "10780",
    }
    assert examples["17673"]["phenotype"] == "actin blebs"


def test_bbbc018_keeps_the_field_without_outlines_and_says_so(prepared):
    examples, facts = prepared("bbbc018")
    assert "mask" not in examples["10779"]
    assert examples["10779"]["note"] == "no outlines"
    assert facts["contents"]["by"]["annotated"] == {"yes": len(INDICES) - 1, "no": 1}


def test_ht29_is_the_dna_channel_of_the_three_sets(prepared):
    examples, facts = prepared("ht29")
    assert facts["contents"]["by"]["set"] == {"bbbc001": 6, "bbbc008": 12, "bbbc018": 9}
    assert {e["image"].shape for e in examples.values()} == {(*SHAPE, 1)}
    assert np.array_equal(examples["bbbc018-00734"]["image"][..., 0], nuclei(7340))
    assert examples["bbbc008-AS_09125_050116000001_A24f00d0_slice1"]["image"].max() <= 255
    assert "mask" not in examples["bbbc001-AS_09125_050118150001_A03f00d0"]
    assert "mask" in examples["bbbc018-00734"]
    assert len(values(examples, "group")) == 1 + 2 + 3


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    write_bbbc018(tmp_path)
    with zipfile.ZipFile(tmp_path / "BBBC018_v1_images.zip", "a") as archive:
        archive.writestr("BBBC018_v1_images/00001-DNA.DIB", dib(nuclei(1)))
        archive.writestr("BBBC018_v1_images/00002-DNA.DIB", dib(nuclei(2))[:-9])
        archive.writestr("BBBC018_v1_images/thumbnail.png", b"")
    record = find("datasets", "bbbc/bbbc018")
    facts = import_files(record, [tmp_path])
    assert facts["contents"]["images"] == len(INDICES)
    assert {entry["file"]: entry["reason"] for entry in facts["rejected"]} == {
        "00001": "no file for 00001 pH3 in BBBC018_v1_images.zip",
        "00002": "truncated: 48×40 pixels do not fit in 3,883 bytes",
        "BBBC018_v1_images/thumbnail.png": "its name is not of this set's form",
    }


def test_a_damaged_mask_leaves_its_image_without_one_and_odd_channels_set_it_aside(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    write_bbbc008(tmp_path)
    stem = "AS_09125_050116000001_{}f00d0_slice1"
    damaged = {"B01": b"II*", "B02": tif(np.eye(3, dtype=bool))}
    with (
        zipfile.ZipFile(tmp_path / "BBBC008_v1_images.zip", "a") as images,
        zipfile.ZipFile(tmp_path / "BBBC008_v1_foreground.zip", "a") as masks,
    ):
        for well, mask in damaged.items():
            for channel in (1, 3):
                images.writestr(f"{stem.format(well)}_channel{channel}.tif", tif(DNA_8_BIT))
            masks.writestr(f"{stem.format(well)}_channel1.tif", mask)
        for channel in (1, 3):
            cut = tif(DNA_8_BIT[:, channel:])
            images.writestr(f"{stem.format('B03')}_channel{channel}.tif", cut)
    record = find("datasets", "bbbc/bbbc008")
    facts = import_files(record, [tmp_path])
    notes = {e["id"]: e["note"] for e in open_source(record, record.name, {}).examples()}
    assert notes[stem.format("B01")].startswith("mask left out: ")
    assert notes[stem.format("B02")] == "mask left out: (3, 3) for an image of (40, 48)"
    assert facts["rejected"] == [
        {
            "file": stem.format("B03"),
            "reason": "channels of different shapes: (40, 45), (40, 47)",
        }
    ]


def test_a_set_is_refused_without_its_annotations(tmp_path):
    write_bbbc008(tmp_path)
    (tmp_path / "BBBC008_v1_foreground.zip").unlink()
    with pytest.raises(ZooError, match=r"also needs BBBC008_v1_foreground\.zip"):
        import_files(find("datasets", "bbbc/bbbc008"), [tmp_path])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"BM" + bytes(30), "too short for a Cellomics DIB"),
        (dib(nuclei(0))[:-1], "truncated"),
        (struct.pack("<IiiHHI", 40, 4, 4, 1, 24, 0) + bytes(100), "no uncompressed 16-bit"),
        (struct.pack("<IiiHHI", 40, 4, -4, 1, 16, 0) + bytes(100), "no uncompressed 16-bit"),
        (struct.pack("<IiiHHI", 40, 2**30, 2**30, 1, 16, 0) + bytes(100), "more than"),
    ],
)
def test_a_file_that_is_no_cellomics_dib_is_rejected(content, reason):
    with pytest.raises(Rejected, match=reason):
        read_dib(content)


def test_outlines_that_are_upside_down_are_turned_over():
    upright, note = instances(outlines(), nuclei(0))
    assert note == ""
    turned, note = instances(outlines()[::-1], nuclei(0))
    assert note == "mask turned upside down"
    assert np.array_equal(turned > 0, upright > 0)


def test_outlines_may_be_black_on_white_and_include_the_line_itself():
    mask, _ = instances(255 - outlines(), nuclei(0))
    assert np.array_equal(mask > 0, instances(outlines(), nuclei(0))[0] > 0)
    assert mask[outlines() > 0].all()


def test_outlines_that_touch_give_two_nuclei():
    drawn = np.zeros((30, 40), np.uint8)
    drawn[ellipse_perimeter(15, 12, 7, 7)] = drawn[ellipse_perimeter(15, 26, 7, 7)] = 1
    mask, _ = instances(drawn, np.where(drawn, 5, 1))
    assert mask[15, 12] != mask[15, 26]
    assert mask.max() == 2


def test_annotations_that_do_not_fit_the_image_are_left_out():
    dark = 5000 - nuclei(0)
    assert instances(outlines(), np.minimum(dark, dark[::-1])) == (None, MISFIT)
    assert instances(np.zeros(SHAPE, np.uint8), nuclei(0)) == (None, MISFIT)
    assert foreground(spots_mask(), np.full(SHAPE, 7)) == (None, MISFIT)


def test_two_different_masks_of_one_name_give_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    write_bbbc005(tmp_path)
    name = "SIMCEPImages_A01_C1_F1_s01_w1.TIF"
    with zipfile.ZipFile(tmp_path / "BBBC005_v1_ground_truth.zip", "a") as archive:
        archive.writestr(f"synthetic_2_ground_truth/{name}", tif(np.zeros(SHAPE, np.uint8)))
    record = find("datasets", "bbbc/bbbc005")
    import_files(record, [tmp_path])
    examples = {e["id"]: e for e in open_source(record, record.name, {}).examples()}
    odd = examples["A01_C1_F1_s01_w1"]
    assert "mask" not in odd
    assert odd["note"].startswith("mask left out: several different files for A01")
    assert "mask" in examples["A01_C1_F1_s01_w2"]


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_record_states_licence_citation_and_that_it_is_unverified(name):
    record = find("datasets", f"bbbc/{name}")
    assert record.licence == ("CC0-1.0" if name in ("bbbc005", "bbbc006") else "CC-BY-NC-SA-3.0")
    assert "Ljosa et al." in record.citation
    assert not record.verified
    assert all(
        archive.url.startswith("https://data.broadinstitute.org/") for archive in record.archives
    )


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("bbbc018", 9),
        pytest.param("bbbc001", 6, marks=pytest.mark.slow),
        pytest.param("bbbc005", 32, marks=pytest.mark.slow),
        pytest.param("bbbc006", 8, marks=pytest.mark.slow),
        pytest.param("bbbc008", 12, marks=pytest.mark.slow),
        pytest.param("ht29", 27, marks=pytest.mark.slow),
    ],
)
def test_tfds_own_test_of_a_builder_passes(name, images, tmp_path, tfds_case):
    WRITERS[name](tmp_path)
    builder = find("datasets", f"bbbc/{name}").load()
    # scikit-image loads tables on its first use.
    tfds_case(builder, {"train": images}, tmp_path, MOCK_OUT_FORBIDDEN_OS_FUNCTIONS=False)
