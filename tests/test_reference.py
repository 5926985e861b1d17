"""The pages that docs/reference.py writes are those of the code."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from zoo.catalog import read_mapping, shipped

DOCS = Path(__file__).parents[1] / "docs"


def module():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


REFERENCE = module()


def test_the_pages_are_what_the_code_gives_at_any_width_of_a_terminal():
    told = subprocess.run(
        [sys.executable, DOCS / "reference.py", "--check"],
        env={**os.environ, "COLUMNS": "40"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_every_command_has_a_heading():
    page = REFERENCE.cli_page()
    headings = re.findall(r"^## (zoo.*)$", page, re.M)
    assert headings == [path for path, _ in REFERENCE.commands(REFERENCE.cli, "zoo")]
    assert {"zoo run", "zoo data fetch", "zoo turing score"} <= set(headings)
    assert page.count("Usage: zoo") == len(headings)


def test_the_gallery_has_every_measured_recipe_and_its_picture():
    page = REFERENCE.gallery_page()
    held = read_mapping(shipped())["recipes"]
    measured = [name for name, facts in held.items() if facts.get("measured")]
    assert sorted(measured) == re.findall(r"^zoo run (\S+)$", page, re.M)
    assert all(f"- `{name}`: " in page for name in set(held) - set(measured))
    assert set(REFERENCE.PICTURES) <= set(measured)
    assert all((DOCS / path).is_file() for path, *_ in REFERENCE.PICTURES.values())
