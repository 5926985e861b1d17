"""Requirements such as `zoo>=0.1,<0.2`, read without importing what they ask for."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*\(?([^;()]*)\)?\s*(;.*)?")
CLAUSE = re.compile(r"\s*(===|~=|[<>=!]=|[<>])\s*([\w.+!*-]+)\s*")
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def split(requirement: str) -> tuple[str, str, str]:
    """Name, version clauses and marker of a requirement; empty where it has none.

    Args:
        requirement: Such as `zoo[gpu] >=0.1,<0.2 ; python_version > "3.11"`.
    """
    found = REQUIREMENT.match(requirement)
    name, clauses, marker = found.groups() if found else ("", "", "")
    return normal(name), "".join(clauses.split()), (marker or "").lstrip("; ")


def normal(name: str) -> str:
    """A distribution's name as it is compared: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def meets(version: str, clauses: str) -> bool:
    """Whether a version is in a range such as `>=0.1,<0.2`.

    Only release numbers are compared: `0.2rc1` and `0.2` are the same. A clause that is none,
    such as an address, is left to pip.
    """
    return all(
        _meets(version, found[1], found[2])
        for clause in clauses.split(",")
        if (found := CLAUSE.fullmatch(clause))
    )


def missing(requirements: Iterable[str]) -> list[str]:
    """Those of the requirements that no installed distribution meets."""
    return [requirement for requirement in requirements if not _is_met(requirement)]


def pip_line(requirements: Iterable[str]) -> str:
    """The command that installs them."""
    return " ".join(["pip install", *(f"'{requirement}'" for requirement in requirements)])


def _is_met(requirement: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    name, clauses, _ = split(requirement)
    try:
        return meets(version(name), clauses)
    except PackageNotFoundError:
        return False


def _meets(version: str, sign: str, wanted: str) -> bool:
    if sign == "===":
        return version == wanted
    if sign == "~=":
        return _meets(version, ">=", wanted) and _meets(
            version, "==", wanted.rpartition(".")[0] + ".*"
        )
    length = len([*_numbers(wanted)]) if wanted.endswith(".*") else None
    pairs = zip_longest([*_numbers(version)][:length], _numbers(wanted), fillvalue=0)
    first = next(((a, b) for a, b in pairs if a != b), (0, 0))
    return OPERATORS[sign](*first)


def _numbers(version: str) -> Iterator[int]:
    found = re.match(r"v?\d+(\.\d+)*", version)
    return map(int, found[0].lstrip("v").split(".")) if found else iter(())
