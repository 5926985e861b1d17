"""`zoo data remove`."""

import click

from zoo.errors import ZooError
from zoo_cli.datasets import find
from zoo_cli.user import complete


@click.command()
@click.argument("name", shell_complete=complete("datasets"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(name: str, yes: bool) -> None:
    """Delete what zoo keeps of dataset NAME, after asking. Your own files are not touched."""
    from zoo.data.prepared import removable, remove
    from zoo.recipe import locate

    record, names = find(name), dict.fromkeys([name, locate(name)])
    folders = ", ".join(map(str, removable(record, *names)))
    if folders and not yes and not click.confirm(f"Delete {folders}?", err=True):
        raise ZooError("nothing was deleted")
    for folder in remove(record, *names):
        click.echo(folder)
