"""What a newcomer sees first, and what people are told who type something wrong."""

import os

import pytest


def told(done):
    """The one line on stderr of wrong use."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


def test_zoo_alone_says_what_to_type_first_and_then_its_help(zoo_command):
    done = zoo_command()
    assert done.returncode == 0
    assert done.stderr == ""
    welcome, _, help_text = done.stdout.partition("\nUsage: ")
    assert len(welcome.splitlines()) <= 6
    for first in ("zoo list", "zoo run dcgan --data bbbc", "report.html"):
        assert first in welcome
    assert help_text == zoo_command("--help").stdout.removeprefix("Usage: ")


def test_a_list_with_nothing_prepared_says_how_to_prepare(zoo_command):
    done = zoo_command("list")
    (line,) = done.stderr.splitlines()
    assert "no dataset is prepared yet: `zoo data fetch NAME`" in line
    assert zoo_command("list", "detectors").stderr == ""
    assert zoo_command("list", "--json").stderr == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("rum dcgan", "did you mean run?"),
        ("lst", "did you mean list?"),
        ("train dcgan", "did you mean run?"),
        ("trian dcgan", "did you mean run?"),
        ("download bbbc", "did you mean data fetch?"),
        ("help", "did you mean --help?"),
        ("data fech", "did you mean fetch?"),
        ("xyzzy", "`zoo --help` says more"),
        ("--verison", "Did you mean '--version'?"),
        ("run", "`zoo run dcgan --data bbbc`"),
        ("run dcgan", "--data is missing; `zoo list datasets`"),
        ("run dcgn --data bbbc", "did you mean dcgan?"),
        ("run dcgan.simulated", "did you mean dcgan.simulated-64?"),
        ("run dcgan --data bbc", "did you mean bbbc?"),
        ("run dcgan --data bbbc/simulatd", "did you mean bbbc/simulated?"),
        ("run dcgan --data my_images", "folder:my_images reads your own images"),
        ("run dcgan my_images", "--data folder:PATH"),
        ("run dcgan --data bbbc --width 64", "-o KEY=VALUE"),
        ("run dcgan --data bbbc -o widht=64", "did you mean width?"),
        ("run dcgan --data bbbc --kimg -3", "kimg=-3: expected above 0"),
        ("run dcgan --data bbbc --seed x", "seed=x: expected whole number"),
        ("run dcgan --data bbbc --image-size 7", "16 to 1024 px"),
        ("run dcgan --data bbbc --preset quik", "did you mean quick?"),
        ("run --resume 5", "`zoo run dcgan --data bbbc` makes one"),
        ("generate", "`zoo runs list` shows the choices"),
        ("compare", "`zoo runs list` shows the choices"),
        ("generate 0", "no run '0' in runs, which holds no runs"),
        ("generate 0 -n 0", "0 is not in the range"),
        ("runs show 0 --runs a_file", "a_file' is a file"),
        ("list generator", "did you mean generators?"),
        ("info dcgn", "did you mean dcgan?"),
        ("data fetch bbbc038", "did you mean bbbc/bbbc038?"),
        ("data check missing", "no file or folder missing"),
        ("data report my_images", "folder:my_images reads your own images"),
        ("export 0", "Choose from: keras, savedmodel, onnx"),
        ("export 0 --format onnxx", "did you mean onnx?"),
        ("weights fetch vgg", "choose from inception-2015, inception-v3"),
        ("completion tcsh", "is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_what_is_typed_wrong_is_told_in_one_line(zoo_command, tmp_path, command, words):
    (tmp_path / "my_images").mkdir()
    (tmp_path / "a_file").touch()
    done = zoo_command(*command.split())
    assert done.returncode in (1, 2)
    assert words in told(done)


def test_a_file_where_the_runs_should_go_is_told_before_any_work(zoo_command, tmp_path):
    (tmp_path / "a_file").touch()
    run = ("run", "dcgan", "--data", "bbbc/simulated", "--kimg", "1", "--out", "a_file")
    done = zoo_command(*run)
    assert done.returncode == 2
    assert "a file, and no folder for runs; choose another --out" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "home").rglob("crops"))


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() == 0, reason="root reads any folder")
def test_a_folder_that_cannot_be_read_is_told(zoo_command, tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    done = zoo_command("data", "check", "locked")
    assert done.returncode in (1, 2)
    assert "locked" in told(done)


@pytest.mark.parametrize("option", ["width=0", "width=-4", "latent_dim=0"])
def test_a_network_of_no_width_is_refused(option):
    import zoo

    key, _, value = option.partition("=")
    with pytest.raises(zoo.errors.UsageError, match=f"{key} must be above 0; got {value}"):
        zoo.load("generator", "dcgan", image_shape=(32, 32, 1), **{key: int(value)})


@pytest.mark.slow
def test_the_first_run_says_where_things_go_and_the_second_does_not(zoo_command, tmp_path):
    run = ("run", "dcgan", "--data", "bbbc/simulated", "--steps", "1", "--no-eval")
    small = (*run, "--image-size", "32", "-o", "width=8")
    first, second = zoo_command(*small), zoo_command(*small)
    assert first.returncode == second.returncode == 0
    (line,) = [line for line in first.stderr.splitlines() if line.startswith("first run here")]
    assert str(tmp_path / "home") in line
    assert "runs" in line
    assert "Ctrl-C stops it, and says how to go on" in first.stderr
    assert "first run here" not in second.stderr
