"""`zoo monitor`: has new data drifted from what a run was trained on?"""

from typing import Any

import click

from zoo.errors import ZooError
from zoo.runs.find import find_run
from zoo_cli.flags import setting_options, settings_of
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import runs_option

NAMES = ("intensity", "contrast", "sharpness", "swd", "kid")


@click.command()
@click.argument("run")
@click.argument("data")
@setting_options(("seed", "inception_weights", "inception_layer"))
@click.option(
    "--fail-on",
    "conditions",
    metavar="CONDITION",
    multiple=True,
    help="Exit 1 if it holds: drift, or such as 'sharpness>0.5'; may be given several times.",
)
@runs_option
@json_option
def command(
    run: str, data: str, conditions: tuple[str, ...], parent: Any, as_json: bool, **settings: Any
) -> None:
    """Compare DATA, a dataset or a folder, with the images that RUN was trained on.

    The new images are cut and scaled as the training images were. Intensity, contrast, sharpness,
    sliced Wasserstein distance and, where weights are there, KID are held against the same numbers
    of held-out images, of as many groups as DATA has: beyond all of them is drift.
    """
    from zoo.thresholds import failures, parse

    found = find_run(run, parent)
    chosen = settings_of(settings)
    networks = tuple(f"kid_{network}" for network in ("keras", "mixed8", "mixed7"))
    thresholds = parse([c for c in conditions if c.strip() != "drift"], [*NAMES, *networks])
    from zoo.finished import monitor

    result = monitor(
        found,
        data,
        seed=chosen["seed"],
        weights=chosen["inception_weights"],
        layer=chosen["inception_layer"],
    )
    if as_json:
        print_json(result)
    else:
        _print(result)
    values: dict[str, list[float]] = {}
    for test in result["tests"]:
        for name in {test["name"], test["name"].partition("_")[0]}:
            values.setdefault(name, []).append(test["value"])
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
