"""Conditions under which a measuring command fails, such as `near_share>0.05`."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from zoo.errors import UsageError
from zoo.plugins import unknown

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
GRAMMAR = re.compile(r"\s*([\w-]+)\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True)
class Threshold:
    """A condition on one measured number.

    Attributes:
        name: Of the number.
        sign: `>`, `>=`, `<` or `<=`.
        limit: What it is compared with.
    """

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.limit:g}"

    def met(self, value: float) -> bool:
        """Whether a value fulfils the condition."""
        return COMPARE[self.sign](value, self.limit)


def network_suffixes() -> list[str]:
    """What names of numbers on features may end in, by the installed extractors."""
    from zoo.plugins import records

    cut = ("mixed8", "mixed7")
    return sorted({record.suffix for record in records("extractors") if record.suffix} | set(cut))


def parse(texts: Iterable[str], names: Sequence[str]) -> list[Threshold]:
    """Conditions from texts such as `near_share>0.05`.

    Args:
        texts: One condition each.
        names: The numbers that there may be.

    Raises:
        zoo.errors.UsageError: If a text is no condition, or names another number.
    """
    return [_parse(text, names) for text in texts]


def _parse(text: str, names: Sequence[str]) -> Threshold:
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise UsageError(f"--fail-on {text}: expected NAME>NUMBER, or one of >= < <=")
    name, sign, number = match.groups()
    if name not in names:
        raise unknown("number", name, [n for n in names if not _in_a_space(n, names)])
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UsageError(f"--fail-on {text}: {number} is no number")
    return Threshold(name, sign, limit)


def _in_a_space(name: str, names: Sequence[str]) -> bool:
    """Whether a shorter name stands for this one too, as `near_share` for `near_share_pixels`."""
    return any(name.startswith(f"{shorter}_") for shorter in names)


def gathered(named: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    """Every value that goes by a name."""
    values: dict[str, list[float]] = {}
    for name, value in named:
        values.setdefault(name, []).append(value)
    return values


def failures(thresholds: Iterable[Threshold], values: dict[str, list[float]]) -> list[str]:
    """What is said of each condition that is met, or that cannot be tried.

    Args:
        thresholds: The conditions.
        values: Name to every value that goes by it; one that fulfils the condition is enough.
            A name without a value was not computed, and that fails too: what was asked for
            was not found to hold.
    """
    said = []
    for threshold in thresholds:
        found = values.get(threshold.name, [])
        met = [value for value in found if threshold.met(value)]
        if not found:
            said.append(f"{threshold}: not computed")
        elif met:
            worst = max(met) if threshold.sign.startswith(">") else min(met)
            said.append(f"{threshold}: it is {worst:.4g}")
    return said
