"""`zoo data preview`."""

from pathlib import Path
from typing import Any

import click

from zoo.settings import DATA_SETTINGS
from zoo_cli.flags import setting_options, settings_of
from zoo_cli.user import complete

PREVIEWED = 64


@click.command()
@click.argument("data", shell_complete=complete("datasets"))
@setting_options(DATA_SETTINGS)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file; default NAME.png.")
def command(data: str, out: Path | None, **settings: Any) -> None:
    """Write a PNG of 64 training crops of DATA, evenly spread over the training set.

    Under them is a scale bar, if the size of a pixel is known.
    """
    chosen = settings_of(settings)
    from zoo.data import load
    from zoo.filenames import file_name
    from zoo.report.scale import pixel_width, with_bar
    from zoo.runs import write_bytes
    from zoo.runs.pictures import grid_png

    images = load(data, **chosen)
    train = images.split("train")
    shown = min(PREVIEWED, len(train))
    spread = [i * len(train) // shown for i in range(shown)]
    target = out or Path(f"{file_name(images.name)}.png")
    grid = grid_png(train[spread], columns=8)
    write_bytes(target, with_bar(grid, pixel_width(images.provenance)))
    n, height, width, channels = images.shape
    click.echo(f"{images.name}: {n} crops of {height}x{width}x{channels}", err=True)
    click.echo(target)
