"""`zoo detect`: can detectors tell generated from real images?"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageError
from zoo_cli.detections import print_answer, print_found, print_runs
from zoo_cli.output import json_option
from zoo_cli.user import complete, complete_images, complete_keys, complete_runs, runs_option

if TYPE_CHECKING:
    from zoo.detecting import Study
    from zoo.specs import Detector


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--real",
    metavar="DATA",
    shell_complete=complete_images,
    help="Real images, such as folder:PATH, instead of a run's.",
)
@click.option(
    "--fake",
    metavar="DATA",
    shell_complete=complete_images,
    help="Generated images, such as folder:PATH.",
)
@click.option("--image-size", metavar="HxW", help="Size of --real and --fake.")
@click.option(
    "--detector",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=complete("detectors"),
    help="Detector to try, again for more.  [default: all but the large networks]",
)
@click.option(
    "--features", metavar="A,B", help="Features of classical detectors, such as lbp,hog,spectrum."
)
@click.option(
    "-o",
    "pairs",
    metavar="NAME.KEY=VALUE",
    multiple=True,
    shell_complete=complete_keys("detectors"),
    help="Option of a detector, such as resnet50.epochs=4.",
)
@click.option("-n", "n", default=400, show_default=True, type=click.IntRange(min=8))
@click.option(
    "--n-small",
    default=150,
    show_default=True,
    type=click.IntRange(min=8),
    help="Images per class of the 50 % controls and of the curve; -n is that of the table.",
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--curve/--no-curve", default=True, help="Accuracy at each stored snapshot.")
@click.option("--robust/--no-robust", default=True, help="Accuracy on changed test images.")
@click.option(
    "--recompress",
    metavar="QUALITY",
    type=click.IntRange(1, 95),
    help="Compress real and generated images alike as JPEG.",
)
@click.option(
    "--image", metavar="FILE", type=click.Path(path_type=Path), help="Ask about one picture."
)
@click.option(
    "--with", "kept", metavar="DETECTOR", help="Trained detector that is asked about --image."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what --real and --fake give.",
)
@runs_option
@json_option
def command(
    runs: tuple[str, ...],
    real: str | None,
    fake: str | None,
    image_size: str | None,
    names: tuple[str, ...],
    features: str | None,
    pairs: tuple[str, ...],
    image: Path | None,
    kept: str | None,
    out: Path | None,
    parent: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train detectors to tell generated from real images, and measure them on held-out ones.

    RUN is a path, a name or a number such as 3; its detection.json, its report and its folder
    `detectors` are written anew. Of several runs a matrix follows, trained on one and tested on
    another, and for runs that share their data also leave-one-generator-out. With --real and
    --fake two sets of images take the place of a run. With --image a trained detector, a folder
    in `detectors` or its name in RUN, is asked about one picture.
    """
    _check_use(runs, real, fake, image, kept)
    for name, value in (("--out", out), ("--image-size", image_size)):
        if value and not real:
            raise UsageError(f"{name} goes with --real and --fake; runs have their own")
    if image and kept:
        print_answer(_asked(image, kept, runs, parent), as_json)
        return
    from zoo.plugins import detectors

    records = detectors(names)
    options = _options(records, pairs, features)

    def study() -> "Study":
        from zoo.detecting import Study

        return Study(detectors=records, options=options, **settings)

    if real and fake:
        print_found(_of_sets(real, fake, study, image_size, out), as_json)
        return
    print_runs(*_of_runs(runs, parent, study), as_json=as_json)


def _check_use(
    runs: Sequence[str],
    real: str | None,
    fake: str | None,
    image: Path | None,
    kept: str | None,
) -> None:
    if (real is None) != (fake is None):
        raise UsageError("--real and --fake go together")
    if (image is None) != (kept is None):
        raise UsageError("--image and --with go together")
    if real and (runs or image):
        raise UsageError("--real and --fake take the place of a run and of --image")
    if image and len(runs) > 1:
        raise UsageError("--image takes one run, in which --with names a detector")
    if not (runs or real or image):
        raise UsageError("give a run, or --real and --fake, or --image and --with")


def _asked(image: Path, kept: str, runs: Sequence[str], parent: Path) -> dict[str, Any]:
    from zoo.runs.find import find_run

    folder = find_run(runs[0], parent).detectors if runs else None
    from zoo.evaluation.kept import ask, find_kept

    return ask(image, find_kept(kept, folder))


def _options(
    detectors: "Iterable[Detector]", pairs: Iterable[str], features: str | None
) -> dict[str, dict[str, Any]]:
    """Options by detector, in the types that its class states."""
    from zoo.evaluation.parameters import typed_options

    records = {record.name: record for record in detectors}
    given: dict[str, dict[str, str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name, dot, option = key.partition(".")
        if not equals or not dot:
            raise UsageError(f"-o {pair}: expected NAME.KEY=VALUE")
        given.setdefault(name, {})[option.replace("-", "_")] = value
    if features is not None:
        for name in _with_features(records):
            given.setdefault(name, {}).setdefault("features", features)
    return typed_options(records.values(), given)


def _with_features(records: "Mapping[str, Detector]") -> list[str]:
    """The detectors that --features is for: those that have an option of that name."""
    from inspect import signature

    classical = [name for name, record in records.items() if record.framework == "sklearn"]
    found = [name for name in classical if "features" in signature(records[name].load()).parameters]
    if not found:
        raise UsageError(f"--features: {', '.join(records)} has no option features")
    return found


def _of_sets(real: str, fake: str, study: Any, image_size: str | None, out: Path | None) -> Any:
    from zoo.detecting import detect_sets

    chosen = study()
    if any(record.framework == "keras" for record in chosen.detectors):
        from zoo.device import configure

        configure()
    return detect_sets(real, fake, chosen, image_size=image_size, out=out)


def _of_runs(texts: Sequence[str], parent: Path, study: Any) -> Any:
    from zoo.runs.find import find_run

    runs = [find_run(text, parent) for text in texts]
    for run in runs:
        run.snapshot_step()
    from zoo.device import configure

    configure()
    from zoo.detecting import detect_across, detect_runs

    chosen = study()
    found = detect_runs(runs, chosen)
    return found, detect_across(runs, chosen) if len(found) > 1 else None
