"""One trial of a detector: the images it learns from, is tuned on and is measured on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed, ZooError
from zoo.evaluation.draw import draw
from zoo.metrics.features import to_uint8

REAL, GENERATED = 0, 1
PARTS = ("detect_train", "validation", "test")
MIN_GROUPS = 4
"""With fewer test groups, five random labellings cannot reach significance at α = 0.0025."""
MIN_IMAGES = {"detect_train": 24, "validation": 0, "test": 16}
REMEDY = "train anew with another --split-seed, or with more groups (plan for 40 or more)"

Sample = Callable[[int, int], npt.NDArray[Any]]
"""`sample(n, seed)`, n images of a generator."""
Treatment = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Examples:
    """Images with what is known of each.

    Attributes:
        images: (n, H, W, C) uint8.
        labels: (n,) int64, 0 or 1.
        groups: (n,) str; a real image's group is its source image, patient or well, and each
            generated image is a group of its own.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: npt.NDArray[Any]) -> "Examples":
        """The examples at the given positions or where a mask is true."""
        return Examples(self.images[which], self.labels[which], self.groups[which])

    def balanced(self, rng: np.random.Generator) -> "Examples":
        """As many of one label as of the other, left out at random."""
        n = min(np.sum(self.labels == 0), np.sum(self.labels == 1))
        halves = [rng.permutation(np.flatnonzero(self.labels == k))[:n] for k in (0, 1)]
        return self.take(np.sort(np.concatenate(halves)))


@dataclass(frozen=True)
class Trial:
    """The three parts of one trial; `test` is measured once."""

    train: Examples
    validation: Examples
    test: Examples

    def fit(self, detector: Any) -> Any:
        """The detector, fitted on `train` and tuned on `validation`."""
        held_out = (self.validation.images, self.validation.labels)
        both = len(np.unique(self.validation.labels)) == 2
        detector.fit(self.train.images, self.train.labels, validation=held_out if both else None)
        return detector

    def probabilities(self, detector: Any) -> npt.NDArray[np.float64]:
        """Fit a detector and return (n_test,) probabilities of label 1."""
        return probabilities(self.fit(detector), self.test.images)


def probabilities(detector: Any, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """(n,) what a fitted detector takes for the probability of label 1, of images (n, H, W, C).

    Raises:
        zoo.errors.ZooError: If an answer is not finite.
    """
    column = int(np.flatnonzero(np.asarray(detector.classes_) == GENERATED)[0])
    answers = np.asarray(detector.predict_proba(images), np.float64)[:, column]
    if not np.all(np.isfinite(answers)):
        raise ZooError("it answers with probabilities that are not finite")
    return answers


class Pool:
    """Generated images that exist already, such as a folder of them, drawn part by part.

    They are split by group as real images are, so that no tile of one picture is on two sides.

    Args:
        images: The images with their splits.
    """

    def __init__(self, images: ImageSet) -> None:
        self.images = images

    def draw(self, part: str, n: int, *, seed: int) -> ImageSet:
        """At most n images of a part."""
        return draw(self.images.split(part), n, seed=seed)


@dataclass(frozen=True)
class Material:
    """Where trials take their images from.

    Attributes:
        images: A dataset with its splits; detectors see 8 bits of it.
        sample: A generator of images of the same type, or a pool of such images.
        seed: Of every choice.
        treat: What is done to real and generated images alike, such as a compression.
    """

    images: ImageSet
    sample: "Sample | Pool"
    seed: int
    treat: Treatment | None = None

    def reals(self, part: str, n: int, *, repetition: int = 0) -> Examples:
        """At most n real images of a part, spread over its groups."""
        seed = stream(self.seed, part, repetition)
        held = draw(self.images.split(part), n, seed=seed)
        return Examples(held[:], np.full(len(held), REAL, np.int64), held.groups)

    def trial(self, n: int, *, sample: "Sample | Pool | None" = None, repetition: int = 0) -> Trial:
        """Reals and as many generated images in each part.

        Args:
            n: Images per class in training and test at most; a quarter of it in validation.
            sample: Another source of images than the final generator.
            repetition: Changes the training and validation images, never the test images.
        """
        make = sample or self.sample
        parts = []
        for part, wanted in zip(PARTS, (n, max(1, n // 4), n), strict=True):
            which = 0 if part == "test" else repetition
            parts.append(self._treated(self._both(part, wanted, make, repetition=which)))
        return Trial(*parts)

    def _both(self, part: str, n: int, make: "Sample | Pool", *, repetition: int) -> Examples:
        seed = stream(self.seed, part, repetition)
        if isinstance(make, Pool):
            n = min(n, len(make.images.split(part)))
        real = self.reals(part, n, repetition=repetition)
        if not len(real):
            return real
        if isinstance(make, Pool):
            fakes = make.draw(part, len(real), seed=seed)
            return pair(real, fakes[:], np.char.add("generated/", fakes.groups.astype(str)))
        names = np.array([f"generated/{part}/{i}" for i in range(len(real))])
        return pair(real, make(len(real), seed), names)

    def real_trial(self, n: int) -> Trial:
        """Real images alone, up to 2n a part, for which labels are yet to be made up."""
        wanted = (2 * n, max(1, n // 4) * 2, 2 * n)
        parts = (self.reals(part, w) for part, w in zip(PARTS, wanted, strict=True))
        return Trial(
            *(self._treated(replace(part, images=to_uint8(part.images))) for part in parts)
        )

    def _treated(self, part: Examples) -> Examples:
        if self.treat is None or not len(part):
            return part
        return replace(part, images=self.treat(part.images))

    def check(self) -> None:
        """Raise `NotComputed` if no trial can be believed."""
        pool = self.sample.images if isinstance(self.sample, Pool) else None
        lacking = shortage(_sizes(self.images), remedy="" if pool else REMEDY)
        if pool and not lacking:
            lacking = shortage(_sizes(pool), kind="generated ", remedy="")
        if lacking:
            raise NotComputed(lacking)


def shortage(
    splits: Mapping[str, Mapping[str, int]], *, kind: str = "real ", remedy: str = REMEDY
) -> str:
    """What a split has too little of for detectors to be measured; empty if nothing.

    Args:
        splits: Part to its `images` and `groups`, as the provenance of images has them.
        kind: Of images, for the message.
        remedy: What to do about too few groups.
    """
    for part in PARTS:
        images, groups = splits[part]["images"], splits[part]["groups"]
        if images < MIN_IMAGES[part]:
            return f"{images} {kind}images in {part}, at least {MIN_IMAGES[part]} are needed"
        if part != "validation" and groups < MIN_GROUPS:
            few = f"{groups} groups in {part}, at least {MIN_GROUPS} are needed"
            return f"{few}: {remedy}" if remedy else few
    return ""


def _sizes(images: ImageSet) -> dict[str, dict[str, int]]:
    held = {part: images.split(part) for part in PARTS}
    return {
        part: {"images": len(each), "groups": len(np.unique(each.groups))}
        for part, each in held.items()
    }


def stream(seed: int, part: str, repetition: int) -> int:
    """The seed of a part's images, latents included, that no other part or repetition has."""
    return 1_000_000 + 1_000 * seed + 10 * repetition + PARTS.index(part)


def pair(real: Examples, generated: npt.NDArray[Any], groups: npt.NDArray[np.str_]) -> Examples:
    """Reals and generated images as one set, 1:1, in 8 bits.

    Args:
        real: The n reals.
        generated: (n, H, W, C).
        groups: (n,) group of each generated image.

    Raises:
        zoo.errors.ZooError: If they differ in type, size, channels or number, by any of which
            a detector could tell them apart.
    """
    if generated.dtype != real.images.dtype or generated.shape != real.images.shape:
        raise ZooError(
            f"real images are {real.images.dtype} {real.images.shape}, "
            f"generated ones {generated.dtype} {generated.shape}"
        )
    return Examples(
        to_uint8(np.concatenate([real.images, generated])),
        np.repeat(np.array([REAL, GENERATED]), len(generated)),
        np.concatenate([real.groups.astype(str), groups]),
    )


def with_arbitrary_labels(trial: Trial, seed: int) -> Trial:
    """The same images with labels that mean nothing: half of the groups 0, half 1, at random.

    A group has one label wherever it occurs, so that a group in both training and test gives
    itself away. Training and validation are then balanced 1:1, the test images are not.
    """
    rng = np.random.default_rng(seed)
    known: dict[str, int] = {}
    parts = []
    for part in (trial.train, trial.validation, trial.test):
        new = [g for g in np.unique(part.groups) if g not in known]
        known.update(zip(new, halves(len(new), 1, rng)[0], strict=True))
        labels = np.array([known[g] for g in part.groups], np.int64)
        parts.append(replace(part, labels=labels))
    return Trial(parts[0].balanced(rng), parts[1].balanced(rng), parts[2])


def halves(n: int, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(draws, n) labels, in each row half of them 0 and half 1; a coin decides the odd one."""
    rows = np.tile(np.arange(n) % 2, (draws, 1))
    coin = rng.integers(2, size=(draws, 1))
    return np.asarray((rng.permuted(rows, axis=1) + coin) % 2, np.int64)


def shared_groups(images: ImageSet) -> int:
    """Number of groups with images in more than one of the parts that detection uses."""
    inside = [np.unique(images.split(part).groups) for part in PARTS]
    _, counts = np.unique(np.concatenate(inside), return_counts=True)
    return int(np.sum(counts > 1))
