"""Hostile files of every kind, fed to what reads them: none may crash it, get out or run code.

usage: python benchmarks/hostile.py [-n 1000] [--kinds run,torch] [--seed 0] [--out FILE]

Each input is made from a valid one, in a worker process with a limit of time and memory whose home,
folder and temporary files are in a sandbox. It passes if it was read, or refused by an error that
the user sees as one line; if no file appeared beside its own folder; and if nothing in it was run.
A line of the output file is written for each: a benchmark that was stopped continues, and one that
is started again tries what did not pass once more. The last line of an input counts.
"""

import argparse
import contextlib
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile_subjects
import measured
import numpy as np
from hostile_mutations import ESCAPED
from hostile_readers import KINDS, Place

SECONDS = 90.0  # for reports and networks on a busy machine
MOST_MEMORY = 2**30
EXTRA_MEMORY = 3 * 2**30  # of addresses, which threads take without filling them
MOST_GROWN = 2**30  # what a worker may have kept from earlier inputs before it is started anew
GOOD = ("read", "refused")
TENSORFLOW_S = "__autograph_generated_file"  # kept until its process ends
OURS = ("in", "zoo")  # folders of the sandbox that readers may write into


def answer(number: int, kind: str, seed: int, sandbox: Path) -> dict[str, Any]:
    """Make an input, read it, and say what became of it."""
    import click

    from zoo.errors import ZooError

    folder = sandbox / "in" / f"{number:05d}"
    shutil.rmtree(folder, ignore_errors=True)  # of a worker that was stopped
    folder.mkdir(parents=True)
    os.environ["ZOO_HOME"] = str(folder / "zoo")  # what one input leaves must not shield the next
    rng = np.random.default_rng([seed, number])
    place = Place(sandbox / "subjects", folder, sandbox / "executed")
    mutation, read = KINDS[kind](place, rng)
    Path("/proc/self/clear_refs").write_text("5")  # so that VmHWM is the peak from here on
    before, began = _memory("VmRSS"), time.monotonic()
    found, reason = "read", ""
    try:
        read()
    except (ZooError, click.ClickException) as error:
        found, reason = "refused", str(error)
        lines = [line for line in reason.splitlines() if line.startswith("Error")]
        if "\x1b" in reason or "\0" in reason or len(lines) > 1:
            found = "unprintable"
    except Exception as error:
        found, reason = "failed", f"{type(error).__name__}: {error} at {_place_of(error)}"
    taken = _memory("VmHWM") - before
    if taken > MOST_MEMORY and found in GOOD:
        found = "over memory"
    reason = reason.replace(str(sandbox), "")[-300:]
    told = {"mutation": mutation, "outcome": found, "reason": reason}
    return {**told, "seconds": round(time.monotonic() - began, 2), "bytes": taken}


def _place_of(error: BaseException) -> str:
    import traceback

    frames = [f for f in traceback.extract_tb(error.__traceback__) if "hostile" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[:-5:-1])


def work(sandbox: Path) -> None:
    """Answer each line on standard input; the worker's side."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed must not be taken for an answer
    os.chdir(sandbox / "cwd")
    from zoo.device import configure

    configure()
    limit = _memory("VmSize") + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", file=answers, flush=True)
    idle = _memory("VmRSS")
    for line in sys.stdin:
        asked = json.loads(line)
        found = answer(**asked, sandbox=sandbox)
        grown = _memory("VmRSS") - idle > MOST_GROWN
        print(json.dumps({**found, "grown": grown}), file=answers, flush=True)


def _memory(kind: str) -> int:
    """Bytes of this process, by the name that Linux gives them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


class Worker:
    """A process that reads inputs in a sandbox, started again after one that it did not survive."""

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        self.process: subprocess.Popen[str] | None = None
        for name in ("in", "zoo", "home", "cwd", "tmp", "keras"):
            (sandbox / name).mkdir(parents=True, exist_ok=True)

    def read(self, number: int, kind: str, seed: int) -> dict[str, Any]:
        """What became of an input, and of what lies beside it."""
        process = self.process or self._started()
        assert process.stdin
        assert process.stdout
        before = self._files()
        process.stdin.write(json.dumps({"number": number, "kind": kind, "seed": seed}) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        line = process.stdout.readline() if ready else ""
        found: dict[str, Any] = json.loads(line) if line else {"mutation": "", "reason": ""}
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20 if ready else 0)
            self.close()
            found["outcome"] = f"crashed: {process.returncode}" if ready else "hung"
        if outside := sorted(self._files() - before):
            found |= {"outcome": "outside", "reason": ", ".join(outside)[:300]}
        if (self.sandbox / "executed").exists():
            found |= {"outcome": "executed"}
            (self.sandbox / "executed").unlink()
        if found.pop("grown", False):
            self.close()
        return found

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _files(self) -> set[str]:
        """What lies in the sandbox where no reader may write, and what climbed out of it."""
        found: set[str] = set()
        for place, folders, names in os.walk(self.sandbox):
            if Path(place) == self.sandbox:
                folders[:] = [name for name in folders if name not in (*OURS, "subjects")]
            made = (name for name in names if not name.startswith(TENSORFLOW_S))
            found |= {str(Path(place, name).relative_to(self.sandbox)) for name in made}
        above = [*self.sandbox.parents, Path("/tmp"), Path.home()]
        return found | {str(p) for folder in above for p in folder.glob(f"*{ESCAPED}*")}

    def _started(self) -> subprocess.Popen[str]:
        places = {"HOME": "home", "TMPDIR": "tmp", "ZOO_HOME": "zoo", "KERAS_HOME": "keras"}
        environment = {**os.environ, **{k: str(self.sandbox / v) for k, v in places.items()}}
        environment["MPLCONFIGDIR"] = str(self.sandbox / "zoo")
        command = [sys.executable, __file__, "--worker", str(self.sandbox)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with (self.sandbox / "zoo" / "stderr").open("a") as told:
            self.process = subprocess.Popen(
                command, env=environment, text=True, stderr=told, **pipes
            )
        assert self.process.stdout
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the worker did not start")
        return self.process


def run(out: Path, sandbox: Path, count: int, seed: int, kinds: list[str]) -> Iterator[Any]:
    """The lines of all inputs, those that the file holds already among them."""
    lines = out.read_text().splitlines() if out.is_file() else []
    rows = [row for row in map(json.loads, lines) if row["seed"] == seed]
    known = {row["number"]: row for row in rows if row["outcome"] in GOOD}
    asked = [(n, list(KINDS)[n % len(KINDS)]) for n in range(count)]
    with contextlib.closing(Worker(sandbox)) as worker:
        for number, kind in [(n, kind) for n, kind in asked if kind in kinds]:
            if number not in known:
                found = worker.read(number, kind, seed)
                row = {"seed": seed, "number": number, "kind": kind, "commit": measured.commit()}
                known[number] = {**row, **found}
                with out.open("a") as file:
                    file.write(json.dumps(known[number]) + "\n")
                shutil.rmtree(sandbox / "in" / f"{number:05d}", ignore_errors=True)
            yield known[number]


def main() -> None:
    """Print what did not pass, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "hostile.jsonl")
    parser.add_argument("--sandbox", type=Path, default=Path(tempfile.gettempdir(), "zoo-hostile"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    sandbox = arguments.sandbox.absolute()
    hostile_subjects.make(sandbox / "subjects")
    counts = Counter[str]()
    kinds = arguments.kinds.split(",")
    for row in run(arguments.out, sandbox, arguments.n, arguments.seed, kinds):
        counts[row["outcome"]] += 1
        if row["outcome"] not in GOOD:
            shown = (row[name] for name in ("number", "kind", "mutation", "outcome", "reason"))
            print(*shown, sep=": ", flush=True)
    print(json.dumps(counts))
    sys.exit(any(name not in GOOD for name in counts))


if __name__ == "__main__":
    main()
