"""Two hundred runs that start together on one empty cache: is anything fetched or made twice?

usage: python benchmarks/many_jobs.py FOLDER [--jobs 200] [--in-memory 40] [--at-once 3]

Each job is the command `zoo run`, in a copy of one process that has imported everything: as many
processes of their own would take more memory than most machines have. All are told to go at the
same moment. Half of them take `bbbc/simulated`, half a dataset whose archive a web server on this
machine serves, with every request counted; a few ask for what there is not, and must end with exit
status 2. All that jobs share goes on in all of them at once: resolving, downloading, preparing and
cutting. Then a job waits for one of `--in-memory` places, builds its networks and makes its run
folder, and for one of `--at-once` to train in, which it keeps to the end of its report. Every call
that prepares a dataset or cuts crops is counted in all processes. FOLDER is emptied first; the
row goes into results/many_jobs.json.
"""

import argparse
import collections
import contextlib
import hashlib
import http.server
import importlib
import io
import json
import multiprocessing
import os
import shutil
import sys
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
from PIL import Image

ARCHIVE = "served.zip"
WRONG = 10  # every tenth job
IMAGES = 120
IMPORTED = (
    "zoo",
    "zoo_generators",
    "zoo_datasets",
    "matplotlib",
    "jinja2",
    "PIL",
    "sklearn",
    "scipy",
)
ADDRESS, HASH, SIZE = "MANY_JOBS_ADDRESS", "MANY_JOBS_HASH", "MANY_JOBS_SIZE"

PLUGIN = f"""
import os
import zoo

ARCHIVE = zoo.Archive(
    "{ARCHIVE}",
    os.environ["{ADDRESS}"],
    int(os.environ["{SIZE}"]),
    {{os.environ["{HASH}"]: "official"}},
)


@zoo.hookimpl
def zoo_datasets():
    yield zoo.Dataset("served-squares", "zoo_served_builder:Squares", archives=(ARCHIVE,))
    yield zoo.Dataset("served", "", alias=("served-squares",))
"""

BUILDER = """
import io
import zipfile

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from zoo.data.builder import ImageBuilder


class Squares(ImageBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    channels = 1

    def examples(self, archives, split):
        (path,) = archives.values()
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield {"id": name, "image": np.asarray(Image.open(io.BytesIO(archive.read(name))))}
"""


def archive() -> bytes:
    """A zip of noisy images with a bright square."""
    random, held = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for number in range(IMAGES):
            image = random.integers(0, 90, (32, 32), np.uint8)
            row, column = random.integers(0, 20, 2)
            image[row : row + 8, column : column + 8] += 120
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            file.writestr(f"{number:03d}.png", png.getvalue())
    return held.getvalue()


def serve(content: bytes, log: Path) -> tuple[int, int]:
    """A server in a process of its own that writes each request into a file: process and port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            count(log, self.path[1:])
            time.sleep(1)  # time for others to ask, too
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if number := os.fork():
        server.server_close()
        return number, server.server_port
    server.serve_forever()
    os._exit(0)


def install(site: Path) -> None:
    """A dataset plugin on the path of Python, as pip would leave it."""
    info = site / "zoo_served-0.1.dist-info"
    info.mkdir(parents=True)
    (site / "zoo_served.py").write_text(PLUGIN)
    (site / "zoo_served_builder.py").write_text(BUILDER)
    (info / "METADATA").write_text("Name: zoo-served\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[zoo]\nserved = zoo_served\n")
    sys.path.insert(0, str(site))


def count(log: Path, line: str) -> None:
    """One line more in a file that many processes append to."""
    with log.open("a") as file:
        file.write(f"{line}\n")


def watch(log: Path, rooms: Any, slots: Any) -> None:
    """Count what must be done once; let some jobs build at a time, and few of them train."""
    import zoo.data.loading as loading
    import zoo.data.prepare as prepare
    import zoo.workflow as workflow

    cut, built = loading.write_crops, prepare._build
    compiled, train = workflow.compiled, workflow.train

    def counted_cut(folder: Path, *arguments: Any, **options: Any) -> Any:
        count(log, f"cut {folder.name}")
        return cut(folder, *arguments, **options)

    def counted_build(record: Any, *arguments: Any) -> Any:
        count(log, f"prepare {record.name}")
        return built(record, *arguments)

    def in_a_room(*arguments: Any) -> Any:
        count(log.with_name("data"), _private_mb())
        rooms.acquire()
        return compiled(*arguments)

    def in_turn(run: Any, *arguments: Any) -> None:
        count(log, f"folder {run.name}")
        count(log.with_name("built"), _private_mb())
        slots.acquire()
        train(run, *arguments)

    loading.write_crops, prepare._build = counted_cut, counted_build
    workflow.compiled, workflow.train = in_a_room, in_turn


def arguments_of(number: int, folder: Path) -> list[str]:
    """What a job is asked; every tenth is asked for a size that its network has not."""
    data = "served" if number % 2 else "bbbc/simulated"
    words = ["run", "dcgan", "--data", data, "--image-size", "32", "--steps", "2", "--no-eval"]
    words += ["-o", "width=4", "-o", "latent_dim=8", "-o", "batch_size=4", "--threads", "1"]
    words += ["--device", "cpu", "--seed", str(number), "--out", str(folder / "runs")]
    return [*words, "-o", "width=none"] if planned(number) else words


def planned(number: int) -> int:
    """The exit status that a job has to end with."""
    return 2 if number % WRONG == WRONG - 1 else 0


def job(number: int, folder: Path, go: Any, rooms: Any, slots: Any) -> int:
    """Start a job that waits until it is told to go; its process."""
    if process := os.fork():
        return process
    status, training = 70, False
    try:
        log = os.open(folder / "logs" / f"{number:03d}", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        go.wait()
        from zoo_cli.main import main as main_of_zoo

        sys.argv = ["zoo", *arguments_of(number, folder)]
        training = not planned(number)
        main_of_zoo()
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        count(folder / "ended", _private_mb())
        if training:
            rooms.release()
            slots.release()
        os._exit(status)


def _private_mb() -> str:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    kept = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return f"{sum(kept) / 1024:.0f}"


def jobs(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Start all, wait for all, and count."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    content = archive()
    server, port = serve(content, folder / "requests")
    os.environ |= {
        ADDRESS: f"http://127.0.0.1:{port}/{ARCHIVE}",
        HASH: hashlib.sha256(content).hexdigest(),
        SIZE: str(len(content)),
        "ZOO_HOME": str(folder / "home"),
    }
    install(folder / "site")
    import_all(folder)
    forks = multiprocessing.get_context("fork")
    go, rooms, slots = (
        forks.Event(),
        forks.Semaphore(given.in_memory),
        forks.Semaphore(given.at_once),
    )
    watch(folder / "done", rooms, slots)
    began = time.monotonic()
    try:
        processes = [job(number, folder, go, rooms, slots) for number in range(given.jobs)]
        go.set()
        least = least_memory(processes)
        statuses = [os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in processes]
    finally:
        os.kill(server, 9)
        os.waitpid(server, 0)
    return {"seconds": round(time.monotonic() - began), **least, **counted(folder, statuses)}


def import_all(folder: Path) -> None:
    """Import what a job imports, as one that runs beforehand with a cache of its own tells."""
    import keras  # noqa: F401
    import tensorflow_datasets  # noqa: F401
    from zoo_cli.main import main as main_of_zoo

    told = folder / "modules"
    if not (process := os.fork()):
        status = 1
        try:
            os.environ["ZOO_HOME"] = str(folder / "first-home")
            os.environ.pop(ADDRESS)
            sys.argv = ["zoo", *arguments_of(0, folder / "first")]
            with contextlib.suppress(SystemExit), (folder / "first-log").open("w") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                main_of_zoo()
            told.write_text("\n".join(sys.modules))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    for name in told.read_text().split():
        if name not in sys.modules and name.partition(".")[0] in IMPORTED:
            importlib.import_module(name)


def least_memory(processes: list[int]) -> dict[str, float]:
    """The least memory that was available while the jobs ran."""
    least = float("inf")
    while any(_runs(process) for process in processes):
        least = min(least, _available_gb())
        time.sleep(0.5)
    return {"least_memory_available_gb": round(least, 1)}


def _runs(process: int) -> bool:
    """Whether a process has not ended; one that has is kept until it is waited for."""
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


def _available_gb() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("MemAvailable")]
    return int(line.split()[1]) / 2**20


def counted(folder: Path, statuses: list[int]) -> dict[str, Any]:
    """What was asked for, made and left."""
    from zoo.runs.folder import list_runs

    done = collections.Counter((folder / "done").read_text().splitlines())
    runs = list_runs(folder / "runs")
    logs = [path.read_text() for path in sorted((folder / "logs").iterdir())]
    once = {line: n for line, n in done.items() if not line.startswith("folder")}
    home = [path for path in (folder / "home").rglob("*") if path.is_file()]
    expected = [planned(number) for number in range(len(statuses))]
    private = {
        name: [int(line) for line in (folder / name).read_text().splitlines()]
        for name in ("data", "built", "ended")
    }
    return {
        "jobs": len(statuses),
        "requests": collections.Counter((folder / "requests").read_text().splitlines()),
        "done": once,
        "run_folders": len(runs),
        "expected": expected.count(0),
        "folders_taken_twice": [k for k, n in done.items() if k.startswith("folder") and n > 1],
        "finished": sum(run.status == "finished" for run in runs),
        "exit_statuses": collections.Counter(map(str, statuses)),
        "not_as_planned": [n for n, s in enumerate(statuses) if s != expected[n]],
        "with_traceback": [n for n, text in enumerate(logs) if "Traceback" in text],
        "with_carriage_return_or_colour": [
            n for n, text in enumerate(logs) if "\r" in text or "\x1b" in text
        ],
        "waited_for_another": sum("waiting for another process" in text for text in logs),
        "left_in_the_cache": [
            str(path.relative_to(folder / "home")) for path in home if "incomplete" in str(path)
        ],
        "largest_private_mb": {name: max(values) for name, values in private.items()},
    }


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--in-memory", type=int, default=40, help="jobs that have built networks")
    parser.add_argument("--at-once", type=int, default=3, help="jobs that train")
    given = parser.parse_args()
    name = f"{given.jobs} jobs, {given.at_once} train at once"
    run = partial(jobs, given.folder.absolute(), given)
    measured.measure(measured.RESULTS / "many_jobs.json", {name: run})
    print(json.dumps({"load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
