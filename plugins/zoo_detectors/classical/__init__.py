"""Detectors from scikit-learn: fast, and strong enough to see most artefacts of a GAN."""

from collections.abc import Iterator

import zoo

SPECTRA = "arXiv:2003.01826"


@zoo.hookimpl
def zoo_detectors() -> Iterator[zoo.Detector]:
    """Three classifiers on the same features."""
    for name, attribute, summary in (
        ("logistic", "Logistic", "Logistic regression on pixels, intensities and spectrum"),
        ("random-forest", "RandomForest", "Random forest on pixels, intensities and spectrum"),
        ("svm", "SupportVectors", "Calibrated RBF SVM on pixels, intensities and spectrum"),
    ):
        target = f"zoo_detectors.classical.model:{attribute}"
        yield zoo.Detector(name, target, summary, licence="MIT", paper=SPECTRA)
