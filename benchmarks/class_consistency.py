"""Does a conditional generator make the class that it is asked for?

usage: python benchmarks/class_consistency.py --weights FILE [--runs FOLDER] [--kimg N]

Each classifier is trained on real images of the parts `train` and `detect_train`; the one with the
best balanced accuracy on `validation` is kept, measured on the real images of `test`, and then
asked about generated images, of which it has seen none. `--weights` are InceptionV3's up to mixed8,
whose features are one of the classifiers' inputs. Rows go to results/class_consistency.json.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, measure

ASKED = 256  # generated images of each class
CLASSIFIERS = ("logistic", "random-forest", "svm", "inception mixed8")
# Dataset, label, and options beside the quick preset.
SETS: Mapping[str, tuple[str, str | None, Mapping[str, Any]]] = {
    "blood-cells": ("blood-cells", None, {"flips": "dihedral", "augment": "ada"}),
    "bbbc038 modality": ("bbbc/bbbc038", "modality", {"flips": "dihedral"}),
}


class OnFeatures:
    """Logistic regression on InceptionV3's features at mixed8."""

    def __init__(self, weights: Path) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from zoo.plugins import find

        self.extractor = find("extractors", "inception-v3").load()(weights=weights, layer="mixed8")
        self.model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))

    def fit(self, images: Any, labels: Any, validation: Any = None) -> None:
        """Fit on uint8 images (n, H, W, C)."""
        self.model.fit(self._features(images), labels)
        self.classes_ = self.model.classes_

    def predict_proba(self, images: Any) -> Any:
        """Probabilities (n, classes)."""
        return self.model.predict_proba(self._features(images))

    def _features(self, images: Any) -> Any:
        from zoo.metrics.features import extract

        return extract(self.extractor, images)


def consistency(name: str, runs: Path, kimg: float, weights: Path) -> dict[str, Any]:
    """Train the generator and the classifiers; the recall of each class, real and generated."""
    import zoo

    data, label, options = SETS[name]
    settings = {"kimg": kimg, "image_size": 64, "label": label, "preset": "quick"}
    run = zoo.run("cgan", data, **settings, options=dict(options), eval=False, out=str(runs))
    images = zoo.load("dataset", data, image_size=64, label=label)
    classifier, found = best_classifier(images, weights)
    gan = zoo.load("run", run.path)
    asked = np.repeat(np.arange(len(images.class_names)), ASKED)
    made = gan.sample(len(asked), labels=asked, seed=1)
    answers = np.concatenate(
        [predicted(classifier, made[at : at + 256]) for at in range(0, len(made), 256)]
    )
    names = images.class_names
    return {
        "run": run.path.name,
        "kimg": run.manifest["kimg"],
        **found,
        "chance": 1 / len(names),
        "real_test_recall": recalls(images.split("test"), classifier, names),
        "generated_recall": {
            names[i]: float((answers[asked == i] == i).mean()) for i in range(len(names))
        },
        "generated_accuracy": float((answers == asked).mean()),
        "confusion": {
            names[i]: {names[j]: int((answers[asked == i] == j).sum()) for j in range(len(names))}
            for i in range(len(names))
        },
    }


def best_classifier(images: Any, weights: Path) -> tuple[Any, dict[str, Any]]:
    """The classifier that is best on `validation`, and how good each is there."""
    from sklearn.metrics import balanced_accuracy_score

    from zoo.plugins import find

    training, validation = images.split("train", "detect_train"), images.split("validation")
    shown, labels = balanced(training[:], training.labels)
    accuracies, fitted = {}, {}
    for name in CLASSIFIERS:
        on_features = name == "inception mixed8"
        record = None if on_features else find("detectors", name)
        fitted[name] = record.load()(seed=0) if record else OnFeatures(weights)
        fitted[name].fit(shown, labels, validation=(validation[:], validation.labels))
        answers = predicted(fitted[name], validation[:])
        accuracies[name] = float(balanced_accuracy_score(validation.labels, answers))
    best = max(accuracies, key=accuracies.__getitem__)
    return fitted[best], {"classifier": best, "validation_balanced_accuracy": accuracies}


def balanced(images: "np.ndarray[Any, Any]", labels: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
    """As many images of each class, at most 1,500, the rarer ones repeated."""
    rng = np.random.default_rng(0)
    n = min(1500, int(np.bincount(labels).max()))
    chosen = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        chosen.append(np.resize(rows, n))
    rows = rng.permutation(np.concatenate(chosen))
    return images[rows], labels[rows]


def predicted(classifier: Any, images: Any) -> "np.ndarray[Any, Any]":
    """The most probable class of each image."""
    answers: np.ndarray[Any, Any] = classifier.classes_[
        classifier.predict_proba(images).argmax(axis=1)
    ]
    return answers


def recalls(images: Any, classifier: Any, names: Any) -> dict[str, Any]:
    """Recall of each class that the images hold."""
    answers = predicted(classifier, images[:])
    return {
        names[label]: float((answers[images.labels == label] == label).mean())
        for label in np.unique(images.labels)
    }


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--kimg", type=float, default=40.0)
    parser.add_argument("--only", nargs="+", default=list(SETS))
    given = parser.parse_args()
    rows = measure(
        RESULTS / "class_consistency.json",
        {
            name: lambda n=name: consistency(n, given.runs, given.kimg, given.weights)
            for name in given.only
        },
    )
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
