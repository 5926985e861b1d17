"""Three scikit-learn classifiers of images, saved with skops."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self, cast
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from zoo.errors import ZooError
from zoo.runs.files import write_bytes
from zoo_detectors.classical.features import ImageFeatures

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]


class Classical(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A pipeline features → standardisation → classifier with one tuned setting.

    Attributes:
        classes_: (k,) the labels, sorted.
        pipeline_: The fitted `sklearn.pipeline.Pipeline`.
        setting_: The value of `grid` that did best on the validation images.
    """

    seed: int
    side: int
    bins: int
    grid: tuple[float, ...]

    @abstractmethod
    def classifier(self, setting: float, smallest_class: int) -> Any:
        """The unfitted last step.

        Args:
            setting: One value of `grid`.
            smallest_class: Number of training images in the smallest class.
        """

    def fit(
        self, images: Images, labels: Labels, validation: tuple[Images, Labels] | None = None
    ) -> Self:
        """Learn from uint8 images (n, H, W, C) with n labels.

        Args:
            images: Training images.
            labels: Their labels, integers or strings, two classes or more.
            validation: Images and labels on which the setting with the lowest log loss is
                chosen; without them it is the first of `grid`.
        """
        features = ImageFeatures(self.side, self.bins)
        self.classes_, counts = np.unique(labels, return_counts=True)
        settings = self.grid if validation else self.grid[:1]
        best = 0
        with threadpool_limits(1, user_api="blas"):  # threads cost more than they bring here
            seen = features.transform(images)
            fitted = [self._pipeline(s, int(counts.min())).fit(seen, labels) for s in settings]
            if validation:
                unseen = features.transform(validation[0])
                losses = [self._loss(pipeline, unseen, validation[1]) for pipeline in fitted]
                best = int(np.argmin(losses))
        self.setting_ = settings[best]
        self.pipeline_ = Pipeline([("features", features), *fitted[best].steps])
        return self

    def _pipeline(self, setting: float, smallest_class: int) -> Pipeline:
        classifier = self.classifier(setting, smallest_class)
        return Pipeline([("scale", StandardScaler()), ("classify", classifier)])

    def _loss(self, pipeline: Pipeline, features: npt.NDArray[np.float32], labels: Labels) -> float:
        return float(log_loss(labels, pipeline.predict_proba(features), labels=self.classes_))

    def predict_proba(self, images: Images) -> npt.NDArray[np.float64]:
        """(n, k) probabilities, columns as in `classes_`."""
        with threadpool_limits(1, user_api="blas"):
            return np.asarray(self.pipeline_.predict_proba(images), np.float64)

    def predict(self, images: Images) -> Labels:
        """(n,) the most probable labels."""
        return np.asarray(self.classes_[self.predict_proba(images).argmax(axis=1)])

    def save(self, path: str | Path) -> None:
        """Write a skops file, which holds no code."""
        write_bytes(Path(path), skops.io.dumps(self))


class Logistic(Classical):
    """Logistic regression; `grid` holds inverse strengths of the L2 penalty."""

    def __init__(
        self,
        seed: int = 0,
        *,
        side: int = 8,
        bins: int = 24,
        grid: tuple[float, ...] = (0.1, 0.01, 1.0, 10.0),
    ) -> None:
        self.seed = seed
        self.side = side
        self.bins = bins
        self.grid = grid

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Converges in well under the iterations that it may take."""
        return LogisticRegression(C=setting, max_iter=2000, random_state=self.seed)


class RandomForest(Classical):
    """Random forest; `grid` holds the fewest images that a leaf may have."""

    def __init__(
        self,
        seed: int = 0,
        *,
        side: int = 8,
        bins: int = 24,
        grid: tuple[float, ...] = (1, 5),
        trees: int = 100,
    ) -> None:
        self.seed = seed
        self.side = side
        self.bins = bins
        self.grid = grid
        self.trees = trees

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Trees on random subsets of the features."""
        return RandomForestClassifier(
            self.trees, min_samples_leaf=int(setting), random_state=self.seed
        )


class SupportVectors(Classical):
    """Support vectors with a radial kernel; `grid` holds the cost of a violated margin."""

    def __init__(
        self,
        seed: int = 0,
        *,
        side: int = 8,
        bins: int = 24,
        grid: tuple[float, ...] = (1.0, 10.0),
    ) -> None:
        self.seed = seed
        self.side = side
        self.bins = bins
        self.grid = grid

    def classifier(self, setting: float, smallest_class: int) -> Any:
        """Probabilities by Platt's sigmoid, fitted to cross-validated scores."""
        folds = StratifiedKFold(min(3, smallest_class), shuffle=True, random_state=self.seed)
        return CalibratedClassifierCV(SVC(C=setting), ensemble=False, cv=folds)


TREE = "sklearn.tree._tree.Tree"  # scikit-learn trusts its node indices, so _check_tree does not
TRUSTED = (
    TREE,
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.model_selection._split.StratifiedKFold",
    *(
        f"{cls.__module__}.{cls.__qualname__}"
        for cls in (Logistic, RandomForest, SupportVectors, ImageFeatures)
    ),
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
        _check(detector, has_trees=TREE in types)
    except (OSError, BadZipFile, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ZooError(f"cannot read the detector {path}: {error}") from error
    return cast(Classical, detector)


def _check(detector: Any, *, has_trees: bool) -> None:
    if not isinstance(detector, Classical):
        raise TypeError(f"it holds a {type(detector).__name__}")
    steps = [type(step) for _, step in detector.pipeline_.steps]
    expected = type(detector.classifier(detector.setting_, 3))
    forest = expected is RandomForestClassifier
    if steps != [ImageFeatures, StandardScaler, expected] or has_trees != forest:
        raise TypeError("its steps are not those of a " + type(detector).__name__)
    for tree in detector.pipeline_[-1].estimators_ if forest else ():
        _check_tree(tree.tree_)


def _check_tree(tree: Any) -> None:
    """Refuse node indices that would make scikit-learn read outside its arrays."""
    node = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    forward = (left > node) & (right > node) & (np.maximum(left, right) < tree.node_count)
    known = (tree.feature >= 0) & (tree.feature < tree.n_features)
    if not np.all(leaf | (forward & known)):
        raise ValueError("a tree is damaged")
