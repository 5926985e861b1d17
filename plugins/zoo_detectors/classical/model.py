"""scikit-learn classifiers of images, saved with skops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from zoo.errors import ZooError
from zoo_detectors.classical.checked import check
from zoo_detectors.classical.features import ImageFeatures
from zoo_detectors.classical.pipeline import Classical

TREES = 100
HIDDEN = 64


class Logistic(Classical):
    """Logistic regression; tuned is the inverse strength of the L2 penalty."""

    settings = (0.1, 0.01, 1.0, 10.0)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Converges in well under the iterations that it may take."""
        return LogisticRegression(C=setting, max_iter=2000, random_state=self.seed)


class SupportVectors(Classical):
    """Support vectors with a radial kernel; tuned is the cost of a violated margin."""

    settings: ClassVar[tuple[float, ...]] = (1.0, 10.0)
    kernel: ClassVar[str] = "rbf"

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Probabilities by Platt's sigmoid, fitted to cross-validated scores."""
        folds = StratifiedKFold(min(3, smallest_class), shuffle=True, random_state=self.seed)
        machine = SVC(C=setting, kernel=self.kernel)
        return CalibratedClassifierCV(machine, ensemble=False, cv=folds)


class LinearSupportVectors(SupportVectors):
    """Support vectors without a kernel; tuned is the cost of a violated margin."""

    settings = (0.01, 0.1, 1.0)
    kernel = "linear"


class Neighbours(Classical):
    """The most similar training images vote; tuned is their number."""

    settings = (5, 1, 15)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """By comparison with every training image, for trees gain nothing in so many dimensions."""
        neighbours = min(int(setting), 2 * smallest_class)
        return KNeighborsClassifier(neighbours, weights="distance", algorithm="brute")


class DecisionTree(Classical):
    """One decision tree; tuned is the fewest images that a leaf may have."""

    settings = (5, 1, 20)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """A tree on all features."""
        return DecisionTreeClassifier(min_samples_leaf=int(setting), random_state=self.seed)

    @staticmethod
    def trees(fitted: Any) -> Sequence[Any]:
        """The tree."""
        return [fitted.tree_]


class RandomForest(Classical):
    """A hundred trees on random subsets; tuned is the fewest images that a leaf may have."""

    settings = (1, 5)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Trees on random subsets of the features."""
        return RandomForestClassifier(TREES, min_samples_leaf=int(setting), random_state=self.seed)

    @staticmethod
    def trees(fitted: Any) -> Sequence[Any]:
        """All of the forest."""
        return [tree.tree_ for tree in fitted.estimators_]


class GradientBoosting(Classical):
    """A hundred shallow trees, each on what is left to explain; tuned is the learning rate."""

    settings = (0.1, 0.3)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Trees of depth 3, each split on a random subset of the features."""
        return GradientBoostingClassifier(
            n_estimators=TREES,
            learning_rate=setting,
            max_features="sqrt",
            random_state=self.seed,
        )

    @staticmethod
    def trees(fitted: Any) -> Sequence[Any]:
        """One for each class and stage, or for each stage of two classes."""
        return [tree.tree_ for tree in fitted.estimators_.ravel()]


class NaiveBayes(Classical):
    """Normal distributions of independent features; tuned is what is added to their variances."""

    settings = (1e-9, 1e-3, 1e-1)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """The setting is a share of the largest variance."""
        return GaussianNB(var_smoothing=setting)


class Perceptron(Classical):
    """A network with one hidden layer of 64 units; tuned is the strength of its L2 penalty."""

    settings = (1e-3, 1.0)

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Trained by Adam until its loss no longer falls."""
        return MLPClassifier((HIDDEN,), alpha=setting, max_iter=1000, random_state=self.seed)


KINDS = (
    Logistic,
    LinearSupportVectors,
    SupportVectors,
    Neighbours,
    DecisionTree,
    RandomForest,
    GradientBoosting,
    NaiveBayes,
    Perceptron,
)


TREE = "sklearn.tree._tree.Tree"  # scikit-learn trusts its node indices, so `check` does not
TRUSTED = (
    TREE,
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    *(f"{cls.__module__}.{cls.__qualname__}" for cls in (*KINDS, ImageFeatures)),
)


def load(path: str | Path) -> Classical:
    """Read a detector that `save` wrote.

    Raises:
        zoo.errors.ZooError: If the file is not a skops file, names types that are not on our
            list or holds something other than one of our detectors.
    """
    try:
        types = set(skops.io.get_untrusted_types(file=path))
        if strangers := ", ".join(sorted(types - set(TRUSTED))):
            raise ZooError(f"{path} holds types that are not trusted: {strangers}")
        detector = skops.io.load(path, trusted=list(TRUSTED))
        check(detector, has_trees=TREE in types)
    except ZooError:
        raise
    except Exception as error:  # a crafted file may raise anything
        reason = " ".join(str(error).split())
        raise ZooError(f"cannot read the detector {path}: {reason}") from error
    return cast(Classical, detector)
