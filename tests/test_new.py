"""`zoo new` writes packages that work before a line is changed."""

import compileall
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.errors import UsageError, ZooError
from zoo.scaffold import KINDS, new

NAME = "my-thing"


@pytest.fixture
def installed(install_folder, tmp_path):
    """Write a package of a kind and install it as pip would."""

    def make(kind: str, name: str = NAME) -> Path:
        folder = new(name, kind, tmp_path).folder
        install_folder(folder)
        return folder

    return make


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "generator"])
def test_what_is_new_passes_every_check(installed, zoo_command, kind):
    installed(kind)
    checked = zoo_command("check", NAME, "--kind", kind)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ", 0 failed, " in checked.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_new_generator_passes_every_check(installed, zoo_command):
    installed("generator")
    checked = zoo_command("check", NAME)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ", 0 failed, " in checked.stdout.splitlines()[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_new_is_listed_at_once(installed, zoo_command, kind):
    installed(kind)
    listed = zoo_command("list", f"{kind}s").stdout
    assert NAME in [line.split()[0] for line in listed.splitlines()]
    shown = zoo_command("info", NAME)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.split()[:2] == ["kind", f"{kind}s"]


def test_the_tests_of_what_is_new_are_the_checks(installed, site):
    folder = installed("metric")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", str(folder)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(site), "PATH": ""},
    )
    assert done.returncode == 0, done.stdout
    assert "test_my_thing[metric-my-thing-order]" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_new_is_as_ruff_would_write_it(tmp_path, kind):
    folder = new("a-rather-long-name-of-a-thing", kind, tmp_path).folder
    for check in (["check", "--select", "E,F,W,I,B,UP,SIM,N"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--isolated", "--line-length", "100", "."]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stdout
    assert compileall.compile_dir(folder, quiet=2)


def test_the_next_commands_are_printed(zoo_command, tmp_path):
    done = zoo_command("new", "mygan", "--kind", "generator", "--out", "some where")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-4:] == [
        "next:",
        "  pip install -e 'some where/zoo-mygan'",
        "  zoo check mygan",
        "  zoo run mygan --data bbbc/simulated --minutes 1",
    ]
    assert (tmp_path / "some where" / "zoo-mygan" / "LICENSE").is_file()


def test_a_new_tracker_s_next_command_asks_the_run_to_tell_it(tmp_path):
    last = new("mine", "tracker", tmp_path).commands[-1]
    assert last == "zoo run dcgan --data bbbc/simulated --minutes 1 --track mine"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("My GAN!", "'My GAN!' is no name: lower-case letters, digits and hyphens, a letter first"),
        ("My GAN!", "such as my-gan"),
        ("3d", "a letter first, such as d"),
        ("a_b", "such as a-b"),
        ("", "'' is no name"),
        ("class", "'class' is a word of Python; choose another name, such as my-class"),
        ("zoo-mygan", "the package is called zoo-NAME; give mygan as the name"),
        ("dcgan", "'dcgan' is a generator of zoo already; choose another name"),
        ("svm", "'svm' is a detector of zoo already; choose another name"),
        ("metrics", "'metrics' is a plugin of zoo; choose another name"),
        ("datasets", "there is a module zoo_datasets already; choose another name"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_one_line(zoo_command, tmp_path, name, told):
    before = set(tmp_path.iterdir())
    done = zoo_command("new", "--kind", "generator", "--", name)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "zoo-mygan").mkdir()
    with pytest.raises(UsageError, match="zoo-mygan exists already"):
        new("mygan", "generator", tmp_path)
    assert not [*(tmp_path / "zoo-mygan").iterdir()]


def test_a_failure_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(ZooError, match=r"cannot write .*zoo-mygan: No space left"):
        new("mygan", "generator", tmp_path)
    assert not [*tmp_path.iterdir()]
