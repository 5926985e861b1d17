"""`zoo.score`: any two sets of images against each other."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.home import home
from zoo.errors import UsageError
from zoo.evaluation.card import surroundings
from zoo.evaluation.compare import SUBSAMPLES, Comparison
from zoo.evaluation.draw import split_halves
from zoo.evaluation.measures import Sample
from zoo.evaluation.networks import find_network
from zoo.evaluation.score import default_metrics, measure
from zoo.evaluation.sides import Asked, Side, Source, open_sides
from zoo.evaluation.subsets import divide
from zoo.specs import Metric

FEATURES = "features/score"
MOST_RESAMPLED = 5000
IMAGE_BYTES = 2**30
IMAGES = (500, 5000)
QUANTISATION = {
    "uint8": "uint8, as stored",
    "uint16": "uint16 over its full range to uint8: floor((p + 128) / 257)",
}


def score(
    real: Source,
    fake: Source,
    *,
    metrics: Sequence[str] = (),
    extractor: Any = "inception-v3",
    weights: str | Path | None = None,
    layer: str | None = None,
    cache: Path | None = None,
    seed: int = 0,
    **asked: Any,
) -> dict[str, Any]:
    """Compare two sets of images; `zoo.score` is this function and documents it."""
    chosen = _metrics(metrics)
    network = _network(extractor, weights, layer, chosen)
    with ExitStack() as closing:
        sides = open_sides(real, fake, _asked(seed, asked), closing)
        return score_sides(*sides, chosen, network, seed=seed, cache=cache or home() / FEATURES)


def score_sides(
    real: Side,
    fake: Side,
    metrics: Sequence[Metric],
    extractor: Any,
    *,
    seed: int,
    cache: Path | None,
) -> dict[str, Any]:
    """What `zoo.score` returns, from two sides that are open.

    Metrics of features take all images. Those of images, whose descriptors are kept in memory,
    take at most 5,000 of a side, or as many as are 1 GB, chosen by their hash.

    Args:
        real: The real images.
        fake: The generated ones.
        metrics: Records of the metrics.
        extractor: The feature network, or the reason why there is none.
        seed: Seed of subsamples and metrics.
        cache: Folder that keeps features; `None` keeps none.
    """
    common = {"comparable": _comparable(real, fake), "provenance": _provenance(fake, seed)}
    on_images = [metric for metric in metrics if metric.needs == "images"]
    others = [metric for metric in metrics if metric.needs != "images"]
    found: dict[str, Any] = {"metrics": [], "not_computed": []}
    for part, limited in ((others, False), (on_images, True)):
        if not part:
            continue
        samples = {"real": real.sample, "generated": fake.sample}
        if limited:
            samples = {name: _limited(sample) for name, sample in samples.items()}
        whole = _comparison(samples["real"], samples["generated"], real.split, seed)
        parts = divide(whole, samples["real"], samples["generated"], seed=seed)
        measured = measure(
            samples,
            [whole, *parts.comparisons],
            part,
            extractor=extractor,
            seed=seed,
            common=common,
            cache=cache,
        )
        found["metrics"] += measured["metrics"]
        found["not_computed"] += measured["not_computed"]
        found["not_computed"] += [
            lost for lost in parts.not_computed if lost not in found["not_computed"]
        ]
    found["metrics"].sort(key=lambda entry: "[" in entry["name"])
    return found


def _asked(seed: int, settings: dict[str, Any]) -> Asked:
    try:
        return Asked(seed=seed, **settings)
    except TypeError as error:
        raise UsageError(f"zoo.score: {str(error).removeprefix('Asked.__init__() ')}") from None


def _metrics(names: Sequence[str]) -> list[Metric]:
    from zoo.plugins import find

    return [find("metrics", name) for name in names] or default_metrics()


def _network(
    extractor: Any, weights: str | Path | None, layer: str | None, metrics: Sequence[Metric]
) -> Any:
    """The feature network, the reason why there is none, or nothing where none is needed."""
    if not isinstance(extractor, str):
        return extractor
    if all(metric.needs == "images" for metric in metrics):
        return ""
    from zoo.device import configure
    from zoo.plugins import find

    find("extractors", extractor)  # a wrong name is told before TensorFlow loads
    configure()
    return find_network(extractor, weights=weights, layer=layer)


def _limited(sample: Sample) -> Sample:
    """The first images by hash, in memory limits."""
    fitting = IMAGE_BYTES // max(1, int(np.prod(sample.images.shape[1:])))
    n = max(IMAGES[0], min(fitting, IMAGES[1]))
    if len(sample) <= n:
        return sample
    rows = np.arange(n)
    return replace(
        sample,
        images=sample.images.take(rows),  # type: ignore[attr-defined]  # a side's are Pictures
        groups=sample.groups[rows],
        known=sample.known.take(rows),
        kinds={name: values[rows] for name, values in sample.kinds.items()},
    )


def _comparison(real: Sample, fake: Sample, split: str, seed: int) -> Comparison:
    m = min(len(fake), MOST_RESAMPLED)
    return Comparison(
        real="real",
        fake="generated",
        known=(real.known, fake.known),
        cuts=split_halves(real.groups, count=SUBSAMPLES, at_most=m, seed=seed),
        floor=True,
        facts={"reals": split},
    )


def _comparable(real: Side, fake: Side) -> dict[str, Any]:
    height, width, channels = real.sample.images.shape[1:]
    quality = getattr(real.sample.images, "quality", None)
    return {
        "data": real.name,
        "data_fingerprint": real.fingerprint,
        "size": f"{height}x{width}x{channels}",
        "quantisation": QUANTISATION[real.dtype],
        "encoding": f"real: {real.encoding}; generated: {fake.encoding}",
        "reencoded": "no" if quality is None else f"both sides as JPEG of quality {quality}, 4:4:4",
    }


def _provenance(fake: Side, seed: int) -> dict[str, Any]:
    return {"fake": fake.name, "fake_fingerprint": fake.fingerprint, **surroundings(seed)}
