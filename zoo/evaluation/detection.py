"""Can a detector tell generated from real images? A table, its controls and a curve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed
from zoo.evaluation.answers import Row, accuracy, row, trend
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.confound import warn_of_loss
from zoo.evaluation.controls import SEEDS, Build, Control, chance, noise_trial, power
from zoo.evaluation.encoding import encoding_of
from zoo.evaluation.panel import Panel
from zoo.evaluation.robustness import UNITS, jpeg, robustness
from zoo.evaluation.spectrum import spectra
from zoo.evaluation.trial import Material, Pool, Sample, Trial, probabilities, shared_groups
from zoo.progress import progress
from zoo.specs import Detector

FAMILY_ALPHA = 0.01
CONTROL_FITS = 2 * len(SEEDS) + 1


@dataclass(frozen=True)
class Detection:
    """What was measured, and with which detectors.

    Attributes:
        found: What detection.json holds. `valid` is false when a control failed, and `reasons`
            says which and what that means.
        trial: From which the detectors of the first seed learnt; `None` if there was none.
        fitted: Name to detector of the first seed, fitted, of those in the table.
    """

    found: dict[str, Any]
    trial: Trial | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `NotComputed`, with the reason of each, if no detector has a result."""
        if not self.found["detectors"]:
            reasons = (f"{item['name']}: {item['reason']}" for item in self.found["not_computed"])
            raise NotComputed(f"no detector has a result; {'; '.join(reasons)}")


def detect(images: ImageSet, sample: Sample | Pool, **settings: Any) -> dict[str, Any]:
    """What detection.json holds; `measure` documents the settings."""
    return measure(images, sample, **settings).found


def measure(
    images: ImageSet,
    sample: Sample | Pool,
    *,
    detectors: Sequence[Detector],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    snapshots: Mapping[int, Sample] | None = None,
    seed: int = 0,
    n: int = 400,
    n_small: int = 150,
    repeats: int = 3,
    family: int | None = None,
    robust: bool = False,
    recompress: int | None = None,
) -> Detection:
    """Train detectors on `detect_train`, tune on `validation`, measure once on `test`.

    Args:
        images: Real images with their splits.
        sample: `sample(n, seed)`, images of the finished generator; or a pool of images.
        detectors: Records of the detectors to try.
        options: Name of a detector to options of it that are not its defaults.
        snapshots: Training step to the `sample` of the generator at that step.
        seed: Of every choice; the detectors' own seeds are 0, 1, …
        n: Images per class in training and in test at most, for the table.
        n_small: The same for the 50 % controls and the curve, which need many fits.
        repeats: Seeds of each detector in the table; each learns from other fakes.
        family: Number of detectors that are measured in all, over which the controls' α is
            divided, where not all of them are measured here.
        robust: Whether the test images are also compressed, blurred and so on.
        recompress: Quality, 1 to 95, of a JPEG compression of real and generated images alike,
            so that no detector learns one that only one side has been through.
    """
    snapshots = snapshots or {}
    treat = partial(jpeg, quality=recompress) if recompress else None
    material = Material(images, sample, seed, treat)
    try:
        material.check()
    except NotComputed as error:
        return Detection(nothing(str(error)))
    if not detectors:
        return Detection(nothing("no detectors are installed"))
    if not (recompress or isinstance(sample, Pool)):
        warn_of_loss(images)
    panel = Panel(detectors, options)
    alpha = FAMILY_ALPHA / (family or len(detectors))
    with progress("Detecting", repeats + CONTROL_FITS + len(snapshots), "rounds") as advance:
        first = material.trial(n)
        fitted: dict[str, Any] = {}
        table = _table(panel, material, first, fitted, n, repeats, advance)
        changes = robustness(panel, fitted, first.test) if robust else []
        controls = _controls(panel, _control_trials(material, n, n_small), alpha, advance)
        curve = _curve(panel, material, snapshots, n_small, advance)
    found = _assemble(panel, table, controls, curve, _shared(material))
    found["robustness"] = [r for r in changes if r["detector"] in panel.builds]
    found["spectrum"] = spectra(first.test)
    settings: dict[str, Any] = {"n": n, "n_small": n_small, "repeats": repeats, "alpha": alpha}
    settings["recompressed"] = f"JPEG, quality {recompress}" if recompress else None
    found["protocol"] = _protocol(panel, material, settings)
    return Detection(found, first, {name: fitted[name] for name in panel.builds})


def _table(
    panel: Panel,
    material: Material,
    first: Trial,
    fitted: dict[str, Any],
    n: int,
    repeats: int,
    advance: Callable[[float], None],
) -> dict[str, Row]:
    """A row for each detector; those of the first seed are put into `fitted`."""
    answers: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in panel.builds}
    for repetition in range(repeats):
        trial = material.trial(n, repetition=repetition) if repetition else first
        asking = _asking(trial, repetition, None if repetition else fitted)
        for name, given in panel.each(asking).items():
            answers[name].append(given)
        advance(1)
    return {
        name: {"name": name, **row(np.stack(answers[name]), first.test)} for name in panel.builds
    }


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
            value = accuracy(answers, trial.test.labels)
            rows.append({"step": step, "detector": name, "accuracy": value})
        advance(1)
    return rows


def _asking(
    trial: Trial, seed: int, fitted: dict[str, Any] | None = None
) -> Callable[[str, Build], npt.NDArray[np.float64]]:
    def ask(name: str, build: Build) -> npt.NDArray[np.float64]:
        detector = trial.fit(build(seed))
        if fitted is not None:
            fitted[name] = detector
        return probabilities(detector, trial.test.images)

    return ask


def _shared(material: Material) -> int:
    """Groups on more than one side, of the real images and of a pool of generated ones."""
    shared = shared_groups(material.images)
    if isinstance(material.sample, Pool):
        shared += shared_groups(material.sample.images)
    return shared


def _assemble(
    panel: Panel, table: Mapping[str, Row], controls: list[Control], curve: list[Row], shared: int
) -> dict[str, Any]:
    kept = [control for control in controls if control.detector in panel.builds]
    rows = [row for row in curve if row["detector"] in panel.builds]
    reasons = [control.complaint for control in kept if not control.passed]
    if shared:
        reasons.append(f"{shared} groups are in more than one of the parts that detection uses")
    trends, missing = trend(rows)
    missing += [{"name": f"detector {name}", "reason": why} for name, why in panel.failed.items()]
    return {
        "detectors": [table[name] for name in panel.builds],
        "controls": [control.as_dict() for control in kept],
        "valid": bool(kept) and not reasons,
        "reasons": reasons,
        "curve": rows,
        "trend": trends,
        "not_computed": missing,
    }


def _protocol(panel: Panel, material: Material, settings: Mapping[str, Any]) -> dict[str, Any]:
    pool = material.sample.images if isinstance(material.sample, Pool) else None
    comparable = {
        **data_facts(material.images),
        "split": "by group: detect_train to train, validation to tune, test to measure once",
        "encoding": {
            "real": encoding_of(material.images),
            "generated": encoding_of(pool) if pool else "never encoded",
        },
        "recompressed": settings["recompressed"],
        "balance": "1:1, fakes neither chosen nor truncated",
        "latents": "disjoint seeds for training, validation and test",
        "images_per_class": settings["n"],
        "images_per_class_chance_controls_and_curve": settings["n_small"],
        "seeds": settings["repeats"],
        "seeds_controls": len(SEEDS),
        "confusion": "answers of all seeds together",
        "interval": "95 %, bootstrap of groups; each generated image is a group",
        "chance_controls": "labels given to groups at random, compared with all other labellings",
        "robustness": {"trained_on": "unchanged images, first seed", **UNITS},
        "detectors": panel.options,
    }
    if pool is not None:
        comparable |= {
            "generated": pool.name,
            "generated_fingerprint": pool.fingerprint,
            "latents": "not known; the generated images are split by group as the real ones are",
            "interval": "95 %, bootstrap of groups, of generated images too",
        }
    seconds = {name: round(value, 1) for name, value in panel.seconds.items()}
    provenance = {**origin(material.seed, material.images), "seconds": seconds}
    return card(comparable, {**provenance, "alpha_controls": settings["alpha"]})


def nothing(reason: str) -> dict[str, Any]:
    """What detection.json holds where no detector could be measured."""
    lists = ("detectors", "controls", "reasons", "curve", "trend", "robustness")
    return {
        **{name: [] for name in lists},
        "valid": False,
        "not_computed": [{"name": "detection", "reason": reason}],
        "protocol": {"comparable": {}, "provenance": {}},
    }
