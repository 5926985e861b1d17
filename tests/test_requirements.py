"""Requirements are read as pip reads them."""

import configparser
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import zoo
from zoo.errors import ZooError
from zoo.requirements import meets, missing, pip_line, split

SETUP = Path(__file__).parents[1] / "setup.cfg"
VERSIONS = ("0.1", "0.1.0", "0.1.9", "0.2", "1", "1.0.1", "1.4.2", "1.4.9", "1.5", "2.0.0.1")
CLAUSES = (
    ">=0.1,<0.2",
    "~=1.4.2",
    "~=1.4",
    "==1.4.*",
    "!=1.4.*",
    "==0.1",
    "!=0.1",
    "===0.1",
    ">1",
    "<=1.4.2",
    "",
)


@pytest.mark.parametrize("clauses", CLAUSES)
def test_a_range_holds_the_versions_that_pip_says(clauses):
    assert [v for v in VERSIONS if meets(v, clauses)] == [
        v for v in VERSIONS if SpecifierSet(clauses).contains(v)
    ]


@pytest.mark.parametrize("clauses", ["@https://example.org/zoo.whl", "nonsense"])
def test_what_is_no_range_is_left_to_pip(clauses):
    assert meets("0.1", clauses)


@pytest.mark.parametrize(
    ("requirement", "parts"),
    [
        ("zoo", ("zoo", "", "")),
        ("Zoo_X[gpu] >=0.1, <0.2", ("zoo-x", ">=0.1,<0.2", "")),
        ("zoo (>=0.1)", ("zoo", ">=0.1", "")),
        ('zoo>=1; extra == "new"', ("zoo", ">=1", 'extra == "new"')),
    ],
)
def test_a_requirement_has_a_name_a_range_and_a_marker(requirement, parts):
    assert split(requirement) == parts


def test_what_is_missing_comes_with_the_command_that_installs_it():
    assert missing(["pytest>=1", "pytest>=999", "not-there"]) == ["pytest>=999", "not-there"]
    assert pip_line(["a>=1", "b"]) == "pip install 'a>=1' 'b'"


def test_a_record_that_lacks_something_does_not_import_its_code():
    record = zoo.Metric("sharp", "not_there:score", requires=("not-there>=1",))
    with pytest.raises(ZooError, match=r"sharp needs .*: pip install 'not-there>=1'$"):
        record.load()


def test_the_version_that_plugins_are_held_against_is_that_of_the_package():
    parsed = configparser.ConfigParser()
    parsed.read(SETUP)
    assert parsed["metadata"]["version"] == zoo.API_VERSION
