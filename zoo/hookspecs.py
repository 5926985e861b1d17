"""The hooks that a plugin may implement. Each returns records and has no side effect."""

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from zoo.specs import Dataset, Detector, Extractor, Generator, Metric, Tracker

hookspec = pluggy.HookspecMarker("zoo")


@hookspec
def zoo_generators() -> Iterable[Generator]:  # type: ignore[empty-body]
    """Declare generators that `zoo run` can train."""


@hookspec
def zoo_datasets() -> Iterable[Dataset]:  # type: ignore[empty-body]
    """Declare datasets that `--data` can name."""


@hookspec
def zoo_detectors() -> Iterable[Detector]:  # type: ignore[empty-body]
    """Declare classifiers that tell real from generated images, or classes apart."""


@hookspec
def zoo_extractors() -> Iterable[Extractor]:  # type: ignore[empty-body]
    """Declare feature networks for Fréchet, kernel and neighbour metrics."""


@hookspec
def zoo_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Declare metrics computed on images or on features."""


@hookspec
def zoo_trackers() -> Iterable[Tracker]:  # type: ignore[empty-body]
    """Declare experiment trackers that `--track` can name."""


@hookspec
def zoo_recipes() -> Iterable[Mapping[str, Any]]:  # type: ignore[empty-body]
    """Declare recipes, each a mapping as registry.yaml holds them, with its `name`."""
