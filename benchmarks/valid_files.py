"""A small valid file of every format that is read, to damage and to test with."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image


def valid_files() -> dict[str, bytes]:
    """A small file of every format and of the kinds within it that are read differently."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (40, 56), np.uint8)
    colour = rng.integers(0, 256, (40, 56, 3), np.uint8)
    deep = rng.integers(0, 4096, (40, 56), np.uint16)
    stack = rng.integers(0, 4096, (2, 3, 2, 40, 56), np.uint16)
    volume = rng.integers(-1000, 3000, (5, 40, 56)).astype(np.int16)
    return {
        **_pillow_files(grey, colour, deep),
        **_numpy_files(grey, volume),
        **_tiff_files(grey, colour, deep, stack),
        **_dicom_files(grey, colour, volume),
        **_nifti_files(volume),
        **_metaimage_files(volume),
    }


def _pillow_files(grey: Any, colour: Any, deep: Any) -> dict[str, bytes]:
    import imagecodecs

    palette = Image.fromarray(colour).quantize(64)
    alpha = np.dstack([colour, grey])
    frames = {"save_all": True, "append_images": [Image.fromarray(grey[::-1])]}
    return {
        "grey.png": _saved(Image.fromarray(grey), "PNG"),
        "alpha.png": _saved(Image.fromarray(alpha), "PNG"),
        "palette.png": _saved(palette, "PNG"),
        "bits.png": _saved(Image.fromarray(grey > 99), "PNG"),
        "deep.png": _saved(Image.fromarray(deep), "PNG"),
        "deepcolour.png": bytes(imagecodecs.png_encode(np.dstack([deep] * 3))),
        "colour.jpg": _saved(Image.fromarray(colour), "JPEG"),
        "progressive.jpg": _saved(Image.fromarray(colour), "JPEG", progressive=True),
        "cmyk.jpg": _saved(Image.fromarray(colour).convert("CMYK"), "JPEG"),
        "colour.bmp": _saved(Image.fromarray(colour), "BMP"),
        "grey.dib": _saved(Image.fromarray(grey), "DIB"),
        "palette.gif": _saved(palette, "GIF"),
        "animated.gif": _saved(Image.fromarray(grey), "GIF", **frames),
        "lossless.webp": _saved(Image.fromarray(colour), "WEBP", lossless=True),
        "lossy.webp": _saved(Image.fromarray(colour), "WEBP"),
    }


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _numpy_files(grey: Any, volume: Any) -> dict[str, bytes]:
    def written(write: Callable[..., None], *args: Any, **kwargs: Any) -> bytes:
        buffer = io.BytesIO()
        write(buffer, *args, **kwargs)
        return buffer.getvalue()

    return {
        "grey.npy": written(np.save, grey),
        "columns.npy": written(np.save, np.asfortranarray(volume)),
        "volume.npz": written(np.savez_compressed, images=volume),
    }


def _tiff_files(grey: Any, colour: Any, deep: Any, stack: Any) -> dict[str, bytes]:
    import tifffile

    def tiff(image: Any, **options: Any) -> bytes:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, image, **options)
        return buffer.getvalue()

    table = np.arange(768, dtype=np.uint16).reshape(3, 256) * 85
    axes = {"metadata": {"axes": "TZCYX", "UUID": "00000000-0000-0000-0000-000000000000"}}
    packed = {"photometric": "rgb", "tile": (16, 16)}
    return {
        "deep.tif": tiff(deep),
        "float.tif": tiff(deep.astype(np.float32), compression="zlib", predictor=3),
        "tiles.tif": tiff(deep, tile=(16, 16), compression="lzw", predictor=2),
        "packbits.tif": tiff(grey, compression="packbits", rowsperstrip=8),
        "zstd.tif": tiff(grey, compression="zstd"),
        "bits.tif": tiff(grey > 99),
        "jpeg.tif": tiff(colour, compression="jpeg", **packed),
        "jpeg2000.tif": tiff(colour, compression="jpeg2000", **packed),
        "planar.tif": tiff(colour.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        "palette.tif": tiff(grey, photometric="palette", colormap=table),
        "big.tif": tiff(deep, bigtiff=True, byteorder=">"),
        "stack.ome.tif": tiff(stack, ome=True, **axes),
        "imagej.tif": tiff(stack, imagej=True, **axes),
    }


def _dicom_files(grey: Any, colour: Any, volume: Any) -> dict[str, bytes]:
    import imagecodecs
    from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

    jpeg = bytes(imagecodecs.jpeg_encode(grey))
    wavelet = bytes(imagecodecs.jpeg2k_encode(volume[0] + 1000, codecformat="J2K"))
    scale = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
    spacing = {"PixelSpacing": [0.5, 0.5]}
    return {
        "slice.dcm": dicom(volume[0], **scale, **spacing),
        "frames.dcm": dicom(volume, NumberOfFrames=len(volume)),
        "colour.dcm": dicom(colour, PhotometricInterpretation="RGB"),
        "white.dcm": dicom(grey, PhotometricInterpretation="MONOCHROME1"),
        "jpeg.dcm": dicom(grey, syntax=JPEGBaseline8Bit, packed=jpeg),
        "jpeg2000.dcm": dicom(volume[0], syntax=JPEG2000Lossless, packed=wavelet),
        "rle.dcm": dicom(volume[0], syntax=RLELossless),
    }


def dicom(pixels: Any, *, syntax: Any = None, packed: bytes = b"", **tags: Any) -> bytes:
    """A DICOM file of (H, W), (n, H, W) or (H, W, 3) pixels, compressed if `syntax` is."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.PatientName = "Doe^Jane"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 3 if pixels.shape[-1] == 3 else 1
    dataset.Rows, dataset.Columns = pixels.shape[-2:] if pixels.shape[-1] != 3 else pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PlanarConfiguration = 0
    dataset.PixelData = encapsulate([packed]) if packed else pixels.tobytes()
    dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    for name, value in tags.items():
        setattr(dataset, name, value)
    if syntax == RLELossless:
        dataset.compress(RLELossless, pixels, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _nifti_files(volume: Any) -> dict[str, bytes]:
    import nibabel

    image = nibabel.Nifti1Image(volume, np.diag([0.5, 0.5, 2, 1]))
    image.header.set_slope_inter(0.5, 3)
    return {
        "volume.nii": image.to_bytes(),
        "volume.nii.gz": gzip.compress(image.to_bytes(), mtime=0),
        "second.nii": nibabel.Nifti2Image(volume, np.eye(4)).to_bytes(),
    }


def _metaimage_files(volume: Any) -> dict[str, bytes]:
    depth, height, width = volume.shape
    head = f"ObjectType = Image\nNDims = 3\nDimSize = {width} {height} {depth}\n"
    head += "ElementSpacing = 0.5 0.5 2\nElementType = MET_SHORT\n"
    end = b"ElementDataFile = LOCAL\n"
    packed = head.encode() + b"CompressedData = True\n" + end
    return {
        "volume.mha": head.encode() + end + volume.tobytes(),
        "packed.mha": packed + zlib.compress(volume.tobytes()),
    }
