"""What `zoo detect` does: with runs, with two sets of images, with one picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from zoo.data import ImageSet
from zoo.data import load as load_data
from zoo.evaluation.confound import check_files
from zoo.evaluation.detection import detect as measure
from zoo.evaluation.explained import write_heatmaps, write_spectrum
from zoo.evaluation.kept import image_facts, keep
from zoo.evaluation.panel import Panel
from zoo.evaluation.robustness import jpeg
from zoo.evaluation.transfer import Contender, across, rounds
from zoo.evaluation.trial import Material, Pool, Trial
from zoo.plugins import detectors as named
from zoo.progress import progress
from zoo.runs import Run, write_json
from zoo.specs import Detector
from zoo.stored import images_of, sampler, snapshot_samplers


@dataclass(frozen=True, kw_only=True)
class Study:
    """How detection is measured.

    Attributes:
        detectors: Records of the detectors to try.
        options: Name of a detector to options of it that are not its defaults.
        n: Images per class in training and in test at most, for table and matrices.
        n_small: The same for the 50 % controls and the curve.
        repeats: Seeds of each detector in the table.
        family: Number of detectors in all, where these are a part of them.
        seed: Of every choice.
        curve: Whether detectors are also trained against each stored snapshot.
        robust: Whether test images are also compressed, blurred and so on.
        recompress: Quality of a JPEG compression of both sides alike, or `None`.
    """

    detectors: Sequence[Detector]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    n: int = 400
    n_small: int = 150
    repeats: int = 3
    family: int | None = None
    seed: int = 0
    curve: bool = True
    robust: bool = True
    recompress: int | None = None

    @property
    def measured(self) -> dict[str, Any]:
        """The keywords of `zoo.evaluation.detection.detect`."""
        own = {"curve"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in own}

    def image_facts(self, images: ImageSet) -> dict[str, Any]:
        """How a picture must be prepared before the detectors of this study may see it."""
        return image_facts(images, recompress=self.recompress)


def detect(
    run: Run | str | Path, *, detectors: Iterable[str] = (), **settings: Any
) -> dict[str, Any]:
    """Measure detectors on a run; `zoo.detect` is this function and documents it."""
    study = Study(detectors=named(detectors), **settings)
    return detect_run(Run.open(run), study)


def detect_run(run: Run, study: Study) -> dict[str, Any]:
    """Measure the last generator of a run; write its detection, detectors, pictures and report.

    Raises:
        zoo.errors.UsageError: If the run has no trained generator.
        zoo.errors.ZooError: If another process uses the run, or its data changed since.
    """
    from zoo.gan import load_run

    run.snapshot_step()  # before the data is loaded, for there may be none
    with run.lock():
        images = images_of(run)
        facts = {"generated": run.path.resolve().name} | study.image_facts(images)
        found = measure(
            images,
            sampler(load_run(run), images),
            snapshots=snapshot_samplers(run, images) if study.curve else {},
            fitted=partial(_kept, study, run.detectors, run.samples, facts),
            **study.measured,
        )
        write_json(run.detection_path, found)
        _report(run)
    return found


def detect_across(runs: Sequence[Run], study: Study) -> dict[str, Any]:
    """Measure detectors on generators and data they were not trained on; write it into each run.

    Returns:
        `{"runs": […], "leave_one_out": […], "matrix": […], "not_computed": […]}`.
    """
    contenders = [_contender(run, study) for run in runs]
    panel = Panel(study.detectors, study.options)
    with progress("Across runs", rounds(contenders), "rounds") as advance:
        found = across(contenders, panel, n=study.n, advance=advance)
    lost = [{"name": f"detector {name}", "reason": why} for name, why in panel.failed.items()]
    found = {"runs": [c.name for c in contenders], "n": study.n, "seed": study.seed, **found}
    found["not_computed"] += lost
    for run in runs:
        with run.lock():
            write_json(run.detection_path, run.read_mapping(run.detection_path) | {"across": found})
            _report(run)
    return found


def _contender(run: Run, study: Study) -> Contender:
    from zoo.gan import load_run

    images = images_of(run)
    treat = partial(jpeg, quality=study.recompress) if study.recompress else None
    material = Material(images, sampler(load_run(run), images), study.seed, treat)
    return Contender(run.path.resolve().name, material)


def detect_sets(
    real: str, fake: str, study: Study, *, image_size: Any = None, out: Path | None = None
) -> dict[str, Any]:
    """Measure detectors on two sets of images, which are split by group alike.

    Args:
        real: Dataset of real images, such as `folder:PATH`.
        fake: Dataset of generated images.
        study: How.
        image_size: Of both; `None` for their own.
        out: Folder for detection.json, the trained detectors and the pictures.

    Raises:
        zoo.errors.ZooError: If the two went through different pipelines, so that a detector would
            learn their files instead of realism.
    """
    images, fakes = (load_data(name, image_size=image_size) for name in (real, fake))
    check_files(images, fakes, recompressed=study.recompress is not None)
    facts = {"generated": fakes.name} | study.image_facts(images)
    fitted = partial(_kept, study, out / "detectors", out, facts) if out else None
    found = measure(images, Pool(fakes), fitted=fitted, **study.measured)
    if out:
        write_json(out / "detection.json", found)
    return found


def _kept(
    study: Study,
    folder: Path,
    pictures: Path,
    facts: Mapping[str, Any],
    name: str,
    detector: Any,
    trial: Trial,
) -> None:
    """Keep a fitted detector and draw what it goes by."""
    record = next(record for record in study.detectors if record.name == name)
    keep(folder / name, record, detector, trial, facts)
    write_spectrum(trial, pictures / "spectrum.png")
    write_heatmaps(detector, trial, pictures / f"gradcam-{name}.png")


def _report(run: Run) -> None:
    from zoo.report import build

    build(run)
