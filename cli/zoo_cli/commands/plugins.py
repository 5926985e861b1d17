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
    for row in rows:
        row["cells"] = [row["name"], row["package"], row["version"], f"{row['load_ms']:.1f} ms"]
    print_columns([[*row["cells"], "; ".join([row["state"], *row["problems"]])] for row in rows])


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
