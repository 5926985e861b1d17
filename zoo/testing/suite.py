"""The checks that a plugin's records must pass: one list, for `zoo check`, pytest and our tests.

A check is a function that raises `AssertionError`, whose message says what was found and, after a
semicolon, what to do; or it returns nothing, or a `Note` of what there is to tell.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from zoo.errors import UsageError
from zoo.testing.lists import SHARED, SUITES, Check

FIRST = "loads"  # the check without which no other can be made


class Skipped(Exception):
    """A check that does not apply to a record; the message says why."""


@dataclass(frozen=True)
class Note:
    """What a check that passed returns where there is something to tell.

    Attributes:
        text: What was found.
        warning: What is doubtful about it; empty if nothing is.
    """

    text: str
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A record under test.

    Attributes:
        kind: Such as `generator`.
        record: What a hook returned.
        name: As it is typed: for a dataset with a scheme, with its argument.
        module: The module that the plugin's entry point names; empty if that is not known.
        folder: Where checks may write.
        options: Of the object, such as `{"width": 4}`.
    """

    kind: str
    record: Any
    name: str
    folder: Path
    module: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What a check gave.

    Attributes:
        kind: Such as `generator`.
        name: The record's.
        check: The check's name.
        state: `passed`, `failed` or `skipped`.
        expected: What the check asks for.
        found: What was found instead, or why the check does not apply; of one that passed what
            there is to tell.
        advice: What to do; of one that passed what is doubtful.
        seconds: How long it took.
    """

    kind: str
    name: str
    check: str
    state: str
    expected: str
    found: str = ""
    advice: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        text = f"{self.kind} {self.name}, check {self.check}: expected {self.expected}"
        return "\n".join(
            [text, *(f"  {k}: {v}" for k, v in (("found", self.found), ("do", self.advice)) if v)]
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {"seconds": round(self.seconds, 2)}


def checks_of(kind: str, names: Iterable[str] | None = None, *, core: bool = False) -> list[Check]:
    """The checks of a kind, in their order.

    Args:
        kind: Such as `generator`.
        names: Only these.
        core: Only those that take seconds.

    Raises:
        zoo.errors.UsageError: If there is no such kind or check.
    """
    from zoo.plugins import unknown

    if kind not in SUITES:
        raise unknown("kind", kind, SUITES)
    found = [*SHARED, *SUITES[kind].checks]
    if names is not None:
        wanted = list(names)
        if strange := [name for name in wanted if name not in {check.name for check in found}]:
            known = ", ".join(check.name for check in found)
            raise UsageError(f"no check {strange[0]!r}; choose from {known}")
        found = [check for check in found if check.name in wanted]
    return [check for check in found if check.core or not core]


def run_checks(subject: Subject, checks: Sequence[Check]) -> Iterator[Finding]:
    """What each check finds; after one without which the others cannot be made, no more."""
    prepare = Once(lambda: resolve_name(SUITES[subject.kind].case)(subject))
    for check in checks:
        finding = run_check(subject, check, prepare)
        yield finding
        unprepared = check not in SHARED and not prepare.made
        if finding.state == "failed" and (check.name == FIRST or unprepared):
            return


def run_check(subject: Subject, check: Check, prepare: Callable[[], Any] | None = None) -> Finding:
    """What one check finds; whatever a plugin raises or prints is kept from the caller.

    Args:
        subject: What is checked.
        check: One of `checks_of`.
        prepare: Gives the case that the kind's checks take; by default it is made anew.
    """
    start = time.perf_counter()
    state, found, advice = "passed", "", ""
    try:
        import sys

        with redirect_stdout(sys.stderr):
            function = resolve_name(check.function)
            if check in SHARED:
                told = function(subject)
            else:
                case = prepare() if prepare else resolve_name(SUITES[subject.kind].case)(subject)
                told = function(case)
        if isinstance(told, Note):
            found, advice = told.text, told.warning
    except Skipped as reason:
        state, found = "skipped", str(reason)
    except AssertionError as error:
        state = "failed"
        found, advice = said(error)
    except Exception as error:  # someone else's code may raise anything
        state, found = "failed", f"{type(error).__name__}: {one_line(error)}{place(error)}"
    return Finding(
        subject.kind,
        subject.name,
        check.name,
        state,
        check.expects,
        found,
        advice if advice or state != "failed" else check.advice,
        time.perf_counter() - start,
    )


def said(error: AssertionError) -> tuple[str, str]:
    """What was found and what to do, of a check's message."""
    message = str(error).partition("\nassert ")[0]  # pytest adds the values that were compared
    found, _, advice = " ".join(message.split()).partition("; ")
    return found or "a failed assertion", advice


def one_line(error: Exception) -> str:
    """An exception's message without line breaks."""
    return " ".join(str(error).split())


def place(error: BaseException) -> str:
    """Where it was raised: the last line of code that is neither ours nor a library's."""
    import sysconfig
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    others = ("site-packages", "/zoo/", sysconfig.get_path("stdlib"))
    own = [f for f in frames if not any(place in f.filename for place in others)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


class Once:
    """A function that makes its value when it is first called.

    Args:
        make: Gives the value.

    Attributes:
        made: The value alone, or nothing yet.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.made: tuple[Any, ...] = ()

    def __call__(self) -> Any:
        """The value."""
        if not self.made:
            self.made = (self._make(),)
        return self.made[0]
