"""What a measurement of utility consists of, and the images that it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed, UsageError
from zoo.evaluation.arms import ARMS, Make, imbalance_arms, low_data_arms
from zoo.evaluation.classifier import Labelled
from zoo.evaluation.draw import draw
from zoo.evaluation.utility_table import Study
from zoo.metrics.features import to_uint8
from zoo.plugins import unknown

MIN_GROUPS = 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        arms: Names out of `ARMS`; all of them unless a study is of fewer, or those of each
            classifier by its name.
        seeds: How many, of classifiers, of generated images and of what is cut.
        seed: The first.
        n: Real training images at most, spread over the groups.
        imbalance: A class and the shares that it is cut to, one after another.
        low_data: Shares of the real training images, one after another.
        by: Field by whose values the test images are counted too; `group` for their groups.
        options: Of the classifiers, as text or typed.
    """

    arms: Sequence[str] | Mapping[str, Sequence[str]] = tuple(arm.name for arm in ARMS)
    seeds: int = 3
    seed: int = 0
    n: int = 2000
    imbalance: tuple[str, Sequence[float]] | None = None
    low_data: Sequence[float] = ()
    by: str = "group"
    options: Mapping[str, Any] = field(default_factory=dict)

    def studies(self, class_names: Sequence[str]) -> list[Study]:
        """The five arms, then imbalance, then few data.

        Raises:
            zoo.errors.UsageError: If there is no such arm or class, or a share is none.
        """
        known = {arm.name: arm for arm in ARMS}
        of_each = self.arms.values() if isinstance(self.arms, Mapping) else [self.arms]
        asked = list(dict.fromkeys(name for names in of_each for name in names))
        if strangers := [name for name in asked if name not in known]:
            raise unknown("arm", strangers[0], known)
        found = [Study("arms", tuple(known[name] for name in asked))]
        if self.imbalance:
            name, shares = self.imbalance
            if name not in class_names:
                raise unknown("class", name, class_names)
            label = list(class_names).index(name)
            if not shares:
                raise UsageError(f"imbalance of {name}: no share that it is cut to")
            for share in _checked(shares):
                arms = imbalance_arms(label, share)
                found.append(Study("imbalance", arms, share, against="cut", label=label))
        for share in _checked(self.low_data):
            found.append(Study("low_data", low_data_arms(share), share))
        return found

    def asks(self, arm: str, classifier: str) -> bool:
        """Whether one of the five arms is measured with a classifier."""
        return arm in (self.arms[classifier] if isinstance(self.arms, Mapping) else self.arms)

    def check(self, classifiers: Sequence[str]) -> None:
        """Refuse arms that are not those of the classifiers.

        Raises:
            zoo.errors.UsageError: If a classifier has no arms, or arms no classifier.
        """
        if isinstance(self.arms, Mapping) and (lost := set(self.arms) ^ set(classifiers)):
            raise UsageError(f"arms of {min(lost)}: give those of each classifier, and no other's")


@dataclass(frozen=True)
class Material:
    """The images of a measurement.

    Attributes:
        training: Real training images.
        validation: Real images by which classifiers choose their model.
        tests: `test`, and `external` where there is another dataset.
        make: `make(labels, seed)`, generated images of given classes.
        facts: Fingerprints, and what the generated images depend on.
    """

    training: ImageSet
    validation: Labelled
    tests: Mapping[str, Labelled]
    make: Make
    facts: Mapping[str, Any]


def gather(
    images: ImageSet,
    make: Make,
    plan: Plan,
    external: ImageSet | None,
    facts: Mapping[str, Any],
) -> Material:
    """The images of a measurement, after checking that there are enough of them.

    Raises:
        zoo.errors.UsageError: If there are no labels, or the plan does not fit the images.
        zoo.errors.NotComputed: If the images are too few for any number to be believed.
    """
    if images.labels is None or len(images.class_names) < 2:
        raise UsageError(f"{images.name} has no classes; utility needs images with labels")
    if plan.by != "group" and plan.by not in images.fields:
        raise unknown("field", plan.by, ["group", *images.fields])
    training = draw(images.split("train"), plan.n, seed=plan.seed)
    tests = {"test": _labelled(images.split("test"))}
    _check(training, tests["test"], images.class_names)
    fingerprints = {"data": images.fingerprint, "n": len(training), "draw": plan.seed}
    if external is not None:
        tests["external"] = _external(external, images)
        fingerprints["external"] = external.fingerprint
    validation = _labelled(images.split("validation"))
    return Material(training, validation, tests, make, {**fingerprints, "synthetic": dict(facts)})


def _labelled(images: ImageSet) -> Labelled:
    return Labelled(to_uint8(images[:]), np.asarray(images.labels), images.groups.astype(str))


def _check(training: ImageSet, test: Labelled, class_names: Sequence[str]) -> None:
    counts = np.bincount(np.asarray(training.labels), minlength=len(class_names))
    if lacking := [name for name, n in zip(class_names, counts, strict=True) if not n]:
        raise NotComputed(f"no training image is of class {lacking[0]}")
    if (groups := len(np.unique(test.groups))) < MIN_GROUPS:
        raise NotComputed(f"{groups} groups in test, at least {MIN_GROUPS} are needed")


def _external(external: ImageSet, images: ImageSet) -> Labelled:
    """The other dataset with the first one's numbers of the classes."""
    if external.labels is None or set(external.class_names) != set(images.class_names):
        raise UsageError(
            f"{external.name} has the classes {', '.join(external.class_names) or 'none'}, "
            f"not {', '.join(images.class_names)}"
        )
    if external.shape[1:] != images.shape[1:]:
        raise UsageError(
            f"{external.name} has images of {external.shape[1:]}, not {images.shape[1:]}"
        )
    code = np.array([images.class_names.index(name) for name in external.class_names])
    held = _labelled(external)
    return Labelled(held.images, code[held.labels], held.groups)


def _checked(shares: Sequence[float]) -> list[float]:
    """Each of them once."""
    if wrong := [share for share in shares if not 0 < share < 1]:
        raise UsageError(f"share {wrong[0]:g}: expected above 0 and below 1")
    return list(dict.fromkeys(float(share) for share in shares))
