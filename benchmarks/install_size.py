"""How much an installation of zoo takes: a fresh environment for the core, and for extras.

usage: python benchmarks/install_size.py [--extras app mlflow docs …] [--python PYTHON]

Each row is `pip install .` or `pip install .[EXTRA]` of this tree in an environment of its own:
distributions, megabytes of site-packages, the ten largest. For each dependency that setup.cfg
states the core's row names the modules of zoo that import it; one that no module imports has no
place there. Needs a package index; rows go to results/install_size.json.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from measured import RESULTS, measure

ROOT = Path(__file__).parents[1]
CODE = (ROOT / "zoo", ROOT / "cli", ROOT / "plugins")
# Import names that differ from the distribution's.
MODULES = {
    "importlib-resources": "importlib_resources",
    "pillow": "PIL",
    "PyYAML": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
# Imported by another distribution that does not state it.
OTHERS = {"importlib_resources": ["tensorflow_datasets.core.dataset_builder"]}
LARGEST, SHOWN = 10, 3


def size(extra: str, python: str) -> dict[str, Any]:
    """One row: a fresh environment, its distributions and their sizes."""
    with tempfile.TemporaryDirectory(prefix="zoo-size-") as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        before = {name for name, _ in sizes(folder)}
        target = f"{ROOT}[{extra}]" if extra else str(ROOT)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "-q", "--no-compile", target]
        subprocess.run(pip, check=True)
        found = sorted(
            ((name, megabytes) for name, megabytes in sizes(folder) if name not in before),
            key=lambda pair: -pair[1],
        )
        return {
            "distributions": len(found),
            "megabytes": round(sum(megabytes for _, megabytes in found)),
            "largest": {name: round(megabytes, 1) for name, megabytes in found[:LARGEST]},
            "of_zoo": round(dict(found)["zoo"], 1),
        }


def sizes(environment: str) -> Iterator[tuple[str, float]]:
    """Name and megabytes of each distribution in an environment, by the files that it recorded."""
    (site,) = Path(environment).glob("lib/python*/site-packages")
    for distribution in distributions(path=[str(site)]):
        yield distribution.metadata["Name"], _bytes(distribution) / 1e6


def _bytes(distribution: Distribution) -> int:
    files = (Path(str(file.locate())) for file in distribution.files or ())
    return sum(file.stat().st_size for file in files if file.is_file())


def used_by(requirements: list[str]) -> dict[str, list[str]]:
    """Each stated dependency, and the modules of zoo that import it."""
    importers: dict[str, set[str]] = {}
    for folder in CODE:
        for file in sorted(folder.rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
                importers.setdefault(name, set()).add(re.sub(r"^(cli|plugins)\.", "", module))
    names = [re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in requirements]
    return {
        name: sorted(importers.get(MODULES.get(name, name.replace("-", "_")), OTHERS.get(name, ())))
        for name in names
    }


def need(requirements: list[str]) -> dict[str, Any]:
    """How many modules import each stated dependency, and a few of them."""
    return {
        name: {"modules": len(modules), "such_as": modules[:SHOWN]}
        for name, modules in used_by(requirements).items()
    }


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def core() -> list[str]:
    """What `install_requires` states."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup["options"]["install_requires"].split()


def main() -> None:
    """Measure what is missing; say which dependencies no module imports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extras", nargs="*", default=[])
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    rows = {extra or "core": lambda e=extra: size(e, given.python) for extra in ("", *given.extras)}
    measure(RESULTS / "install_size.json", {"imported by": lambda: need(core()), **rows})
    unused = [name for name, modules in used_by(core()).items() if not modules]
    print(f"no module imports {json.dumps(unused)}")


if __name__ == "__main__":
    main()
