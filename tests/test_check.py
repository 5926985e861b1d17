"""`zoo.data.check` tells all that is wrong with a folder, an archive or a file at once."""

import json
import os
import sys
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.data.check import check
from zoo.errors import UsageError


def noise(seed, shape=(20, 30)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write(folder, *names, shape=(20, 30), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(noise(seed + number, shape)).save(folder / name)


def messages(report, kind):
    return [finding.message for finding in report.findings if finding.kind == kind]


def test_a_clean_folder_gives_its_counts_and_nothing_else(tmp_path):
    write(tmp_path / "ill", "Zelle ä 1.png", "細胞 2.png")
    write(tmp_path / "well", "1.png", "2.png", seed=9)
    report = check(tmp_path)
    assert list(report.lines()) == [
        "4 images in 4 files, 0 set aside",
        "sizes: 30×20 (4)",
        "channels: 1 (4)",
        "types: uint8 (4)",
        "encodings: PNG (4)",
        "classes: ill (2), well (2)",
        "groups by part, --split-seed 0: train 4, detect_train 0, validation 0, test 0",
    ]
    assert json.loads(json.dumps(report.as_json()))["counts"]["classes"] == {"ill": 2, "well": 2}


def test_each_file_that_would_be_set_aside_has_its_reason(tmp_path):
    write(tmp_path, "good.png", "good too.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "scan.czi").write_bytes(b"x")
    report = check(tmp_path)
    reasons = {rejection.file: rejection.reason for rejection in report.rejected}
    assert (report.files, report.images) == (5, 2)
    assert reasons["empty.png"] == "empty file"
    assert reasons["text.jpg"] == "no image that can be read"
    assert "not of a kind that is read" in reasons["scan.czi"]
    assert "set aside empty.png: empty file" in list(report.lines())


def test_mixtures_are_counted(tmp_path):
    write(tmp_path, "1.png", "2.png")
    write(tmp_path, "3.png", shape=(20, 44, 3), seed=5)
    tifffile.imwrite(tmp_path / "4.tif", np.zeros((20, 30), np.uint16))
    report = check(tmp_path)
    assert messages(report, "sizes") == ["mixed sizes: 30×20 (3), 44×20 (1)"]
    assert messages(report, "channels") == ["mixed channels: 1 (3), 3 (1)"]
    assert messages(report, "types") == ["mixed types: uint8 (3), uint16 (1)"]


def test_lossy_and_lossless_files_are_told_and_whether_they_follow_the_classes(tmp_path):
    write(tmp_path / "ill", "1.jpg", "2.jpg")
    write(tmp_path / "well", "1.png", "2.png", seed=9)
    (message,) = messages(check(tmp_path), "compression")
    assert message.startswith("mixed lossy (2) and lossless (2) images, exactly by class")
    assert "(lossy: ill)" in message
    write(tmp_path / "well", "3.jpg", seed=20)
    (message,) = messages(check(tmp_path), "compression")
    assert message.endswith("; lossy by class: ill 2 of 2, well 1 of 3")


def test_a_class_of_one_image_and_copies_in_two_classes_are_told(tmp_path):
    write(tmp_path / "ill", "1.png", "2.png")
    write(tmp_path / "well", "copy.png")
    report = check(tmp_path)
    assert messages(report, "class of one") == [
        "class well has one image, well/copy.png: it cannot be both trained on and held out"
    ]
    assert messages(report, "duplicates") == [
        "the same image 2 times: ill/1.png, well/copy.png, in classes ill, well"
    ]


def test_a_table_that_names_missing_files_is_told(tmp_path):
    write(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("path,label\n1.png,a\n2.png,a\ngone.png,b\n")
    report = check(tmp_path)
    assert [r.file for r in report.rejected] == ["gone.png"]
    assert "labels.csv" in report.rejected[0].reason


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_cannot_be_written_everywhere_are_told_in_one_line(tmp_path):
    write(tmp_path, "1.png", "two\nlines.png")
    write(tmp_path, os.fsdecode(b"\xe4.png"), seed=7)
    report = check(tmp_path)
    assert report.images == 3
    line = next(line for line in report.lines() if line.startswith("names not in UTF-8"))
    assert r"two\x0alines.png" in line
    assert r"\xe4.png" in line


def test_planes_are_chosen_as_for_a_dataset(tmp_path):
    stack = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, stack, photometric="minisblack")
    assert "choose --z" in check(tmp_path).rejected[0].reason
    assert check(tmp_path, z="all").images == 6
    assert check(tmp_path / "a.tif", z="max").images == 1


def zipped(path, **entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_an_archive_is_checked_without_unpacking_it(tmp_path):
    write(tmp_path / "set" / "ill", "1.png", "2.png")
    write(tmp_path / "set" / "well", "1.png", "2.png", seed=9)
    files = sorted((tmp_path / "set").rglob("*.png"))
    entries = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}
    inner = zipped(tmp_path / "inner.zip", **{"bomb.png": bytes(30_000_000)}).read_bytes()
    hostile = {
        "set/ill/../../../evil.png": b"x",
        "set/ill/bomb.png": bytes(30_000_000),
        "set/inner.zip": inner,
        "set/__MACOSX/._1.png": b"x",
    }
    report = check(zipped(tmp_path / "set.zip", **entries, **hostile))
    assert report.counts["classes"] == {"ill": 2, "well": 2}
    reasons = {rejection.file: rejection.reason for rejection in report.rejected}
    assert "climbs out" in reasons["set/ill/../../../evil.png"]
    assert "1000 times its size" in reasons["set/ill/bomb.png"]
    assert "an archive, no image" in reasons["set/inner.zip"]
    assert len(reasons) == 3


def test_a_wrong_path_option_or_archive_is_named(tmp_path):
    write(tmp_path, "1.png")
    with pytest.raises(UsageError, match="no file or folder"):
        check(tmp_path / "absent")
    with pytest.raises(UsageError, match="no option 'pattern' for a file"):
        check(tmp_path / "1.png", pattern="{well}.png")
    path = zipped(tmp_path / "a.zip", **{"1.png": b"x" * 99})
    path.write_bytes(path.read_bytes()[:-30])
    (rejection,) = check(path).rejected
    assert rejection.reason == "no zip archive, or truncated"
