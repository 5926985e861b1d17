"""`zoo data check`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo.settings import READING
from zoo_cli.flags import setting_options, settings_of
from zoo_cli.output import json_option, print_json


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@setting_options(READING)
@json_option
def command(path: Path, as_json: bool, **settings: Any) -> None:
    """List what is wrong with the image files of PATH, a folder, a zip archive or a file.

    Each file that would be set aside has a line with the reason. Exits with 1 if there is one.
    Of a folder it also tells how many groups each part gets, and whether they suffice for
    detectors.
    """
    path = Path(str(path).removeprefix("folder:")).expanduser()
    options = {key: value for key, value in settings_of(settings).items() if value is not None}
    from zoo.data.check import check

    report = check(path, **options)
    if as_json:
        print_json(report.as_json())
    else:
        click.echo("\n".join([*report.lines(), *_shortage(report.parts)]))
    if report.rejected:
        sys.exit(1)


def _shortage(parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    from zoo.evaluation.trial import shortage

    lacking = shortage(parts) if parts else ""
    return [f"detectors will not be measured: {lacking}"] if lacking else []
