"""Entry points of installed distributions, read from their metadata on `sys.path`.

`importlib.metadata` does the same and more, but imports `email`, `csv` and `zipfile` first: a
third of the time of `zoo list`.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from zoo.requirements import normal, split

METADATA = ("METADATA", "PKG-INFO")


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A line such as `mygan = zoo_mygan` in a distribution's `entry_points.txt`.

    Attributes:
        name: What is left of the equals sign.
        value: `package.module` or `package.module:attribute`.
        folder: The `.dist-info` or `.egg-info` folder.
    """

    name: str
    value: str
    folder: str

    def load(self) -> Any:
        """Import the module and return it, or its attribute."""
        module, _, attribute = self.value.partition(":")
        return reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))

    def metadata(self, key: str) -> str:
        """A field of the distribution, such as `Version`; `?` if it cannot be read."""
        for name in METADATA:
            found = re.search(rf"^{key}: *(\S+)", _read(self.folder, name), re.MULTILINE)
            if found:
                return found[1]
        return "?"

    def requirement(self, package: str) -> str:
        """The versions of another package that the distribution says it needs, or none.

        Returns:
            Such as `>=0.1,<0.2`; what only an extra needs does not count.
        """
        text = next(filter(None, (_read(self.folder, name) for name in METADATA)), "")
        for line in re.findall(r"^Requires-Dist: *(.+)", text, re.MULTILINE):
            name, clauses, marker = split(line)
            if name == package and "extra" not in marker:
                return clauses
        return ""


def entry_points(group: str, paths: list[str] | None = None) -> list[EntryPoint]:
    """The entry points of a group, of each distribution the first one on the path.

    Args:
        group: Such as `"zoo"`.
        paths: Folders to look in, by default `sys.path`.
    """
    seen: set[str] = set()
    found: list[EntryPoint] = []
    for folder in _distributions(sys.path if paths is None else paths):
        name = re.split(r"-(?=\d)|\.(?:dist|egg)-info$", os.path.basename(folder))[0]
        if normal(name) not in seen:
            seen.add(normal(name))
            text = _read(folder, "entry_points.txt")
            found += _parse(text, group, folder) if f"[{group}]" in text else []
    return found


def _distributions(paths: list[str]) -> Iterator[str]:
    for path in paths:
        try:
            names = sorted(os.listdir(path or "."))
        except OSError:  # no folder, or a zip file
            continue
        endings = (".dist-info", ".egg-info")
        yield from (os.path.join(path or ".", name) for name in names if name.endswith(endings))


def _parse(text: str, group: str, folder: str) -> Iterator[EntryPoint]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield EntryPoint(name.strip(), value.partition("[")[0].strip(), folder)


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
