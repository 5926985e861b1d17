"""The checks as cases of pytest."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo.testing.lists import Check
from zoo.testing.subjects import subject_of, subjects
from zoo.testing.suite import Subject, checks_of, run_check

NOWHERE = Path()
Case = tuple[Subject, Check]


def cases(
    plugin: Any,
    kind: str | None = None,
    checks: Iterable[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Case]:
    """What is to be checked, by names such as `generator-mygan-seed`."""
    if isinstance(plugin, str):
        found = subjects(plugin, NOWHERE, kind=kind, options=options)
    else:
        found = [subject_of(plugin, NOWHERE, options)]
    return {
        f"{subject.kind}-{subject.name}-{check.name}": (subject, check)
        for subject in found
        for check in checks_of(subject.kind, checks)
    }


def make(case: Case, folder: Path) -> None:
    """Make one check; a failure is its finding, without a traceback through zoo."""
    subject, check = case
    finding = run_check(replace(subject, folder=folder), check)
    if finding.state == "skipped":
        pytest.skip(finding.found)
    if finding.state == "failed":
        pytest.fail(str(finding), pytrace=False)
    if finding.advice:
        warnings.warn(f"{subject.name}: {finding.found}; {finding.advice}", stacklevel=1)


def as_test(
    plugin: Any,
    kind: str | None,
    checks: Iterable[str] | None,
    options: Mapping[str, Any],
) -> Callable[..., None]:
    """A parametrised test; `zoo.testing.conformance` documents it."""
    found = cases(plugin, kind, checks, options)

    @pytest.mark.parametrize("case", list(found.values()), ids=list(found))
    def test(case: Case, tmp_path: Path) -> None:
        make(case, tmp_path)

    return test
