"""The five networks of `keras.applications` by which published studies validate images."""

from collections.abc import Iterator

import zoo

NETWORKS = (
    ("resnet50", "ResNet50", "arXiv:1512.03385"),
    ("densenet121", "DenseNet121", "arXiv:1608.06993"),
    ("efficientnetb0", "EfficientNetB0", "arXiv:1905.11946"),
    ("vgg16", "VGG16", "arXiv:1409.1556"),
    ("inceptionv3", "InceptionV3", "arXiv:1512.00567"),
)


@zoo.hookimpl
def zoo_detectors() -> Iterator[zoo.Detector]:
    """Large networks, from scratch or from ImageNet weights on disk."""
    for name, attribute, paper in NETWORKS:
        yield zoo.Detector(
            name,
            f"zoo_detectors.applications.model:{attribute}",
            f"keras.applications.{attribute}, from scratch or with weights from disk",
            licence="Apache-2.0",
            paper=paper,
            framework="keras",
        )
