"""One training on several processes: how they find each other, and what follows a loss."""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import Diverged, Interrupted, UsageError, ZooError
from zoo.runs import Run
from zoo.runs.signals import stop_requests
from zoo.runs.stages import say

ENVIRONMENTS = ("slurm", "tf-config")
LOSSES = 3  # in a row, without a checkpoint in between
SECONDS_TO_STOP = 60.0
POLL = 0.2

Logged = Callable[[int, Mapping[str, float]], None]


def count(workers: str) -> int:
    """How many workers this machine is to start: `N` as it stands, 1 for those started already.

    Raises:
        zoo.errors.UsageError: If it is neither a number above 0 nor an environment.
    """
    if workers in ENVIRONMENTS:
        return 1
    if not workers.isdecimal() or not int(workers):
        choices = ", ".join(ENVIRONMENTS)
        raise UsageError(f"workers={workers}: expected a number above 0, or one of {choices}")
    return int(workers)


def check(settings: Mapping[str, Any]) -> None:
    """Refuse settings that several workers cannot follow alike.

    Raises:
        zoo.errors.UsageError: Naming the setting.
    """
    workers = settings["workers"]
    if count(workers) == 1 and workers not in ENVIRONMENTS:
        return
    if settings.get("minutes") is not None:
        raise UsageError("minutes: workers must end at the same step; give steps, kimg or epochs")
    if (given := settings["steps_per_call"]) > 1:
        raise UsageError(f"steps_per_call={given}: workers return after each step")


@functools.cache
def join(workers: str) -> Any | None:
    """The strategy of a training that this process is one worker of; `None` if it is not.

    To be called before TensorFlow computes anything.

    Args:
        workers: `slurm` or `tf-config`: where the addresses are found.

    Raises:
        zoo.errors.UsageError: If the environment does not say who the workers are.
    """
    if workers not in ENVIRONMENTS:
        return None
    import tensorflow as tf

    if workers == "tf-config":
        _check_tf_config(os.environ.get("TF_CONFIG", ""))
        return tf.distribute.MultiWorkerMirroredStrategy()
    if "SLURM_PROCID" not in os.environ:
        raise UsageError("--workers slurm: start each worker with srun; SLURM_PROCID is not set")
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


def follows(strategy: Any | None) -> bool:
    """Whether this process only computes for the first worker, which writes the run."""
    return strategy is not None and bool(strategy.cluster_resolver.task_id)


def _check_tf_config(text: str) -> None:
    try:
        held = json.loads(text)
        workers, index = held["cluster"]["worker"], held["task"]["index"]
        if set(held["cluster"]) == {"worker"} and 0 <= int(index) < len(workers):
            return
    except (ValueError, KeyError, TypeError):
        pass
    raise UsageError(
        "--workers tf-config: TF_CONFIG must be like "
        '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'
    )


def train_together(
    run: Run, workers: int, *, threads: int = 0, logged: Logged = lambda step, values: None
) -> None:
    """Train a run in several processes of this machine, on its CPU.

    When one is lost, all begin again from the last checkpoint.

    Args:
        run: With its recipe; the caller holds its lock.
        workers: How many processes.
        threads: Of each; 0 shares the cores.
        logged: Called with the step and the values logged at it.

    Raises:
        zoo.errors.Interrupted: On Ctrl-C or SIGTERM, after a checkpoint.
        zoo.errors.ZooError: What ended the training, or that workers were lost too often.
    """
    lost, reached, told = 0, _reached(run), _Told(run, logged)
    threads = threads or _share_of_cores(workers)
    while (ended := _attempt(run, workers, threads, told)) is not None:
        lost, before, reached = lost + 1, reached, _reached(run)
        lost = 1 if reached != before else lost
        if lost > LOSSES:
            raise ZooError(f"a worker was lost {lost} times in a row; the last: {ended}")
        say(run, f"{ended}; all {workers} begin again from step {reached}")


class _Told:
    """Passes on what the first worker logs, each step once."""

    def __init__(self, run: Run, logged: Logged) -> None:
        self.run, self.logged = run, logged
        self.step = max((row["step"] for row in run.metrics()), default=-1)
        self.size = -1

    def __call__(self) -> None:
        path = self.run.metrics_path
        if not path.is_file() or path.stat().st_size == self.size:
            return
        self.size = path.stat().st_size
        for row in self.run.metrics():
            if row["step"] > self.step:
                self.step = row["step"]
                self.logged(int(self.step), {k: v for k, v in row.items() if k != "step"})


def _attempt(run: Run, workers: int, threads: int, told: _Told) -> str | None:
    """Start the workers and wait; what was lost, or `None` when the training is done."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
    with contextlib.ExitStack() as stack, stop_requests() as stop:
        # A worker leaves at once, or is killed: what it would tidy up is removed here.
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-workers-"))
        started = [
            stack.enter_context(_worker(run, number, addresses, threads, scratch))
            for number in range(workers)
        ]
        while not stop.is_set() and all(worker.poll() is None for worker in started):
            time.sleep(POLL)
            told()
        first = started[0]
        if stop.is_set():
            first.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                first.wait(SECONDS_TO_STOP)
            raise Interrupted("interrupted")
        outcome = _outcome(started)
        told()
        return outcome


def _outcome(started: list["subprocess.Popen[bytes]"]) -> str | None:
    """What the first process to end says of the others, which are then stopped."""
    first = started[0]
    ended = _first_to_end(started)
    if started[ended].returncode == 0 or ended == 0:
        first.wait()  # the others end with it
    if first.poll() is not None:
        assert first.stdout is not None
        said = _last_json(first.stdout.read())
        if said.get("error"):
            raise (Diverged if said.get("diverged") else ZooError)(said["error"])
        if first.returncode == 0:
            return None
    return f"worker {ended} was lost ({_how(started[ended].returncode)})"


def _first_to_end(started: list["subprocess.Popen[bytes]"]) -> int:
    """The number of the worker that ended first; those that only missed another count last."""
    ended = [n for n, worker in enumerate(started) if worker.poll() is not None]
    missed = Interrupted.exit_status
    return min(ended, key=lambda n: (started[n].returncode == missed, n))


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _last_json(text: bytes) -> dict[str, Any]:
    lines = text.decode(errors="replace").strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        held = json.loads(lines[-1])
        return held if isinstance(held, dict) else {}
    return {}


@contextlib.contextmanager
def _worker(
    run: Run, number: int, addresses: list[str], threads: int, scratch: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a session of its own, so that Ctrl-C reaches it through its parent alone.

    It ends when its standard input does, so that none outlives its parent.
    """
    task = {"type": "worker", "index": number}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    own = {"TF_CONFIG": config, "CUDA_VISIBLE_DEVICES": "", "TMPDIR": scratch}
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo.workers", str(run.path), str(threads)],
        env={**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if number == 0 else subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        bound = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def _share_of_cores(workers: int) -> int:
    return max(1, (os.cpu_count() or 1) // workers)


def _reached(run: Run) -> int:
    """The step of the last checkpoint."""
    return max(run.checkpoint_steps(), default=0)


def _main(path: str, threads: str) -> None:
    """A worker that `train_together` started."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    said: Mapping[str, Any] = {}
    status = 0
    try:
        _train_as_worker(Run(Path(path)), int(threads))
    except Interrupted:
        status = Interrupted.exit_status
    except ZooError as error:
        said, status = {"error": str(error), "diverged": isinstance(error, Diverged)}, 1
    print(json.dumps(said), flush=True)
    os._exit(status)  # leaving in order waits for the other workers


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _train_as_worker(run: Run, threads: int) -> None:
    from zoo.device import configure
    from zoo.recipe import Recipe
    from zoo.stored import load_images
    from zoo.training import train_worker

    recipe = Recipe.from_dict(run.recipe)
    configure("cpu", threads=threads)
    strategy = join("tf-config")
    written = None if follows(strategy) else run
    train_worker(written, recipe, load_images(recipe, recipe.data), strategy)


if __name__ == "__main__":
    _main(*sys.argv[1:])
