"""The `zoo` command: each subcommand is a module of `zoo_cli.commands`, imported when used."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from zoo.errors import Interrupted, ZooError, no_room
from zoo.runs.signals import ended_in_time, interruption, terminate_as_interrupt
from zoo_cli.lazy import LazyGroup

COMPLETE = "_ZOO_COMPLETE"
WELCOME = """\
zoo trains generative networks on biomedical images and measures what they make. To begin:

  zoo list                   generators, datasets and recipes
  zoo run dcgan --data bbbc  trains, measures and reports; a quarter of an hour on a CPU
  zoo report 0 --open        opens its report, which lies in runs/00000-…/report.html
"""


@click.group(
    cls=LazyGroup,
    package="zoo_cli.commands",
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="zoo", message="%(package)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Train GANs on biomedical images, and measure how good they are."""
    if ctx.invoked_subcommand is None:
        click.echo(f"{WELCOME}\n{ctx.get_help()}")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 known failure, 2 wrong use, 75 resumable."""
    for stream in (sys.stdout, sys.stderr):
        # A console of Windows, or a pipe to it, may have no ✓ or ±; it shows ? for them.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")
    if COMPLETE in os.environ:
        import zoo_cli.shells  # noqa: F401  for it puts its own in place of click's
    with terminate_as_interrupt(), ended_in_time():
        status = _status(args)
    sys.exit(status if isinstance(status, int) else 0)


def _status(args: Sequence[str] | None) -> Any:
    try:
        status = cli.main(args, prog_name="zoo", complete_var=COMPLETE, standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        return _told(str(error), error.exit_status)
    except click.ClickException as error:
        _tell(error)
        return error.exit_code
    except click.Abort as error:
        # click's own word for Ctrl-C, and for a question that was not answered.
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        return _told(interruption(), Interrupted.exit_status) if interrupted else 130
    except BrokenPipeError:
        # The reader has left; what Python flushes on its way out must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if said := no_room(error):
            return _told(said, 1)
        raise
    return status


def _told(text: str, status: int) -> int:
    from zoo_cli.output import printable

    click.echo(f"Error: {printable(text)}", err=True)
    return status


def _tell(error: click.ClickException) -> None:
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        error.show()  # a group without a command: its help
        return
    from zoo_cli.mistakes import in_one_line

    click.echo(f"Error: {in_one_line(error)}", err=True)


if __name__ == "__main__":
    main()
