"""`zoo pull`: a published generator as a run."""

from pathlib import Path

import click

from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete_path, runs_option


@click.command()
@click.argument("source", shell_complete=complete_path("file"))
@click.option("--name", metavar="NAME", help="Of the run, after its number.")
@runs_option
@json_option
def command(source: str, name: str | None, parent: Path, as_json: bool) -> None:
    """Make a run of the published generator SOURCE, after checking every file of it.

    SOURCE is a folder that `zoo publish` wrote, a .zip or .tar of it, an https address, or
    hf:OWNER/NAME for a repository of huggingface.co. What arrives is not trusted: nothing of it is
    run, and its network and its report are made again here. If anything is wrong, nothing is left.
    """
    from zoo.publishing.pull import pull

    run = pull(source, runs=parent, name=name)
    if as_json:
        print_json({"run": str(run.path), "report": str(run.report_path), **run.manifest})
    else:
        click.echo(run.path)
