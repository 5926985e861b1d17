"""What is damaged, hostile or missing is named in one line and set aside."""

import gzip
import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import dcmread
from valid_files import valid_files

from zoo.data import load
from zoo.data.archive import check_entry, open_zip, read_entry
from zoo.data.decode import decode, encoding, frames
from zoo.data.examples import Rejected
from zoo.data.frames import Reading
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


def tiff(image):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archived(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def volume_claiming(side):
    """A NIfTI header that claims a volume of side x side x 9 16-bit values."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((side, side, 9))
    header["magic"], header["vox_offset"] = b"n+1", 352
    return header.binaryblock + bytes(1000)


VALID = valid_files()
ROWS = b"\x28\x00\x10\x00US\x02\x00\x28\x00"  # (0028,0010), 40 rows
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
    "animated.gif": (animation(), "holds 2 frames along t; choose --t"),
    "nan.tif": (tiff(np.array([[1, np.nan]], np.float32)), "NaN or infinite in 1 of 2 values"),
    "infinite.npy": (npy(np.array([[np.inf]])), "NaN or infinite in 1 of 1 values"),
    "complex.npy": (npy(np.ones((2, 2), complex)), "an array of complex128, not of numbers"),
    "archive.npz": (archived("inner.zip", archived("deep.png", b"x")), "an archive, no image"),
    "gzip.nii.gz": (gzip.compress(b"x" * 999), "gzip of something that is no NIfTI"),
    "claims.nii.gz": (gzip.compress(volume_claiming(9000)), "claims 1,458,000,000 bytes unpacked"),
    "large.dcm": (VALID["slice.dcm"].replace(ROWS, ROWS[:-2] + b"\xff\xff"), "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_refused_with_the_reason(name):
    content, reason = BAD[name]
    with pytest.raises(Rejected, match=reason):
        decode(content)


def cut(name):
    """A valid file of a format, its last third missing."""
    content = VALID[name]
    return content[: len(content) * 2 // 3]


@pytest.mark.parametrize("name", VALID)
def test_a_file_that_was_cut_off_is_never_read_in_part(name, tmp_path):
    (tmp_path / name).write_bytes(cut(name))
    with pytest.raises(Rejected, match=r"truncated|does not decode"):
        list(frames(tmp_path / name, reading=Reading(z="all", t="all")))


def test_an_inverted_dicom_image_is_turned_and_noted():
    dataset = dcmread(io.BytesIO(VALID["white.dcm"]))
    pixels, note = decode(VALID["white.dcm"])
    assert note == "MONOCHROME1 inverted"
    assert np.array_equal(pixels[..., 0], 255 - dataset.pixel_array)


def test_sixteen_bits_of_which_twelve_are_used_do_not_come_in_black(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    (tmp_path / "images").mkdir()
    for number in range(60):
        image = np.random.default_rng(number).integers(0, 4096, (32, 32), np.uint16)
        tifffile.imwrite(tmp_path / "images" / f"{number:02d}.tif", image)
    images = load(f"folder:{tmp_path / 'images'}")
    assert np.array_equal(decode(tmp_path / "images" / "59.tif")[0][..., 0], image)
    assert images[:].mean() / np.iinfo(images.dtype).max > 0.4


@pytest.mark.parametrize("data_file", ["../secret.raw", "/etc/passwd", "link.raw", "LIST"])
def test_a_header_cannot_reach_files_outside_its_folder(tmp_path, data_file):
    (tmp_path / "secret.raw").write_bytes(bytes(100))
    (folder := tmp_path / "volumes").mkdir()
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    tags = "NDims = 2\nDimSize = 10 10\nElementType = MET_UCHAR\n"
    (folder / "v.mhd").write_text(f"{tags}ElementDataFile = {data_file}\n")
    with pytest.raises(Rejected, match=r"outside its folder|not beside it|several files"):
        decode(folder / "v.mhd")


def test_an_ome_tiff_does_not_open_the_files_that_it_names(tmp_path):
    plane = np.ones((8, 8), np.uint8)
    tifffile.imwrite(tmp_path / "other.ome.tif", plane * 9)
    told = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        '<Image ID="Image:0"><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" '
        'SizeZ="2" SizeC="1" SizeT="1"><TiffData FirstZ="0" IFD="0"><UUID FileName="a.ome.tif">'
        'urn:uuid:1</UUID></TiffData><TiffData FirstZ="1" IFD="0"><UUID FileName="other.ome.tif">'
        "urn:uuid:2</UUID></TiffData></Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", plane, description=told, metadata=None)
    assert [f.pixels.max() for f in frames(tmp_path / "a.ome.tif", reading=Reading(z="all"))] == [1]


def test_a_packed_volume_is_unpacked_no_further_than_its_header_claims(tmp_path):
    bomb = gzip.compress(VALID["volume.nii"] + bytes(60_000_000), compresslevel=1)
    (tmp_path / "bomb.nii.gz").write_bytes(bomb)
    tracemalloc.start()
    assert len(list(frames(tmp_path / "bomb.nii.gz"))) == 56
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_volume_that_claims_millions_of_slices_takes_no_memory_for_them(tmp_path):
    header = nibabel.Nifti2Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((1, 1, 3_000_000))
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(5000)))
    tracemalloc.start()
    with pytest.raises(Rejected, match="truncated"):
        list(frames(tmp_path / "bomb.nii.gz"))
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes on Windows")
def test_a_pipe_among_the_files_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    assert encoding(tmp_path / "a.tif") == ""
    with pytest.raises(Rejected, match="no regular file"):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["PNG", "BMP", "DIB", "TIFF", "GIF", "WEBP"])
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


def test_a_link_in_an_archive_is_refused():
    entry = zipfile.ZipInfo("innocent.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(Rejected, match="a symbolic link"):
        check_entry(entry)


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


def test_a_source_that_cannot_be_read_is_not_told_as_a_disk_that_cannot_be_written(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))

    def gone(self, number):
        raise FileNotFoundError(2, os.strerror(2), "plate.tif")

    monkeypatch.setattr("zoo_datasets.simulated.nuclei.Nuclei.field", gone)
    with pytest.raises(ZooError, match=r"^bbbc/simulated cannot be read: .*'plate.tif'"):
        load("bbbc/simulated", image_size=64, images=40)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "zoom"}, "no view 'zoom'; choose from tile, resize"),
        ({"downscale": 0.5}, "downscale must be at least 1"),
        ({"min_foreground": 2}, "min_foreground must be from 0 to 1"),
        ({"image_size": "large"}, "image_size"),
        ({"pixel_size": -1.0}, "pixel_size must be above 0"),
        ({"label": "stain"}, "no field to use as label 'stain'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, monkeypatch, settings, message):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=message):
        load("bbbc/simulated", **({"image_size": 64, "images": 40} | settings))
