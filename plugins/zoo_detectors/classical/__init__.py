"""Detectors from scikit-learn: fast, and strong enough to see most artefacts of a GAN."""

from collections.abc import Iterator

import zoo

SPECTRA = "arXiv:2003.01826"
SUPPORT_VECTORS = "doi:10.1007/BF00994018"
CLASSIFIERS = (
    ("logistic", "Logistic", "Logistic regression", "doi:10.1111/j.2517-6161.1958.tb00292.x"),
    ("linear-svm", "LinearSupportVectors", "Calibrated linear SVM", SUPPORT_VECTORS),
    ("svm", "SupportVectors", "Calibrated RBF SVM", SUPPORT_VECTORS),
    ("knn", "Neighbours", "Nearest neighbours", "doi:10.1109/TIT.1967.1053964"),
    ("decision-tree", "DecisionTree", "Decision tree", ""),
    ("random-forest", "RandomForest", "Random forest", "doi:10.1023/A:1010933404324"),
    ("gradient-boosting", "GradientBoosting", "Gradient boosting", "doi:10.1214/aos/1013203451"),
    ("naive-bayes", "NaiveBayes", "Gaussian naive Bayes", ""),
    ("mlp", "Perceptron", "Multi-layer perceptron", "doi:10.1038/323533a0"),
)


@zoo.hookimpl
def zoo_detectors() -> Iterator[zoo.Detector]:
    """Nine classifiers on the same features, by default pixels, intensities and spectrum."""
    for name, attribute, summary, paper in CLASSIFIERS:
        target = f"zoo_detectors.classical.model:{attribute}"
        text = f"{summary} on pixels, intensities and spectrum, or on features=…"
        yield zoo.Detector(name, target, text, licence="MIT", paper=f"{paper} {SPECTRA}".strip())
