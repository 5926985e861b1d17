"""`zoo new`: a plugin package that works before a line of it is changed."""

import datetime
import importlib.util
import keyword
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UsageError, ZooError
from zoo.plugins import registry, unknown
from zoo.requirements import normal
from zoo.specs import API_VERSION

KINDS = ("generator", "dataset", "detector", "metric", "tracker")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".jinja"
TRY = {
    "generator": "zoo run {name} --data bbbc/simulated --minutes 1",
    "dataset": "zoo run dcgan --data {name} --minutes 1",
    "detector": "zoo detect 0 --detector {name}",
    "metric": "zoo score bbbc/simulated bbbc/simulated --metric {name}",
    "tracker": "zoo run dcgan --data bbbc/simulated --minutes 1 --track {name}",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A package that was written.

    Attributes:
        folder: Where it lies.
        files: Its files, relative to the folder.
        commands: What to type next.
    """

    folder: Path
    files: tuple[str, ...]
    commands: tuple[str, ...]


def new(name: str, kind: str, parent: Path) -> Written:
    """Write the package `zoo-NAME` into a folder, whole or not at all.

    Args:
        name: What the user will type: lower-case words and digits, with hyphens.
        kind: One of `KINDS`.
        parent: Where the package's folder is made.

    Raises:
        zoo.errors.UsageError: If the name is none, or taken; nothing is ever written over.
        zoo.errors.ZooError: If the folder cannot be written.
    """
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    _check_name(name)
    folder = parent / f"zoo-{name}"
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already; choose another name, or another --out")
    files = _rendered(name, kind)
    _write(folder, files)
    commands = (
        f"pip install -e {shlex.quote(str(folder))}",
        f"zoo check {name}",
        TRY[kind].format(name=name),
    )
    return Written(folder, tuple(files), commands)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        close = "-".join(re.findall(r"[a-z0-9]+", name.lower())).lstrip("0123456789-")
        like = f", such as {close}" if NAME.fullmatch(close) else ""
        raise UsageError(
            f"{name!r} is no name: lower-case letters, digits and hyphens, a letter first{like}"
        )
    if keyword.iskeyword(name):
        raise UsageError(f"{name!r} is a word of Python; choose another name, such as my-{name}")
    if name.startswith("zoo-"):
        raise UsageError(f"{name!r}: the package is called zoo-NAME; give {name[4:]} as the name")
    for one in KINDS:
        for entry in registry().entries(f"{one}s"):
            if entry.name == name:
                owner = entry.plugin.package
                raise UsageError(f"{name!r} is a {one} of {owner} already; choose another name")
    for plugin in registry().plugins:
        if name in (plugin.name, normal(plugin.package).removeprefix("zoo-")):
            raise UsageError(f"{name!r} is a plugin of {plugin.package}; choose another name")
    if importlib.util.find_spec(_module(name)):
        raise UsageError(f"there is a module {_module(name)} already; choose another name")


def _module(name: str) -> str:
    return f"zoo_{name.replace('-', '_')}"


def _rendered(name: str, kind: str) -> dict[str, str]:
    """Text of every file, by its path in the package."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # no page: Python, TOML and Markdown
    )
    words = _words(name, kind)
    places = {"common": "", "tests": "tests/", kind: f"{words['module']}/"}
    return {
        f"{place}{path.name.removesuffix(SUFFIX)}".replace("NAME", words["identifier"]): (
            environment.get_template(f"{folder}/{path.name}").render(words)
        )
        for folder, place in places.items()
        for path in sorted((TEMPLATES / folder).glob(f"*{SUFFIX}"))
    }


def _words(name: str, kind: str) -> Mapping[str, str]:
    major, minor = API_VERSION.split(".")[:2]
    return {
        "name": name,
        "kind": kind,
        "module": _module(name),
        "identifier": name.replace("-", "_"),
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "zoo": f"zoo>={major}.{minor},<{major}.{int(minor) + 1}",
        "try_it": TRY[kind].format(name=name),
        "year": str(datetime.date.today().year),
    }


def _write(folder: Path, files: Mapping[str, str]) -> None:
    staging = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        for path, text in files.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_text(text, encoding="utf-8")
        staging.rename(folder)
    except OSError as error:
        raise ZooError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
