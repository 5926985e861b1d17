"""`zoo data`: datasets on this machine, one module for each command."""

import click

from zoo_cli.lazy import LazyGroup


@click.group(cls=LazyGroup, package=__name__)
def command() -> None:
    """Prepare, inspect and remove datasets. NAME is what `zoo list datasets` shows."""
