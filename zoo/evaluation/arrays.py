"""`.npz` and `.npy` files of images as image sets, read from disk as they are needed."""

import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.archive import MAX_RATIO, SMALL
from zoo.data.imageset import Fields, ImageSet
from zoo.errors import ZooError

IMAGES = ("images", "arr_0")
FIELDS = ("labels", "groups", "ids")
DTYPES = (np.uint8, np.uint16)
LARGEST_COLUMN = 2**30


def image_set(pixels: npt.NDArray[Any], name: str) -> ImageSet:
    """An array (n, H, W) or (n, H, W, C) as images, each its own group.

    Raises:
        zoo.errors.ZooError: If it has another shape or type, or holds nothing.
    """
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 2, 3, 4) or pixels.dtype not in DTYPES:
        raise ZooError(
            f"{name}: images must be uint8 or uint16 (n, H, W) or (n, H, W, C) of 1 to 4 channels, "
            f"not {pixels.dtype} {pixels.shape}"
        )
    if not len(pixels):
        raise ZooError(f"{name} holds no images")
    return ImageSet.from_array(pixels, name=name)


def open_arrays(path: Path, closing: ExitStack) -> ImageSet:
    """The images of a file, with their labels, groups and ids if it has these.

    The array of images is called `images` or `arr_0`, or is the only one of its file. What is
    compressed is unpacked into a temporary file.

    Args:
        path: An `.npz` or `.npy` file.
        closing: Removes the temporary file.

    Raises:
        zoo.errors.ZooError: If it is missing, damaged, or holds something else.
    """
    try:
        if path.suffix == ".npy":
            return image_set(np.load(path, mmap_mode="r", allow_pickle=False), str(path))
        with zipfile.ZipFile(path) as archive:
            names = {Path(entry).stem: entry for entry in archive.namelist()}
            images = image_set(_unpacked(archive, _named(names, path), closing), str(path))
            found = {name: _column(archive, names[name]) for name in FIELDS if name in names}
    except ZooError:
        raise
    except Exception as error:  # a crafted file may raise anything
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ZooError(f"{path} cannot be read: {reason}") from None
    return _described(images, found, path)


def _named(names: dict[str, str], path: Path) -> str:
    only = [entry for name, entry in names.items() if name not in FIELDS]
    wanted = [names[name] for name in IMAGES if name in names] or (only if len(only) == 1 else [])
    if not wanted:
        raise ZooError(f"{path} holds {', '.join(names) or 'nothing'}; call one array images")
    return wanted[0]


def _unpacked(archive: zipfile.ZipFile, entry: str, closing: ExitStack) -> npt.NDArray[Any]:
    folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="zoo-score-"))
    _check_claim(archive.getinfo(entry), shutil.disk_usage(folder).free)
    target = Path(folder, "images.npy")
    with archive.open(entry) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file, 2**20)
    pixels: npt.NDArray[Any] = np.load(target, mmap_mode="r", allow_pickle=False)
    return pixels


def _check_claim(entry: zipfile.ZipInfo, most: int) -> None:
    """Refuse what unpacks to more than there is room for, or than images ever do."""
    if entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
        raise ValueError(f"{entry.filename} unpacks to more than {MAX_RATIO} times its size")
    if entry.file_size > most:
        raise ValueError(f"{entry.filename} has {entry.file_size:,} bytes, more than {most:,}")


def _column(archive: zipfile.ZipFile, entry: str) -> npt.NDArray[Any]:
    _check_claim(archive.getinfo(entry), LARGEST_COLUMN)
    with archive.open(entry) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _described(images: ImageSet, found: dict[str, npt.NDArray[Any]], path: Path) -> ImageSet:
    for name, column in found.items():
        if column.shape != (len(images),):
            raise ZooError(f"{path}: {name} of shape {column.shape} for {len(images)} images")
    rows = np.arange(len(images))
    if "labels" in found:
        names, labels = np.unique(found["labels"].astype(str), return_inverse=True)
        images = replace(images, labels=labels, class_names=tuple(map(str, names)))
    if "groups" in found:
        images = replace(images, groups=found["groups"].astype(str))
    if "ids" in found:
        images = replace(images, fields=Fields({"id": (found["ids"].astype(str), rows)}))
    return images
