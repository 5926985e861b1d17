"""What a run makes is set beside real images in their own values, and never beside what it saw."""

import shutil

import numpy as np
import pytest
import tifffile

from zoo.data import load
from zoo.errors import UsageError
from zoo.evaluation.trained import external_test, in_values_of, per_class
from zoo.recipe import resolve
from zoo.runs import Run, write_json

LEVELS = {"dim": 1000, "bright": 9000}
SIZE = {"image_size": 32}


def write(folder, *, seed=0, dtype=np.uint16, n=80):
    """Images of two classes, each of which has its own range of grey levels."""
    for name, level in LEVELS.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            rng = np.random.default_rng([seed, level, i])
            image = rng.integers(level // 2, level, (32, 32)).astype(dtype)
            tifffile.imwrite(folder / name / f"{name}-{i}.tif", image)
    return f"folder:{folder}"


def store(parent, data, **settings):
    """A run with the generator as it was initialised."""
    from zoo.gan import build
    from zoo.gan.checkpoint import save_snapshot

    options = {"width": 4, "latent_dim": 4}
    recipe = resolve("dcgan", data, settings={**SIZE, "steps": 1, **settings}, options=options)
    images = load(data, **{**SIZE, **settings})
    run = Run.create(parent, "dcgan", "made")
    run.write_recipe(recipe.to_dict())
    write_json(run.data_path, dict(images.provenance))
    run.update_manifest(
        status="finished",
        image_shape=list(images.shape[1:]),
        class_names=list(images.class_names),
        dataset={"name": images.name, "fingerprint": images.fingerprint},
    )
    save_snapshot(build(recipe, images.shape[1:], 0), run.snapshot_path(0))
    return run


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data")


def test_images_of_one_class_come_back_in_its_own_grey_levels(tmp_path, data):
    runs = {}
    for name in LEVELS:
        accepted = tmp_path / f"{name}.txt"
        accepted.write_text("\n".join(f"{name}/{name}-{i}.tif" for i in range(80)))
        runs[name] = store(tmp_path, data, accept=str(accepted))
    images = load(data, **SIZE)
    make, _ = per_class(runs, images)
    raw = images.intensity.invert(make(np.arange(200) % 2, 0))
    for label, name in enumerate(images.class_names):
        level = LEVELS[name]
        assert raw[np.arange(200) % 2 == label].max() <= level + 1
        assert raw[np.arange(200) % 2 == label].min() >= level // 2 - 1


def test_values_of_another_kind_are_refused(tmp_path, data):
    run = store(tmp_path, data)
    each = load(data, **SIZE, intensity="range/image")
    with pytest.raises(UsageError, match="do not both map each image by its own values"):
        in_values_of(each, run)
    floats = load(write(tmp_path / "floats", dtype=np.float32), **SIZE)
    with pytest.raises(UsageError, match=r"trained on uint16 values, folder:.* has float32"):
        in_values_of(floats, run)
    stored = np.arange(9, dtype=np.uint16)
    assert in_values_of(load(data, **SIZE), run)(stored) is stored


def test_an_external_test_that_was_learnt_from_is_refused(tmp_path, data):
    run = store(tmp_path, data)
    other = write(tmp_path / "other", seed=1)
    shutil.copytree(tmp_path / "data", tmp_path / "copied")
    copied = f"folder:{tmp_path / 'copied'}"
    images = load(other, **SIZE)
    n = len(load(data, **SIZE).split("train"))
    for name in (data, copied):
        with pytest.raises(UsageError, match=f"generators learn from {n} of its images") as error:
            external_test(name, images, [run])
        assert "\n" not in str(error.value)
    learnt = len(images.split("train", "validation"))
    with pytest.raises(UsageError, match=f"learn from {learnt} of its images"):
        external_test(other, images, [run])
    assert len(external_test(write(tmp_path / "third", seed=2), images, [run])) == 160


def test_a_copy_is_known_again_under_the_view_of_the_run(tmp_path, data):
    run = store(tmp_path, data, view="tile", image_size=16)
    images = load(write(tmp_path / "other", seed=1), image_size=16, view="resize")
    with pytest.raises(UsageError, match="generators learn from"):
        external_test(data, images, [run])
