"""The checks of `zoo.testing`: our own records pass them, and each mistake fails its own check."""

import re
import sys
from contextlib import suppress

import numpy as np
import pytest

import zoo
from zoo.errors import NotComputed, UsageError
from zoo.faults import KINDS
from zoo.plugins import records
from zoo.testing.lists import GENERATOR, SHARED, SUITES
from zoo.testing.subjects import subject_of, subjects
from zoo.testing.suite import checks_of, run_checks

SLOW = ("nn_ssim", "gradient-boosting", "mlp", "small-cnn")  # by many seconds
QUICK = {"small-cnn": {"epochs": 2, "min_steps": 40}}
LARGE = ".applications."  # the networks that are only tried when they are named


def ours(kind):
    found = [record.name for record in records(f"{kind}s") if LARGE not in record.target]
    return [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in found]


def findings(subject, checks=None):
    return list(run_checks(subject, checks or checks_of(subject.kind)))


def failed(found):
    return {finding.check: finding for finding in found if finding.state == "failed"}


def test_every_kind_of_record_has_its_checks():
    assert {f"{kind}s" for kind in SUITES} == set(KINDS) - {"recipes"}
    for suite in SUITES.values():
        names = [check.name for check in (*SHARED, *suite.checks)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ours("metric"))
def test_a_metric_of_ours_passes_every_check(name, tmp_path):
    (subject,) = subjects(name, tmp_path, kind="metric")
    assert failed(findings(subject)) == {}


@pytest.mark.parametrize("name", ours("detector"))
def test_a_detector_of_ours_passes_every_check(name, tmp_path):
    (subject,) = subjects(name, tmp_path, kind="detector", options=QUICK.get(name, {}))
    subject.folder.mkdir(parents=True)
    assert failed(findings(subject)) == {}


def test_a_dataset_of_ours_passes_every_check(tmp_path):
    options = {"images": 40, "side": 64}
    (subject,) = subjects("bbbc/simulated", tmp_path, kind="dataset", options=options)
    assert {finding.state for finding in findings(subject)} == {"passed"}


def test_a_folder_of_images_passes_every_check(tmp_path):
    from PIL import Image

    for number in range(12):
        place = tmp_path / ("a", "b")[number % 2]
        place.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (subject,) = subjects(f"folder:{tmp_path}", tmp_path / "out")
    assert failed(findings(subject)) == {}


@pytest.mark.parametrize("name", ["folder", "bbbc", "bbbc/bbbc039"])
def test_what_cannot_be_looked_at_is_no_failure(name, tmp_path):
    (subject,) = subjects(name, tmp_path, kind="dataset")
    states = {finding.check: finding.state for finding in findings(subject)}
    assert states.pop("imports") == "passed"
    assert set(states.values()) <= {"passed", "skipped"}
    assert states["examples"] == "skipped"


class Cells:
    """A dataset without a mistake; each mistake is a subclass."""

    def __iter__(self):
        for number in range(24):
            yield self.example(number, np.random.default_rng(number))

    def example(self, number, rng):
        return {
            "id": f"cell {number}",
            "image": rng.integers(0, 256, (16, 16, 1), np.uint8),
            "label": ("round", "long")[number % 2],
            "group": f"slide {number // 2}",
        }


class NoGroups(Cells):
    def example(self, number, rng):
        example = super().example(number, rng)
        del example["group"]
        return example


class OneGroup(Cells):
    def example(self, number, rng):
        return super().example(number, rng) | {"group": "all"}


class Floats(Cells):
    def example(self, number, rng):
        example = super().example(number, rng)
        return example | {"image": example["image"] / 255}


class NumberedLabels(Cells):
    def example(self, number, rng):
        return super().example(number, rng) | {"label": number % 2}


class SomeLabels(Cells):
    def example(self, number, rng):
        return super().example(number, rng) | {"label": "" if number == 3 else "round"}


class NamesForLabels(Cells):
    def example(self, number, rng):
        return super().example(number, rng) | {"label": f"cell {number}"}


class Unseeded(Cells):
    def example(self, number, rng):
        return super().example(number, np.random.default_rng())


class Shuffled(Cells):
    def __iter__(self):
        return iter([self.example(i, np.random.default_rng(i)) for i in self.order()])

    def order(self):
        return np.random.default_rng().permutation(24)


class SameIds(Cells):
    def example(self, number, rng):
        return super().example(number, rng) | {"id": "cell"}


class Rejecting(Cells):
    def example(self, number, rng):
        return {"id": f"cell {number}", "rejected": "damaged"}


CITED = {"licence": "CC0-1.0", "citation": "Cells (2026)."}


def dataset(target=Cells, **facts):
    return zoo.Dataset("cells", f"{__name__}:{target.__name__}", "Cells", **{**CITED, **facts})


@pytest.mark.parametrize(
    ("record", "check", "message"),
    [
        (dataset(), None, ""),
        (dataset(licence=""), "licence", "no licence of the images"),
        (dataset(citation=""), "licence", "no citation"),
        (dataset(Floats), "examples", "cell 0: image is float64"),
        (dataset(SameIds), "examples", "ids are not unique: 'cell'"),
        (dataset(Rejecting), "examples", "every example is set aside: damaged"),
        (dataset(NumberedLabels), "labels", "cell 0: label 0 is no text"),
        (dataset(SomeLabels), "labels", "1 of 24 examples have no label"),
        (dataset(NamesForLabels), "labels", "24 labels for 24 images, such as 'cell 0'"),
        (dataset(NoGroups), "groups", "24 of 24 examples have no group, such as 'cell 0'"),
        (dataset(OneGroup), "groups", "24 images are of 1 groups, and held-out images need 8"),
        (dataset(Unseeded), "again", "example 0 (cell 0) has another image the second time"),
        (dataset(Shuffled), "again", "has another"),
        (zoo.Dataset("cells", "not_there:Cells", "Cells"), "loads", "cannot be imported"),
        (zoo.Dataset("cells", f"{__name__}:Cells", ""), "loads", "no summary"),
    ],
)
def test_a_dataset_s_mistake_fails_the_check_for_it_alone(record, check, message, tmp_path):
    found = failed(findings(subject_of(record, tmp_path)))
    assert set(found) == ({check} if check else set())
    assert not check or message in found[check].found
    assert not check or (found[check].advice and "assert" not in found[check].advice)


class Means:
    """A detector without a mistake, quick: nearest mean of three features."""

    def __init__(self, seed=0, *, sharpness=4.0):
        self.rng = np.random.default_rng(seed)
        self.sharpness = sharpness

    def features(self, images):
        axes = (1, 2, 3)
        table = np.stack([images.mean(axes), images.std(axes), np.median(images, axes)], axis=1)
        return table / 255

    def fit(self, images, labels, validation=None):
        self.classes_ = np.unique(labels)
        table = self.features(images)
        self.means = np.stack([table[labels == label].mean(0) for label in self.classes_])
        return self

    def predict_proba(self, images):
        apart = np.square(self.features(images)[:, None] - self.means).sum(-1)
        odds = np.exp(-self.sharpness * apart)
        return odds / odds.sum(1, keepdims=True)


class NoSeed(Means):
    def __init__(self):
        super().__init__()


class NoProbabilities(Means):
    predict_proba = None


class NothingBack(Means):
    def fit(self, images, labels, validation=None):
        super().fit(images, labels)


class NoClasses(Means):
    def fit(self, images, labels, validation=None):
        super().fit(images, labels)
        del self.classes_
        return self

    def predict_proba(self, images):
        return super().predict_proba(images)


class Reversed(Means):
    def fit(self, images, labels, validation=None):
        super().fit(images, labels)
        self.means = self.means[::-1]
        return self


class Odds(Means):
    def predict_proba(self, images):
        return 2 * super().predict_proba(images)


class Random(Means):
    def fit(self, images, labels, validation=None):
        super().fit(images, labels)
        self.sharpness = self.sharpness + np.random.default_rng().random()
        return self


class ChangesInput(Means):
    def fit(self, images, labels, validation=None):
        super().fit(images, labels)
        images[:] = 0
        return self


class OfTheBatch(Means):
    def features(self, images):
        table = super().features(images)
        return table - 0.1 * table.mean(0)


class Forgets(Means):
    def save(self, path):
        path.write_text("nothing")


def load(path):
    """What `Forgets` is read with."""
    return Means().fit(*np.array([np.full((4, 8, 8, 1), 9), np.arange(4)], object))


def detector(target):
    return zoo.Detector("means", f"{__name__}:{target.__name__}", "Means")


@pytest.mark.parametrize(
    ("target", "check", "message"),
    [
        (Means, None, ""),
        (NothingBack, "contract", "fit returns NoneType"),
        (NoClasses, "classes", "no classes_ after fit"),
        (Reversed, "learns", "it is right about 0% of discs and noise"),
        (Odds, "probabilities", "the probabilities of an image sum to 2"),
        (Random, "repeats", "two detectors of seed 0 differ by up to"),
        (ChangesInput, "input", "fit changes the images"),
        (OfTheBatch, "single", "an image asked about by itself gets"),
    ],
)
def test_a_detector_s_mistake_fails_the_check_for_it_alone(target, check, message, tmp_path):
    found = failed(findings(subject_of(detector(target), tmp_path)))
    assert set(found) == ({check} if check else set())
    assert not check or message in found[check].found
    assert not check or (found[check].advice and "assert" not in found[check].advice)


@pytest.mark.parametrize(
    ("target", "check", "message"),
    [
        (NoSeed, "contract", "takes no seed"),
        (NoProbabilities, "contract", "no method predict_proba"),
        (Forgets, "saves", ""),
    ],
)
def test_a_detector_that_cannot_be_used_is_told(target, check, message, tmp_path):
    found = failed(findings(subject_of(detector(target), tmp_path)))
    assert message in found[check].found


def brightness(real, fake, context):
    """A metric without a mistake."""
    if min(len(real), len(fake)) < 2:
        raise NotComputed("too few")
    return abs(float(real.mean()) - float(fake.mean()))


def nan(real, fake, context):
    return float("nan") if real.std() == 0 else brightness(real, fake, context)


def pair(real, fake, context):
    return brightness(real, fake, context), 1.0


def paired(real, fake, context):
    nearly = np.abs(real[:8].astype(float) - fake[:8]).mean()
    return brightness(real, fake, context) + float(nearly)


def by_batch(real, fake, context):
    if min(len(real), len(fake)) < 5:
        raise NotComputed("too few")
    parts = [part.mean() ** 2 for part in np.array_split(real, 5)]
    return abs(float(np.mean(parts)) - float(fake.mean()) ** 2)


def random(real, fake, context):
    return brightness(real, fake, context) + np.random.default_rng().random()


def changing(real, fake, context):
    value = brightness(real, fake, context)
    fake[:] = 0
    return value


def upside_down(real, fake, context):
    return -brightness(real, fake, context)


def metric(target):
    return zoo.Metric("brightness", f"{__name__}:{target.__name__}", "Brightness")


@pytest.mark.parametrize(
    ("target", "check", "message"),
    [
        (brightness, None, ""),
        (nan, "undefined", "it gives nan for constant images"),
        (paired, "order", "when the images are shuffled"),
        (by_batch, "order", "when the images are shuffled"),
        (random, "repeats", "the same sets and seed give"),
        (changing, "input", "it changes the rows that it is given"),
        (upside_down, "better", "where lower is better"),
    ],
)
def test_a_metric_s_mistake_fails_the_check_for_it_alone(target, check, message, tmp_path):
    found = failed(findings(subject_of(metric(target), tmp_path)))
    assert set(found) == ({check} if check else set())
    assert not check or message in found[check].found
    assert not check or (found[check].advice and "assert" not in found[check].advice)


def test_a_metric_that_gives_two_numbers_is_told(tmp_path):
    found = failed(findings(subject_of(metric(pair), tmp_path)))
    assert "return one float" in found["value"].advice


class Follows:
    """A tracker without a mistake."""

    def run_started(self, run):
        self.path = run.path / "follows.csv"

    def logged(self, step, values):
        with self.path.open("a") as file:
            file.write(f"{step} {values}\n")

    def run_ended(self, run, status):
        self.path.touch()


class NeedsKey(Follows):
    def __init__(self, key):
        self.key = key


class NeverEnds(Follows):
    run_ended = None


class OnlyFinishes(Follows):
    def run_ended(self, run, status):
        {"finished": 0, "interrupted": 1}[status]


class OnlyBegins(Follows):
    def run_started(self, run):
        super().run_started(run)
        self.path.touch(exist_ok=False)


class Loud(Follows):
    def logged(self, step, values):
        print("step", step)


class Rewrites(Follows):
    def run_ended(self, run, status):
        run.update_manifest(tracked=True)


def tracker(target):
    return zoo.Tracker("follows", f"{__name__}:{target.__name__}", "Follows")


@pytest.mark.parametrize(
    ("target", "check", "message"),
    [
        (Follows, None, ""),
        (OnlyFinishes, "follows", "a run that is failed raises KeyError: 'failed'"),
        (OnlyBegins, "follows", "a run that is resumed raises FileExistsError"),
        (Loud, "silent", "it prints 'step 1' on stdout"),
        (Rewrites, "input", "it changes manifest.json"),
    ],
)
def test_a_tracker_s_mistake_fails_the_check_for_it_alone(target, check, message, tmp_path):
    found = failed(findings(subject_of(tracker(target), tmp_path)))
    assert set(found) == ({check} if check else set())
    assert not check or message in found[check].found
    assert not check or (found[check].advice and "assert" not in found[check].advice)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (NeedsKey, "it cannot be made without arguments"),
        (NeverEnds, "no method run_ended"),
    ],
)
def test_a_tracker_that_cannot_be_used_is_told(target, message, tmp_path):
    found = failed(findings(subject_of(tracker(target), tmp_path)))
    assert message in found["contract"].found


def test_a_record_that_is_none_is_told():
    with pytest.raises(UsageError, match="3 is no record of zoo"):
        subject_of(3, None)


def test_after_a_target_that_cannot_be_imported_nothing_else_is_tried(tmp_path):
    record = zoo.Metric("m", f"{__name__}:not_there", "M")
    (found,) = findings(subject_of(record, tmp_path))
    assert (found.check, found.state) == ("loads", "failed")
    expected = f"{__name__}:not_there cannot be imported, AttributeError: "
    assert found.found.startswith(expected)
    assert found.advice == "correct the module or the record's target"


def test_a_generator_that_is_none_is_told_once(tmp_path):
    record = zoo.Generator("g", "builtins:dict", "G")
    found = failed(findings(subject_of(record, tmp_path)))
    assert set(found) == {"record"}
    assert "no subclass of zoo.gan.GAN" in found["record"].found


def test_what_a_record_lacks_is_told_with_the_command_that_gets_it(tmp_path):
    record = zoo.Metric("m", f"{__name__}:brightness", "M", requires=("not-there>=2",))
    (found,) = findings(subject_of(record, tmp_path))
    assert str(found) == (
        "metric m, check loads: expected a complete record whose target can be imported\n"
        "  found: m needs what is not installed\n"
        "  do: pip install 'not-there>=2'"
    )


def test_a_framework_at_registration_is_caught(install, zoo_command):
    source = "import {}\nimport zoo\n\n@zoo.hookimpl\ndef zoo_metrics():\n    {}\n"
    record = "yield zoo.Metric('{}', 'math:dist', 'M')"
    install("zoo-early", source.format("numpy, math", record.format("early")))
    later = "import sklearn; " + record.format("late")
    install("zoo-late", source.format("math", later))
    for name, framework in (("early", "numpy"), ("late", "sklearn")):
        done = zoo_command("check", name, "--only", "imports")
        assert done.returncode == 1
        assert f"importing zoo_{name} loads numpy" in done.stdout
        assert framework in done.stdout
    done = zoo_command("check", "early", "--only", "loads")
    assert done.returncode == 0, done.stdout


def test_the_list_of_checks_imports_no_framework():
    import subprocess

    code = "import sys, zoo.testing, zoo.testing.pytest_plugin, zoo.scaffold; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "keras", "tensorflow", "sklearn", "scipy", "jinja2"}


def test_every_check_has_a_function_that_says_what_it_does():
    from pkgutil import resolve_name

    for kind, suite in SUITES.items():
        for check in (*SHARED, *suite.checks):
            if kind == "generator" and check in GENERATOR:
                continue
            assert resolve_name(check.function).__doc__, check
            assert re.fullmatch(r"[a-z][a-z-]+", check.name)
    with suppress(UsageError):
        checks_of("metric", ["speed"])
        pytest.fail("there is no such check")
