"""`zoo data report`."""

from pathlib import Path
from typing import Any

import click

from zoo.settings import DATA_SETTINGS
from zoo_cli.flags import setting_options, settings_of
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete


@click.command()
@click.argument("data", shell_complete=complete("datasets"))
@setting_options(DATA_SETTINGS)
@click.option("--out", type=click.Path(path_type=Path), help="HTML file; default NAME.html.")
@click.option(
    "--write-reject",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a list for --reject: blank images, and all copies but one.",
)
@json_option
def command(
    data: str, out: Path | None, write_reject: Path | None, as_json: bool, **settings: Any
) -> None:
    """Write an HTML report of DATA and print where it is.

    It shows what there is, how values are spread, classes and groups, duplicates, outliers, what
    is left out and why, and contact sheets. --json prints the same facts. FILE of --write-reject
    is a CSV with the columns id and reason: look at the images, delete the lines of those to keep,
    and give it to --reject.
    """
    chosen = settings_of(settings)
    from zoo.data.loading import open_dataset
    from zoo.report.dataset import default_path, write_reject_list, write_report

    opened = open_dataset(data, **chosen)
    target = out or default_path(opened)
    facts = write_report(target, opened)
    if write_reject:
        write_reject_list(write_reject, opened)
    if as_json:
        print_json({"report": str(target), **facts})
    else:
        click.echo(target)
