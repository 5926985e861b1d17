"""`labels.csv`: what it says of the files of a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from zoo.data.table import Row, Table, same, some
from zoo_datasets.folder.units import Layout, Unit

NAME = "labels.csv"


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
        told.append(f"{table.file.name} has more than one row for {some(double)}")
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
