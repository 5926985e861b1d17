"""Runs the checks of `zoo.testing.check_generator`."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from zoo.errors import UsageError
from zoo.testing.case import as_case
from zoo.testing.lists import GENERATOR
from zoo.testing.suite import Skipped

NAMES = tuple(check.name for check in GENERATOR)


def run_generator_checks(
    generator: Any,
    image_shape: Sequence[int] | None,
    folder: str | Path | None,
    checks: Sequence[str],
    options: Mapping[str, Any],
) -> None:
    """Run the named checks in their order; `zoo.testing.check_generator` documents them."""
    if unknown := [name for name in checks if name not in NAMES]:
        raise UsageError(f"no check {unknown[0]!r}; choose from {', '.join(NAMES)}")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary)
        place.mkdir(parents=True, exist_ok=True)
        case = as_case(generator, image_shape, place, options)
        for check in (check for check in GENERATOR if check.name in checks):
            try:
                with suppress(Skipped):
                    resolve_name(check.function)(case)
            except Exception as error:
                error.add_note(f"zoo.testing.check_generator: {case.name}, check {check.name!r}")
                raise
