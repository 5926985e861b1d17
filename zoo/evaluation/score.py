"""Scores of generated images against held-out and training reals, with floor and range."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.data.locking import slug
from zoo.errors import ZooError
from zoo.evaluation.card import data_facts, origin, split_facts
from zoo.evaluation.compare import FLOOR_CUTS, SUBSAMPLES, Comparison, compare
from zoo.evaluation.draw import draw, split_halves
from zoo.evaluation.measures import Sample, bind
from zoo.metrics.features import to_uint8
from zoo.metrics.protocol import Extractor
from zoo.progress import progress
from zoo.specs import Metric

MIN_GROUPS = 8
SMALL = 2048

Sampler = Callable[[int, int], npt.NDArray[np.uint8]]


def score(
    images: ImageSet,
    sample: Sampler,
    *,
    extractor: Extractor | str,
    n: int = 512,
    n_train: int | None = None,
    seed: int = 0,
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
        untrained: The `sample` of the generator before training; m images are taken of it.
        metrics: Records of the metrics; by default all that are installed.
        cache: Folder that keeps the real images' features, in a folder for each dataset that
            `zoo data remove` deletes; `None` keeps none.

    Returns:
        `{"metrics": [{"name", "value", "interval", "n_real", "n_fake", "floor", "ratio",
        "protocol"}], "not_computed": [{"name", "reason"}]}`. Against training reals a name ends
        in `_train`, of the untrained generator in `_untrained`. The interval is the range over
        group subsamples without replacement at m images, 20 of them or, for the untrained
        generator, the 5 of the ratio; floor and ratio are at the same m.

    Raises:
        zoo.errors.ZooError: If the generated images have another size than the real ones.
    """
    held_out = _reals(images.split(*HELD_OUT), n, seed)
    samples = {
        "held_out": held_out,
        "train": _reals(images.split("train"), n_train or len(held_out) or n, seed),
        "generated": _generated(sample(n, seed), images),
    }
    comparisons = _comparisons(images, samples, seed)
    if untrained is not None:
        comparisons.append(_before_training(comparisons[0]))
        if len(held_out):
            samples["untrained"] = _generated(untrained(comparisons[0].m or n, seed), images)
    present = {name: rows for name, rows in samples.items() if len(rows)}
    chosen = registered_metrics() if metrics is None else metrics
    kept = cache / f"{slug(images.name)}-{images.fingerprint[:16]}" if cache else None
    measures, failed = bind(chosen, present, extractor=extractor, seed=seed, cache=kept)

    common = {"comparable": data_facts(images), "provenance": origin(seed, images)}
    entries: list[dict[str, Any]] = []
    work = len(measures) * len(comparisons)
    with (
        progress("Scoring", work, "comparisons") as advance,
        _threads(max(map(len, samples.values()))),
    ):
        for comparison in comparisons:
            for measure in measures:
                entry, lost = compare(measure, comparison, seed=seed, common=common)
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


def _reals(images: ImageSet, n: int, seed: int) -> Sample:
    drawn = draw(images, n, seed=seed)
    return Sample(images=to_uint8(drawn[:]), groups=drawn.groups)


def _generated(fakes: npt.NDArray[np.uint8], images: ImageSet) -> Sample:
    if fakes.shape[1:] != images.shape[1:]:
        raise ZooError(
            f"generated images of {fakes.shape[1:]} cannot be compared with {images.name}, "
            f"whose images are {images.shape[1:]}"
        )
    return Sample(images=to_uint8(fakes))


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
                reason=_why_empty(images, side) if not len(groups) else "",
            )
        )
    return found


def _before_training(held_out: Comparison) -> Comparison:
    """The untrained generator on the cuts of floor and ratio, so that all three share their m."""
    cuts = held_out.cuts[:FLOOR_CUTS]
    return replace(held_out, fake="untrained", suffix="_untrained", cuts=cuts)


def _why_empty(images: ImageSet, side: str) -> str:
    groups = len(np.unique(images.groups))
    if side == "train":
        return "there are no training images"
    if groups < MIN_GROUPS:
        return f"no held-out images: {groups} groups are fewer than {MIN_GROUPS}, all train"
    return "there are no held-out images"
