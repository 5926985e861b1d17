"""MedMNIST's .npz files as a TensorFlow Datasets builder, read row by row."""

import contextlib
import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.medmnist.subsets import FINDINGS, SIZES, SUBSETS, Subset

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class MedMnist(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Images with a class or, for ChestMNIST, with fourteen findings; group = image.

    MedMNIST names no patient, slide or scan, so nothing stronger can be grouped by. The config
    is the name of the record, such as `pathmnist` (28 pixels) or `pathmnist-64`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    splits = ("train", "val", "test")

    def _info(self) -> Any:
        name, _, size = self.builder_config.name.partition("-")
        self.subset = next(subset for subset in SUBSETS if subset.name == name)
        self.size = int(size or SIZES[0])
        # One class serves subsets that differ in what the parent keeps by class.
        self.__dict__.update(channels=self.subset.channels, fields=_fields(self.subset))
        return super()._info()

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        generators: dict[str, Any] = super()._split_generators(dl_manager)
        self.counts["split_origin"] = self.subset.split
        return generators

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of `SPLIT_images.npy` with those of `SPLIT_labels.npy`."""
        (path,) = archives.values()
        with open_zip(path) as archive, _one_line(path, split):
            labels = self._labels(archive, split)
            images = self._rows(archive, split, len(labels))
            with progress(f"Reading {split} of {path.name}", len(labels), "images") as advance:
                for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                    fields = _named(self.subset, label)
                    yield {"id": f"{split}/{number:06d}", "image": image, **fields}
                    advance(1)

    def _labels(self, archive: zipfile.ZipFile, split: str) -> npt.NDArray[np.int64]:
        """(n, 1), or (n, 14) of 0 and 1 for ChestMNIST."""
        content = io.BytesIO(read_entry(archive, archive.getinfo(f"{split}_labels.npy")))
        shape, dtype = _header(content)
        columns = len(self.subset.classes) if self.subset.several else 1
        if len(shape) != 2 or shape[1] != columns or dtype.kind not in "ui":
            raise ValueError(f"labels are {shape} {dtype}, not (n, {columns}) whole numbers")
        labels = np.frombuffer(content.read(), dtype).reshape(shape).astype(np.int64)
        most = 1 if self.subset.several else len(self.subset.classes) - 1
        if len(labels) and not (labels.min() >= 0 and labels.max() <= most):
            raise ValueError(f"labels from {labels.min()} to {labels.max()}, not 0 to {most}")
        return labels

    def _rows(self, archive: zipfile.ZipFile, split: str, n: int) -> Iterator[npt.NDArray[Any]]:
        """(H, W, C) one by one; the array as a whole may be larger than memory."""
        with archive.open(f"{split}_images.npy") as file:
            shape, dtype = _header(file)
            row = (self.size, self.size, *([3] if self.subset.channels == 3 else []))
            if shape[1:] != row or dtype != np.uint8:
                raise ValueError(f"images are {_text(shape[1:], dtype)}, not {_text(row)}")
            if shape[0] != n:
                raise ValueError(f"{shape[0]} images for {n} labels")
            size = math.prod(row)
            for number in range(n):
                if len(content := file.read(size)) < size:
                    raise ValueError(f"ends after {number} of {n} images")
                yield np.frombuffer(content, np.uint8).reshape(row)
            if file.read(1):  # which also checks the member's CRC
                raise ValueError("holds more than its header says")


def _fields(subset: Subset) -> dict[str, Any]:
    if subset.several:
        return {**dict.fromkeys(subset.classes, FINDINGS), "findings": str}
    return {"label": subset.classes, **({"grade": int} if subset.ordinal else {})}


def _named(subset: Subset, label: npt.NDArray[np.int64]) -> dict[str, Any]:
    if subset.several:
        fields = {name: FINDINGS[value] for name, value in zip(subset.classes, label, strict=True)}
        found = [name for name, finding in fields.items() if finding == FINDINGS[1]]
        return {**fields, "findings": ", ".join(found) or "none"}
    grade = {"grade": int(label[0])} if subset.ordinal else {}
    return {"label": subset.classes[label[0]], **grade}


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the npy format")
    shape, fortran, dtype = HEADERS[version](file)
    if fortran or dtype.hasobject or not shape:
        raise ValueError("no plain array in C order")
    return shape, dtype


def _text(shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint8) -> str:
    return f"{'×'.join(map(str, shape))} {np.dtype(dtype)}"


@contextlib.contextmanager
def _one_line(path: Path, split: str) -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise ZooError(f"{path} holds no {split}_images and {split}_labels") from None
    except Rejected as reason:
        raise ZooError(f"{path}, {split} labels: {reason}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ZooError(f"{path}, {split}: {error or 'damaged'}") from error
