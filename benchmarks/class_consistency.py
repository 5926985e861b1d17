"""Does a conditional generator make the class that it is asked for?

usage: python benchmarks/class_consistency.py --weights FILE [--runs FOLDER] [--only NAME …]

Classifiers are trained on real images of the parts `train` and `detect_train`, measured on real
images of `validation` and `test`, and asked about generated images, of which they have seen none;
the one that is best on `validation` is the judge. `--weights` are InceptionV3's up to mixed8: one
classifier is a logistic regression on its features, which learns from each image and its mirror
images, and answers with the mean over them. Rows go to results/class_consistency.json; a finished
training under --runs is not repeated.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, measure

ASKED = 64  # generated images of each class
CLASSIFIERS = ("logistic", "random-forest", "svm", "inception mixed8")
LEARNT, JUDGED = 150, 150  # real images of each class to learn from; of a part to be measured on
PARTS = ("validation", "test")
RECIPES = {"blood-cells": "cgan.blood-cells-64", "bbbc038 modality": "cgan.bbbc038-modality-64"}


class OnFeatures:
    """Logistic regression on InceptionV3's features at mixed8 of images and their mirror images."""

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
        """(4, n, d)."""
        from zoo.metrics.features import extract

        mirrored = images[:, :, ::-1]
        positions = [images, mirrored, images[:, ::-1], mirrored[:, ::-1]]
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
    gan = zoo.load("run", run.path)
    names = images.class_names
    asked = np.repeat(np.arange(len(names)), ASKED)
    made = gan.sample(len(asked), labels=asked, seed=1)
    classifiers = {}
    for name_of, classifier in fitted(images, weights):
        on = {part: answered(classifier, *some(images.split(part)), names) for part in PARTS}
        classifiers[name_of] = {**on, "generated": answered(classifier, made, asked, names)}
    return {
        "run": run.path.name,
        "recipe": RECIPES[name],
        "kimg": run.manifest["kimg"],
        "findings": [finding["title"] for finding in run.manifest.get("findings", [])],
        "chance": 1 / len(names),
        "judge": max(classifiers, key=lambda c: classifiers[c]["validation"]["mean_recall"]),
        "classifiers": classifiers,
    }


def fitted(images: Any, weights: Path) -> Iterator[tuple[str, Any]]:
    """Each classifier, trained, with its name."""
    from zoo.plugins import find

    learnt = balanced(images.split("train", "detect_train"))
    for name in CLASSIFIERS:
        record = None if name == "inception mixed8" else find("detectors", name)
        classifier = record.load()(seed=0) if record else OnFeatures(weights)
        classifier.fit(*learnt, validation=some(images.split("validation")))
        yield name, classifier


def answered(classifier: Any, images: Any, labels: Any, names: Any) -> dict[str, Any]:
    """Recall of each class, their mean, and how often each answer was given to each class."""
    answers = classifier.classes_[classifier.predict_proba(images).argmax(axis=1)]
    given = {label: answers[labels == label] for label in np.unique(labels)}
    recall = {names[label]: float((of == label).mean()) for label, of in given.items()}
    return {
        "mean_recall": float(np.mean(list(recall.values()))),
        "recall": recall,
        "answers": {
            names[label]: {names[a]: int((of == a).sum()) for a in range(len(names))}
            for label, of in given.items()
        },
    }


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
