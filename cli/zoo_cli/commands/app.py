"""`zoo app`: look at runs in a browser."""

from pathlib import Path

import click

from zoo.errors import ZooError
from zoo.runs.find import find_run
from zoo_cli.user import complete_runs, runs_option


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@runs_option
@click.option(
    "--port",
    default=8501,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of this machine's own address, 127.0.0.1.",
)
@click.option("--browser/--no-browser", default=True, help="Open the page.  [default: open]")
def command(run: str | None, parent: Path, port: int, browser: bool) -> None:
    """Generate images, look at runs and ask readers in a browser, without programming.

    RUN, the one to begin with, is a path, a name or a number such as 3. The page is served to this
    machine only, and nothing is sent elsewhere. Its address is printed; Ctrl-C ends it.
    """
    first = find_run(run, parent).path if run else None
    from zoo.app.server import serving
    from zoo.app.settings import HOST
    from zoo.runs.signals import terminate_as_interrupt

    try:
        with terminate_as_interrupt(), serving(parent, port=port, run=first) as server:
            address = f"http://{HOST}:{port}"
            click.echo(address)
            if browser:
                click.launch(address)
            raise ZooError(f"the app's server ended with status {server.wait()}")
    except KeyboardInterrupt:
        click.echo("ended", err=True)
