"""Plugins are discovered, kept apart from each other, and told when they clash."""

import importlib.metadata
import json
import sys

import pytest

import zoo
from zoo.errors import UsageError
from zoo.plugins import Registry
from zoo.points import entry_points

GENERATOR = """
import zoo

@zoo.hookimpl
def zoo_generators():
    yield zoo.Generator({name!r}, "{package}:build", "Made by {package}")
"""


def generator(package: str, name: str) -> str:
    return GENERATOR.format(name=name, package=package)


@pytest.fixture
def discover(site, monkeypatch):
    """The registry of what is in `site` alone."""
    monkeypatch.syspath_prepend(str(site))

    def load(*disabled):
        return Registry(entry_points("zoo", [str(site)]), disabled=disabled)

    yield load
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(site)):
            del sys.modules[name]


def names(registry, kind="generators"):
    return [entry.name for entry in registry.usable(kind)]


def test_an_installed_plugin_is_one_line_of_the_list(install, zoo_command):
    install("zoo-mygan", generator("zoo_mygan", "mygan"))
    lines = zoo_command("list", "generators").stdout.splitlines()
    found = [line.split(maxsplit=1) for line in lines if "mygan" in line]
    assert found == [["mygan", "Made by zoo_mygan"]]


def test_zoo_s_own_plugins_come_through_the_same_entry_points(zoo_command):
    rows = json.loads(zoo_command("plugins", "--json").stdout)
    assert {row["package"] for row in rows} == {"zoo"}
    assert {row["state"] for row in rows} == {"ok"}
    assert "dcgan" in [row["name"] for row in rows]


def test_a_plugin_that_raises_on_import_costs_only_itself(install, zoo_command):
    install("zoo-broken", "1 / 0", version="2.5")
    install("zoo-mygan", generator("zoo_mygan", "mygan"))
    listed = zoo_command("list")
    assert listed.returncode == 0
    assert "mygan" in listed.stdout
    assert "dcgan" in listed.stdout
    assert listed.stderr.splitlines()[0] == (
        "warning: plugin broken (zoo-broken 2.5): ZeroDivisionError: division by zero"
    )


def test_the_traceback_of_a_failed_plugin_is_kept(install, discover):
    install("zoo-broken", "def f():\n    1 / 0\nf()")
    (plugin,) = discover().plugins
    assert plugin.state == "failed"
    assert 'zoo_broken.py", line 2, in f' in plugin.traceback


@pytest.mark.parametrize("line", ["raise SystemExit(3)", "import not_there", "x = ("])
def test_whatever_a_module_raises_is_told(install, discover, line):
    install("zoo-odd", line)
    registry = discover()
    assert names(registry) == []
    assert len(registry.problems) == 1
    assert registry.problems[0].startswith("plugin odd (zoo-odd 0.1): ")


def test_a_hook_that_raises_leaves_the_plugin_s_other_hooks(install, discover):
    extra = "\n\n@zoo.hookimpl\ndef zoo_datasets():\n    raise KeyError('licence')\n"
    install("zoo-half", generator("zoo_half", "half") + extra)
    registry = discover()
    assert names(registry, "datasets") == []
    assert names(registry) == ["half"]
    assert registry.problems == ["plugin half (zoo-half 0.1): zoo_datasets: KeyError: 'licence'"]


def test_a_misspelt_hook_is_told(install, discover):
    install("zoo-typo", generator("zoo_typo", "typo").replace("zoo_generators", "zoo_generator"))
    (problem,) = discover().problems
    assert "unknown hook 'zoo_generator'" in problem


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("return 7", "a hook returns several records, not int"),
        ("return [7]", "int is no Generator"),
        ("return zoo.Generator('x', 'y:z')", "a hook returns several records, not Generator"),
        ("return [zoo.Dataset('x', 'y:z')]", "Dataset is no Generator"),
        ("return [zoo.Generator(3, 'y:z')]", "3 is no name"),
        ("return [zoo.Generator('My GAN', 'y:z')]", "'My GAN' is no name"),
        ("return [zoo.Generator('x', 'y:z', None)]", "x: summary is None, not str"),
        ("return [zoo.Generator('x', 'y:z', sides=(32, 'big'))]", "x: sides is (32, 'big')"),
        ("return [zoo.Generator('x', 'y:z', presets={'quick': 3})]", "x: presets is"),
        ("return [zoo.Generator('x', 'y:z', api=2)]", "written for api 2; this zoo knows api 1"),
    ],
)
def test_a_wrong_record_is_told_and_left_out(install, discover, returned, told):
    install("zoo-odd", f"import zoo\n\n@zoo.hookimpl\ndef zoo_generators():\n    {returned}\n")
    registry = discover()
    assert names(registry) == []
    (problem,) = registry.problems
    assert problem.startswith("plugin odd (zoo-odd 0.1): zoo_generators: ")
    assert told in problem


def test_what_a_plugin_prints_does_not_reach_the_answer(install, zoo_command):
    install("zoo-loud", "print('hello')\n" + generator("zoo_loud", "loud"))
    listed = zoo_command("list", "generators", "--json")
    assert "loud" in [row["name"] for row in json.loads(listed.stdout)]


def test_two_packages_that_claim_a_record_s_name_are_both_named(install, zoo_command):
    install("zoo-mygan", generator("zoo_mygan", "mygan"))
    install("zoo-mygan2", generator("zoo_mygan2", "mygan"))
    listed = zoo_command("list", "generators")
    assert listed.returncode == 0
    assert "mygan" not in listed.stdout
    assert listed.stderr == (
        "warning: generator 'mygan' is claimed by both zoo-mygan and zoo-mygan2; "
        "write zoo-mygan:mygan or zoo-mygan2:mygan\n"
    )


def test_a_contested_name_is_selected_with_its_package(install, discover):
    install("zoo-mygan", generator("zoo_mygan", "mygan"))
    install("zoo-mygan2", generator("zoo_mygan2", "mygan"))
    registry = discover()
    with pytest.raises(UsageError, match=r"both zoo-mygan and zoo-mygan2; write zoo-mygan:mygan"):
        registry.find("generators", "mygan")
    assert registry.find("generators", "zoo-mygan2:mygan").record.target == "zoo_mygan2:build"


def test_two_packages_that_claim_a_plugin_s_name_are_both_named(install, discover):
    install("zoo-a", generator("zoo_a", "one"), entry="same")
    install("zoo-b", generator("zoo_b", "two"), entry="same")
    registry = discover()
    assert [plugin.state for plugin in registry.plugins] == ["clash", "clash"]
    assert "plugin 'same' is claimed by both zoo-a and zoo-b" in registry.problems[0]
    assert names(registry) == []
    assert registry.find("generators", "zoo-b:two").record.name == "two"


def test_zoo_s_own_name_wins_and_the_other_is_named(install, zoo_command):
    install("zoo-impostor", generator("zoo_impostor", "dcgan"))
    listed = zoo_command("list", "generators")
    assert "Deep convolutional GAN" in listed.stdout
    assert "zoo_impostor" not in listed.stdout
    assert "'dcgan' is also claimed by zoo-impostor; zoo's own is used" in listed.stderr


def test_a_disabled_plugin_is_not_imported(install, zoo_command):
    install("zoo-broken", "1 / 0")
    rows = zoo_command("plugins", "--json", ZOO_DISABLE_PLUGINS="broken")
    states = {row["name"]: row["state"] for row in json.loads(rows.stdout)}
    assert states["broken"] == "disabled"
    assert rows.stderr == ""


def test_a_plugin_for_another_zoo_is_told_in_one_line_and_not_imported(install, zoo_command):
    install("zoo-later", "1 / 0", needs="zoo>=9,<10")
    install("zoo-mygan", generator("zoo_mygan", "mygan"), needs="zoo>=0.1,<0.2")
    listed = zoo_command("list", "generators")
    assert listed.returncode == 0
    assert "mygan" in listed.stdout
    assert listed.stderr == (
        "warning: plugin later (zoo-later 0.1): not imported, it is made for zoo>=9,<10 and this "
        f"is zoo {zoo.API_VERSION}; pip install 'zoo>=9,<10', or find another version of "
        "zoo-later\n"
    )
    rows = json.loads(zoo_command("plugins", "--json").stdout)
    assert {row["name"]: row["state"] for row in rows}["later"] == "incompatible"


@pytest.mark.parametrize("needs", ["", "zoo", "zoo (>=0.1)", "Zoo[gpu]>=0.1", "numpy<1"])
def test_a_plugin_that_states_no_range_or_one_with_this_zoo_is_imported(install, discover, needs):
    install("zoo-mygan", generator("zoo_mygan", "mygan"), needs=needs)
    assert names(discover()) == ["mygan"]


def test_what_only_an_extra_needs_is_no_range(install, discover):
    install("zoo-mygan", generator("zoo_mygan", "mygan"), needs='zoo>=9; extra == "new"')
    assert names(discover()) == ["mygan"]


def test_a_missing_requirement_is_one_line_with_the_command_for_it(install, zoo_command):
    source = generator("zoo_mygan", "mygan").replace('")', '", requires=("not-there>=1.5",))')
    install("zoo-mygan", source + "\nclass build:\n    pass\n")
    done = zoo_command("run", "mygan", "--data", "bbbc/simulated", "--minutes", "1")
    assert done.returncode == 1
    needed = "mygan needs what is not installed: pip install 'not-there>=1.5'"
    assert done.stderr.splitlines()[-1] == f"Error: {needed}"


def test_an_unknown_name_comes_with_the_choices_and_the_closest(install, discover):
    install("zoo-mygan", generator("zoo_mygan", "mygan"))
    with pytest.raises(UsageError) as raised:
        discover().find("generators", "mygen")
    expected = "no generator 'mygen'; choose from mygan; did you mean mygan?"
    assert str(raised.value) == expected


def test_a_scheme_takes_an_argument(install, discover):
    source = "import zoo\n\n@zoo.hookimpl\ndef zoo_datasets():\n"
    install("zoo-dir", source + "    yield zoo.Dataset('dir', 'zoo_dir:read', scheme='path')\n")
    registry = discover()
    assert registry.find("datasets", "dir:/tmp/images").record.name == "dir"
    assert registry.find("datasets", "zoo-dir:dir:/tmp/images").record.name == "dir"
    with pytest.raises(UsageError):
        registry.find("datasets", "other:/tmp/images")


@pytest.mark.parametrize("group", ["zoo", "console_scripts", "pytest11"])
def test_entry_points_are_those_that_the_standard_library_finds(group):
    standard = importlib.metadata.entry_points(group=group)
    assert {(p.name, p.value.partition(" [")[0]) for p in standard} == {
        (p.name, p.value) for p in entry_points(group)
    }
    ours = {(p.name, p.metadata("Name"), p.metadata("Version")) for p in entry_points(group)}
    assert {(p.name, p.dist.name, p.dist.version) for p in standard} == ours


def test_an_entry_point_may_name_an_attribute(install, site, discover):
    holder = "import types\nhooks = types.SimpleNamespace(zoo_generators=zoo_generators)\n"
    install("zoo-mygan", generator("zoo_mygan", "mygan") + holder)
    (info,) = site.glob("*.dist-info")
    (info / "entry_points.txt").write_text("[zoo]\nmygan = zoo_mygan:hooks\n")
    assert names(discover()) == ["mygan"]
