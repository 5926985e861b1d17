"""Facts of many images in columns on disk, written row by row and read through a memory map."""

import contextlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

ROWS_AT_ONCE = 4096
NAMES = "names.json"


@dataclass
class Kind:
    """What the values of a column have been so far.

    Attributes:
        text: Length of the longest text; 0 if there is none.
        width: Numbers in each value, 0 for plain ones.
        whole: Whether all numbers are integers.
        rows: How many rows have a value.
    """

    text: int = 0
    width: int = 0
    whole: bool = True
    rows: int = 0

    def see(self, value: Any) -> None:
        """Take note of a value: text, a number, or a list of numbers."""
        self.rows += 1
        if isinstance(value, list):
            self.width, self.whole = len(value), False
        elif isinstance(value, str):
            self.text = max(self.text, len(value), 1)
        else:
            self.whole = self.whole and isinstance(value, int)

    def missing(self) -> Any:
        """What stands for a value that a row lacks."""
        return "" if self.text else np.nan

    def dtype(self, rows: int) -> str:
        """Of the column, where there are `rows` rows in all."""
        if self.text:
            return f"<U{self.text}"
        return "<i8" if self.whole and self.rows == rows else "<f8"


class ColumnWriter:
    """Rows that become columns, a few thousand of them in memory.

    Args:
        folder: Made; `read_columns` reads it when `finish` is through.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.kinds: dict[str, Kind] = {}
        self.count = 0
        self._rows = (folder / "rows").open("w+", encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of text, numbers and lists of numbers; rows may lack values."""
        plain = {name: _plain(value) for name, value in row.items()}
        for name, value in plain.items():
            self.kinds.setdefault(name, Kind()).see(value)
        self._rows.write(json.dumps(plain) + "\n")
        self.count += 1

    def drop(self, name: str) -> None:
        """Leave a column out."""
        self.kinds.pop(name, None)

    def finish(self) -> None:
        """Write the columns, numbers among texts as text, what a row lacks as "" or NaN."""
        names = sorted(self.kinds)
        # A map would end the process where the disk is full.
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(self._column(*named)) for named in enumerate(names)]
            self._rows.seek(0)
            while lines := list(itertools.islice(self._rows, ROWS_AT_ONCE)):
                rows = [json.loads(line) for line in lines]
                for name, file in zip(names, files, strict=True):
                    file.write(self._values(name, rows).tobytes())
        (self.folder / NAMES).write_text(json.dumps(names), encoding="utf-8")
        self.close()
        (self.folder / "rows").unlink()

    def _column(self, number: int, name: str) -> IO[bytes]:
        """The file of a column, with its header."""
        kind = self.kinds[name]
        shape = (self.count, kind.width) if kind.width else (self.count,)
        file = (self.folder / f"{number:03d}.npy").open("wb")
        header = {"descr": kind.dtype(self.count), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file

    def _values(self, name: str, rows: list[dict[str, Any]]) -> npt.NDArray[Any]:
        kind = self.kinds[name]
        values = [row.get(name, kind.missing()) for row in rows]
        return np.array(list(map(str, values)) if kind.text else values, kind.dtype(self.count))

    def close(self) -> None:
        """Close the file."""
        self._rows.close()


def read_columns(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The columns that a `ColumnWriter` wrote, memory-mapped, by name.

    Raises:
        OSError: If a file is missing.
        ValueError: If a file is damaged.
    """
    names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    return {
        name: np.load(folder / f"{number:03d}.npy", mmap_mode="r")
        for number, name in enumerate(names)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, np.ndarray)):
        return [float(item) for item in value]
    item = value.item() if isinstance(value, np.generic) else value
    return int(item) if isinstance(item, bool) else item
