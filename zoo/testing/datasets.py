"""Checks of a dataset's examples."""

import hashlib
import itertools
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from functools import cached_property
from typing import Any

import numpy as np

from zoo.data.source import Source, open_source
from zoo.data.splits import MIN_GROUPS
from zoo.errors import UsageError, ZooError
from zoo.testing.suite import Note, Skipped, Subject

DTYPES = ("uint8", "uint16", "int16", "int32", "float32")
TEXT = ("group", "split", "note")
MOST = 300  # examples that are looked at
SET_ASIDE = 0.05  # a larger share is doubtful
Example = Mapping[str, Any]


class DatasetCase:
    """A dataset under test: its first examples.

    Args:
        subject: The record; a prepared dataset is read from where it lies.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.record = subject.record
        if self.record.alias:
            raise Skipped(f"it stands for {', '.join(self.record.alias)}")
        if self.record.scheme and subject.name == self.record.name:
            typed = f"{subject.name}:{self.record.scheme.upper()}"
            raise Skipped(
                f'it needs an argument: zoo check {typed}, in tests conformance("{typed}")'
            )

    def source(self) -> Source:
        """The dataset, opened anew."""
        try:
            return open_source(self.record, self.subject.name, self.subject.options)
        except ZooError as reason:
            if self.record.archives:
                raise Skipped(str(reason)) from reason
            raise

    def first(self) -> list[Example]:
        """The first examples of an iteration."""
        return list(itertools.islice(self.source().examples(), MOST))

    @cached_property
    def examples(self) -> list[Example]:
        """The first examples; those that are set aside among them."""
        return self.first()

    @property
    def images(self) -> list[Example]:
        """Those that have an image."""
        return [example for example in self.examples if "image" in example]


def check_use(subject: Subject) -> None:
    """Refuse an argument or options that the dataset refuses; the checks say what else is wrong.

    Raises:
        zoo.errors.UsageError: What the dataset raised.
    """
    try:
        with redirect_stdout(sys.stderr):
            DatasetCase(subject).source()
    except UsageError:
        raise
    except Exception:  # someone else's code may raise anything
        return


def check_dataset(examples: Iterable[Example]) -> list[Example]:
    """Check examples by themselves; `zoo.testing.check_dataset` documents it."""
    found = list(examples)
    check_each(found)
    check_names(found)
    again = [example.get("id") for example in examples]
    assert [e.get("id") for e in found] == again, "a second iteration gives other ids"
    return found


def check_licence(case: DatasetCase) -> None:
    """Record or source state a licence, and where the images come from."""
    stated = {key: getattr(case.record, key) for key in ("licence", "citation", "paper")}
    stated |= {key: value for key, value in dict(case.source().facts()).items() if value}
    assert stated["licence"], (
        "no licence of the images; give the record licence='CC-BY-4.0' or whatever it is"
    )
    if case.record.scheme:  # the user's own images
        return
    assert stated["citation"] or stated["paper"], (
        "no citation; give the record citation='…', or paper='doi:…', so that reports can name it"
    )


def check_examples(case: DatasetCase) -> Note:
    """Each example is what `zoo.specs.Dataset` says; tells how many are set aside, and why."""
    assert case.examples, "there are no examples; yield mappings with id and image"
    check_each(case.examples)
    reasons = [example["rejected"] for example in case.examples if "rejected" in example]
    assert case.images, f"every example is set aside: {reasons[0]}; yield one with an image"
    first = "the first " * (len(case.examples) == MOST)
    if not reasons:
        return Note(f"{first}{len(case.images)} images")
    n = len(case.examples)
    text = f"{first}{n} images, {len(reasons)} set aside: {reasons[0]}"
    if len(reasons) <= SET_ASIDE * n:
        return Note(text)
    report = f"`zoo data report {case.subject.name}` lists them with their reasons"
    return Note(text, f"{len(reasons) / n:.0%} of the images are set aside; {report}")


def check_labels(case: DatasetCase) -> None:
    """Labels are the names of a few classes."""
    check_names(case.examples)
    labels = [example.get("label", "") for example in case.images]
    without = labels.count("")
    if without == len(labels):
        raise Skipped("the examples have no label")
    assert not without, (
        f"{without} of {len(labels)} examples have no label; give every example one, or set those "
        "without aside"
    )
    assert len(set(labels)) <= max(2, len(labels) // 2), (
        f"{len(set(labels))} labels for {len(labels)} images, such as {labels[0]!r}; a label is "
        "the name of a class, not of an image"
    )


def check_groups(case: DatasetCase) -> None:
    """Every example says what it shares with others of its source."""
    images = case.images
    without = [example for example in images if not example.get("group")]
    assert not without or case.record.archives, (
        f"{len(without)} of {len(images)} examples have no group, such as {without[0]['id']!r}; "
        "yield group= the patient, slide or well, or the image's id where images are independent"
    )
    groups = {example.get("group", example["id"]) for example in images}
    few = len(groups) < MIN_GROUPS and len(images) >= MIN_GROUPS
    assert not few or case.record.scheme or len(images) == MOST, (
        f"{len(images)} images are of {len(groups)} groups, and held-out images need {MIN_GROUPS}; "
        "make groups smaller if images of two of them have nothing in common"
    )


def check_again(case: DatasetCase) -> None:
    """A second opening gives the same examples, bit for bit."""
    for number, (one, other) in enumerate(itertools.zip_longest(case.examples, case.first())):
        assert one is not None and other is not None, (  # noqa: PT018
            "another number of examples the second time; let it depend on the files alone"
        )
        changed = [key for key in {*one, *other} if _hash(one.get(key)) != _hash(other.get(key))]
        assert not changed, (
            f"example {number} ({one.get('id')}) has another {' and '.join(sorted(changed))} the "
            "second time; sort what is listed, and draw random numbers from a seed of your own"
        )


def check_each(examples: Iterable[Example]) -> None:
    """Each example by itself, and that ids are unique."""
    ids = []
    for example in examples:
        _check(example)
        ids.append(example["id"])
    assert len(set(ids)) == len(ids), f"ids are not unique: {_repeated(ids)}"


def check_names(examples: Iterable[Example]) -> None:
    """Labels are text."""
    for example in examples:
        label = example.get("label", "")
        assert isinstance(label, str), (
            f"{example['id']}: label {label!r} is no text; yield the class's name"
        )


def _check(example: Example) -> None:
    name = example.get("id")
    assert isinstance(name, str), f"id {name!r} is no text"
    assert name, "an id is empty"
    for field in (*TEXT, "rejected"):
        value = example.get(field, "")
        assert isinstance(value, str), f"{name}: {field} {value!r} is no text"
    if "rejected" in example:
        assert example["rejected"], f"{name}: rejected without a reason"
        assert "image" not in example, f"{name}: has an image and is rejected"
        return
    _check_image(name, example.get("image"))
    if "mask" in example:
        _check_mask(name, example["mask"], example["image"].shape)
    for field in ("pixel_size", "window"):
        if example.get(field) is not None:
            _check_pair(f"{name}: {field}", example[field], positive=field == "pixel_size")


def _check_image(name: str, image: Any) -> None:
    assert isinstance(image, np.ndarray), f"{name}: image is {type(image).__name__}, no array"
    assert image.dtype.name in DTYPES, (
        f"{name}: image is {image.dtype}, not {', '.join(DTYPES)}; yield the file's own values"
    )
    assert image.ndim == 3, f"{name}: image of shape {image.shape} is not H×W×C"
    assert image.size, f"{name}: image of shape {image.shape} has no area"
    assert 1 <= image.shape[2] <= 4, f"{name}: {image.shape[2]} channels, not 1 to 4"
    assert np.isfinite(image).all(), f"{name}: image holds NaN or infinite values"


def _check_mask(name: str, mask: Any, shape: tuple[int, ...]) -> None:
    assert isinstance(mask, np.ndarray), f"{name}: mask is {type(mask).__name__}, no array"
    assert mask.dtype == np.uint16, f"{name}: mask is {mask.dtype}, not uint16"
    assert mask.shape == shape[:2], f"{name}: mask of {mask.shape} for an image of {shape[:2]}"


def _check_pair(what: str, pair: Any, *, positive: bool) -> None:
    assert len(pair) == 2, f"{what} {pair!r} is no pair"
    assert all(np.isfinite(value) for value in pair), f"{what} {pair!r} is not finite"
    assert not positive or min(pair) > 0, f"{what} {pair!r} is not positive"
    assert positive or pair[0] <= pair[1], f"{what} {pair!r} is not (low, high)"


def _hash(value: Any) -> str:
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype} {value.shape} {digest}"
    return repr(value)


def _repeated(names: list[Any]) -> str:
    return ", ".join(sorted({repr(name) for name in names if names.count(name) > 1})[:5])
