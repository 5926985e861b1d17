"""`zoo generate`: marked, repeatable, never overwriting."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.commands.generate import command

from zoo.data.decode import decode
from zoo.errors import UsageError
from zoo.runs import Run, write_bytes, write_json


class Generator:
    """Stands for a trained network: images are a function of seed, truncation and labels."""

    def __init__(self, step):
        self.step = step

    def sample(self, n, labels=None, seed=0, truncation=1.0, dtype="uint8"):
        rng = np.random.default_rng(seed)
        images = truncation * rng.integers(0, 256, (n, 8, 8, 1)) + self.step
        return (images + (0 if labels is None else labels[0])).astype(dtype)


@pytest.fixture
def run(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "runs", "dcgan", "bbbc/simulated")
    run.write_recipe({"generator": "dcgan", "data": "bbbc/simulated"})
    run.update_manifest(status="finished", dataset={"name": "bbbc/simulated"})
    run.snapshots.mkdir()
    for step in (10, 20, 30):
        (run.snapshots / f"{step:08d}.weights.npz").touch()
    # In place of modules whose import takes ten seconds.
    networks = SimpleNamespace(load_run=lambda run, step: Generator(step))
    monkeypatch.setitem(sys.modules, "zoo.gan", networks)
    monkeypatch.setattr("zoo.device.configure", lambda: "CPU")
    return run


def generate(run, folder, *arguments):
    options = ["--out", folder, "--runs", run.path.parent, *arguments]
    return CliRunner().invoke(command, ["0", *map(str, options)])


def test_images_are_marked_as_synthetic_and_say_where_they_come_from(run, tmp_path):
    result = generate(run, tmp_path / "out", "-n", 3, "--seed", 1)
    assert result.stdout == f"{tmp_path / 'out'}\n"
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    marks = Image.open(tmp_path / "out" / "00002.png").text
    assert marks["Synthetic"] == "true"
    assert (marks["run"], marks["seed"], marks["step"]) == (run.name, "1", "30")
    sidecar = json.loads((tmp_path / "out" / "00002.json").read_text())
    assert sidecar["synthetic"] is True
    assert sidecar["use"] == "research only, not for clinical use"


def test_a_seed_gives_the_same_bytes_again_and_another_seed_does_not(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(run, tmp_path / name, "-n", 2, "--seed", seed)
    files = {
        name: [path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in "abc"
    }
    assert files["a"] == files["b"] != files["c"]


def test_nothing_is_overwritten_and_other_files_are_left_alone(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert generate(run, out, "-n", 2).exit_code == 0
    before = (out / "00000.png").read_bytes()
    result = generate(run, out, "-n", 4, "--seed", 9)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == f"{out} already holds 00000.png; choose another --out"
    assert (out / "00000.png").read_bytes() == before
    assert not (out / "00003.png").exists()


def test_what_a_killed_command_left_is_no_reason_to_refuse_the_same_command(
    run, tmp_path, monkeypatch
):
    def killed(path, content):
        if path.name == "00002.json":
            raise KeyboardInterrupt
        write_bytes(path, content)

    generate(run, tmp_path / "whole", "-n", 4)
    out = tmp_path / "out"
    with monkeypatch.context() as context:
        context.setattr("zoo.data.export.write_bytes", killed)
        assert generate(run, out, "-n", 4).exit_code != 0
    other = generate(run, out, "-n", 4, "--seed", 9)
    assert str(other.exception) == f"{out} already holds 00000.png; choose another --out"
    assert generate(run, out, "-n", 4).exit_code == 0
    names = [path.name for path in sorted((tmp_path / "whole").iterdir())]
    assert [path.name for path in sorted(out.iterdir())] == names
    assert all((out / n).read_bytes() == (tmp_path / "whole" / n).read_bytes() for n in names)
    again = generate(run, out, "-n", 4)
    assert str(again.exception) == f"{out} already holds 00000.png; choose another --out"


def test_a_snapshot_can_be_chosen(run, tmp_path):
    result = generate(run, tmp_path / "out", "-n", 1, "--step", 10, "--json")
    assert json.loads(result.stdout)["step"] == 10


def test_without_a_folder_the_images_lie_in_one_named_after_the_seed(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["0", "-n", "1", "--seed", "7"])
    assert result.stdout == "generated-seed7\n"
    assert (tmp_path / "generated-seed7" / "00000.png").is_file()


def test_images_have_the_depth_of_the_training_images(run, tmp_path):
    write_json(run.data_path, {"intensity": {"mapping": "identity", "raw_dtype": "uint16"}})
    generate(run, tmp_path / "tiff", "-n", 1)
    assert decode(tmp_path / "tiff" / "00000.tif")[0].dtype == np.uint16
    generate(run, tmp_path / "png", "-n", 1, "--format", "png")
    assert Image.open(tmp_path / "png" / "00000.png").mode == "I;16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "holds no trained generator yet"), (("--step", "15"), "choose from 10, 20, 30")],
)
def test_a_missing_network_is_told_before_a_framework_is_imported(
    run, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.setattr("zoo.device.configure", None)
    if not arguments:
        shutil.rmtree(run.snapshots)
    result = generate(run, tmp_path / "out", *arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_classes_are_chosen_by_name(run, tmp_path):
    run.write_recipe({"generator": "cgan", "data": "bbbc/simulated"})
    run.update_manifest(class_names=["interphase", "mitotic"])
    assert generate(run, tmp_path / "a", "-n", 1, "--class", "mitotic").exit_code == 0
    marks = Image.open(tmp_path / "a" / "00000.png").text
    assert marks["class"] == "mitotic"
    result = generate(run, tmp_path / "b", "--class", "mitosis")
    assert "choose from interphase, mitotic; did you mean mitotic?" in str(result.exception)


@pytest.mark.parametrize("names", [[], ["interphase", "mitotic"]])
def test_a_class_is_refused_where_the_generator_knows_none(run, tmp_path, names):
    run.update_manifest(class_names=names)
    result = generate(run, tmp_path / "out", "--class", "mitotic")
    assert isinstance(result.exception, UsageError)
    assert "knows no classes" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [("-n", "0"), ("--truncation", "0"), ("--seed", "-1")])
def test_numbers_out_of_range_are_wrong_use(run, tmp_path, arguments):
    assert generate(run, tmp_path / "out", *arguments).exit_code == 2


@pytest.fixture
def stored(tmp_path):
    """A run that holds a small DCGAN, saved as it was initialised."""
    from zoo.gan import build
    from zoo.gan.checkpoint import save_snapshot
    from zoo.recipe import resolve

    run = Run.create(tmp_path / "runs", "dcgan", "bbbc/simulated")
    recipe = resolve("dcgan", "bbbc/simulated", options={"width": 4, "latent_dim": 4})
    run.write_recipe(recipe.to_dict())
    run.update_manifest(image_shape=[32, 32, 1], dataset={"name": "bbbc/simulated"})
    save_snapshot(build(recipe, (32, 32, 1)), run.snapshot_path(0))
    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_stored_network_gives_the_same_files_again(stored, tmp_path):
    for name in ("a", "b"):
        assert generate(stored, tmp_path / name, "-n", 3, "--seed", 1).exit_code == 0
    assert len(contents(tmp_path / "a")) == 6
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.slow
def test_a_stored_network_gives_the_same_files_in_another_process(stored, tmp_path):
    generate(stored, tmp_path / "here", "-n", 70, "--seed", 1)
    arguments = [str(stored.path), "-n", "70", "--seed", "1", "--out", str(tmp_path / "there")]
    subprocess.run([sys.executable, "-m", "zoo_cli.main", "generate", *arguments], check=True)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
