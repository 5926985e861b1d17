"""Damaged files of every format, read under limits: none may crash, hang or take much memory.

usage: python benchmarks/fuzz_formats.py [--files 500] [--seed 0] [--out FILE]

Valid files are made, then bytes are flipped, overwritten or cut off. Each damaged file is read in
a worker process that is killed after 5 s and may take 1 GiB more than it needs when idle. A file
may be read or refused with a reason (`Rejected`); whatever else happens is a failure.
"""

import argparse
import contextlib
import gzip
import io
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SECONDS = 5.0
EXTRA_MEMORY = 2**30
GOOD = ("read", "refused")
NO_MEMORY = "needs more memory"


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


def fuzzed(content: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy: cut off, or with bits flipped or bytes overwritten, often in its header."""
    data = bytearray(content)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    reach = min(len(data), 400) if rng.integers(2) else len(data)
    for position in rng.integers(0, reach, int(rng.integers(1, 17))):
        flipped = data[position] ^ (1 << int(rng.integers(8)))
        data[position] = flipped if kind < 3 else int(rng.choice([0, 255]))
    return bytes(data)


def fuzzed_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many damaged files, each format in turn; the same for the same seed."""
    rng = np.random.default_rng(seed)
    valid = list(valid_files().items())
    for number in range(count):
        name, content = valid[number % len(valid)]
        yield f"{number:04d}-{name}", fuzzed(content, rng)


def outcome(path: Path) -> tuple[str, str]:
    """Read a file in every way, and say what became of it, and why."""
    from zoo.data.decode import encoding, frames
    from zoo.data.examples import Rejected
    from zoo.data.frames import Reading

    found, reason = "refused", ""
    encoding(path)
    for reading in (Reading(), Reading(z="middle", t="max")):
        try:
            for frame in frames(path, reading=reading):
                frame.pixels.sum()
            found = "read"
        except Rejected as error:
            reason = str(error)
            if NO_MEMORY in reason:
                return "over memory", reason
        except Exception as error:
            return "failed", f"{type(error).__name__}: {error}"
    return found, reason


def work() -> None:
    """Answer each path on standard input with what became of the file; the worker's side."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in valid_files().items():  # imports every reader before the clock runs
            (path := Path(folder, name)).write_bytes(content)
            if (found := outcome(path))[0] != "read":
                raise SystemExit(f"{name} is valid, but {found}")
    idle = _memory("VmRSS")
    limit = _memory("VmSize") + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", flush=True)
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # so that VmHWM is the peak from here on
        found = outcome(Path(line.rstrip("\n")))
        taken = _memory("VmHWM") - idle
        found = ("over memory", f"{taken:,} bytes") if taken > EXTRA_MEMORY else found
        print(json.dumps([*found, taken]), flush=True)


def _memory(kind: str) -> int:
    """Bytes of this process, by the name that Linux gives them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


class Worker:
    """A process that reads files, started again after one that it did not survive."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> tuple[str, str, int]:
        """What became of a file, why, and the bytes that reading it took."""
        process = self.process or self._started()
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        answer = process.stdout.readline() if ready else ""
        if answer:
            found, reason, taken = json.loads(answer)
            return found, reason, taken
        self.close()
        return ("crashed", f"exit status {process.returncode}", 0) if ready else ("hung", "", 0)

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--worker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ, **pipes)  # type: ignore[call-overload]
        assert self.process.stdout
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the worker did not start")
        return self.process


def run(count: int, seed: int) -> dict[str, Any]:
    """Counts of what became of the files, the failures by name, and the most memory taken."""
    counts, failures, most = Counter[str](), {}, 0
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Worker()) as worker:
        for name, content in fuzzed_files(count, seed):
            (path := Path(folder, name)).write_bytes(content)
            found, reason, taken = worker.read(path)
            counts[found] += 1
            most = max(most, taken)
            if found not in GOOD:
                failures[name] = f"{found}: {reason}"
                print(f"{name}: {found}: {reason}", file=sys.stderr)
            path.unlink()
    kinds = ("read", "refused", "failed", "crashed", "hung", "over memory")
    return {**{kind: counts[kind] for kind in kinds}, "most_bytes": most, "failures": failures}


def main() -> None:
    """Print and store the counts."""
    import measured  # beside this file; the tests import what is above without it

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "fuzz_formats.json")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work()
        return
    name = f"{arguments.files} files, seed {arguments.seed}"
    measured.measure(arguments.out, {name: lambda: run(arguments.files, arguments.seed)})


if __name__ == "__main__":
    main()
