"""Where a score lies between the floor of real images and the untrained generator."""

from collections.abc import Mapping
from typing import Any

from zoo.report.numbers import comparable, headline

NEAR_FLOOR = 1.5
LEARNT_NOTHING = 0.1


def feasibility(evaluation: Mapping[str, Any]) -> str:
    """One line on the headline of `evaluation.json`, if that is a distance.

    Args:
        evaluation: What `zoo.evaluation.score.score` returned.
    """
    entry = headline(evaluation)
    if entry is None or comparable(entry).get("better") in ("higher", "neither"):
        return "feasibility not computed: no distance to held-out images"
    name = entry["name"]
    entries = {other["name"]: other for other in evaluation["metrics"]}
    untrained = entries.get(f"{name}_untrained")
    parts = [f"{name} {entry['value']:.3g} (n = {entry['n_fake']})", _against_floor(entry)]
    if untrained is not None:
        parts.append(_against_untrained(entry, untrained))
    return "; ".join(parts)


def _against_floor(entry: Mapping[str, Any]) -> str:
    floor, ratio = entry.get("floor"), entry.get("ratio")
    if floor is None or ratio is None:
        return "no floor to hold it against"
    m = comparable(entry).get("m")
    verdict = "near the floor" if ratio <= NEAR_FLOOR else "above the floor"
    return f"at m = {m} it is {ratio:.3g} times the {floor:.3g} of real images, {verdict}"


def _against_untrained(entry: Mapping[str, Any], untrained: Mapping[str, Any]) -> str:
    """How much of the way from the untrained generator to the floor was covered, all at m."""
    floor, reached, start = entry.get("floor"), _at_m(entry), _at_m(untrained)
    if floor is None or reached is None or start is None:
        counts = f"n = {untrained['n_fake']}"
        return f"the untrained generator has {untrained['value']:.3g} ({counts})"
    if start <= floor:
        return f"the untrained generator's {start:.3g} is no worse than the floor"
    covered = (start - reached) / (start - floor)
    if covered < LEARNT_NOTHING:
        return f"not better than the untrained generator's {start:.3g}"
    return (
        f"{min(covered, 1):.0%} of the way from the untrained generator's {start:.3g} to the floor"
    )


def _at_m(entry: Mapping[str, Any]) -> float | None:
    """The score at the floor's number of images, on the floor's cuts."""
    floor, ratio = entry.get("floor"), entry.get("ratio")
    return None if floor is None or ratio is None else float(ratio * floor)
