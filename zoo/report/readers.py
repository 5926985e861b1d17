"""What a report shows of a reader study."""

from collections.abc import Mapping
from typing import Any

from zoo.evaluation.turing.statistics import ALPHA, GUESSING
from zoo.report.numbers import figure, percent, span

Found = Mapping[str, Any]


def rating(value: Any) -> str:
    """A mean rating with its standard deviation, such as `3.20 ± 0.91`."""
    if not isinstance(value, Mapping) or value.get("mean") is None:
        return "–"
    sd = "" if value.get("sd") is None else f" ± {value['sd']:.2f}"
    return f"{value['mean']:.2f}{sd}"


def together(found: Found) -> list[tuple[str, str]]:
    """(name, value) of the numbers of all readers together."""
    pooled, test, agreement = (found.get(key) for key in ("pooled", "equivalence", "agreement"))
    if not pooled or not test:
        return []
    rows = [
        (
            "Right answers",
            f"{percent(pooled['accuracy'])} (for these readers and other images "
            f"{span(pooled['interval_these_readers'], percent)}, for other readers too "
            f"{span(pooled['interval'], percent)})",
        ),
        (
            f"Equivalence to guessing within ± {100 * test['margin']:g} points",
            f"{'shown' if test['equivalent'] else 'not shown'}, p = {figure(test['p_value'], 2)} "
            f"(above the lower bound {figure(test['p_above_lower'], 2)}, below the upper "
            f"{figure(test['p_below_upper'], 2)})",
        ),
    ]
    if agreement:
        rows.append(("Agreement, Fleiss’ κ", _with_interval(agreement, "kappa")))
    if realism := found.get("realism"):
        sides = f"{rating(realism['real'])} of real, {rating(realism['generated'])} of generated"
        rows.append(("Realism, 1 to 5", sides))
        rows.append(("Realism, real less generated", _with_interval(realism, "difference")))
    return rows


def in_words(row: Found) -> list[str]:
    """What one reader's answers say, in sentences.

    Args:
        row: One of `readers` in turing.json.
    """
    accuracy, n, p = row["accuracy"], row["answered"], row["p_guessing"]
    more = "more" if accuracy["value"] > GUESSING else "fewer"
    means = (
        f"these answers show {more} right ones than guessing gives"
        if p < ALPHA
        else "these answers do not show a difference from guessing"
    )
    return [
        f"{round(accuracy['value'] * n)} of {n} images were called what they are: "
        f"{percent(accuracy['value'])}, with a 95 % interval (Wilson) of "
        f"{span(accuracy['interval'], percent)}.",
        f"Guessing gives 50 %. The exact test against it has p = {figure(p, 2)}: {means}.",
        f"Of the generated images {percent(row['generated_recognised']['value'])} were recognised, "
        f"of the real ones {percent(row['real_recognised']['value'])}.",
        f"Realism, 1 to 5: {rating(row['realism']['real'])} of the real images, "
        f"{rating(row['realism']['generated'])} of the generated ones (mean ± standard deviation).",
    ]


def _with_interval(of: Found, name: str) -> str:
    interval = of.get("interval")
    shown = f" ({span(interval, lambda value: figure(value, 2))})" if interval else ""
    return f"{figure(of[name], 3)}{shown}"
