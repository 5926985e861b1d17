"""Has a new batch of real images drifted from the training images?

What counts as drift is measured: groups of held-out images are compared with the training images
in the same way, again and again; further away than all of these is drift. A mean over g new groups
differs from that over all G held-out groups with a variance of 1/g + 1/G, and a mean over k of the
G with 1/k − 1/G; so k = 1 / (1/g + 2/G) groups are drawn, and about one of a hundred batches of the
same kind exceeds them all in a statistic.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.data.loading import open_dataset
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.draw import draw
from zoo.evaluation.measures import explain
from zoo.filenames import file_name
from zoo.metrics.features import extract, to_uint8
from zoo.metrics.kernel import kernel_distance
from zoo.metrics.protocol import Context, Extractor
from zoo.metrics.swd import swd
from zoo.progress import progress

MOST = 512
LEAST = 8
MIN_GROUPS = 4
DRAWS = 99
NO_DRIFT = "no drift detected at these thresholds"

Images = npt.NDArray[np.uint8]
Rows = npt.NDArray[Any]
Distance = Callable[[Rows, Rows], float]


def intensity(images: Images) -> npt.NDArray[np.float64]:
    """Mean of each image (n,), grey levels."""
    return np.asarray(images.mean(axis=(1, 2, 3), dtype=np.float64))


def contrast(images: Images) -> npt.NDArray[np.float64]:
    """Standard deviation of each image's pixels (n,), grey levels; mean over channels."""
    return np.asarray(images.astype(np.float32).std(axis=(1, 2)).mean(axis=1), np.float64)


def sharpness(images: Images) -> npt.NDArray[np.float64]:
    """Root mean square Laplacian over standard deviation (n,); 0 for a flat image."""
    pixels = images.astype(np.float32)
    centre = pixels[:, 1:-1, 1:-1]
    around = pixels[:, :-2, 1:-1] + pixels[:, 2:, 1:-1] + pixels[:, 1:-1, :-2] + pixels[:, 1:-1, 2:]
    edges = np.sqrt(((around - 4 * centre) ** 2).mean(axis=(1, 2)))
    spread = pixels.std(axis=(1, 2))
    return np.asarray((edges / np.where(spread > 0, spread, np.inf)).mean(axis=1), np.float64)


STATISTICS: dict[str, Callable[[Images], npt.NDArray[np.float64]]] = {
    "intensity": intensity,
    "contrast": contrast,
    "sharpness": sharpness,
}


def batch_of(name: str, reference: ImageSet, settings: Mapping[str, Any]) -> ImageSet:
    """New images as the reference's: of its size, under its mapping of intensities.

    Args:
        name: A dataset's name, or a folder.
        reference: The images that a generator was trained on.
        settings: Of `zoo.data.loading.open_dataset`.

    Raises:
        zoo.errors.UsageError: If they differ in size, channels or type.
    """
    if Path(name).is_dir():
        name = f"folder:{name}"
    images = open_dataset(name, **settings).images
    mapping = reference.intensity
    raw = images.pixels.dtype, images.pixels.shape[1:]
    expected = reference.pixels.dtype, reference.pixels.shape[1:]
    if raw != expected:
        raise UsageError(
            f"{name} has {raw[0]} images {raw[1]}, {reference.name} has {expected[0]} {expected[1]}"
        )
    if mapping.low is not None and mapping.low.ndim == 2:
        return images  # each image has a mapping of its own, and so have new ones
    return dataclasses.replace(images, intensity=mapping)


def drift(
    reference: ImageSet,
    batch: ImageSet,
    *,
    extractor: Extractor | str,
    seed: int = 0,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Compare a new batch with the training images, and held-out images likewise.

    Args:
        reference: All splits of the data that a generator was trained on.
        batch: The new images, all of them.
        extractor: The feature network, or the reason why there is none.
        seed: Of the images that are drawn.
        cache: Folder that keeps the reference's features; `None` keeps none.

    Returns:
        `{"verdict", "drifted", "tests": [{"name", "value", "threshold", "drifted", "typical",
        "reason"}], "not_computed", "n", "groups", "protocol"}`. A value is a distance to the
        training images: of intensity, contrast and sharpness Wasserstein-1 over the training
        images' standard deviation; sliced Wasserstein; KID.

    Raises:
        zoo.errors.ZooError: If the new batch has too few images.
    """
    if len(batch) < LEAST:
        raise ZooError(f"{batch.name} has {len(batch)} images; at least {LEAST} are needed")
    held_out = reference.split(*HELD_OUT)
    groups = len(np.unique(held_out.groups))
    missing: list[dict[str, str]] = []
    tests: list[dict[str, Any]] = []
    if groups < MIN_GROUPS:
        reason = f"{groups} groups are held out; at least {MIN_GROUPS} are needed for a threshold"
        return _result(reference, batch, tests, [{"name": "drift", "reason": reason}], seed)
    likes = max(1, int(1 / (1 / len(np.unique(batch.groups)) + 2 / groups)))
    sizes = min(MOST, len(batch))
    samples = [
        draw(reference.split("train"), MOST, seed=seed),
        draw(held_out, 4 * MOST, seed=seed),
        draw(batch, MOST, seed=seed),
    ]
    kept = cache / f"{file_name(reference.name)}-{reference.fingerprint[:16]}" if cache else None
    measures = _measures(extractor, samples, seed, kept, missing)
    rows = _draws(samples[1].groups, likes, sizes, seed)
    with progress("Comparing with held-out images", len(measures), "statistics") as advance:
        for name, (distance, (train, held, new)) in measures.items():
            usual = np.array([distance(train, held[row]) for row in rows])
            tests.append(_judged(name, distance(train, new), usual, likes))
            advance(1)
    return _result(reference, batch, tests, missing, seed)


def _measures(
    extractor: Extractor | str,
    samples: list[ImageSet],
    seed: int,
    cache: Path | None,
    missing: list[dict[str, str]],
) -> dict[str, tuple[Distance, list[Rows]]]:
    """Name to a distance and what it compares: training, held-out and new images."""
    images = [to_uint8(sample[:]) for sample in samples]
    found: dict[str, tuple[Distance, list[Rows]]] = {
        name: (_wasserstein, [statistic(side) for side in images])
        for name, statistic in STATISTICS.items()
    }
    try:
        patches = [swd.prepare(side, seed=seed) for side in images]
        found["swd"] = (lambda a, b: swd.compare(a, b, Context(seed)), patches)
    except ZooError as error:
        missing.append({"name": "swd", "reason": str(error)})
    try:
        if isinstance(extractor, str):
            raise NotComputed(extractor)
        features = [
            extract(extractor, side, cache=cache if i < 2 else None).astype(np.float64)
            for i, side in enumerate(images)
        ]
        found[f"kid_{extractor.suffix}"] = (
            lambda a, b: kernel_distance(a, b, seed=seed).value,
            features,
        )
    except Exception as error:  # a third party's extractor may raise anything
        missing.append({"name": "kid", "reason": explain(error)})
    return found


def _wasserstein(train: Rows, other: Rows) -> float:
    """Wasserstein-1 distance of two samples of numbers, in standard deviations of the first."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(train, other) / (train.std() or 1.0))


def _draws(
    groups: npt.NDArray[np.str_], likes: int, most: int, seed: int
) -> list[npt.NDArray[np.int64]]:
    """Rows of so many held-out groups, at most so many of them."""
    rng = np.random.default_rng([seed, 4])
    _, code = np.unique(groups, return_inverse=True)
    found = []
    for _ in range(DRAWS):
        chosen = rng.permutation(code.max() + 1)[:likes]
        rows = np.flatnonzero(np.isin(code, chosen))
        found.append(np.sort(rng.permutation(rows)[:most]))
    return found


def _judged(name: str, value: float, usual: npt.NDArray[np.float64], groups: int) -> dict[str, Any]:
    threshold = float(usual.max())
    return {
        "name": name,
        "value": value,
        "threshold": threshold,
        "typical": float(np.median(usual)),
        "drifted": bool(value > threshold),
        "reason": f"the largest of {len(usual)} draws of {groups} groups of held-out images",
    }


def _result(
    reference: ImageSet,
    batch: ImageSet,
    tests: list[dict[str, Any]],
    missing: list[dict[str, str]],
    seed: int,
) -> dict[str, Any]:
    drifted = [test["name"] for test in tests if test["drifted"]]
    verdict = f"drift: {', '.join(drifted)}" if drifted else NO_DRIFT
    comparable = {
        **data_facts(reference),
        "reals": "train, the same number of images for all batches",
        "n_train": min(MOST, len(reference.split("train"))),
        "threshold": f"largest of {DRAWS} draws of held-out groups",
    }
    provenance = {
        **origin(seed, reference),
        "batch": batch.name,
        "batch_fingerprint": batch.fingerprint,
    }
    return {
        "verdict": verdict if tests else f"not computed, because {missing[0]['reason']}",
        "drifted": drifted,
        "tests": tests,
        "not_computed": missing,
        "n": min(MOST, len(batch)),
        "groups": len(np.unique(batch.groups)),
        "protocol": card(comparable, provenance),
    }
