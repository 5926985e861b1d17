"""Feature and image arrays as the metrics take them: checked, in double precision."""

import hashlib
import json
import mmap
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.sums import sum_of
from zoo.errors import NotComputed, ZooError
from zoo.metrics.protocol import Array, Extractor, Images
from zoo.progress import progress
from zoo.runs.files import atomic

Features = npt.NDArray[np.float64]
Network = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

BLOCK_BYTES = 64 * 2**20
LARGEST_BLOCK = 64  # progress is told after each block
ROWS = 1024
SUM_BYTES = 4  # at the end of a file of features: CRC-32 of its values


def checked_pair(real: Array, fake: Array, *, rows: int = 2) -> tuple[Features, Features]:
    """Both sets of features as float64 (n, d), read into memory.

    Args:
        real: (n, d).
        fake: (m, d).
        rows: Smallest n and m.

    Raises:
        zoo.errors.ZooError: If a set has another number of dimensions, too few rows, or values
            that are not finite; or if the two widths differ.
    """
    check_shapes(real, fake, rows=rows)
    return read(real, "real"), read(fake, "generated")


def check_shapes(real: Array, fake: Array, *, rows: int = 2) -> None:
    """Refuse what `checked_pair` refuses, but for values that are not finite."""
    for features, side in ((real, "real"), (fake, "generated")):
        if np.ndim(features) != 2:
            shape = np.shape(features)
            raise ZooError(f"{side} features must be a table (n, d), not of shape {shape}")
        if len(features) < rows:
            raise ZooError(f"{len(features)} {side} images are too few: {rows} are needed")
    if real.shape[1] != fake.shape[1]:
        raise ZooError(
            f"real images have {real.shape[1]} features and generated ones {fake.shape[1]}"
        )


def read(features: Array, side: str, which: Any = slice(None)) -> Features:
    """Rows of features (n, d) as float64 in memory.

    Raises:
        zoo.errors.ZooError: If some are not finite.
    """
    values = np.array(reopened(features)[which], np.float64)
    if bad := int((~np.isfinite(values).all(axis=1)).sum()):
        raise ZooError(f"{bad} of {len(values)} {side} images have features that are not finite")
    return values


def reopened(array: Array) -> Array:
    """A memory-mapped file opened anew, and any other array as it is.

    Pages that were read stay resident as long as the mapping they were read through.
    """
    if not (isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap)):
        return array
    name, dtype, offset = array.filename, array.dtype, array.offset
    if name is None or not array.flags.c_contiguous:
        return array
    return np.memmap(name, dtype, "r", offset, array.shape)


def blocks(features: Array, side: str) -> Iterator[Features]:
    """All rows of features (n, d), some at a time."""
    for start in range(0, len(features), ROWS):
        yield read(features, side, slice(start, start + ROWS))


def squared_distances(first: Features, second: Features) -> Features:
    """Squared Euclidean distances (n, m) between the rows of (n, d) and (m, d)."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * first @ second.T
    return np.asarray(np.maximum(squares, 0))


def to_uint8(images: Array) -> npt.NDArray[np.uint8]:
    """8-bit images: uint8 as it is, uint16 over its full range, rounded half up."""
    if images.dtype == np.uint8:
        return images
    if images.dtype == np.uint16:
        return ((images.astype(np.uint32) + 128) // 257).astype(np.uint8)
    raise ZooError(f"images must be uint8 or uint16, not {images.dtype}")


def extract(
    extractor: Extractor, images: Images, *, cache: Path | None = None, logits: bool = False
) -> npt.NDArray[np.float32]:
    """Features (n, d) of images (n, H, W, C), taken from the cache folder if they are there.

    With a cache memory does not grow with the number of images: these are read and their
    features written block by block, and what is returned is memory-mapped.

    Args:
        extractor: The feature network.
        images: uint8.
        cache: Folder of `.npy` files named by what they were computed from; `None` keeps none.
        logits: The network's logits of its classes instead of its features.

    Raises:
        zoo.errors.NotComputed: If logits are wanted of a network that has none.
    """
    network = extractor if not logits else class_logits(extractor)
    if cache is None:
        return np.concatenate(list(_computed(network, images)))
    path = cache / f"{_content_key(extractor.facts, images, logits)}.npy"
    if (stored := _stored(path)) is not None:
        return stored
    try:
        with atomic(path) as file:
            width = summed = 0
            for block in _computed(network, images):
                if not width:
                    width = block.shape[1]
                    facts = {"descr": "<f4", "fortran_order": False, "shape": (len(images), width)}
                    np.lib.format.write_array_header_1_0(file, facts)
                content = np.ascontiguousarray(block, "<f4").tobytes()
                file.write(content)
                summed = zlib.crc32(content, summed)
            file.write(summed.to_bytes(SUM_BYTES, "little"))
    except ZooError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        print(f"warning: features are not kept: {error}", file=sys.stderr)
        return extract(extractor, images, logits=logits)
    kept = _stored(path)
    return extract(extractor, images, logits=logits) if kept is None else kept


def class_logits(extractor: Extractor) -> Network:
    """The method of a network that gives the logits (n, classes) of images.

    Raises:
        zoo.errors.NotComputed: If it has none.
    """
    if (network := getattr(extractor, "logits", None)) is None:
        name = extractor.facts.get("extractor", extractor.suffix)
        raise NotComputed(f"the network {name} is loaded without class logits")
    return network  # type: ignore[no-any-return]


def block_size(images: Images) -> int:
    """How many images are read at a time: whole batches of 32, so that progress is told often."""
    fitting = BLOCK_BYTES // max(1, int(np.prod(images.shape[1:])))
    return max(32, min(fitting, LARGEST_BLOCK) // 32 * 32)


def image_blocks(images: Images) -> Iterator[npt.NDArray[Any]]:
    """All images (n, H, W, C), a block at a time."""
    size = block_size(images)
    for start in range(0, len(images), size):
        yield images[start : start + size]


def _computed(network: Network, images: Images) -> Iterator[npt.NDArray[np.float32]]:
    with progress("Extracting features", len(images), "images") as advance:
        for block in image_blocks(images):
            yield network(block)
            advance(len(block))


def _stored(path: Path) -> npt.NDArray[np.float32] | None:
    try:
        stored: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        with path.open("rb") as file:
            file.seek(path.stat().st_size - SUM_BYTES - stored.nbytes)
            found = sum_of(file, stored.nbytes).to_bytes(SUM_BYTES, "little")
            return stored if file.read() == found else None
    except (OSError, ValueError, TypeError, EOFError):  # absent or damaged
        return None


def _content_key(facts: Mapping[str, Any], images: Images, logits: bool) -> str:
    what = [dict(facts), images.shape, *(["logits"] if logits else [])]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    for block in image_blocks(images):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()
