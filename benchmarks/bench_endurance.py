"""What long runs found, for the table of `bench.py`: a function for each of their files.

A function takes the rows, those of a .jsonl file or the `rows` of a .json file with their names as
`row`, and gives pairs of what was tried and what was found. Another file needs another function in
`FILES`; a file that is not there has no line.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP = 10  # minutes

Found = Iterator[tuple[str, str]]
Rows = Sequence[dict[str, Any]]


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of results."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return [{"row": name, **row} for name, row in json.loads(text)["rows"].items()]


def kill_resume(rows: Rows) -> Found:
    """Trainings killed at random steps and resumed."""
    same = sum(row["identical"] and row["same_history"] for row in rows)
    generators = len({row["generator"] for row in rows})
    yield (
        f"trainings of {generators} generators killed at a random step and resumed",
        f"{same} of {len(rows)} ended with the weights and the log of one that was not killed, "
        "bit for bit",
    )


def hostile(rows: Rows) -> Found:
    """Hostile files; the last line of an input counts."""
    last = {(row["seed"], row["number"]): row for row in rows}.values()
    counts = {what: sum(row["outcome"] == what for row in last) for what in ("refused", "read")}
    rest = len(last) - sum(counts.values())
    yield (
        "hostile files given to what reads them",
        f"{len(last):,}: {counts['refused']:,} refused in one line, {counts['read']:,} read as "
        f"plain values, {rest} neither",
    )


def kill_commands(rows: Rows) -> Found:
    """Commands killed at random moments; the last row of a trial counts."""
    last = {(row["seed"], row["trial"]): row for row in rows}.values()
    commands = len({row["command"] for row in last})
    well = sum(row["ok"] for row in last)
    yield (
        f"{commands} commands that write, killed at a random moment and given again",
        f"{well} of {len(last)} lost and damaged nothing and ended with what the command gives "
        "when it is left alone",
    )


def workers(rows: Rows) -> Found:
    """Two workers against one."""
    for row in rows:
        if "two_over_one" in row:
            low, high = row["range"]
            yield (
                f"{row['row']}: images/s of two workers over one process with as many threads",
                f"{row['two_over_one']} ({low} to {high}), {row['rounds']} rounds"
                + ("; each step they send each other gradients" if row["two_over_one"] < 1 else ""),
            )
        elif "largest_difference" in row:
            yield (
                f"{row['row']}, {row['steps']} steps",
                f"losses up to {row['largest_loss']:.2g} are at most "
                f"{row['largest_difference']:.2g} apart, those of one process with and without "
                f"XLA, which is rounding alone, {row['of_rounding_alone']:.2g}",
            )
        else:
            killed = [found for what, found in row.items() if what.endswith("killed")]
            same = sum(bool(found.get("identical")) for found in killed)
            yield (
                f"{row['row']}, {row['steps']} steps",
                f"{same} of {len(killed)} trainings ended with the weights of one that lost none",
            )


def study_kills(rows: Rows) -> Found:
    """Studies of which a worker and then the command were killed."""
    for row in rows:
        again = len({*row["changed_content"], *row["finished_cells_tried_again"]})
        yield (
            "a study of which a worker, then the command were killed, and the same command given",
            f"{row['reported_finished']} of {row['of']} cells finished; of "
            f"{row['finished_when_the_command_was_killed']} that were finished before, {again} "
            f"were changed or run again; {row['processes_left']} processes left",
        )


def many_jobs(rows: Rows) -> Found:
    """Runs that start together on one empty cache."""
    for row in rows:
        most = max((*row["requests"].values(), *row["done"].values()))
        times = "once" if most == 1 else f"{most} times"
        odd = len(row["not_as_planned"])
        yield (
            f"{row['row']}, started together on an empty cache",
            f"{row['finished']} finished, {odd} ended otherwise than planned; "
            f"nothing was fetched or prepared more than {times}; {row['run_folders']} run "
            f"folders of {row['expected']}, {len(row['folders_taken_twice'])} taken twice",
        )


def soak(rows: Rows) -> Found:
    """Runs one after another for an hour; the longest series of each kind counts."""
    series: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        if "cycle" not in row:  # what was left at the end
            continue
        series.setdefault((row["variant"], row["began"]), []).append(row)
    for variant in dict.fromkeys(name for name, _ in series):
        cycles = max((found for key, found in series.items() if key[0] == variant), key=len)
        kept = ("handles", "threads", "children", "temporary_files", "cache_files")
        ends = (
            f"{name.replace('_', ' ')} {cycles[0][name]} to {cycles[-1][name]}"
            for name in kept
            if name in cycles[0]
        )
        told = [_growth(cycles), *ends]
        yield (
            f"{variant}: {len(cycles)} runs in {cycles[-1]['minutes']:.0f} minutes",
            "; ".join(filter(None, told)),
        )


def _growth(cycles: Rows) -> str:
    """MB an hour of a least-squares line after the warm-up."""
    warm = [row for row in cycles if row["minutes"] > WARM_UP and "anonymous_mb" in row]
    if len(warm) < 4:
        return ""
    hours, memory = ([row[key] for row in warm] for key in ("minutes", "anonymous_mb"))
    (line, _), covariance = np.polyfit(np.array(hours) / 60, memory, 1, cov=True)
    error = covariance[0, 0] ** 0.5
    return f"memory grows by {line:.0f} ± {error:.0f} MB an hour after {WARM_UP} minutes"


FILES: dict[str, Callable[[Rows], Found]] = {
    "kill_commands.jsonl": kill_commands,
    "kill_resume.jsonl": kill_resume,
    "workers.json": workers,
    "study_kills.json": study_kills,
    "many_jobs.json": many_jobs,
    "soak.jsonl": soak,
    "hostile.jsonl": hostile,
}


def found(folder: Path) -> list[dict[str, str]]:
    """What the files in a folder say, with their scripts."""
    return [
        {"script": Path(name).stem, "what": what, "found": told}
        for name, lines in FILES.items()
        if (folder / name).is_file()
        for what, told in lines(read(folder / name))
    ]
