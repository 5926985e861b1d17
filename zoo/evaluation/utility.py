"""Are generated images worth training on? Classifiers in arms that differ in nothing else.

Train on synthetic, test on real (Esteban et al., arXiv:1706.02633; Ravuri and Vinyals,
arXiv:1905.10887, call its accuracy CAS), beside the same with real images and with both.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed
from zoo.evaluation.arms import ARMS, SHIFT, Arm, Labels, Make, compose
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.cells import Cells
from zoo.evaluation.classifier import Classifier, answers, classifiers
from zoo.evaluation.utility_plan import Material, Plan, gather
from zoo.evaluation.utility_table import MOST_VALUES, Tested, tables
from zoo.progress import progress
from zoo.specs import Detector

PASSES = {True: 2, False: 4}
"""Times the real images that a training set holds: of classifiers that augment by themselves, and
of others, of which classic augmentation changes all repetitions."""

Cell = dict[str, Any]


class Broken(Exception):
    """A classifier that raised; the message is what it raised."""


class Bench:
    """Trains and tests, or finds what was done before. What fails is set aside and named.

    Attributes:
        failed: Classifier to what it raised; it is not asked again.
        excused: What cannot be measured with a classifier, to why.
    """

    def __init__(self, material: Material, cells: Cells) -> None:
        self.material = material
        self.cells = cells
        self.failed: dict[str, str] = {}
        self.excused: dict[str, str] = {}
        self._generated: tuple[bytes, int, Any] = (b"", -1, None)

    def cell(self, classifier: Classifier, arm: Arm, seed: int) -> Cell | None:
        """The answers to all test images after one training, `None` if there are none."""
        if classifier.name in self.failed:
            return None
        facts = {
            **self.material.facts,
            "classifier": {"name": classifier.name, **classifier.parameters},
            "arm": {key: value for key, value in asdict(arm).items() if key != "name"},
            "seed": seed,
            "passes": PASSES[classifier.augments],
        }
        try:
            return self.cells.take(facts, partial(self._measure, classifier, arm, seed))
        except NotComputed as error:
            excused = arm.classic or arm.remedy == "class weights"
            place = self.excused if excused else self.failed
            place[f"{arm.name} with {classifier.name}" if excused else classifier.name] = str(error)
        except Broken as error:
            self.failed[classifier.name] = str(error)
        return None

    def _measure(self, classifier: Classifier, arm: Arm, seed: int) -> Cell:
        start = time.perf_counter()
        given = compose(
            arm,
            self.material.training,
            self._make,
            seed=seed,
            passes=PASSES[classifier.augments],
            copies=not classifier.augments,
        )
        weigh = arm.remedy == "class weights"
        try:
            fitted = classifier.fitted(
                given, self.material.validation, seed=seed, classic=arm.classic, weigh=weigh
            )
            said = {
                name: answers(fitted, test.images).tolist()
                for name, test in self.material.tests.items()
            }
        except NotComputed:
            raise
        except Exception as error:  # someone else's classifier may raise anything
            raise Broken(" ".join(f"{type(error).__name__}: {error}".split())) from error
        return {
            "arm": arm.name,
            "answers": said,
            "real": given.real,
            "synthetic": given.synthetic,
            "shown": len(given.labels),
            "seconds": round(time.perf_counter() - start, 1),
        }

    def _make(self, labels: Labels, seed: int) -> Any:
        """Generated images; those made last are kept, for arms and classifiers share them."""
        asked = (labels.tobytes(), seed)
        if self._generated[:2] != asked:
            self._generated = (*asked, self.material.make(labels, seed))
        return self._generated[2]


def utility(
    images: ImageSet,
    make: Make,
    records: Sequence[Detector],
    plan: Plan | None = None,
    *,
    external: ImageSet | None = None,
    facts: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Train classifiers in every arm, choose on `validation`, measure once on `test`.

    Args:
        images: Real images with labels and their splits; the generator has seen `train`.
        make: `make(labels, seed)`, generated images (n, H, W, C) of the images' type.
        records: Detectors to use as classifiers of the classes.
        plan: What to measure.
        external: Another dataset with the same classes; all of it is a second test.
        facts: What the generated images depend on, such as the hash of the generator's weights.
        folder: Where finished trainings are kept, so that an interrupted measurement goes on.

    Returns:
        What utility.json holds.

    Raises:
        zoo.errors.UsageError: If there are no labels, or the plan does not fit the images.
        zoo.errors.NotComputed: If the images are too few for any of it.
    """
    plan = plan or Plan()
    studies = plan.studies(images.class_names)
    plan.check([record.name for record in records])
    material = gather(images, make, plan, external, facts or {})
    found, absent = classifiers(records, plan.options)
    bench = Bench(material, Cells(folder))
    jobs = [
        (study, classifier, arm, plan.seed + number)
        for number in range(plan.seeds)
        for classifier in found
        for study in studies
        for arm in study.arms
        if study.name != "arms" or plan.asks(arm.name, classifier.name)
    ]
    with progress("Training classifiers", len(jobs), "trainings") as advance:
        for study, classifier, arm, seed in jobs:
            if (cell := bench.cell(classifier, arm, seed)) is not None:
                study.add(classifier.name, arm.name, seed, cell)
            advance(1)
    kept = [classifier for classifier in found if classifier.name not in bench.failed]
    if not kept:
        reasons = "; ".join(f"{name}: {why}" for name, why in (absent | bench.failed).items())
        raise NotComputed(f"no classifier could be trained ({reasons})")
    by = images.split("test")
    tested = Tested(
        tests=material.tests,
        class_names=images.class_names,
        by=np.asarray(by.groups if plan.by == "group" else by.fields[plan.by]).astype(str),
    )
    missing = {f"classifier {name}": why for name, why in (absent | bench.failed).items()}
    if plan.by != "group" and (values := len(np.unique(tested.by))) > MOST_VALUES:
        missing[f"accuracy by {plan.by}"] = f"{values} values, more than {MOST_VALUES}"
    missing |= dict.fromkeys(_unasked(plan, kept), "it was not asked for")
    return {
        **tables(studies, [classifier.name for classifier in kept], tested),
        "by": plan.by,
        "not_computed": [
            {"name": name, "reason": why} for name, why in (missing | bench.excused).items()
        ],
        "protocol": _protocol(images, external, material, plan, kept),
    }


def _unasked(plan: Plan, kept: Sequence[Classifier]) -> list[str]:
    """Arms that were not measured with any classifier, or with which they were not."""
    found = []
    for arm in ARMS:
        without = [each.name for each in kept if not plan.asks(arm.name, each.name)]
        everywhere = len(without) == len(kept)
        found += [arm.name] if everywhere else [f"{arm.name} with {name}" for name in without]
    return found


def _protocol(
    images: ImageSet,
    external: ImageSet | None,
    material: Material,
    plan: Plan,
    kept: Sequence[Classifier],
) -> dict[str, Any]:
    n = len(material.training)
    shift = f"mirrored, turned where square, shifted by up to {100 * SHIFT:.0f} % of a side"
    comparable = {
        **data_facts(images),
        **({"external": data_facts(external)} if external is not None else {}),
        "classes": list(images.class_names),
        "split": "by group: train to train, validation to choose, test to measure once",
        "training_images": n,
        "synthetic_images": f"{n}, each class as often as among the real ones",
        "images_per_class": np.bincount(np.asarray(material.training.labels)).tolist(),
        "validation_images": len(material.validation),
        "test_images": {name: len(test) for name, test in material.tests.items()},
        "test_groups": {name: len(np.unique(test.groups)) for name, test in material.tests.items()},
        "budget": "the same in every arm: as many images shown, equal ones again where there are "
        "fewer, so as many optimiser steps; the same settings, the model chosen by the "
        "classifier itself on validation",
        "images_shown": {c.name: PASSES[c.augments] * n for c in kept},
        "classic_augmentation": {
            c.name: "its own, anew in each epoch" if c.augments else shift for c in kept
        },
        "few_data": "only the classifiers have few; the generator has seen all training images",
        "seeds": plan.seeds,
        "interval": "95 %, bootstrap of test groups, both arms with the same groups",
        "classifiers": {c.name: c.parameters for c in kept},
    }
    return card(comparable, {**origin(plan.seed, images), **material.facts})
