"""The protocol card of a score: what must be equal for two to be compared, and what may differ."""

import os
import platform
from collections.abc import Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from zoo.data.imageset import HELD_OUT, ImageSet

PACKAGES = ("zoo", "numpy", "tensorflow", "keras", "keras-cv", "scikit-learn", "scikit-image")
QUANTISATION = {
    "uint8": "uint8, generated images rounded half up: floor(127.5 x + 128), clamped",
    "uint16": (
        "uint16, generated images rounded half up: floor(32767.5 x + 32768), clamped; "
        "then real and generated ones to uint8: floor((p + 128) / 257)"
    ),
}


def data_facts(images: ImageSet) -> dict[str, Any]:
    """Which images were compared, and at what size."""
    height, width, channels = images.shape[1:]
    return {
        "data": images.name,
        "data_fingerprint": images.fingerprint,
        "size": f"{height}x{width}x{channels}",
        "quantisation": QUANTISATION[images.dtype.name],
    }


def split_facts(side: str) -> dict[str, Any]:
    """Which reals were compared."""
    parts = {"held_out": ", ".join(HELD_OUT), "train": "train"}
    return {"reals": side.replace("_", "-"), "split": f"by group: {parts[side]}"}


def origin(seed: int, images: ImageSet) -> dict[str, Any]:
    """Seeds, machine and versions."""
    return {
        "split_seed": images.provenance.get("split_seed"),
        "drawing": "systematic sample over groups, each image with the same chance",
        **surroundings(seed),
    }


def surroundings(seed: int) -> dict[str, Any]:
    """Seed, machine and versions."""
    return {
        "seed": seed,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "versions": {"python": platform.python_version(), **versions()},
    }


def card(comparable: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The card as `evaluation.json` holds it."""
    return {"comparable": dict(comparable), "provenance": dict(provenance)}


def difference(
    first: Mapping[str, Any], second: Mapping[str, Any], *, without: Collection[str] = ()
) -> tuple[str, Any, Any]:
    """The first field in which two cards' `comparable` facts differ, with both values.

    Args:
        first: Facts of one number.
        second: Facts of another.
        without: Fields that may differ.

    Returns:
        (field, value in first, value in second); a field of a nested mapping is dotted, one that
        is absent has the value `None`. The field is empty if nothing differs.
    """
    for key in dict.fromkeys([*first, *second]):
        ours, theirs = first.get(key), second.get(key)
        if key in without or ours == theirs:
            continue
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            inner, ours, theirs = difference(ours, theirs)
            return f"{key}.{inner}", ours, theirs
        return key, ours, theirs
    return "", None, None


def versions() -> dict[str, str]:
    """Of the packages on which a measurement depends."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
