"""Kill every command of zoo that writes something at random moments, and go on.

usage: python benchmarks/kill_commands.py FOLDER [--trials 200] [--seed 0] [--only detect …]

A trial copies the state that a command of `kill_subjects.py` starts from, starts the command in a
process group of its own, and kills the group at a moment drawn evenly over the time that the
command takes when it is left alone. Then nothing may be damaged or lost: each file under its final
name can be read, and what was finished before is as it was, or as the command writes it. Reading
commands must work. At last the same command again, or `zoo run --resume` where a run has begun,
must end well with what the uninterrupted command gives, apart from times. A command that had all
written when it was killed may say so and exit with 2.

Most trials kill copies of this process, for TensorFlow takes longer to import than most commands
take; the first of each command kills `python -m zoo_cli.main`. FOLDER holds states, results of
uninterrupted commands and places of trials that failed. A row for each trial is appended to
results/kill_commands.jsonl; trials that passed are not run again, and the last row of one counts.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kill_checks as checks
import measured
from kill_places import alone, copied, done, killed, state
from kill_subjects import OUTPUT, SUBJECTS, Subject, leaves

READS = ("runs list --json", "data list --json", "assets list --json")
WARM = ("h5py", "jinja2", "keras", "matplotlib.pyplot", "pandas", "sklearn.ensemble", "skops.io")
WARM += ("sklearn.linear_model", "skimage", "tifffile", "tensorflow_datasets", "zoo.workflow")
WARM += ("zoo.data.tfds", "zoo.evaluation.detection", "zoo.evaluation.utility", "zoo.detecting")
WARM += ("zoo.evaluation.score", "zoo.evaluation.segmentation", "zoo.finished", "zoo.report")
WARM += ("zoo.gan", "zoo.gan.model", "zoo.gan.export", "zoo.publishing.pull", "tensorboard")


def commit() -> str:
    """What is measured, with `+` if files beside the results were changed since."""
    root = str(measured.RESULTS.parent.parent)
    name = ["git", "-C", root, "rev-parse", "--short", "HEAD"]
    changed = ["git", "-C", root, "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results"]
    found = subprocess.run(name, capture_output=True, text=True).stdout.strip()
    return found + ("+" if subprocess.run(changed).returncode else "")


def unread(place: Path) -> list[str]:
    """Reading commands that fail on a folder, or show a traceback."""
    lines = []
    runs = sorted(path.name for path in (place / "runs").glob("[0-9]*"))
    listed = [name for name in runs if (place / "runs" / name / "recipe.yaml").is_file()]
    commands = [*READS, *(f"runs show {name} --json" for name in listed)]
    for command in commands:
        ended = done(command.split(), place)
        if ended.status or "Traceback" in ended.err:
            lines.append(f"{command}: exits {ended.status}: {ended.err[-300:]}")
    for name in listed[-1:]:
        aside = copied(place, place.with_name(f"{place.name}-read"))
        ended = done(["report", name], aside)
        if ended.status not in (0, 1) or "Traceback" in ended.err:
            lines.append(f"report {name}: exits {ended.status}: {ended.err[-300:]}")
        shutil.rmtree(aside)
    return lines


def going_on(subject: Subject, place: Path, started_with: Path) -> Any:
    """The command that goes on."""
    begun = _runs(place) - _runs(started_with)
    if subject.resumed and begun:
        return ["run", "--resume", f"runs/{max(begun)}"]
    return subject.started


def _runs(place: Path) -> set[str]:
    return {path.parent.name for path in (place / "runs").glob("*/recipe.yaml")}


def renamed(place: Path, expected: Path, begun_with: Path) -> dict[str, str]:
    """What is called otherwise: the place, and new runs that have another number."""
    here, there = (_runs(folder) - _runs(begun_with) for folder in (place, expected))
    pairs = zip(sorted(here), sorted(there), strict=False)
    return {str(place): str(expected)} | {a: b for a, b in pairs if a != b}


def continued(subject: Subject, place: Path, expected: Path, begun_with: Path) -> dict[str, Any]:
    """Let a command go on, and compare what it gives with what it gives when it is left alone."""
    ignored = subject.ignored
    whole = not checks.differences(
        place, expected, words=renamed(place, expected, begun_with), ignored=ignored
    )
    started = going_on(subject, place, begun_with)
    words = subject.words if callable(started) else started
    ended = done(started, place)
    names = renamed(place, expected, begun_with)
    differs = checks.differences(place, expected, words=names, ignored=ignored)
    told = json.loads(expected.with_suffix(".json").read_text())["out"]
    again = words == subject.words and ended.status == 0 and not whole and OUTPUT not in ignored
    if again and not checks.same_text(ended.out, told, names):
        differs.append(f"it prints {ended.out[-200:]!r} and not {told[-200:]!r}")
    well = ended.status == 0 or (whole and ended.status in (1, 2))
    if not well or "Traceback" in ended.err:
        differs.append(f"`zoo {' '.join(words)}` exits {ended.status}: {ended.err[-300:]}")
    damaged = checks.damaged(checks.files(place))
    return {"whole_before": whole, "went_on": words[:2], "status": ended.status,
            "differs": differs + damaged}  # fmt: skip


def trial(folder: Path, subject: Subject, number: int, seed: int, *, anew: bool) -> dict[str, Any]:
    """One kill, and what was found after it."""
    rng = random.Random(f"{seed} {number} {subject.name}")
    expected = alone(folder, subject, anew=False)[0]
    begun_with = state(folder, subject.state)
    place = folder / "trials" / f"{seed}-{number:04d}"
    place.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    of, after, orphans = killed(folder, subject, place, rng, anew=anew, token=str(place))
    now = checks.files(place)
    found: dict[str, Any] = {
        "corrupted": checks.damaged(now),
        "lost": checks.lost(
            checks.files(begun_with), now, checks.files(expected), anew=subject.anew
        ),
        "left_over": len(checks.hidden(place)) - len(checks.hidden(begun_with)),
        "unread": unread(place),
    }
    found |= continued(subject, place, expected, begun_with)
    ok = not any(found[kind] for kind in ("corrupted", "lost", "unread", "differs"))
    if ok:
        shutil.rmtree(place)
    times = {"of_seconds": round(of, 3), "killed_after": round(after, 3), "orphans": orphans}
    facts = {"command": subject.name, "trial": number, "seed": seed, "started": _how(anew)}
    return {**facts, **times, **found, "seconds": round(time.monotonic() - began, 1), "ok": ok}


def _how(anew: bool) -> str:
    return "process" if anew else "copy"


def planned(
    count: int, only: Sequence[str], *, copies: bool
) -> Iterator[tuple[int, Subject, bool]]:
    """Number, command and whether whole processes are killed, of each trial."""
    number = 0
    for turn in range(count):
        for subject in SUBJECTS:
            if turn % subject.every:
                continue
            if number == count:
                return
            if not only or any(word in subject.name for word in only):
                anew = subject.anew_only or not (turn or copies or subject.copied)
                yield number, subject, anew
            number += 1


def _warm() -> None:
    """Import what commands need, so that copies of this process have it."""
    import importlib

    for name in WARM:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"not imported: {error}", file=sys.stderr)
    from zoo_cli.main import cli

    for command in leaves(cli):
        module = f"zoo_cli.commands.{command.replace(' ', '.')}"
        for each in (module, f"{module}_", module.rpartition(".")[0]):
            try:
                importlib.import_module(each)
            except ImportError:
                continue
    import zoo.workflow

    zoo.workflow.DETECTORS = ("logistic",)  # the others take minutes; only copies see this


def _lane(folder: Path, seed: int, queue: Any, answers: Any) -> None:
    while (task := queue.get()) is not None:
        number, index, anew = task
        subject = SUBJECTS[index]
        try:
            row = trial(folder, subject, number, seed, anew=anew)
        except Exception as error:
            row = {"command": subject.name, "trial": number, "seed": seed, "started": _how(anew)}
            row |= {"error": f"{type(error).__name__}: {error}"[-1500:], "ok": False}
        answers.put(row | {"load": round(os.getloadavg()[0], 1)})
    answers.put(None)


def rows(folder: Path, tasks: Sequence[tuple[int, Subject, bool]], seed: int, lanes: int) -> Any:
    """Rows of trials, as they come."""
    context = multiprocessing.get_context("fork")
    queue, answers = context.Queue(), context.Queue()
    for number, subject, anew in tasks:
        queue.put((number, SUBJECTS.index(subject), anew))
    for _ in range(lanes):
        queue.put(None)
    workers = [
        context.Process(target=_lane, args=(folder, seed, queue, answers)) for _ in range(lanes)
    ]
    for worker in workers:
        worker.start()
    left = lanes
    while left:
        if (row := answers.get()) is None:
            left -= 1
        else:
            yield row


def summary(found: Sequence[dict[str, Any]]) -> None:
    """A line for each command, and one for all."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in found:
        for name in (row["command"], "all"):
            counts[name] += Counter(
                trials=1,
                corrupted=bool(row.get("corrupted")),
                lost=bool(row.get("lost")),
                unread=bool(row.get("unread")),
                continued=not row.get("differs") and "error" not in row,
                ok=row["ok"],
            )
    kinds = ("trials", "corrupted", "lost", "unread", "continued", "ok")
    print(f"{'command':28}", *(f"{kind:>9}" for kind in kinds))
    for name, count in sorted(counts.items(), key=lambda pair: (pair[0] == "all", pair[0])):
        print(f"{name:28}", *(f"{count[kind]:>9}" for kind in kinds))


def main() -> None:
    """Run the trials that have not passed yet, and sum all of them up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=2, help="trials at a time")
    parser.add_argument("--only", nargs="+", default=[], help="words of commands")
    parser.add_argument("--copies", action="store_true", help="kill no whole processes")
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "kill_commands.jsonl")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    of = commit()
    lines = given.out.read_text().splitlines() if given.out.exists() else []
    found = {row["trial"]: row for row in map(json.loads, lines) if row["seed"] == given.seed}
    asked = list(planned(given.trials, given.only, copies=given.copies))
    tasks = [task for task in asked if not found.get(task[0], {}).get("ok")]
    if tasks:
        _warm()
    folder = given.folder.absolute() / of
    versions = measured.machine()
    for row in rows(folder, tasks, given.seed, given.lanes):
        found[row["trial"]] = row | {"commit": of, "machine": versions["processor"]}
        with given.out.open("a") as file:
            print(json.dumps(found[row["trial"]]), file=file)
        shown = {k: v for k, v in row.items() if k not in ("load", "machine") and v not in ([], 0)}
        print(json.dumps(shown), flush=True)
    chosen = [found[number] for number, *_ in asked if number in found]
    summary(chosen)
    sys.exit(not all(row["ok"] for row in chosen))


if __name__ == "__main__":
    main()
