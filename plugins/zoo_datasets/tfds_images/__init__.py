"""Any image dataset of TensorFlow Datasets."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the scheme `tfds:NAME`."""
    yield zoo.Dataset(
        "tfds",
        "zoo_datasets.tfds_images.images:TfdsImages",
        "tfds:NAME, any image dataset of TensorFlow Datasets; `zoo data fetch tfds:NAME` gets it",
        licence="as TFDS states it for the dataset",
        homepage="https://www.tensorflow.org/datasets/catalog",
        scheme="name",
        view="resize",
        verified=False,
    )
