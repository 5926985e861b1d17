"""`zoo data import`."""

from pathlib import Path

import click

from zoo_cli.datasets import find, print_prepared
from zoo_cli.output import json_option
from zoo_cli.user import complete


@click.command("import")
@click.argument("name", shell_complete=complete("datasets"))
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@json_option
def command(name: str, paths: tuple[Path, ...], as_json: bool) -> None:
    """Prepare dataset NAME from its archives at PATH..., files or folders that hold them.

    Several archives are told apart by their official names, which `zoo data info` shows; a single
    one may have any name. An unknown hash is warned of and recorded.
    """
    record = find(name)
    from zoo.data.prepare import import_files

    print_prepared(record, import_files(record, paths), as_json)
