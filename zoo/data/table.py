"""Tables that say what images are: path, label, group, split and other facts of each."""

import csv
import io
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError

DELIMITERS = ",;\t"
KNOWN = ("path", "label", "group", "split")
NOT_FIELDS = ("", "path", "id", "image", "mask", "note", "rejected", "pixel_size", "window")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that names images.

    Attributes:
        file: Where it was read from.
        rows: Path to its rows; more than one if it is named twice.
    """

    file: Path
    rows: Mapping[str, Sequence[Row]]


def read_table(file: Path) -> Table:
    """Read a CSV: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.

    Raises:
        zoo.errors.UsageError: If it cannot be read, or has no header with `path`.
    """
    lines = [line for line in read_lines(file) if any(cell.strip() for cell in line)]
    header = [cell.strip() for cell in lines[0]] if lines else []
    keys = [cell.lower() if cell.lower() in KNOWN else cell for cell in header]
    if "path" not in keys:
        raise UsageError(
            f"{file}: the first line must name the columns, path among them "
            f"(path,label,group,split); it is {','.join(header)[:80]!r}"
        )
    if twice := sorted({key for key in keys if key and keys.count(key) > 1}):
        raise UsageError(f"{file}: two columns are called {twice[0]}")
    rows: dict[str, list[Row]] = defaultdict(list)
    for line in lines[1:]:
        row = dict(zip(keys, (cell.strip() for cell in line), strict=False))
        if not row.get("path"):
            raise UsageError(f"{file}: a row has no path: {','.join(line)}")
        facts = {key: row.get(key, "") for key in keys if key not in NOT_FIELDS}
        rows[_path(row["path"])].append(facts)
    return Table(file, rows)


def annotated(examples: Iterable[Mapping[str, Any]], table: Table) -> Iterator[Mapping[str, Any]]:
    """Examples with what a table says of them, by id; one of several frames may go by its file.

    An image without a row, without a label where the table has labels, or with rows that differ
    is set aside; a row without an image is told at the end.
    """
    left = dict.fromkeys(table.rows)
    for example in examples:
        name = same(str(example["id"]))
        key = name if name in table.rows else name.partition("#")[0]
        left.pop(key, None)
        yield _annotated(example, table.rows.get(key, ()), table)
    if left:
        print(
            f"warning: {table.file.name} names what the dataset does not hold: {some(list(left))}",
            file=sys.stderr,
        )


def _annotated(example: Mapping[str, Any], rows: Sequence[Row], table: Table) -> Mapping[str, Any]:
    if "rejected" in example:
        return example
    fault = ""
    if not rows:
        fault = "has no row in"
    elif any(row != rows[0] for row in rows):
        fault = "has rows that differ in"
    elif rows[0].get("label") == "":
        fault = "has no label in"
    if fault:
        return {"id": example["id"], "rejected": f"{fault} {table.file.name}"}
    return {**example, **{key: value for key, value in rows[0].items() if value}}


def same(text: str) -> str:
    """Text in the composed spelling, as macOS writes `é` in two parts and others in one."""
    return unicodedata.normalize("NFC", text)


def some(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def read_lines(file: Path) -> list[list[str]]:
    """The rows of a CSV, whatever spreadsheet wrote it.

    Raises:
        zoo.errors.UsageError: If it cannot be read.
    """
    try:
        text = _decoded(file.read_bytes())
        first, _, rest = text.partition("\n")
        if first.strip().lower().startswith("sep="):  # as Excel writes and hides it
            return list(csv.reader(io.StringIO(rest), delimiter=first.strip()[4:5] or ","))
        delimiter = max(DELIMITERS, key=first.count)
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (csv.Error, TypeError, ValueError) as error:  # a separator that is none
        raise UsageError(f"{file} is no table: {error}") from None


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _path(text: str) -> str:
    return same(text.replace("\\", "/").removeprefix("./"))
