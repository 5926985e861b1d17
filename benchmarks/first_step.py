"""Seconds from the command to the first training step, of `zoo run` and of a script in PyTorch.

usage: python benchmarks/first_step.py --torch-python PATH [--generators dcgan …] [--rounds 3]

The command is `zoo run GENERATOR --data bbbc/simulated --steps 1 --no-eval` with its dataset
prepared and read once, so that files come from memory. The script in PyTorch imports torch, builds
the same networks, reads the same crops from a .npy file and takes the same step; it has neither
recipe, run folder nor pictures to write. torch.compile is measured with the cache that it keeps
between processes filled, and empty. All are run in turn, and the round before the first, which
fills the caches, does not count. PATH is a Python that has torch. Rows that the file of results
holds are not measured again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measured
from step_speed import generators

DATA = "bbbc/simulated"
ZOO, EMPTY = "zoo run", "torch.compile, cache empty"
TORCH = ("PyTorch", "torch.compile", EMPTY)

Facts = dict[str, Any]


class Clock:
    """The parts of a process's time, from before it was started."""

    def __init__(self, started: float) -> None:
        self.last, self.parts = started, dict[str, float]()

    def mark(self, part: str) -> None:
        """What was done since the last mark."""
        now = time.time()
        self.parts[part] = self.parts.get(part, 0.0) + now - self.last
        self.last = now

    def marking(self, function: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        """A function, with the time before it and its own marked."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self.mark(before)
            result = function(*arguments, **named)
            self.mark(after)
            return result

        return timed


def zoo_work(given: argparse.Namespace) -> None:
    """`zoo run` in this process, up to the end of its first step."""
    clock = Clock(given.started)
    from zoo_cli.main import main as command

    import zoo.workflow as workflow

    changed: Any = workflow
    compiled = changed.compiled
    changed.configure = clock.marking(changed.configure, "import", "import")
    changed.load_images = clock.marking(changed.load_images, "import", "data")

    def building(recipe: Any, images: Any) -> Any:
        gan = compiled(recipe, images)
        clock.mark("build")
        _end_after_first_step(clock, gan, images, given.images)
        return gan

    changed.compiled = building
    arguments = ["run", given.generators[0], "--data", DATA, "--steps", "1", "--no-eval"]
    command([*arguments, "--device", "cpu", "--out", given.folder])


def _end_after_first_step(clock: Clock, gan: Any, images: Any, copy: str) -> None:
    import zoo.gan.loop as loop

    changed: Any = loop
    compiled_step = changed.compiled_step

    def compiled(*arguments: Any) -> Any:
        step = compiled_step(*arguments)

        def first(*batch: Any) -> None:
            clock.mark("run folder")
            float(step(*batch)["g_loss"])
            clock.mark("first step")
            _tell(clock, gan, images, copy)

        return first

    changed.compiled_step = compiled


def _tell(clock: Clock, gan: Any, images: Any, copy: str) -> None:
    """Print what was measured and leave; write the crops for PyTorch if they are not there."""
    import keras
    import numpy as np
    import step_speed_zoo
    import tensorflow as tf

    if not Path(copy).exists():
        shown = images.split("train")
        labels = np.zeros(len(shown)) if shown.labels is None else shown.labels
        np.save(copy, shown[:])
        np.save(Path(copy).with_suffix(".labels.npy"), labels.astype(np.int64))
    facts = {"parts": clock.parts, "weights": step_speed_zoo.sizes(gan)}
    facts |= {"training": step_speed_zoo.training(gan)}
    facts |= {"versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}
    print(json.dumps(facts), flush=True)
    os._exit(0)


def torch_work(given: argparse.Namespace) -> None:
    """The same step in PyTorch."""
    clock = Clock(given.started)
    import numpy as np
    import step_speed_torch
    import torch

    clock.mark("import")
    training = json.loads(given.training)
    crops = np.load(given.images, mmap_mode="r")
    n = training["batch"] * training["n_critic"]
    which = np.random.default_rng(0).permutation(len(crops))[:n]
    images = torch.from_numpy(crops[which]).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = None
    if training["classes"]:
        table = np.load(Path(given.images).with_suffix(".labels.npy"), mmap_mode="r")
        labels = torch.from_numpy(table[which])
    clock.mark("data")
    variant = "PyTorch" if given.work == "PyTorch" else "torch.compile"
    step = step_speed_torch.Step(variant, training)
    clock.mark("build")
    float(step(images, labels))
    clock.mark("first step")
    facts = {"parts": clock.parts, "weights": step_speed_torch.sizes(step)}
    print(json.dumps(facts | {"versions": {"torch": torch.__version__}}), flush=True)
    os._exit(0)


def once(variant: str, arguments: list[str], torch_python: str, folder: str) -> Facts:
    """A variant's parts, each process measured from before its start."""
    python = sys.executable if variant == ZOO else torch_python
    environment = dict(os.environ)
    if variant != ZOO:
        cache = tempfile.mkdtemp(dir=folder) if variant == EMPTY else f"{folder}/cache"
        environment["TORCHINDUCTOR_CACHE_DIR"] = cache
    command = [python, __file__, "--work", variant, "--started", repr(time.time()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{variant}: {done.stderr[-2000:]}")
    facts: Facts = json.loads(done.stdout.splitlines()[-1])
    return facts


def seconds(generator: str, given: argparse.Namespace) -> Facts:
    """Medians of each variant's seconds and parts, and zoo's over each."""
    load = [round(value, 1) for value in os.getloadavg()]
    variants = [ZOO, *(TORCH if given.torch_python else ())]
    taken: dict[str, list[Facts]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--generators", generator, "--folder", f"{folder}/runs"]
        arguments += ["--images", f"{folder}/crops.npy"]
        for number in range(-1, given.rounds):
            for name in variants:
                facts = once(name, arguments, given.torch_python, folder)
                if number < 0 and name == ZOO:
                    arguments += ["--training", json.dumps(facts["training"])]
                    first = facts
                assert facts["weights"] == first["weights"], f"{name} trains another {generator}"
                taken[name] += [facts] if number >= 0 else []
    row: Facts = {"generator": generator, "data": DATA, "batch": first["training"]["batch"]}
    row |= {"rounds": given.rounds, "load": load}
    row |= {name: described(found, taken[ZOO]) for name, found in taken.items()}
    row["versions"] = {k: v for found in taken.values() for k, v in found[0]["versions"].items()}
    return row


def described(found: list[Facts], zoo: list[Facts]) -> Facts:
    """A variant's medians."""
    mine, totals = ([sum(each["parts"].values()) for each in rounds] for rounds in (zoo, found))
    ratios = [other / own for own, other in zip(mine, totals, strict=True)]
    parts = found[0]["parts"]
    return {
        "seconds": round(statistics.median(totals), 2),
        "zoo_over_this": round(statistics.median(ratios), 3),
        "range": [round(min(ratios), 3), round(max(ratios), 3)],
        "parts": {
            part: round(statistics.median(each["parts"][part] for each in found), 2)
            for part in parts
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="without it only zoo is measured")
    parser.add_argument("--generators", nargs="+", default=None, help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "first_step.json")
    for name, kind in {"work": str, "training": str, "folder": str, "images": str}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        (zoo_work if given.work == ZOO else torch_work)(given)
        return
    rows = {name: partial(seconds, name, given) for name in given.generators or generators()}
    for name, row in measured.measure(given.out, rows).items():
        print(f"\n{name}")
        for variant in (v for v in (ZOO, *TORCH) if v in row):
            total, ratio, (low, high), parts = row[variant].values()
            told = ", ".join(f"{part} {value:.1f}" for part, value in parts.items())
            print(f"  {variant:28} {total:6.1f} s {ratio:6.2f} ({low:.2f} to {high:.2f})  {told}")


if __name__ == "__main__":
    main()
