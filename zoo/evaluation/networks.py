"""Scores with two feature networks: Keras' for all metrics, the published FID's for its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import NotComputed
from zoo.evaluation.score import default_metrics
from zoo.plugins import find

OURS, PUBLISHED = "inception-v3", "inception-2015"

Measured = dict[str, Any]


def score_networks(
    measure: Callable[..., Measured], *, weights: str | Path | None, layer: str | None
) -> Measured:
    """What `zoo.evaluation.score.score` returns, with `fid` and `kid` beside `fid_keras`.

    Args:
        measure: `score` with everything but the keywords `extractor` and `metrics`.
        weights: Of Keras' InceptionV3; by default those in place.
        layer: Of Keras' InceptionV3; by default the last.
    """
    named = [metric for metric in default_metrics() if metric.suffixed]
    found = measure(extractor=find_network(OURS, weights=weights, layer=layer))
    names = {metric.name for metric in named}
    for lost in found["not_computed"]:
        if lost["name"] in names:
            lost["name"] += f"_{find('extractors', OURS).suffix}"
    network = find_network(PUBLISHED)
    if isinstance(network, str):
        found["not_computed"] += [{"name": m.name, "reason": network} for m in named]
        return found
    published = measure(extractor=network, metrics=named)
    return {key: found[key] + published[key] for key in found}


def find_network(name: str, **options: Any) -> Any:
    """A feature network, or the reason why there is none."""
    try:
        return find("extractors", name).load()(**options)
    except NotComputed as error:
        return str(error)
