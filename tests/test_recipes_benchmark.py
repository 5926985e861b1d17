"""Results of recipes reach registry.yaml, and nothing else in it changes."""

import json

import pytest
import recipes
import yaml

from zoo.catalog import parse_recipe, read_mapping, shipped
from zoo.runs import Run

ROW = {
    "seed": 0,
    "split_seed": 0,
    "scores": {
        "fid_mixed8": {
            "value": 17.0912,
            "floor": 3.442,
            "ratio": 5.12,
            "n_real": 512,
            "n_fake": 512,
        },
        "fid_mixed8_untrained": {"value": 48.81},
        "kid_mixed8": {"value": 0.0000912},
        "coverage": {"value": 0.0},
    },
    "detectors": {"logistic": 0.88791},
    "detection_valid": True,
    "kimg": 24.0,
    "images_per_second": 74.2,
    "seconds": {"training": 203.4},
    "findings": ["One-mode output"],
    "archive": None,
    "versions": {"zoo": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1"},
    "machine": {"words": "2 CPU cores"},
    "commit": "0123abc",
}


@pytest.fixture
def registry(tmp_path):
    file = tmp_path / "registry.yaml"
    file.write_text(shipped().read_text(encoding="utf-8"), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", read_mapping(shipped())["recipes"])
def test_a_recipe_gets_what_was_measured_and_every_other_line_stays(registry, name):
    before = registry.read_text(encoding="utf-8").splitlines()
    recipes.write_registry({name: ROW}, registry)
    after = registry.read_text(encoding="utf-8").splitlines()
    held = read_mapping(registry)["recipes"][name]
    assert held["measured"] == recipes.block(ROW)
    assert parse_recipe(name, held, "here").measured["fid_mixed8"] == {"seed 0": 17.1}
    at = after.index("    measured:", after.index(f"  {name}:"))
    assert after[:at] == before[:at]
    rest = after[at + 1 + len(recipes.block(ROW)) :]
    assert before[len(before) - len(rest) :] == rest


def test_writing_twice_changes_nothing(registry):
    recipes.write_registry({"lsgan.bbbc038-64": ROW}, registry)
    once = registry.read_text(encoding="utf-8")
    recipes.write_registry({"lsgan.bbbc038-64": ROW}, registry)
    assert registry.read_text(encoding="utf-8") == once


def test_numbers_stay_numbers_in_yaml_and_those_of_a_void_table_are_left_out():
    found = recipes.block(ROW)
    assert yaml.safe_load(f"kid: {recipes._flow(found['kid_mixed8'])}")["kid"] == {
        "seed 0": 0.0000912
    }
    assert found["coverage"] == {"seed 0": 0.0}
    assert found["training"] == {"kimg": 24.0, "seconds": 203, "images per second": 74.2}
    assert "detectors" not in recipes.block({**ROW, "detection_valid": False})


def test_a_stopped_recipe_is_resumed_a_failed_one_begun_anew_a_finished_one_left(
    tmp_path, monkeypatch
):
    asked = []

    def zoo(command, **_):
        asked.append([str(part) for part in command[len(recipes.ZOO) :]])
        if "--resume" not in command:
            Run.create(tmp_path / "dcgan.x", "dcgan", "x").write_recipe({})
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(recipes.subprocess, "run", zoo)
    run = recipes.run_recipe("dcgan.x", tmp_path, None)
    for status in ("failed", "running", "finished"):
        run.update_manifest(status=status)
        run = recipes.run_recipe("dcgan.x", tmp_path, tmp_path / "weights")
    begun = ["run", "dcgan.x", "--out", str(tmp_path / "dcgan.x")]
    network = ["--inception-weights", str(tmp_path / "weights"), "--inception-layer", "mixed8"]
    assert asked == [begun, [*begun, *network], ["run", "--resume", str(run.path)]]


def test_a_recipe_that_fails_gives_no_run_and_the_next_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "FILE", tmp_path / "recipes.json")
    monkeypatch.setattr(
        recipes, "run_recipe", lambda name, *_: None if name == "first" else "finished"
    )
    monkeypatch.setattr(recipes, "facts", lambda run, words: ROW)
    monkeypatch.setattr("sys.argv", ["recipes.py", "first", "second", "--runs", str(tmp_path)])
    recipes.main()
    assert "first: failed" in capsys.readouterr().out
    assert json.loads(recipes.FILE.read_text()) == {"second": ROW}
