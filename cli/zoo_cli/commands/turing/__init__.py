"""`zoo turing`: blinded studies with readers, one module for each command."""

import click

from zoo_cli.lazy import LazyGroup


@click.group(cls=LazyGroup, package=__name__)
def command() -> None:
    """Can readers tell generated images from real ones? Make a study; score its answers."""
