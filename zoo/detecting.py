"""What `zoo detect` does: with runs, with two sets of images, with one picture."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from zoo.cited import note
from zoo.data import ImageSet
from zoo.data import load as load_data
from zoo.data.locking import cannot_write
from zoo.errors import NotComputed, UsageError
from zoo.evaluation.confound import check_files, in_values_of
from zoo.evaluation.detection import Detection, measure, nothing
from zoo.evaluation.explained import write_heatmaps, write_spectrum
from zoo.evaluation.kept import clear, image_facts, keep
from zoo.evaluation.measures import explain
from zoo.evaluation.panel import Panel
from zoo.evaluation.parameters import typed_options
from zoo.evaluation.robustness import jpeg
from zoo.evaluation.transfer import Contender, across, protocol, rounds
from zoo.evaluation.trial import Material, Pool
from zoo.filenames import distinct_file_name
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
        """The keywords of `zoo.evaluation.detection.measure`."""
        own = {"curve"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in own}

    def image_facts(self, images: ImageSet) -> dict[str, Any]:
        """How a picture must be prepared before the detectors of this study may see it."""
        return image_facts(images, recompress=self.recompress)


def detect(
    run: Run | str | Path, *, detectors: Iterable[str] = (), **settings: Any
) -> dict[str, Any]:
    """Measure detectors on a run; `zoo.detect` is this function and documents it."""
    records = named(detectors)
    options = typed_options(records, settings.pop("options", {}))
    return detect_run(Run.open(run), Study(detectors=records, options=options, **settings))


def detect_run(run: Run, study: Study) -> dict[str, Any]:
    """Measure the last generator of a run; write its detection, detectors, pictures and report.

    Raises:
        zoo.errors.NotComputed: If no detector has a result; the run is then left as it was.
        zoo.errors.UsageError: If the run has no trained generator.
        zoo.errors.ZooError: If another process uses the run, or its data changed since.
    """
    from zoo.gan import load_run

    run.snapshot_step()  # before the data is loaded, for there may be none
    with run.lock():
        images = images_of(run)
        measured = measure(
            images,
            sampler(load_run(run), images),
            snapshots=snapshot_samplers(run, images) if study.curve else {},
            **study.measured,
        )
        measured.check()
        facts = {"generated": run.path.resolve().name} | study.image_facts(images)
        _write(study, measured, run.detection_path, run.detectors, run.samples, facts)
        note(run, "detectors")
        _report(run)
    return measured.found


def detect_runs(runs: Iterable[Run], study: Study) -> dict[str, dict[str, Any]]:
    """What `detect_run` gives for each run, by name; one without a result says why.

    Raises:
        zoo.errors.NotComputed: If no run has a result.
    """
    found, missing = {}, []
    for name, run in distinct(runs).items():
        try:
            found[name] = detect_run(run, study)
        except NotComputed as error:
            missing.append(f"{name}: {error}")
            found[name] = nothing(str(error))
    if len(missing) == len(found):
        raise NotComputed("; ".join(missing))
    return found


def distinct(runs: Iterable[Run]) -> dict[str, Run]:
    """Each run once, by the name of its folder, or by its path where two have one name."""
    by_path = {run.path.resolve(): run for run in runs}
    counted = Counter(path.name for path in by_path)
    return {
        path.name if counted[path.name] == 1 else str(path): run for path, run in by_path.items()
    }


def detect_across(runs: Iterable[Run], study: Study) -> dict[str, Any]:
    """Measure detectors on generators and data they were not trained on; write it into each run.

    Returns:
        `{"runs": […], "leave_one_out": […], "matrix": […], "not_computed": […], "protocol": …}`.

    Raises:
        zoo.errors.UsageError: If there are fewer than two runs.
    """
    by_name = distinct(runs)
    if len(by_name) < 2:
        raise UsageError("two runs at least are needed for a matrix")
    contenders = [_contender(name, run, study) for name, run in by_name.items()]
    panel = Panel(study.detectors, study.options)
    with progress("Across runs", rounds(contenders), "rounds") as advance:
        found = across(contenders, panel, n=study.n, advance=advance)
    lost = [{"name": f"detector {name}", "reason": why} for name, why in panel.failed.items()]
    found["not_computed"] += lost
    card = protocol(contenders, panel, n=study.n, recompress=study.recompress)
    found = {"runs": list(by_name), "n": study.n, "seed": study.seed, **found, "protocol": card}
    for run in by_name.values():
        with run.lock():
            own = run.read_mapping(run.detection_path) or nothing("no detector has a result")
            write_json(run.detection_path, own | {"across": found})
            _report(run)
    return found


def _contender(name: str, run: Run, study: Study) -> Contender:
    from zoo.gan import load_run

    images = images_of(run)
    treat = partial(jpeg, quality=study.recompress) if study.recompress else None
    material = Material(images, sampler(load_run(run), images), study.seed, treat)
    valid = bool(run.read_mapping(run.detection_path).get("valid"))
    return Contender(name, material, valid)


def detect_sets(
    real: str, fake: str, study: Study, *, image_size: Any = None, out: Path | None = None
) -> dict[str, Any]:
    """Measure detectors on two sets of images, which are split by group alike.

    Args:
        real: Dataset of real images, such as `folder:PATH`.
        fake: Dataset of generated images, whose values are mapped as those of the real ones.
        study: How.
        image_size: Of both; `None` for their own.
        out: Folder for detection.json, the trained detectors and the pictures.

    Raises:
        zoo.errors.NotComputed: If no detector has a result; nothing is written then.
        zoo.errors.ZooError: If the two went through different pipelines, so that a detector would
            learn their files instead of realism.
    """
    images, fakes = (load_data(name, image_size=image_size) for name in (real, fake))
    fakes = in_values_of(images, fakes)
    check_files(images, fakes, recompressed=study.recompress is not None)
    measured = measure(images, Pool(fakes), **study.measured)
    measured.check()
    if out:
        facts = {"generated": fakes.name} | study.image_facts(images)
        _write(study, measured, out / "detection.json", out / "detectors", out, facts)
    return measured.found


def _write(
    study: Study,
    measured: Detection,
    table: Path,
    folder: Path,
    pictures: Path,
    facts: Mapping[str, Any],
) -> None:
    """Write the table, then detectors and pictures, those of an earlier table being gone first."""
    with cannot_write(table.parent):
        clear(folder)
        for old in (*pictures.glob("gradcam-*.png"), pictures / "spectrum.png"):
            old.unlink(missing_ok=True)
    write_json(table, measured.found)
    trial = measured.trial
    assert trial is not None  # there is a result
    facts = {**facts, **{key: measured.found[key] for key in ("valid", "reasons")}}
    records = {record.name: record for record in study.detectors}
    _try("the spectrum", "drawn", partial(write_spectrum, trial, pictures / "spectrum.png"))
    for name, detector in measured.fitted.items():
        own = distinct_file_name(name)
        _try(name, "kept", partial(keep, folder / own, records[name], detector, trial, facts))
        path = pictures / f"gradcam-{own}.png"
        _try(f"what {name} sees", "drawn", partial(write_heatmaps, detector, trial, path))


def _try(what: str, verb: str, action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception as error:  # someone else's detector may raise anything
        print(f"warning: {what} is not {verb}: {explain(error)}", file=sys.stderr)


def _report(run: Run) -> None:
    from zoo.report import build

    build(run)
