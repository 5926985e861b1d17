"""Checks of an experiment tracker."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from zoo.runs import Run
from zoo.testing.suite import Subject

METHODS = ("run_started", "logged", "run_ended")
ENDS = ("finished", "interrupted", "failed")


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
        """All that a tracker is told of a run."""
        tracker = self.record.load()()
        tracker.run_started(run)
        for step in (1, 2):
            tracker.logged(step, {"d_loss": 0.7, "g_loss": 0.7 / step})
        run.update_manifest(status=end)
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
    """A run that ends in each way is followed."""
    for end in ENDS:
        try:
            case.follow(case.run(), end)
        except Exception as error:
            raise AssertionError(
                f"a run that is {end} raises {type(error).__name__}: {error}; take any step, any "
                "names of values, and any of the statuses finished, interrupted and failed"
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
    plain.update_manifest(status="finished")
    assert run.recipe == plain.recipe, "it changes recipe.yaml; write files of its own"
    assert run.manifest == plain.manifest, "it changes manifest.json; write files of its own"
