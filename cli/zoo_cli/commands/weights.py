"""`zoo weights`: the feature networks' weights on this machine."""

from pathlib import Path

import click

from zoo.errors import UsageError
from zoo_cli.output import print_columns, print_json
from zoo_cli.user import complete_choices

NETWORKS = ("inception-v3", "inception-2015")


@click.group()
def command() -> None:
    """Weights of feature networks: where they are, how to get them."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """Show where weights are looked for and which are present."""
    from zoo.metrics.weights import known_files

    files = known_files()
    if as_json:
        keys = ("name", "layer", "present", "path")
        print_json([{key: getattr(file, key) for key in keys} for file in files])
        return
    states = ("absent", "present")
    print_columns([[f.name, f.layer, states[f.present], str(f.path)] for f in files])


@command.command()
@click.argument("network", shell_complete=complete_choices(NETWORKS))
def fetch(network: str) -> None:
    """Download the weights of NETWORK to where runs look for them.

    inception-v3 goes into Keras' own cache; inception-2015 is converted from PyTorch's port.
    """
    from zoo.metrics.fetching import fetch_inception, fetch_published

    _check_network(network)
    click.echo(fetch_inception() if network == "inception-v3" else fetch_published())


@command.command("import")
@click.argument("network", shell_complete=complete_choices(NETWORKS))
@click.argument("file", type=click.Path(path_type=Path))
def import_(network: str, file: Path) -> None:
    """Check a local weights FILE of NETWORK and copy it to where runs look for it."""
    from zoo.metrics.weights import import_file

    _check_network(network)
    if network != "inception-v3":
        raise UsageError(f"`zoo weights convert {file}` takes the weights of {network} from a file")
    place = import_file(file)
    click.echo(place.path)
    if place.layer != "avg_pool":
        click.echo(f"use it with --inception-layer {place.layer}", err=True)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there, also what was not published; by default where runs look.",
)
def convert(file: Path, out: Path | None) -> None:
    """Convert FILE to weights of inception-2015, the network of the published FID.

    FILE is classify_image_graph_def.pb of TensorFlow, or pt_inception-2015-12-05-6726825d.pth,
    its PyTorch port. It is known by its SHA-256; nothing in it is executed.
    """
    from zoo.metrics.published_weights import convert as convert_file

    click.echo(convert_file(file, out).path)


def _check_network(name: str) -> None:
    from zoo.plugins import unknown

    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
