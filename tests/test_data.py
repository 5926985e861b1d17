"""Loading, downloading and the `zoo data` commands."""

import json
import threading
import time

import numpy as np
import pytest
from PIL import Image
from zoo_cli.main import cli
from zoo_cli.main import main as run_main

import zoo
from zoo.data import load, loading
from zoo.data.prepared import removable, remove
from zoo.data.source import Source
from zoo.data.view import View, foreground_of
from zoo.evaluation.score import score
from zoo.plugins import find
from zoo.specs import Metric

SIMULATED = {"image_size": 64, "images": 40}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_second_load_only_opens_what_the_first_wrote(monkeypatch):
    first = load("bbbc/simulated", **SIMULATED)
    monkeypatch.setattr(loading, "write_crops", None)
    second = load("bbbc/simulated", **SIMULATED)
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(second[:], first[:])


def test_pixels_are_memory_mapped():
    assert isinstance(load("bbbc/simulated", **SIMULATED).pixels, np.memmap)


def test_two_processes_that_start_at_once_cut_once(monkeypatch):
    calls = []
    write = loading.write_crops

    def counted(*args, **settings):
        calls.append(1)
        time.sleep(0.2)
        write(*args, **settings)

    monkeypatch.setattr(loading, "write_crops", counted)
    threads = [
        threading.Thread(target=load, args=["bbbc/simulated"], kwargs=SIMULATED) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_what_a_killed_process_left_is_replaced(home):
    images = load("bbbc/simulated", **SIMULATED)
    (folder,) = (path for path in (home / "crops").iterdir() if path.is_dir())
    folder.rename(folder.parent / f".{folder.name}.incomplete")
    again = load("bbbc/simulated", **SIMULATED)
    assert again.fingerprint == images.fingerprint
    assert not list((home / "crops").glob("*incomplete"))


@pytest.mark.parametrize(
    "change",
    [{"split_seed": 1}, {"image_size": 32}, {"downscale": 2.0, "image_size": 32}, {"seed": 1}],
)
def test_the_fingerprint_tells_content_view_and_split_apart(change):
    plain = load("bbbc/simulated", **SIMULATED)
    other = load("bbbc/simulated", **(SIMULATED | change))
    assert other.fingerprint != plain.fingerprint


def test_the_fingerprint_tells_groups_apart_that_hold_the_same_pixels(monkeypatch):
    def field(number):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32), np.uint8)
        return {"id": f"{number:02d}", "image": pixels}

    def fingerprint(size):
        examples = [field(i) | {"group": f"slide {i // size}"} for i in range(60)]
        source = Source(f"slides of {size}", lambda: iter(examples))
        monkeypatch.setattr(loading, "open_source", lambda *_: source)
        return load("bbbc/simulated", image_size=32, min_foreground=0).fingerprint

    assert fingerprint(1) != fingerprint(2)


def test_splits_are_counted_with_their_groups():
    images = load("bbbc/simulated", **SIMULATED)
    splits = images.provenance["splits"]
    assert sum(part["images"] for part in splits.values()) == len(images)
    assert sum(part["groups"] for part in splits.values()) == 40
    assert splits["train"]["groups"] == len(set(images.split("train").groups))
    json.dumps(dict(images.provenance))


def test_tiles_do_not_overlap_and_drop_the_remainder():
    image = np.arange(70 * 100, dtype=np.uint16).reshape(70, 100, 1)
    crops, skipped = View("tile", (32, 48)).cut(image)
    assert [crop.place for crop in crops] == ["0,0", "0,48", "32,0", "32,48"]
    assert np.array_equal(crops[3].pixels, image[32:64, 48:96])
    assert skipped == 0


def test_tiles_without_foreground_are_skipped():
    image, mask = np.zeros((64, 64, 1), np.uint8), np.zeros((64, 64), np.uint16)
    mask[:5, :5] = 3
    crops, skipped = View("tile", (32, 32), min_foreground=0.02).cut(image, mask)
    assert [crop.place for crop in crops] == ["0,0"]
    assert skipped == 3


@pytest.mark.parametrize("background", [10, 230])
def test_without_a_mask_the_varied_side_is_foreground(background):
    rng = np.random.default_rng(0)
    image = rng.normal(background, 2, (64, 64, 1))
    image[20:40, 20:40] = rng.normal(120, 25, (20, 20, 1))
    found = foreground_of(np.clip(image, 0, 255).astype(np.uint8))
    assert found[20:40, 20:40].mean() > 0.95
    assert found.mean() < 0.12


def test_downscaling_averages_and_keeps_instances():
    image = np.kron(np.array([[0, 200]], np.uint8), np.ones((64, 32), np.uint8))[..., None]
    mask = (image[..., 0] > 0).astype(np.uint16) * 7
    (crop,), _ = View("resize", None, downscale=2).cut(image, mask)
    assert crop.pixels.shape == (32, 32, 1)
    assert crop.pixels[:, -4:].min() == 200
    assert set(np.unique(crop.mask)) == {0, 7}


def test_loading_an_alias_records_why_it_fell_back():
    images = load("bbbc", offline=True, image_size=64, images=40)
    assert images.name == "bbbc/simulated"
    assert "being offline" in images.provenance["fallback"]


def test_removing_the_simulator_deletes_its_crops_and_features(home):
    images = load("bbbc/simulated", **SIMULATED)
    metric = Metric("mean", f"{__name__}:first_feature", needs="features")
    score(images, noise, extractor=Brightness(), n=4, metrics=[metric], cache=home / "features")
    kept = remove(find("datasets", "bbbc/simulated"))
    assert [folder.parent for folder in kept] == [home / "crops", home / "features"]
    assert not any(folder.exists() for folder in kept)


def test_removing_one_folder_leaves_the_crops_of_another(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cells", "cells more"):
        for number in range(60):
            picture(tmp_path / name / f"{number}.png", number)
        load(f"folder:{name}", image_size=64)
    remove(find("datasets", "folder"), "folder:cells")
    (left,) = (path for path in (home / "crops").iterdir() if path.is_dir())
    assert left.name.startswith("folder-cells-more-")


def test_removing_one_size_leaves_the_other_sizes_alone(home):
    for name in ("medmnist-bloodmnist", "medmnist-bloodmnist-64"):
        (home / "crops" / f"{name}-{'0a' * 8}").mkdir(parents=True)
    (folder,) = removable(find("datasets", "medmnist/bloodmnist"))
    assert folder.name == f"medmnist-bloodmnist-{'0a' * 8}"


def picture(path, seed):
    path.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)


class Brightness:
    suffix, dimension = "brightness", 1
    facts = {"extractor": "mean of the pixels"}  # noqa: RUF012

    def __call__(self, images):
        return images.reshape(len(images), -1).mean(axis=1, keepdims=True, dtype=np.float32)


def first_feature(real, fake, context):
    return float(fake[0, 0] - real[0, 0])


def noise(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 64, 64, 1), np.uint8)


def command(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        run_main(["data", *args])
    return caught.value.code, capsys.readouterr()


def test_list_shows_what_is_prepared_as_json(capsys):
    status, output = command(capsys, "list", "--json")
    rows = {row["name"]: row for row in json.loads(output.out)}
    assert status == 0
    assert rows["bbbc"]["alias"] == ["bbbc/bbbc038-fluorescence", "bbbc/simulated"]
    assert rows["bbbc/bbbc038"]["state"] == "absent"
    assert rows["bbbc/simulated"]["state"] == "ready"


def test_info_names_licence_and_known_hashes(capsys):
    status, output = command(capsys, "info", "bbbc/bbbc038", "--json")
    facts = json.loads(output.out)
    assert status == 0
    assert facts["licence"] == "CC0-1.0"
    assert facts["archives"][0]["sha256"]


def test_info_names_what_is_kept_with_its_size(capsys):
    load("bbbc/simulated", **SIMULATED)
    _, output = command(capsys, "info", "bbbc/simulated", "--json")
    ((folder, size),) = json.loads(output.out)["kept"].items()
    assert "crops/bbbc-simulated-" in folder
    assert size.endswith(" MB")


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (["path", "bbbc/bbbc038"], 1, "is not prepared"),
        (["path", "bbbc/simulated"], 2, "not prepared from an archive"),
        (["info", "bbbc/bbc038"], 2, "did you mean bbbc/bbbc038"),
        (["import", "bbbc/bbbc038", "absent.zip"], 1, "no file absent.zip"),
        (["import", "bbbc/simulated", "absent.zip"], 2, "nothing to prepare"),
        (["fetch", "bbbc"], 2, "stands for bbbc/bbbc038-fluorescence or bbbc/simulated"),
        (["remove", "bbbc/bbbc038", "--yes"], 1, "nothing to remove"),
    ],
)
def test_a_command_that_cannot_do_it_says_so_in_one_line(capsys, args, status, message):
    code, output = command(capsys, *args)
    assert code == status
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert message in line


def test_preview_writes_a_picture_of_training_crops(capsys, tmp_path):
    for number in range(70):
        picture(tmp_path / f"{number}.png", number)
    target = tmp_path / "preview.png"
    status, output = command(capsys, "preview", f"folder:{tmp_path}", "--out", str(target))
    assert status == 0
    assert output.out.strip() == str(target)
    with Image.open(target) as preview:
        assert preview.width > 8 * 64


def test_every_data_command_has_a_help_text():
    group = cli.get_command(None, "data")
    names = group.list_commands(None)
    assert {"fetch", "import", "info", "list", "path", "preview", "remove"} <= set(names)
    assert all(group.get_command(None, name).help for name in names)


def test_the_library_loads_datasets_by_name():
    assert zoo.load("dataset", "bbbc/simulated", **SIMULATED).shape[1:] == (64, 64, 1)
