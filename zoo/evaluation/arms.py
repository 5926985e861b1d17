"""The training sets whose worth is compared: real, generated and augmented images, and mixtures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import ZooError
from zoo.evaluation.draw import draw
from zoo.metrics.features import to_uint8

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Make = Callable[[Labels, int], npt.NDArray[Any]]

SHIFT = 0.06
"""Largest shift of classic augmentation, as a share of a side; as the CNNs' own."""


@dataclass(frozen=True)
class Arm:
    """One way to make a training set.

    Attributes:
        name: What tables call it.
        real: Share of each class's real training images, 0 to 1.
        cut: A class and the share of its images that is left, before anything else.
        synthetic: `"all"`, as many generated images of each class as there are real training
            images; `"missing"`, as many as were cut; or none.
        classic: Whether images are mirrored, turned and shifted at random.
        remedy: `"oversampling"` (cut images repeated), `"class weights"`, or none.
    """

    name: str
    real: float = 1.0
    cut: tuple[int, float] | None = None
    synthetic: str = ""
    classic: bool = False
    remedy: str = ""


ARMS = (
    Arm("real"),
    Arm("synthetic", real=0.0, synthetic="all"),
    Arm("real + synthetic", synthetic="all"),
    Arm("real + classic", classic=True),
    Arm("real + classic + synthetic", synthetic="all", classic=True),
)


def imbalance_arms(label: int, share: float) -> tuple[Arm, ...]:
    """A class cut to a share of its images, and what can be done about it; first, nothing cut."""
    cut = (label, share)
    return (
        Arm("complete"),
        Arm("cut", cut=cut),
        Arm("oversampled", cut=cut, remedy="oversampling"),
        Arm("class weights", cut=cut, remedy="class weights"),
        Arm("refilled", cut=cut, synthetic="missing"),
    )


def low_data_arms(share: float) -> tuple[Arm, ...]:
    """The five arms with a share of the real images and as many generated ones as before."""
    return tuple(
        Arm(arm.name, min(arm.real, share), None, arm.synthetic, arm.classic) for arm in ARMS
    )


@dataclass(frozen=True)
class TrainingSet:
    """What a classifier is given.

    Attributes:
        images: (n, H, W, C) uint8.
        labels: (n,) class of each.
        real: Different real images among them.
        synthetic: Different generated images among them.
    """

    images: Images
    labels: Labels
    real: int
    synthetic: int


def compose(
    arm: Arm, training: ImageSet, make: Make, *, seed: int, passes: int, copies: bool
) -> TrainingSet:
    """The training set of an arm.

    Whatever the arm, it holds `passes` times as many images as `training`, the same ones again
    where there are fewer. A classifier that makes as many steps from as many images therefore
    makes the same steps in every arm.

    Args:
        arm: What to take.
        training: Real images with labels.
        make: `make(labels, seed)`, generated images of the given classes.
        seed: Of the generated images, of what is cut, and of the order.
        passes: Size, in multiples of the real training images; at least 2.
        copies: Whether classic augmentation is done here, on all repetitions of an image, because
            the classifier does none by itself.

    Raises:
        zoo.errors.ZooError: If generated images differ in type or size from the real ones.
    """
    rng = np.random.default_rng([seed, 7])
    assert training.labels is not None
    kept = _kept(arm, training, seed)
    images, labels = to_uint8(training[kept]), training.labels[kept]
    wanted = _wanted(arm, training.labels, labels)
    made = np.empty((0, *images.shape[1:]), np.uint8)
    if len(wanted):
        made = _made(make(wanted, seed), training)
    pool, codes = np.concatenate([images, made]), np.concatenate([labels, wanted])
    units = _oversampled(labels, training.labels, rng) if arm.remedy == "oversampling" else None
    rows = _filled(np.arange(len(pool)) if units is None else units, passes * len(training), rng)
    shown = pool[rows]
    if arm.classic and copies:
        again = np.flatnonzero(_is_repeated(rows))
        shown[again] = augmented(shown[again], rng)
    order = rng.permutation(len(rows))
    return TrainingSet(shown[order], codes[rows][order], len(kept), len(wanted))


def augmented(images: Images, rng: np.random.Generator) -> Images:
    """Images (n, H, W, C) mirrored, turned where they are square, and shifted, each by chance.

    Shifts are by whole pixels, up to 6 % of a side, with mirrored edges.
    """
    reach = [max(1, round(SHIFT * side)) for side in images.shape[1:3]]
    square = images.shape[1] == images.shape[2]
    changed = np.empty_like(images)
    for i, image in enumerate(images):
        turned = np.rot90(image, int(rng.integers(4)) if square else 2 * int(rng.integers(2)))
        turned = turned[:, ::-1] if rng.integers(2) else turned
        padded = np.pad(turned, [(reach[0],) * 2, (reach[1],) * 2, (0, 0)], mode="symmetric")
        y, x = (int(rng.integers(2 * r + 1)) for r in reach)
        changed[i] = padded[y : y + image.shape[0], x : x + image.shape[1]]
    return changed


def _kept(arm: Arm, training: ImageSet, seed: int) -> npt.NDArray[np.int64]:
    """Positions of the real images that the arm has, spread over the groups of each class."""
    labels = np.asarray(training.labels)
    chosen = []
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        share = arm.real * (arm.cut[1] if arm.cut and arm.cut[0] == label else 1.0)
        n = min(len(here), max(int(share > 0), round(share * len(here))))
        if n:
            subset = training.take(here)
            chosen.append(here[np.isin(subset.ids, draw(subset, n, seed=seed).ids)])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def _wanted(arm: Arm, complete: Labels, kept: Labels) -> Labels:
    """Classes of the generated images."""
    if arm.synthetic == "all":
        return complete
    if arm.synthetic != "missing":
        return np.empty(0, np.int64)
    classes = int(complete.max()) + 1
    lacking = np.bincount(complete, minlength=classes) - np.bincount(kept, minlength=classes)
    return np.repeat(np.arange(classes), lacking)


def _made(images: npt.NDArray[Any], training: ImageSet) -> Images:
    if images.dtype != training.dtype or images.shape[1:] != training.shape[1:]:
        raise ZooError(
            f"real images are {training.dtype} {training.shape[1:]}, "
            f"generated ones {images.dtype} {images.shape[1:]}"
        )
    return to_uint8(images)


def _oversampled(kept: Labels, complete: Labels, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions with the images of a cut class repeated until it is as frequent as before."""
    counts = np.bincount(complete)
    parts = [
        _filled(np.flatnonzero(kept == label), int(counts[label]), rng) for label in np.unique(kept)
    ]
    return np.concatenate(parts)


def _filled(rows: npt.NDArray[np.int64], n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """n of the rows: all of them as often as possible, the rest drawn without replacement."""
    whole, rest = divmod(n, len(rows))
    return np.concatenate([np.tile(rows, whole), rng.choice(rows, rest, replace=False)])


def _is_repeated(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a row occurred before."""
    repeated = np.ones(len(rows), bool)
    repeated[np.unique(rows, return_index=True)[1]] = False
    return repeated
