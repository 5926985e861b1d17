"""Small runs that tell trackers, and trackers that do something to them."""

import os
import signal

import zoo
from zoo import plugins

SMALL = {
    "image_size": 32,
    "data_options": "images=60",
    "device": "cpu",
    "steps": 8,
    "score_images": 16,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}
TOLD = []  # what Telltale was told: (name, …)


def start(folder, **changes):
    settings = {**SMALL, "out": str(folder), **changes}
    return zoo.run("dcgan", "bbbc/simulated", **settings)


class Telltale:
    """Keeps what it is told, and what the run folder held when it ended."""

    def run_started(self, run):
        TOLD.append(("started", run.name, run.status))

    def logged(self, step, values):
        TOLD.append(("logged", step, values))

    def run_ended(self, run, status):
        held = {path.name for path in run.path.iterdir()}
        TOLD.append(("ended", run.name, status, run.status, held))


class Stops(Telltale):
    """Presses Ctrl-C in the middle of the training."""

    def logged(self, step, values):
        super().logged(step, values)
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)


class Raises(Telltale):
    """Has a mistake."""

    def logged(self, step, values):
        TOLD.append(("raised", step))
        raise KeyError(f"{'no such thing ' * 99}\n")


class Exits(Telltale):
    """Tries to end the process, and prints."""

    def run_started(self, run):
        print("hello")
        raise SystemExit(3)


class Meddles(Telltale):
    """Changes what it is told."""

    def logged(self, step, values):
        values.clear()


def install(monkeypatch, *classes, **fields):
    """Let `--track` find test classes by their names in lower case, beside what is installed."""
    own = {
        cls.__name__.lower(): zoo.Tracker(
            cls.__name__.lower(), f"{cls.__module__}:{cls.__qualname__}", "A test's", **fields
        )
        for cls in classes
    }

    def find(kind, name):
        return own[name] if kind == "trackers" and name in own else plugins.find(kind, name)

    monkeypatch.setattr("zoo.tracking.find", find)
