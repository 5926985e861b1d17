"""Files that are cut short or garbled: noticed, and made again or named with what to do."""

import shutil

import numpy as np
import pytest
from test_training import IMAGES, compiled, equal, weights
from tiny import errors, zoo

from zoo.data import load
from zoo.data.prepare import import_files
from zoo.data.prepared import version_of
from zoo.errors import ZooError
from zoo.gan.loop import Budget, train
from zoo.metrics.features import extract
from zoo.plugins import find
from zoo.recipe import resolve
from zoo.runs import Run

SIMULATED = {"image_size": 32, "images": 40}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    """One bit in the middle of the last quarter, where a file has its values."""
    content = bytearray(path.read_bytes())
    content[len(content) * 7 // 8] ^= 1
    path.write_bytes(bytes(content))


def empty(path):
    path.write_bytes(b"")


DAMAGE = pytest.mark.parametrize("damage", [cut, flip, empty])


# A run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training that goes on to step 12, its state at the end, and a copy at step 8."""
    folder = tmp_path_factory.mktemp("runs")
    run = Run.create(folder, "dcgan", "made")
    train(compiled(), IMAGES, Budget(steps=8), run=run)
    run.write_recipe(resolve("dcgan", "bbbc/simulated", settings={"steps": 12}).to_dict())
    shutil.copytree(run.path, folder / "copy")
    gan = compiled()
    train(gan, IMAGES, Budget(steps=12), run=run)
    return Run(folder / "copy"), weights(gan)


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained[0].path, tmp_path / "00000-made")
    return Run(tmp_path / "00000-made")


@DAMAGE
def test_a_damaged_checkpoint_gives_way_to_the_one_before_bit_for_bit(run, trained, damage):
    damage(sorted(run.checkpoints.glob("*.npz"))[-1])
    gan = compiled()
    train(gan, IMAGES, Budget(steps=12), run=run)
    assert equal(weights(gan), trained[1])


def test_with_every_checkpoint_cut_short_a_run_says_what_is_left_to_do(run):
    for path in run.checkpoints.glob("*.npz"):
        cut(path)
    with pytest.raises(ZooError, match=r"no checkpoint in .* can be read; start a new run$"):
        train(compiled(), IMAGES, Budget(steps=12), run=run)


def test_garbled_lines_of_metrics_cost_themselves_only(run, trained):
    lines = run.metrics_path.read_bytes().splitlines()
    lines[1], lines[2] = b"\x00\x00\x00\x00", lines[2][:9]
    run.metrics_path.write_bytes(b"\n".join(lines)[:-4])
    gan = compiled()
    train(gan, IMAGES, Budget(steps=12), run=run)
    assert equal(weights(gan), trained[1])
    assert [row["step"] for row in run.metrics()] == [1, 4, 5, 6, 7, 9, 10, 11, 12]


@pytest.mark.parametrize("name", ["manifest.json", "recipe.yaml"])
def test_an_empty_file_of_a_run_is_named(run, capsys, name):
    run.update_manifest(status="interrupted")
    empty(run.path / name)
    assert zoo("run --resume", run.path) == 1
    (line,) = errors(capsys)
    assert line.startswith(f"Error: {run.path / name} is damaged")


# Caches


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


OF_CROPS = ("pixels.npy", "masks.npy", "facts.json", "crops/000.npy", "survey/names.json")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(name, damage, marks=[pytest.mark.slow] if (i + j) % 3 else [])
        for i, name in enumerate(OF_CROPS)
        for j, damage in enumerate((cut, flip, empty))
    ],
)
def test_crops_that_are_damaged_are_told_and_cut_again(home, capsys, name, damage):
    images = load("bbbc/simulated", **SIMULATED)
    (folder,) = (path for path in (home / "crops").iterdir() if path.is_dir())
    before = (folder / name).read_bytes()
    damage(folder / name)
    capsys.readouterr()
    again = load("bbbc/simulated", **SIMULATED)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert line.startswith(f"warning: {folder}")
    assert line.endswith("; the images are cut again")
    assert again.fingerprint == images.fingerprint
    assert (folder / name).read_bytes() == before
    load("bbbc/simulated", **SIMULATED)
    assert "damaged" not in capsys.readouterr().err


@DAMAGE
def test_features_that_are_damaged_are_computed_again(tmp_path, damage):
    class Network:
        def __init__(self):
            self.facts, self.calls = {"extractor": "made"}, 0

        def __call__(self, images):
            self.calls += 1
            return images.reshape(len(images), -1)[:, :60].astype(np.float32)

    network, images = Network(), np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), np.uint8)
    expected = np.array(extract(network, images, cache=tmp_path))
    calls = network.calls
    assert np.array_equal(extract(network, images, cache=tmp_path), expected)
    assert network.calls == calls
    (path,) = tmp_path.glob("*.npy")
    damage(path)
    assert np.array_equal(extract(network, images, cache=tmp_path), expected)
    assert network.calls == 2 * calls


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    from test_bbbc import write_archive

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        archive = write_archive(tmp_path_factory.mktemp("archive") / "stage1_train.zip")
        import_files(find("datasets", "bbbc/bbbc038"), [archive])
    return home, archive


@DAMAGE
@pytest.mark.parametrize("name", ["*.array_record*", "features.json", "zoo.json", "sums.json"])
def test_a_prepared_dataset_that_is_damaged_is_named_with_what_to_type(
    prepared, home, capsys, name, damage, tmp_path
):
    shutil.copytree(prepared[0], home)
    folder = version_of(find("datasets", "bbbc/bbbc038"))
    (path,) = folder.glob(name)
    damage(path)
    preview = ["data preview bbbc/bbbc038 --image-size 32 --view tile --out", tmp_path / "a.png"]
    assert zoo(*preview) == 1
    (line,) = errors(capsys)
    assert line.startswith(f"Error: {folder}")
    assert " is damaged: " in line
    assert "`zoo data remove bbbc/bbbc038`, then `zoo data fetch bbbc/bbbc038`" in line
    if damage is cut:
        assert zoo("data remove bbbc/bbbc038 --yes") == 0
        assert zoo("data import bbbc/bbbc038", prepared[1]) == 0
        assert zoo(*preview) == 0
