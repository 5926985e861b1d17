"""Which images show the same field of view: ORB keypoints matched by an affine map.

Rotated, shifted, mirrored and brightened copies of one photograph register to each other, and so
do photographs of overlapping fields. Keypoints and binary descriptors are ORB (Rublee et al.,
2011, doi:10.1109/ICCV.2011.6126544) as scikit-image computes them; a match is confirmed by random
sample consensus (RANSAC; Fischler and Bolles, 1981, doi:10.1145/358669.358692).

The maps are affine, not similarities: the copies were rotated at another ratio of height to width
than they have, which shears them by up to a seventh.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

SIDE = 240  # pixels; every image is brought to this square before keypoints are sought
KEYPOINTS = 250
FAST_THRESHOLD = 0.02
BLACK = 40  # of 255: what a rotation leaves empty is darker than this in every channel
MARGIN = 18  # pixels; a descriptor looks 15 pixels around its keypoint
BITS = 256
DISTINCT = 0.9  # of the distance to the second best match
STRETCH = 1.3  # how far an acceptable map may stretch or squeeze
TOLERANCE = 3.0  # pixels
TRIALS = 300
SMALLEST_TRIANGLE = 200.0  # pixels², twice the area of three points that fix a map
MIN_INLIERS = 10  # of 66,000 pairs of strangers the best had 8, and next 7; see README.md

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The k keypoints of an image.

    Attributes:
        positions: (k, 2) y and x in pixels from the centre of a square of `SIDE`.
        angles: (k,) orientations in radians.
        bits: (k, BITS / 8) packed binary descriptors.
    """

    positions: Floats
    angles: Floats
    bits: npt.NDArray[np.uint8]


def keypoints(image: npt.NDArray[np.uint8]) -> Keypoints:
    """Find the keypoints of a photograph, away from what a rotation left black.

    Args:
        image: (H, W, 3) in RGB; the green channel is used, in which blood cells stand out most.
    """
    from skimage.feature import ORB

    square = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    orb = ORB(n_keypoints=KEYPOINTS, n_scales=1, fast_threshold=FAST_THRESHOLD)
    try:
        orb.detect_and_extract(square[..., 1] / 255)
    except RuntimeError:  # scikit-image's way of saying that there is none
        return Keypoints(np.zeros((0, 2), "f4"), np.zeros(0, "f4"), np.zeros((0, BITS // 8), "u1"))
    kept = _inside(square)[tuple(orb.keypoints.astype(int).T)]
    return Keypoints(
        (orb.keypoints[kept] - SIDE / 2).astype(np.float32),
        orb.orientations[kept].astype(np.float32),
        np.packbits(orb.descriptors[kept], axis=1),
    )


def inliers(one: Keypoints, other: Keypoints) -> int:
    """How many matched keypoints the best map from one image to the other explains.

    The map must not mirror, nor stretch or squeeze by more than `STRETCH`. The same keypoints
    give the same number.
    """
    mine, theirs = _matches(one.bits, other.bits)
    if len(mine) < 3:
        return 0
    source, target = one.positions[mine], other.positions[theirs]
    rng = np.random.default_rng(0)
    triples = np.argsort(rng.random((TRIALS, len(mine))), axis=1)[:, :3]
    maps = _maps(source[triples], target[triples])
    homogeneous = np.column_stack([source, np.ones(len(source))])
    error = np.linalg.norm(homogeneous @ maps - target, axis=2)
    return int((error < TOLERANCE).sum(axis=1).max(initial=0))


def _inside(square: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """(SIDE, SIDE): whether a descriptor centred here sees nothing that a rotation left black."""
    empty = ndimage.binary_opening(square.max(axis=2) < BLACK, iterations=2)
    near = ndimage.binary_dilation(empty, structure=np.ones((3, 3)), iterations=MARGIN)
    inside: npt.NDArray[np.bool_] = ~near
    return inside


def _matches(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Descriptors that are each other's nearest, and clearly nearer than the second nearest."""
    if len(one) < 2 or len(other) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    distance = (BITS - _signs(one) @ _signs(other).T) / 2
    nearest = distance.argmin(axis=1)
    mine = np.flatnonzero(distance.argmin(axis=0)[nearest] == np.arange(len(one)))
    theirs = nearest[mine]
    best, second = np.partition(distance[mine], 1, axis=1)[:, :2].T
    clear = best < DISTINCT * second
    return mine[clear], theirs[clear]


def _signs(bits: npt.NDArray[np.uint8]) -> Floats:
    return np.unpackbits(bits, axis=1).astype(np.float32) * 2 - 1


def _maps(source: Floats, target: Floats) -> Floats:
    """The acceptable maps (m, 3, 2) among those that take triples of points (t, 3, 2) over."""
    area = _cross(source)
    solvable = np.abs(area) > SMALLEST_TRIANGLE
    source, target, area = source[solvable], target[solvable], area[solvable, None, None]
    (y1, x1), (y2, x2) = (source[:, 1] - source[:, 0]).T, (source[:, 2] - source[:, 0]).T
    inverse = np.stack([np.stack([x2, -x1], 1), np.stack([-y2, y1], 1)], 1) / area
    linear = inverse @ (target[:, 1:] - target[:, :1])
    offset = target[:, :1] - source[:, :1] @ linear
    kept = _keeps_shapes(linear)
    maps: Floats = np.concatenate([linear, offset], axis=1)[kept]
    return maps


def _cross(corners: Floats) -> Floats:
    """(t,) twice the signed area of triangles (t, 3, 2)."""
    (y1, x1), (y2, x2) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    area: Floats = y1 * x2 - x1 * y2
    return area


def _keeps_shapes(linear: Floats) -> npt.NDArray[np.bool_]:
    """(t,) whether maps (t, 2, 2) mirror nothing and have singular values near 1."""
    squares = np.square(linear).sum(axis=(1, 2))
    area = linear[:, 0, 0] * linear[:, 1, 1] - linear[:, 0, 1] * linear[:, 1, 0]
    total, gap = np.sqrt(squares + 2 * area.clip(0)), np.sqrt((squares - 2 * area).clip(0))
    kept: npt.NDArray[np.bool_] = (
        (area > 0) & (total + gap < 2 * STRETCH) & (total - gap > 2 / STRETCH)
    )
    return kept
