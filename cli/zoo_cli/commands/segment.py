"""`zoo segment`: what generated images with masks are worth as training data."""

from pathlib import Path
from typing import Any

import click

from zoo.runs.find import find_run
from zoo_cli.flags import training_options
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete_runs, runs_option


@click.command()
@click.argument("run", shell_complete=complete_runs)
@training_options("; as many are generated")
@click.option(
    "--steps",
    default=800,
    show_default=True,
    type=click.IntRange(min=1),
    help="Optimiser steps of each training.",
)
@click.option(
    "--width",
    default=16,
    show_default=True,
    type=click.IntRange(min=1),
    help="Channels of the U-Net at full resolution.",
)
@runs_option
@json_option
def command(run: str, parent: Path, as_json: bool, **plan: Any) -> None:
    """Train a U-Net on real, on generated and on both kinds of images of RUN, with their masks.

    RUN is a path, a name or a number such as 3, of a run that was trained --with-mask. Dice and IoU
    are measured on real test images that neither the generator nor the U-Net has seen. The table is
    written into the run and its report; what is finished is kept, and the same command goes on.
    """
    found = find_run(run, parent)
    from zoo.device import configure

    configure()
    from zoo.evaluation.on_runs import segmentation_of

    measured = segmentation_of(found, **plan)
    if as_json:
        print_json(measured)
        return
    from zoo.report.numbers import mean_sd, percent, span

    rows = [(row["arm"], mean_sd(row["dice"]), mean_sd(row["iou"])) for row in measured["table"]]
    print_columns([("TRAINED ON", "DICE", "IOU"), *rows])
    for row in measured["differences"]:
        low_high = span(row["dice"]["interval"], percent)
        value = percent(row["dice"]["value"])
        click.echo(f"Dice, {row['arm']} minus {row['against']}: {value} ({low_high} over groups)")
