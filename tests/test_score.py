"""A score carries its floor, range and protocol, or says why it was not computed."""

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest

from zoo import Metric
from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import Interrupted, ZooError
from zoo.evaluation import measures
from zoo.evaluation.draw import draw, split_halves
from zoo.evaluation.neighbours import nearest
from zoo.evaluation.score import default_metrics, registered_metrics, score
from zoo.metrics import Context
from zoo.report.feasibility import feasibility
from zoo.report.numbers import headline

METRICS = (
    Metric("fid", "zoo.metrics.frechet:fid", needs="features", suffixed=True),
    Metric("kid", "zoo.metrics.kernel:kid", needs="features", suffixed=True),
    Metric("coverage", "zoo.metrics.prdc:coverage", needs="features", better="higher"),
    Metric("swd", "zoo.metrics.swd:swd"),
)
NO_WEIGHTS = "no InceptionV3 weights: `zoo weights fetch inception-v3` downloads them"


class RandomProjection:
    """A cheap stand-in for a feature network; counts the images that it is shown."""

    suffix = "random"
    dimension = 12
    facts = {"extractor": "random projection", "weights_sha256": "none"}  # noqa: RUF012

    def __init__(self) -> None:
        self.shown = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.shown += len(images)
        assert images.dtype == np.uint8
        flat = images.reshape(len(images), -1) / 255
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], self.dimension))
        return (flat @ weights).astype(np.float32)


def image_set(
    n: int = 240, groups: int = 40, *, held_out: bool = True, channels: int = 1, dtype=np.uint8
) -> ImageSet:
    rng = np.random.default_rng(0)
    group = np.arange(n) % groups
    brightness = rng.normal(0, 12, groups)[group][:, None, None, None]
    pixels = np.clip(rng.normal(120, 30, (n, 32, 32, channels)) + brightness, 0, 255)
    parts = np.array(("train", *HELD_OUT) if held_out else ("train",))
    return ImageSet(
        name="test/noise",
        pixels=pixels.astype(np.uint8).astype(dtype) * dtype(257 if dtype == np.uint16 else 1),
        index=np.arange(n),
        groups=np.char.add("group ", group.astype(str)),
        ids=np.char.add("image ", np.arange(n).astype(str)),
        parts=parts[group % len(parts)],
        fingerprint="f" * 64,
    )


def sampler(mean: float = 120, channels: int = 1) -> Callable[[int, int], np.ndarray]:
    def sample(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng([seed, 9])
        pixels = rng.normal(mean, 30, (n, 32, 32, channels)) + rng.normal(0, 12, (n, 1, 1, 1))
        return np.clip(pixels, 0, 255).astype(np.uint8)

    return sample


@pytest.fixture(scope="module")
def evaluation() -> dict:
    return score(
        image_set(),
        sampler(130),
        extractor=RandomProjection(),
        n=60,
        untrained=sampler(20),
        metrics=METRICS,
    )


def entries(evaluation: dict) -> dict[str, dict]:
    return {entry["name"]: entry for entry in evaluation["metrics"]}


def test_every_metric_is_scored_against_held_out_training_and_untrained(evaluation: dict) -> None:
    assert list(entries(evaluation)) == [
        name + suffix
        for suffix in ("", "_train", "_untrained")
        for name in ("fid_random", "kid_random", "coverage", "swd")
    ]
    (lost,) = evaluation["not_computed"]
    assert lost["name"] == "scores per group"
    assert "fewer than 30 images" in lost["reason"]


def test_an_entry_has_the_documented_fields_and_is_json(evaluation: dict) -> None:
    fields = ["name", "value", "interval", "n_real", "n_fake", "floor", "ratio", "protocol"]
    for entry in json.loads(json.dumps(evaluation, allow_nan=False))["metrics"]:
        assert list(entry) == fields
        assert list(entry["protocol"]) == ["comparable", "provenance"]


def test_the_card_states_what_makes_two_scores_comparable(evaluation: dict) -> None:
    card = entries(evaluation)["fid_random"]["protocol"]
    stated = card["comparable"]
    assert (stated["extractor"], stated["features"]) == ("random projection", "random")
    assert stated["better"] == "lower"
    assert (stated["ddof"], stated["n_real"], stated["n_fake"]) == (1, 60, 60)
    assert stated["data_fingerprint"] == "f" * 64
    assert stated["reals"] == "held-out"
    assert 20 <= stated["m"] <= 30
    assert "group subsamples without replacement" in stated["interval"]
    assert set(card["provenance"]["versions"]) >= {"python", "numpy", "zoo"}
    assert entries(evaluation)["coverage"]["protocol"]["comparable"]["k"] == 5
    assert entries(evaluation)["kid_random"]["protocol"]["provenance"]["standard_error"] > 0


def test_only_held_out_distances_have_a_floor_and_a_ratio(evaluation: dict) -> None:
    for name, entry in entries(evaluation).items():
        held_out = not name.endswith("_train")
        assert (entry["floor"] is not None) == held_out
        assert (entry["ratio"] is not None) <= held_out
    assert entries(evaluation)["coverage"]["ratio"] is None


def test_ratio_is_near_one_for_a_perfect_generator_and_grows_with_its_error() -> None:
    def ratio(mean: float) -> float:
        found = score(
            image_set(), sampler(mean), extractor=RandomProjection(), n=120, metrics=METRICS[:1]
        )
        return float(entries(found)["fid_random"]["ratio"])

    perfect, bad = ratio(120), ratio(160)
    assert 0.4 < perfect < 2
    assert bad > 3 * perfect


def test_the_untrained_generator_is_measured_at_the_floors_number_of_images(
    evaluation: dict,
) -> None:
    fid, untrained = (entries(evaluation)[f"fid_random{suffix}"] for suffix in ("", "_untrained"))
    m = fid["protocol"]["comparable"]["m"]
    assert untrained["protocol"]["comparable"]["m"] == untrained["n_fake"] == m
    assert untrained["floor"] == fid["floor"]
    assert untrained["ratio"] > fid["ratio"]
    assert "5 group subsamples" in untrained["protocol"]["comparable"]["interval"]


def test_features_are_extracted_once_for_all_metrics() -> None:
    extractor = RandomProjection()
    score(image_set(), sampler(), extractor=extractor, n=30, n_train=40, metrics=METRICS[:3])
    assert extractor.shown == 30 + 40 + 30


def test_as_many_training_as_held_out_images_are_compared() -> None:
    images = image_set()
    few_held_out = images.take(np.flatnonzero((images.parts == "train") | (images.index < 40)))
    found = entries(score(few_held_out, sampler(), extractor=NO_WEIGHTS, n=50, metrics=METRICS[3:]))
    assert found["swd"]["n_real"] == found["swd_train"]["n_real"] == 30


def test_installed_metrics_are_the_default_with_named_distances_first() -> None:
    names = [metric.name for metric in registered_metrics()]
    assert names[:2] == ["fid", "fid_infinity"]
    assert set(names) >= {"density", "coverage", "precision", "recall"}


def test_real_features_are_kept_between_runs(tmp_path) -> None:
    shown = []
    for mean in (100, 140):
        extractor = RandomProjection()
        score(
            image_set(),
            sampler(mean),
            extractor=extractor,
            n=30,
            metrics=METRICS[:1],
            cache=tmp_path,
        )
        shown.append(extractor.shown)
    assert shown == [90, 30]


def test_a_score_depends_on_its_seed_alone() -> None:
    def value(seed: int) -> dict:
        return score(
            image_set(), sampler(), extractor=RandomProjection(), n=10, seed=seed, metrics=METRICS
        )

    first = value(0)
    assert value(0) == first
    assert entries(value(1))["swd"]["value"] != entries(first)["swd"]["value"]


def test_without_weights_the_reason_and_the_command_are_given_and_swd_remains() -> None:
    found = score(image_set(), sampler(), extractor=NO_WEIGHTS, n=30, metrics=METRICS)
    assert list(entries(found)) == ["swd", "swd_train"]
    assert found["not_computed"][:3] == [
        {"name": name, "reason": NO_WEIGHTS} for name in ("fid", "kid", "coverage")
    ]


def test_without_held_out_images_only_training_scores_are_computed() -> None:
    few = image_set(groups=5, held_out=False)
    found = score(few, sampler(), extractor=RandomProjection(), n=30, metrics=METRICS)
    assert all(name.endswith("_train") for name in entries(found))
    assert len(found["metrics"]) == len(METRICS)
    assert {lost["reason"] for lost in found["not_computed"]} == {
        "no held-out images: 5 groups are fewer than 8, all train"
    }


def test_held_out_images_of_one_group_give_a_value_without_floor() -> None:
    found = score(
        image_set(groups=2), sampler(), extractor=RandomProjection(), n=30, metrics=METRICS[:1]
    )
    assert entries(found)["fid_random"]["floor"] is None
    assert {lost["name"] for lost in found["not_computed"]} == {
        "fid_random interval, floor and ratio",
        "fid_random_train interval",
    }


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_are_no_colours_are_scored_one_by_one(channels: int) -> None:
    images, sample = image_set(channels=channels), sampler(channels=channels)
    found = entries(score(images, sample, extractor=RandomProjection(), n=16, metrics=METRICS))
    assert [name for name in found if name.startswith("fid") and not name.endswith("_train")] == [
        f"fid_random_channel{channel + 1}" for channel in range(channels)
    ]
    assert found["fid_random_channel2"]["protocol"]["comparable"]["channel"] == 2
    assert found["swd"]["value"] > 0


def test_sixteen_bit_reals_are_compared_in_eight_bits() -> None:
    eight, sixteen = (
        score(image_set(dtype=dtype), sampler(), extractor=NO_WEIGHTS, n=10, metrics=METRICS[3:])
        for dtype in (np.uint8, np.uint16)
    )
    assert [entry["value"] for entry in sixteen["metrics"]] == [
        entry["value"] for entry in eight["metrics"]
    ]
    cards = [found["metrics"][0]["protocol"]["comparable"] for found in (eight, sixteen)]
    assert "127.5" in cards[0]["quantisation"]
    assert "to uint8: floor((p + 128) / 257)" in cards[1]["quantisation"]


def test_generated_images_of_another_size_are_refused() -> None:
    with pytest.raises(ZooError, match="cannot be compared with test/noise"):
        score(image_set(), sampler(channels=3), extractor=NO_WEIGHTS, n=30, metrics=METRICS)


def mean_difference(real: np.ndarray, fake: np.ndarray, context: Context) -> float:
    return abs(float(real.mean()) - float(fake.mean()))


def broken(real: np.ndarray, fake: np.ndarray, context: Context) -> float:
    raise ZeroDivisionError("division by zero")


def undefined(real: np.ndarray, fake: np.ndarray, context: Context) -> float:
    return float("nan")


def test_a_third_partys_metric_is_computed_and_a_broken_one_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for function in (mean_difference, broken, undefined):
        monkeypatch.setattr(measures, function.__name__, function, raising=False)
    theirs = [
        Metric(name, f"zoo.evaluation.measures:{target}", needs=needs)
        for name, target, needs in (
            ("brightness", "mean_difference", "images"),
            ("feature-mean", "mean_difference", "features"),
            ("broken", "broken", "images"),
            ("undefined", "undefined", "images"),
            ("missing", "nothing_here", "images"),
        )
    ]
    found = score(image_set(), sampler(150), extractor=RandomProjection(), n=60, metrics=theirs)
    assert entries(found)["brightness"]["value"] == pytest.approx(30, abs=8)
    assert "feature-mean" in entries(found)
    reasons = {lost["name"]: lost["reason"] for lost in found["not_computed"]}
    assert reasons["broken"] == "ZeroDivisionError: division by zero"
    assert reasons["undefined"] == "the value is nan"
    assert "nothing_here" in reasons["missing"]


def interrupting(real: np.ndarray, fake: np.ndarray, context: Context) -> float:
    raise Interrupted("stopped")


def test_an_interruption_stops_the_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "interrupting", interrupting, raising=False)
    metric = Metric("x", "zoo.evaluation.measures:interrupting")
    with pytest.raises(Interrupted):
        score(image_set(), sampler(), extractor=NO_WEIGHTS, n=10, metrics=[metric])


@pytest.mark.parametrize("groups", [2, 3, 9, 40])
def test_the_two_sides_of_a_floor_never_share_a_group(groups: int) -> None:
    group = image_set(groups=groups).groups
    cuts = split_halves(group, count=20, at_most=500, seed=0)
    assert len(cuts) == 20
    assert len({len(side) for cut in cuts for side in cut}) == 1
    for first, second in cuts:
        assert not set(group[first]) & set(group[second])
        assert len(set(first)) == len(first)


def test_images_are_drawn_in_proportion_from_all_groups() -> None:
    images = image_set(n=400, groups=20)
    drawn = draw(images, 100, seed=0)
    assert len(drawn) == 100
    assert len(set(drawn.ids)) == 100
    counts = np.unique(drawn.groups, return_counts=True)[1]
    assert counts.tolist() == [5] * 20
    assert draw(images, 100, seed=0).ids.tolist() == drawn.ids.tolist()
    assert draw(images, 100, seed=1).ids.tolist() != drawn.ids.tolist()
    assert draw(images, 1000, seed=0) is images


def test_feasibility_places_the_score_between_floor_and_untrained(evaluation: dict) -> None:
    line = feasibility(evaluation)
    fid = entries(evaluation)["fid_random"]
    assert line.startswith(f"fid_random {fid['value']:.3g} (n = 60)")
    assert f"{fid['ratio']:.3g} times the {fid['floor']:.3g} of real images" in line
    untrained = entries(evaluation)["fid_random_untrained"]
    at_m = untrained["ratio"] * untrained["floor"]
    assert f"% of the way from the untrained generator's {at_m:.3g} to the floor" in line


def test_feasibility_says_when_training_gained_nothing() -> None:
    found = score(
        image_set(),
        sampler(20),
        extractor=RandomProjection(),
        n=60,
        untrained=sampler(20),
        metrics=METRICS[:1],
    )
    assert "not better than the untrained generator" in feasibility(found)
    assert feasibility({"metrics": [], "not_computed": []}).startswith("feasibility not computed")


def test_the_nearest_real_image_of_a_copy_is_its_original(monkeypatch: pytest.MonkeyPatch) -> None:
    images = image_set(channels=2)
    monkeypatch.setattr("zoo.evaluation.neighbours.BLOCK_VALUES", 40_000)
    copies = images[np.array([17, 3, 230])]
    copies[1] = np.clip(copies[1].astype(int) + 4, 0, 255)
    found = nearest(copies, images)
    assert [row["position"] for row in found] == [17, 3, 230]
    assert [row["id"] for row in found] == ["image 17", "image 3", "image 230"]
    assert [row["fake"] for row in found] == [0, 1, 2]
    assert [row["distance"] for row in found] == pytest.approx([0, 4, 0], abs=0.1)


def test_a_class_that_the_generator_gets_wrong_stands_out_in_a_run() -> None:
    images = image_set(n=480)
    classes = np.arange(480) // 240
    labelled = dataclasses.replace(images, labels=classes, class_names=("round", "long"))

    def labels(n: int, seed: int) -> np.ndarray:
        return np.arange(n) % 2

    def sample(n: int, seed: int) -> np.ndarray:
        fakes = sampler()(n, seed)
        fakes[1::2] = np.clip(fakes[1::2].astype(int) + 40, 0, 255)
        return fakes

    found = entries(
        score(
            labelled,
            sample,
            extractor=RandomProjection(),
            n=160,
            labels=labels,
            metrics=METRICS[:1],
        )
    )
    right, wrong = (found[f"fid_random[class={name}]"] for name in ("round", "long"))
    assert wrong["value"] > 3 * right["value"]
    assert wrong["ratio"] > 3 * right["ratio"]
    assert right["n_real"] == wrong["n_real"] == wrong["n_fake"]
    assert wrong["protocol"]["comparable"]["generated"] == "of the same class"
    assert headline({"metrics": [wrong]}) is None


def test_metrics_on_request_are_not_computed_by_default() -> None:
    default = {metric.name for metric in default_metrics()}
    assert {"spectrum", "object_count", "ms_ssim_diversity"} <= default
    assert not default & {"nn_ssim", "paired_ssim", "inception_score", "fid_infinity"}
