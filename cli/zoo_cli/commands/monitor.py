"""`zoo monitor`: has new data drifted from what a run was trained on?"""

from pathlib import Path
from typing import Any

import click

from zoo.errors import ZooError
from zoo.runs.find import find_run
from zoo.settings import LARGEST_SEED
from zoo_cli.flags import fail_on_option, setting_options, settings_of
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete_images, complete_runs, runs_option

NAMES = ("intensity", "contrast", "sharpness", "swd", "kid")


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("data", shell_complete=complete_images)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, LARGEST_SEED),
    help="Seed of the images that are drawn.",
)
@setting_options(("inception_weights", "inception_layer"))
@fail_on_option(": drift, or such as 'sharpness>0.5'")
@runs_option
@json_option
def command(
    run: str,
    data: str,
    seed: int,
    conditions: tuple[str, ...],
    parent: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare DATA, a dataset or a folder, with the images that RUN was trained on.

    The new images are cut and scaled as the training images were. Intensity, contrast, sharpness,
    sliced Wasserstein distance and, where weights are there, KID are held against the same numbers
    of 99 draws of groups of held-out images: beyond all of them is drift. Nothing is written.
    """
    from zoo.thresholds import failures, gathered, network_suffixes, parse

    found = find_run(run, parent)
    chosen = settings_of(settings)
    networks = [f"kid_{suffix}" for suffix in network_suffixes()]
    thresholds = parse([c for c in conditions if c.strip() != "drift"], [*NAMES, *networks])
    from zoo.finished import monitor

    result = monitor(
        found,
        data,
        seed=seed,
        weights=chosen["inception_weights"],
        layer=chosen["inception_layer"],
    )
    if as_json:
        print_json(result)
    else:
        _print(result)
    values = gathered(
        (name, test["value"])
        for test in result["tests"]
        for name in {test["name"], test["name"].partition("_")[0]}
    )
    failed = failures(thresholds, values)
    if len(thresholds) < len(conditions) and (result["drifted"] or not result["tests"]):
        failed.insert(0, result["verdict"])
    if failed:
        raise ZooError("; ".join(failed))


def _print(result: dict[str, Any]) -> None:
    from zoo.report.numbers import figure

    rows = [
        (
            test["name"],
            figure(test["value"], 3),
            figure(test["typical"], 3),
            figure(test["threshold"], 3),
            "drift" if test["drifted"] else "",
        )
        for test in result["tests"]
    ]
    if rows:
        print_columns([("STATISTIC", "VALUE", "TYPICAL", "THRESHOLD", ""), *rows])
        click.echo(f"threshold: {result['tests'][0]['reason']}")
    for item in result["not_computed"]:
        click.echo(f"not computed: {item['name']}: {item['reason']}")
    click.echo(f"{result['n']} images of {result['groups']} groups: {result['verdict']}")
