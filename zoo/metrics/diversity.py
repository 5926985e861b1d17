"""Diversity: MS-SSIM of random pairs of generated images (Odena et al., arXiv:1610.09585)."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed, UsageError
from zoo.metrics.protocol import Context, Images
from zoo.metrics.ssim import ms_ssim, ms_ssim_setting

PAIRS = 500
BLOCK = 50

Pairs = npt.NDArray[np.int64]


def random_pairs(
    n: int, labels: npt.NDArray[np.str_] | None, *, count: int = PAIRS, seed: int = 0
) -> Pairs:
    """`count` different pairs (count, 2) of n images, each pair within a class.

    Every pair within a class has the same chance. An image may be in several pairs.

    Raises:
        zoo.errors.NotComputed: If there are not as many different pairs.
    """
    _, code = np.unique(np.zeros(n) if labels is None else labels, return_inverse=True)
    members = np.argsort(code, kind="stable")
    sizes = np.bincount(code, minlength=1)
    possible = sizes * (sizes - 1) // 2
    if (total := int(possible.sum())) < count:
        where = "" if labels is None else " within a class"
        raise NotComputed(f"{n} images make {total} different pairs{where}; {count} are needed")
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(total, count, replace=False))
    ends = np.cumsum(possible)
    of_class = np.searchsorted(ends, chosen, side="right")
    within = chosen - (ends - possible)[of_class]
    # The pairs of a class in the order (1, 0), (2, 0), (2, 1), (3, 0), …
    later = np.floor((1 + np.sqrt(1 + 8 * within.astype(np.float64))) / 2).astype(np.int64)
    earlier = within - later * (later - 1) // 2
    first = (np.cumsum(sizes) - sizes)[of_class]
    return np.stack([members[first + later], members[first + earlier]], axis=1)


class MsSsimDiversity:
    """Mean MS-SSIM of 500 random pairs of generated images within a class.

    Higher than among real images means collapse; lower than that is not better. The real images'
    number stands beside it.

    Attributes:
        settings: What the protocol card prints.
        resampled: It is not computed again on subsamples.
    """

    resampled = False
    settings: ClassVar[dict[str, object]] = {
        "estimator": "mean MS-SSIM of random pairs of generated images within a class",
        "pairs": PAIRS,
    }

    def prepare(self, images: Images, *, seed: int) -> Images:
        """The images themselves, which are read pair by pair."""
        return images

    def settings_for(self, shape: tuple[int, ...]) -> dict[str, object]:
        """Levels and filter size in pixels for images of a shape (H, W, C)."""
        try:
            levels, size = ms_ssim_setting(min(shape[:2]))
        except UsageError:
            return {}
        return {"levels": levels, "filter": size}

    def compare(self, real: Images, fake: Images, context: Context) -> float:
        """The mean, about 0 to 1."""
        return _mean(fake, context.fake.labels, context.seed)

    def beside(self, real: Images, fake: Images, context: Context) -> dict[str, float]:
        """The same number for the real images."""
        try:
            return {"real_images": _mean(real, context.real.labels, context.seed)}
        except NotComputed:
            return {}


ms_ssim_diversity = MsSsimDiversity()


def _mean(images: Images, labels: npt.NDArray[np.str_] | None, seed: int) -> float:
    pairs = random_pairs(len(images), labels, seed=seed)
    values = []
    for start in range(0, len(pairs), BLOCK):
        first, second = pairs[start : start + BLOCK].T
        values.append(ms_ssim(images[first], images[second]))
    return float(np.concatenate(values).mean(dtype=np.float64))
