"""`zoo compare`: runs side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.errors import expected_form
from zoo.runs.find import find_run
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete, complete_runs, runs_option


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)
@click.option(
    "-m",
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    shell_complete=complete("metrics"),
    help="Only this number, such as fid_keras; may be given several times.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page with pictures side by side.",
)
@runs_option
@json_option
def command(
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    page: Path | None,
    parent: Path,
    as_json: bool,
) -> None:
    """Print the numbers of RUN… side by side: scores, detection, memorisation, utility.

    Numbers whose protocol cards differ are refused, and the field is named. Of at least three runs
    that differ by their seed alone the mean ± t·s is given: s is the standard deviation over
    seeds, t Student's for 95 %.
    """
    from zoo.evaluation.across import compare_runs

    found = [find_run(run, parent) for run in runs]
    with expected_form(" or ".join(str(run.path) for run in found)):
        result = compare_runs(found, metrics=metrics)
        if page is not None:
            from zoo.report.comparison import write_comparison

            write_comparison(page, found, result)
        if as_json:
            print_json({**result, "page": page and str(page)})
            return
        _print(result)
    if page is not None:
        click.echo(page)


def _print(result: Mapping[str, Any]) -> None:
    from zoo.report.comparison import over_seeds
    from zoo.report.numbers import figure

    rows = result["rows"]
    if not rows:
        click.echo("none of these runs has a number", err=True)
        return
    names = [run["name"] for run in result["runs"]]
    print_columns([("", *names), *((row["name"], *map(figure, row["values"])) for row in rows)])
    sets: Sequence[Mapping[str, Any]] = result["sets"]
    for i, group in enumerate(sets):
        known = [(row["name"], over_seeds(row["sets"][i])) for row in rows if row["sets"][i]]
        if known:
            click.echo(f"\n{group['name']}, mean ± t·s over seeds")
            print_columns(known, indent="  ")
