"""Can readers tell a run's images from real ones? `zoo turing` from Python."""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.runs import Run

FEWEST, MOST = 2, 500
LARGEST = 512


def make(
    run: "str | Path | Run",
    *,
    n: int = 50,
    seed: int = 0,
    margin: float = 0.1,
    size: int = LARGEST,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Write a page on which readers tell generated from real images, and its key.

    The page is one file that needs no network. Half of its images are real and held out, half come
    from the run's generator, as many as are asked for and none left out.

    Args:
        run: A run with a trained generator, or its folder.
        n: Images of each kind, 2 to 500.
        seed: Of the images.
        margin: How far from 50 % still counts as guessing, above 0 and below 0.5; it is chosen
            before anybody reads.
        size: Longer side of an image on the page at most, in CSS pixels.
        out: Folder for `study.html` and `key.json`, by default `turing` in the run.

    Returns:
        `study` (its id), `page` and `key` (paths), `n_real`, `n_fake`, `groups_real`, `warning`
        (what must be known of the real images, or nothing).

    Raises:
        zoo.errors.UsageError: If an argument is out of range, or the folder holds another study.
        zoo.errors.ZooError: If there are fewer than n held-out images.
    """
    if not FEWEST <= n <= MOST:
        raise UsageError(f"n={n}: expected {FEWEST} to {MOST} images of each kind")
    check_margin(margin)
    from zoo.evaluation.turing.study import KEY, PAGE, check_replaceable, compose
    from zoo.finished import Finished
    from zoo.report.study import study_page
    from zoo.runs import Run, write_json, write_text

    opened = run if isinstance(run, Run) else Run.open(run)
    step = opened.snapshot_step()  # wrong use is told before the data are loaded
    finished = Finished.open(opened)
    study, pictures = compose(
        finished.images,
        finished.sampler(),
        n=n,
        seed=seed,
        sampling_seed=sampling_seed(finished.recipe.settings["seed"], seed),
        margin=margin,
        facts={
            "generator": finished.recipe.generator,
            "run": opened.path.resolve().name,
            "step": step,
            "enlargement": f"nearest neighbour, whole factors, up to {size} CSS pixels or the "
            "screen; alike for all images",
        },
    )
    page = study_page(study, pictures, finished.images, size=size)
    study = replace(study, page_sha256=hashlib.sha256(page.encode()).hexdigest())
    folder = opened.turing if out is None else Path(out)
    with opened.lock() if out is None else contextlib.nullcontext():
        check_replaceable(folder, study)
        write_text(folder / PAGE, page)
        write_json(folder / KEY, study.as_dict())
    groups = study.protocol["comparable"]["groups_real"]
    return {
        "study": study.id,
        "page": str(folder / PAGE),
        "key": str(folder / KEY),
        "n_real": n,
        "n_fake": n,
        "groups_real": groups,
        "warning": study.warning(),
    }


def score(
    source: "str | Path | Run",
    answers: str | Path | Iterable[str | Path],
    *,
    margin: float | None = None,
) -> dict[str, Any]:
    """What the answers of readers say, written to `turing.json`.

    Of a study in a run folder the run's report is built again.

    Args:
        source: The run, its folder, or the folder that holds `key.json`.
        answers: The file or the files that readers sent.
        margin: Another margin than the study was made with; the protocol says so.

    Returns:
        What `zoo.evaluation.turing.readings.judge` returns.

    Raises:
        zoo.errors.UsageError: If there are no answers, or the margin is out of range.
        zoo.errors.ZooError: If there is no key, or a file holds no valid answers to the study.
    """
    given = [answers] if isinstance(answers, (str, Path)) else answers
    files = [Path(file) for file in given]
    if not files:
        raise UsageError("no files of answers; readers send answers-NAME.json")
    if margin is not None:
        check_margin(margin)
    from zoo.evaluation.turing.answers import read_answers
    from zoo.evaluation.turing.readings import judge
    from zoo.evaluation.turing.study import Study
    from zoo.report import build
    from zoo.runs import write_json

    folder, run = _place(source)
    study = Study.read(folder)
    found: dict[str, Any] = judge(study, read_answers(files, study), margin=margin)
    if run is None:
        write_json(folder / "turing.json", found)
        return found
    with run.lock():
        write_json(run.turing_path, found)
        build(run)
    return found


def check_margin(margin: float) -> None:
    """Refuse a margin that is no distance from one half.

    Raises:
        zoo.errors.UsageError: If it is not above 0 and below 0.5.
    """
    if not 0 < margin < 0.5:
        raise UsageError(f"margin={margin:g}: expected a number above 0 and below 0.5")


def sampling_seed(run_seed: int, seed: int) -> int:
    """The latents' seed of a study, which no other part of zoo uses by chance or by default."""
    from zoo.settings import LARGEST_SEED

    digest = hashlib.sha256(f"turing {run_seed} {seed}".encode()).digest()
    return int.from_bytes(digest[:8]) % LARGEST_SEED


def _place(source: "str | Path | Run") -> "tuple[Path, Run | None]":
    """The folder with the key, and the run that it belongs to, if any."""
    from zoo.evaluation.turing.study import KEY
    from zoo.runs import Run

    if not isinstance(source, Run):
        path = Path(os.fspath(source))
        if (path / KEY).is_file():
            parent = Run(path.resolve().parent)
            inside = parent.recipe_path.is_file() and parent.turing == path.resolve()
            return path, parent if inside else None
    run = Run.open(source)
    if not (run.turing / KEY).is_file():
        raise UsageError(
            f"{run.path} holds no study; `zoo turing make {run.path}` makes one, and of a study "
            "elsewhere its folder is given"
        )
    return run.turing, run
