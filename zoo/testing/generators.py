"""Runs the checks of `zoo.testing.check_generator`."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.testing import CHECKS, networks, training
from zoo.testing.case import Case, as_case

FUNCTIONS: Mapping[str, Callable[[Case], None]] = {
    "record": networks.check_record,
    "networks": networks.check_networks,
    "step": training.check_step,
    "seed": training.check_seed,
    "labels": networks.check_labels,
    "save": networks.check_save,
    "resume": training.check_resume,
    "xla": training.check_xla,
    "augment": training.check_augment,
    "mask": training.check_mask,
}


def run_checks(
    generator: Any,
    image_shape: Sequence[int] | None,
    folder: str | Path | None,
    checks: Sequence[str],
    options: Mapping[str, Any],
) -> None:
    """Run the named checks in their order; `zoo.testing.check_generator` documents them."""
    if unknown := [name for name in checks if name not in CHECKS]:
        raise UsageError(f"no check {unknown[0]!r}; choose from {', '.join(CHECKS)}")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary)
        place.mkdir(parents=True, exist_ok=True)
        case = as_case(generator, image_shape, place, options)
        for name in (name for name in CHECKS if name in checks):
            try:
                FUNCTIONS[name](case)
            except Exception as error:
                error.add_note(f"zoo.testing.check_generator: {case.name}, check {name!r}")
                raise
