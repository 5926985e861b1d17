"""`zoo turing make`: a page on which readers tell generated from real images."""

from pathlib import Path
from typing import Any

import click

from zoo.runs.find import find_run
from zoo.settings import LARGEST_SEED
from zoo.turing import FEWEST, LARGEST, MOST, check_margin
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete_runs, runs_option


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "-n",
    "--n",
    "count",
    metavar="COUNT",
    default=50,
    show_default=True,
    type=click.IntRange(FEWEST, MOST),
    help="Real images, and as many generated ones.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, LARGEST_SEED),
    help="Seed of the images.",
)
@click.option(
    "--margin",
    metavar="SHARE",
    default=0.1,
    show_default=True,
    type=float,
    help="How far from 50 % still counts as guessing; kept in the key.",
)
@click.option(
    "--size",
    metavar="PIXELS",
    default=LARGEST,
    show_default=True,
    type=click.IntRange(min=16, max=4096),
    help="Longer side of an image on the page at most.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where page and key go.  [default: turing in the run]",
)
@runs_option
@json_option
def command(
    run: str, count: int, margin: float, parent: Path, as_json: bool, **settings: Any
) -> None:
    """Write a page with COUNT held-out real and COUNT generated images of RUN, and its key.

    study.html is one file that opens in any browser and sends nothing: readers call each image
    real or generated, rate its realism from 1 to 5 and send back the file of answers that the page
    gives them. key.json holds the truth and stays here. Every generated image of the seed is
    shown; the order is random for each reader.
    """
    found = find_run(run, parent)
    check_margin(margin)
    from zoo.device import configure

    configure()
    from zoo.turing import make

    made = make(found, n=count, margin=margin, **settings)
    if as_json:
        print_json(made)
        return
    click.echo(
        f"{made['page']}: send it to the readers; {made['n_real']} real images of "
        f"{made['groups_real']} groups and {made['n_fake']} generated ones"
    )
    click.echo(f"{made['key']}: the truth; keep it from them")
    if made["warning"]:
        click.echo(f"warning: {made['warning']}", err=True)
    click.echo(f"then: zoo turing score {run} answers-*.json", err=True)
