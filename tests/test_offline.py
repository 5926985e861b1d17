"""Without a network: what needs none works and asks for none, what needs one says so at once."""

import json
import socket

import pytest
from tiny import RUN
from zoo_cli.main import main

from zoo.data import load, resolve


@pytest.fixture(autouse=True)
def asked(tmp_path, monkeypatch):
    """Every attempt to reach another machine; each fails."""
    attempts = []

    def refuse(*args, **settings):
        attempts.append(args)
        raise OSError("the network is blocked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    return attempts


def zoo(capsys, text):
    with pytest.raises(SystemExit) as caught:
        main(text.split())
    return caught.value.code, capsys.readouterr()


@pytest.mark.parametrize(
    "text",
    [
        "list datasets",
        "list --all --json",
        "info bbbc/bbbc038",
        "data list",
        "data info bbbc/bbbc038 --json",
        "data fetch bbbc/bbbc038 --dry-run",
        "data preview bbbc/simulated --data-options images=40 --out preview.png",
        "data preview bbbc --offline --data-options images=40 --out preview.png",
        "weights list",
        "assets list",
        "run dcgan --data bbbc --dry-run",
        "run dcgan --data bbbc --offline --dry-run",
    ],
)
def test_what_needs_no_network_asks_for_none(capsys, asked, text):
    status, output = zoo(capsys, text)
    assert (status, asked) == (0, [])
    assert output.out or text == "assets list"


def test_a_whole_run_with_its_measurements_and_report_asks_for_no_network(
    capsys, asked, tmp_path, monkeypatch
):
    monkeypatch.setattr("zoo.workflow.DETECTORS", ("logistic",))
    status, output = zoo(capsys, f"{RUN} --out runs")
    assert (status, asked) == (0, [])
    assert output.out.splitlines()[1].endswith("report.html")
    assert zoo(capsys, "score bbbc/simulated 0 --metric swd -n 20")[0] == 0
    assert zoo(capsys, "generate 0 -n 2 --out fakes")[0] == 0
    assert zoo(capsys, "report 0")[0] == 0
    assert asked == []


def test_a_dry_run_prints_address_size_and_hash_and_writes_nothing(capsys, asked, tmp_path):
    status, output = zoo(capsys, "data fetch bbbc/bbbc038 --dry-run --json")
    plan = json.loads(output.out)
    (archive,) = plan["archives"]
    assert archive["url"].startswith("https://")
    assert archive["bytes"] == 82_923_446
    assert all(len(sha256) == 64 for sha256 in archive["sha256"])
    assert plan["path"] == str(tmp_path / "home" / "datasets" / "bbbc" / "bbbc038")
    assert (status, asked) == (0, [])
    assert list(tmp_path.iterdir()) == []


def test_tfds_is_planned_from_what_it_has_on_record(capsys, asked):
    status, output = zoo(capsys, "data fetch tfds:malaria --dry-run --json")
    (archive,) = json.loads(output.out)["archives"]
    assert archive["filename"] == "cell_images.zip"
    assert len(next(iter(archive["sha256"]))) == 64
    assert (status, asked) == (0, [])


def test_offline_an_alias_is_resolved_without_a_connection(asked, capsys):
    assert resolve("bbbc", offline=True)[0] == "bbbc/simulated"
    assert load("bbbc", offline=True, image_size=64, images=40).name == "bbbc/simulated"
    assert asked == []


@pytest.mark.parametrize("text", ["data fetch bbbc/bbbc038", "weights fetch inception-v3"])
def test_fetching_without_a_network_is_one_line(capsys, asked, text):
    status, output = zoo(capsys, text)
    (line,) = output.err.splitlines()
    assert status == 1
    assert line.startswith("Error: https://")
    assert "the network is blocked" in line
    assert asked


def test_an_alias_without_a_network_falls_back_in_one_line(capsys, asked):
    name, reason = resolve("bbbc")
    assert name == "bbbc/simulated"
    assert "the network is blocked" in reason
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
def test_a_whole_run_asks_for_no_connection(capsys, asked, tmp_path):
    status, output = zoo(
        capsys,
        "run dcgan --data bbbc --offline --data-options images=60 --image-size 32 --kimg 0.1 "
        "--score-images 32 --out runs",
    )
    assert (status, asked) == (0, []), output.err
    assert (tmp_path / "runs" / "00000-dcgan-bbbc-simulated" / "report.html").is_file()
