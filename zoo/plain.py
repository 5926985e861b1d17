"""Text of YAML and JSON files, which anybody may have written, as plain values."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from zoo.errors import ZooError

DEEPEST = 100
MOST_PARTS = 1_000_000


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text holds; tags that name code are refused.

    Raises:
        zoo.errors.ZooError: Naming the source, if the text is no YAML, is nested too deeply, or
            has references that multiply.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        value = yaml.load(text, Loader=loader)  # a safe loader either way
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none
        raise _damaged(source, error) from None
    return _checked(value, source)


def parse_json(text: str | bytes, source: str) -> Any:
    """What a JSON text holds.

    Raises:
        zoo.errors.ZooError: Naming the source, if the text is no JSON, as with a NaN, or nested too
            deeply.
    """
    try:
        value = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise _damaged(source, error, "no JSON: ") from None
    return _checked(value, source)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not finite")


def _checked(value: Any, source: str) -> Any:
    """The value, if all that it refers to can be walked through."""
    level = [value]
    parts = 0
    for _ in range(DEEPEST + 1):
        level = list(itertools.islice(_inner(level), MOST_PARTS))
        parts += len(level)
        if not level:
            return value
        if parts >= MOST_PARTS:
            break
    raise ZooError(f"{source} is damaged: it is nested too deeply, or its references multiply")


def _inner(level: list[Any]) -> Iterator[Any]:
    for value in level:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, (list, set, tuple)):
            yield from value


def _damaged(source: str, error: Exception, what: str = "") -> ZooError:
    return ZooError(f"{source} is damaged: {what}{' '.join(str(error).split())}")
