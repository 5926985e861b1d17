"""`zoo check`: does a plugin keep the contract?"""

import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.errors import UsageError
from zoo.testing.lists import SUITES
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete, pairs_option

if TYPE_CHECKING:
    from zoo.testing.suite import Finding, Subject

MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}


@click.command()
@click.argument("name", shell_complete=complete(*(f"{kind}s" for kind in SUITES)))
@click.option("--kind", type=click.Choice([*SUITES]), help="Only what is of this kind.")
@click.option("--only", "names", metavar="CHECK", multiple=True, help="Make this check only.")
@click.option("--quick", is_flag=True, help="Leave out the checks of a generator that take long.")
@pairs_option("what is checked")
@json_option
def command(
    name: str,
    kind: str | None,
    names: tuple[str, ...],
    quick: bool,
    pairs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check the plugin NAME: a record as `zoo list` shows it, or a package such as zoo-mygan.

    Each check is a line: ✓ it passed, ✗ what was found and what to do, – it does not apply.
    Networks are made small unless -o sets their width. Exits with 1 if a check failed.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        from zoo.testing.subjects import subjects

        found = subjects(name, Path(folder), kind=kind, options=dict(map(_pair, pairs)))
        findings = []
        for subject in found:
            _prepare(subject)
            _check_use(subject)
            for finding in _findings(subject, names, quick):
                findings.append(finding)
                if not as_json:
                    _print(finding)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        _print_total(findings)
    sys.exit(any(finding.state == "failed" for finding in findings))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"-o {text}: expected KEY=VALUE")
    return key, value


def _prepare(subject: "Subject") -> None:
    """Quiet frameworks, and the CPU: only there are equal seeds equal bits."""
    from zoo.device import QUIET, configure

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # many small networks are traced
    if subject.kind == "generator" or getattr(subject.record, "framework", "") == "keras":
        configure("cpu")


def _check_use(subject: "Subject") -> None:
    """A wrong path is told once, and not by every check."""
    if subject.kind == "dataset":
        from zoo.testing.datasets import check_use

        check_use(subject)


def _findings(subject: "Subject", names: tuple[str, ...], quick: bool) -> Iterator["Finding"]:
    from zoo.testing.suite import checks_of, run_checks

    checks = checks_of(subject.kind, names or None, core=quick)
    _tell(f"{subject.kind} {subject.name}: {len(checks)} checks …")
    for finding in run_checks(subject, checks):
        _tell("")
        yield finding
        _tell(f"{finding.check} took {finding.seconds:.0f} s …")
    _tell("")


def _tell(text: str) -> None:
    """Progress, only where it can be written over."""
    from zoo.progress import moves

    if moves():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _print(finding: "Finding") -> None:
    head = f"{MARKS[finding.state]} {finding.kind} {finding.name}  {finding.check}"
    if finding.state == "skipped":
        click.echo(f"{head}: does not apply: {finding.found}")
        return
    found, advice = finding.found, finding.advice
    if finding.state == "passed":
        click.echo(f"{head}: {finding.expected}{f' ({found})' if found else ''}")
        told = [("warning", advice)]
    else:
        click.echo(f"{head}: {finding.expected}")
        told = [("found", found), ("do", advice)]
    for label, text in told:
        if text:
            click.echo(f"    {label}: {text}")


def _print_total(findings: list["Finding"]) -> None:
    states = Counter(finding.state for finding in findings)
    click.echo(
        f"{states['passed']} passed, {states['failed']} failed, {states['skipped']} do not apply"
    )
