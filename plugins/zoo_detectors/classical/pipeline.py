"""What the classical detectors share: features, tuning, probabilities, files."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from zoo.metrics.weights import find_layer, find_weights
from zoo.runs.files import write_bytes
from zoo_detectors.classical.features import DEFAULT, Feature, ImageFeatures

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]


class Classical(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A pipeline features → standardisation → classifier with one tuned setting.

    Args:
        seed: Of whatever the classifier draws.
        features: Blocks of features, as `ImageFeatures` describes them.
        side: Height and width that the block `pixels` is averaged down to.
        bins: Number of bins of the blocks `histogram` and `spectrum`.
        grid: Values of the one setting that is tuned; `None` for the classifier's own.
        weights: A weights file of InceptionV3, for the block `inception`.
        layer: The layer of InceptionV3, for the block `inception`.

    Attributes:
        classes_: (k,) the labels, sorted.
        pipeline_: The fitted `sklearn.pipeline.Pipeline`.
        setting_: The value of the grid that did best on the validation images.
    """

    settings: ClassVar[tuple[float, ...]]

    def __init__(
        self,
        seed: int = 0,
        *,
        features: tuple[Feature, ...] = DEFAULT,
        side: int = 8,
        bins: int = 24,
        grid: tuple[float, ...] | None = None,
        weights: str | None = None,
        layer: str | None = None,
    ) -> None:
        self.seed = seed
        self.features = features
        self.side = side
        self.bins = bins
        self.grid = grid
        self.weights = weights
        self.layer = layer

    @abstractmethod
    def classifier(self, setting: float, smallest_class: int) -> Any:
        """The unfitted last step.

        Args:
            setting: One value of the grid.
            smallest_class: Number of training images in the smallest class.
        """

    @property
    def weights_file(self) -> Path | None:
        """The weights of InceptionV3 that the features need, if they do.

        Raises:
            zoo.errors.NotComputed: If they are not in place.
            zoo.errors.UsageError: If there is no file of that path.
        """
        if "inception" not in self.features:
            return None
        given = None if self.weights is None else Path(self.weights)
        return find_weights(given, find_layer(self.layer))

    @staticmethod
    def trees(fitted: Any) -> Sequence[Any]:
        """The fitted decision trees in the last step, if it is made of such."""
        return ()

    def fit(
        self, images: Images, labels: Labels, validation: tuple[Images, Labels] | None = None
    ) -> Self:
        """Learn from uint8 images (n, H, W, C) with n labels.

        Args:
            images: Training images.
            labels: Their labels, integers or strings, two classes or more.
            validation: Images and labels on which the setting with the lowest log loss is
                chosen; without them it is the first of the grid.
        """
        features = ImageFeatures(
            tuple(self.features), self.side, self.bins, self.weights, self.layer
        ).fit(images)
        self.classes_, counts = np.unique(labels, return_counts=True)
        grid = self.settings if self.grid is None else tuple(self.grid)
        settings = grid if validation else grid[:1]
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
