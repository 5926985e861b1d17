"""`zoo turing score`: what the answers of readers say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo.errors import ZooError
from zoo.runs.find import find_run
from zoo_cli.flags import fail_on_option
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete_path, complete_runs, runs_option


@click.command()
@click.argument("study", shell_complete=complete_runs)
@click.argument(
    "answers",
    metavar="ANSWERS...",
    nargs=-1,
    required=True,
    shell_complete=complete_path("file"),
)
@click.option(
    "--margin",
    metavar="SHARE",
    type=float,
    help="Another margin than the study was made with.",
)
@fail_on_option(", such as 'accuracy>0.6' or 'equivalence_p>=0.05'")
@runs_option
@json_option
def command(
    study: str,
    answers: tuple[str, ...],
    margin: float | None,
    conditions: tuple[str, ...],
    parent: Path,
    as_json: bool,
) -> None:
    """Score the files of ANSWERS to the study of a run, or to that in a folder.

    STUDY is a run, or the folder that `zoo turing make --out` wrote. Each reader has an accuracy
    with its interval, and a mean realism of real and of generated images; all that answered every
    image have one accuracy together, a test of equivalence to guessing, and Fleiss' kappa. Writes
    turing.json and the run's report.
    """
    source = Path(study) if (Path(study) / "key.json").is_file() else find_run(study, parent)
    from zoo.thresholds import failures, parse

    thresholds = parse(conditions, NAMES)
    from zoo.turing import score

    found = score(source, answers, margin=margin)
    if as_json:
        print_json(found)
    else:
        _print(found)
    from zoo.evaluation.turing.readings import gathered

    if failed := failures(thresholds, gathered(found)):
        raise ZooError("; ".join(failed))


NAMES = ("accuracy", "best_accuracy", "equivalence_p", "kappa", "realism_difference")


def _print(found: Mapping[str, Any]) -> None:
    from zoo.report.numbers import percent, span
    from zoo.report.readers import rating, together

    rows = [
        (
            row["reader"],
            str(row["answered"]),
            percent(row["accuracy"]["value"]),
            span(row["accuracy"]["interval"], percent),
            percent(row["generated_recognised"]["value"]),
            percent(row["real_recognised"]["value"]),
            rating(row["realism"]["real"]),
            rating(row["realism"]["generated"]),
            "" if row["complete"] else "incomplete",
        )
        for row in found["readers"]
    ]
    columns = ("READER", "ANSWERED", "RIGHT", "INTERVAL", "GENERATED", "REAL", "REALISM OF REAL")
    print_columns([(*columns, "OF GENERATED", ""), *rows])
    for name, value in together(found):
        click.echo(f"{name}: {value}")
    for item in found["not_computed"]:
        click.echo(f"not computed: {item['name']}: {item['reason']}")
    click.echo(found["verdict"])
    click.echo(found["limits"], err=True)
    if found["warning"]:
        click.echo(f"warning: {found['warning']}", err=True)
