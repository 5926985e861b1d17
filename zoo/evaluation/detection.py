"""Can a detector tell generated from real images? A table, its controls and a curve."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.controls import SEEDS, Build, Control, chance, noise_trial, power
from zoo.evaluation.groups import group_interval
from zoo.evaluation.trial import GENERATED, Examples, Material, Sample, Trial, shared_groups
from zoo.progress import progress
from zoo.specs import Detector

FAMILY_ALPHA = 0.01
CONTROL_FITS = 2 * len(SEEDS) + 1

T = TypeVar("T")
Row = dict[str, Any]


class Panel:
    """The detectors of one study; one that raises leaves it, the others go on.

    Attributes:
        builds: Name to `build(seed)`, of the detectors that have not failed.
        failed: Name to what it raised.
        seconds: Name to the time it took.
        options: Name to its parameters, where it states them.
    """

    def __init__(self, records: Sequence[Detector]) -> None:
        self.builds: dict[str, Build] = {}
        self.failed: dict[str, str] = {}
        self.seconds = {record.name: 0.0 for record in records}
        self.options: dict[str, Any] = {}
        for record in records:
            self._attempt(record.name, partial(self._add, record))

    def _add(self, record: Detector) -> None:
        target = record.load()
        self.builds[record.name] = lambda seed: target(seed=seed)
        self.options[record.name] = getattr(target(seed=0), "get_params", dict)()

    def each(self, measure: Callable[[str, Build], T]) -> dict[str, T]:
        """What `measure(name, build)` gives for every detector that has not failed."""
        results = {}
        for name, build in list(self.builds.items()):
            result = self._attempt(name, partial(measure, name, build))
            if result is not None:
                results[name] = result
        return results

    def _attempt(self, name: str, action: Callable[[], T]) -> T | None:
        start = time.perf_counter()
        try:
            return action()
        except Exception as error:  # someone else's detector may raise anything
            self.failed[name] = " ".join(f"{type(error).__name__}: {error}".split())
            self.builds.pop(name, None)
            return None
        finally:
            self.seconds[name] += time.perf_counter() - start


def detect(
    images: ImageSet,
    sample: Sample,
    *,
    detectors: Sequence[Detector],
    snapshots: Mapping[int, Sample] | None = None,
    seed: int = 0,
    n: int = 400,
    n_small: int = 150,
    repeats: int = 3,
) -> dict[str, Any]:
    """Train detectors on `detect_train`, tune on `validation`, measure once on `test`.

    Args:
        images: Real images with their splits.
        sample: `sample(n, seed)`, images of the finished generator.
        detectors: Records of the detectors to try.
        snapshots: Training step to the `sample` of the generator at that step.
        seed: Of every choice; the detectors' own seeds are 0, 1, …
        n: Images per class in training and in test at most, for the table.
        n_small: The same for the 50 % controls and the curve, which need many fits.
        repeats: Seeds of each detector in the table; each learns from other fakes.

    Returns:
        What detection.json holds. `valid` is false when a control failed, and `reasons` says
        which and what that means.
    """
    snapshots = snapshots or {}
    material = Material(images, sample, seed)
    try:
        material.check()
    except NotComputed as error:
        return _nothing(str(error))
    if not detectors:
        return _nothing("no detectors are installed")
    panel = Panel(detectors)
    alpha = FAMILY_ALPHA / len(detectors)
    with progress("Detecting", repeats + CONTROL_FITS + len(snapshots), "rounds") as advance:
        table = _table(panel, material, n, repeats, advance)
        controls = _controls(panel, _control_trials(material, n, n_small), alpha, advance)
        curve = _curve(panel, material, snapshots, n_small, advance)
    found = _assemble(panel, table, controls, curve, shared_groups(images))
    settings = {"n": n, "n_small": n_small, "repeats": repeats, "alpha": alpha}
    return found | {"protocol": _protocol(panel, material, settings)}


def _table(
    panel: Panel, material: Material, n: int, repeats: int, advance: Callable[[float], None]
) -> dict[str, Row]:
    answers: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in panel.builds}
    for repetition in range(repeats):
        trial = material.trial(n, repetition=repetition)
        for name, given in panel.each(_asking(trial, repetition)).items():
            answers[name].append(given)
        advance(1)
    return {name: _row(name, np.stack(answers[name]), trial.test) for name in panel.builds}


def _control_trials(material: Material, n: int, n_small: int) -> dict[str, Trial]:
    return {
        "real_vs_real": material.real_trial(n_small),
        "real_vs_noise": noise_trial(material, n),
        "shuffled_labels": material.trial(n_small),
    }


def _controls(
    panel: Panel, trials: Mapping[str, Trial], alpha: float, advance: Callable[[float], None]
) -> list[Control]:
    found: list[Control] = []
    for kind, trial in trials.items():

        def measure(name: str, build: Build, kind: str = kind, trial: Trial = trial) -> Control:
            if kind == "real_vs_noise":
                return power(name, build, trial)
            return chance(name, kind, build, trial, alpha=alpha)

        found.extend(panel.each(measure).values())
        advance(1 if kind == "real_vs_noise" else len(SEEDS))
    return found


def _curve(
    panel: Panel,
    material: Material,
    snapshots: Mapping[int, Sample],
    n: int,
    advance: Callable[[float], None],
) -> list[Row]:
    rows = []
    for step, sample in sorted(snapshots.items()):
        trial = material.trial(n, sample=sample)
        for name, answers in panel.each(_asking(trial, 0)).items():
            accuracy = float(np.mean((answers >= 0.5) == trial.test.labels))
            rows.append({"step": step, "detector": name, "accuracy": accuracy})
        advance(1)
    return rows


def _asking(trial: Trial, seed: int) -> Callable[[str, Build], npt.NDArray[np.float64]]:
    return lambda name, build: trial.probabilities(build(seed))


def _row(name: str, answers: npt.NDArray[np.float64], test: Examples) -> Row:
    """One line of the table from (seeds, n) probabilities of being generated."""
    from sklearn.metrics import confusion_matrix, roc_auc_score

    said = (answers >= 0.5).astype(np.int64)
    right = said == test.labels
    truth = np.tile(test.labels, len(answers))
    confusion = confusion_matrix(truth, said.ravel(), labels=[0, GENERATED])
    _, false_positives, false_negatives, hits = confusion.ravel().tolist()
    per_seed = right.mean(axis=1)
    return {
        "name": name,
        "accuracy": float(right.mean()),
        "precision": _share(hits, hits + false_positives),
        "recall": _share(hits, hits + false_negatives),
        "f1": _share(2 * hits, 2 * hits + false_positives + false_negatives),
        "auroc": float(np.mean([roc_auc_score(test.labels, row) for row in answers])),
        "confusion": confusion.tolist(),
        "interval": list(group_interval(right.mean(axis=0), test.groups, test.labels)),
        "sd": float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
        "n": len(test),
        "n_groups": len(np.unique(test.groups)),
        "n_groups_real": len(np.unique(test.groups[test.labels != GENERATED])),
        "seeds": len(answers),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _assemble(
    panel: Panel, table: Mapping[str, Row], controls: list[Control], curve: list[Row], shared: int
) -> dict[str, Any]:
    kept = [control for control in controls if control.detector in panel.builds]
    rows = [row for row in curve if row["detector"] in panel.builds]
    reasons = [control.complaint for control in kept if not control.passed]
    if shared:
        reasons.append(f"{shared} groups are in more than one of the parts that detection uses")
    trend, missing = _trend(rows)
    missing += [{"name": f"detector {name}", "reason": why} for name, why in panel.failed.items()]
    return {
        "detectors": [table[name] for name in panel.builds],
        "controls": [control.as_dict() for control in kept],
        "valid": bool(kept) and not reasons,
        "reasons": reasons,
        "curve": rows,
        "trend": trend,
        "not_computed": missing,
    }


def _trend(curve: list[Row]) -> tuple[list[Row], list[dict[str, str]]]:
    """Spearman's ρ between step and accuracy, where there is one, and why there is none."""
    from scipy.stats import spearmanr

    trend, missing = [], []
    for name in dict.fromkeys(row["detector"] for row in curve):
        steps, accuracies = zip(
            *((row["step"], row["accuracy"]) for row in curve if row["detector"] == name),
            strict=True,
        )
        if len(steps) < 3:
            missing.append({"name": f"trend of {name}", "reason": "fewer than three snapshots"})
        elif len(set(accuracies)) == 1:
            reason = f"accuracy is {accuracies[0]:.1%} at every snapshot"
            missing.append({"name": f"trend of {name}", "reason": reason})
        else:
            rho, p = spearmanr(steps, accuracies)
            trend.append({"detector": name, "spearman_rho": float(rho), "p_value": float(p)})
    return trend, missing


def _protocol(panel: Panel, material: Material, settings: Mapping[str, Any]) -> dict[str, Any]:
    comparable = {
        **data_facts(material.images),
        "split": "by group: detect_train to train, validation to tune, test to measure once",
        "balance": "1:1, fakes neither chosen nor truncated",
        "latents": "disjoint seeds for training, validation and test",
        "images_per_class": settings["n"],
        "images_per_class_chance_controls_and_curve": settings["n_small"],
        "seeds": settings["repeats"],
        "seeds_controls": len(SEEDS),
        "confusion": "answers of all seeds together",
        "interval": "95 %, bootstrap of groups; each generated image is a group",
        "chance_controls": "labels given to groups at random, compared with all other labellings",
        "alpha_controls": settings["alpha"],
        "detectors": panel.options,
    }
    seconds = {name: round(value, 1) for name, value in panel.seconds.items()}
    return card(comparable, {**origin(material.seed, material.images), "seconds": seconds})


def _nothing(reason: str) -> dict[str, Any]:
    lists = ("detectors", "controls", "reasons", "curve", "trend")
    return {
        **{name: [] for name in lists},
        "valid": False,
        "not_computed": [{"name": "detection", "reason": reason}],
        "protocol": {"comparable": {}, "provenance": {}},
    }
