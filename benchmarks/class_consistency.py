"""Does a conditional generator make the class that it is asked for?

usage: python benchmarks/class_consistency.py --weights FILE [--runs FOLDER] [--only NAME …]

Classifiers are trained on real images of the parts `train` and `detect_train`, until one is right on
`validation` in 95 %; the one with the best balanced accuracy there is kept, measured on the real images of `test`, and then
asked about generated images, of which it has seen none. `--weights` are InceptionV3's up to mixed8:
one classifier is a logistic regression on its features, which learns from each image turned and
mirrored in all eight ways, and answers with the mean over the eight. Rows go to
results/class_consistency.json; a finished training under --runs is not repeated.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, measure

ASKED = 64  # generated images of each class
CLASSIFIERS = ("logistic", "random-forest", "svm", "inception mixed8")
LEARNT, JUDGED = 150, 400  # real images of each class to learn from; of a part to be measured on
SUFFICIENT = 0.95  # balanced accuracy from which no further classifier is tried
RECIPES = {"blood-cells": "cgan.blood-cells-64", "bbbc038 modality": "cgan.bbbc038-modality-64"}


class OnFeatures:
    """Logistic regression on InceptionV3's features at mixed8 of images in eight positions."""

    def __init__(self, weights: Path) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from zoo.plugins import find

        self.extractor = find("extractors", "inception-v3").load()(weights=weights, layer="mixed8")
        self.model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=300))

    def fit(self, images: Any, labels: Any, validation: Any = None) -> None:
        """Fit on uint8 images (n, H, W, C)."""
        features = self._features(images)
        self.model.fit(features.reshape(-1, features.shape[-1]), np.tile(labels, len(features)))
        self.classes_ = self.model.classes_

    def predict_proba(self, images: Any) -> Any:
        """Probabilities (n, classes)."""
        return np.mean([self.model.predict_proba(part) for part in self._features(images)], axis=0)

    def _features(self, images: Any) -> Any:
        """(8, n, d)."""
        from zoo.metrics.features import extract

        turned = [np.rot90(images, quarter, (1, 2)) for quarter in range(4)]
        positions = [*turned, *(image[:, :, ::-1] for image in turned)]
        return np.stack([extract(self.extractor, np.ascontiguousarray(p)) for p in positions])


def consistency(name: str, runs: Path, weights: Path) -> dict[str, Any]:
    """Train the generator and the classifiers; the recall of each class, real and generated."""
    import zoo
    from zoo.runs.folder import list_runs

    folder = runs / RECIPES[name]
    trained = [run for run in list_runs(folder) if run.status == "finished"]
    run = trained[0] if trained else zoo.run(RECIPES[name], eval=False, out=str(folder))
    recipe = run.recipe
    images = zoo.load("dataset", recipe["data"], image_size=64, label=recipe["settings"]["label"])
    classifier, found = best_classifier(images, weights)
    gan = zoo.load("run", run.path)
    asked = np.repeat(np.arange(len(images.class_names)), ASKED)
    made = gan.sample(len(asked), labels=asked, seed=1)
    answers = predicted(classifier, made)
    names = images.class_names
    return {
        "run": run.path.name,
        "recipe": RECIPES[name],
        "kimg": run.manifest["kimg"],
        "findings": [finding["title"] for finding in run.manifest.get("findings", [])],
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

    shown, labels = balanced(images.split("train", "detect_train"))
    judged, truth = some(images.split("validation"))
    accuracies, fitted = {}, {}
    for name in CLASSIFIERS:
        record = None if name == "inception mixed8" else find("detectors", name)
        fitted[name] = record.load()(seed=0) if record else OnFeatures(weights)
        fitted[name].fit(shown, labels, validation=(judged, truth))
        answers = predicted(fitted[name], judged)
        accuracies[name] = float(balanced_accuracy_score(truth, answers))
        if accuracies[name] >= SUFFICIENT:
            break
    best = max(accuracies, key=accuracies.__getitem__)
    return fitted[best], {"classifier": best, "validation_balanced_accuracy": accuracies}


def balanced(images: Any) -> tuple[Any, Any]:
    """As many images of each class, the rarer ones repeated, and their labels."""
    rng = np.random.default_rng(0)
    counts = np.bincount(images.labels)
    n = min(LEARNT, int(counts.max()))
    chosen = [
        np.resize(rng.permutation(np.flatnonzero(images.labels == label)), n)
        for label in np.flatnonzero(counts)
    ]
    rows = rng.permutation(np.concatenate(chosen))
    return images[rows], images.labels[rows]


def some(images: Any) -> tuple[Any, Any]:
    """Images drawn at random, and their labels."""
    rows = np.sort(np.random.default_rng(0).permutation(len(images))[:JUDGED])
    return images[rows], images.labels[rows]


def predicted(classifier: Any, images: Any) -> "np.ndarray[Any, Any]":
    """The most probable class of each image."""
    answers: np.ndarray[Any, Any] = classifier.classes_[
        classifier.predict_proba(images).argmax(axis=1)
    ]
    return answers


def recalls(images: Any, classifier: Any, names: Any) -> dict[str, Any]:
    """Recall of each class that the images hold."""
    judged, truth = some(images)
    answers = predicted(classifier, judged)
    return {
        names[label]: float((answers[truth == label] == label).mean()) for label in np.unique(truth)
    }


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(RECIPES))
    given = parser.parse_args()
    rows = measure(
        RESULTS / "class_consistency.json",
        {name: lambda n=name: consistency(n, given.runs, given.weights) for name in given.only},
    )
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
