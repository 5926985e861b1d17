"""Ray for a study: on this machine and reachable from nowhere else, or a cluster that is there."""

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.requirements import missing, pip_line
from zoo.runs import write_json
from zoo.runs.files import json_mapping
from zoo.studies.design import Resources

RAY = "ray>=2.52"
LOCALHOST = ("127.0.0.1", "::1")
MARK = "ZOO_STUDY_SESSION"
PREFIX = "zoo-ray-"
STORE_BYTES = 100 * 2**20  # nothing but paths goes through Ray's memory
GB = 10**9
SECONDS_TO_REMOVE = 5.0
LOCAL = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Other users of this machine cannot make our workers run their code.
    "RAY_AUTH_MODE": "token",
    # By this name, on every system: whether Ray listens beyond 127.0.0.1.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
TOO_LATE = (
    "Ray was imported before the study, so that it might listen beyond this machine: start the "
    "study first, or call ray.init() yourself"
)


@dataclass(frozen=True)
class Session:
    """A connection to Ray.

    Attributes:
        ray: The module.
        resources: Of each task.
        retries: How often a task is repeated whose process died.
        mark: In the environment of its workers, if they were started for this study.
    """

    ray: Any
    resources: Resources
    retries: int
    mark: str | None = None

    def remote(self, function: Callable[..., Any]) -> Any:
        """A function as Ray's task, each call in a process of its own."""
        given = {"num_cpus": self.resources.cpus, "num_gpus": self.resources.gpus or 0}
        if self.resources.memory:
            given["memory"] = self.resources.memory * GB
        # A process that has trained keeps GPU memory, and its peak would count for the next run.
        return self.ray.remote(max_calls=1, max_retries=self.retries, **given)(function)

    def interrupt(self, pids: Iterable[Any]) -> None:
        """Interrupt workers of this machine that have missed what Ray told them."""
        wanted = set(pids)
        for pid in _marked(self.mark) if self.mark else ():
            if pid in wanted:
                _signal(pid, signal.SIGTERM)  # Ray has its workers ignore SIGINT

    def needs(self) -> dict[str, float]:
        """What each task takes, by Ray's names, but for what it takes nothing of."""
        given = self.resources
        needed = {"CPU": given.cpus, "GPU": given.gpus, "memory": (given.memory or 0) * GB}
        return {name: value for name, value in needed.items() if value}

    def slots(self) -> int:
        """How many tasks the machines of the cluster can run at a time."""
        needed = self.needs()
        return sum(
            min(int(node.get(name, 0) / value) for name, value in needed.items())
            for node in self._nodes()
        )

    def check(self) -> None:
        """Refuse what no machine of the cluster can ever give.

        Raises:
            zoo.errors.UsageError: If a run needs more than there is.
        """
        if self.slots():
            return
        needed = self.needs()
        shown = {_shown(node) for node in self._nodes()}
        raise UsageError(f"resources: a run takes {_shown(needed)}; there is {' or '.join(shown)}")

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]


def _shown(given: Mapping[str, float]) -> str:
    cpus, gpus, memory = (given.get(name, 0) for name in ("CPU", "GPU", "memory"))
    return f"{cpus:g} CPUs, {gpus:g} GPUs, {memory / GB:.3g} GB"


@contextlib.contextmanager
def session(
    folder: Path,
    resources: Resources,
    *,
    address: str | None = None,
    cpus: int | None = None,
    retries: int = 2,
) -> Iterator[Session]:
    """Connect to Ray, and start it on this machine unless there is an address.

    Ray that this process has started already is used as it is, and left running.

    Args:
        folder: The study's, whose lock the caller holds; what a killed process left is removed.
        resources: Of each task.
        address: Of a cluster.
        cpus: Of this machine; all by default.
        retries: How often a task is repeated whose process died.

    Raises:
        zoo.errors.ZooError: If Ray is not installed or does not start; the message holds the
            `pip install`.
    """
    if missing([RAY]):
        raise ZooError(f"a study needs what is not installed: {pip_line([RAY])}")
    clean(folder)
    with _started(folder, address, cpus, retries) as ray:
        found = Session(ray, resources, retries, os.environ.get(MARK))
        found.check()
        yield found


@contextlib.contextmanager
def _started(folder: Path, address: str | None, cpus: int | None, retries: int) -> Iterator[Any]:
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        yield ray
    elif address:
        yield from _connected(address)
    else:
        yield from _local(folder, cpus, retries)


def _connected(address: str) -> Iterator[Any]:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        token = "if the cluster takes a token, set RAY_AUTH_MODE=token"
        raise ZooError(f"--ray-address {address}: {said}; {token}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _local(folder: Path, cpus: int | None, retries: int) -> Iterator[Any]:
    if "ray" in sys.modules and LOCAL.items() - os.environ.items():
        raise ZooError(TOO_LATE)  # it has read its environment
    os.environ |= LOCAL | {"RAY_task_oom_retries": str(retries)}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    # Paths of sockets are short; those of temporary folders may not be.
    place = tempfile.mkdtemp(prefix=PREFIX, dir="/tmp" if Path("/tmp").is_dir() else None)
    os.environ[MARK] = mark = secrets.token_hex(16)
    write_json(_record(folder), {"mark": mark, "place": place})
    try:
        _init(ray, place, cpus)
        yield ray
    finally:
        del os.environ[MARK]
        ray.shutdown()
        clean(folder)


def _init(ray: Any, place: str, cpus: int | None) -> None:
    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            object_store_memory=STORE_BYTES,
            _temp_dir=place,
        )
    except Exception as error:
        raise ZooError(f"Ray does not start: {' '.join(str(error).split())[:300]}") from error
    if any(node["NodeManagerAddress"] not in LOCALHOST for node in ray.nodes()):
        raise ZooError("Ray would listen beyond this machine; call ray.init() yourself if it may")


def clean(folder: Path) -> None:
    """End what is left of the Ray of a study whose process was killed, and remove its files.

    Its workers end within seconds of it, some of Ray's own processes only after a minute.
    """
    held = json_mapping(_record(folder))
    mark, place = held.get("mark"), Path(str(held.get("place", "")))
    for pid in _marked(str(mark)) if mark else ():
        _signal(pid, signal.SIGKILL)
    end = time.monotonic() + SECONDS_TO_REMOVE
    while place.name.startswith(PREFIX) and place.exists() and time.monotonic() < end:
        shutil.rmtree(place, ignore_errors=True)  # what is ending may still write
        time.sleep(0.05)
    _record(folder).unlink(missing_ok=True)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _marked(mark: str) -> Iterator[int]:
    """Processes that were started with a mark in their environment, where that can be read."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)


def _record(folder: Path) -> Path:
    return folder / ".ray.json"
