"""Images a second: decoded, prepared as memory-mapped crops, and read as training batches.

usage: python benchmarks/data_pipeline.py [--images 200] [--steps 500] [--out FILE]

Fields of 520x696 pixels are made and written in each format. Files are in the page cache when they
are read, as on every epoch but the first. Rows that FILE holds are not measured again.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

TRAINING = 200.0  # images a second that DCGAN takes at 64x64 on two cores
SHAPE = (520, 696)
BATCH = 64
REPEATS = 3

Pixels = npt.NDArray[Any]


def field(number: int) -> Pixels:
    """Blurred blobs with shot noise, 12-bit values in uint16."""
    rng = np.random.default_rng(number)
    blobs = ndimage.gaussian_filter((rng.random(SHAPE) > 0.999).astype(np.float32), 6)
    light = 120 + 3500 * blobs / blobs.max()
    return np.clip(rng.poisson(light), 0, 4095).astype(np.uint16)


def png(file: Path, pixels: Pixels) -> None:
    Image.fromarray((pixels >> 4).astype(np.uint8)).save(file.with_suffix(".png"))


def jpeg(file: Path, pixels: Pixels) -> None:
    Image.fromarray((pixels >> 4).astype(np.uint8)).save(file.with_suffix(".jpg"), quality=90)


def tiff(file: Path, pixels: Pixels, *, compression: str | None = None) -> None:
    import tifffile

    tifffile.imwrite(file.with_suffix(".tif"), pixels, compression=compression)


def dicom(file: Path, pixels: Pixels) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = meta.MediaStorageSOPClassUID
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.Modality, image.PhotometricInterpretation = "OT", "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelData = pixels.tobytes()
    image.save_as(file.with_suffix(".dcm"), enforce_file_format=True)


FORMATS: dict[str, Callable[[Path, Pixels], None]] = {
    "png": png,
    "jpeg": jpeg,
    "tiff": tiff,
    "tiff-deflate": partial(tiff, compression="zlib"),
    "dicom": dicom,
}


def folder(work: Path, kind: str, images: int) -> Path:
    """The made fields in one format, written once."""
    place = work / kind
    if not place.is_dir():
        place.mkdir()
        for number in range(images):
            FORMATS[kind](place / f"{number:05d}", field(number))
    return place


def decoding(work: Path, kind: str, images: int) -> dict[str, Any]:
    from zoo.data.decode import decode

    files = sorted(folder(work, kind, images).iterdir())
    decode(files[0])  # imports and caches
    seconds = [_seconds(lambda: [decode(file) for file in files]) for _ in range(REPEATS)]
    return _rates(images, seconds) | {"megabytes": _size(files)}


def preparing(work: Path, kind: str, images: int) -> dict[str, Any]:
    seconds, crops = [], 0
    for repeat in range(REPEATS):
        os.environ["ZOO_HOME"] = str(work / f"home-{kind}-{repeat}")
        start = time.perf_counter()
        crops = len(_load(work, kind, images))
        seconds.append(time.perf_counter() - start)
    return _rates(images, seconds) | {
        "crops": crops,
        "crops_per_second": round(crops / statistics.median(seconds), 1),
    }


def batches(work: Path, kind: str, images: int, steps: int) -> dict[str, Any]:
    os.environ["ZOO_HOME"] = str(work / f"home-{kind}-0")
    train = _load(work, kind, images).split("train")

    def read() -> None:
        for shown, _ in train.batches(0, steps, batch_size=BATCH):
            assert len(shown) == BATCH

    seconds = [_seconds(read) for _ in range(REPEATS)]
    rates = _rates(steps * BATCH, seconds)
    times = round(rates["images_per_second"] / TRAINING, 1)
    facts = {"of": len(train), "shape": list(train.shape[1:]), "dtype": str(train.dtype)}
    return rates | facts | {"times_what_training_takes": times}


def _load(work: Path, kind: str, images: int) -> Any:
    import zoo

    source = f"folder:{folder(work, kind, images)}"
    return zoo.load("dataset", source, image_size=64, view="tile", min_foreground=0.0)


def _rates(images: int, seconds: list[float]) -> dict[str, Any]:
    return {
        "images": images,
        "images_per_second": round(images / statistics.median(seconds), 1),
        "seconds": [round(value, 3) for value in seconds],
    }


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _size(files: list[Path]) -> float:
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "data_pipeline.json")
    given = parser.parse_args()
    n, steps = given.images, given.steps
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows = {f"decode {kind}, {n} fields": partial(decoding, work, kind, n) for kind in FORMATS}
        for kind in ("png", "tiff"):
            rows[f"prepare {kind}, {n} fields"] = partial(preparing, work, kind, n)
            rows[f"batches {kind}, {n} fields, {steps} steps"] = partial(
                batches, work, kind, n, steps
            )
        measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
