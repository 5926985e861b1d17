"""The `zoo` command: each subcommand is a module of `zoo_cli.commands`, imported when used."""

import io
import os
import sys
from collections.abc import Sequence

import click

from zoo.errors import ZooError
from zoo_cli.lazy import LazyGroup

COMPLETE = "_ZOO_COMPLETE"


@click.group(
    cls=LazyGroup,
    package="zoo_cli.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="zoo", message="%(package)s %(version)s")
def cli() -> None:
    """Train GANs on biomedical images, and measure how good they are."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 known failure, 2 wrong use, 75 resumable."""
    for stream in (sys.stdout, sys.stderr):
        # A console of Windows, or a pipe to it, may have no ✓ or ±; it shows ? for them.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")
    if COMPLETE in os.environ:
        import zoo_cli.shells  # noqa: F401  for it puts its own in place of click's
    try:
        status = cli.main(args, prog_name="zoo", complete_var=COMPLETE, standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        click.echo(f"Error: {error}", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        # The reader has left; what Python flushes on its way out must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
