"""The three controls without which a detector's accuracy means nothing."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.groups import acceptance, group_interval, relabelled_accuracies
from zoo.evaluation.trial import Material, Trial, with_arbitrary_labels

SEEDS = (0, 1, 2, 3, 4)
POWER = 0.99

Build = Callable[[int], Any]


@dataclass(frozen=True)
class Control:
    """What a control gave.

    Attributes:
        detector: Name of the detector.
        control: `"real_vs_real"`, `"real_vs_noise"` or `"shuffled_labels"`.
        accuracy: Over all seeds together.
        interval: 95 % interval over groups.
        required: Lowest and highest accuracy that pass.
        n: Test images.
        n_groups: Groups among them.
    """

    detector: str
    control: str
    accuracy: float
    interval: tuple[float, float]
    required: tuple[float, float]
    n: int
    n_groups: int

    @property
    def passed(self) -> bool:
        """Whether the accuracy is in the required range."""
        return self.required[0] <= self.accuracy <= self.required[1]

    @property
    def complaint(self) -> str:
        """What a failure means, in one sentence."""
        low, high = (f"{100 * bound:.1f} %" for bound in self.required)
        meaning = {
            "real_vs_real": "something other than realism tells training and test images apart",
            "real_vs_noise": "the detector is too weak for 50 % to mean anything",
            "shuffled_labels": "the detector is told labels that it should not know",
        }[self.control]
        return (
            f"{self.control} of {self.detector}: {100 * self.accuracy:.1f} % is outside "
            f"{low} to {high}; {meaning}"
        )

    def as_dict(self) -> dict[str, Any]:
        """As detection.json holds it."""
        facts = asdict(self)
        pairs = {key: list(facts[key]) for key in ("interval", "required")}
        return facts | pairs | {"passed": self.passed}


def chance(name: str, control: str, build: Build, trial: Trial, *, alpha: float) -> Control:
    """A control that must give about 50 %: labels are given to groups at random, over five seeds.

    The labels of the test images are as arbitrary as those of the training images. Measured
    against the true classes instead, an honest detector could be anywhere between 0 and 100 %:
    it has learnt a random direction, and reals and fakes lie together on one side of it or on
    both.
    """
    trials = [with_arbitrary_labels(trial, seed) for seed in SEEDS]
    answers = np.stack(
        [t.probabilities(build(seed)) >= 0.5 for seed, t in zip(SEEDS, trials, strict=True)]
    ).astype(np.int64)
    labels = np.stack([t.test.labels for t in trials])
    groups = trial.test.groups
    measured = int(np.sum(answers == labels)) / answers.size
    required = acceptance(measured, relabelled_accuracies(answers, groups), alpha)
    correct = (answers == labels).mean(axis=0)
    interval = group_interval(correct, groups, np.zeros_like(trial.test.labels))
    return Control(name, control, measured, interval, required, *_counts(groups))


def noise_trial(material: Material, n: int) -> Trial:
    """Reals against uniform noise, which every detector worth its name recognises."""
    shape, dtype = material.images.shape[1:], material.images.dtype
    top = np.iinfo(dtype).max

    def sample(count: int, seed: int) -> npt.NDArray[Any]:
        rng = np.random.default_rng(seed)
        return rng.integers(0, top, (count, *shape), dtype, endpoint=True)

    return material.trial(n, sample=sample)


def power(name: str, build: Build, trial: Trial) -> Control:
    """The control that must give at least 99 %."""
    answers = trial.probabilities(build(SEEDS[0])) >= 0.5
    correct = (answers == trial.test.labels).astype(np.float64)
    interval = group_interval(correct, trial.test.groups, trial.test.labels)
    required = (POWER, 1.0)
    counts = _counts(trial.test.groups)
    return Control(name, "real_vs_noise", float(correct.mean()), interval, required, *counts)


def _counts(groups: npt.NDArray[np.str_]) -> tuple[int, int]:
    return len(groups), len(np.unique(groups))
