"""Checks for the tests of plugin authors."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

DTYPES = ("uint8", "uint16", "int16", "int32", "float32")
TEXT = ("label", "group", "split", "note")


def check_dataset(examples: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Check that examples are what a dataset may yield (`zoo.specs.Dataset`).

    Args:
        examples: A dataset's callable, called; it is iterated over twice.

    Returns:
        The examples of the first iteration, for further checks.

    Raises:
        AssertionError: If an example breaks the contract; the message names it and the field.

    Example:
        ```python
        def test_my_dataset(tmp_path):
            zoo.testing.check_dataset(MyDataset(str(tmp_path)))
        ```
    """
    found = list(examples)
    ids = [example.get("id") for example in found]
    for example in found:
        _check(example)
    assert len(set(ids)) == len(ids), f"ids are not unique: {_repeated(ids)}"
    again = [example.get("id") for example in examples]
    assert ids == again, "a second iteration gives other ids"
    return found


def _check(example: Mapping[str, Any]) -> None:
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
    assert image.dtype.name in DTYPES, f"{name}: image is {image.dtype}, not {', '.join(DTYPES)}"
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


def _repeated(names: list[Any]) -> str:
    return ", ".join(sorted({repr(name) for name in names if names.count(name) > 1})[:5])
