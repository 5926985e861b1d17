"""`zoo feedback`: what people thought of generated images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo.runs.find import find_run
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete_path, complete_runs, runs_option

PARTS = ("class", "step", "truncation", "tag", "day")


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--rejected",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    shell_complete=complete_path("file"),
    help="Also write the images that more call bad than good as CSV, by seed and index.",
)
@runs_option
@json_option
def command(run: str, rejected: Path | None, parent: Path, as_json: bool) -> None:
    """Sum up the opinions on images of RUN that `zoo app` has kept in its feedback.jsonl.

    Share of good ones with Wilson's 95 % interval, of all and by class, step, truncation, tag and
    day (UTC). Of each session and image the last opinion counts. They are opinions of whoever
    clicked, and no measurement of how real images look; `zoo turing` is one.
    """
    found = find_run(run, parent)
    from zoo.feedback import summary, write_rejected

    result = summary(found)
    for line in result["damaged"]:
        click.echo(f"warning: skipped {line}", err=True)
    if rejected is not None:
        count = write_rejected(found, rejected)
        click.echo(f"{rejected}: {count} image{'' if count == 1 else 's'}", err=True)
    if as_json:
        print_json(result)
    elif result["opinions"]:
        _print(result)
    else:
        click.echo(f"no opinions in {found.path}; `zoo app` asks for them", err=True)


def _print(result: Mapping[str, Any]) -> None:
    rows = [_row("all", result["good"])]
    for part in PARTS:
        rows += [_row(f"{part} {row['of']}", row) for row in result[f"by_{part}"]]
    print_columns([("", "GOOD", "INTERVAL", "OPINIONS"), *rows])
    counts = ((result[name], name.removesuffix("s")) for name in ("opinions", "images", "sessions"))
    shown = [f"{n:,} {name}{'' if n == 1 else 's'}" for n, name in counts]
    click.echo(f"{shown[0]} on {shown[1]} in {shown[2]}")
    if (repeated := result["repeated"])["images"]:
        click.echo(
            f"judged in several sessions: {repeated['images']}; "
            f"the same opinion in all: {repeated['agreeing']}"
        )
    click.echo(result["limits"], err=True)


def _row(name: str, share: Mapping[str, Any]) -> tuple[str, str, str, str]:
    from zoo.report.numbers import percent, span

    return name, percent(share["value"]), span(share["interval"], percent), str(share["n"])
