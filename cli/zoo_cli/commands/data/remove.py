"""`zoo data remove`."""

import click

from zoo.errors import ZooError
from zoo_cli.datasets import find


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(name: str, yes: bool) -> None:
    """Delete what zoo keeps of dataset NAME, after asking. Your own files are not touched."""
    from zoo.data.prepared import removable, remove

    record = find(name)
    folders = ", ".join(map(str, removable(record)))
    if folders and not yes and not click.confirm(f"Delete {folders}?", err=True):
        raise ZooError("nothing was deleted")
    for folder in remove(record):
        click.echo(folder)
