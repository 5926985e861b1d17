"""`zoo assets`: datasets and weights for machines without a network."""

from pathlib import Path
from typing import Any

import click

from zoo.errors import ZooError
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete


@click.group()
def command() -> None:
    """Move prepared datasets and weights between machines, in one file."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the prepared datasets and the weights on this machine."""
    from zoo.data.assets import find_assets

    rows = [_row(asset) | {"bytes": asset.bytes} for asset in find_assets()]
    if as_json:
        print_json(rows)
    elif rows:
        print_columns([("NAME", "KIND", "VERSION", "SIZE", "PATH"), *map(_cells, rows)])
    else:
        click.echo("no dataset is prepared and no weights are here", err=True)


@command.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete("datasets"))
@json_option
def export(bundle: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Write the datasets and weights NAME... into the new file BUNDLE; all of them by default."""
    from zoo.data.bundle import export_bundle

    assets = export_bundle(bundle, names)
    if as_json:
        print_json({"bundle": str(bundle), "assets": [_row(asset) for asset in assets]})
        return
    for asset in assets:
        click.echo(f"{asset.name} {asset.version}, {asset.bytes / 1e6:,.0f} MB", err=True)
    click.echo(bundle)


@command.command("import")
@click.argument("bundle", type=click.Path(path_type=Path))
@json_option
def import_(bundle: Path, as_json: bool) -> None:
    """Put what BUNDLE holds in place, after checking every file of it.

    What is here already stays as it is; another version is never replaced.
    """
    from zoo.data.bundle import import_bundle

    rows = [_row(asset) | {"state": state} for asset, state in import_bundle(bundle)]
    if as_json:
        print_json(rows)
    else:
        print_columns([(row["name"], row["version"], row["state"], row["path"]) for row in rows])
    if left := [row["name"] for row in rows if row["state"].startswith("left out")]:
        raise ZooError(f"{', '.join(left)} left out")


def _row(asset: Any) -> dict[str, Any]:
    return {key: str(getattr(asset, key)) for key in ("name", "kind", "version", "path")}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], row["kind"], row["version"], f"{row['bytes'] / 1e6:,.0f} MB", row["path"]
