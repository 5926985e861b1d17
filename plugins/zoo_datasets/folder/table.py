"""`labels.csv`: path, label, group, split and other facts of each image."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import UsageError
from zoo_datasets.folder.units import Layout, Unit, same

NAME = "labels.csv"
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
        columns: What it says of each image.
    """

    file: Path
    rows: Mapping[str, Sequence[Row]]
    columns: tuple[str, ...]


def read_table(file: Path) -> Table:
    """Read a CSV: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.

    Raises:
        zoo.errors.UsageError: If it cannot be read, or has no header with `path`.
    """
    lines = [line for line in _lines(file) if any(cell.strip() for cell in line)]
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
        if not row["path"]:
            raise UsageError(f"{file}: a row has no path: {','.join(line)}")
        facts = {key: row.get(key, "") for key in keys if key not in NOT_FIELDS}
        rows[_path(row["path"])].append(facts)
    return Table(file, rows, tuple(key for key in keys if key not in NOT_FIELDS))


def described(units: Sequence[Unit], table: Table, layout: Layout) -> tuple[list[Unit], list[str]]:
    """Give the units what the table says of them.

    A row may name a unit, or any of its files, by its path in the folder.

    Returns:
        The units, with those set aside that have no row or two that differ, and with one for each
        row whose file does not exist; and what else is to be told, one line each.
    """
    left = dict(table.rows)
    known = [_described(unit, _taken(left, unit, layout), table) for unit in units]
    double = [path for path, rows in table.rows.items() if len(rows) > 1]
    told = []
    if double:
        told.append(f"{table.file.name} has more than one row for {_some(double)}")
    absent = [Unit(path, {}, rejected=_absent(table)) for path in sorted(left)]
    return [*known, *absent], told


def _described(unit: Unit, rows: Sequence[Row], table: Table) -> Unit:
    if unit.rejected:
        return unit
    if not rows:
        return replace(unit, rejected=f"has no row in {table.file.name}")
    if any(row != rows[0] for row in rows):
        return replace(unit, rejected=f"has rows in {table.file.name} that differ")
    facts = dict(rows[0])
    group = facts.pop("group", "") or unit.group
    if "label" in facts and not facts["label"]:
        return replace(unit, rejected=f"has no label in {table.file.name}")
    return replace(unit, group=group, fields={**unit.fields, **facts})


def _taken(left: dict[str, Sequence[Row]], unit: Unit, layout: Layout) -> list[Row]:
    """Take a unit's rows out of those that are left."""
    return [row for key in _keys(unit, layout) for row in left.pop(key, ())]


def _keys(unit: Unit, layout: Layout) -> Iterator[str]:
    yield from dict.fromkeys([same(unit.name), *_spellings(unit, layout)])


def _spellings(unit: Unit, layout: Layout) -> Iterator[str]:
    for file in unit.paths():
        name = layout.name(file)
        yield same(name)
        yield same(f"{layout.root.name}/{name}")
        yield same(file.absolute().as_posix())


def _absent(table: Table) -> str:
    return f"{table.file.name} names it, but there is no such file"


def _path(text: str) -> str:
    return same(text.replace("\\", "/").removeprefix("./"))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _lines(file: Path) -> list[list[str]]:
    try:
        text = _decoded(file.read_bytes())
        first, _, rest = text.partition("\n")
        if first.strip().lower().startswith("sep="):  # as Excel writes and hides it
            return list(csv.reader(io.StringIO(rest), delimiter=first.strip()[4:5] or ","))
        delimiter = max(DELIMITERS, key=first.count)
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no table: {error}") from None


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")
