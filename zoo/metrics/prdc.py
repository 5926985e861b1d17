"""Precision and recall (Kynkäänniemi et al., arXiv:1904.06991), density and coverage
(Naeem et al., arXiv:2002.09797): how two sets lie in each other's k-nearest-neighbour balls.

All grow with the square of the number of images, so that at most 10,000 of a side are taken.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from zoo.metrics.features import Features, check_shapes, read, squared_distances
from zoo.metrics.protocol import Array, Context, states

K = 5
MOST = 10_000
DRAWN = f"at most {MOST} on each side, drawn without replacement"
BLOCK_VALUES = 4_000_000


@states(estimator="share of generated images in a real image's ball", k=K, images=DRAWN)
def precision(real: Array, fake: Array, context: Context, *, k: int = K) -> float:
    """Share of generated images that lie in the ball of some real image, 0 to 1."""
    centres, others = _drawn(real, fake, context, k)
    return _share_inside(centres, others, k)


@states(estimator="share of real images in a generated image's ball", k=K, images=DRAWN)
def recall(real: Array, fake: Array, context: Context, *, k: int = K) -> float:
    """Share of real images that lie in the ball of some generated image, 0 to 1."""
    others, centres = _drawn(real, fake, context, k)
    return _share_inside(centres, others, k)


@states(
    estimator="mean number of real images' balls around a generated image, over k",
    k=K,
    images=DRAWN,
)
def density(real: Array, fake: Array, context: Context, *, k: int = K) -> float:
    """How many real images' balls hold a generated image, on average over k; may exceed 1."""
    centres, others = _drawn(real, fake, context, k)
    radii = _ball_radii(centres, k)
    inside = sum(int((block <= radii).sum()) for _, block in _blocks(others, centres))
    return inside / (k * len(others))


@states(estimator="share of real images with a generated image in their ball", k=K, images=DRAWN)
def coverage(real: Array, fake: Array, context: Context, *, k: int = K) -> float:
    """Share of real images whose ball holds at least one generated image, 0 to 1."""
    centres, others = _drawn(real, fake, context, k)
    radii = _ball_radii(centres, k)
    covered = sum(
        int((block.min(axis=1) <= radii[start : start + len(block)]).sum())
        for start, block in _blocks(centres, others)
    )
    return covered / len(centres)


def _drawn(real: Array, fake: Array, context: Context, k: int) -> tuple[Features, Features]:
    check_shapes(real, fake, rows=k + 1)
    rng = np.random.default_rng(context.seed)
    rows = (
        np.sort(rng.choice(len(side), MOST, replace=False)) if len(side) > MOST else slice(None)
        for side in (real, fake)
    )
    return read(real, "real", next(rows)), read(fake, "generated", next(rows))


def _share_inside(centres: Features, others: Features, k: int) -> float:
    radii = _ball_radii(centres, k)
    inside = sum(int((block <= radii).any(axis=1).sum()) for _, block in _blocks(others, centres))
    return inside / len(others)


def _ball_radii(points: Features, k: int) -> npt.NDArray[np.float64]:
    """Squared distance (n,) of each point to its k-th nearest other point."""
    radii = np.empty(len(points))
    for start, block in _blocks(points, points):
        rows = np.arange(len(block))
        block[rows, start + rows] = np.inf
        radii[start : start + len(block)] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return radii


def _blocks(rows: Features, columns: Features) -> Iterator[tuple[int, Features]]:
    """(first row, squared distances) in blocks that bound the memory."""
    size = max(1, BLOCK_VALUES // len(columns))
    for start in range(0, len(rows), size):
        yield start, squared_distances(rows[start : start + size], columns)
