"""What a detector from a file must be before scikit-learn's compiled code may index by it."""

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from zoo.trees import check_tree
from zoo_detectors.classical.features import ImageFeatures
from zoo_detectors.classical.pipeline import Classical


def check(detector: Any, *, has_trees: bool) -> None:
    """Refuse what is no detector of ours, or has sizes that do not fit each other.

    Raises:
        TypeError: If it is of other parts.
        ValueError: If it is damaged.
    """
    if not isinstance(detector, Classical):
        raise TypeError(f"it holds a {type(detector).__name__}")
    steps = [type(step) for _, step in detector.pipeline_.steps]
    expected = type(detector.classifier(detector.setting_, 3))
    if steps != [ImageFeatures, StandardScaler, expected]:
        raise TypeError("its steps are not those of a " + type(detector).__name__)
    scaler, fitted = detector.pipeline_[1:]
    features, classes = scaler.n_features_in_, len(fitted.classes_)
    sizes = {len(scaler.mean_), len(scaler.scale_), fitted.n_features_in_}
    if sizes != {features} or not np.array_equal(detector.classes_, fitted.classes_):
        raise ValueError("its parts are of different sizes")
    trees = detector.trees(fitted)
    if bool(len(trees)) != has_trees:
        raise TypeError("its trees are not those of a " + type(detector).__name__)
    boosted = isinstance(fitted, GradientBoostingClassifier)
    if boosted:
        answers = fitted._raw_predict_init(np.zeros((1, features), np.float32)).shape[1]
        if fitted.estimators_.ndim != 2 or fitted.estimators_.shape[1] != answers:
            raise ValueError("its trees are damaged: too many in a stage")
    for tree in trees:
        _check_tree(tree, features, 1 if boosted else classes)
    if isinstance(fitted, CalibratedClassifierCV):
        for calibrated in fitted.calibrated_classifiers_:
            _check_machine(calibrated.estimator, features, classes)


def _check_tree(tree: Any, features: int, values: int) -> None:
    check_tree(tree, features)
    if tree.value.shape != (tree.node_count, 1, values):
        raise ValueError("a tree is damaged: its sizes do not fit")


def _check_machine(machine: Any, features: int, classes: int) -> None:
    """libsvm reads as many numbers as the counts of support vectors say."""
    if type(machine) is not SVC:
        raise TypeError(f"it calibrates a {type(machine).__name__}")
    n, pairs = len(machine.support_), classes * (classes - 1) // 2
    counts = np.asarray(machine._n_support)
    if not (
        machine.shape_fit_[1] == machine.n_features_in_ == features
        and len(machine.classes_) == classes
        and counts.shape == (classes,)
        and counts.min() >= 0
        and counts.sum() == n
        and machine.support_vectors_.shape == (n, features)
        and machine._dual_coef_.shape == machine.dual_coef_.shape == (classes - 1, n)
        and machine._intercept_.shape == machine.intercept_.shape == (pairs,)
        and machine._probA.size in (0, pairs)
        and machine._probB.size == machine._probA.size
    ):
        raise ValueError("its support vectors are damaged")
