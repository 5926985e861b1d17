"""The package of docs/trackers.md, file by file, and what the page says of zoo's own trackers."""

import csv
import importlib
import re
import sys
from pathlib import Path

import pytest
import tracked

from zoo import workflow
from zoo.plugins import find
from zoo.testing.suite import Subject, checks_of, run_checks

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "trackers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|toml)\n# (\S+)\n(.*?)```", PAGE, re.S)
FILES = {path: source for _, path, source in BLOCKS}


@pytest.fixture
def record(tmp_path, install_folder, site, monkeypatch):
    """The record of the page's package, installed."""
    folder = tmp_path / "zoo-ledger"
    for path, source in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source, encoding="utf-8")
    install_folder(folder)
    monkeypatch.syspath_prepend(str(site))
    (record,) = importlib.import_module("zoo_ledger").zoo_trackers()
    yield record
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo_ledger"]:
        del sys.modules[name]


def test_every_block_of_python_is_a_file():
    assert PAGE.count("```python") == sum(language == "python" for language, *_ in BLOCKS)


def test_the_page_s_tracker_is_listed_and_passes_every_check(record, zoo_command, tmp_path):
    listed = zoo_command("list", "trackers").stdout.splitlines()
    assert f"ledger       {record.summary}" in listed
    subject = Subject(kind="tracker", record=record, name="ledger", folder=tmp_path,
                      module="zoo_ledger")  # fmt: skip
    assert [f for f in run_checks(subject, checks_of("tracker")) if f.state != "passed"] == []


def test_the_page_s_tracker_keeps_a_line_for_each_run(record, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.tracking.find", lambda kind, name: record)
    monkeypatch.setattr(workflow, "_detect", lambda *_: None)
    run = tracked.start(tmp_path / "runs", track="ledger")
    (line,) = csv.reader((tmp_path / "runs" / "ledger.csv").open())
    scores = run.read_json(run.evaluation_path)["metrics"]
    (swd,) = [str(score["value"]) for score in scores if score["name"] == "swd"]
    assert line == [run.name, "finished", "8", str(run.metrics()[-1]["g_loss"]), swd]


def test_the_page_s_test_is_of_its_tracker(record, monkeypatch):
    asked = []
    monkeypatch.setattr("zoo.testing.conformance", lambda name: asked.append(name))
    exec(FILES["tests/test_ledger.py"], {})
    assert asked == [record.name]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_the_extras_of_the_page_hold_what_the_records_require(name):
    assert f"pip install 'zoo[{name}]'" in PAGE
    config = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert f"\n{name} = {', '.join(find('trackers', name).requires)}\n" in config


def test_the_numbers_of_the_page_are_the_tracker_s():
    source = (ROOT / "plugins/zoo_trackers/mlflow/tracker.py").read_text(encoding="utf-8")
    assert '"MLFLOW_HTTP_REQUEST_TIMEOUT": "10"' in source
    assert '"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"' in source
    assert "costs a run 10 seconds for each of two attempts" in " ".join(PAGE.split())
