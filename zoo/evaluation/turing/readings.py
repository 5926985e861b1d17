"""Answers of readers to what turing.json holds of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo import claims
from zoo.errors import NotComputed
from zoo.evaluation.card import card
from zoo.evaluation.turing.answers import Reading
from zoo.evaluation.turing.statistics import (
    DRAWS,
    GUESSING,
    Answers,
    crossed,
    equivalence,
    fleiss_kappa,
    guessing_p,
    kappa_interval,
    rating_difference,
    share,
)
from zoo.evaluation.turing.study import GENERATED, REAL, Study


def judge(study: Study, readings: Sequence[Reading], *, margin: float | None = None) -> Any:
    """Every reader by itself, and all that answered every item together.

    An incomplete reading has a row of its own, of what was answered, and enters no number of all
    readers together; what was not answered is not counted as wrong.

    Args:
        study: Says what the images are.
        readings: At least one.
        margin: Of the equivalence test instead of the study's own.

    Returns:
        What turing.json holds: `verdict`, `limits`, `warning`, `guessing`, `items`, `readers`,
        `pooled`, `equivalence`, `agreement`, `realism`, `not_computed`, `protocol`.
    """
    complete = [reading for reading in readings if len(reading.answers) == len(study.items)]
    incomplete = len(readings) - len(complete)
    missing: list[dict[str, str]] = []
    pooled = _pooled(study, complete, study.margin if margin is None else margin, missing)
    generated = study.generated()
    counts = {REAL: int((~generated).sum()), GENERATED: int(generated.sum())}
    return {
        "study": study.id,
        "verdict": _verdict(pooled, len(complete), incomplete, counts),
        "limits": claims.READERS_DO_NOT_SEE,
        "warning": study.warning(),
        "guessing": GUESSING,
        "items": counts,
        "readers_complete": len(complete),
        "readers_incomplete": incomplete,
        "readers": [_row(reading, study) for reading in readings],
        **pooled,
        "not_computed": missing,
        "protocol": _protocol(study, margin),
    }


def gathered(found: dict[str, Any]) -> dict[str, list[float]]:
    """The numbers that `--fail-on` tells of, as `zoo.thresholds.failures` takes them."""
    accuracies = [row["accuracy"]["value"] for row in found["readers"] if row["complete"]]
    values = {
        "accuracy": (found["pooled"] or {}).get("accuracy"),
        "best_accuracy": max(accuracies, default=None),
        "equivalence_p": (found["equivalence"] or {}).get("p_value"),
        "kappa": (found["agreement"] or {}).get("kappa"),
        "realism_difference": (found["realism"] or {}).get("difference"),
    }
    return {name: [value] for name, value in values.items() if value is not None}


def _row(reading: Reading, study: Study) -> dict[str, Any]:
    asked = [(study.items[item].truth, answer) for item, answer in reading.answers.items()]
    right = {side: [a.called == truth for truth, a in asked if truth == side]
             for side in (REAL, GENERATED)}  # fmt: skip
    total = sum(map(sum, right.values()))
    seconds = [answer.ms / 1000 for _, answer in asked]
    return {
        "reader": reading.reader,
        "role": reading.role,
        "started": reading.started,
        "finished": reading.finished or None,
        "complete": len(asked) == len(study.items),
        "answered": len(asked),
        "accuracy": share(total, len(asked)),
        "p_guessing": guessing_p(total, len(asked)) if asked else None,
        "generated_recognised": share(sum(right[GENERATED]), len(right[GENERATED])),
        "real_recognised": share(sum(right[REAL]), len(right[REAL])),
        "realism": {
            side: _mean_sd([answer.realism for truth, answer in asked if truth == side])
            for side in (REAL, GENERATED)
        },
        "median_seconds": float(np.median(seconds)) if seconds else None,
    }


def _pooled(
    study: Study, complete: Sequence[Reading], margin: float, missing: list[dict[str, str]]
) -> dict[str, Any]:
    if not complete:
        reason = "no reader answered every image"
        missing.append({"name": "numbers of all readers together", "reason": reason})
        return dict.fromkeys(("pooled", "equivalence", "agreement", "realism"))
    generated = study.generated()
    answers = [[reading.answers[item] for item in study.items] for reading in complete]
    called = np.array([[answer.called == GENERATED for answer in row] for row in answers])
    ratings = np.array([[answer.realism for answer in row] for row in answers])
    accuracy = crossed(called == generated)
    return {
        "pooled": {
            "accuracy": accuracy.value,
            "interval": list(accuracy.interval),
            "interval_these_readers": list(accuracy.interval_these_readers),
            "standard_error": accuracy.error,
            "degrees_of_freedom": accuracy.freedom,
        },
        "equivalence": equivalence(accuracy, margin),
        "agreement": _agreement(called, generated, missing),
        "realism": {
            **{
                side: _mean_sd(ratings[:, generated == (side == GENERATED)].ravel())
                for side in (REAL, GENERATED)
            },
            **rating_difference(ratings, generated),
        },
    }


def _agreement(
    called: Answers, generated: Answers, missing: list[dict[str, str]]
) -> dict[str, Any] | None:
    said = called.sum(axis=0)
    try:
        kappa = fleiss_kappa(np.stack([len(called) - said, said], axis=1))
    except NotComputed as error:
        missing.append({"name": "Fleiss’ κ", "reason": str(error)})
        return None
    return {"kappa": kappa, "interval": kappa_interval(called, generated)}


def _mean_sd(values: npt.ArrayLike) -> dict[str, Any]:
    held = np.asarray(values, np.float64)
    return {
        "mean": float(held.mean()) if len(held) else None,
        "sd": float(held.std(ddof=1)) if len(held) > 1 else None,
        "n": len(held),
    }


def _verdict(pooled: dict[str, Any], complete: int, incomplete: int, counts: dict[str, int]) -> str:
    """One sentence with how many readers and images it is about, and what guessing gives."""
    of = f"{counts[REAL]} real and {counts[GENERATED]} generated images; guessing gives 50 %"
    left = f"; {_counted(incomplete)} incomplete, not included" if incomplete else ""
    if not complete:
        return f"not computed, because no reader answered every image ({of}{left})"
    test, accuracy = pooled["equivalence"], pooled["pooled"]["accuracy"]
    margin = f"± {100 * test['margin']:g} points"
    said = (
        f"equivalent to guessing within {margin}"
        if test["equivalent"]
        else f"not shown to be equivalent to guessing within {margin}"
    )
    return f"{100 * accuracy:.1f} % right, {said} ({_counted(complete)}, {of}{left})"


def _counted(readers: int) -> str:
    return f"{readers} reader{'' if readers == 1 else 's'}"


def _protocol(study: Study, margin: float | None) -> dict[str, Any]:
    comparable = {
        **study.protocol["comparable"],
        "interval_of_a_reader": "95 %, Wilson, of as many trials as answers; p exact binomial",
        "interval_of_all": "95 %, readers and images crossed, both random; images independent",
        "equivalence": "two one-sided t tests at 5 % with the same error",
        "interval_of_ratings": f"95 %, {DRAWS} bootstrap samples of images; readers fixed; κ too",
        "incomplete": "in no number of all readers together",
    }
    chosen = "with the study" if margin is None else "when it was scored"
    return card(comparable, {**study.protocol["provenance"], "margin_chosen": chosen})
