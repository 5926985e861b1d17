"""Curation changes pixels and sets images aside only as asked, and says what it did."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from zoo.data.curate import KINDS, apply, cautions, describe, parse, select
from zoo.data.examples import Rejected
from zoo.data.quality import measure
from zoo.errors import UsageError

PIXELS = [name for name, kind in KINDS.items() if kind.pixels]
ON_SMALL_IMAGES = {"background": "background:8", "illumination": "illumination:8"}
TYPES = ("uint8", "uint16", "int16", "int32", "float32")


def spots(*, background=20.0, height=150.0, noise=3.0, sides=(96, 128), seed=0):
    """Round spots of 5 pixels' radius on an even background."""
    rng = np.random.default_rng(seed)
    image = np.zeros(sides)
    image[tuple(rng.integers(8, np.array(sides) - 8, (12, 2)).T)] = 1
    disc = np.hypot(*np.mgrid[-5:6, -5:6]) <= 5
    image = ndimage.gaussian_filter(ndimage.grey_dilation(image, footprint=disc), 0.7)
    return background + height * image + rng.normal(0, noise, sides)


def as_image(plane, dtype="uint8"):
    return np.rint(plane).astype(dtype)[..., None]


# What may be written


def test_steps_are_recorded_with_every_default():
    assert describe(parse("median, illumination,focus,unique")) == (
        "median:3,illumination:50,focus:0.1,unique"
    )


@pytest.mark.parametrize("text", ["", "median:5,tv:2.5", "normalise:1,99.5,unique,balance"])
def test_what_is_recorded_reads_as_the_same_steps(text):
    assert describe(parse(text)) == text
    assert parse(describe(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("medain:3", "did you mean median?"),
        ("median:4", "expected median:3, an odd integer from 3 to 31"),
        ("focus:2", "expected focus:0.1, a number from 0 to 1"),
        ("tv:nan", "expected tv:1, a number from 0.01 to 100"),
        ("median:", "expected median:3"),
        ("median:3,5", "curate=median:3,5: expected median:3"),
        ("unique:1", "expected unique without a value"),
        ("normalise:99,1", "two rising numbers from 0 to 100"),
        ("normalise:1", "two rising numbers from 0 to 100"),
        ("5,median", "no curation step '5'; choose from artefacts, background"),
    ],
)
def test_a_wrong_step_is_named_with_what_is_right(text, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parse(text)


def test_steps_that_lose_something_say_what():
    assert cautions(parse("median,unique")) == ()
    (caution,) = cautions(parse("normalise"))
    assert caution.startswith("normalise:0.5,99.5: absolute intensities")


# What changes pixels


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", PIXELS)
def test_type_and_shape_stay(name, dtype):
    image = np.dstack([as_image(spots(seed=seed, sides=(40, 50)), dtype) for seed in range(3)])
    steps = parse(ON_SMALL_IMAGES.get(name, name))
    changed = apply(image, steps)
    assert changed.shape == image.shape
    assert changed.dtype == dtype
    assert not np.array_equal(changed, image)
    assert np.array_equal(changed, apply(image, steps))


@pytest.mark.parametrize("name", PIXELS)
def test_an_image_of_one_pixel_or_one_value_does_not_fail(name):
    for image in (np.full((1, 1, 1), 7, np.uint8), np.full((3, 30, 2), 7, np.int16)):
        assert np.isfinite(apply(image, parse(name))).all()


@pytest.mark.parametrize("name", ["median:5", "nlm", "tv"])
def test_denoising_comes_closer_to_the_clean_image(name):
    clean = spots(noise=0)
    noisy = spots(noise=8)
    denoised = apply(as_image(noisy), parse(name))[..., 0]
    assert np.abs(denoised - clean).mean() < 0.6 * np.abs(noisy - clean).mean()


@pytest.mark.parametrize("name", ["nlm", "tv"])
def test_denoising_does_not_depend_on_the_units(name):
    image = spots(noise=8).astype(np.float32)[..., None]
    in_other_units = apply(image * 100 - 3000, parse(name))
    assert np.allclose(in_other_units, apply(image, parse(name)) * 100 - 3000, atol=2)


@pytest.mark.parametrize(("height", "level"), [(150, 0), (-150, 240)])
def test_an_uneven_background_is_evened_out_on_dark_and_bright_fields(height, level):
    plane = spots(background=160 if height < 0 else 20, height=height, noise=0.5)
    plane += np.linspace(0, 60, plane.shape[1])
    changed = apply(as_image(np.clip(plane, 0, 255)), parse("background:20"))[..., 0].astype(float)
    left, right = np.median(changed[:, :30]), np.median(changed[:, -30:])
    assert abs(left - right) < 6
    assert abs(np.median(changed) - level) < 30


def test_uneven_light_is_divided_out_and_the_mean_kept():
    texture = np.random.default_rng(0).normal(100, 5, (120, 160))
    plane = texture * np.linspace(0.5, 1.5, 160)
    changed = apply(as_image(plane, "uint16"), parse("illumination:20"))[..., 0].astype(float)
    assert changed.mean() == pytest.approx(plane.mean(), rel=0.01)
    assert changed[:, :40].mean() == pytest.approx(changed[:, -40:].mean(), rel=0.1)


def test_negative_values_have_no_light_to_divide_by():
    with pytest.raises(Rejected, match="negative values"):
        apply(np.full((8, 8, 1), -1, np.int16), parse("illumination"))


def test_normalising_spreads_each_channel_over_the_range():
    image = np.dstack([as_image(spots(), "uint16"), as_image(spots(seed=1) * 3 + 500, "uint16")])
    changed = apply(image, parse("normalise:1,99"))
    assert changed.min(axis=(0, 1)).tolist() == [0, 0]
    assert changed.max(axis=(0, 1)).tolist() == [65535, 65535]


def test_values_are_clipped_to_the_type_and_to_nothing_else():
    bright = np.full((30, 30, 1), 40_000, np.uint16)
    bright[10:20, 10:20] = 65_535
    assert apply(bright, parse("median"))[15, 15, 0] == 65_535
    assert apply(bright, parse("focus,unique")) is bright


# What sets images aside


@dataclass
class Found:
    """The parts of a survey that choosing reads."""

    columns: dict
    pairs: np.ndarray


def survey(n, *, pairs=(), **columns):
    facts = {
        "id": np.array([f"image-{i}" for i in range(n)]),
        "digest": np.array([str(i) for i in range(n)]),
        "focus": np.full(n, 0.2),
        "saturated": np.zeros(n),
        "blank": np.zeros(n),
    }
    facts |= {name: np.array(values) for name, values in columns.items()}
    return Found(facts, np.array(pairs, np.int64).reshape(-1, 2))


def chosen(found, text, *, parts=None, labels=None, reasons=None):
    n = len(found.columns["id"])
    return select(
        found,
        parse(text),
        parts=np.array(["train"] * n if parts is None else parts),
        labels=None if labels is None else np.array(labels),
        reasons=np.array([""] * n if reasons is None else reasons),
    ).tolist()


def test_nothing_is_set_aside_unless_asked():
    found = survey(3, digest=["a", "a", "b"], focus=[0, 0, 0], blank=[1, 1, 1], pairs=[(0, 2)])
    assert chosen(found, "median") == ["", "", ""]


def test_unsharp_saturated_and_blank_images_are_set_aside_with_the_figures():
    found = survey(4, focus=[0.2, 0.05, 0.2, 0.2], saturated=[0, 0, 0.3, 0], blank=[0, 0, 0, 1])
    assert chosen(found, "focus:0.1,artefacts:0.1") == [
        "",
        "focus 0.05, less than 0.1",
        "30.0% saturated, more than 10.0%",
        "blank",
    ]


def test_the_first_of_equal_images_is_kept():
    found = survey(4, digest=["a", "b", "a", "a"])
    duplicate = "exact duplicate of image-0"
    assert chosen(found, "unique") == ["", "", duplicate, duplicate]


def test_of_copies_in_several_parts_the_held_out_one_is_kept():
    found = survey(2, digest=["a", "a"], pairs=[(0, 1)])
    for step, kind in (("unique", "exact"), ("distinct", "near")):
        reasons = chosen(found, step, parts=["train", "test"])
        assert reasons == [f"{kind} duplicate of image-1", ""]


def test_a_chain_of_near_duplicates_is_thinned_not_emptied():
    found = survey(5, pairs=[(0, 1), (1, 2), (2, 3), (3, 4)])
    kept = [not reason for reason in chosen(found, "distinct")]
    assert kept == [True, False, True, False, True]


def test_a_step_judges_what_the_ones_before_have_kept():
    found = survey(3, digest=["a", "a", "b"], focus=[0.01, 0.2, 0.2])
    assert chosen(found, "focus,unique")[1] == ""
    assert chosen(found, "unique,focus")[1] == "exact duplicate of image-0"
    assert chosen(found, "unique", reasons=["not accepted", "", ""]) == ["not accepted", "", ""]


def test_balance_cuts_the_training_classes_to_the_rarest_and_leaves_the_rest_alone():
    labels = [0] * 40 + [1] * 8 + [0] * 5
    parts = ["train"] * 48 + ["test"] * 5
    kept = np.array(chosen(survey(53), "balance", parts=parts, labels=labels)) == ""
    assert np.bincount(np.array(labels)[:48][kept[:48]]).tolist() == [8, 8]
    assert kept[48:].all()


def test_one_more_image_changes_at_most_one_choice_of_balance():
    labels = [0] * 60 + [1] * 12
    before = np.array(chosen(survey(72), "balance", labels=labels)) == ""
    after = np.array(chosen(survey(73), "balance", labels=[*labels, 0])) == ""
    assert (before != after[:72]).sum() <= 1


def test_balance_needs_classes():
    with pytest.raises(UsageError, match="--label"):
        chosen(survey(3), "balance")


# What is measured


def test_blur_lowers_the_focus_and_brightness_does_not_change_it():
    plane = spots(noise=2)
    sharp = measure(as_image(plane))["focus"]
    blurred = [measure(as_image(ndimage.gaussian_filter(plane, s)))["focus"] for s in (2, 4)]
    assert sharp > blurred[0] > blurred[1]
    assert measure(as_image(plane * 100 + 5000, "uint16"))["focus"] == pytest.approx(sharp, 0.02)


def blurred_spots():
    """Edges some 15 pixels wide, from 20 to 170."""
    blurred = ndimage.gaussian_filter(spots(sides=(300, 300), noise=0), 6)
    return 20 + 150 * (blurred - blurred.min()) / np.ptp(blurred)


@pytest.mark.parametrize("noise", [0, 3])
def test_the_default_focus_parts_sharp_from_blurred_with_noise_and_without(noise):
    (step,) = parse("focus")
    added = np.random.default_rng(0).normal(0, noise, (300, 300))
    assert measure(as_image(spots(sides=(300, 300), noise=noise)))["focus"] > step.values[0]
    assert measure(as_image(blurred_spots() + added))["focus"] < step.values[0]


@pytest.mark.parametrize("top", [255, 4095])
def test_saturation_is_a_pile_at_the_top_and_not_a_bright_peak(top):
    plane = np.random.default_rng(0).normal(0.8 * top, 0.1 * top, (100, 100))
    clipped = as_image(np.clip(plane, 0, top), "uint16")
    assert measure(clipped)["saturated"] == pytest.approx((plane >= top).mean(), abs=0.005)
    assert measure(as_image(plane - 0.4 * top, "int16"))["saturated"] == 0


def test_blank_is_one_value_or_noise_alone():
    noise = np.random.default_rng(0).poisson(100, (64, 64))
    assert measure(as_image(noise, "uint16"))["blank"] == 1
    assert measure(np.full((64, 64, 3), 9, np.uint8))["blank"] == 1
    assert measure(as_image(spots()))["blank"] == 0
    assert measure(as_image(spots(height=15, noise=3)))["blank"] == 0


def test_the_contrast_has_the_image_s_own_units():
    hounsfield = spots(background=-1000, height=1400, noise=1)
    assert measure(as_image(hounsfield, "int16"))["contrast"] == pytest.approx(1400, rel=0.1)
