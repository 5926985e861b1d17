"""The nucleus simulator: the same seed gives the same images, and masks tell the truth."""

import numpy as np
import pytest
from zoo_datasets.simulated.nuclei import Nuclei

import zoo
import zoo.errors


@pytest.fixture(scope="module")
def fields():
    return list(Nuclei(images=24))


def test_the_same_seed_gives_the_same_images(fields):
    again = Nuclei(images=24).field(7)
    assert np.array_equal(again["image"], fields[7]["image"])
    assert np.array_equal(again["mask"], fields[7]["mask"])


def test_another_seed_gives_other_images(fields):
    assert not np.array_equal(Nuclei(seed=1).field(7)["image"], fields[7]["image"])


def test_the_count_is_the_number_of_objects_in_the_mask(fields):
    for field in fields:
        found = np.unique(field["mask"])
        assert found.tolist() == list(range(field["count"] + 1))


def test_nuclei_are_bright_and_background_is_dark(fields):
    for field in fields:
        image, inside = field["image"][..., 0].astype(float), field["mask"] > 0
        assert image[inside].mean() > 2.5 * image[~inside].mean()


def test_mitotic_nuclei_are_smaller_and_brighter(fields):
    def mean(label, measure):
        return np.mean([measure(field) for field in fields if field["label"] == label])

    def area(field):
        return (field["mask"] > 0).sum() / field["count"]

    def brightness(field):
        return field["image"][..., 0][field["mask"] > 0].mean()

    assert mean("mitotic", area) < 0.7 * mean("interphase", area)
    assert mean("mitotic", brightness) > mean("interphase", brightness)


def test_no_field_is_saturated_or_empty(fields):
    for field in fields:
        assert np.mean(field["image"] == 255) < 0.01
        assert field["count"] >= 3


def test_noise_grows_with_the_signal_as_photons_do():
    quiet = Nuclei(read_noise=0.0, texture=0.0, illumination=0.0, blur=0.01)
    image, mask = (quiet.field(3)[key] for key in ("image", "mask"))
    inside = image[..., 0][mask == 1].astype(float)
    outside = image[..., 0][mask == 0].astype(float)
    assert inside.std() > 1.5 * outside.std()


def test_the_simulator_loads_as_a_labelled_image_set(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    images = zoo.load("dataset", "bbbc/simulated", image_size=64, images=40)
    assert images.shape[1:] == (64, 64, 1)
    assert images.dtype == np.uint8
    assert images.class_names == ("interphase", "mitotic")
    assert images.masks.shape == images.shape[:3]
    assert images.fields["objects"][0] == len(np.unique(images.masks[0])) - 1
    assert images.provenance["parameters"]["images"] == 40
    assert len(set(images.groups)) == 40


def test_a_misspelt_option_is_named_with_the_closest_one(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with pytest.raises(zoo.errors.UsageError, match=r"'imges'.*did you mean images\?"):
        zoo.load("dataset", "bbbc/simulated", image_size=64, imges=40)
