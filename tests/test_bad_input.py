"""What is damaged, hostile or missing is named in one line and set aside."""

import io
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from zoo.data import load
from zoo.data.archive import check_entry, open_zip, read_entry
from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.errors import UsageError, ZooError


def png(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", **options)
    return buffer.getvalue()


def png_claiming(width, height):
    """A PNG whose header claims a size that its pixels do not have."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def animation():
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (10, 200)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


GREY = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32).astype(np.uint8)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
NOISE = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
BAD = {
    "empty.png": (b"", "empty file"),
    "text.png": (b"no image at all", "no image that can be read"),
    "truncated.png": (png(NOISE)[:700], "does not decode"),
    "no-area.png": (png_claiming(0, 7), "zero area: 0×7 pixels"),
    "huge.png": (png_claiming(50_000, 50_000), "claims 2,500,000,000 pixels"),
    "large.png": (png_claiming(11_000, 11_000), "claims 11000×11000 pixels"),
    "postscript.png": (POSTSCRIPT, "no image that can be read"),
    "animated.gif": (animation(), "holds 2 frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_refused_with_the_reason(name):
    content, reason = BAD[name]
    with pytest.raises(Rejected, match=reason):
        decode(content)


def test_sixteen_bit_colour_is_refused_rather_than_cut():
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    content = png_claiming(1, 1)
    old = content[8 : 8 + 25]
    new = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    with pytest.raises(Rejected, match="16-bit colour"):
        decode(content.replace(old, new))


@pytest.mark.parametrize("suffix", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_good_images_come_back_exactly(suffix):
    buffer = io.BytesIO()
    options = {"lossless": True} if suffix == "WEBP" else {}
    Image.fromarray(GREY).save(buffer, suffix, **options)
    pixels, _ = decode(buffer.getvalue())
    assert np.array_equal(pixels[..., 0], GREY)


def test_bad_files_are_set_aside_one_line_each_and_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(60):
        image = np.random.default_rng(number).integers(0, 256, (32, 32), np.uint8)
        (folder / f"{number:02d}.png").write_bytes(png(image))
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    images = load(f"folder:{folder}")
    assert len(images) == 60
    rejected = {entry["file"]: entry["reason"] for entry in images.provenance["rejected"]}
    assert set(rejected) == set(BAD)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split("set aside ")[1].split(":")[0] for line in lines) == sorted(BAD)


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(ZooError, match=r"no file .*absent\.zip"), open_zip(tmp_path / "absent.zip"):
        pass


def test_a_truncated_archive_is_named(tmp_path):
    path = zipped(tmp_path / "a.zip", {"x/images/x.png": png(GREY)})
    path.write_bytes(path.read_bytes()[:-30])
    with (
        pytest.raises(ZooError, match=r"a\.zip is no zip archive, or is truncated"),
        open_zip(path),
    ):
        pass


def test_an_archive_with_a_password_is_named(tmp_path):
    path = zipped(tmp_path / "a.zip", {"x": b"content"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ZooError, match="protected by a password"), open_zip(path):
        pass


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png"]
)
def test_an_entry_that_climbs_out_of_its_folder_is_refused(name):
    with pytest.raises(Rejected, match="climbs out"):
        check_entry(zipfile.ZipInfo(name))


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = zipped(tmp_path / "a.zip", {"bomb.png": b"\0" * 30_000_000})
    with (
        open_zip(path) as archive,
        pytest.raises(Rejected, match="1000 times its size"),
    ):
        read_entry(archive, archive.infolist()[0])


def test_a_damaged_entry_is_refused_and_the_next_one_is_read(tmp_path):
    path = zipped(tmp_path / "a.zip", {"bad.png": png(NOISE), "good.png": png(GREY)})
    content = bytearray(path.read_bytes())
    content[200:220] = b"\xff" * 20
    path.write_bytes(bytes(content))
    with open_zip(path) as archive:
        bad, good = archive.infolist()
        with pytest.raises(Rejected, match="damaged in the archive"):
            read_entry(archive, bad)
        assert read_entry(archive, good) == png(GREY)


def test_a_home_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ZooError, match="cannot write into"):
        load("bbbc/simulated", image_size=64, images=40)


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))

    def full(self, image):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("zoo.data.stack.Stack.append", full)
    with pytest.raises(ZooError, match="No space left on device"):
        load("bbbc/simulated", image_size=64, images=40)
    assert [p.name for p in (tmp_path / "crops").iterdir() if not p.name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "zoom"}, "no view 'zoom'; choose from tile, resize"),
        ({"downscale": 0.5}, "downscale must be at least 1"),
        ({"min_foreground": 2}, "min_foreground must be from 0 to 1"),
        ({"image_size": "large"}, "image_size"),
        ({"label": "stain"}, "no field to use as label 'stain'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, monkeypatch, settings, message):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=message):
        load("bbbc/simulated", **({"image_size": 64, "images": 40} | settings))
