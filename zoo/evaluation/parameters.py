"""Options that detectors are made with: typed on their way in, JSON values on a protocol card."""

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.plugins import unknown
from zoo.specs import Detector
from zoo.values import annotation_of, convert


def typed_options(
    records: Iterable[Detector], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Options by detector, in the types that its signature states, tried on its constructor.

    Args:
        records: The detectors.
        given: Name of a detector to text as typed after `-o`, or typed values, by option.

    Raises:
        zoo.errors.UsageError: If a detector or an option is unknown, or a value does not fit, or
            the constructor refuses it.
    """
    by_name = {record.name: record for record in records}
    if stray := [name for name in given if name not in by_name]:
        raise unknown("detector", stray[0], by_name)
    return {name: _typed(by_name[name], values) for name, values in given.items() if values}


def json_parameters(made: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a detector states of itself by `get_params`, else its options, as JSON values.

    What JSON does not have becomes text, the same in every process: NaN, infinities, estimators
    inside a pipeline, functions.

    Args:
        made: The detector.
        options: What it was made with.
    """
    stated = made.get_params() if hasattr(made, "get_params") else options
    return {str(name): _plain(value) for name, value in stated.items()}


def _typed(record: Detector, values: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(record.load()).parameters
    known = [name for name in parameters if name != "seed"]
    typed: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise unknown(f"option of {record.name}", key, known)
        typed[key] = convert(value, annotation_of(parameters[key]), key=f"{record.name}.{key}")
    _try(record, typed)
    return typed


def _try(record: Detector, options: Mapping[str, Any]) -> None:
    """Let the constructor refuse options before an image is read."""
    try:
        record.load()(seed=0, **options)
    except UsageError as error:
        raise UsageError(f"{record.name}: {error}") from None
    except Exception:  # someone else's code; the study names it and goes on with the others
        return


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):
        return {"class": _plain(type(value)), **json_parameters(value, {})}
    text = repr(value)
    return _plain(type(value)) if " at 0x" in text else text  # a place in memory is no parameter
