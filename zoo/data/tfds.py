"""TensorFlow Datasets, kept quiet; a prepared dataset is read without importing TensorFlow."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def stored_examples(folder: Path) -> Iterator[dict[str, Any]]:
    """The examples of every split, official split names in the field `split`.

    Class labels come as their names, text as `str`.

    Args:
        folder: The version folder of a dataset stored as array_record.
    """
    import tensorflow_datasets as tfds

    with quiet():
        builder = tfds.builder_from_directory(folder)
        names = {
            key: feature.names
            for key, feature in builder.info.features.items()
            if isinstance(feature, tfds.features.ClassLabel)
        }
        for split in builder.info.splits:
            for example in builder.as_data_source(split=split):
                named = {key: _plain(value, names.get(key)) for key, value in example.items()}
                yield {"split": split, **named}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the bars and remarks of TFDS and TensorFlow, whose place zoo's own progress takes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow_datasets as tfds
    from absl import logging

    before = logging.get_verbosity()
    tfds.disable_progress_bar()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        tfds.enable_progress_bar()
        logging.set_verbosity(before)


def _plain(value: Any, names: list[str] | None) -> Any:
    if names:
        return names[int(value)]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        item = value.item()
        return item.decode() if isinstance(item, bytes) else item
    return value
