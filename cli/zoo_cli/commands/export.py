"""`zoo export`: a trained generator for other programs."""

from pathlib import Path

import click

from zoo.runs.find import find_run
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete_runs, runs_option


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["keras", "savedmodel", "onnx"]),
    help="keras loads in Keras 3, savedmodel in TensorFlow, onnx in ONNX Runtime and others.",
)
@click.option("--step", type=int, help="Snapshot to use instead of the final generator.")
@click.option(
    "--out",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder to make; by default `<RUN>-step<STEP>-<FORMAT>` in the current folder.",
)
@runs_option
@json_option
def command(
    run: str, form: str, step: int | None, folder: Path | None, parent: Path, as_json: bool
) -> None:
    """Write the averaged generator of RUN for programs without zoo.

    The new folder holds the model; README.md, with code that makes images of it; and export.json,
    with its inputs, how its output becomes images, and where it comes from. RUN is a path, a name
    or a number such as 3. A folder that exists is never touched. ONNX needs the package tf2onnx,
    and always computes in float32.
    """
    found = find_run(run, parent)
    step = found.snapshot_step(step)
    folder = folder or Path(f"{found.path.resolve().name}-step{step}-{form}")
    from zoo.gan.export import check_export, export_run

    check_export(folder, form)
    from zoo.device import configure

    configure()
    facts = export_run(found, folder, form, step=step)
    if as_json:
        print_json({"folder": str(folder), **facts})
    else:
        click.echo(folder)
