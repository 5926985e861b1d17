"""`zoo plugins`: installed plugins and their state."""

from typing import Any

import click

from zoo_cli.output import print_columns, print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects.")
def command(as_json: bool) -> None:
    """List plugins: package, version, time to load, state."""
    rows = states()
    if as_json:
        print_json([{k: v for k, v in row.items() if k != "traceback"} for row in rows])
        return
    print_columns([_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    told = "; ".join(row["problems"]) or row["state"]
    return [row["name"], row["package"], row["version"], f"{row['load_ms']:.1f} ms", told]


def states() -> list[dict[str, Any]]:
    """Each plugin with all of its hooks called."""
    from zoo.faults import KINDS
    from zoo.plugins import registry

    for kind in KINDS:
        registry().usable(kind)
    return [
        {
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "load_ms": round(plugin.load_ms, 1),
            "state": plugin.state,
            "problems": plugin.problems,
            "traceback": plugin.traceback,
        }
        for plugin in registry().plugins
    ]
