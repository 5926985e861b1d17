"""`zoo data list`."""

import click

from zoo_cli.datasets import state
from zoo_cli.output import json_option, print_columns, print_json


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what is not listed by default.")
@json_option
def command(everything: bool, as_json: bool) -> None:
    """List datasets: prepared or not, images, size on disk and where."""
    from zoo.plugins import records

    states = [(record, state(record)) for record in records("datasets")]
    rows = [row for r, row in states if r.listed or everything or row["state"] == "prepared"]
    if as_json:
        print_json(rows)
        return
    header = ("NAME", "STATE", "IMAGES", "SIZE", "PATH")
    print_columns([header, *map(_cells, rows)])


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    size = "–" if row["bytes"] is None else f"{float(str(row['bytes'])) / 1e6:.0f} MB"
    alias = row.get("alias")
    where = f"→ {' or '.join(alias)}" if isinstance(alias, tuple) else str(row["path"] or "–")
    return str(row["name"]), str(row["state"]), str(row["images"] or "–"), size, where
