"""What detectors answered, as rows of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.groups import group_interval
from zoo.evaluation.trial import GENERATED, Examples

Row = dict[str, Any]
Answers = npt.NDArray[np.float64]


def accuracy(answers: Answers, labels: npt.NDArray[np.int64]) -> float:
    """Share of probabilities (n,) of being generated that are on the right side of one half."""
    return float(np.mean((answers >= 0.5) == labels))


def row(answers: Answers, test: Examples) -> Row:
    """Accuracy, precision, recall, F1, AUROC, confusion and interval.

    Args:
        answers: (seeds, n) probabilities of being generated.
        test: The n images that were asked about.
    """
    from sklearn.metrics import confusion_matrix, roc_auc_score

    said = (answers >= 0.5).astype(np.int64)
    right = said == test.labels
    truth = np.tile(test.labels, len(answers))
    confusion = confusion_matrix(truth, said.ravel(), labels=[0, GENERATED])
    _, false_positives, false_negatives, hits = confusion.ravel().tolist()
    per_seed = right.mean(axis=1)
    return {
        "accuracy": float(right.mean()),
        "precision": _share(hits, hits + false_positives),
        "recall": _share(hits, hits + false_negatives),
        "f1": _share(2 * hits, 2 * hits + false_positives + false_negatives),
        "auroc": float(np.mean([roc_auc_score(test.labels, seed) for seed in answers])),
        "confusion": confusion.tolist(),
        "interval": list(group_interval(right.mean(axis=0), test.groups, test.labels)),
        "sd": float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
        "n": len(test),
        "n_groups": len(np.unique(test.groups)),
        "n_groups_real": len(np.unique(test.groups[test.labels != GENERATED])),
        "seeds": len(answers),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def trend(curve: Sequence[Row]) -> tuple[list[Row], list[dict[str, str]]]:
    """Spearman's ρ between step and accuracy, where there is one, and why there is none.

    Args:
        curve: Rows with `step`, `detector` and `accuracy`.
    """
    from scipy.stats import spearmanr

    found, missing = [], []
    for name in dict.fromkeys(row["detector"] for row in curve):
        steps, accuracies = zip(
            *((row["step"], row["accuracy"]) for row in curve if row["detector"] == name),
            strict=True,
        )
        if len(steps) < 3:
            missing.append({"name": f"trend of {name}", "reason": "fewer than three snapshots"})
        elif len(set(accuracies)) == 1:
            reason = f"accuracy is {accuracies[0]:.1%} at every snapshot"
            missing.append({"name": f"trend of {name}", "reason": reason})
        else:
            rho, p = spearmanr(steps, accuracies)
            found.append({"detector": name, "spearman_rho": float(rho), "p_value": float(p)})
    return found, missing
