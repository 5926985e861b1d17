"""A detector record at work as a classifier of classes."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.hashing import file_hash
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation.arms import Images, Labels, TrainingSet
from zoo.specs import Detector
from zoo.values import annotation_of, convert

OWN = ("seed", "augment")
"""Keywords of classifiers that the plan and the arms say, and so no option."""


@dataclass(frozen=True)
class Labelled:
    """Real images with their classes.

    Attributes:
        images: (n, H, W, C) uint8.
        labels: (n,) int64.
        groups: (n,) str.
    """

    images: Images
    labels: Labels
    groups: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Classifier:
    """What a record names, with the options that it takes.

    Attributes:
        name: The record's.
        target: Called as `target(seed=…, **options)`.
        options: Given ones that its constructor takes.
        keywords: All that its constructor takes.
        parameters: What it is made with, as JSON values; of a file of weights its SHA-256.
    """

    name: str
    target: Callable[..., Any]
    options: Mapping[str, Any]
    keywords: frozenset[str]
    parameters: Mapping[str, Any]

    @property
    def augments(self) -> bool:
        """Whether it does classic augmentation by itself, anew in each epoch."""
        return "augment" in self.keywords

    def fitted(
        self, training: TrainingSet, validation: Labelled, *, seed: int, classic: bool, weigh: bool
    ) -> Any:
        """A new one that has learnt.

        Args:
            training: What it is shown.
            validation: Real images by which it chooses its own model.
            seed: Of everything random in it.
            classic: Whether it augments, if it does so by itself.
            weigh: Whether rare classes count as much as frequent ones.

        Raises:
            zoo.errors.NotComputed: If classes are to be weighed and its `fit` takes no weights.
        """
        classic_too = {"augment": classic} if self.augments else {}
        made = self.target(seed=seed, **{**self.options, **classic_too})
        more: dict[str, Any] = {}
        if weigh:
            if "weights" not in inspect.signature(made.fit).parameters:
                raise NotComputed(f"{self.name} takes no weights of images")
            more["weights"] = balanced_weights(training.labels)
        held_out = (validation.images, validation.labels) if len(validation) else None
        return made.fit(training.images, training.labels, validation=held_out, **more)


def balanced_weights(labels: Labels) -> npt.NDArray[np.float64]:
    """(n,) weights with which every class counts as much, 1 on average."""
    _, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts))[code]


def answers(fitted: Any, images: Images) -> Labels:
    """(n,) the most probable class of each image.

    Raises:
        zoo.errors.ZooError: If a probability is not finite.
    """
    probabilities = np.asarray(fitted.predict_proba(images), np.float64)
    if not np.all(np.isfinite(probabilities)):
        raise ZooError("it answers with probabilities that are not finite")
    return np.asarray(np.asarray(fitted.classes_)[probabilities.argmax(axis=1)], np.int64)


def classifiers(
    records: Sequence[Detector], options: Mapping[str, Any]
) -> tuple[list[Classifier], dict[str, str]]:
    """Classifiers of records, each with those of the options that it takes.

    Args:
        records: Which.
        options: Text as typed after `-o`, or typed values; `vgg16.epochs` is of one alone and
            wins over `epochs`, which is of all that have it.

    Returns:
        The classifiers, and those that cannot be made, or of which nobody can say what they
        depend on, with the reason.

    Raises:
        zoo.errors.UsageError: If none takes one of the options, or a value is of a wrong type.
    """
    found: list[Classifier] = []
    failed: dict[str, str] = {}
    taken: set[str] = set()
    for record in records:
        try:
            target = record.load()
        except Exception as error:  # someone else's module may raise anything
            failed[record.name] = f"{type(error).__name__}: {error}"
            continue
        parameters = inspect.signature(target).parameters
        own = {}
        for key in sorted(options, key=lambda key: "." in key):
            name = _meant(key, record.name)
            if name in parameters and name not in OWN:
                own[name] = convert(options[key], annotation_of(parameters[name]), key=key)
                taken.add(key)
        try:
            facts = _parameters(target(seed=0, **own), own)
        except UsageError:
            raise
        except Exception as error:
            failed[record.name] = (
                str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
            )
            continue
        found.append(Classifier(record.name, target, own, frozenset(parameters), facts))
    if lost := sorted(set(options) - taken):
        names = ", ".join(record.name for record in records)
        raise UsageError(f"-o {lost[0]}: no option of {names}")
    return found, failed


def _meant(key: str, record: str) -> str:
    """The option that a key names of a classifier; empty if it is another one's."""
    of, dot, name = key.rpartition(".")
    return name if not dot or of in (record, record.replace("-", "_")) else ""


def _parameters(made: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    known = getattr(made, "get_params", lambda: options)()
    kept = {name: value for name, value in known.items() if name not in OWN}
    if file := getattr(made, "weights_file", None):
        kept["weights"] = f"sha256:{file_hash(file, 'sha256')}"
    for name, value in kept.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise ZooError(
                f"its parameter {name} is no JSON value but {type(value).__name__}, so a training "
                "could not be told from another one"
            ) from None
    return dict(json.loads(json.dumps(kept)))
