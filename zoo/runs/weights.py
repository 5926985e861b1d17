"""Files of arrays as zoo writes weights, checked before anything is made of what they claim."""

import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.archive import open_zip
from zoo.errors import ZooError

ENTRY = re.compile(r"(v\d{4,}|facts)\.npy")


def check_weights(path: Path) -> None:
    """Refuse weights that are not plain arrays, or claim more than they hold.

    Raises:
        zoo.errors.ZooError: Saying so.
    """
    try:
        with open_zip(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
            if claimed > path.stat().st_size:
                raise ZooError(f"{path.name} is refused: it claims {claimed:,} bytes")
            for entry in archive.infolist():
                stored = entry.compress_type == zipfile.ZIP_STORED
                if not ENTRY.fullmatch(entry.filename) or not stored:
                    raise ZooError(f"{path.name} is refused: {entry.filename!r} is no weight")
                with archive.open(entry) as file:
                    if _claimed(file) != entry.file_size:
                        raise ZooError(f"{path.name} is refused: {entry.filename} is no array")
            if "facts.npy" not in archive.namelist():
                raise ZooError(f"{path.name} is damaged: it has no facts")
    except ZooError:
        raise
    except Exception as error:  # a crafted file may raise anything
        raise ZooError(f"{path.name} is damaged: {' '.join(str(error).split())}") from error


def _claimed(file: Any) -> int:
    """Bytes of the whole entry, by its header."""
    version = np.lib.format.read_magic(file)
    reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise ZooError("the weights are refused: they hold pickled objects")
    return int(file.tell()) + math.prod(shape) * int(dtype.itemsize)
