"""The detectors of one study, each of which may fail by itself."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from zoo.evaluation.controls import Build
from zoo.evaluation.measures import explain
from zoo.evaluation.parameters import json_parameters
from zoo.specs import Detector

T = TypeVar("T")


class Panel:
    """The detectors of one study; one that raises leaves it, the others go on.

    Args:
        records: Which detectors.
        options: Name of a detector to options of it that are not its defaults.

    Attributes:
        builds: Name to `build(seed)`, of the detectors that have not failed.
        failed: Name to what it raised.
        seconds: Name to the time it took.
        options: Name to its parameters, as JSON values.
    """

    def __init__(
        self,
        records: Sequence[Detector],
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.builds: dict[str, Build] = {}
        self.failed: dict[str, str] = {}
        self.seconds = {record.name: 0.0 for record in records}
        self.options: dict[str, Any] = {}
        for record in records:
            given = (options or {}).get(record.name, {})
            self._attempt(record.name, partial(self._add, record, given))

    def _add(self, record: Detector, options: Mapping[str, Any]) -> None:
        target = record.load()
        self.builds[record.name] = lambda seed: target(seed=seed, **options)
        self.options[record.name] = json_parameters(target(seed=0, **options), options)

    def each(self, measure: Callable[[str, Build], T]) -> dict[str, T]:
        """What `measure(name, build)` gives for every detector that has not failed."""
        results = {}
        for name, build in list(self.builds.items()):
            result = self._attempt(name, partial(measure, name, build))
            if result is not None:
                results[name] = result
        return results

    def _attempt(self, name: str, action: Callable[[], T]) -> T | None:
        start = time.perf_counter()
        try:
            return action()
        except Exception as error:  # someone else's detector may raise anything
            self.failed[name] = explain(error)
            self.builds.pop(name, None)
            return None
        finally:
            self.seconds[name] += time.perf_counter() - start
