"""`zoo weights`: the feature networks' weights on this machine."""

from pathlib import Path

import click

from zoo_cli.output import print_columns, print_json

NETWORKS = ("inception-v3",)


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
@click.argument("network")
def fetch(network: str) -> None:
    """Download the weights of NETWORK into Keras' own cache."""
    from zoo.metrics.fetching import fetch_inception

    _check_network(network)
    click.echo(fetch_inception())


@command.command("import")
@click.argument("network")
@click.argument("file", type=click.Path(path_type=Path))
def import_(network: str, file: Path) -> None:
    """Check a local weights FILE of NETWORK and copy it to where runs look for it."""
    from zoo.metrics.weights import import_file

    _check_network(network)
    place = import_file(file)
    click.echo(place.path)
    if place.layer != "avg_pool":
        click.echo(f"use it with --inception-layer {place.layer}", err=True)


def _check_network(name: str) -> None:
    from zoo.plugins import unknown

    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
