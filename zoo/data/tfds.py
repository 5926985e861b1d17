"""Reading a prepared TFDS dataset by index, without importing TensorFlow."""

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

    builder = tfds.builder_from_directory(folder)
    names = {
        key: feature.names
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.ClassLabel)
    }
    for split in builder.info.splits:
        for example in builder.as_data_source(split=split):
            yield {
                "split": split,
                **{key: _plain(value, names.get(key)) for key, value in example.items()},
            }


def _plain(value: Any, names: list[str] | None) -> Any:
    if names:
        return names[int(value)]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        item = value.item()
        return item.decode() if isinstance(item, bytes) else item
    return value
