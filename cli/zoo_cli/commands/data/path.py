"""`zoo data path`."""

import click

from zoo.errors import UsageError, ZooError
from zoo_cli.datasets import find
from zoo_cli.user import complete


@click.command()
@click.argument("name", shell_complete=complete("datasets"))
def command(name: str) -> None:
    """Print the folder of the prepared dataset NAME."""
    from zoo.data.prepared import unprepared, version_of

    record = find(name)
    if record.name == "tfds":
        _print_tfds(name)
        return
    if not record.archives:
        raise UsageError(f"{record.name} is not prepared from an archive; it has no folder")
    folder = version_of(record)
    if folder is None:
        raise ZooError(unprepared(record))
    click.echo(folder)


def _print_tfds(name: str) -> None:
    from zoo.data.tfds_folders import find_prepared

    folder = find_prepared(name.partition("tfds:")[2])
    if folder is None:
        raise ZooError(f"{name} is not prepared: `zoo data fetch {name}` downloads it")
    click.echo(folder)
