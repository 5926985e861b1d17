"""`zoo runs`, and finding a run by what a person types."""

import json

import pytest
from click.testing import CliRunner
from zoo_cli.commands.runs import command

from zoo.errors import UsageError, ZooError
from zoo.runs import Run, write_json
from zoo.runs.find import find_run
from zoo.runs.summary import summary

CARD = {"comparable": {"m": 200}, "provenance": {}}
AT_M = {"ratio": 4.4, "floor": 4.1, "protocol": CARD}
SCORE = {"name": "fid_mixed8", "value": 18.21, "n_real": 512, "n_fake": 512, **AT_M}
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
    header, first, second = zoo_runs("list", "--runs", runs).stdout.splitlines()
    assert header.split() == ["NAME", "STATUS", "GENERATOR", "DATA", "KIMG", "SCORE"]
    assert first.split() == [
        *("00000-dcgan-bbbc-simulated", "finished", "dcgan", "bbbc/simulated", "96"),
        *("fid_mixed8", "18.21"),
    ]
    assert second.split()[1] == "interrupted"


def test_the_list_as_json_is_an_array_of_objects_with_names(runs):
    rows = json.loads(zoo_runs("list", "--runs", runs, "--json").stdout)
    assert [row["name"] for row in rows] == [
        "00000-dcgan-bbbc-simulated",
        "00001-dcgan-folder-cells",
    ]
    assert rows[0]["headline"] == {"name": "fid_mixed8", "value": 18.21, "ratio": 4.4}
    assert rows[1]["headline"] is None


def test_no_runs_is_an_empty_answer(tmp_path):
    result = zoo_runs("list", "--runs", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert zoo_runs("list", "--runs", tmp_path, "--json").stdout == "[]\n"


def test_a_damaged_run_is_listed_as_damaged(runs):
    path = runs / "00001-dcgan-folder-cells"
    (path / "manifest.json").write_text("{")
    assert summary(Run(path))["status"] == "damaged"
    assert "manifest.json is damaged" in summary(Run(path))["reason"]
    assert zoo_runs("list", "--runs", runs).exit_code == 0


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("recipe.yaml", b"generator: ["),
        ("recipe.yaml", b"data: \xff\xfe"),
        ("recipe.yaml", b"3"),
        ("manifest.json", b'"x"'),
        ("manifest.json", b'{"status": "finished", "dataset": "x"}'),
        ("evaluation.json", b"[1]"),
        ("evaluation.json", b'{"metrics": [1]}'),
    ],
)
def test_whatever_a_run_s_files_hold_the_others_are_listed(runs, file, content):
    path = runs / "00001-dcgan-folder-cells"
    (path / file).write_bytes(content)
    result = zoo_runs("list", "--runs", runs, "--json")
    first, second = json.loads(result.stdout)
    assert (first["status"], second["status"]) == ("finished", "damaged")
    assert "\n" not in second["reason"]


def test_a_run_that_was_killed_is_listed_as_interrupted(runs):
    run = find_run("1", runs)
    run.update_manifest(status="running")
    with run.lock():
        assert summary(run)["status"] == "running"
    assert (summary(run)["status"], summary(run)["reason"]) == ("interrupted", "killed")


def test_a_line_that_a_kill_cut_short_costs_no_other_line(runs):
    run = find_run("1", runs)
    run.log_metrics(1, {"d_loss": 1.0})
    with run.metrics_path.open("a") as file:
        file.write('{"step": 2, "d_l')
    run.log_metrics(2, {"d_loss": 0.5})
    run.log_metrics(3, {"d_loss": 0.25})
    assert [row["d_loss"] for row in run.metrics()] == [1.0, 0.5, 0.25]


def test_a_run_on_a_folder_is_named_after_it_and_not_after_the_way_there(tmp_path):
    assert (
        Run.create(tmp_path, "dcgan", "folder:/a/b/my cells").name == "00000-dcgan-folder-my-cells"
    )


def test_show_names_every_score_and_what_was_not_computed(runs):
    shown = zoo_runs("show", "0", "--runs", runs).stdout
    assert "cut at mixed8) 18.21 (held-out; 4.40 times the floor at m = 200)" in shown
    assert "3 (training" in shown
    assert "not computed: KID (Keras InceptionV3): no weights" in shown
    facts = json.loads(zoo_runs("show", "0", "--runs", runs, "--json").stdout)
    assert facts["metrics"] == SCORES["metrics"]


def test_remove_asks_first(runs):
    path = runs / "00001-dcgan-folder-cells"
    result = zoo_runs("remove", "1", "--runs", runs, answer="n\n")
    assert result.exit_code == 1
    assert path.is_dir()
    assert zoo_runs("remove", "1", "--runs", runs, answer="y\n").exit_code == 0
    assert not path.exists()
    assert (runs / "00000-dcgan-bbbc-simulated").is_dir()


def test_remove_with_yes_prints_what_is_gone(runs):
    result = zoo_runs("remove", "0", "1", "--runs", runs, "--yes", "--json")
    assert json.loads(result.stdout) == ["00000-dcgan-bbbc-simulated", "00001-dcgan-folder-cells"]
    assert not list(runs.iterdir())


def test_a_removal_that_was_killed_leaves_no_half_run_and_the_next_one_ends_it(runs, monkeypatch):
    def killed(path, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("zoo.runs.files.shutil.rmtree", killed)
        assert zoo_runs("remove", "1", "--runs", runs, "--yes").exit_code != 0
    listed = json.loads(zoo_runs("list", "--runs", runs, "--json").stdout)
    assert [run["name"] for run in listed] == ["00000-dcgan-bbbc-simulated"]
    assert zoo_runs("remove", "0", "--runs", runs, "--yes").exit_code == 0
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
        result = zoo_runs("remove", "1", "--runs", runs, "--yes")
    assert isinstance(result.exception, ZooError)
    assert "in use" in str(result.exception)
    assert run.path.is_dir()
