"""`zoo detect`: sets of files, changed images, and what is refused."""

import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from textures import SIDE, generator, image_set, logistic, textured
from zoo_cli.main import cli

from zoo.data.intensity import Intensity
from zoo.errors import UsageError, ZooError
from zoo.evaluation.confound import check_files, in_values_of
from zoo.evaluation.detection import detect
from zoo.evaluation.robustness import blurred, changed, jpeg, noisy, resized
from zoo.evaluation.spectrum import picture
from zoo.evaluation.trial import GENERATED, Material, Pool
from zoo.report.detected import robustness, spectrum_curve


def write_folder(folder, images, *, ending="png", **settings):
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"{i:04d}.{ending}", **settings)
    return f"folder:{folder}"


def with_formats(images, formats):
    return replace(images, provenance={"formats": formats})


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
    assert "JPEG, lossy" in str(refused.exception)
    assert "is PNG" in str(refused.exception)
    assert "--recompress" in str(refused.exception)
    allowed = invoke("--real", real, "--fake", fake, "--recompress", 30, "--json", *QUICK)
    assert allowed.exception is None, allowed.exception
    comparable = json.loads(allowed.stdout)["protocol"]["comparable"]
    assert comparable["recompressed"] == "JPEG, quality 30"
    assert comparable["encoding"] == {"real": "JPEG, lossy", "generated": "PNG"}


def test_files_of_an_unknown_encoding_are_told_and_not_taken_for_lossless(capsys):
    real, fake = image_set(), image_set(name="fakes")
    check_files(real, with_formats(fake, {"PNG": 80}), recompressed=False)
    assert "made is never encoded, or not known how and fakes is PNG" in capsys.readouterr().err
    check_files(real, with_formats(fake, {"PNG": 80}), recompressed=True)
    assert capsys.readouterr().err == ""


def test_a_side_that_is_partly_lossy_is_refused():
    mixed = with_formats(image_set(), {"PNG": 40, "JPEG, lossy": 40})
    with pytest.raises(ZooError, match="a detector would learn the compression"):
        check_files(mixed, replace(mixed, name="other"), recompressed=False)


def test_lossy_reals_beside_a_generator_are_warned_of_and_named_on_the_card(capsys):
    images = with_formats(image_set(), {"JPEG, lossy": 80})
    found = detect(images, generator(60), detectors=[logistic()], n=24, n_small=24, repeats=1)
    assert "made is JPEG, lossy, and generated images were never" in capsys.readouterr().err
    comparable = found["protocol"]["comparable"]
    assert comparable["encoding"] == {"real": "JPEG, lossy", "generated": "never encoded"}
    assert detect(images, generator(60), detectors=[], recompress=50)["detectors"] == []
    assert capsys.readouterr().err == ""


def test_another_type_of_values_is_not_taken_for_another_size():
    deep = replace(image_set(), pixels=image_set().pixels.astype(np.uint16))
    with pytest.raises(ZooError, match=r"holds uint8.*holds uint16 values; export both"):
        check_files(image_set(), deep, recompressed=False)


def test_generated_files_take_the_mapping_of_the_real_ones(tmp_path):
    images = textured(240, contrast=20, seed=0).astype(np.uint16)
    real = write_folder(tmp_path / "real", images * 16)
    fake = write_folder(tmp_path / "fake", images * 8)
    out = tmp_path / "out"
    answer = invoke("--real", real, "--fake", fake, "--out", out, "--json", *QUICK)
    assert answer.exception is None, answer.exception
    (row,) = json.loads(answer.stdout)["detectors"]
    assert row["accuracy"] > 0.95


def test_windows_of_their_own_on_the_real_side_only_are_refused():
    real = image_set()
    bounds = np.zeros((len(real), 1)), np.full((len(real), 1), 255.0)
    apart = Intensity("file", low=bounds[0], high=bounds[1], typical=(bounds[0][0], bounds[1][0]))
    with pytest.raises(ZooError, match="states a window of its own"):
        in_values_of(replace(real, intensity=apart), image_set(name="fakes"))


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


# Wrong use


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "give a run"),
        (["--real", "x"], "--real and --fake go together"),
        (["--image", "x.png"], "--image and --with go together"),
        (["3", "--real", "x", "--fake", "y"], "take the place of a run"),
        (["3", "--out", "x"], "--out goes with"),
        (["3", "--image-size", "64"], "--image-size goes with"),
        (["--real", "x", "--fake", "y", "--detector", "logistik"], "did you mean logistic"),
        (["--real", "x", "--fake", "y", "-o", "depth=3"], "expected NAME.KEY=VALUE"),
        (
            ["--real", "x", "--fake", "y", "--detector", "small-cnn", "--features", "lbp"],
            "small-cnn has no option features",
        ),
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


# Changed images and spectra


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
    table = robustness(rows)
    assert [column.heading for column in table.columns][1:3] == ["JPEG 90", "JPEG 70"]
    assert all(cell.text.endswith("%") for line in table.lines for cell in line.cells[1:])


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


def test_changed_copies_of_the_test_images_are_made_one_at_a_time(monkeypatch):
    alive = weakref.WeakSet()

    class Copy(np.ndarray):
        __hash__ = object.__hash__

    def counted(images):
        for strength in range(5):
            made = images.copy().view(Copy)
            alive.add(made)
            yield "blur", strength, made
            del made
            assert len(alive) <= 2

    monkeypatch.setattr("zoo.evaluation.robustness.changed", counted)
    settings = {"n": 24, "n_small": 24, "repeats": 1, "robust": True}
    found = detect(image_set(), generator(60), detectors=[logistic()], **settings)
    assert len(found["robustness"]) == 5
