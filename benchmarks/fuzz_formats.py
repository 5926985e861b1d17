"""Damaged files of every format, read under limits: none may crash, hang or take much memory.

usage: python benchmarks/fuzz_formats.py [--files 500] [--seed 0] [--out FILE]

Valid files are made, then bytes are flipped, overwritten or cut off. Each damaged file is read in
a worker process that is killed after 5 s and may take 1 GiB more than it needs when idle. A file
may be read or refused with a reason (`Rejected`); whatever else happens is a failure.
"""

import argparse
import contextlib
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measured
import numpy as np
from valid_files import valid_files

SECONDS = 5.0
EXTRA_MEMORY = 2**30
GOOD = ("read", "refused")
NO_MEMORY = "needs more memory"


def fuzzed(content: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy: cut off, or with bits flipped or bytes overwritten, often in its header."""
    data = bytearray(content)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    reach = min(len(data), 400) if rng.integers(2) else len(data)
    for position in rng.integers(0, reach, int(rng.integers(1, 17))):
        flipped = data[position] ^ (1 << int(rng.integers(8)))
        data[position] = flipped if kind < 3 else int(rng.choice([0, 255]))
    return bytes(data)


def fuzzed_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many damaged files, each format in turn; the same for the same seed."""
    rng = np.random.default_rng(seed)
    valid = list(valid_files().items())
    for number in range(count):
        name, content = valid[number % len(valid)]
        yield f"{number:04d}-{name}", fuzzed(content, rng)


def outcome(path: Path) -> tuple[str, str]:
    """Read a file in every way, and say what became of it, and why."""
    from zoo.data.decode import encoding, frames
    from zoo.data.examples import Rejected
    from zoo.data.frames import Reading

    found, reason = "refused", ""
    encoding(path)
    for reading in (Reading(), Reading(z="middle", t="max")):
        try:
            for frame in frames(path, reading=reading):
                frame.pixels.max()
            found = "read"
        except Rejected as error:
            reason = str(error)
            if NO_MEMORY in reason:
                return "over memory", reason
        except Exception as error:
            return "failed", f"{type(error).__name__}: {error}"
    return found, reason


def work() -> None:
    """Answer each path on standard input with what became of the file; the worker's side."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in valid_files().items():  # imports every reader before the clock runs
            (path := Path(folder, name)).write_bytes(content)
            if (found := outcome(path))[0] != "read":
                raise SystemExit(f"{name} is valid, but {found}")
    idle = _memory("VmRSS")
    limit = _memory("VmSize") + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", flush=True)
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # so that VmHWM is the peak from here on
        found = outcome(Path(line.rstrip("\n")))
        taken = _memory("VmHWM") - idle
        found = ("over memory", f"{taken:,} bytes") if taken > EXTRA_MEMORY else found
        print(json.dumps([*found, taken]), flush=True)


def _memory(kind: str) -> int:
    """Bytes of this process, by the name that Linux gives them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


class Worker:
    """A process that reads files, started again after one that it did not survive."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> tuple[str, str, int]:
        """What became of a file, why, and the bytes that reading it took."""
        process = self.process or self._started()
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        answer = process.stdout.readline() if ready else ""
        if answer:
            found, reason, taken = json.loads(answer)
            return found, reason, taken
        self.close()
        return ("crashed", f"exit status {process.returncode}", 0) if ready else ("hung", "", 0)

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--worker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ, **pipes)  # type: ignore[call-overload]
        assert self.process.stdout
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the worker did not start")
        return self.process


def run(count: int, seed: int) -> dict[str, Any]:
    """Counts of what became of the files, the failures by name, and the most memory taken."""
    counts, failures, most = Counter[str](), {}, 0
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Worker()) as worker:
        for name, content in fuzzed_files(count, seed):
            (path := Path(folder, name)).write_bytes(content)
            found, reason, taken = worker.read(path)
            counts[found] += 1
            most = max(most, taken)
            if found not in GOOD:
                failures[name] = f"{found}: {reason}"
                print(f"{name}: {found}: {reason}", file=sys.stderr)
            path.unlink()
    kinds = ("read", "refused", "failed", "crashed", "hung", "over memory")
    return {**{kind: counts[kind] for kind in kinds}, "most_bytes": most, "failures": failures}


def main() -> None:
    """Print and store the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "fuzz_formats.json")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work()
        return
    name = f"{arguments.files} files, seed {arguments.seed}"
    measured.measure(arguments.out, {name: lambda: run(arguments.files, arguments.seed)})


if __name__ == "__main__":
    main()
