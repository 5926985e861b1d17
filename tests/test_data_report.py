"""The report of a dataset: its numbers are right, it names what is doubtful, it loads nothing."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image
from reported import check_page
from zoo_cli.commands.data.preview import command as preview
from zoo_cli.commands.data.report import command

from zoo.data import ImageSet
from zoo.data.duplicates import thumbnail
from zoo.data.intensity import Intensity
from zoo.data.loading import open_dataset
from zoo.report import build as build_run
from zoo.report.dataset import build, write_report
from zoo.report.dataset_findings import findings
from zoo.report.dataset_pictures import sheets_of_parts
from zoo.report.histogram import drawn, histogram
from zoo.report.outliers import distances
from zoo.report.scale import bar, bar_of, pixel_width, with_bar
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png

HOSTILE = "<script>alert(1)<_script>"
PLAIN = "live & well"
CHROMIUM = Path("/usr/bin/chromium")
SIDE = 40
SECTIONS = ("Images", "Intensity", "Balance", "Duplicates", "Outliers", "Left out", "Origin")


def picture(seed):
    """A pattern that no other seed gives: twelve bright squares on a dark ground, with noise."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(64).reshape(8, 8) < 12
    squares = np.kron(places, np.ones((5, 5))) * rng.integers(100, 160)
    return (squares + rng.normal(40, 4, (SIDE, SIDE))).clip(0, 255).astype(np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_folder(top, *, plain=60, hostile=20):
    """Two classes, the second in JPEG, with copies and images that stand out in the first."""
    for i in range(plain):
        save(top / PLAIN / f"{i:03d}.png", picture(i))
    for i in range(hostile):
        save(top / HOSTILE / f"{i:03d}.jpg", picture(1000 + i))
    save(top / PLAIN / "copy.png", picture(3))
    save(top / PLAIN / "blank.png", np.full((SIDE, SIDE), 7, np.uint8))
    save(top / PLAIN / "inverted.png", 255 - picture(77))
    (top / PLAIN / "broken.png").write_bytes(b"nothing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("data") / "cells"
    write_folder(top)
    return top


def invoke(*args):
    result = CliRunner().invoke(command, [str(arg) for arg in args])
    assert result.exception is None, result.exception
    return result


@pytest.fixture(scope="module")
def reported(folder):
    """The page, the facts and the list of doubtful images of the folder."""
    page, rejects = folder.parent / "report.html", folder.parent / "reject.csv"
    settings = ("--image-size", SIDE, "--pixel-size", 0.5, "--curate", "normalise:1,99")
    targets = ("--out", page, "--write-reject", rejects, "--json")
    result = invoke(f"folder:{folder}", *settings, *targets)
    return page, json.loads(result.stdout), rejects


class Page(HTMLParser):
    """What a report holds: its text, the addresses that it loads and links to, its tags."""

    def __init__(self, path):
        super().__init__()
        self.text, self.addresses, self.alts, self.tags = "", [], [], []
        self.feed(path.read_text())
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        keys = ("src", "href", "srcset", "xlink:href", "data", "action")
        self.addresses += [attributes[key] for key in keys if key in attributes]
        self.alts += [attributes.get("alt", "")] * (tag == "img")

    def handle_data(self, data):
        self.text += data


def verdicts(facts):
    return {(verdict.level, verdict.title): verdict.text for verdict in findings(facts)}


@pytest.mark.parametrize(
    ("pixel", "width", "text", "share"),
    [
        (1.0, 500, "100 µm", 0.2),
        (0.5, 400, "50 µm", 0.25),
        (0.65, 526, "50 µm", 50 / 341.9),
        (0.001, 500, "100 nm", 0.2),
        (0.001, 50, "10 nm", 0.2),
        (0.0001, 20, "0.5 nm", 0.25),
        (10.0, 600, "1 mm", 1 / 6),
        (2000.0, 5000, "2 m", 0.2),
    ],
)
def test_a_scale_bar_is_a_round_length_near_a_fifth_of_the_width(pixel, width, text, share):
    found = bar(pixel, width)
    assert found.text == text
    assert found.share == pytest.approx(share)


def test_no_bar_strays_far_from_a_fifth():
    shares = [bar(pixel, 512).share for pixel in np.geomspace(1e-4, 1e3, 500)]
    assert 0.2 / np.sqrt(2.5) - 1e-9 < min(shares)
    assert max(shares) < 0.2 * np.sqrt(2.5) + 1e-9


def test_the_width_of_a_pixel_is_taken_where_sides_differ_and_nothing_where_none_is_known():
    assert pixel_width({"pixel_size_um": [0.5, 0.25]}) == 0.25
    for data in ({}, {"pixel_size_um": [0.0, 0.0]}, {"pixel_size_um_range": [[1, 1], [2, 2]]}):
        assert pixel_width(data) is None


def test_a_preview_has_a_bar_of_the_stated_length_under_it(folder, tmp_path):
    heights = []
    for name, more in (("bare", []), ("scaled", ["--pixel-size", "0.5"])):
        target = str(tmp_path / f"{name}.png")
        args = [f"folder:{folder}", "--image-size", str(SIDE), *more, "--out", target]
        assert CliRunner().invoke(preview, args).exception is None
        with Image.open(target) as image:
            shown = np.asarray(image.convert("L"))
        heights.append(len(shown))
    assert heights[1] > heights[0]
    strip = shown[heights[0] :]
    middle = strip[len(strip) // 2]
    length = int((middle[: middle.argmax()] == 0).sum())
    assert bar(0.5, shown.shape[1]).text == "50 µm"
    assert length == pytest.approx(50 / 0.5, abs=1)


def test_a_picture_without_a_known_scale_is_left_as_it_is():
    png = grid_png(np.zeros((4, 8, 8, 3), np.uint8), 2)
    assert with_bar(png, None) == png


@pytest.mark.parametrize(("data", "bars"), [({"pixel_size_um": [0.5, 0.5]}, 3), ({}, 0)])
def test_a_run_report_has_bars_under_real_and_generated_images_and_the_strip(tmp_path, data, bars):
    run = Run.create(tmp_path, "dcgan", "cells")
    run.write_recipe({"generator": "dcgan", "data": "cells"})
    run.update_manifest(status="finished", image_shape=[16, 16, 1])
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), np.uint8)
    for name in ("real", 0, 10):
        write_bytes(run.sample_path(name), grid_png(images, 8))
    write_json(run.data_path, data)
    build_run(run)
    text = run.report_path.read_text()
    width = 8 * 18 - 2
    assert text.count('class="scale"') == bars
    assert text.count(f"width: {100 * 20 / (0.5 * width):.2f}%") == bars
    assert text.count("20 µm") == bars


def test_every_section_and_the_numbers_of_the_folder_are_in_the_report(reported):
    page, facts, _ = reported
    text = Page(page).text
    for heading in SECTIONS:
        assert heading in text
    assert facts["report"] == str(page)
    assert (facts["source_images"], facts["used"], facts["shape"]) == (83, 83, [83, 40, 40, 1])
    assert "83, of which 83 are in use; sizes 40 × 40 (83) px" in text
    assert "0.5 × 0.5 µm (x, y)" in text
    assert "as stated by the images' owner" in text
    assert "normalise:1,99: absolute intensities" in text
    assert facts["raw_dtype"] == "uint8"


def test_classes_and_groups_are_counted_by_part(reported):
    _, facts, _ = reported
    by_name = {row["name"]: row for row in facts["classes"]}
    assert by_name[PLAIN]["source_images"] == 63
    assert by_name[HOSTILE]["source_images"] == 20
    splits = facts["provenance"]["splits"]
    for part, found in splits.items():
        assert sum(row["images"][part] for row in facts["classes"]) == found["images"]
    assert facts["groups"]["number"] == 82
    assert facts["groups"]["largest"]["source_images"] == 2
    assert facts["groups"]["with_one_source_image"] == 81


def test_an_injected_copy_is_shown_side_by_side_with_its_original(reported):
    page, facts, _ = reported
    one, other = f"{PLAIN}/003.png", f"{PLAIN}/copy.png"
    assert facts["duplicates"]["exact"] == [[one, other]]
    assert facts["duplicates"]["pairs_of_different_classes"] == 0
    text = Page(page).text.partition("1 exact copy and 0 pairs of near")[2]
    assert -1 < text.index("Exact copy") < text.index(one) < text.index(other)
    assert ("note", "Duplicates") in verdicts(facts)


def test_planted_blank_and_inverted_images_stand_out(reported):
    page, facts, _ = reported
    found = facts["outliers"]
    assert [each["id"] for each in found["blank"]] == [f"{PLAIN}/blank.png"]
    assert found["far"][0]["id"] == f"{PLAIN}/inverted.png"
    assert found["far"][0]["value"] > 3 * found["far"][1]["value"]
    focus = [each["value"] for each in found["blurred"]]
    assert focus == sorted(focus)
    assert "inverted.png" in verdicts(facts)["note", "Images far from the others"]
    assert "1 blank" in verdicts(facts)["note", "Blank, saturated or blurred images"]
    assert "How this is judged" in Page(page).text


@pytest.mark.parametrize("value", [7, 201, 60001])
def test_a_blank_image_is_shown_flat(value):
    assert not thumbnail(np.full((96, 120, 1), value, np.uint16)).any()


def test_a_file_set_aside_is_named_with_its_reason(reported):
    page, facts, _ = reported
    assert [file["file"] for file in facts["provenance"]["rejected"]] == [f"{PLAIN}/broken.png"]
    text = Page(page).text
    assert "1 file set aside" in text
    assert f"{PLAIN}/broken.png" in text


def test_compression_that_follows_the_classes_is_a_problem(reported):
    _, facts, _ = reported
    text = verdicts(facts)["bad", "Lossy and lossless images mixed by class"]
    assert f"20 of 83 images are lossy, exactly by class (lossy: {HOSTILE})" in text
    mixed = facts["encodings"]["by_class"] | {PLAIN: {"images": 63, "lossy": 5}}
    encodings = facts["encodings"] | {"by_class": mixed, "lossy": 25}
    found = verdicts(facts | {"encodings": encodings})
    assert f"{PLAIN} 5 of 63" in found["note", "Lossy and lossless images are mixed"]


def test_names_cannot_inject_markup_and_nothing_is_loaded(reported):
    page, _, _ = reported
    found = Page(page)
    assert found.tags.count("script") == 1  # the page’s own
    assert HOSTILE in found.text
    assert all(re.match(r"data:|#", address) for address in found.addresses)
    assert "default-src 'none'" in page.read_text()
    assert all(len(alt) > 20 for alt in found.alts)
    ids = re.findall(r'\bid="([^"]+)"', page.read_text())
    assert len(ids) == len(set(ids))
    check_page(page)


def test_the_list_of_doubtful_images_is_what_reject_takes(reported, folder, tmp_path):
    _, _, rejects = reported
    rows = list(csv.reader(rejects.open()))
    assert rows == [
        ["id", "reason"],
        [f"{PLAIN}/blank.png", "blank"],
        [f"{PLAIN}/copy.png", f"exact duplicate of {PLAIN}/003.png"],
    ]
    again = tmp_path / "again.html"
    settings = ("--image-size", SIDE, "--reject", rejects, "--out", again)
    result = invoke(f"folder:{folder}", *settings)
    assert result.stdout == f"{again}\n"
    text = Page(again).text
    assert "81 of 83 source images" in text
    assert "2 source images left out by curation or lists" in text
    assert "All but one of each are left out." in text
    assert "Blank Least sharp" not in text
    assert f"{PLAIN}/blank.png blank" not in text


def test_contact_sheets_have_bars_only_where_the_size_of_a_pixel_is_known(reported, folder):
    page, facts, _ = reported
    parts = [part for part, found in facts["provenance"]["splits"].items() if found["images"]]
    scales = re.findall(r'class="scale"><span style="width: ([0-9.]+)%', page.read_text())
    assert len(scales) == len(parts) + 2
    bare = build(f"folder:{folder}", folder.parent / "bare.html", image_size=SIDE)
    assert 'class="scale"' not in bare.read_text()
    assert "--pixel-size sets it" in Page(bare).text


def test_a_bar_is_true_where_images_are_shown_smaller():
    images = ImageSet.from_array(np.zeros((3, 192, 288, 1), np.uint8))
    images = replace(images, provenance={"pixel_size_um": [9.0, 0.5]})
    (sheet,) = sheets_of_parts(images)
    with Image.open(io.BytesIO(sheet.png)) as shown:
        assert shown.size == (3 * 98 - 2, 64)
    assert sheet.scale == bar(0.5 * 3, 3 * 98 - 2)


def test_a_sheet_reads_no_more_images_than_it_shows():
    class Counted(np.ndarray):
        read = 0

        def __getitem__(self, which):
            Counted.read += 1
            return np.asarray(super().__getitem__(which))

    images = ImageSet.from_array(np.zeros((500, 8, 8, 1), np.uint8).view(Counted))
    (sheet,) = sheets_of_parts(images)
    assert (sheet.shown, sheet.total) == (24, 500)
    assert Counted.read == 24


def test_every_integer_has_its_own_bin_where_they_are_few():
    samples = np.zeros((3, 4, 4), np.uint8)
    samples[0], samples[1], samples[2] = 5, [[0], [1], [1], [9]], 200
    found = histogram(samples, np.array([0, 1]), channels=1)
    assert found.edges.tolist() == [i - 0.5 for i in range(11)]
    assert found.counts.tolist() == [[1, 2, 0, 0, 0, 4, 0, 0, 0, 1]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_histogram_holds_every_sample(dtype):
    samples = np.random.default_rng(0).normal(30000, 5000, (40, 64, 4)).astype(dtype)
    found = histogram(samples, np.arange(40), channels=2)
    assert found.counts.sum(axis=1).tolist() == [40 * 64] * 2
    assert 128 <= len(found.edges) <= 258


def test_a_histogram_says_what_is_stored_and_how_much_is_clipped():
    found = histogram(np.arange(400, dtype=np.uint16).reshape(1, 100, 4), np.arange(1), channels=1)
    bounds = {"low": np.array([12.0]), "high": np.array([390.0]), "clipped": 0.034}
    curve = drawn(found, Intensity("window", "uint16", **bounds))
    assert "12 and 390" in curve.caption
    assert "3.4 % of the sampled training pixels lie outside" in curve.caption
    assert "stored as they are" in drawn(found, Intensity()).caption


def test_distances_are_in_robust_standard_deviations():
    values = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [100.0, 5.0]])
    far = distances(values)
    assert far[:, 0] == pytest.approx((values[:, 0] - 2) / 1.4826)
    assert far[:, 1] == pytest.approx([0, 0, 0, 0, 4 / (1.2533 * 0.8)])
    assert not distances(np.ones((3, 2))).any()


def test_sixteen_bit_images_show_their_mapping_and_their_size(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = (picture(i).astype(np.uint16) * 11 + rng.integers(0, 9, (SIDE, SIDE))).astype(
            "<u2"
        )
        tifffile.imwrite(tmp_path / f"{i:02d}.tif", pixels)
    opened = open_dataset(f"folder:{tmp_path}", image_size=SIDE, intensity="percentile:5,95")
    facts = write_report(tmp_path / "report.html", opened)
    text = Page(tmp_path / "report.html").text
    share = facts["provenance"]["intensity"]["clipped_share_of_training_pixels"]
    assert f"{100 * share:.1f} % of the sampled training pixels lie outside" in text
    assert "outside" in verdicts(facts)["note", "Clipped intensities"]
    assert not facts["classes"]
    assert "Classes" not in text


def test_an_official_split_that_tears_groups_is_told(tmp_path):
    rows = ["path,group,split"]
    for i in range(48):
        save(tmp_path / f"{i:02d}.png", picture(i))
        rows.append(f"{i:02d}.png,p{i // 4},{'test' if i % 12 == 0 or i > 40 else 'train'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    opened = open_dataset(f"folder:{tmp_path}", image_size=SIDE, split="official")
    facts = write_report(tmp_path / "report.html", opened)
    torn = facts["provenance"]["groups_torn_by_official_split"]
    assert f"tears {torn} groups apart" in Page(tmp_path / "report.html").text
    assert ("note", "The official split tears groups apart") in verdicts(facts)
    assert facts["groups"]["median_source_images"] == 4


def test_too_few_images_are_reported_instead_of_refused(tmp_path):
    for i in range(5):
        save(tmp_path / ("one" if i else "other") / f"{i}.png", picture(i))
    result = invoke(f"folder:{tmp_path}", "--image-size", SIDE, "--out", tmp_path / "r.html")
    text = Page(tmp_path / "r.html").text
    assert result.stdout == f"{tmp_path / 'r.html'}\n"
    assert "Problem: Too few training images 5 images to train on; at least 32 are needed." in text
    assert "Problem: Fewer than 8 groups" in text
    assert "Problem: Classes of one image other:" in text


def test_groups_of_each_part_are_told_and_whether_detectors_can_be_measured(tmp_path):
    for i in range(60):
        save(tmp_path / f"p{i // 5}_{i}.png", picture(i))
    settings = {"image_size": SIDE, "pattern": "{group}_{field}.png", "split_seed": 1}
    opened = open_dataset(f"folder:{tmp_path}", **settings)
    facts = write_report(tmp_path / "report.html", opened)
    held = {part: found["groups"] for part, found in facts["provenance"]["splits"].items()}
    assert sum(held.values()) == 12
    by_part = ", ".join(f"{groups} {part}" for part, groups in held.items())
    assert f"12 groups: {by_part}." in Page(tmp_path / "report.html").text
    told = verdicts(facts)["note", "Detectors will not be measured"]
    assert "in detect_train, at least" in told


def test_copies_in_two_classes_and_rare_classes_are_named(tmp_path):
    for i in range(60):
        save(tmp_path / "common" / f"{i}.png", picture(i))
    for i in range(60, 63):
        save(tmp_path / "rare" / f"{i}.png", picture(i))
    save(tmp_path / "rare" / "same.png", picture(7))
    opened = open_dataset(f"folder:{tmp_path}", image_size=SIDE)
    found = verdicts(write_report(tmp_path / "report.html", opened))
    assert found["bad", "The same picture in two classes"].startswith("1 pair")
    titles = {title for _, title in found}
    assert {"Unbalanced classes", "Classes without a training image"} & titles


def test_a_set_without_doubts_is_called_so(tmp_path):
    for i in range(240):
        save(tmp_path / f"{i}.png", picture(i))
    opened = open_dataset(f"folder:{tmp_path}", image_size=SIDE)
    facts = write_report(tmp_path / "report.html", opened)
    assert [verdict.title for verdict in findings(facts)] == [
        "240 source images",
        "Nothing doubtful seen",
    ]
    assert "None found: no two images are equal" in Page(tmp_path / "report.html").text


@pytest.mark.parametrize("width", [380, 1280])
def test_a_browser_shows_it_without_scrolling_sideways(reported, width):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.is_file():
        pytest.skip(f"needs {CHROMIUM}")
    page, _, _ = reported
    problems = []
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark")
        tab.on("console", lambda message: problems.append(message.text))
        tab.goto(page.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        loaded = tab.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(loaded) > 10
        assert all(size > 0 for size in loaded)
        scale, whole = (
            tab.evaluate(f"document.querySelector('{css}').getBoundingClientRect().width")
            for css in (".scale span", "img.sheet")
        )
        assert scale / whole == pytest.approx(bar_of_sheet(page), abs=0.01)
        browser.close()
    assert not problems


def bar_of_sheet(page):
    """The share of the width that the bar of the first contact sheet must have."""
    first = re.search(r'class="sheet" src="data:image/png;base64,([^"]+)"', page.read_text())[1]
    return bar_of(base64.b64decode(first), 0.5).share
