"""Tests for copies, each a difference from held-out images with an interval over groups."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.attacks import auc, true_positives
from zoo.evaluation.distances import Groups, Nearest
from zoo.evaluation.groups import group_draws
from zoo.thresholds import gathered

DRAWS = 1000
NEAR = 0.01
"""Quantile of the distances from held-out to training images, below which an image is near."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a test measures.

    Attributes:
        label: In print.
        worse: Which way copying moves it: `"higher"` or `"lower"`.
        margin: A difference up to which nothing is said.
        meaning: One sentence on value and reference.
    """

    label: str
    worse: str
    margin: float
    meaning: str


KINDS = {
    "near_share": Kind(
        label="Share of generated images near a training image",
        worse="higher",
        margin=0.02,
        meaning="Nearer than 99 % of held-out images are to their nearest training image.",
    ),
    "near_ratio_share": Kind(
        label="Share with a distance ratio as of copies",
        worse="higher",
        margin=0.02,
        meaning="Distance to the nearest training image over that to the nearest of another group, "
        "lower than for 99 % of held-out images.",
    ),
    "distance_ratio": Kind(
        label="Median distance to the nearest training image, over that of held-out images",
        worse="lower",
        margin=0.1,
        meaning="Far below 1, generated images are nearer to the training images than new real "
        "images are; smooth images are so as well.",
    ),
    "nndr": Kind(
        label="Median nearest-neighbour distance ratio",
        worse="lower",
        margin=0.1,
        meaning="Near 0 one training image stands out from all others, as for a copy.",
    ),
    "authenticity": Kind(
        label="Authenticity",
        worse="lower",
        margin=0.1,
        meaning="Share of images that are farther from their nearest training image than that is "
        "from the nearest training image of another group (arXiv:2102.08921).",
    ),
    "fid_gap": Kind(
        label="FID against held-out less FID against training images",
        worse="higher",
        margin=0.1,
        meaning="Margin: this share of the score against held-out images.",
    ),
    "kid_gap": Kind(
        label="KID against held-out less KID against training images",
        worse="higher",
        margin=0.1,
        meaning="Margin: this share of the score against held-out images.",
    ),
    "logan_auc": Kind(
        label="Membership by discriminator score (LOGAN): AUC",
        worse="higher",
        margin=0.05,
        meaning="Probability that D scores a training image above a held-out one; 0.5 is a guess.",
    ),
    "logan_tpr": Kind(
        label="Membership by discriminator score (LOGAN): TPR at 1 % FPR",
        worse="higher",
        margin=0.02,
        meaning="Share of training images found while 1 % of held-out ones are taken for such.",
    ),
    "leaks_auc": Kind(
        label="Membership by nearest generated image (GAN-Leaks): AUC",
        worse="higher",
        margin=0.05,
        meaning="Probability that a training image has a generated one nearer than a held-out "
        "image has; 0.5 is a guess.",
    ),
    "leaks_tpr": Kind(
        label="Membership by nearest generated image (GAN-Leaks): TPR at 1 % FPR",
        worse="higher",
        margin=0.02,
        meaning="Share of training images found while 1 % of held-out ones are taken for such.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test as memorisation.json holds it.

    Attributes:
        name: Kind and space, such as `near_share_pixels`.
        kind: A key of `KINDS`.
        value: Of the generated images, or of the attack.
        reference: The same of held-out images, or of a guess.
        interval: 95 % interval of value − reference, low and high.
        margin: How far the whole interval must lie beyond 0 for the test to be flagged.
        flagged: Whether it does.
        n: Images that the value comes from.
        n_reference: Held-out images.
    """

    name: str
    kind: str
    value: float
    reference: float
    interval: tuple[float, float]
    margin: float
    flagged: bool
    n: int
    n_reference: int

    def as_dict(self) -> dict[str, Any]:
        """The test as JSON."""
        return {**asdict(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class Side:
    """Images of one side of a test.

    Attributes:
        groups: (n,) group of each.
        values: Name to (n,) numbers.
    """

    groups: Groups
    values: Mapping[str, Array]

    def take(self, rows: npt.NDArray[np.int64]) -> dict[str, Array]:
        """The numbers of some images."""
        return {name: values[rows] for name, values in self.values.items()}


Values = Mapping[str, Array]
Statistic = Callable[[Values, Values], tuple[float, float]]


def distance_tests(
    space: str, fakes: Nearest, held: Nearest, own: npt.NDArray[np.float64], groups: Groups
) -> list[Test]:
    """The tests on distances to the training images, in one space.

    Args:
        space: Its name.
        fakes: Nearest training images of the generated ones.
        held: Nearest training images of held-out ones.
        own: (n_train,) distance of each training image to the nearest one of another group; only
            those of images that are nearest to something are read.
        groups: (n_held,) group of each held-out image.
    """
    one = np.array([str(i) for i in range(len(fakes.distance))])
    return run_tests(
        space,
        {
            "near_share": _near("distance"),
            "near_ratio_share": _near("ratio"),
            "distance_ratio": _distance_ratio,
            "nndr": _median_ratio,
            "authenticity": _authenticity,
        },
        Side(one, _numbers(fakes, own)),
        Side(groups, _numbers(held, own)),
    )


def attack_tests(
    space: str,
    attack: str,
    members: tuple[npt.NDArray[np.float64], Groups],
    others: tuple[npt.NDArray[np.float64], Groups],
) -> list[Test]:
    """AUC, and TPR at 1 % FPR, of an attack.

    Args:
        space: Where its scores come from; empty for the discriminator.
        attack: `logan` or `leaks`.
        members: Scores of training images, higher for likelier members, and their groups.
        others: The same of held-out images.
    """
    return run_tests(
        space,
        {
            f"{attack}_auc": lambda a, b: (auc(a["score"], b["score"]), 0.5),
            f"{attack}_tpr": lambda a, b: (
                true_positives(a["score"], b["score"]),
                int(NEAR * len(b["score"])) / len(b["score"]),
            ),
        },
        *(Side(groups, {"score": scores}) for scores, groups in (members, others)),
    )


def run_tests(
    space: str, statistics: Mapping[str, Statistic], first: Side, second: Side
) -> list[Test]:
    """Each statistic with its interval: both sides are resampled by group, the same for all."""
    rng = np.random.default_rng(0)
    pairs = list(
        zip(*(group_draws(side.groups, DRAWS, rng) for side in (first, second)), strict=True)
    )
    drawn = [(first.take(a), second.take(b)) for a, b in pairs]
    tests = []
    for kind, statistic in statistics.items():
        value, reference = statistic(first.values, second.values)
        differences = [a - b for a, b in (statistic(*values) for values in drawn)]
        low, high = np.quantile(differences, [0.025, 0.975])
        tests.append(
            judged(
                kind,
                space,
                value,
                reference,
                (float(low), float(high)),
                KINDS[kind].margin,
                (len(first.groups), len(second.groups)),
            )
        )
    return tests


def judged(
    kind: str,
    space: str,
    value: float,
    reference: float,
    interval: tuple[float, float],
    margin: float,
    counts: tuple[int, int],
) -> Test:
    """A test, flagged if its whole interval lies beyond the margin on the side of copying."""
    low, high = interval
    beyond = low > margin if KINDS[kind].worse == "higher" else high < -margin
    return Test(
        name="_".join(filter(None, [kind, space])),
        kind=kind,
        value=value,
        reference=reference,
        interval=interval,
        margin=margin,
        flagged=bool(beyond),
        n=counts[0],
        n_reference=counts[1],
    )


def suspicion(fakes: Nearest, held: Nearest) -> npt.NDArray[np.float64]:
    """How much nearer than held-out images each generated one is: above 1 it is a suspect.

    The 1st percentile of held-out images' distances over its own, or the same of the distance
    ratios, whichever is larger; (n,), infinite for an exact copy.
    """
    sides = []
    for name in ("distance", "ratio"):
        limit, value = np.quantile(getattr(held, name), NEAR), getattr(fakes, name)
        with np.errstate(divide="ignore"):
            sides.append(np.where(limit > 0, limit / value, 0.0))
    return np.asarray(np.maximum(*sides))


def worst(tests: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Values by name, and by kind over all spaces: what `--fail-on` names."""
    return gathered(
        (name, test["value"]) for test in tests for name in {test["name"], test["kind"]}
    )


def _numbers(found: Nearest, own: npt.NDArray[np.float64]) -> dict[str, Array]:
    return {
        "distance": found.distance,
        "ratio": found.ratio,
        "authentic": found.distance > own[found.position],
    }


def _near(name: str) -> Statistic:
    def share(fakes: Values, held: Values) -> tuple[float, float]:
        limit = np.quantile(held[name], NEAR)
        return float(np.mean(fakes[name] < limit)), NEAR

    return share


def _distance_ratio(fakes: Values, held: Values) -> tuple[float, float]:
    typical = float(np.median(held["distance"]))
    return (float(np.median(fakes["distance"])) / typical if typical else 1.0), 1.0


def _median_ratio(fakes: Values, held: Values) -> tuple[float, float]:
    return float(np.median(fakes["ratio"])), float(np.median(held["ratio"]))


def _authenticity(fakes: Values, held: Values) -> tuple[float, float]:
    return float(fakes["authentic"].mean()), float(held["authentic"].mean())
