"""`zoo report`: rebuild a run's report."""

from pathlib import Path

import click

from zoo.runs.find import find_run
from zoo_cli.user import runs_option


@click.command()
@click.argument("run")
@runs_option
@click.option("--open", "show", is_flag=True, help="Open the report in a browser.")
def command(run: str, parent: Path, show: bool) -> None:
    """Rebuild the report of RUN from its folder and print where it is.

    RUN is a path, a name or a number such as 3. Figures (SVG, PDF), tables (CSV, LaTeX),
    references.bib and MODEL_CARD.md are rebuilt too; nothing is measured again.
    """
    from zoo.report import build

    path = build(find_run(run, parent))
    click.echo(path)
    if show:
        click.launch(path.resolve().as_uri())
