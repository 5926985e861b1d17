"""`zoo publish`: a finished run as a folder that others can use."""

from pathlib import Path
from typing import Any

import click

from zoo.publishing.licences import HUB
from zoo.runs.find import find_run
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete_choices, complete_path, complete_runs, runs_option


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=complete_path("dir"),
    help="Folder to make; one that exists must be empty.",
)
@click.option(
    "--licence",
    metavar="SPDX",
    shell_complete=complete_choices(HUB),
    help="Of the model; by default that of the images.",
)
@click.option(
    "--accept-licence",
    metavar="NAME",
    help="The licence of the images by its name, where it asks for a decision.",
)
@click.option("--accept-copies", is_flag=True, help="Publish although copying is suspected.")
@click.option(
    "--with-real-images",
    is_flag=True,
    help="Also the pictures that show real images, if their licence allows it.",
)
@runs_option
@json_option
def command(run: str, folder: Path, parent: Path, as_json: bool, **settings: Any) -> None:
    """Write the generator of RUN as a folder for `git push` or `hf upload`; upload nothing.

    The folder is a model repository of Hugging Face: a card with licence, limits and scores;
    weights; recipe and measurements without paths and names of files; pictures of generated
    images; and SHA256SUMS, by which `zoo pull` checks it. RUN is a path, a name or a number such
    as 3.
    """
    from zoo.publishing.publish import publish

    result = publish(find_run(run, parent), to=folder, **settings)
    if as_json:
        print_json(result)
    else:
        click.echo(folder)
