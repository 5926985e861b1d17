"""docs/plugins.md, block by block."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from zoo_cli.commands import check as check_command

import zoo
from zoo.catalog import parse_recipe
from zoo.faults import fault_of
from zoo.plugins import Registry, find
from zoo.points import entry_points
from zoo.requirements import meets, split
from zoo.scaffold import new
from zoo.signatures import convert_options
from zoo.testing.lists import SHARED, SUITES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.S)
COMMANDS = [text.splitlines() for language, text in BLOCKS if not language]
FILES = {
    text.partition("\n")[0].removeprefix("# "): text.partition("\n")[2]
    for language, text in BLOCKS
    if language
}
START, CHECK, PYTEST, PUBLISH = COMMANDS


@pytest.fixture
def package(tmp_path, install_folder, site, monkeypatch):
    """The package of the page, installed."""
    folder = new("mygan", "generator", tmp_path).folder
    install_folder(folder)
    monkeypatch.syspath_prepend(str(site))
    forget()
    yield folder
    forget()


def forget():
    """Forget a package of this name, which another page's tests may have imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo_mygan"]:
        del sys.modules[name]


def test_the_first_commands_are_what_new_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, name, kind = re.fullmatch(r"(zoo new) (\S+) --kind (\S+)", START[0]).groups()
    assert tuple(START[1:]) == new(name, kind, Path()).commands


def test_the_files_of_the_table_are_those_that_new_writes(package):
    table = set(re.findall(r"^\| `(\S+\.\w+)` \|", PAGE, re.M))
    assert all((package / path).is_file() for path in table)


def test_the_page_s_table_of_checks_is_the_list(tmp_path):
    rows = [("every", c.name, c.expects) for c in SHARED]
    rows += [(kind, c.name, c.expects) for kind, suite in SUITES.items() for c in suite.checks]
    table = re.findall(r"^\| (\w+) \| `([\w-]+)` \| (.+) \|$", PAGE, re.M)
    assert table == rows


@pytest.mark.parametrize("line", CHECK)
def test_a_command_that_checks_is_understood(line, package, site, monkeypatch):
    asked = []

    def only_ask(subject, names, quick):
        asked.append((subject.name, dict(subject.options), names, quick))
        return iter(())

    registry = Registry(entry_points("zoo", [str(site)]))
    monkeypatch.setattr("zoo.testing.subjects.registry", lambda: registry)
    monkeypatch.setattr(check_command, "_findings", only_ask)
    monkeypatch.setattr(check_command, "_prepare", lambda subject: None)
    done = CliRunner().invoke(check_command.command, line.removeprefix("zoo check ").split())
    assert done.exit_code == 0, done.output
    ((name, options, names, quick),) = asked
    assert name == "mygan"
    assert options == ({"width": 8} if " -o " in line else {})
    assert names == (("seed", "resume") if "--only" in line else ())
    assert quick == ("--quick" in line)


def test_the_page_s_record_has_no_fault_and_its_range_holds_this_zoo(package):
    names = {}
    exec(FILES["zoo_mygan/__init__.py"], names)
    (record,) = names["zoo_generators"]()
    assert fault_of(record, "generators") == ""
    assert record.load().__name__ == "Mygan"
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    written = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    for key in ("name", "version", "dependencies", "entry-points"):
        assert project[key] == written[key]
    assert meets(zoo.API_VERSION, split(project["dependencies"][0])[1])


def test_the_page_s_recipe_is_understood_and_resolves(package, site, monkeypatch):
    names = {}
    exec(FILES["zoo_mygan/recipes.py"], names)
    (facts,) = names["zoo_recipes"]()
    assert fault_of(facts, "recipes") == ""
    named = parse_recipe(facts["name"], facts, "the page")
    assert named.settings == {"image_size": (64, 64), "kimg": 200.0, "seed": 0}
    monkeypatch.setattr("zoo.plugins.registry", lambda: Registry(entry_points("zoo", [str(site)])))
    record = find("generators", named.generator)
    assert convert_options(record, named.options) == {"width": 32, "flips": "dihedral"}


def test_the_page_leads_to_a_page_of_each_kind():
    for kind, page in (("generator", "generators"), ("dataset", "datasets"),
                       ("detector", "detectors"), ("metric, extractor", "metrics")):  # fmt: skip
        assert re.search(rf"^\| {kind} \| \[Write .+\]\({page}\.md\) \|", PAGE, re.M)


def test_the_line_about_what_is_missing_is_the_one_that_is_printed():
    names = {}
    exec(FILES["zoo_mygan/umap.py"], names)
    assert fault_of(names["record"], "metrics") == ""
    with pytest.raises(zoo.errors.ZooError) as raised:
        names["record"].check_requirements()
    assert str(raised.value) in " ".join(PAGE.split())


def test_the_page_s_test_has_a_case_for_each_check(package, site, monkeypatch):
    registry = Registry(entry_points("zoo", [str(site)]))
    monkeypatch.setattr("zoo.testing.subjects.registry", lambda: registry)
    names = {}
    exec(FILES["tests/test_mygan.py"], names)
    (mark,) = names["test_mygan"].pytestmark
    assert len(mark.args[1]) == len([*SHARED, *SUITES["generator"].checks])
    assert mark.args[1][0][0].options == {"width": 8}


def test_pytest_takes_the_page_s_option_and_build_is_a_package(package):
    from zoo.testing.pytest_plugin import pytest_addoption

    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    assert parser.parse(PYTEST[0].split()[1:]).zoo == ["mygan"]
    assert [f"python -m build {package.name}"] == PUBLISH
    assert "build" in (ROOT / "setup.cfg").read_text()
