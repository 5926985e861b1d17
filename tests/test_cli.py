"""What a person at a shell sees, and what a script gets."""

import json
import subprocess
import sys

import pytest
from zoo_cli.commands.list import KINDS

from zoo.settings import SETTINGS

DRY = ("run", "dcgan", "--data", "bbbc/simulated", "--dry-run")


def answer(command):
    assert command.returncode == 0, command.stderr
    return json.loads(command.stdout)


def test_list_groups_everything_under_headings(zoo_command):
    lines = zoo_command("list").stdout.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings == [kind for kind in KINDS if kind in headings]
    assert {"generators", "datasets", "detectors", "metrics"} <= set(headings)
    assert any(line.startswith("  dcgan ") for line in lines)


def test_list_of_a_kind_is_json_with_names(zoo_command):
    everything = answer(zoo_command("list", "--json"))
    for kind in KINDS:
        rows = answer(zoo_command("list", kind, "--json"))
        assert [row["name"] for row in rows] == [r["name"] for r in everything if r["kind"] == kind]


def test_list_finds_text_in_names_and_summaries(zoo_command):
    rows = answer(zoo_command("list", "-q", "FOREST", "--json"))
    assert [row["name"] for row in rows] == ["random-forest"]
    assert zoo_command("list", "-q", "nothing has this").stdout == ""


def test_datasets_show_their_licence_and_whether_they_are_verified(install, zoo_command):
    hook = "import zoo\n\n@zoo.hookimpl\ndef zoo_datasets():\n    yield zoo.Dataset({})\n"
    facts = "'cells', 'x:y', 'Some cells', licence='CC0-1.0', verified=False"
    install("zoo-cells", hook.format(facts))
    (line,) = zoo_command("list", "datasets", "-q", "Some cells").stdout.splitlines()
    assert line == "cells  CC0-1.0  unverified  Some cells"


def test_info_of_a_generator_lists_its_options(zoo_command):
    facts = answer(zoo_command("info", "dcgan", "--json"))
    options = {option["name"]: option for option in facts["options"]}
    assert facts["name"] == "dcgan"
    assert facts["paper"] == "arXiv:1511.06434"
    assert {"latent_dim", "width", "augment", "learning_rate"} <= set(options)
    assert all(option["description"] for option in facts["options"])
    text = zoo_command("info", "dcgan").stdout
    assert all(name in text for name in options)


@pytest.mark.parametrize("name", ["bbbc", "svm", "fid", "inception-v3"])
def test_info_knows_every_kind(zoo_command, name):
    assert answer(zoo_command("info", name, "--json"))["name"] == name
    assert zoo_command("info", name).stdout.startswith("kind")


def test_info_of_a_detector_lists_its_options_without_importing_it(zoo_command):
    facts = json.loads(zoo_command("info", "small-cnn", "--json").stdout)
    options = {option["name"]: option for option in facts["options"]}
    assert "seed" not in options
    assert options["epochs"]["type"] == "whole number"
    assert all(option["description"] for option in facts["options"])
    shown = zoo_command("info", "random-forest").stdout  # its class inherits the constructor
    assert "options (-o random-forest.KEY=VALUE)" in shown
    assert "  bins " in shown


def test_info_of_a_contested_name_says_by_whom(install, zoo_command):
    hook = (
        "import zoo\n\n@zoo.hookimpl\ndef zoo_generators():\n    yield zoo.Generator('g', 'x:y')\n"
    )
    install("zoo-one", hook)
    install("zoo-two", hook)
    asked = zoo_command("info", "g")
    assert asked.returncode == 2
    assert "claimed by both zoo-one and zoo-two" in asked.stderr.splitlines()[-1]


def test_plugins_shows_what_failed(install, zoo_command):
    install("zoo-broken", "1 / 0")
    rows = {row["name"]: row for row in answer(zoo_command("plugins", "--json"))}
    assert rows["broken"]["state"] == "failed"
    assert rows["broken"]["problems"] == ["ZeroDivisionError: division by zero"]
    assert rows["dcgan"]["state"] == "ok"
    (line,) = [x for x in zoo_command("plugins").stdout.splitlines() if x.startswith("broken")]
    assert line.partition(" ms ")[2].strip() == "ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_doctor_reports_frameworks_stores_and_tracebacks(install, zoo_command):
    install("zoo-broken", "1 / 0")
    facts = answer(zoo_command("doctor", "--json"))
    assert facts["framework"]["devices"]
    assert facts["framework"]["xla"] == "works"
    assert facts["packages"]["tensorflow"].startswith("2.")
    assert all(not dataset["present"] for dataset in facts["datasets"])
    (broken,) = [plugin for plugin in facts["plugins"] if plugin["name"] == "broken"]
    assert "ZeroDivisionError" in broken["traceback"]
    assert "ZeroDivisionError" in zoo_command("doctor").stdout


def test_dry_run_prints_every_value_with_its_origin(zoo_command):
    done = zoo_command(*DRY, "-o", "width=16", "--seed", "3", ZOO_THREADS="2")
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "generator dcgan command line" in lines
    assert "seed 3 command line" in lines
    assert "-o width 16 command line" in lines
    assert "threads 2 ZOO_THREADS" in lines
    assert "split_seed 0 default" in lines


def test_dry_run_as_json_is_what_recipe_yaml_holds(zoo_command):
    recipe = answer(zoo_command(*DRY, "--json", "--augment", "none", "--image-size", "32x64"))
    assert recipe["options"]["augment"] == "none"
    assert recipe["origins"]["options.augment"] == "command line"
    assert recipe["settings"]["image_size"] == [32, 64]
    assert recipe["settings"]["eval"] is True


def test_switches_turn_measurement_and_network_off(zoo_command):
    recipe = answer(zoo_command(*DRY, "--json", "--no-eval", "--offline"))
    assert recipe["settings"]["eval"] is False
    assert recipe["settings"]["offline"] is True


def test_a_switch_turns_back_on_what_the_environment_turned_off(zoo_command):
    recipe = answer(zoo_command(*DRY, "--json", "--eval", ZOO_EVAL="off", ZOO_OFFLINE="on"))
    assert recipe["settings"]["eval"] is True
    assert recipe["settings"]["offline"] is True


def test_every_setting_is_an_option_of_run_with_its_default(zoo_command):
    text = zoo_command("run", "--help").stdout
    assert all(f"--{name.replace('_', '-')} " in text for name in SETTINGS)
    assert "[default: 64x64]" in text


def test_settings_of_the_user_s_config_count(zoo_command, tmp_path):
    folder = tmp_path / "config" / "zoo"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 11\n")
    recipe = answer(zoo_command(*DRY, "--json"))
    assert recipe["settings"]["seed"] == 11
    assert recipe["origins"]["seed"].endswith("config.yaml")


def test_a_recipe_of_the_user_runs_by_its_name(zoo_command, tmp_path):
    folder = tmp_path / "config" / "zoo"
    folder.mkdir(parents=True)
    facts = "{generator: dcgan, data: bbbc/simulated, kimg: 1, options: {width: 8}}"
    (folder / "registry.yaml").write_text(f"recipes: {{dcgan.mine-64: {facts}}}\n")
    recipe = answer(zoo_command("run", "dcgan.mine-64", "--dry-run", "--json"))
    assert (recipe["data"], recipe["options"]["width"]) == ("bbbc/simulated", 8)
    assert "dcgan.mine-64" in zoo_command("list", "recipes").stdout
    assert answer(zoo_command("info", "dcgan.mine-64", "--json"))["generator"] == "dcgan"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("run", "dcgn", "--data", "bbbc"), "did you mean dcgan?"),
        (("run", "dcgan", "--data", "bbcb/simulated"), "did you mean bbbc/simulated?"),
        (("run", "dcgan", "--data", "bbbc", "-o", "widht=3"), "did you mean width?"),
        (("run", "dcgan", "--data", "bbbc", "-o", "width=big"), "expected whole number"),
        (("run", "dcgan", "--data", "bbbc", "-o", "width"), "expected KEY=VALUE"),
        (("run", "dcgan", "--data", "bbbc", "--jit", "onn"), "expected auto or on or off"),
        (("run", "dcgan", "--data", "bbbc", "--steps", "1", "--kimg", "1"), "give one of steps"),
        (("run", "dcgan", "--data", "bbbc", "--inception-layer", "mixed"), "did you mean mixed8?"),
        (("run", "dcgan", "--data", "bbbc", "--inception-weights", "x.h5"), "no such file"),
        (
            ("run", "dcgan", "--data", "bbbc", "--dry-run", "-o", "loss=wgan"),
            "loss=wgan: expected bce or least-squares or hinge",
        ),
        (("run", "dcgan"), "--data is missing"),
        (("run",), "GENERATOR is missing"),
        (("run", "--resume", "7"), "no run '7'"),
        (
            ("run", "dcgan", "--data", "bbbc", "--registry", "none.yaml"),
            "File 'none.yaml' does not exist",
        ),
        (("info", "dcgn"), "did you mean dcgan?"),
        (("list", "generator"), "is not one of 'generators'"),
        (("lst",), "No such command 'lst'"),
    ],
)
def test_wrong_use_exits_2_with_the_choices_and_the_closest(zoo_command, args, message):
    done = zoo_command(*args)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_damaged_registry_is_one_line_and_exit_1(zoo_command, tmp_path):
    (tmp_path / "bad.yaml").write_text("recipes: [")
    done = zoo_command("list", "recipes", "--registry", "bad.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: bad.yaml is damaged: ")
    assert len(done.stderr.splitlines()) == 1


def test_resume_refuses_what_differs_from_the_run(zoo_command, tmp_path):
    recipe = answer(zoo_command(*DRY, "--json"))
    run = tmp_path / "runs" / "00000-dcgan-bbbc-simulated"
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    same = zoo_command("run", "--resume", "0", "--seed", "0", "--dry-run", "--json")
    assert answer(same) == recipe
    other = zoo_command("run", "--resume", "0", "--no-eval", "--dry-run", "--json")
    assert answer(other)["settings"]["eval"] is False
    done = zoo_command("run", "--resume", "0", "--seed", "1", "-o", "width=9")
    assert done.returncode == 2
    assert "seed: 0, not 1; -o width: " in done.stderr
    other = zoo_command("run", "other", "--resume", "0")
    assert "generator: dcgan, not other" in other.stderr


def test_a_reader_that_leaves_early_is_no_error():
    zoo = f"{sys.executable} -m zoo_cli.main"
    done = subprocess.run(
        ["bash", "-c", f"{zoo} list | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_version_and_help_have_short_and_long_forms(zoo_command):
    assert zoo_command("--version").stdout.startswith("zoo ")
    assert zoo_command("-h").stdout == zoo_command("--help").stdout
    assert all(name in zoo_command("--help").stdout for name in ("list", "run", "doctor"))
