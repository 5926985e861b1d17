"""`zoo runs`, and finding a run by what a person types."""

import json

import pytest
from click.testing import CliRunner
from zoo_cli.commands.runs import command

from zoo.errors import UsageError, ZooError
from zoo.runs import Run, write_json
from zoo.runs.find import find_run
from zoo.runs.summary import summary

SCORE = {"name": "fid_mixed8", "value": 18.21, "ratio": 4.4, "n_real": 512, "n_fake": 512}
SCORES = {
    "metrics": [{**SCORE, "name": "fid_mixed8_train", "value": 3.0}, SCORE],
    "not_computed": [{"name": "kid_keras", "reason": "no weights"}],
}


@pytest.fixture
def runs(tmp_path):
    """Two runs: a finished one with scores and one that was interrupted."""
    parent = tmp_path / "runs"
    for data, status in (("bbbc/simulated", "finished"), ("folder:cells", "interrupted")):
        run = Run.create(parent, "dcgan", data)
        run.write_recipe({"generator": "dcgan", "data": data})
        run.update_manifest(status=status, kimg=96, dataset={"name": data})
    write_json(parent / "00000-dcgan-bbbc-simulated" / "evaluation.json", SCORES)
    return parent


def zoo_runs(*arguments, answer=None):
    return CliRunner().invoke(command, [str(each) for each in arguments], input=answer)


def test_a_run_is_found_by_number_name_or_path(runs):
    name = "00001-dcgan-folder-cells"
    for text in ("1", "00001", name, str(runs / name)):
        assert find_run(text, runs).name == name


def test_a_misspelt_name_is_answered_with_the_closest(runs):
    with pytest.raises(UsageError, match="did you mean 00001-dcgan-folder-cells"):
        find_run("00001-dcgan-folder-cell", runs)
    with pytest.raises(UsageError, match=r"no run '7'.*the newest: 00001-dcgan-folder-cells"):
        find_run("7", runs)


def test_a_folder_that_is_no_run_is_refused(runs):
    (runs / "notes").mkdir()
    with pytest.raises(UsageError, match=r"no run folder: it holds no recipe\.yaml"):
        find_run("notes", runs)
    with pytest.raises(UsageError, match="holds no runs"):
        find_run("0", runs / "notes")


def test_a_number_that_two_runs_have_is_not_guessed(runs):
    (runs / "00001-copy").mkdir()
    (runs / "00001-copy" / "recipe.yaml").write_text("generator: dcgan\n")
    with pytest.raises(UsageError, match="00001-copy, 00001-dcgan-folder-cells"):
        find_run("1", runs)


def test_the_list_shows_status_data_and_the_held_out_score(runs):
    header, first, second = zoo_runs("list", "--out", runs).stdout.splitlines()
    assert header.split() == ["NAME", "STATUS", "GENERATOR", "DATA", "KIMG", "SCORE"]
    assert first.split() == [
        *("00000-dcgan-bbbc-simulated", "finished", "dcgan", "bbbc/simulated", "96"),
        *("fid_mixed8", "18.21"),
    ]
    assert second.split()[1] == "interrupted"


def test_the_list_as_json_is_an_array_of_objects_with_names(runs):
    rows = json.loads(zoo_runs("list", "--out", runs, "--json").stdout)
    assert [row["name"] for row in rows] == [
        "00000-dcgan-bbbc-simulated",
        "00001-dcgan-folder-cells",
    ]
    assert rows[0]["headline"] == {"name": "fid_mixed8", "value": 18.21, "ratio": 4.4}
    assert rows[1]["headline"] is None


def test_no_runs_is_an_empty_answer(tmp_path):
    result = zoo_runs("list", "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert zoo_runs("list", "--out", tmp_path, "--json").stdout == "[]\n"


def test_a_damaged_run_is_listed_as_damaged(runs):
    path = runs / "00001-dcgan-folder-cells"
    (path / "manifest.json").write_text("{")
    assert summary(Run(path))["status"] == "damaged"
    assert "manifest.json is damaged" in summary(Run(path))["reason"]
    assert zoo_runs("list", "--out", runs).exit_code == 0


def test_show_names_every_score_and_what_was_not_computed(runs):
    shown = zoo_runs("show", "0", "--out", runs).stdout
    assert "FID (Keras InceptionV3, cut at mixed8) 18.21 (held-out, 4.40 times the floor)" in shown
    assert "3 (training" in shown
    assert "not computed: KID (Keras InceptionV3): no weights" in shown
    facts = json.loads(zoo_runs("show", "0", "--out", runs, "--json").stdout)
    assert facts["metrics"] == SCORES["metrics"]


def test_remove_asks_first(runs):
    path = runs / "00001-dcgan-folder-cells"
    result = zoo_runs("remove", "1", "--out", runs, answer="n\n")
    assert result.exit_code == 1
    assert path.is_dir()
    assert zoo_runs("remove", "1", "--out", runs, answer="y\n").exit_code == 0
    assert not path.exists()
    assert (runs / "00000-dcgan-bbbc-simulated").is_dir()


def test_remove_with_yes_prints_what_is_gone(runs):
    result = zoo_runs("remove", "0", "1", "--out", runs, "--yes", "--json")
    assert json.loads(result.stdout) == ["00000-dcgan-bbbc-simulated", "00001-dcgan-folder-cells"]
    assert not list(runs.iterdir())


@pytest.mark.parametrize("text", ["papers", "recipes"])
def test_remove_refuses_what_zoo_run_did_not_make(runs, text):
    (runs / "papers").mkdir()
    (runs / "recipes").mkdir()
    (runs / "recipes" / "recipe.yaml").write_text("cake: 1\n")
    result = zoo_runs("remove", runs / text, "--yes")
    assert isinstance(result.exception, UsageError)
    assert (runs / text).is_dir()


def test_remove_refuses_a_run_in_use(runs):
    run = find_run("1", runs)
    with run.lock():
        result = zoo_runs("remove", "1", "--out", runs, "--yes")
    assert isinstance(result.exception, ZooError)
    assert "in use" in str(result.exception)
    assert run.path.is_dir()
