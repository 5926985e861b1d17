"""A detector that learns its own features: a small convolutional network in Keras."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_detectors() -> Iterator[zoo.Detector]:
    """One network, small enough for a CPU."""
    yield zoo.Detector(
        "small-cnn",
        "zoo_detectors.cnn.model:SmallCNN",
        "Small convolutional network, flips and shifts as augmentation",
        licence="MIT",
        framework="keras",
    )
