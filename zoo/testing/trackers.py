"""Checks of an experiment tracker."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from zoo.runs import Run, write_bytes, write_json, write_text
from zoo.testing.suite import Subject

METHODS = ("run_started", "logged", "run_ended")
ENDS = ("finished", "interrupted", "failed")
SCORES = {"metrics": [{"name": "swd[class=A]", "value": 0.5}], "not_computed": []}
# The smallest PNG: one grey pixel.
GRID = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6368000000820081dd436af40000000049454e44ae426082"
)


class TrackerCase:
    """A tracker under test.

    Args:
        subject: The record.
    """

    def __init__(self, subject: Subject) -> None:
        self.record, self.folder = subject.record, subject.folder

    def run(self) -> Run:
        """A run that has just begun."""
        run = Run.create(Path(self.folder) / "runs", "dcgan", "bbbc/simulated")
        run.write_recipe({"generator": "dcgan", "data": "bbbc/simulated", "settings": {"seed": 0}})
        run.update_manifest(status="running", image_shape=[32, 32, 1])
        return run

    def follow(self, run: Run, end: str) -> None:
        """All that a tracker is told of a run, while the run writes what trackers may look at."""
        tracker = self.record.load()()
        tracker.run_started(run)
        for step in (1, 2):
            values = {"d_loss": 0.7, "g_loss": 0.7 / step, "kimg": 0.01 * step}
            run.log_metrics(step, values)
            tracker.logged(step, values)
            write_bytes(run.sample_path(step), GRID)
        if end == "finished":
            write_json(run.evaluation_path, SCORES)
            write_text(run.card_path, "# Model card\n")
            write_text(run.report_path, "<html></html>\n")
        run.update_manifest(status=end, step=2)
        tracker.run_ended(run, end)


def check_contract(case: TrackerCase) -> None:
    """It is made without arguments and has three methods."""
    try:
        tracker: Any = case.record.load()()
    except TypeError as error:
        raise AssertionError(
            f"it cannot be made without arguments: {error}; read settings from the environment"
        ) from error
    lacking = [name for name in METHODS if not callable(getattr(tracker, name, None))]
    assert not lacking, f"no method {' and '.join(lacking)}; write it, if only with pass"


def check_follows(case: TrackerCase) -> None:
    """A run that ends in each way is followed, and so is one that is resumed."""
    runs = {end: case.run() for end in ENDS}
    for what, end in [*zip(ENDS, ENDS, strict=True), ("resumed", "finished")]:
        try:
            case.follow(runs["interrupted" if what == "resumed" else what], end)
        except Exception as error:
            raise AssertionError(
                f"a run that is {what} raises {type(error).__name__}: {error}; take any step, also "
                "one told before, any names of values, and any of the statuses finished, "
                "interrupted and failed"
            ) from error


def check_silent(case: TrackerCase) -> None:
    """Nothing is printed where answers are."""
    with redirect_stdout(io.StringIO()) as printed:
        case.follow(case.run(), "finished")
    text = printed.getvalue().strip()
    first = text.splitlines()[0] if text else ""
    assert not text, f"it prints {first!r} on stdout; print to sys.stderr"


def check_input(case: TrackerCase) -> None:
    """Recipe and manifest are the run's, not the tracker's."""
    run, plain = case.run(), case.run()
    case.follow(run, "finished")
    plain.update_manifest(status="finished", step=2)
    assert run.recipe == plain.recipe, "it changes recipe.yaml; write files of its own"
    assert run.manifest == plain.manifest, "it changes manifest.json; write files of its own"
