"""Commands that only look must not wait for a framework."""

import subprocess
import sys

import pytest

HEAVY = (
    *("keras", "keras_cv", "numpy", "ray", "scipy", "sklearn", "tensorflow"),
    "tensorflow_datasets",
)
PROBE = f"""
import atexit, os, sys
import zoo.plugins
loaded = lambda: [m for m in {HEAVY} if m in sys.modules]
discovered = lambda: zoo.plugins.registry.cache_info().currsize
atexit.register(lambda: os.write(2, f"loaded {{loaded()}} discovered {{discovered()}}".encode()))
from zoo_cli.main import main
main(sys.argv[1:])
"""


def probe(*args, **environ):
    import os

    done = subprocess.run(
        [sys.executable, "-c", PROBE, *args],
        capture_output=True,
        text=True,
        env=os.environ | environ,
        timeout=60,
    )
    return done.stdout, done.stderr.rsplit("loaded ", 1)[-1]


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "list generators --json",
        "list datasets -q bbbc",
        "info dcgan",
        "plugins",
        "run dcgan --data bbbc/simulated --dry-run",
        "run dcgn --data bbbc/simulated",
        "check dcgn",
        "new dcgan --kind generator",
        "study two-step --dry-run",
    ],
)
def test_discovering_plugins_imports_no_framework(command):
    _, seen = probe(*command.split(), ZOO_PRESET="quick")
    assert seen == "[] discovered 1"


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "run --help",
        "list -h",
        "data --help",
        "check -h",
        "new -h",
        "turing make -h",
        "turing score -h",
        "completion bash",
        "study -h",
        "study --list",
    ],
)
def test_help_imports_no_framework(command):
    answer, seen = probe(*command.split())
    assert seen.startswith("[] ")
    assert answer


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("zoo run dc", "dcgan"),
        ("zoo run dcgan --data bbbc/sim", "bbbc/simulated"),
        ("zoo run dcgan --data ./", ""),
        ("zoo run cgan -o nor", "norm="),
        ("zoo score --metric fi", "fid"),
        ("zoo generate 0 --class ", ""),
        ("zoo li", "list"),
    ],
)
def test_completion_names_what_is_installed_and_imports_no_framework(typed, expected):
    environ = {
        "_ZOO_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": typed.rpartition(" ")[2],
    }
    answer, seen = probe(**environ)
    assert (f"plain,{expected}" in answer) == bool(expected)
    assert seen.startswith("[] ")
    assert ("discovered 1" in seen) == (typed.split()[1] in ("run", "score"))


def test_importing_zoo_imports_no_framework():
    code = f"import sys, zoo, zoo.recipe; sys.exit(any(m in sys.modules for m in {HEAVY}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
