"""A PyTorch state dict read as NumPy arrays, without PyTorch and without running its pickle.

The pickle in such a file may name three things only: an ordered dictionary, the storage types and
the function that makes a tensor of a storage, which here is a record. Anything else is refused.
"""

import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
}
DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError),
    *(OSError, RuntimeError, TypeError, ValueError, zlib.error),
)

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Storage:
    """A named block of numbers in the file."""

    key: str
    dtype: np.dtype[Any]


class Tensor:
    """A view into a storage, as the pickle describes it."""

    def __init__(
        self,
        storage: Storage,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        *_: object,
    ) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def read(self, content: bytes) -> npt.NDArray[Any]:
        """The array, of the storage's bytes."""
        dtype = self.storage.dtype
        numbers = np.frombuffer(content, dtype)
        steps = list(zip(self.size, self.stride, strict=True))
        last = self.offset + sum((n - 1) * step for n, step in steps)
        # Steps of 0 would make any number of values of one.
        if (
            min((self.offset, *self.size, *self.stride)) < 0
            or last >= len(numbers)
            or math.prod(self.size) > len(numbers)
        ):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [step * dtype.itemsize for step in self.stride]
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.size, strides)
        return view.copy()


class Reader(pickle.Unpickler):
    """Builds dictionaries of `Tensor` records and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a tensor is in."""
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"it refers to a {kind}")
        return Storage(str(key), dtype)


def read_state(path: Path) -> Arrays:
    """The arrays of a state dict by name, from either format of `torch.save`.

    Raises:
        zoo.errors.ZooError: If the file is damaged, no state dict, or names anything but tensors.
    """
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with path.open("rb") as file:
            return _read_stream(file)
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ZooError(f"{path} is damaged or no PyTorch state dict: {reason}") from error


def _read_zip(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed")
        (member,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        folder = member.removesuffix("data.pkl")
        with archive.open(member) as file:
            tensors = _tensors(Reader(file).load())
        contents = {t.storage.key: f"{folder}data/{t.storage.key}" for t in tensors.values()}
        return {
            name: tensor.read(archive.read(contents[tensor.storage.key]))
            for name, tensor in tensors.items()
        }


def _read_stream(file: IO[bytes]) -> Arrays:
    """The format before PyTorch 1.6: pickles, then all storages in the order of their keys."""
    if Reader(file).load() != MAGIC or Reader(file).load() != VERSION:
        raise ValueError("it does not begin as one")
    Reader(file).load()  # of the machine that wrote it
    tensors = _tensors(Reader(file).load())
    sizes = {t.storage.key: t.storage.dtype.itemsize for t in tensors.values()}
    contents = {}
    for key in Reader(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        contents[key] = file.read(count * sizes[key])
    return {name: tensor.read(contents[tensor.storage.key]) for name, tensor in tensors.items()}


def _tensors(state: Any) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError("it holds no tensors by name")
    return state
