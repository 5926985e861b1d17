"""`zoo score REAL FAKE`: any two sets, in any order, streamed, cached, and never mixed codecs."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.main import cli

import zoo
from zoo.data.imageset import ImageSet
from zoo.data.intensity import Intensity
from zoo.errors import UsageError, ZooError
from zoo.evaluation.pictures import Pictures, by_content, reencoded
from zoo.evaluation.sides import _in_values_of
from zoo.runs import Run

FAST = ("fid", "kid", "precision", "recall", "density", "coverage", "swd", "spectrum")


class Projection:
    """A cheap feature network that remembers how many images it was shown."""

    suffix, dimension = "random", 8

    def __init__(self, batch_size: int = 1000) -> None:
        self.facts = {"extractor": "random projection"}
        self.shown, self.batch_size = 0, batch_size

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.shown += len(images)
        flat = images.reshape(len(images), -1) / 255
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], self.dimension))
        starts = range(0, len(flat), self.batch_size)
        parts = [flat[start : start + self.batch_size] @ weights for start in starts]
        return np.concatenate(parts).astype(np.float32)


def pictures(n: int, mean: float = 120, seed: int = 0, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(mean, 30, (n, 16, 16, channels)) + rng.normal(0, 12, (n, 1, 1, 1))
    return np.clip(values, 0, 255).astype(np.uint8)


def values(found: dict) -> dict[str, float]:
    return {entry["name"]: entry["value"] for entry in found["metrics"]}


def folder(path: Path, images: np.ndarray, ending: str = "png") -> Path:
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(path / f"{i:03}.{ending}")
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def test_three_lines_of_python_give_scores_with_floor_range_and_card() -> None:
    found = zoo.score(pictures(60), pictures(50, 140, seed=1), extractor=Projection(), metrics=FAST)
    assert list(values(found))[:2] == ["fid_random", "kid_random"]
    entry = found["metrics"][0]
    fields = ["name", "value", "interval", "n_real", "n_fake", "floor", "ratio", "protocol"]
    assert list(json.loads(json.dumps(found, allow_nan=False))["metrics"][0]) == fields
    assert (entry["n_real"], entry["n_fake"]) == (60, 50)
    assert entry["ratio"] > 1
    assert entry["protocol"]["comparable"]["m"] == 30
    assert entry["protocol"]["provenance"]["fake_fingerprint"]


def test_scores_depend_on_neither_order_nor_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = pictures(70), pictures(64, 130, seed=1)
    first = zoo.score(real, fake, extractor=Projection(), metrics=FAST)
    monkeypatch.setattr("zoo.metrics.features.LARGEST_BLOCK", 32)
    order = np.random.default_rng(3).permutation
    again = zoo.score(
        real[order(70)], fake[order(64)], extractor=Projection(batch_size=5), metrics=FAST
    )
    assert values(again) == pytest.approx(values(first), rel=1e-6, abs=1e-6)
    for one, other in zip(first["metrics"], again["metrics"], strict=True):
        assert other["interval"] == pytest.approx(one["interval"], rel=1e-6, abs=1e-6)
        assert other["floor"] == pytest.approx(one["floor"], rel=1e-6, abs=1e-6)
        assert other["protocol"]["comparable"] == one["protocol"]["comparable"]


def test_subsets_of_a_large_kid_do_not_depend_on_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.metrics import kernel

    few = {**kernel.kernel_distance.__kwdefaults__, "subset_size": 20}
    monkeypatch.setattr(kernel.kernel_distance, "__kwdefaults__", few)
    monkeypatch.setattr(kernel, "SUBSET_SIZE", 20)
    real, fake = pictures(45), pictures(41, 130, seed=1)
    kid = [
        values(zoo.score(real[::step], fake[::step], extractor=Projection(), metrics=["kid"]))
        for step in (1, -1)
    ]
    assert kid[1] == pytest.approx(kid[0], rel=1e-6)


def test_the_same_images_are_shown_to_the_network_once() -> None:
    real, fake = pictures(40), pictures(40, seed=1)
    network = Projection()
    first = zoo.score(real, fake, extractor=network, metrics=["fid"])
    assert network.shown == 80
    assert zoo.score(real[::-1], fake, extractor=network, metrics=["fid"]) == first
    assert network.shown == 80
    zoo.score(real, pictures(40, seed=2), extractor=network, metrics=["fid"])
    assert network.shown == 120


def test_no_more_than_a_block_of_images_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.metrics.features.LARGEST_BLOCK", 32)
    read = []
    one = Pictures.__getitem__
    monkeypatch.setattr(
        Pictures, "__getitem__", lambda self, which: read.append(one(self, which)) or read[-1]
    )
    zoo.score(pictures(150), pictures(140, seed=1), extractor=Projection(), metrics=["fid"])
    assert max(map(len, read)) == 32


def test_folders_npz_and_arrays_of_the_same_images_score_alike(tmp_path: Path) -> None:
    real, fake = pictures(40), pictures(36, 150, seed=1)
    np.savez(tmp_path / "fake.npz", images=fake[..., 0])
    np.savez_compressed(tmp_path / "packed.npz", arr_0=fake)
    np.save(tmp_path / "fake.npy", fake)
    arrays = values(zoo.score(real, fake, metrics=["swd", "spectrum"]))
    sides = ["fake.npz", "packed.npz", "fake.npy"]
    found = [zoo.score(real, tmp_path / side, metrics=["swd", "spectrum"]) for side in sides]
    folders = folder(tmp_path / "real", real), folder(tmp_path / "fake", fake)
    found.append(zoo.score(*map(str, folders), metrics=["swd", "spectrum"]))
    for each in found:
        assert values(each) == arrays


def test_lossy_beside_lossless_is_refused_in_one_line_and_reencoded_on_request(
    tmp_path: Path,
) -> None:
    real, fake = folder(tmp_path / "real", pictures(24)), pictures(24, seed=1)
    jpeg = folder(tmp_path / "fake", fake, "jpg")
    with pytest.raises(UsageError, match=r"PNG.*JPEG, lossy.*--reencode jpeg:90") as refusal:
        zoo.score(real, jpeg, metrics=["spectrum"])
    assert "\n" not in str(refusal.value)
    found = zoo.score(real, jpeg, metrics=["spectrum"], reencode="jpeg:80")
    comparable = found["metrics"][0]["protocol"]["comparable"]
    assert comparable["reencoded"] == "both sides as JPEG of quality 80, 4:4:4"
    with pytest.raises(UsageError, match="expected jpeg or jpeg:QUALITY"):
        zoo.score(real, jpeg, reencode="png")


def test_a_folder_of_both_codecs_is_refused_too(tmp_path: Path) -> None:
    mixed = folder(tmp_path / "mixed", pictures(10))
    Image.fromarray(pictures(1)[0, ..., 0]).save(mixed / "one.jpg")
    with pytest.raises(UsageError, match="cannot be compared"):
        zoo.score(mixed, folder(tmp_path / "other", pictures(10, seed=1)), metrics=["spectrum"])


def test_arrays_beside_lossy_files_are_warned_of(tmp_path: Path, capsys) -> None:
    jpeg = folder(tmp_path / "real", pictures(20), "jpg")
    assert zoo.score(jpeg, pictures(20, seed=1), metrics=["spectrum"])["metrics"]
    assert "part of a distance may be the codec's" in capsys.readouterr().err


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_reencoding_loses_little_and_keeps_channels(channels: int) -> None:
    image = pictures(1, channels=channels)[0].repeat(5, 0).repeat(5, 1)
    once = reencoded(image, 95)
    assert once.shape == image.shape
    assert 0 < np.abs(once.astype(int) - image).mean() < 6


def test_a_generator_that_omits_a_class_shows_in_that_class(tmp_path: Path) -> None:
    dark, bright = pictures(40, 80), pictures(40, 170, seed=1)
    labels = np.array(["dark", "bright"]).repeat(40)
    np.savez(tmp_path / "real.npz", images=np.concatenate([dark, bright]), labels=labels)
    only_dark = pictures(80, 80, seed=2)
    found = zoo.score(
        tmp_path / "real.npz", only_dark, extractor=Projection(), metrics=["fid", "coverage"]
    )
    score = values(found)
    assert score["coverage[class=bright]"] < 0.1 < 0.8 < score["coverage[class=dark]"]
    assert score["fid_random[class=bright]"] > 10 * score["fid_random[class=dark]"]
    entry = next(e for e in found["metrics"] if e["name"] == "coverage[class=bright]")
    assert entry["protocol"]["comparable"]["part"] == "class bright"
    assert "not known" in entry["protocol"]["comparable"]["generated"]


def test_a_bias_planted_in_one_class_or_group_is_found_there(tmp_path: Path) -> None:
    real, fake = pictures(120), pictures(120, seed=1)
    labels, groups = np.tile(["a", "b", "c"], 40), np.repeat(["p", "q", "r"], 40)
    fake[labels == "b"] = np.clip(fake[labels == "b"].astype(int) + 40, 0, 255)
    sides = []
    for name, images in (("real", real), ("fake", fake)):
        sides.append(tmp_path / f"{name}.npz")
        np.savez(sides[-1], images=images, labels=labels, groups=groups)
    score = values(zoo.score(*sides, extractor=Projection(), metrics=["fid", "swd"]))
    for metric in ("fid_random", "swd"):
        biased = score[f"{metric}[class=b]"]
        assert biased > 3 * max(score[f"{metric}[class=a]"], score[f"{metric}[class=c]"])
    assert {f"swd[group={name}]" for name in "pqr"} <= set(score)


def test_parts_of_too_few_images_are_named_not_scored(tmp_path: Path) -> None:
    labels = np.array(["many"] * 40 + ["few"] * 5)
    np.savez(tmp_path / "real.npz", images=pictures(45), labels=labels)
    found = zoo.score(tmp_path / "real.npz", pictures(45, seed=1), metrics=["spectrum"])
    assert list(values(found)) == ["spectrum", "spectrum[class=many]"]
    assert found["not_computed"] == [
        {"name": "scores per class", "reason": "1 of 2 have fewer than 30 images on a side"}
    ]


def test_true_pairs_are_told_by_file_names(tmp_path: Path) -> None:
    clean = pictures(8)
    sides = folder(tmp_path / "clean", clean), folder(tmp_path / "noisy", clean ^ 3)
    found = zoo.score(*sides, metrics=["paired_psnr"])
    assert 30 < values(found)["paired_psnr"] < 60
    assert (found["metrics"][0]["interval"], found["not_computed"]) == (None, [])
    arrays = zoo.score(clean, clean ^ 3, metrics=["paired_psnr"])
    assert "these images have none" in arrays["not_computed"][0]["reason"]


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "two.npz", a=pictures(2), b=pictures(2))
    for real, message in (
        (tmp_path / "none.npz", "none.npz cannot be read: No such file"),
        (tmp_path / "text.npz", "text.npz cannot be read"),
        (tmp_path / "two.npz", "holds a, b; call one array images"),
        (pictures(4).astype(np.float32), "must be uint8 or uint16"),
        (pictures(4, channels=3), "images of 16x16x3 and an array of 16x16x1"),
        ("no-such-thing", "no-such-thing is no run, no folder"),
    ):
        with pytest.raises(ZooError, match=message) as refusal:
            zoo.score(real, pictures(4), metrics=["spectrum"])
        assert "\n" not in str(refusal.value)
    with pytest.raises(UsageError, match="unexpected keyword argument 'sise'"):
        zoo.score(pictures(4), pictures(4), sise=3)


def test_the_order_by_content_knows_a_set_in_any_order() -> None:
    images = pictures(20)
    first, second = (by_content(Pictures(ImageSet.from_array(i))) for i in (images, images[::-1]))
    assert first.fingerprint == second.fingerprint
    assert np.array_equal(images[first.rows], images[::-1][second.rows])
    other = by_content(Pictures(ImageSet.from_array(images ^ 1)))
    assert other.fingerprint != first.fingerprint


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    np.savez(tmp_path / "real.npz", images=pictures(40))
    np.savez(tmp_path / "fake.npz", images=pictures(40, 160, seed=1))
    call = ["score", str(tmp_path / "real.npz"), str(tmp_path / "fake.npz")]
    call += ["--metric", "spectrum", "--metric", "swd"]
    table = CliRunner().invoke(cli, call)
    assert table.exit_code == 0, table.output
    head, *rows = table.stdout.splitlines()
    assert head.split() == ["SCORE", "OF", "VALUE", "RANGE", "FLOOR", "RATIO", "REAL", "GENERATED"]
    assert [row.split("  ")[0] for row in rows] == [
        "Spectrum distance (dB)",
        "Sliced Wasserstein distance",
    ]
    answer = json.loads(CliRunner().invoke(cli, [*call, "--json"]).stdout)
    assert sorted(answer) == ["metrics", "not_computed"]
    assert [entry["name"] for entry in answer["metrics"]] == ["spectrum", "swd"]


def test_a_dataset_is_scored_by_name_and_split() -> None:
    fake = pictures(30).repeat(2, 1).repeat(2, 2)
    found = zoo.score("bbbc/simulated", fake, metrics=["spectrum"], data={"images": 24})
    (entry,) = (e for e in found["metrics"] if e["name"] == "spectrum")
    assert entry["protocol"]["comparable"]["reals"] == "all"
    assert entry["protocol"]["comparable"]["size"] == "32x32x1"


def test_sixteen_bit_files_are_mapped_as_the_reals_are_and_arrays_left_as_they_are() -> None:
    raw = pictures(4).astype(np.uint16) * 16
    mapping = Intensity("range", "uint16", low=np.array([0.0]), high=np.array([4095.0]))
    real = replace(ImageSet.from_array(raw), intensity=mapping)
    files = replace(ImageSet.from_array(raw), provenance={"licence": "CC0-1.0"})
    assert np.array_equal(_in_values_of(real, files)[:], real[:])
    assert np.array_equal(_in_values_of(real, ImageSet.from_array(raw))[:], raw)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose generator makes bright and dark images in turn, in batches of 16."""
    made = pictures(200, 90, seed=4)
    made[::2] += 60

    def batches(gan, n, labels, seed, truncation, dtype):
        yield from (made[i : min(i + 16, n)].astype(dtype) for i in range(0, n, 16))

    gan = SimpleNamespace(image_shape=(16, 16, 1), sampled_labels=lambda n, seed: np.arange(n) % 2)
    # In place of modules whose import takes ten seconds.
    monkeypatch.setitem(sys.modules, "zoo.gan", SimpleNamespace(load_run=lambda run: gan))
    monkeypatch.setitem(sys.modules, "zoo.gan.sampling", SimpleNamespace(batches=batches))
    monkeypatch.setattr("zoo.device.configure", lambda: "CPU")
    run = Run.create(tmp_path / "runs", "cgan", "bbbc/simulated")
    run.write_recipe({"generator": "cgan", "data": "bbbc/simulated"})
    run.update_manifest(image_shape=[16, 16, 1], class_names=["bright", "dark"])
    return run


def test_a_run_stands_for_as_many_images_of_its_generator_with_their_classes(
    run: Run, tmp_path: Path
) -> None:
    real = np.concatenate([pictures(35, 150), pictures(35, 90, seed=1)])
    np.savez(tmp_path / "real.npz", images=real, labels=np.repeat(["bright", "dark"], 35))
    found = zoo.score(tmp_path / "real.npz", "0", metrics=["swd"], runs=tmp_path / "runs")
    score = values(found)
    assert found["metrics"][0]["n_fake"] == 70
    assert found["metrics"][0]["protocol"]["provenance"]["fake"] == run.name
    assert max(score["swd[class=bright]"], score["swd[class=dark]"]) < 0.2
    swapped = np.repeat(["dark", "bright"], 35)
    np.savez(tmp_path / "swapped.npz", images=real, labels=swapped)
    wrong = values(zoo.score(tmp_path / "swapped.npz", run.path, metrics=["swd"]))
    assert wrong["swd"] == pytest.approx(score["swd"], rel=1e-6)
    assert min(wrong["swd[class=bright]"], wrong["swd[class=dark]"]) > 0.5
