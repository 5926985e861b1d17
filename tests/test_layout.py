"""What a packaging slip would break, and an editable install would hide."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config():
    parsed = configparser.ConfigParser()
    parsed.read(ROOT / "setup.cfg")
    return parsed


def test_setup_cfg_lists_every_package(config):
    listed = set(config["options"]["packages"].split())
    found = {
        ".".join(init.parent.relative_to(root).parts)
        for root in (ROOT, ROOT / "cli", ROOT / "plugins")
        for init in root.glob("zoo*/**/__init__.py")
    }
    assert found == listed


def test_setup_cfg_ships_every_file_that_is_no_module(config):
    lines = config["options"]["package_dir"].split("\n")
    folders = dict(line.split(" = ") for line in lines if line)
    globs = {k: v.replace(",", " ").split() for k, v in config["options.package_data"].items()}
    for package in config["options"]["packages"].split():
        top, _, rest = package.partition(".")
        root = folders.get(top, top)
        folder = ROOT / root / rest.replace(".", "/")
        own = [path for path in folder.rglob("*") if not _is_of_another_package(path, folder)]
        extra = {path for path in own if path.is_file() and path.suffix not in (".py", ".pyc")}
        shipped = {path for glob in globs.get(package, []) for path in folder.glob(glob)}
        assert extra == shipped & extra, f"{package} does not ship {extra - shipped}"


def _is_of_another_package(path, folder):
    between = path.relative_to(folder).parents
    return any((folder / part / "__init__.py").exists() for part in between if part != Path("."))


def test_every_plugin_package_has_an_entry_point(config):
    points = config["options.entry_points"]["zoo"].split("\n")
    modules = {line.partition("=")[2].strip() for line in points if line}
    plugins = {
        ".".join(init.parent.relative_to(ROOT / "plugins").parts)
        for init in (ROOT / "plugins").glob("zoo*/**/__init__.py")
        if "@zoo.hookimpl" in init.read_text()
    }
    assert modules == plugins


def test_the_oldest_dependencies_are_the_lower_bounds(config):
    bounds = config["options"]["install_requires"].split()
    _, pins, _ = re.split(r"#.*\n", (ROOT / "tests" / "oldest.txt").read_text())
    assert [bound.replace(">=", "==") for bound in bounds] == pins.split()
