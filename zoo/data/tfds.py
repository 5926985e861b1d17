"""TensorFlow Datasets, kept quiet; a prepared dataset is read without importing TensorFlow."""

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from zoo.data.download import check_reachable
from zoo.data.home import home
from zoo.data.locking import lock, staged
from zoo.data.tfds_folders import INFO, find_prepared, parsed
from zoo.device import configure
from zoo.errors import UsageError, ZooError
from zoo.filenames import file_name
from zoo.plugins import unknown
from zoo.progress import moves
from zoo.specs import Archive

UNLABELLED = "unlabelled"
CATALOG = "https://www.tensorflow.org/datasets/catalog"


def stored_examples(folder: Path) -> Iterator[dict[str, Any]]:
    """The examples of every split, official split names in the field `split`.

    Class labels come as their names, text as `str`; an empty array, such as the mask of an image
    without one, is left out.

    Args:
        folder: The version folder of a dataset stored as array_record.
    """
    import tensorflow_datasets as tfds

    with quiet():
        builder = tfds.builder_from_directory(folder)
        names = class_names(builder.info.features)
        for split in builder.info.splits:
            for example in builder.as_data_source(split=split):
                named = {
                    key: plain(value, names.get(key))
                    for key, value in example.items()
                    if not isinstance(value, np.ndarray) or value.size
                }
                yield {"split": split, **named}


def raw_records(builder: Any, split: str) -> Iterator[bytes]:
    """The serialised examples of a split, in the order in which they are stored.

    Args:
        builder: Of a dataset stored as array_record, read by random access, or as tfrecord, for
            which TensorFlow is imported.
        split: An official split.

    Raises:
        zoo.errors.ZooError: If it is stored otherwise, damaged or not whole.
    """
    stored = builder.info.file_format.value
    if stored not in ("array_record", "tfrecord"):
        raise ZooError(f"{builder.data_dir} is {stored}; array_record and tfrecord are read")
    read = _tfrecords if stored == "tfrecord" else _array_records
    n, whole = 0, builder.info.splits[split].num_examples
    try:
        for record in read(builder, split):
            yield record
            n += 1
    except Exception as error:  # readers have errors of their own
        raise ZooError(f"{builder.data_dir}, {split}: {_line(error)}; prepare it again") from error
    if n != whole:
        raise ZooError(f"{builder.data_dir}, {split}: {n} of {whole} examples; prepare it again")


def _array_records(builder: Any, split: str) -> Iterator[bytes]:
    import tensorflow_datasets as tfds

    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    source = builder.as_data_source(split=split, deserialize_method=raw)
    yield from (source[position] for position in range(len(source)))


def _tfrecords(builder: Any, split: str) -> Iterator[bytes]:
    configure()
    import tensorflow as tf

    files = [str(path) for path in builder.info.splits[split].filepaths]
    yield from tf.data.TFRecordDataset(files).as_numpy_iterator()


@contextlib.contextmanager
def quiet(*, bars: bool = False) -> Iterator[None]:
    """Without the remarks of TFDS and TensorFlow, and unless `bars` without their progress."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow_datasets as tfds
    from absl import logging

    before = logging.get_verbosity()
    if not bars:
        tfds.disable_progress_bar()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        tfds.enable_progress_bar()
        logging.set_verbosity(before)


def class_names(features: Any) -> dict[str, list[str]]:
    """Names of the classes of each feature that is a class label."""
    import tensorflow_datasets as tfds

    labels = tfds.features.ClassLabel
    return {key: kind.names for key, kind in features.items() if isinstance(kind, labels)}


def plain(value: Any, names: list[str] | None = None) -> Any:
    """A feature's value as text or a number; with `names`, the name of the class.

    TFDS writes -1 for the hidden labels of a test split, which become `UNLABELLED`.
    """
    if names:
        return names[int(value)] if int(value) >= 0 else UNLABELLED
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        item = value.item()
        return item.decode() if isinstance(item, bytes) else item
    return value


def prepare_named(name: str) -> Path:
    """Let TFDS download and prepare a dataset in zoo's own folder, stored as array_record.

    TFDS takes minutes to give up on a host that does not answer, so each host is asked first. It
    checks the hashes of what it downloads, which is kept until it is prepared.

    Args:
        name: As TFDS writes it.

    Returns:
        The version folder; at once if `find_prepared` knows it.

    Raises:
        zoo.errors.UsageError: If TFDS has no such dataset, config or version.
        zoo.errors.ZooError: If a host does not answer, files must be had by hand, or TFDS fails.
    """
    if found := find_prepared(name):
        return found
    planned = _builder(name, home() / "tfds")
    folder = Path(planned.data_dir)
    files = planned_downloads(planned)
    if files and planned.MANUAL_DOWNLOAD_INSTRUCTIONS is None:
        _announce(name, files)
    with lock(folder, f"tfds:{name}"):
        if not (folder / INFO).is_file():
            with staged(folder) as staging:
                _prepare(name, staging)
    shutil.rmtree(_downloads(name), ignore_errors=True)
    return folder


def plan_named(name: str) -> tuple[tuple[Archive, ...], Path]:
    """What `prepare_named` downloads and which folder it fills, found without a network.

    Raises:
        zoo.errors.UsageError: If TFDS has no such dataset, config or version.
    """
    builder = _builder(name, home() / "tfds")
    return planned_downloads(builder), Path(builder.data_dir)


def planned_downloads(builder: Any) -> tuple[Archive, ...]:
    """The files that TFDS has on record for a dataset, those of its other configs among them."""
    return tuple(
        Archive(info.filename or url.rpartition("/")[2], url, info.size, {info.checksum: "TFDS"})
        for url, info in builder.url_infos.items()
    )


def check_known(name: str) -> None:
    """Check that TFDS has a dataset and its config, without a network.

    Raises:
        zoo.errors.UsageError: If it has not; the message names the closest.
    """
    import difflib

    import tensorflow_datasets as tfds

    dataset, config, _ = parsed(name)
    known = tfds.list_builders(with_community_datasets=False)
    if dataset not in known:
        close = difflib.get_close_matches(dataset, known, n=1)
        hint = f"; did you mean tfds:{close[0]}?" if close else ""
        raise UsageError(f"TFDS has no dataset {dataset!r}{hint} {CATALOG} shows all")
    if not config:
        return
    configs = [config.name for config in tfds.builder_cls(dataset).BUILDER_CONFIGS]
    if not configs:
        raise UsageError(f"tfds:{dataset} has no configs; write tfds:{dataset}")
    if config not in configs:
        raise unknown(f"config of tfds:{dataset}", config, configs)


def _builder(name: str, data_dir: Path) -> Any:
    import tensorflow_datasets as tfds

    check_known(name)
    try:
        with quiet():
            return tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except Exception as error:  # whatever a dataset's own module raises
        reason = str(error).rpartition('}": ')[2].strip() or type(error).__name__
        raise UsageError(f"tfds:{name}: {reason}") from error


def _announce(name: str, files: tuple[Archive, ...]) -> None:
    hosts = {urlsplit(file.url).netloc: file.url for file in files}
    for url in hosts.values():
        check_reachable(url)
    size = f"{sum(file.size for file in files) / 1e6:,.0f} MB"
    print(f"tfds:{name}: {size} from {', '.join(hosts)}", file=sys.stderr)


def _prepare(name: str, staging: Path) -> None:
    """Prepare below a folder of its own, then keep the version's files alone."""
    import tensorflow_datasets as tfds

    configure()  # loads TensorFlow, which TFDS needs for writing, without its remarks
    work, manual = staging / "work", _downloads("manual") / parsed(name)[0]
    builder = _builder(name, work)
    config = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    try:
        with quiet(bars=moves()), contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_dir=_downloads(name), download_config=config)
    except Exception as error:  # whatever a dataset's own module raises
        raise ZooError(f"tfds:{name} cannot be prepared: {_line(error)}") from error
    for file in Path(builder.data_dir).iterdir():
        file.rename(staging / file.name)
    shutil.rmtree(work)


def _downloads(name: str) -> Path:
    return home() / "downloads" / "tfds" / file_name(name)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
