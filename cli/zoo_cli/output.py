"""Answers on stdout: aligned columns, or JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

SEPARATORS = "\x0b\x0c\r\x1c\x1d\x1e\x1f\x85"  # spaces by their class, commands to a terminal

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know is printed as its text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_as_json))


def print_columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Print rows with every column but the last as wide as its longest cell."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = (
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in shown
    )
    click.echo("".join(line.rstrip() + "\n" for line in lines), nl=False)


def one_line(text: str) -> str:
    """Text without line breaks and without what a terminal would obey."""
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """Text in which nothing commands the terminal: such signs are written as their codes."""
    return "".join(c if _is_shown(c) else c.encode("unicode_escape").decode() for c in text)


def _is_shown(sign: str) -> bool:
    return sign.isprintable() or (sign.isspace() and sign not in SEPARATORS)


def _as_json(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
