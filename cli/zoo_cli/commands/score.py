"""`zoo score`: any two sets of images against each other."""

from pathlib import Path
from typing import Any

import click

from zoo_cli.flags import setting_options, settings_of
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete, complete_images, runs_option

OF_DATA = ("view", "label", "split_seed", "offline")
OF_NETWORK = ("inception_weights", "inception_layer")


@click.command()
@click.argument("real", shell_complete=complete_images)
@click.argument("fake", shell_complete=complete_images)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    shell_complete=complete("metrics"),
    help="Compute this metric only; repeat for several. `zoo list metrics` names them.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    shell_complete=complete("extractors"),
    default="inception-v3",
    show_default=True,
    help="Feature network.",
)
@click.option(
    "-n", "count", metavar="N", type=click.IntRange(min=2), help="At most N images of each side."
)
@click.option(
    "--seed",
    metavar="N",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed of what is drawn and generated.",
)
@click.option(
    "--image-size",
    metavar="HxW",
    help="Size of images from folders and datasets; by default the other side's, or their own.",
)
@click.option(
    "--split",
    type=click.Choice(["all", "train", "held-out"]),
    help="Which images of a dataset; by default held-out if FAKE was trained on it, else all.",
)
@click.option(
    "--by",
    metavar="FIELD",
    multiple=True,
    help="Measure each value of FIELD apart, such as plate, as class and group are.",
)
@click.option(
    "--reencode",
    metavar="jpeg[:QUALITY]",
    help="Encode both sides as JPEG first, so that lossy and lossless files can be compared.",
)
@setting_options((*OF_NETWORK, *OF_DATA))
@runs_option
@json_option
def command(
    real: str,
    fake: str,
    metrics: tuple[str, ...],
    extractor: str,
    count: int | None,
    seed: int,
    image_size: str | None,
    split: str | None,
    by: tuple[str, ...],
    reencode: str | None,
    parent: Path,
    as_json: bool,
    **given: Any,
) -> None:
    """Measure how far the images FAKE are from the images REAL.

    Each is a run (path, name or number), whose generator makes images; a folder of images; a
    dataset, such as bbbc/simulated or tfds:NAME; or an .npz or .npy file of uint8 or uint16
    images (n, H, W, C), with labels, groups and ids if it has arrays of these names. Scores depend
    on neither the order of the images nor on how they are batched. Memory does not grow with their
    number, and features are kept by content, so that the same images are not shown to the network
    twice.
    """
    from zoo.evaluation.pair import score

    known = settings_of(given)
    found = score(
        real,
        fake,
        metrics=metrics,
        extractor=extractor,
        weights=known["inception_weights"],
        layer=known["inception_layer"],
        n=count,
        seed=seed,
        image_size=image_size,
        split=split,
        by=by,
        reencode=reencode,
        runs=parent,
        data={name: known[name] for name in OF_DATA},
    )
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from zoo.report.numbers import full_name, metric_rows, part_of
    from zoo_cli.output import print_columns

    head = ("SCORE", "OF", "VALUE", "RANGE", "FLOOR", "RATIO", "REAL", "GENERATED")
    cells = [
        (
            row.label,
            part_of(row.name) or "all",
            row.value,
            row.interval,
            row.floor,
            row.ratio,
            *row.counts,
        )
        for row in metric_rows(found)
    ]
    if cells:
        print_columns([head, *cells])
    for item in found["not_computed"]:
        part = part_of(item["name"])
        name = full_name(item["name"]) + (f", {part}" if part else "")
        click.echo(f"not computed: {name}: {item['reason']}")
