"""`zoo data preview`."""

from pathlib import Path
from typing import Any

import click

from zoo.settings import DATA_SETTINGS
from zoo_cli.flags import data_settings, setting_options

PREVIEWED = 64


@click.command()
@click.argument("data")
@setting_options(DATA_SETTINGS)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file; default NAME.png.")
def command(data: str, out: Path | None, **settings: Any) -> None:
    """Write a PNG of 64 training crops of DATA, evenly spread over the training set."""
    chosen = data_settings(settings)
    from zoo.data import load
    from zoo.data.locking import slug
    from zoo.runs import write_bytes
    from zoo.runs.pictures import grid_png

    images = load(data, **chosen)
    train = images.split("train")
    spread = [i * len(train) // PREVIEWED for i in range(min(PREVIEWED, len(train)))]
    target = out or Path(f"{slug(images.name)}.png")
    write_bytes(target, grid_png(train[spread], columns=8))
    n, height, width, channels = images.shape
    click.echo(f"{images.name}: {n} crops of {height}x{width}x{channels}", err=True)
    click.echo(target)
