"""Measurements as rows to print: names in full, figures rounded, nothing recomputed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

NAMES = {
    "fid": "FID",
    "kid": "KID",
    "swd": "Sliced Wasserstein distance",
    "density": "Density",
    "coverage": "Coverage",
    "precision": "Precision",
    "recall": "Recall",
    "spectrum": "Spectrum distance (dB)",
    "ms_ssim_diversity": "MS-SSIM between generated images",
    "object_count": "Number of objects (Wasserstein)",
    "object_area": "Area of objects (Wasserstein)",
    "object_intensity": "Intensity of objects (Wasserstein)",
    "fid_infinity": "FID∞",
    "inception_score": "Inception Score",
    "nn_ssim": "Largest SSIM to a real image",
    "paired_ssim": "SSIM of true pairs",
    "paired_psnr": "PSNR of true pairs (dB)",
}
NETWORKS = {
    "keras": "Keras InceptionV3",
    "mixed8": "Keras InceptionV3, cut at mixed8",
    "mixed7": "Keras InceptionV3, cut at mixed7",
    "keras_clean": "Keras InceptionV3, clean-fid's resize",
    "mixed8_clean": "Keras InceptionV3, cut at mixed8, clean-fid's resize",
    "mixed7_clean": "Keras InceptionV3, cut at mixed7, clean-fid's resize",
    "clean": "InceptionV3 of 2015, clean-fid's resize",
    "unpublished": "InceptionV3 of 2015, weights of one's own",
}
SIDES = {
    "": "against held-out real images",
    "train": "against the training images",
    "untrained": "the same network before training, against held-out real images",
}
CONTROLS = {
    "real_vs_real": "real against real",
    "real_vs_noise": "real against noise",
    "shuffled_labels": "shuffled labels",
}


@dataclass(frozen=True)
class Row:
    """One measured number as it is printed.

    Attributes:
        name: As in `evaluation.json`.
        label: In full, such as `FID (Keras InceptionV3)`.
        side: What was compared with what.
        value: Rounded to four figures.
        interval: The subsample range, or nothing.
        counts: (real, generated) images.
        m: Images on each side for range, floor and ratio; empty if there are none.
        floor: The score of real against real images at the same number of images.
        ratio: Score over floor.
        better: `lower`, `higher` or `neither`; empty if the protocol does not say.
        protocol: (heading, [(name, value)]) for the protocol card.
    """

    name: str
    label: str
    side: str
    value: str
    interval: str
    counts: tuple[str, str]
    m: str
    floor: str
    ratio: str
    better: str
    protocol: list[tuple[str, list[tuple[str, str]]]]


def metric_rows(evaluation: Mapping[str, Any]) -> list[Row]:
    """One row for each metric of `evaluation.json`: held-out scores first, parts of a set last."""
    metrics = evaluation.get("metrics") or []
    order = list(SIDES)
    wholes = [metric for metric in metrics if not part_of(metric["name"])]
    parts = [metric for metric in metrics if part_of(metric["name"])]
    wholes.sort(key=lambda metric: order.index(split_name(metric["name"])[2]))
    parts.sort(key=lambda metric: part_of(metric["name"]))
    return [_row(metric) for metric in wholes + parts]


def part_of(name: str) -> str:
    """Which images a score is of, such as `class lymphocyte`; empty for all."""
    return name.partition("[")[2].removesuffix("]").replace("=", " ", 1)


def split_name(name: str) -> tuple[str, str, str]:
    """Metric, feature network and side of a name: `fid_mixed8_train` → fid, mixed8, train."""
    name = name.partition("[")[0]
    known = [metric for metric in NAMES if f"{name}_".startswith(f"{metric}_")]
    metric = max(known, key=len, default=name.partition("_")[0])
    rest = name[len(metric) + 1 :]
    network, _, side = rest.rpartition("_") if rest else ("", "", "")
    if side not in SIDES:
        network, side = rest, ""
    return metric, network, side


def full_name(name: str) -> str:
    """What a metric is called in print, such as `FID (Keras InceptionV3)`."""
    metric, network, side = split_name(name)
    if metric not in NAMES:
        whole = name.partition("[")[0]
        return whole.removesuffix(f"_{side}") if side else whole
    return f"{NAMES[metric]} ({NETWORKS.get(network, network)})" if network else NAMES[metric]


def network_name(suffix: str) -> str:
    """A feature network in print, such as `Keras InceptionV3`."""
    return NETWORKS.get(suffix, suffix)


def label(metric: Mapping[str, Any]) -> str:
    """A measured metric in full, with the feature network where only its protocol names that."""
    printed, network = full_name(metric["name"]), comparable(metric).get("features")
    if not network or str(network) in metric["name"].split("_"):
        return printed
    return f"{printed} ({NETWORKS.get(str(network), network)})"


def headline(evaluation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The metric that a list of runs shows: the first FID against held-out images, else the sliced
    Wasserstein distance, which needs no weights, else the first.

    Scores against training images or of the untrained network never stand for the run.
    """
    metrics = evaluation.get("metrics") or []
    whole = [metric for metric in metrics if not part_of(metric["name"])]
    held_out = [metric for metric in whole if not split_name(metric["name"])[2]]
    names = ("fid", "swd", "")
    return next((m for name in names for m in held_out if m["name"].startswith(name)), None)


def _row(metric: Mapping[str, Any]) -> Row:
    side = SIDES[split_name(metric["name"])[2]]
    part = part_of(metric["name"])
    value = metric.get("value")
    digits = decimals(value)
    return Row(
        name=metric["name"],
        label=label(metric),
        side=f"{part}, {side}" if part else side,
        value=figure(value),
        interval=span(metric.get("interval"), partial(fixed, digits=digits)),
        counts=(count(metric.get("n_real")), count(metric.get("n_fake"))),
        m=resampled_at(metric),
        floor=fixed(metric.get("floor"), digits=digits),
        ratio=f"{figure(metric['ratio'], 3)}×" if metric.get("ratio") is not None else "–",
        better=str(comparable(metric).get("better", "")),
        protocol=protocol(metric.get("protocol")),
    )


def resampled_at(metric: Mapping[str, Any]) -> str:
    """How many images on each side its range, floor and ratio were measured with."""
    m = comparable(metric).get("m")
    return count(m) if m and (metric.get("interval") or metric.get("floor") is not None) else ""


def comparable(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the protocol of a metric says must be equal for two to be compared."""
    card = metric.get("protocol")
    facts = card.get("comparable") if isinstance(card, Mapping) else None
    return facts if isinstance(facts, Mapping) else {}


def control_table(
    detection: Mapping[str, Any],
) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """Kinds of control, and for each detector its controls by kind."""
    controls = detection.get("controls") or []
    kinds = list(dict.fromkeys(str(control["control"]) for control in controls))
    rows: dict[str, dict[str, Any]] = {}
    for control in controls:
        rows.setdefault(str(control["detector"]), {})[str(control["control"])] = control
    return kinds, list(rows.items())


def protocol(card: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """A protocol card as headed lists of (name, value)."""
    if not isinstance(card, Mapping):
        return []
    headings = {"comparable": "Must be equal to compare", "provenance": "May differ"}
    parts = {key: card[key] for key in headings if isinstance(card.get(key), Mapping)}
    rest = {key: value for key, value in card.items() if key not in parts}
    headed = [(headings[key], flat(part)) for key, part in parts.items()]
    return headed + ([("Further", flat(rest))] if rest else [])


def flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested mapping as (dotted name, printed value)."""
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and item:
            rows += flat(item, f"{name}.")
        else:
            rows.append((name, plain(item)))
    return rows


def plain(value: Any) -> str:
    """Any JSON value in one line."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", "−")
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {item}" for key, item in flat(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(plain(item) for item in value)
    return str(value)


def figure(value: Any, digits: int = 4) -> str:
    """A number with so many significant figures, a minus sign and rarely an exponent."""
    if value is None:
        return "–"
    number = float(value)
    if not math.isfinite(number):
        return "not finite"
    if 0 < abs(number) < 1e-5:
        return f"{number:.{digits - 1}e}".replace("-", "−")
    whole = number == int(number)
    return fixed(number, digits=0 if whole else decimals(number, digits))


def decimals(value: Any, digits: int = 4) -> int:
    """How many decimals show so many significant figures of a number."""
    if not value or not math.isfinite(value):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def fixed(value: Any, *, digits: int) -> str:
    """A number with so many decimals, thousands apart."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not finite"
    return f"{value:,.{min(digits, 8)}f}".replace("-", "−")


def moment(value: Any) -> str:
    """A date and time as people write it, or what was given if it is none."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        return plain(value)
    zone = when.strftime(" %Z") if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


def count(value: Any) -> str:
    """A whole number with thousands apart."""
    return "–" if value is None else f"{int(value):,}"


def percent(value: Any) -> str:
    """A share as a percentage with one decimal."""
    return "–" if value is None else f"{100 * float(value):.1f} %"


def span(interval: Any, show: Any = figure) -> str:
    """A range `low to high`."""
    if not isinstance(interval, Sequence) or isinstance(interval, str) or len(interval) != 2:
        return "–"
    return f"{show(interval[0])} to {show(interval[1])}"


def required(value: Any) -> str:
    """What a control must reach: a share, a range of shares, or words."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"at least {percent(value)}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"at least {percent(value[0])}" if value[-1] == 1 else span(value, percent)
    return plain(value)


def mean_sd(value: Any) -> str:
    """A share's mean over seeds with its standard deviation, such as `91.2 ± 0.4 %`."""
    if not isinstance(value, Mapping) or value.get("mean") is None:
        return "–"
    sd = "" if value.get("sd") is None else f" ± {100 * value['sd']:.1f}"
    return f"{100 * value['mean']:.1f}{sd} %"
