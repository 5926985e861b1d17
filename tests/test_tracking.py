"""A run tells the trackers that it was asked to tell, and no other."""

import pytest
import tracked
from tracked import TOLD, Exits, Meddles, Raises, Stops, Telltale

from zoo import plugins, workflow
from zoo.errors import Interrupted, UsageError, ZooError
from zoo.recipe import Recipe, resolve
from zoo.runs.folder import list_runs


@pytest.fixture(autouse=True)
def trackers(monkeypatch):
    tracked.install(monkeypatch, Telltale, Stops, Raises, Exits, Meddles)
    monkeypatch.setattr(workflow, "_detect", lambda *_: None)
    monkeypatch.delenv("ZOO_TRACK", raising=False)
    TOLD.clear()


def happened():
    return [entry[0] for entry in TOLD]


@pytest.mark.slow
def test_a_run_tells_nobody_unasked(tmp_path):
    run = tracked.start(tmp_path, eval=False, steps=2)
    assert TOLD == []
    assert not run.tensorboard.exists()
    assert not run.mlflow_path.exists()
    assert [path.name for path in tmp_path.iterdir()] == [run.name]


def test_a_tracker_is_told_of_a_run_to_its_report(tmp_path):
    run = tracked.start(tmp_path, track="telltale")
    assert happened() == ["started", *["logged"] * 8, "ended"]
    assert TOLD[0] == ("started", run.name, "running")
    assert [{"step": step, **values} for _, step, values in TOLD[1:-1]] == run.metrics()
    _, name, status, written, held = TOLD[-1]
    assert (name, status, written) == (run.name, "finished", "finished")
    assert held >= {"evaluation.json", "report.html", "MODEL_CARD.md"}


def test_a_tracker_that_raises_is_named_once_and_the_others_go_on(tmp_path, capsys):
    run = tracked.start(tmp_path, eval=False, track="raises, meddles,exits,telltale")
    printed = capsys.readouterr()
    warnings = [line for line in printed.err.splitlines() if "tracker" in line]
    assert len(warnings) == 2
    assert warnings[0] == "warning: tracker exits: SystemExit: 3; the run goes on without it"
    assert warnings[1].startswith("warning: tracker raises: KeyError: 'no such thing no such")
    assert len(warnings[1]) < 400
    assert "hello" in printed.err
    assert "hello" not in printed.out
    assert run.status == "finished"
    assert happened().count("raised") == 1
    assert happened().count("started") == 3
    assert happened().count("ended") == 2
    assert all(entry[2] for entry in TOLD if entry[0] == "logged")


def test_a_run_that_is_stopped_and_resumed_tells_so(tmp_path):
    with pytest.raises(Interrupted):
        tracked.start(tmp_path, eval=False, track="stops")
    assert TOLD[-1][2:4] == ("interrupted", "interrupted")
    (run,) = list_runs(tmp_path)
    TOLD.clear()
    workflow.resume(run.path, recipe=Recipe.from_dict(run.recipe).adjusted({"track": "telltale"}))
    assert [entry[1] for entry in TOLD if entry[0] == "logged"] == [5, 6, 7, 8]
    assert TOLD[-1][2:4] == ("finished", "finished")
    assert run.recipe["settings"]["track"] == "telltale"


@pytest.mark.slow
def test_a_run_that_fails_tells_so(tmp_path, monkeypatch):
    def fail(*_):
        raise ZooError("the disk is made of cheese")

    monkeypatch.setattr(workflow, "write_products", fail)
    with pytest.raises(ZooError, match="cheese"):
        tracked.start(tmp_path, eval=False, steps=2, track="telltale")
    assert TOLD[-1][2:4] == ("failed", "failed")


def test_a_tracker_that_lacks_something_stops_the_run_before_it_begins(tmp_path, monkeypatch):
    tracked.install(monkeypatch, Telltale, requires=("no-such-package>=2",))
    with pytest.raises(ZooError) as raised:
        tracked.start(tmp_path, track="telltale")
    line = "telltale needs what is not installed: pip install 'no-such-package>=2'"
    assert str(raised.value) == line
    assert raised.value.exit_status == 1
    assert not list(tmp_path.iterdir())


def test_an_unknown_tracker_is_wrong_use_before_anything_is_done(zoo_command, tmp_path):
    wrong = zoo_command("run", "dcgan", "--data", "bbbc/simulated", "--track", "mlflow,tensorbord")
    assert wrong.returncode == 2
    assert "no tracker 'tensorbord'; choose from mlflow, tensorboard" in wrong.stderr
    assert "did you mean tensorboard?" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_whom_a_run_tells_comes_from_flag_environment_or_config(zoo_command, tmp_path):
    config = tmp_path / "config" / "zoo" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("track: mlflow\n")
    command = ("run", "dcgan", "--data", "bbbc/simulated", "--dry-run")

    def shown(*more, **environ):
        lines = zoo_command(*command, *more, **environ).stdout.splitlines()
        return next(line.split(maxsplit=2)[1:] for line in lines if line.startswith("track "))

    assert shown() == ["mlflow", str(config)]
    assert shown(ZOO_TRACK="tensorboard") == ["tensorboard", "ZOO_TRACK"]
    assert shown("--track", "none") == ["none", "command line"]
    both = shown("--track", "mlflow,tensorboard", ZOO_TRACK="mlflow")
    assert both == ["mlflow,tensorboard", "command line"]


def test_a_recipe_of_somebody_else_cannot_have_a_run_told(tmp_path):
    registry = tmp_path / "registry.yaml"
    registry.write_text(
        "recipes:\n  spies:\n    generator: dcgan\n    data: bbbc/simulated\n    track: telltale\n"
    )
    with pytest.raises(UsageError, match=r"recipe spies: who is told .* by --track, ZOO_TRACK or"):
        resolve("spies", registry_file=registry)
    chosen = resolve("spies", settings={"track": "telltale"}, registry_file=registry)
    assert chosen.settings["track"] == "telltale"


def test_a_run_older_than_the_setting_can_be_resumed(tmp_path):
    held = resolve("dcgan", "bbbc/simulated").to_dict()
    del held["settings"]["track"]
    assert Recipe.from_dict(held).settings["track"] is None


def test_a_run_is_opened_without_the_tracker_that_it_told_and_resumed_with_another(tmp_path):
    held = resolve("dcgan", "bbbc/simulated", settings={"track": "telltale"}).to_dict()
    held["settings"]["track"] = "uninstalled"
    recipe = Recipe.from_dict(held)
    assert recipe.adjusted({"track": "none"}).settings["track"] is None
    with pytest.raises(UsageError, match="no tracker 'uninstalled'; choose from"):
        workflow.run_recipe(recipe)
    with pytest.raises(UsageError, match="no tracker 'nobody'"):
        recipe.adjusted({"track": "nobody"})


def test_the_trackers_of_zoo_are_listed_without_what_they_need():
    assert [entry.name for entry in plugins.registry().usable("trackers")] == [
        "mlflow",
        "tensorboard",
    ]
