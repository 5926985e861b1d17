"""`zoo new`: start a plugin package."""

from pathlib import Path

import click

KINDS = ("generator", "dataset", "detector", "metric", "tracker")


@click.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What the package adds.")
@click.option(
    "--out",
    "parent",
    metavar="DIR",
    default=".",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which the package's own folder is made.  [default: here]",
)
def command(name: str, kind: str, parent: Path) -> None:
    """Write a package zoo-NAME that installs and passes `zoo check` before a line is changed.

    NAME is what users will type: lower-case letters, digits and hyphens. Nothing is written over.
    """
    from zoo.scaffold import new

    written = new(name, kind, parent)
    click.echo(f"wrote {written.folder}: {', '.join(written.files)}")
    click.echo("next:")
    for line in written.commands:
        click.echo(f"  {line}")
