"""A metric bound to what it compares: images, descriptors or features of each set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import Interrupted, ZooError
from zoo.metrics.features import extract
from zoo.metrics.protocol import Array, Context, Extractor, Preparing
from zoo.specs import Metric

REALS = ("held_out", "train")

# Suffix, channel, facts of the extractor, rows of each set.
View = tuple[str, str, Mapping[str, Any], dict[str, Array]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The images of one side.

    Attributes:
        images: (n, H, W, C) uint8.
        groups: (n,) the source of each image; empty for generated ones.
    """

    images: npt.NDArray[np.uint8]
    groups: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric on one representation of all sets.

    Attributes:
        name: As it is printed, such as `fid_keras`.
        better: `"lower"`, `"higher"` or `"neither"`.
        compare: Real rows, generated rows and context to a number.
        standard_error: The same arguments to an error of the value, or `None`.
        rows: Name of a set to its rows, one for each image.
        facts: What the protocol card says about metric, extractor and channel.
    """

    name: str
    better: str
    compare: Callable[[Array, Array, Context], float]
    standard_error: Callable[[Array, Array, Context], float | None] | None
    rows: Mapping[str, Array]
    facts: Mapping[str, Any]


def bind(
    metrics: Sequence[Metric],
    samples: Mapping[str, Sample],
    *,
    extractor: Extractor | str,
    seed: int,
    cache: Path | None,
) -> tuple[list[Measure], list[dict[str, str]]]:
    """The metrics ready to compare, and those that cannot be, each with the reason.

    Features are extracted once for all metrics that need them; two or four channels one by one,
    for the extractors take one or three.
    """
    bound: list[Measure] = []
    failed: list[dict[str, str]] = []
    views = _feature_views(metrics, samples, extractor, cache, failed)
    for metric in metrics:
        try:
            if metric.needs == "images":
                bound.append(_on_images(metric, samples, seed))
            else:
                bound += [_on_features(metric, *view) for view in views]
        except Exception as error:  # a third party's metric may raise anything
            failed.append({"name": metric.name, "reason": explain(error)})
    return bound, failed


def explain(error: Exception) -> str:
    """The reason that a report prints for a failed measurement, one line.

    Raises:
        zoo.errors.Interrupted: If that is the error, for it must stop the run.
    """
    if isinstance(error, Interrupted):
        raise error
    text = " ".join(str(error).split())
    return text if isinstance(error, ZooError) and text else f"{type(error).__name__}: {text}"


def _on_images(metric: Metric, samples: Mapping[str, Sample], seed: int) -> Measure:
    target = metric.load()
    rows: dict[str, Array] = {name: sample.images for name, sample in samples.items()}
    compare = target
    if isinstance(target, Preparing):
        rows = {name: target.prepare(images, seed=seed) for name, images in rows.items()}
        compare = target.compare
    return _measure(metric, metric.name, target, compare, rows, {})


def _on_features(
    metric: Metric, suffix: str, channel: str, facts: Mapping[str, Any], rows: dict[str, Array]
) -> Measure:
    target = metric.load()
    name = "_".join(filter(None, [metric.name, suffix if metric.suffixed else "", channel]))
    return _measure(metric, name, target, target, rows, facts)


def _measure(
    metric: Metric,
    name: str,
    target: Any,
    compare: Callable[[Array, Array, Context], float],
    rows: Mapping[str, Array],
    facts: Mapping[str, Any],
) -> Measure:
    return Measure(
        name=name,
        better=metric.better,
        compare=compare,
        standard_error=getattr(target, "standard_error", None),
        rows=rows,
        facts={
            "metric": metric.name,
            "better": metric.better,
            **getattr(target, "settings", {}),
            **facts,
        },
    )


def _feature_views(
    metrics: Sequence[Metric],
    samples: Mapping[str, Sample],
    extractor: Extractor | str,
    cache: Path | None,
    failed: list[dict[str, str]],
) -> list[View]:
    needing = [metric.name for metric in metrics if metric.needs == "features"]
    if not needing:
        return []
    try:
        if isinstance(extractor, str):
            raise ZooError(extractor)
        return [_view(extractor, samples, channel, cache) for channel in _channels(samples)]
    except Exception as error:  # a third party's extractor may raise anything
        failed += [{"name": name, "reason": explain(error)} for name in needing]
        return []


def _channels(samples: Mapping[str, Sample]) -> list[int | None]:
    channels = samples["generated"].images.shape[3]
    return [None] if channels in (1, 3) else list(range(channels))


def _view(
    extractor: Extractor,
    samples: Mapping[str, Sample],
    channel: int | None,
    cache: Path | None,
) -> View:
    rows: dict[str, Array] = {}
    for name, sample in samples.items():
        images = sample.images if channel is None else sample.images[..., channel : channel + 1]
        kept = cache if name in REALS else None
        rows[name] = extract(extractor, images, cache=kept).astype(np.float64)
    facts = {"features": extractor.suffix, **extractor.facts}
    if channel is None:
        return extractor.suffix, "", facts, rows
    facts["channel"] = channel + 1
    return extractor.suffix, f"channel{channel + 1}", facts, rows
