"""Utility can be believed: arms differ in what they are shown alone, and the test is taken once."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from zoo.data.imageset import Fields, ImageSet
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation import card
from zoo.evaluation.arms import ARMS, Arm, augmented, compose, imbalance_arms
from zoo.evaluation.classification import MACRO, PER_CLASS, confusions, difference
from zoo.evaluation.utility import utility
from zoo.evaluation.utility_plan import Plan
from zoo.specs import Detector

NAMES = ("dark", "grey", "bright")
SIDE = 8
FITTED = []


class Nearest:
    """Answers with the class whose mean image is the nearest, and remembers what it was given."""

    def __init__(self, seed=0, *, blur: float = 0.0):
        self.seed, self.blur, self.asked = seed, blur, []

    def fit(self, images, labels, validation=None):
        FITTED.append(self)
        self.given, self.labels, self.validation = images, labels, validation
        self.classes_ = np.unique(labels)
        self.means = np.stack([images[labels == k].mean(axis=0) for k in self.classes_])
        return self

    def predict_proba(self, images):
        self.asked.append(images)
        far = ((images[:, None] - self.means[None]) ** 2).mean(axis=(2, 3, 4))
        return np.eye(len(self.classes_))[far.argmin(axis=1)]


class Another(Nearest):
    """The same under another name."""


class Online(Nearest):
    """Augments by itself and takes weights."""

    def __init__(self, seed=0, *, augment: bool = True):
        super().__init__(seed)
        self.augment = augment

    def fit(self, images, labels, validation=None, weights=None):
        self.weights = weights
        return super().fit(images, labels, validation)


class Failing(Nearest):
    def fit(self, images, labels, validation=None):
        raise ZeroDivisionError("division by zero")


class Opaque(Nearest):
    """Has a parameter that is another text in every process."""

    def get_params(self):
        return {"metric": object()}


class Pretrained(Nearest):
    """Begins with the weights of a file."""

    def __init__(self, seed=0, *, weights: str = ""):
        super().__init__(seed)
        self.weights, self.weights_file = weights, Path(weights)

    def get_params(self):
        return {"seed": self.seed, "weights": self.weights}


def record(cls):
    return Detector(cls.__name__.lower(), f"{__name__}:{cls.__name__}")


def drawn(labels, seed, *, contrast=25, noise=18):
    """Images whose brightness says their class, most of the time."""
    rng = np.random.default_rng(seed)
    level = 100 + contrast * (np.asarray(labels) - 1) + rng.normal(0, 12, len(labels))
    images = level[:, None, None, None] + rng.normal(0, noise, (len(labels), SIDE, SIDE, 1))
    return images.clip(0, 255).astype(np.uint8)


def image_set(*, groups=60, tiles=4, seed=0, names=NAMES):
    n = groups * tiles
    group = np.repeat(np.arange(groups), tiles)
    labels = np.random.default_rng(seed).permutation(np.arange(n) % 3)
    parts = np.array(["train", "train", "train", "validation", "test"])[group % 5]
    return ImageSet(
        name="made",
        pixels=drawn(labels, seed),
        index=np.arange(n),
        groups=np.array([f"source-{g}" for g in group]),
        ids=np.array([f"image-{i}" for i in range(n)]),
        parts=parts,
        labels=labels,
        class_names=names,
        fingerprint=f"made-{seed}",
    )


def faithful(labels, seed):
    return drawn(labels, [seed, 99])


def noise(labels, seed):
    return np.random.default_rng([seed, 5]).integers(0, 256, (len(labels), SIDE, SIDE, 1), np.uint8)


@pytest.fixture(autouse=True)
def forget():
    FITTED.clear()


def measured(make=faithful, classifier=Nearest, images=None, **plan):
    images = images if images is not None else image_set()
    return utility(images, make, [record(classifier)], Plan(**plan))


def value(found, arm, name="accuracy"):
    (row,) = [row for row in found["table"] if row["arm"] == arm]
    return row[name]["mean"]


def test_all_five_arms_are_measured_and_fit_json():
    found = json.loads(json.dumps(measured(), allow_nan=False))
    assert [row["arm"] for row in found["table"]] == [arm.name for arm in ARMS]
    assert found["not_computed"] == []
    for row in found["table"]:
        assert row["seeds"] == 3
        assert set(row["per_class"]) == set(NAMES)
        assert np.sum(row["confusion"]) == 3 * 48
        assert row["accuracy"]["sd"] >= 0
    assert [row["arm"] for row in found["differences"]] == [arm.name for arm in ARMS[1:]]


def test_synthetic_images_that_are_as_real_ones_are_worth_as_much():
    found = measured(images=image_set(groups=200))
    assert value(found, "real") > 0.6
    assert [ratio["of"] for ratio in found["ratios"]] == ["accuracy", "f1"]
    for ratio in found["ratios"]:
        assert ratio["value"] == pytest.approx(1, abs=0.05)
        assert ratio["interval"][0] < 1.02
        assert ratio["interval"][1] > 0.98


def test_training_on_noise_is_near_chance_and_significantly_worse():
    found = measured(noise, images=image_set(groups=200))
    assert value(found, "synthetic") == pytest.approx(1 / 3, abs=0.12)
    row = next(row for row in found["differences"] if row["arm"] == "synthetic")
    assert row["accuracy"]["interval"][1] < 0


@pytest.mark.parametrize(("classifier", "passes"), [(Nearest, 4), (Online, 2)])
def test_every_arm_is_shown_as_many_images_and_takes_the_test_once(classifier, passes):
    images = image_set()
    measured(classifier=classifier, imbalance=("grey", [0.2]), low_data=[0.1])
    assert len(FITTED) >= 3 * (5 + 3 + 5)
    training, test = images.split("train"), images.split("test")
    assert {len(fitted.given) for fitted in FITTED} == {passes * len(training)}
    for fitted in FITTED:
        (asked,) = fitted.asked
        np.testing.assert_array_equal(asked, test[:])
        np.testing.assert_array_equal(fitted.validation[0], images.split("validation")[:])


def test_a_network_makes_as_many_steps_in_every_arm():
    from zoo_detectors.cnn.model import SmallCNN

    training, steps = image_set().split("train"), []
    for arm in ARMS:
        given = compose(arm, training, faithful, seed=0, passes=2, copies=False)
        detector = SmallCNN(epochs=1, min_steps=1, width=4, batch_size=16, augment=arm.classic)
        batches = detector._batches(given.images, given.labels)
        steps.append(sum(1 for _ in batches))
    assert set(steps) == {2 * len(training) // 16}


def test_a_network_learns_from_the_images_that_count():
    from zoo_detectors.cnn.model import SmallCNN

    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), np.uint8)
    labels = np.arange(64) % 2
    detector = SmallCNN(epochs=2, min_steps=30, width=4, augment=False)
    detector.fit(images, labels, weights=np.where(labels == 1, 2.0, 0.0))
    assert detector.predict_proba(images)[:, 1].mean() > 0.8


def test_no_arm_learns_from_an_image_that_is_held_out():
    images = image_set()
    measured(seeds=1, low_data=[0.3], imbalance=("dark", [0.3]))
    held_out = {image.tobytes() for image in images.split("validation", "test", "detect_train")[:]}
    for fitted in FITTED:
        assert held_out.isdisjoint(image.tobytes() for image in fitted.given)


def test_as_many_generated_images_of_each_class_are_asked_for_as_there_are_real_ones():
    asked = []

    def make(labels, seed):
        asked.append((tuple(np.bincount(labels)), seed))
        return faithful(labels, seed)

    images = image_set()
    measured(make, seeds=2)
    counts = tuple(np.bincount(images.split("train").labels))
    assert asked == [(counts, 0), (counts, 1)]


def test_classic_augmentation_is_of_the_two_classic_arms_alone():
    measured(seeds=1, classifier=Online)
    assert [fitted.augment for fitted in FITTED] == [False, False, False, True, True]
    FITTED.clear()
    measured(seeds=1)
    different = [len({image.tobytes() for image in fitted.given}) for fitted in FITTED]
    n = len(image_set().split("train"))
    assert different[:3] == [n, n, 2 * n]
    assert min(different[3:]) > 2 * n


def test_classic_augmentation_moves_pixels_and_keeps_the_shape():
    images = drawn(np.arange(30) % 3, 1)[:, :, :6]
    changed = augmented(images, np.random.default_rng(0))
    assert changed.shape == images.shape
    assert not np.array_equal(changed, images)
    for image, other in zip(images, changed, strict=True):
        assert set(np.unique(other)) <= set(np.unique(image))


def test_a_cut_class_is_refilled_oversampled_or_weighed():
    training = image_set().split("train")
    counts = np.bincount(training.labels)
    sets = {
        arm.name: compose(arm, training, faithful, seed=0, passes=2, copies=True)
        for arm in imbalance_arms(1, 0.1)
    }
    shares = {name: np.bincount(s.labels)[1] / len(s.labels) for name, s in sets.items()}
    whole = counts[1] / counts.sum()
    assert shares["complete"] == pytest.approx(whole)
    assert shares["cut"] < whole / 5
    assert shares["oversampled"] == pytest.approx(whole)
    assert shares["refilled"] == pytest.approx(whole)
    assert sets["refilled"].synthetic == counts[1] - round(0.1 * counts[1])
    assert sets["oversampled"].synthetic == 0
    measured(classifier=Online, seeds=1, imbalance=("grey", [0.1]))
    (weighed,) = [fitted for fitted in FITTED if fitted.weights is not None]
    sums = [weighed.weights[weighed.labels == k].sum() for k in range(3)]
    assert np.ptp(sums) == pytest.approx(0, abs=1e-6)


def test_the_recall_of_a_cut_class_is_compared_with_the_cut_set():
    found = measured(classifier=Online, imbalance=("grey", [0.1]))
    (study,) = found["imbalance"]
    assert (study["class"], study["share"]) == ("grey", 0.1)
    assert [row["arm"] for row in study["differences"]] == [
        "complete",
        "oversampled",
        "class weights",
        "refilled",
    ]
    assert all("recall_of_class" in row for row in study["differences"])


def test_a_classifier_without_weights_is_excused_from_class_weights_alone():
    found = measured(imbalance=("grey", [0.1]))
    assert found["not_computed"] == [
        {"name": "class weights with nearest", "reason": "nearest takes no weights of images"}
    ]
    assert len(found["imbalance"][0]["table"]) == 4


def test_without_keras_cv_the_classic_arms_are_missing_and_nothing_is_kept(monkeypatch, tmp_path):
    from zoo_detectors.cnn.model import SmallCNN

    monkeypatch.setitem(sys.modules, "keras_cv", None)
    small = Detector("small-cnn", f"{SmallCNN.__module__}:SmallCNN")
    plan = Plan(seeds=1, options={"epochs": 1, "min_steps": 1, "width": 4})
    found = utility(image_set(), faithful, [small], plan, folder=tmp_path)
    assert [row["arm"] for row in found["table"]] == [arm.name for arm in ARMS if not arm.classic]
    assert len(list(tmp_path.iterdir())) == 3
    assert [item["name"] for item in found["not_computed"]] == [
        f"{arm.name} with small-cnn" for arm in ARMS if arm.classic
    ]
    assert all("pip install" in item["reason"] for item in found["not_computed"])


def test_few_data_leave_every_class_and_all_generated_images():
    training = image_set().split("train")
    arm = Arm("real + synthetic", real=0.01, synthetic="all")
    given = compose(arm, training, faithful, seed=0, passes=2, copies=True)
    assert (given.real, given.synthetic) == (3, len(training))
    found = measured(low_data=[0.05])
    few = sum(round(0.05 * n) for n in np.bincount(training.labels).tolist())
    assert [row["real"] for row in found["low_data"][0]["table"]] == [few, 0, few, few, few]


def test_what_is_asked_twice_is_measured_once():
    found = measured(seeds=1, low_data=[0.3, 0.3], imbalance=("grey", [0.2, 0.2]))
    assert [len(found[name]) for name in ("low_data", "imbalance")] == [1, 1]
    with pytest.raises(ValueError, match="seed 0 is counted already"):
        utility(image_set(), faithful, [record(Nearest)] * 2, Plan(seeds=1))


def test_a_second_measurement_trains_nothing_again(tmp_path):
    def run(**facts):
        plan = Plan(seeds=2)
        images = image_set()
        return utility(images, faithful, [record(Nearest)], plan, facts=facts, folder=tmp_path)

    first = run(weights="a")
    assert len(FITTED) == 10
    again = run(weights="a")
    assert len(FITTED) == 10
    assert again == first
    run(weights="b")
    assert len(FITTED) == 20


def test_another_version_of_what_measures_is_measured_again(tmp_path, monkeypatch):
    def run():
        return utility(image_set(), faithful, [record(Nearest)], Plan(seeds=1), folder=tmp_path)

    run()
    monkeypatch.setattr(card, "version", lambda package: "9.9")
    run()
    assert len(FITTED) == 10


def test_weights_are_known_by_their_content_and_not_by_their_path(tmp_path):
    def run(name):
        plan = Plan(seeds=1, options={"weights": str(tmp_path / name)})
        found = utility(image_set(), faithful, [record(Pretrained)], plan, folder=tmp_path / "kept")
        return found["protocol"]["comparable"]["classifiers"]["pretrained"]["weights"]

    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"another")):
        (tmp_path / name).write_bytes(content)
    assert run("a") == run("b") == f"sha256:{hashlib.sha256(b'one').hexdigest()}"
    assert len(FITTED) == 5
    run("c")
    assert len(FITTED) == 10


def test_a_classifier_that_cannot_be_told_from_another_is_set_aside():
    found = utility(image_set(), faithful, [record(Opaque), record(Nearest)], Plan(seeds=1))
    assert found["classifiers"] == ["nearest"]
    (item,) = found["not_computed"]
    assert item["name"] == "classifier opaque"
    assert item["reason"].startswith("its parameter metric is no JSON value but object")


def test_an_interrupted_measurement_goes_on_where_it_stopped(tmp_path):
    calls = []

    def failing(labels, seed):
        calls.append(seed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return faithful(labels, seed)

    def run(make):
        return utility(image_set(), make, [record(Nearest)], Plan(), folder=tmp_path)

    with pytest.raises(KeyboardInterrupt):
        run(failing)
    done = len(FITTED)
    assert 5 <= done < 15
    assert run(faithful)["differences"] == measured()["differences"]
    assert len(FITTED) == 15 + 15


def test_what_a_frequent_class_alone_would_give_is_stated_beside_the_ratio():
    images = image_set()
    images.labels[np.random.default_rng(1).random(len(images)) < 0.8] = 2
    found = measured(images=images)
    share = np.mean(images.split("test").labels == 2)
    assert found["majority"]["class"] == "bright"
    assert found["majority"]["accuracy"] == pytest.approx(share)
    assert found["majority"]["f1"] == pytest.approx(2 * share / (1 + share) / 3)


def test_another_dataset_is_a_second_test_with_its_own_order_of_classes():
    other = image_set(seed=7, names=("bright", "dark", "grey"))
    other = replace(other, pixels=drawn([2, 0, 1] * 80, 3), labels=np.arange(240) % 3)
    found = utility(image_set(), faithful, [record(Nearest)], Plan(), external=other)
    assert found["external"][0]["accuracy"]["mean"] > 0.6
    assert np.sum(found["external"][0]["confusion"]) == 3 * 240
    facts = found["protocol"]["comparable"]["external"]
    assert (facts["data"], facts["data_fingerprint"]) == ("made", "made-7")
    stranger = replace(other, class_names=("a", "b", "c"), name="stranger")
    with pytest.raises(UsageError, match="stranger has the classes a, b, c, not dark"):
        utility(image_set(), faithful, [record(Nearest)], Plan(), external=stranger)


def test_a_group_on_which_a_classifier_always_fails_is_seen():
    images = image_set()
    at = np.flatnonzero(images.groups == "source-4")
    images.pixels[at] = np.where(images.labels[at] == 0, 255, 0)[:, None, None, None]
    found = measured(images=images)
    row = found["table"][0]
    accuracies = {name: each["accuracy"] for name, each in row["per_value"].items()}
    assert min(accuracies, key=accuracies.get) == "source-4"
    assert accuracies["source-4"] == 0
    assert found["by"] == "group"
    assert found["extremes"][0]["worst"] == {"value": "source-4", "n": 4, "accuracy": 0}
    assert found["extremes"][0]["best"]["accuracy"] == max(accuracies.values())


def test_a_field_of_too_many_values_is_said_to_be_left_out():
    images = image_set(groups=600, tiles=1)
    fields = Fields({"tile": (images.ids, np.arange(600))})
    found = measured(images=replace(images, fields=fields), seeds=1, by="tile")
    assert found["extremes"] == []
    reason = "120 values, more than 100"
    assert found["not_computed"] == [{"name": "accuracy by tile", "reason": reason}]


def test_a_classifier_that_raises_is_named_and_the_others_go_on():
    found = utility(image_set(), faithful, [record(Failing), record(Nearest)], Plan(seeds=1))
    assert found["classifiers"] == ["nearest"]
    reason = "ZeroDivisionError: division by zero"
    assert found["not_computed"] == [{"name": "classifier failing", "reason": reason}]
    with pytest.raises(NotComputed, match="failing: ZeroDivisionError"):
        measured(classifier=Failing)


def test_arms_that_were_not_asked_for_are_said_to_be_missing():
    found = measured(arms=("real", "synthetic"))
    missing = [item["name"] for item in found["not_computed"]]
    assert missing == [arm.name for arm in ARMS[2:]]


def test_one_measurement_holds_the_arms_of_each_classifier_and_trains_none_again(tmp_path):
    arms = {"nearest": ("real", "synthetic", "real + classic"), "online": ("real", "synthetic")}

    def run(records, arms):
        plan = Plan(seeds=1, arms=arms)
        return utility(image_set(), faithful, records, plan, folder=tmp_path)

    apart = [run([record(cls)], arms[cls.__name__.lower()]) for cls in (Nearest, Online)]
    assert len(FITTED) == 5
    found = run([record(Nearest), record(Online)], arms)
    assert len(FITTED) == 5
    assert found["table"] == apart[0]["table"] + apart[1]["table"]
    assert [item["name"] for item in found["not_computed"]] == [
        "real + synthetic",
        "real + classic with online",
        "real + classic + synthetic",
    ]
    with pytest.raises(UsageError, match="arms of online: give those of each classifier"):
        run([record(Nearest)], arms)


def test_images_of_another_size_or_type_are_an_error():
    with pytest.raises(ZooError, match=r"real images are uint8 \(8, 8, 1\)"):
        measured(lambda labels, seed: faithful(labels, seed)[:, 1:])


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"imbalance": ("gray", [0.1])}, "did you mean grey?"),
        ({"imbalance": ("grey", [10])}, "share 10: expected above 0 and below 1"),
        ({"imbalance": ("grey", [])}, "imbalance of grey: no share that it is cut to"),
        ({"low_data": [0]}, "share 0: expected above 0 and below 1"),
        ({"options": {"epochs": 3}}, "-o epochs: no option of nearest"),
        ({"options": {"seed": 3}}, "-o seed: no option of nearest"),
        ({"options": {"other.blur": 3}}, "-o other.blur: no option of nearest"),
        ({"options": {"blur": "much"}}, "blur=much: expected number"),
        ({"by": "ward"}, "no field 'ward'"),
        ({"arms": ("reel",)}, "did you mean real?"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_trained(plan, message):
    with pytest.raises(UsageError) as error:
        measured(**plan)
    assert message in str(error.value)
    assert not FITTED


def test_an_option_of_one_classifier_wins_over_that_of_all():
    options = {"nearest.blur": 2.0, "blur": 1.0}
    found = utility(
        image_set(),
        faithful,
        [record(Nearest), record(Another)],
        Plan(seeds=1, arms=("real",), options=options),
    )
    stated = found["protocol"]["comparable"]["classifiers"]
    blurs = {name: own["blur"] for name, own in stated.items()}
    assert blurs == {"nearest": 2.0, "another": 1.0}


def test_images_without_classes_or_held_out_groups_are_refused():
    with pytest.raises(UsageError, match="made has no classes"):
        measured(images=replace(image_set(), labels=None, class_names=()))
    with pytest.raises(NotComputed, match="2 groups in test"):
        measured(images=image_set(groups=10))


def test_the_numbers_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, given = rng.integers(0, 3, 200), rng.integers(0, 3, (1, 200))
    total = confusions(truth, given, rng.integers(0, 9, 200).astype(str), 3).sum(0)
    expected = precision_recall_fscore_support(truth, given[0], average="macro")[:3]
    assert MACRO["accuracy"](total)[0] == pytest.approx(accuracy_score(truth, given[0]))
    found = [MACRO[name](total)[0] for name in ("precision", "recall", "f1")]
    assert found == pytest.approx(list(expected))
    each = precision_recall_fscore_support(truth, given[0])[:3]
    for name, values in zip(("precision", "recall", "f1"), each, strict=True):
        assert PER_CLASS[name](total)[0] == pytest.approx(values)


def test_the_interval_of_a_difference_holds_what_other_groups_would_give():
    """Of 60 such experiments, about 57 intervals should hold the true difference."""
    hits = 0
    for repeat in range(60):
        rng = np.random.default_rng(repeat)
        groups = np.repeat(np.arange(40), 5).astype(str)
        hard = np.repeat(rng.random(40) * 0.3, 5)
        truth = rng.integers(0, 2, 200)
        answers = [np.where(rng.random((2, 200)) < p - hard, truth, 1 - truth) for p in (0.9, 0.8)]
        one, other = (confusions(truth, each, groups, 2) for each in answers)
        low, high = difference(one, other, MACRO["accuracy"])["interval"]
        hits += low <= 0.1 <= high
    assert 51 <= hits <= 60
