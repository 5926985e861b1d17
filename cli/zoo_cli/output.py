"""Answers on stdout: aligned columns, or JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know is printed as its text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_as_json))


def print_columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Print rows with every column but the last as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (one_line(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo((indent + "  ".join(cells)).rstrip())


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def _as_json(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
