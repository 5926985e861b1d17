"""A run of a conditional generator that makes masks too, and what can be had from it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.commands.generate import command

import zoo
from zoo.errors import UsageError
from zoo.gan.latents import interpolation, style_mixing


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zoo.run(
        "cgan",
        "bbbc/simulated",
        image_size=32,
        device="cpu",
        steps=7,
        steps_per_call=2,
        with_mask=True,
        eval=False,
        keep=3,
        out=str(tmp_path_factory.mktemp("runs")),
        options={"width": 4, "latent_dim": 8, "batch_size": 4, "augment": "ada"},
    )


@pytest.fixture(scope="module")
def gan(run):
    return zoo.load("run", run.path)


def generate(run, folder, *arguments):
    options = ["--out", folder, "--runs", run.path.parent, *arguments]
    return CliRunner().invoke(command, ["0", *map(str, options)], catch_exceptions=False)


def shape(path):
    return Image.open(path).size, Image.open(path).mode


def test_images_and_masks_lie_in_folders_of_their_own(run):
    images, masks = (sorted(p.glob("*.png")) for p in (run.generated, run.generated_masks))
    assert [path.name for path in images] == [path.name for path in masks]
    assert shape(images[0]) == shape(masks[0]) == ((32, 32), "L")
    assert set(np.unique(np.asarray(Image.open(masks[0])))) <= {0, 255}
    assert json.loads(masks[0].with_suffix(".json").read_text())["mask"] is True


def test_it_leaves_pictures_of_what_it_learnt(run):
    names = {path.name for path in run.samples.iterdir()}
    assert names >= {
        "accepted.png", "rejected.png", "interpolation.png", "training.webp", "scores.csv",
    }  # fmt: skip
    assert len(run.scores_path.read_text().splitlines()) == 513
    assert Image.open(run.animation_path).format == "WEBP"
    page = run.report_path.read_text()
    assert "What the discriminator takes for real" in page
    assert "data:image/webp;base64" in page


def test_as_many_checkpoints_are_kept_as_were_asked_for(run):
    assert len(list(run.checkpoints.glob("*.npz"))) == 3


def test_classes_are_drawn_as_often_as_in_training_or_as_they_are_asked_for(run, gan):
    assert gan.class_shares.tolist() == pytest.approx(run.manifest["class_shares"])
    drawn = np.bincount(gan.sampled_labels(4000, 0), minlength=2) / 4000
    assert drawn == pytest.approx(gan.class_shares, abs=0.03)
    one, other = (gan.sample(4, labels=[k] * 4, dtype="uint16") for k in (0, 1))
    assert one.shape == (4, 32, 32, 2)
    assert not np.array_equal(one, other)


def test_images_of_a_class_come_with_their_masks(run, tmp_path):
    assert generate(run, tmp_path / "out", "-n", 2, "--class", "mitotic").exit_code == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert len(list((tmp_path / "out-masks").glob("*.png"))) == 2
    assert Image.open(tmp_path / "out" / "00001.png").text["class"] == "mitotic"


def test_interpolated_rows_are_files_and_one_picture(run, tmp_path):
    result = generate(run, tmp_path / "out", "-n", 2, "--interpolate", 3, "--json")
    found = json.loads(result.stdout)
    assert found["interpolation"] == {"rows": 2, "steps": 3}
    assert len(found["files"]) == 6
    assert Image.open(Path(found["folder"], "interpolation.png")).size[0] > 3 * 32


def test_a_row_begins_and_ends_with_the_images_of_its_latents(gan):
    labels = [0, 1]
    rows = interpolation(gan, 2, 4, seed=3, labels=labels, dtype="uint16")
    ends = gan.sample(4, labels=[*labels, *labels], seed=3, dtype="uint16")
    assert np.array_equal(rows[[0, 4]], ends[:2])
    assert np.abs(rows[[3, 7]].astype(int) - ends[2:].astype(int)).max() <= 2


def test_what_cannot_be_walked_is_refused(gan):
    with pytest.raises(UsageError, match="has no styles to mix"):
        style_mixing(gan, 2)
    with pytest.raises(UsageError, match="2 steps or more"):
        interpolation(gan, 1, 1)


def test_a_way_to_another_seed_ends_at_that_seeds_first_images(gan):
    labels = [0, 1]
    rows = interpolation(gan, 2, 3, seed=3, to_seed=8, labels=labels, dtype="uint16")
    for column, seed in ((0, 3), (2, 8)):
        ends = gan.sample(2, labels=labels, seed=seed, dtype="uint16").astype(int)
        assert np.abs(rows[[column, column + 3]] - ends).max() <= 2


def test_images_can_be_had_in_python_with_what_they_are(run):
    made = zoo.generate(run, 2, seed=3, class_name="mitotic", interpolate=3, to_seed=8)
    assert made.images.shape == (6, 32, 32, 1)
    assert made.masks.shape == (6, 32, 32)
    assert made.facts["interpolation"] == {"rows": 2, "steps": 3, "to_seed": 8}
    with pytest.raises(UsageError, match="give --interpolate"):
        zoo.generate(run, 2, to_seed=8)


def test_a_mask_is_one_more_channel_of_the_images_type():
    images = zoo.load("dataset", "bbbc/simulated", image_size=32)
    masked = images.with_masks()
    assert masked.shape == (*images.shape[:3], 2)
    some = masked[:8]
    assert some.dtype == images.dtype
    assert np.array_equal(some[..., :1], images[:8])
    assert np.array_equal(some[..., 1] == 255, images.masks[:8] > 0)
