"""Convolutional detectors on disk: numbers and facts, of which nothing is run."""

import inspect
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.runs.files import write_bytes
from zoo.values import annotation_of, convert

if TYPE_CHECKING:
    from zoo_detectors.cnn.network import ConvolutionalDetector

MOST_FACTS = 2**20  # bytes
MOST_CLASSES = 1000
LARGEST_SIDE = 8192

Weights = Sequence[npt.NDArray[Any]]


def save_weights(path: str | Path, weights: Weights) -> None:
    """Write arrays in their order, as `.npz`."""
    held = io.BytesIO()
    named: dict[str, Any] = {str(i): array for i, array in enumerate(weights)}
    np.savez(held, **named)
    write_bytes(Path(path).with_suffix(".npz"), held.getvalue())


def load_one_of(
    kinds: Sequence[type["ConvolutionalDetector"]], path: str | Path
) -> "ConvolutionalDetector":
    """Read a detector that `save` wrote.

    The network is built anew, so the file says no more than its size and its numbers.

    Args:
        kinds: What it may be.
        path: As `save` was given.

    Raises:
        zoo.errors.ZooError: If one of the two files is missing, damaged or of another network.
    """
    path = Path(path)
    try:
        detector, depth = _described(path.with_suffix(".json"), kinds)
        network = detector.empty(depth)
        detector.adopt(network, _read(path.with_suffix(".npz"), network.get_weights()))
    except Exception as error:  # a crafted file may raise anything
        reason = " ".join(str(error).split())
        raise ZooError(f"cannot read the detector {path}: {reason}") from error
    return detector


def _described(
    path: Path, kinds: Sequence[type["ConvolutionalDetector"]]
) -> tuple["ConvolutionalDetector", int]:
    """An unfitted detector that knows its classes and its images, and the depth of its average."""
    with path.open("rb") as file:
        text = file.read(MOST_FACTS + 1)
    if len(text) > MOST_FACTS:
        raise ValueError(f"{path.name} is too large")
    facts = json.loads(text)
    kind = {kind.__name__: kind for kind in kinds}[facts["kind"]]
    detector = kind(**_options(kind, dict(facts["options"])))
    classes, shape, depth = facts["classes"], facts["shape"], facts["depth"]
    if not (2 <= len(classes) <= MOST_CLASSES and len({type(name) for name in classes}) == 1):
        raise ValueError("its classes are damaged")
    if not isinstance(classes[0], (str, int)):
        raise ValueError("its classes are damaged")
    counts = [*shape, depth]
    if len(shape) != 3 or not all(type(n) is int and 1 <= n <= LARGEST_SIDE for n in counts):
        raise ValueError("the shape of its images is damaged")
    detector.classes_ = np.asarray(classes)
    detector.shape_ = tuple(shape)
    return detector, depth


def _options(kind: type["ConvolutionalDetector"], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options by their annotations, none of which makes a network too large for this machine."""
    parameters = inspect.signature(kind).parameters
    options = {
        name: convert(value, annotation_of(parameters[name]), key=name)
        for name, value in given.items()
    }
    for name, most in kind.limits.items():
        if (options.get(name) or 1) not in range(1, most + 1):
            raise ValueError(f"{name}={options[name]}: expected 1 to {most}")
    return options


def _read(path: Path, like: Weights) -> list[npt.NDArray[Any]]:
    """Arrays of the types and shapes of others; of each no more bytes are read than it has."""
    with ZipFile(path) as archive:
        if len(archive.infolist()) != len(like):
            raise ValueError(f"{len(archive.infolist())} arrays, expected {len(like)}")
        return [_array(archive, f"{i}.npy", array) for i, array in enumerate(like)]


def _array(archive: ZipFile, name: str, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if archive.getinfo(name).compress_type != ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(name) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{name} is of another format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
        if (shape, fortran, dtype) != (like.shape, False, like.dtype):
            raise ValueError(f"{name} is {dtype} {shape}, expected {like.dtype} {like.shape}")
        return np.frombuffer(member.read(like.nbytes), like.dtype).reshape(like.shape)
