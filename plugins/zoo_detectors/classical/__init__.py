"""Detectors from scikit-learn: fast, and strong enough to see most artefacts of a GAN."""

from collections.abc import Iterator

import zoo

SPECTRA = "arXiv:2003.01826"
CLASSIFIERS = (
    ("logistic", "Logistic", "Logistic regression"),
    ("linear-svm", "LinearSupportVectors", "Calibrated linear SVM"),
    ("svm", "SupportVectors", "Calibrated RBF SVM"),
    ("knn", "Neighbours", "Nearest neighbours"),
    ("decision-tree", "DecisionTree", "Decision tree"),
    ("random-forest", "RandomForest", "Random forest"),
    ("gradient-boosting", "GradientBoosting", "Gradient boosting"),
    ("naive-bayes", "NaiveBayes", "Gaussian naive Bayes"),
    ("mlp", "Perceptron", "Multi-layer perceptron"),
)


@zoo.hookimpl
def zoo_detectors() -> Iterator[zoo.Detector]:
    """Nine classifiers on the same features, by default pixels, intensities and spectrum."""
    for name, attribute, summary in CLASSIFIERS:
        target = f"zoo_detectors.classical.model:{attribute}"
        text = f"{summary} on pixels, intensities and spectrum, or on features=…"
        yield zoo.Detector(name, target, text, licence="MIT", paper=SPECTRA)
