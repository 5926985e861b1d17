"""Checks of a metric: a number from two sets of images, features or logits."""

import math
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed
from zoo.metrics.protocol import Context, Known, Preparing
from zoo.testing.detectors import discs
from zoo.testing.suite import Skipped, Subject

Array = npt.NDArray[Any]
N, SHAPE = 48, (48, 48, 1)  # as few as make the 500 pairs of two classes of which MS-SSIM is a mean
WIDTH = {"features": 16, "logits": 10}


class MetricCase:
    """A metric under test, and what it compares.

    Args:
        subject: The record.

    Attributes:
        real: Rows of real images: discs, or what stands for their features.
        fake: More of the same.
        noise: Rows that differ from both.
    """

    def __init__(self, subject: Subject) -> None:
        self.record = subject.record
        self.target = self.record.load()
        self.real, self.fake, self.noise = rows(self.record.needs)
        self.values: dict[tuple[bool, int], float] = {}
        self.known = Known(
            np.array(["a", "b"] * (N // 2)), np.array([f"image {i}" for i in range(N)])
        )

    def score(
        self, real: Array, fake: Array, *, seed: int = 0, known: tuple[Known, Known] | None = None
    ) -> float:
        """The value, as a run computes it.

        Raises:
            zoo.errors.ZooError: If there is none, such as `NotComputed`.
        """
        stated = known or (self.known.take(slice(len(real))), self.known.take(slice(len(fake))))
        context = Context(seed, False, *stated)
        self.shown = real, fake = real.copy(), fake.copy()
        if isinstance(self.target, Preparing):
            one, two = (self.target.prepare(images, seed=seed) for images in (real, fake))
            return self.target.compare(one, two, context)
        value: float = self.target(real, fake, context)
        return value

    def value(self, *, seed: int = 0, noise: bool = False) -> float:
        """The value of `real` against `fake` or `noise`; a metric that has none is skipped."""
        if (noise, seed) not in self.values:
            self.values[noise, seed] = self.anew(seed=seed, noise=noise)
        return self.values[noise, seed]

    def anew(self, *, seed: int = 0, noise: bool = False) -> float:
        """The same, computed again."""
        try:
            return float(self.score(self.real, self.noise if noise else self.fake, seed=seed))
        except NotComputed as reason:
            raise Skipped(f"not computed on {N} images: {reason}") from reason

    @property
    def spread(self) -> float:
        """How much seeds change the value, and rounding."""
        values = [self.value(seed=seed) for seed in range(3)]
        return 3 * (max(values) - min(values)) + 1e-6 * max(1.0, *map(abs, values))


def rows(needs: str) -> tuple[Array, Array, Array]:
    """Two sets that are alike and one that is not: uint8 images, or float32 features."""
    rng = np.random.default_rng(0)
    if needs == "images":
        alike = [discs(N, radius=6, seed=seed, shape=SHAPE) for seed in (1, 2)]
        return alike[0], alike[1], rng.integers(0, 256, (N, *SHAPE), np.uint8)
    alike = [rng.standard_normal((N, WIDTH[needs])).astype(np.float32) for _ in range(2)]
    return alike[0], alike[1], 3 * alike[0] + 5


def check_value(case: MetricCase) -> None:
    """Two sets give one finite number."""
    try:
        given = case.score(case.real, case.fake)
    except NotComputed as reason:
        raise Skipped(f"not computed on {N} images: {reason}") from reason
    assert isinstance(given, numbers.Real), (
        f"it gives {type(given).__name__}; return one float, and others by beside()"
    )
    assert math.isfinite(given), (
        f"it gives {given} for {N} ordinary images; raise zoo.errors.NotComputed where there is "
        "no number"
    )


def check_order(case: MetricCase) -> None:
    """Shuffled sets, with their labels and ids, give the same number."""
    value = case.value()
    one, two = (np.random.default_rng(seed).permutation(N) for seed in (3, 4))
    known = case.known.take(one), case.known.take(two)
    shuffled = case.score(case.real[one], case.fake[two], known=known)
    assert abs(shuffled - value) <= case.spread, (
        f"{value:.6g} becomes {shuffled:.6g} when the images are shuffled; let nothing depend on "
        "positions or on how images are batched"
    )


def check_repeats(case: MetricCase) -> None:
    """The seed alone decides what is drawn."""
    value, again = case.value(), case.anew()
    assert value == again, (
        f"the same sets and seed give {value:.6g} and {again:.6g}; draw from "
        "np.random.default_rng(context.seed)"
    )


def check_input(case: MetricCase) -> None:
    """The sets are left as they are; features are shared with other metrics."""
    case.anew()
    for before, after in zip((case.real, case.fake), case.shown, strict=True):
        assert np.array_equal(before, after), "it changes the rows that it is given; copy them"


def check_better(case: MetricCase) -> None:
    """More real images score better than what is not real."""
    if case.record.better not in ("lower", "higher"):
        raise Skipped(f"better is {case.record.better!r}")
    if case.record.needs == "logits":
        raise Skipped("no logits stand for noise")
    real, noise = case.value(), case.value(noise=True)
    sign = 1 if case.record.better == "higher" else -1
    assert sign * real > sign * noise, (
        f"{real:.4g} for images like the real ones and {noise:.4g} for noise, where "
        f"{case.record.better} is better; set better= to the other, or to 'neither'"
    )


def check_undefined(case: MetricCase) -> None:
    """Where there is no number, it says so."""
    flat = np.zeros_like(case.real)
    cases = {
        "constant images": (flat, flat),
        "one image on each side": (case.real[:1], case.fake[:1]),
        "two equal images": (case.real[[0, 0]], case.real[[0, 0]]),
    }
    for what, (real, fake) in cases.items():
        try:
            with np.errstate(all="ignore"):
                value = float(case.score(real, fake))
        except Exception:  # a report says that it was not computed, and why
            continue
        assert math.isfinite(value), (
            f"it gives {value} for {what}; raise zoo.errors.NotComputed('why') instead"
        )
