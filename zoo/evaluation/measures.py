"""A metric bound to what it compares: images, descriptors or features of each set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import Interrupted, ZooError
from zoo.metrics.features import extract
from zoo.metrics.protocol import Array, Context, Extractor, Images, Known, Preparing
from zoo.specs import Metric

UNKNOWN = Known()
Beside = Callable[[Any, Any, Context], Mapping[str, Any]]
# Suffix, channel, facts of the extractor, rows of each set.
View = tuple[str, str, Mapping[str, Any], dict[str, Array]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The images of one side.

    Attributes:
        images: (n, H, W, C) uint8, in memory or read when they are indexed.
        groups: (n,) the source of each image; empty for generated ones.
        known: Their classes and ids, as far as they are known.
        kinds: What they can be divided by: name to (n,) str, such as class or plate.
        kept: Whether their features are worth keeping for another time.
    """

    images: Images
    groups: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    known: Known = UNKNOWN
    kinds: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    kept: bool = True

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric on one representation of all sets.

    Attributes:
        name: As it is printed, such as `fid_keras`.
        better: `"lower"`, `"higher"` or `"neither"`.
        compare: Real rows, generated rows and context to a number.
        beside: The same arguments to further numbers, or `None`.
        rows: Name of a set to its rows, one for each image.
        facts: What the protocol card says about metric, extractor and channel.
        divided: Whether classes and groups are measured apart, too.
        resampled: Whether it is computed again on subsamples, for range and floor.
    """

    name: str
    better: str
    compare: Callable[[Any, Any, Context], float]
    beside: Beside | None
    rows: Mapping[str, Any]
    facts: Mapping[str, Any]
    divided: bool = True
    resampled: bool = True


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
    views = {
        needs: _feature_views(metrics, samples, extractor, cache, failed, needs=needs)
        for needs in ("features", "logits")
    }
    prepared: dict[Any, dict[str, Any]] = {}
    for metric in metrics:
        try:
            if metric.needs == "images":
                bound.append(_on_images(metric, samples, seed, prepared))
            else:
                bound += [_on_features(metric, *view) for view in views[metric.needs]]
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


def _on_images(
    metric: Metric, samples: Mapping[str, Sample], seed: int, prepared: dict[Any, dict[str, Any]]
) -> Measure:
    """The metric on images, or on descriptors, which those that prepare alike share."""
    target = metric.load()
    if isinstance(target, Preparing):
        if target.prepare not in prepared:
            prepared[target.prepare] = {
                name: target.prepare(sample.images, seed=seed) for name, sample in samples.items()
            }
        rows, compare = prepared[target.prepare], target.compare
    else:
        rows, compare = {name: sample.images[:] for name, sample in samples.items()}, target
    shape = next(iter(samples.values())).images.shape[1:]
    depending = getattr(target, "settings_for", None)
    return _measure(
        metric, metric.name, target, compare, rows, depending(shape) if depending else {}
    )


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
    compare: Callable[[Any, Any, Context], float],
    rows: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> Measure:
    return Measure(
        name=name,
        better=metric.better,
        compare=compare,
        beside=getattr(target, "beside", None),
        rows=rows,
        facts={
            "metric": metric.name,
            "better": metric.better,
            **getattr(target, "settings", {}),
            **facts,
        },
        divided=metric.default,
        resampled=getattr(target, "resampled", True),
    )


def _feature_views(
    metrics: Sequence[Metric],
    samples: Mapping[str, Sample],
    extractor: Extractor | str,
    cache: Path | None,
    failed: list[dict[str, str]],
    *,
    needs: str,
) -> list[View]:
    needing = [metric.name for metric in metrics if metric.needs == needs]
    if not needing:
        return []
    try:
        if isinstance(extractor, str):
            raise ZooError(extractor)
        channels = _channels(samples)
        return [_view(extractor, samples, c, cache, logits=needs == "logits") for c in channels]
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
    *,
    logits: bool,
) -> View:
    rows: dict[str, Array] = {}
    for name, sample in samples.items():
        images = sample.images if channel is None else OneChannel(sample.images, channel)
        kept = cache if sample.kept else None
        rows[name] = extract(extractor, images, cache=kept, logits=logits)
    facts = {"features": extractor.suffix, **extractor.facts}
    if channel is None:
        return extractor.suffix, "", facts, rows
    facts["channel"] = channel + 1
    return extractor.suffix, f"channel{channel + 1}", facts, rows


@dataclass(frozen=True)
class OneChannel:
    """One channel of images, (n, H, W, 1)."""

    images: Images
    channel: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, 1)."""
        return (*self.images.shape[:3], 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, which: Any, /) -> npt.NDArray[np.uint8]:
        return self.images[which][..., self.channel : self.channel + 1]
