"""Each format comes in as it is: its depth, its planes, its scale, and nothing of a patient."""

import gzip
import io
import struct
import zlib

import imagecodecs
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from valid_files import dicom

from zoo.data.decode import SUFFIXES, decode, encoding, frames
from zoo.data.examples import Rejected
from zoo.data.formats import dicom as dicom_format
from zoo.data.frames import Reading
from zoo.errors import UsageError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (24, 32), np.uint8)
COLOUR = RNG.integers(0, 256, (24, 32, 3), np.uint8)
DEEP = RNG.integers(0, 4096, (24, 32), np.uint16)
STACK = RNG.integers(0, 4096, (2, 5, 3, 24, 32), np.uint16)  # t, z, channel, y, x
VOLUME = RNG.integers(-1000, 3000, (6, 24, 32)).astype(np.int16)


def picture(image, kind, **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        buffer, kind, **options
    )
    return buffer.getvalue()


def tiff(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def saved(array, save=np.save, **arrays):
    buffer = io.BytesIO()
    save(buffer, *([array] if array is not None else []), **arrays)
    return buffer.getvalue()


def nifti(array, *, units="mm", kind=nibabel.Nifti1Image, affine=(0.5, 0.7, 3)):
    image = kind(array, np.diag([*affine, 1]))
    image.header.set_xyzt_units(units)
    return image


def metaimage(volume, *, data_file="LOCAL", **tags):
    depth, height, width = volume.shape
    given = {
        "ObjectType": "Image",
        "NDims": 3,
        "DimSize": f"{width} {height} {depth}",
        "ElementSpacing": "0.5 0.7 3",
        "ElementType": {"int16": "MET_SHORT", "uint8": "MET_UCHAR"}[volume.dtype.name],
        **tags,
        "ElementDataFile": data_file,
    }
    return "".join(f"{key} = {value}\n" for key, value in given.items()).encode()


def read(content, **reading):
    return list(frames(content, reading=Reading(**reading)))


def only(content, **reading):
    (frame,) = read(content, **reading)
    return frame


DEEP_COLOUR = np.dstack([DEEP, DEEP + 1, DEEP + 2])
KEPT = {
    "grey PNG": (picture(GREY, "PNG"), GREY[..., None]),
    "16-bit grey PNG": (picture(DEEP, "PNG"), DEEP[..., None]),
    "16-bit colour PNG": (bytes(imagecodecs.png_encode(DEEP_COLOUR)), DEEP_COLOUR),
    "1-bit PNG": (picture(GREY > 99, "PNG"), (255 * (GREY > 99))[..., None]),
    "1-bit TIFF": (tiff(GREY > 99, photometric="minisblack"), (255 * (GREY > 99))[..., None]),
    "BMP": (picture(COLOUR, "BMP"), COLOUR),
    "DIB without a file header": (picture(COLOUR, "DIB"), COLOUR),
    "lossless WebP": (picture(COLOUR, "WEBP", lossless=True), COLOUR),
    "TIFF of 12 bits in 16": (tiff(DEEP), DEEP[..., None]),
    "signed TIFF": (tiff(VOLUME[0]), VOLUME[0][..., None]),
    "32-bit TIFF": (tiff(DEEP.astype(np.int32) * 9999), DEEP[..., None].astype(np.int32) * 9999),
    "float TIFF": (tiff(DEEP / np.float32(7)), (DEEP / np.float32(7))[..., None]),
    "big-endian BigTIFF": (tiff(DEEP, bigtiff=True, byteorder=">"), DEEP[..., None]),
    "tiled LZW TIFF": (tiff(DEEP, tile=(16, 16), compression="lzw", predictor=2), DEEP[..., None]),
    "RGB TIFF": (tiff(COLOUR, photometric="rgb"), COLOUR),
    "planar TIFF": (
        tiff(COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        COLOUR,
    ),
    "NPY": (saved(DEEP), DEEP[..., None]),
    "NPZ": (saved(None, np.savez_compressed, x=COLOUR), COLOUR),
    "16-bit DICOM": (dicom(DEEP), DEEP[..., None]),
    "colour DICOM": (dicom(COLOUR), COLOUR),
    "RLE DICOM": (dicom(VOLUME[0], syntax=RLELossless), VOLUME[0][..., None]),
    "JPEG 2000 DICOM": (
        dicom(DEEP, syntax=JPEG2000Lossless, packed=bytes(imagecodecs.jpeg2k_encode(DEEP))),
        DEEP[..., None],
    ),
}


@pytest.mark.parametrize("kind", KEPT)
def test_values_and_depth_are_those_of_the_file(kind, tmp_path):
    content, expected = KEPT[kind]
    frame = only(content)
    assert frame.note == ""
    assert np.array_equal(frame.pixels, expected)
    assert frame.pixels.dtype == expected.dtype or expected.dtype == int
    (tmp_path / "file").write_bytes(content)
    assert np.array_equal(decode(tmp_path / "file")[0], expected)


def test_twelve_bits_in_sixteen_are_neither_spread_nor_black():
    for content in (tiff(DEEP), picture(DEEP, "PNG"), dicom(DEEP, BitsStored=12, HighBit=11)):
        pixels, _ = decode(content)
        assert (pixels.dtype, pixels.max()) == (np.uint16, DEEP.max())


CHANGED = {
    "palette PNG": (
        picture(Image.fromarray(COLOUR).quantize(8), "PNG"),
        np.asarray(Image.fromarray(COLOUR).quantize(8).convert("RGB")),
        "P converted to RGB",
    ),
    "GIF": (picture(GREY, "GIF"), np.dstack([GREY] * 3), "P converted to RGB"),
    "alpha PNG": (picture(np.dstack([COLOUR, GREY]), "PNG"), COLOUR, "alpha channel dropped"),
    "16-bit alpha PNG": (
        bytes(imagecodecs.png_encode(np.dstack([DEEP_COLOUR, DEEP]))),
        DEEP_COLOUR,
        "alpha channel dropped",
    ),
    "alpha TIFF": (
        tiff(np.dstack([COLOUR, GREY]), photometric="rgb", extrasamples=["unassalpha"]),
        COLOUR,
        "alpha channel dropped",
    ),
    "palette TIFF": (
        tiff(GREY, photometric="palette", colormap=np.array([range(256)] * 3, np.uint16) << 8),
        np.dstack([GREY] * 3),
        "palette converted to RGB",
    ),
    "inverted TIFF": (
        tiff(DEEP, photometric="miniswhite"),
        65535 - DEEP[..., None],
        "white-is-zero inverted",
    ),
    "64-bit TIFF": (
        tiff(DEEP / 7),
        (DEEP / 7)[..., None].astype(np.float32),
        "64-bit floats rounded to 32 bits",
    ),
    "inverted DICOM": (
        dicom(GREY, PhotometricInterpretation="MONOCHROME1"),
        255 - GREY[..., None],
        "MONOCHROME1 inverted",
    ),
    "rescaled DICOM": (
        dicom(DEEP, BitsStored=12, HighBit=11, RescaleSlope=1, RescaleIntercept=-1024),
        DEEP[..., None].astype(np.int16) - 1024,
        "rescaled by 1 and -1024",
    ),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_has_to_be_changed_is_noted(kind):
    content, expected, note = CHANGED[kind]
    frame = only(content)
    assert frame.note == note
    assert frame.pixels.dtype == expected.dtype
    assert np.array_equal(frame.pixels, expected)


def test_cmyk_becomes_rgb_with_a_note():
    smooth = np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint8)
    for content in (
        picture(Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=95),
        tiff(np.asarray(Image.fromarray(smooth).convert("CMYK")), photometric="separated"),
    ):
        frame = only(content)
        assert frame.note == "CMYK converted to RGB"
        assert np.abs(frame.pixels.astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("options", [{"ome": True}, {"imagej": True}], ids=["OME-TIFF", "ImageJ"])
def test_planes_and_channels_of_a_hyperstack_are_chosen(options, tmp_path):
    content = tiff(STACK, metadata={"axes": "TZCYX"}, **options)
    (file := tmp_path / "stack.tif").write_bytes(content)
    every = read(file, z="all", t="all")
    assert [frame.place for frame in every[:6]] == [*(f"t0-z{z}" for z in range(5)), "t1-z0"]
    assert np.array_equal(every[7].pixels, STACK[1, 2].transpose(1, 2, 0))
    highest = only(file, z="max", t=1)
    assert np.array_equal(highest.pixels, STACK[1].max(0).transpose(1, 2, 0))
    assert (highest.place, highest.note) == ("", "t 1 of 2, max of 5 along z")
    mean = only(file, z="mean", t=0, channels=(2,))
    assert np.array_equal(mean.pixels[..., 0], np.rint(STACK[0, :, 2].mean(0)).astype(np.uint16))
    middle = only(file, z="middle", t="0", channels="2,0")
    assert np.array_equal(middle.pixels, STACK[0, 2][[2, 0]].transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        ({}, "5 frames along z; choose --t and --z max, mean, middle, all or a number"),
        ({"t": 0}, "holds 5 frames along z; choose --z max, mean, middle, all or a number"),
        ({"t": 0, "z": 5}, "holds 5 frames along z, from 0: no --z 5"),
        ({"t": 0, "z": 0, "channels": (3,)}, "has 3 channels, from 0: no --channels 3"),
    ],
)
def test_a_choice_that_is_missing_or_impossible_is_named(reading, reason):
    with pytest.raises(Rejected, match=reason):
        read(tiff(STACK, ome=True, metadata={"axes": "TZCYX"}), **reading)


@pytest.mark.parametrize(
    "reading", [{"z": "median"}, {"t": -1}, {"channels": "red"}, {"channels": (0, 1, 2, 3, 4)}]
)
def test_a_reading_that_makes_no_sense_is_a_wrong_use(reading):
    with pytest.raises(UsageError, match=r"choose from all, max|give 1 to 4 numbers"):
        Reading(**reading)


def test_more_than_four_channels_have_to_be_chosen_from():
    many = RNG.integers(0, 4096, (6, 24, 32), np.uint16)
    content = tiff(many, ome=True, metadata={"axes": "CYX"})
    with pytest.raises(Rejected, match="has 6 channels; choose up to 4, as in --channels 0,1,2"):
        read(content)
    assert np.array_equal(only(content, channels=(5, 1)).pixels, many[[5, 1]].transpose(1, 2, 0))
    samples = tiff(many.transpose(1, 2, 0), photometric="minisblack", planarconfig="contig")
    assert np.array_equal(only(samples, channels=(4,)).pixels[..., 0], many[4])


def test_an_animation_gives_the_frame_that_is_chosen():
    levels = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (10, 200)]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        content = picture(levels[0], kind, save_all=True, append_images=levels[1:], **options)
        with pytest.raises(Rejected, match="holds 2 frames along t; choose --t"):
            read(content)
        assert np.unique(only(content, t=1).pixels) == 200
        assert [frame.place for frame in read(content, t="all")] == ["t0", "t1"]


def test_only_the_first_series_is_read_and_that_there_are_more_is_noted():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, ome=True) as writer:
        writer.write(DEEP, metadata={"axes": "YX"})
        writer.write(GREY[:8], metadata={"axes": "YX"})
    frame = only(buffer.getvalue())
    assert np.array_equal(frame.pixels[..., 0], DEEP)
    assert frame.note == "first of 2 image series"


SIZES = {
    "OME": (
        tiff(
            DEEP,
            ome=True,
            metadata={
                "axes": "YX",
                "PhysicalSizeX": 0.32,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeY": 640,
                "PhysicalSizeYUnit": "nm",
            },
        ),
        (0.64, 0.32),
    ),
    "ImageJ": (
        tiff(DEEP, imagej=True, metadata={"unit": "micron"}, resolution=(4, 2)),
        (0.5, 0.25),
    ),
    "ImageJ without a unit": (tiff(DEEP, imagej=True, resolution=(4, 2)), None),
    "cm": (tiff(DEEP, resolution=(20000, 20000), resolutionunit="CENTIMETER"), (0.5, 0.5)),
    "72 dpi": (tiff(DEEP, resolution=(72, 72), resolutionunit="INCH"), None),
    "DICOM": (dicom(DEEP, PixelSpacing=[0.5, 0.25]), (500.0, 250.0)),
    "NIfTI": (nifti(VOLUME[:1].T).to_bytes(), (700.0, 500.0)),
    "NIfTI without a unit": (nifti(VOLUME[:1].T, units="unknown").to_bytes(), None),
    "MetaImage": (metaimage(VOLUME[:1]) + VOLUME[:1].tobytes(), (700.0, 500.0)),
}


@pytest.mark.parametrize("kind", SIZES)
def test_the_pixel_size_is_what_the_file_gives_with_a_unit(kind):
    content, expected = SIZES[kind]
    assert only(content).pixel_size == expected


@pytest.mark.parametrize(
    ("shape", "count", "image"),
    [
        ((9, 8), 1, (9, 8, 1)),
        ((9, 8, 4), 1, (9, 8, 4)),
        ((9, 8, 5), 9, (8, 5, 1)),
        ((3, 9, 8), 3, (9, 8, 1)),
        ((3, 9, 8, 2), 3, (9, 8, 2)),
    ],
)
def test_an_array_is_an_image_or_a_stack_by_its_shape(shape, count, image):
    array = RNG.integers(0, 256, shape, np.uint8)
    for content in (saved(array), saved(np.asfortranarray(array))):
        found = read(content)
        assert (len(found), found[0].pixels.shape) == (count, image)
        assert np.array_equal(np.stack([f.pixels for f in found]).reshape(shape), array)


def test_of_several_arrays_the_one_called_images_is_read():
    labels = np.arange(6)
    found = read(saved(None, np.savez, images=VOLUME, labels=labels))
    assert [frame.place for frame in found] == [f"z{z}" for z in range(6)]
    with pytest.raises(Rejected, match=r"2 arrays \(x, labels\); name one of them images"):
        read(saved(None, np.savez, x=VOLUME, labels=labels))


def test_objects_are_never_unpickled():
    content = saved(np.array([{}], object))
    with pytest.raises(Rejected, match="an array of object, not of numbers"):
        read(content)


def test_what_identifies_a_patient_never_leaves_a_dicom_file():
    secrets = {"PatientID": "4711", "InstitutionName": "St. Elsewhere", "StudyDate": "19991231"}
    content = dicom(DEEP, Modality="CT", KVP="120", PixelSpacing=[0.5, 0.5], **secrets)
    facts = dicom_format.facts(dcmread(io.BytesIO(content)))
    assert (facts["Modality"], facts["KVP"], facts["PixelSpacing"]) == ("CT", 120.0, [0.5, 0.5])
    assert set(facts) <= set(dicom_format.TECHNICAL)
    frame = only(content)
    told = [facts, frame.place, frame.note, frame.pixel_size, frame.window]
    with pytest.raises(Rejected) as refused:
        read(content.replace(b"MONOCHROME2 ", b"Doe^Jane^471"))
    for secret in ("Doe", "4711", "Elsewhere", "1999", "1.2.3"):
        assert secret not in f"{told} {refused.value}"


@pytest.mark.parametrize(
    ("function", "window"), [("LINEAR", (-160.0, 239.0)), ("LINEAR_EXACT", (-160.0, 240.0))]
)
def test_the_window_of_a_dicom_file_is_in_the_values_that_come_out(function, window):
    tags = {"WindowCenter": [40, 600], "WindowWidth": [400, 2000], "VOILUTFunction": function}
    scale = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1024}
    assert only(dicom(DEEP, **tags, **scale)).window == window
    low, high = window
    turned = only(dicom(DEEP, **tags, **scale, PhotometricInterpretation="MONOCHROME1"))
    assert turned.window == (4095 - 2048 - high, 4095 - 2048 - low)
    assert np.array_equal(turned.pixels[..., 0], 4095 - 1024 - DEEP.astype(np.int16))


def test_frames_of_a_dicom_file_are_depth_unless_they_are_timed():
    whole = read(dicom(VOLUME, NumberOfFrames=6))
    assert [frame.place for frame in whole] == [f"z{z}" for z in range(6)]
    assert np.array_equal(np.stack([f.pixels[..., 0] for f in whole]), VOLUME)
    timed = dicom(VOLUME, NumberOfFrames=6, FrameTime="40")
    assert np.array_equal(only(timed, t=3).pixels[..., 0], VOLUME[3])


def test_a_dicom_file_that_nothing_can_decompress_names_the_syntax_and_the_remedy():
    content = dicom(DEEP, syntax=JPEGLSLossless, packed=b"\xff\xd8\xff\xd9")
    with pytest.raises(Rejected, match=r"as JPEG-LS Lossless.* needs: pip install pylibjpeg"):
        read(content)


def test_text_burned_into_a_dicom_image_is_told():
    assert "burned into" in only(dicom(DEEP, BurnedInAnnotation="YES")).note


@pytest.mark.parametrize("packed", [False, True], ids=["nii", "nii.gz"])
def test_nifti_slices_run_along_the_third_axis(packed, tmp_path):
    array = VOLUME.T  # x, y, z
    content = nifti(array, affine=(-0.5, -0.7, 3)).to_bytes()
    (file := tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    found = read(file)
    assert np.array_equal(np.stack([f.pixels[..., 0] for f in found]), VOLUME)
    assert {f.note for f in found} == {"orientation LPS"}
    assert np.array_equal(only(file, z="max").pixels[..., 0], VOLUME.max(0))


def test_nifti_values_are_scaled_as_the_header_says():
    image = nifti(VOLUME.T)
    image.header.set_slope_inter(0.5, 10)
    image.header["cal_min"], image.header["cal_max"] = -100, 300
    frame = read(image.to_bytes())[2]
    assert frame.window == (-100, 300)
    assert np.array_equal(frame.pixels[..., 0], VOLUME[2] * np.float32(0.5) + 10)
    assert "scaled by 0.5 and +10" in frame.note


def test_a_fourth_dimension_is_time_and_has_to_be_chosen():
    films = np.stack([VOLUME, VOLUME + 1])
    content = nifti(films.T, kind=nibabel.Nifti2Image, affine=(1, 1, 1)).to_bytes()
    with pytest.raises(Rejected, match="holds 2 frames along t; choose --t"):
        read(content)
    assert np.array_equal(only(content, t=1, z=4).pixels[..., 0], VOLUME[4] + 1)


def test_a_metaimage_header_reads_its_data_from_beside_it(tmp_path):
    (tmp_path / "v.mhd").write_bytes(metaimage(VOLUME, data_file="v.raw"))
    (tmp_path / "v.raw").write_bytes(VOLUME.tobytes())
    found = read(tmp_path / "v.mhd")
    assert np.array_equal(np.stack([f.pixels[..., 0] for f in found]), VOLUME)
    packed = metaimage(VOLUME, CompressedData="True") + zlib.compress(VOLUME.tobytes())
    assert np.array_equal(read(packed)[5].pixels[..., 0], VOLUME[5])
    swapped = metaimage(VOLUME, BinaryDataByteOrderMSB="True") + VOLUME.astype(">i2").tobytes()
    assert np.array_equal(read(swapped)[5].pixels[..., 0], VOLUME[5])
    at_the_end = metaimage(VOLUME, data_file="end.raw", HeaderSize=-1)
    (tmp_path / "end.mhd").write_bytes(at_the_end)
    (tmp_path / "end.raw").write_bytes(b"other header" + VOLUME.tobytes())
    assert np.array_equal(read(tmp_path / "end.mhd")[0].pixels[..., 0], VOLUME[0])


WAVELETS = {
    level: tiff(COLOUR, photometric="rgb", compression="jpeg2000", compressionargs=options)
    for level, options in (("lossless", {"reversible": True}), ("lossy", {"level": 30}))
}
ENCODINGS = {
    "PNG": picture(GREY, "PNG"),
    "JPEG, lossy": picture(GREY, "JPEG"),
    "WEBP": picture(GREY, "WEBP", lossless=True),
    "WEBP, lossy": picture(GREY, "WEBP"),
    "NPY": saved(GREY),
    "TIFF": WAVELETS["lossless"],
    "TIFF, lossy": WAVELETS["lossy"],
    "DICOM": dicom(GREY),
    "DICOM, lossy": dicom(
        GREY, syntax=JPEGBaseline8Bit, packed=bytes(imagecodecs.jpeg_encode(GREY))
    ),
    "NIfTI": nifti(VOLUME.T).to_bytes(),
    "MetaImage": metaimage(VOLUME),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_encoding_tells_whether_detail_was_lost(name, tmp_path):
    (tmp_path / "file").write_bytes(ENCODINGS[name])
    assert encoding(tmp_path / "file") == encoding(ENCODINGS[name]) == name


def test_a_jpeg_in_a_tiff_and_one_that_was_in_a_dicom_are_lossy():
    assert encoding(tiff(COLOUR, photometric="rgb", compression="jpeg")) == "TIFF, lossy"
    assert encoding(dicom(GREY, LossyImageCompression="01")) == "DICOM, lossy"
    assert encoding(b"no image") == ""


def test_a_dicom_file_that_begins_as_a_tiff_is_dicom():
    content = b"II*\0" + dicom(DEEP)[4:]
    assert np.array_equal(only(content).pixels[..., 0], DEEP)


def test_every_suffix_that_is_read_is_lower_case_and_begins_with_a_dot():
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)
    assert {".dib", ".nii.gz", ".mhd", ".dcm", ".npz", ".tif"} <= set(SUFFIXES)


def test_a_cellomics_dib_is_sixteen_bit_grey_and_no_fifteen_bit_colour(tmp_path):
    pixels = np.arange(6 * 5, dtype="<u2").reshape(5, 6) * 100
    header = struct.pack("<IiiHHI", 40, 6, 5, 1, 16, 0).ljust(52, b"\0")
    file = tmp_path / "A01f00d0.DIB"
    file.write_bytes(header + pixels.tobytes())
    (frame,) = frames(file)
    assert np.array_equal(frame.pixels[..., 0], pixels)
    assert "Cellomics" in frame.note
    assert encoding(file) == "DIB"
    with pytest.raises(Rejected, match="truncated"):
        decode(file.read_bytes()[:-1])
