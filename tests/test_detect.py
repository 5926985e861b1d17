"""`zoo detect`: sets of files, pictures, changed images, other generators, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.main import cli

from zoo.data.imageset import ImageSet
from zoo.errors import UsageError, ZooError
from zoo.evaluation.detection import detect
from zoo.evaluation.kept import ask, find_kept, image_facts, keep
from zoo.evaluation.panel import Panel
from zoo.evaluation.robustness import blurred, changed, jpeg, noisy, resized
from zoo.evaluation.spectrum import picture
from zoo.evaluation.transfer import Contender, across, mixture
from zoo.evaluation.trial import GENERATED, Material, Pool
from zoo.plugins import find
from zoo.report.detected import matrix_tables, robustness_table, spectrum_curve

SIDE = 24
PARTS = ("train", "detect_train", "validation", "test")


def textured(n, *, contrast, seed, channels=1):
    """A coarse random field, enlarged, with fine noise; the contrast is what may differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, contrast, (n, SIDE // 4, SIDE // 4, channels))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return (90 + fine + rng.normal(0, 2, fine.shape)).clip(0, 255).astype(np.uint8)


def image_set(*, contrast=20, groups=80, tiles=3, seed=0, name="made", channels=1):
    group = np.repeat(np.arange(groups), tiles)
    n = groups * tiles
    return ImageSet(
        name=name,
        pixels=textured(n, contrast=contrast, seed=seed, channels=channels),
        index=np.arange(n),
        groups=np.array([f"{name}-{g}" for g in group]),
        ids=np.array([f"{name}-image-{i}" for i in range(n)]),
        parts=np.array([PARTS[g % 4] for g in group]),
        fingerprint=name,
    )


def generator(contrast):
    return lambda n, seed: textured(n, contrast=contrast, seed=100_000 + seed)


def logistic():
    return find("detectors", "logistic")


def write_folder(folder, images, *, ending="png", **settings):
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"{i:04d}.{ending}", **settings)
    return f"folder:{folder}"


def invoke(*args):
    return CliRunner().invoke(cli, ["detect", *map(str, args)])


QUICK = ("--detector", "logistic", "-n", 24, "--n-small", 24, "--repeats", 1, "--no-robust")


# Two sets of images


def test_two_folders_are_told_apart_and_the_detector_is_kept(tmp_path):
    real = write_folder(tmp_path / "real", textured(240, contrast=20, seed=0))
    fake = write_folder(tmp_path / "fake", textured(240, contrast=60, seed=1))
    out = tmp_path / "out"
    answer = invoke("--real", real, "--fake", fake, "--out", out, "--json", *QUICK)
    assert answer.exception is None, answer.exception
    found = json.loads(answer.stdout)
    assert json.loads((out / "detection.json").read_text()) == found
    (row,) = found["detectors"]
    assert row["accuracy"] > 0.9
    assert found["valid"], found["reasons"]
    assert found["protocol"]["comparable"]["generated"] == fake
    assert (out / "spectrum.png").is_file()
    picture_path = tmp_path / "fake" / "0000.png"
    told = invoke("--image", picture_path, "--with", out / "detectors" / "logistic", "--json")
    assert json.loads(told.stdout)["says"] == "generated"


def test_jpeg_against_png_is_refused_and_compressing_both_alike_is_not(tmp_path):
    images = textured(240, contrast=20, seed=0)
    real = write_folder(tmp_path / "real", images, ending="jpg", quality=30)
    fake = write_folder(tmp_path / "fake", textured(240, contrast=20, seed=1))
    refused = invoke("--real", real, "--fake", fake, *QUICK)
    assert isinstance(refused.exception, ZooError)
    assert "100% compressed with loss" in str(refused.exception)
    assert "0% compressed with loss" in str(refused.exception)
    assert "--recompress" in str(refused.exception)
    allowed = invoke("--real", real, "--fake", fake, "--recompress", 30, "--json", *QUICK)
    assert allowed.exception is None, allowed.exception
    comparable = json.loads(allowed.stdout)["protocol"]["comparable"]
    assert comparable["recompressed"] == "JPEG, quality 30"


def test_a_compression_of_one_side_is_what_a_detector_learns_until_both_have_it():
    images = image_set()
    images.pixels[:] = jpeg(images.pixels, 20)
    accuracy = {}
    for quality in (None, 20):
        found = detect(
            images, generator(20), detectors=[logistic()], n=60, repeats=1, recompress=quality
        )
        accuracy[quality] = found["detectors"][0]["accuracy"]
    assert accuracy[None] > 0.95
    assert accuracy[20] < accuracy[None] - 0.2


def test_images_scaled_on_one_side_only_are_refused(tmp_path):
    real = write_folder(tmp_path / "real", textured(240, contrast=20, seed=0))
    larger = textured(240, contrast=20, seed=1).repeat(2, axis=1).repeat(2, axis=2)
    fake = write_folder(tmp_path / "fake", larger)
    refused = invoke("--real", real, "--fake", fake, "--image-size", SIDE, *QUICK)
    assert isinstance(refused.exception, ZooError)
    assert "a detector would learn the scaling" in str(refused.exception)


def test_a_pool_gives_each_part_other_groups_and_no_more_than_it_has():
    pool = Pool(image_set(groups=40, seed=1, name="fakes"))
    trial = Material(image_set(), pool, seed=0).trial(1000)
    sides = [set(part.groups) for part in (trial.train, trial.validation, trial.test)]
    assert len(set.union(*sides)) == sum(map(len, sides))
    assert trial.test.labels.tolist().count(1) == len(pool.images.split("test"))
    assert trial.test.labels.mean() == 0.5


def test_a_group_of_generated_images_on_two_sides_is_reported():
    fakes = image_set(seed=1, contrast=40, name="fakes")
    leaking = replace(fakes, groups=np.array([f"stack-{i % 10}" for i in range(len(fakes))]))
    found = detect(image_set(), Pool(leaking), detectors=[logistic()], n=40, repeats=1)
    assert not found["valid"]
    assert "10 groups are in more than one of the parts" in found["reasons"][-1]


# One picture


@pytest.fixture
def kept(tmp_path):
    images = image_set()
    trial = Material(images, generator(70), seed=0).trial(60)
    detector = trial.fit(logistic().load()(seed=0))
    folder = tmp_path / "detectors" / "logistic"
    keep(folder, logistic(), detector, trial, {"generated": "run", **image_facts(images)})
    return folder


def save(path, image):
    Image.fromarray(image[..., 0]).save(path)
    return path


def test_a_kept_detector_says_what_a_picture_is_and_how_good_it_was(kept, tmp_path):
    real = save(tmp_path / "real.png", textured(1, contrast=20, seed=7)[0])
    fake = save(tmp_path / "fake.png", textured(1, contrast=70, seed=8)[0])
    assert [ask(path, kept)["says"] for path in (real, fake)] == ["real", "generated"]
    answer = ask(fake, kept)
    assert answer["test_accuracy"] > 0.9
    assert answer["trained_on"]["data"] == "made"
    printed = CliRunner().invoke(cli, ["detect", "--image", str(fake), "--with", str(kept)])
    assert printed.output.startswith("generated: probability of being generated")


def test_a_larger_picture_is_asked_about_tile_by_tile(kept, tmp_path):
    tiles = textured(6, contrast=70, seed=9)
    rows = [np.concatenate(list(tiles[i : i + 3]), axis=1) for i in (0, 3)]
    path = save(tmp_path / "large.png", np.concatenate(rows))
    answer = ask(path, kept)
    assert answer["tiles"] == 6
    assert answer["tiles_called_generated"] >= 5


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((SIDE, SIDE, 3), "has 3 channels of uint8"), ((8, SIDE), "smaller than the detector's")],
)
def test_a_picture_that_the_detector_cannot_see_is_refused(kept, tmp_path, shape, reason):
    path = tmp_path / "picture.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    with pytest.raises(ZooError, match=reason):
        ask(path, kept)


def test_an_absent_detector_is_told_with_those_that_there_are(kept):
    assert find_kept("logistic", kept.parent) == kept
    with pytest.raises(UsageError, match="choose from logistic"):
        find_kept("svm", kept.parent)


def test_damaged_facts_are_one_line(kept, tmp_path):
    (kept / "facts.json").write_text("{}")
    picture_path = save(tmp_path / "real.png", textured(1, contrast=20, seed=7)[0])
    with pytest.raises(ZooError, match=r"facts\.json is damaged"):
        ask(picture_path, kept)


# Wrong use


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "give a run"),
        (["--real", "x"], "--real and --fake go together"),
        (["--image", "x.png"], "--image and --with go together"),
        (["3", "--real", "x", "--fake", "y"], "take the place of a run"),
        (["3", "--out", "x"], "--out goes with"),
        (["--real", "x", "--fake", "y", "--detector", "logistik"], "did you mean logistic"),
        (["--real", "x", "--fake", "y", "-o", "depth=3"], "expected NAME.KEY=VALUE"),
    ],
)
def test_wrong_use_is_told_before_anything_is_loaded(args, reason):
    refused = invoke(*args)
    assert isinstance(refused.exception, UsageError)
    assert reason in str(refused.exception)


def test_options_reach_the_detector_in_its_own_types():
    from zoo_cli.commands.detect import _options

    given = _options([logistic()], ["logistic.bins=12"], "lbp,hog")
    assert given == {"logistic": {"bins": 12, "features": ("lbp", "hog")}}
    with pytest.raises(UsageError, match="did you mean bins"):
        _options([logistic()], ["logistic.bin=12"], None)
    with pytest.raises(UsageError, match="pixels or histogram or lbp"):
        _options([logistic()], [], "lbq")


# Changed images, spectra, other generators


def test_every_change_keeps_type_and_shape_and_changes_something():
    for channels in (1, 2, 3, 4):
        images = textured(3, contrast=30, seed=0, channels=channels)
        for name, strength, after in changed(images):
            assert after.shape == images.shape, name
            assert after.dtype == np.uint8, name
            assert np.any(after != images), (name, strength)


def test_a_stronger_change_takes_more_away():
    images = textured(4, contrast=30, seed=0)

    def lost(after):
        return float(np.mean((after.astype(float) - images) ** 2))

    for change, weak, strong in ((jpeg, 90, 20), (blurred, 0.5, 2), (noisy, 2, 10)):
        assert lost(change(images, weak)) < lost(change(images, strong))
    assert lost(resized(images, 0.9)) < lost(resized(images, 0.3))


def test_robustness_is_measured_of_every_detector():
    found = detect(image_set(), generator(60), detectors=[logistic()], n=40, repeats=1, robust=True)
    rows = found["robustness"]
    assert len(rows) == 11
    assert {row["detector"] for row in rows} == {"logistic"}
    table = robustness_table(rows)
    assert table["columns"][:2] == ["JPEG 90", "JPEG 70"]
    assert all(cell.endswith("%") for _, cells in table["rows"] for _, cell in cells)


def test_a_chequerboard_on_generated_images_is_white_at_the_corner_of_the_difference():
    y, x = np.mgrid[:SIDE, :SIDE]
    board = ((y + x) % 2 * 40).astype(np.uint8)[..., None]
    test = Material(image_set(), generator(20), seed=0).trial(20).test
    fake = test.labels == GENERATED
    marked = replace(test, images=test.images + np.where(fake[:, None, None, None], board, 0))
    difference = picture(replace(marked, images=marked.images.astype(np.uint8)))[2, ..., 0]
    assert difference[0, 0] > 240
    assert difference[SIDE // 2 : -2, SIDE // 2 : -2].max() < 200


def test_the_spectrum_that_is_reported_shows_what_differs():
    found = detect(image_set(), generator(60), detectors=[logistic()], n=40, repeats=1)
    spectrum = found["spectrum"]
    gap = np.array(spectrum["generated"]) - spectrum["real"]
    assert gap[3] > 5
    assert "generated less real" in spectrum_curve(spectrum).caption
    trial = Material(image_set(), generator(60), seed=0).trial(20)
    assert picture(trial.test).shape == (3, SIDE, SIDE, 1)


def contender(name, contrast, images):
    return Contender(name, Material(images, generator(contrast), seed=0))


def test_a_detector_knows_a_similar_generator_and_not_one_of_the_other_kind():
    images = image_set()
    three = [contender(*pair, images) for pair in (("low", 5), ("lower", 4), ("high", 70))]
    found = across(three, Panel([logistic()]), n=60, advance=lambda amount: None)
    cell = {(r["trained_on"][0], r["tested_on"]): r["accuracy"] for r in found["matrix"]}
    assert len(cell) == 9
    assert all(cell[name, name] > 0.9 for name in ("low", "lower", "high"))
    assert cell["low", "lower"] > 0.9
    left_out = {row["tested_on"]: row for row in found["leave_one_out"]}
    assert left_out["lower"]["trained_on"] == ["low", "high"]
    assert left_out["lower"]["accuracy"] > left_out["high"]["accuracy"]
    assert [table["name"] for table in matrix_tables(found)] == ["leave_one_out", "matrix"]


def test_runs_of_other_data_leave_no_generator_out_and_other_sizes_no_matrix():
    two = [
        contender("a", 5, image_set(name="one")),
        Contender("b", Material(image_set(name="two", channels=3), generator(5), seed=0)),
    ]
    found = across(two, Panel([logistic()]), n=20, advance=lambda amount: None)
    assert found["leave_one_out"] == found["matrix"] == []
    reasons = [item["reason"] for item in found["not_computed"]]
    assert "no two of the runs share their data" in reasons[0]
    assert "24x24x1 and 24x24x3" in reasons[1]


def test_a_mixture_has_equal_shares():
    constant = [lambda n, seed, level=level: np.full((n, 2, 2, 1), level) for level in (1, 2, 3)]
    values, counts = np.unique(mixture(constant)(7, 0)[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert counts.tolist() == [3, 2, 2]
