"""Scores of generated images against held-out and training reals, with floor and range."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import ZooError
from zoo.evaluation.card import data_facts, origin, split_facts
from zoo.evaluation.compare import FLOOR_CUTS, SUBSAMPLES, Comparison, compare
from zoo.evaluation.draw import draw, split_halves
from zoo.evaluation.measures import Sample, bind
from zoo.evaluation.subsets import divide, kinds
from zoo.filenames import file_name
from zoo.metrics.features import to_uint8
from zoo.metrics.protocol import Extractor, Known
from zoo.progress import progress
from zoo.specs import Metric

MIN_GROUPS = 8
SMALL = 2048

Sampler = Callable[[int, int], npt.NDArray[np.uint8]]
Labeller = Callable[[int, int], npt.NDArray[np.int32] | None]


def score(
    images: ImageSet,
    sample: Sampler,
    *,
    extractor: Extractor | str,
    n: int = 512,
    n_train: int | None = None,
    seed: int = 0,
    labels: Labeller | None = None,
    untrained: Sampler | None = None,
    metrics: Sequence[Metric] | None = None,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Measure generated images as `evaluation.json` holds it.

    Args:
        images: All splits of the data.
        sample: `sample(n, seed)` gives n generated images (n, H, W, C) uint8.
        extractor: The feature network, or the reason why there is none.
        n: Generated images, and held-out reals they are compared with.
        n_train: Training reals that the same images are compared with; by default as many as
            held-out ones, for the bias of a distance depends on the number.
        seed: Seed of the drawn reals, the generated images, the cuts and the metrics.
        labels: `labels(n, seed)` gives the classes of `sample(n, seed)`, or `None`.
        untrained: The `sample` of the generator before training; m images are taken of it.
        metrics: Records of the metrics; by default all that are installed, but for those that
            are computed only when asked for.
        cache: Folder that keeps the real images' features, in a folder for each dataset that
            `zoo data remove` deletes; `None` keeps none.

    Returns:
        `{"metrics": [{"name", "value", "interval", "n_real", "n_fake", "floor", "ratio",
        "protocol"}], "not_computed": [{"name", "reason"}]}`. Against training reals a name ends
        in `_train`, of the untrained generator in `_untrained`, of one class or group against
        held-out reals in `[class=NAME]` or `[group=NAME]`. The interval is the range over group
        subsamples without replacement at m images, 20 of them or, for the untrained generator,
        classes and groups, the 5 of the ratio; floor and ratio are at the same m.

    Raises:
        zoo.errors.ZooError: If the generated images have another size than the real ones.
    """
    held_out = _reals(images.split(*HELD_OUT), n, seed)
    samples = {
        "held_out": held_out,
        "train": _reals(images.split("train"), n_train or len(held_out) or n, seed),
        "generated": _generated(sample(n, seed), images, labels and labels(n, seed)),
    }
    comparisons = _comparisons(images, samples, seed)
    parts = divide(comparisons[0], held_out, samples["generated"], seed=seed)
    if untrained is not None:
        comparisons.append(_before_training(comparisons[0]))
        if len(held_out):
            samples["untrained"] = _generated(untrained(comparisons[0].m or n, seed), images, None)
    measured = measure(
        samples,
        [*comparisons, *parts.comparisons],
        default_metrics() if metrics is None else metrics,
        extractor=extractor,
        seed=seed,
        common={"comparable": data_facts(images), "provenance": origin(seed, images)},
        cache=cache / f"{file_name(images.name)}-{images.fingerprint[:16]}" if cache else None,
    )
    measured["not_computed"] += parts.not_computed
    return measured


def measure(
    samples: Mapping[str, Sample],
    comparisons: Sequence[Comparison],
    metrics: Sequence[Metric],
    *,
    extractor: Extractor | str,
    seed: int,
    common: Mapping[str, Any],
    cache: Path | None,
) -> dict[str, Any]:
    """All metrics of all comparisons, as `score` returns them.

    Args:
        samples: Name of each set to its images; empty ones are in no comparison.
        comparisons: Which of them are compared.
        metrics: Records of the metrics.
        extractor: The feature network, or the reason why there is none.
        seed: Seed of the metrics and of the generated images' subsamples.
        common: `comparable` and `provenance` facts that all entries share.
        cache: Folder that keeps features; `None` keeps none.
    """
    present = {name: rows for name, rows in samples.items() if len(rows)}
    measures, failed = bind(metrics, present, extractor=extractor, seed=seed, cache=cache)
    entries: list[dict[str, Any]] = []
    work = len(measures) * len(comparisons)
    with (
        progress("Scoring", work, "comparisons") as advance,
        _threads(max(map(len, samples.values()))),
    ):
        for comparison in comparisons:
            for one in measures:
                if one.divided or comparison.only is None:
                    entry, lost = compare(one, comparison, seed=seed, common=common)
                    entries += [entry] if entry else []
                    failed += lost
                advance(1)
    return {"metrics": entries, "not_computed": failed}


def _threads(images: int) -> AbstractContextManager[Any]:
    """On matrices this small several threads wait for each other longer than they work."""
    limits: AbstractContextManager[Any] = threadpool_limits(1 if images < SMALL else None)
    return limits


def registered_metrics() -> list[Metric]:
    """The metrics of all installed plugins: named after the extractor first, then distances."""
    from zoo.plugins import records

    return sorted(records("metrics"), key=lambda m: (not m.suffixed, m.better != "lower", m.name))


def default_metrics() -> list[Metric]:
    """Those of them that are computed without being asked for."""
    return [metric for metric in registered_metrics() if metric.default]


def _reals(images: ImageSet, n: int, seed: int) -> Sample:
    drawn = draw(images, n, seed=seed)
    classes = _class_names(drawn.labels, images)
    return Sample(
        images=to_uint8(drawn[:]),
        groups=drawn.groups,
        known=Known(classes, drawn.ids),
        kinds=kinds(drawn.groups, classes),
    )


def _generated(
    fakes: npt.NDArray[np.uint8], images: ImageSet, labels: npt.NDArray[np.int32] | None
) -> Sample:
    if fakes.shape[1:] != images.shape[1:]:
        raise ZooError(
            f"generated images of {fakes.shape[1:]} cannot be compared with {images.name}, "
            f"whose images are {images.shape[1:]}"
        )
    classes = _class_names(labels, images)
    parts = {} if classes is None else {"class": classes}
    return Sample(images=to_uint8(fakes), known=Known(classes), kinds=parts, kept=False)


def _class_names(labels: npt.NDArray[Any] | None, images: ImageSet) -> npt.NDArray[np.str_] | None:
    return None if labels is None else np.array(images.class_names, np.str_)[labels]


def _comparisons(images: ImageSet, samples: Mapping[str, Sample], seed: int) -> list[Comparison]:
    """Against held-out and training reals, with one m for both where groups allow."""
    m = len(samples["generated"])
    found = []
    for side, suffix in (("held_out", ""), ("train", "_train")):
        groups = samples[side].groups
        cuts = split_halves(groups, count=SUBSAMPLES, at_most=m, seed=seed)
        m = len(cuts[0].first) if cuts else m
        found.append(
            Comparison(
                real=side,
                fake="generated",
                suffix=suffix,
                cuts=cuts,
                floor=side == "held_out",
                facts=split_facts(side),
                known=(samples[side].known, samples["generated"].known),
                reason=_why_empty(images, side) if not len(groups) else "",
            )
        )
    return found


def _before_training(held_out: Comparison) -> Comparison:
    """The untrained generator on the cuts of floor and ratio, so that all three share their m."""
    cuts = held_out.cuts[:FLOOR_CUTS]
    known = (held_out.known[0], Known())
    return replace(held_out, fake="untrained", suffix="_untrained", cuts=cuts, known=known)


def _why_empty(images: ImageSet, side: str) -> str:
    groups = len(np.unique(images.groups))
    if side == "train":
        return "there are no training images"
    if groups < MIN_GROUPS:
        return f"no held-out images: {groups} groups are fewer than {MIN_GROUPS}, all train"
    return "there are no held-out images"
