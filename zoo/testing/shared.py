"""Checks of every kind of record."""

import os
import subprocess
import sys
from typing import Any

from zoo.errors import ZooError
from zoo.faults import fault_of
from zoo.testing.suite import Skipped, Subject, one_line, place

FRAMEWORKS = (
    "jax",
    "keras",
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "skimage",
    "sklearn",
    "tensorflow",
    "torch",
)
REGISTER = """
import sys
from functools import reduce
from importlib import import_module

module, _, path = sys.argv[1].partition(":")
plugin = reduce(getattr, filter(None, path.split(".")), import_module(module))
for name in dir(plugin):
    if name.startswith("zoo_") and callable(hook := getattr(plugin, name)):
        list(hook())
print("loaded", *(name for name in sys.argv[2:] if name in sys.modules))
"""


def record_of(subject: Subject) -> Any:
    """The record itself, for a kind of which nothing else is checked."""
    return subject.record


def check_loads(subject: Subject) -> None:
    """The record is complete, and its target can be imported and called."""
    record = subject.record
    fault = fault_of(record, f"{subject.kind}s")
    assert not fault, f"{fault}; correct the record that the hook returns"
    assert record.summary, "no summary; give the record one line for `zoo list`"
    if getattr(record, "alias", ()):
        raise Skipped(f"it stands for {', '.join(record.alias)}")
    try:
        target = record.load()
    except ZooError as error:
        found, _, advice = str(error).rpartition(": ")
        raise AssertionError(f"{found or error}; {advice or 'see above'}") from error
    except (Exception, SystemExit) as error:  # someone else's module may raise anything
        raise AssertionError(
            f"{record.target} cannot be imported, {type(error).__name__}: "
            f"{one_line(error)}{place(error)}; correct the module or the record's target"  # type: ignore[arg-type]
        ) from error
    assert callable(target) or hasattr(target, "compare"), (
        f"{record.target} is {target!r}; let it name a class or a function"
    )


def check_imports(subject: Subject) -> None:
    """In a new process, the entry point's module and its hooks load no framework."""
    if not subject.module:
        raise Skipped("the record is of no installed plugin")
    command = [sys.executable, "-c", REGISTER, subject.module, *FRAMEWORKS]
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}
    )
    last = (done.stderr.strip().splitlines() or ["?"])[-1]
    assert done.returncode == 0, f"{subject.module} by itself raises {last}; correct its imports"
    loaded = done.stdout.rpartition("loaded")[2].split()
    assert not loaded, (
        f"importing {subject.module} loads {', '.join(loaded)}; import what needs them in the "
        "module that the record's target names, so that `zoo list` stays fast"
    )
