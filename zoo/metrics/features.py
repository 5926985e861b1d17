"""Feature and image arrays as the metrics take them: checked, in double precision."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.metrics.protocol import Array, Extractor
from zoo.runs.files import atomic

Features = npt.NDArray[np.float64]


def checked_pair(real: Array, fake: Array, *, rows: int = 2) -> tuple[Features, Features]:
    """Both sets of features as float64 (n, d).

    Args:
        real: (n, d).
        fake: (m, d).
        rows: Smallest n and m.

    Raises:
        zoo.errors.ZooError: If a set has another number of dimensions, too few rows, or values
            that are not finite; or if the two widths differ.
    """
    first, second = _checked(real, "real", rows), _checked(fake, "generated", rows)
    if first.shape[1] != second.shape[1]:
        raise ZooError(
            f"real images have {first.shape[1]} features and generated ones {second.shape[1]}"
        )
    return first, second


def _checked(features: Array, side: str, rows: int) -> Features:
    values = np.asarray(features, np.float64)
    if values.ndim != 2:
        raise ZooError(f"{side} features must be a table (n, d), not of shape {values.shape}")
    if len(values) < rows:
        raise ZooError(f"{len(values)} {side} images are too few: {rows} are needed")
    if bad := int((~np.isfinite(values).all(axis=1)).sum()):
        raise ZooError(f"{bad} of {len(values)} {side} images have features that are not finite")
    return values


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
    extractor: Extractor, images: npt.NDArray[np.uint8], *, cache: Path | None = None
) -> npt.NDArray[np.float32]:
    """Features (n, d) of images (n, H, W, C), taken from the cache folder if they are there.

    Args:
        extractor: The feature network.
        images: uint8.
        cache: Folder of `.npy` files named by what they were computed from; `None` keeps none.
    """
    if cache is None:
        return extractor(images)
    path = cache / f"{_content_key(extractor.facts, images)}.npy"
    try:
        stored: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        return stored
    except (OSError, ValueError):  # absent or damaged
        features = extractor(images)
        _keep(features, path)
        return features


def _keep(features: npt.NDArray[np.float32], path: Path) -> None:
    try:
        with atomic(path) as file:
            np.save(file, features, allow_pickle=False)
    except ZooError as error:
        print(f"warning: features are not kept: {error}", file=sys.stderr)


def _content_key(facts: Mapping[str, Any], images: npt.NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(json.dumps([dict(facts), images.shape], sort_keys=True).encode())
    for image in images:
        digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()
