"""Utility and segmentation of finished runs, written into the run folder and its report."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import Interrupted
from zoo.evaluation.trained import CHOOSING, conditional, external_test, masked, per_class
from zoo.plugins import find
from zoo.recipe import locate
from zoo.runs import Run, write_json
from zoo.runs.signals import terminate_as_interrupt
from zoo.settings import has_gpu
from zoo.stored import images_of

VALIDATORS = ("resnet50", "densenet121", "efficientnetb0", "vgg16", "inceptionv3")
"""The five networks by which published studies validate generated images."""

SMALL = ("random-forest", "small-cnn")


def default_classifiers() -> tuple[str, ...]:
    """The five networks on a GPU; on a CPU two that take minutes and not hours."""
    return VALIDATORS if has_gpu() else SMALL


def utility_of(
    runs: Run | str | Path | Mapping[str, Run | str | Path],
    *,
    classifiers: Sequence[str] = (),
    data: str | None = None,
    label: str | None = None,
    external: str | None = None,
    **plan: Any,
) -> dict[str, Any]:
    """Measure what a run's images are worth as training data, and write utility.json.

    A finished training of a classifier is kept in the run folder; the same call goes on where an
    earlier one stopped.

    Args:
        runs: A conditional run or its folder, or class to its run; results go into the first.
        classifiers: Names of detectors; by default what `default_classifiers` says.
        data: Real images, by default those of the run; of one run for each class, those of the
            first without its `accept` and `reject`.
        label: The field with the classes, by default the run's.
        external: Another dataset with the same classes, all of which is a second test; it is cut
            as the real images are, and holds none that anything learns from.
        **plan: Of `zoo.evaluation.utility_plan.Plan`.

    Returns:
        What utility.json holds.

    Raises:
        zoo.errors.UsageError: If the run, the data and the plan do not fit each other.
        zoo.errors.NotComputed: If the images are too few for any number to be believed.
        zoo.errors.Interrupted: On Ctrl-C or SIGTERM; the same call goes on.
    """
    of_class: dict[str, Run] = {}
    if isinstance(runs, Mapping):
        of_class = {name: Run.open(run) for name, run in runs.items()}
        first = next(iter(of_class.values()))
    else:
        first = Run.open(runs)
    from zoo.evaluation.utility import utility
    from zoo.evaluation.utility_plan import Plan

    records = [
        find("detectors", name) for name in dict.fromkeys(classifiers or default_classifiers())
    ]
    all_runs = list(of_class.values()) or [first]
    with _written(first):
        changes: dict[str, Any] = {"data": locate(data)} if data else {}
        changes |= {"label": label} if label else {}
        if of_class:
            changes |= dict.fromkeys(CHOOSING)
            images = images_of(first, **changes)
            make, facts = per_class(of_class, images)
        else:
            images = images_of(first, **changes)
            make, facts = conditional(first, images)
        found = utility(
            images,
            make,
            records,
            Plan(**plan),
            external=external_test(locate(external), images, all_runs) if external else None,
            facts=facts,
            folder=first.utility_cells,
        )
        write_json(first.utility_path, found)
    return found


def segmentation_of(run: Run | str | Path, **plan: Any) -> dict[str, Any]:
    """Train a U-Net on real, generated and both kinds of images, and write segmentation.json.

    Args:
        run: One that was trained with `with_mask`, or its folder.
        **plan: Of `zoo.evaluation.segmentation.Plan`.

    Raises:
        zoo.errors.UsageError: If the run makes no masks.
        zoo.errors.NotComputed: If the images are too few for any number to be believed.
        zoo.errors.Interrupted: On Ctrl-C or SIGTERM; the same call goes on.
    """
    from zoo.evaluation.segmentation import Plan, segmentation

    opened = Run.open(run)
    with _written(opened):
        images = images_of(opened)
        make, facts = masked(opened, images)
        folder = opened.segmentation_cells
        found = segmentation(images, make, Plan(**plan), facts=facts, folder=folder)
        write_json(opened.segmentation_path, found)
    return found


@contextlib.contextmanager
def _written(run: Run) -> Iterator[None]:
    """Hold the run while it is measured, then rebuild its report."""
    from zoo.report import build

    with run.lock(), terminate_as_interrupt():
        try:
            yield
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted; what is finished lies in {run.path}, the same command goes on"
            ) from None
    build(run)
