"""What is wrong with a record, told before it can break anything."""

import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from zoo import specs

API = 1
OURS = "zoo"  # the distribution whose names win
KINDS: dict[str, Any] = {
    "generators": specs.Generator,
    "datasets": specs.Dataset,
    "detectors": specs.Detector,
    "extractors": specs.Extractor,
    "metrics": specs.Metric,
    "trackers": specs.Tracker,
    "recipes": Mapping,
}
NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*")


def name_of(record: Any) -> str:
    """The name of a record, or of a recipe's mapping."""
    return str(record["name"] if isinstance(record, Mapping) else record.name)


def fault_of(record: Any, kind: str) -> str:
    """One line on what is wrong with what a hook returned; empty if nothing is.

    Args:
        record: Anything.
        kind: One of `KINDS`.
    """
    if not isinstance(record, KINDS[kind]):
        return f"{type(record).__name__} is no {KINDS[kind].__name__}"
    name = record.get("name") if kind == "recipes" else record.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{name!r} is no name: lower-case letters, digits and hyphens"
    if kind == "recipes":
        return ""
    if record.api != API:
        return f"{name} is written for api {record.api!r}; this zoo knows api {API}"
    for attribute, hint in _hints(type(record)).items():
        if not fits(value := getattr(record, attribute), hint):
            return f"{name}: {attribute} is {value!r}, not {_shown(hint)}"
    return ""


def contest(what: str, name: str, packages: list[str]) -> str:
    """One line on a name that several packages claim, and what to write instead.

    Args:
        what: Such as `plugin` or `generator`.
        name: The name.
        packages: Who claims it.
    """
    others = sorted({package for package in packages if package != OURS})
    if OURS in packages and others:
        claim = f"{what} {name!r} is also claimed by {' and '.join(others)}"
        return f"{claim}; zoo's own is used, {others[0]}:NAME selects the other"
    if len(set(packages)) == 1:
        return f"{what} {name!r} is claimed {len(packages)} times by {packages[0]}; it is unusable"
    either = " or ".join(f"{package}:{name}" for package in sorted(packages))
    return f"{what} {name!r} is claimed by both {' and '.join(sorted(packages))}; write {either}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value has the type that an annotation states."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is types.UnionType:
        return any(fits(value, choice) for choice in inner)
    if origin is tuple and isinstance(value, (tuple, list)):
        each = [inner[0]] * len(value) if inner[-1:] == (...,) else list(inner)
        return len(each) == len(value) and all(map(fits, value, each))
    if origin is Mapping and isinstance(value, Mapping):
        return all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    return origin is None and isinstance(value, hint) and isinstance(value, bool) <= (hint is bool)


def _hints(record: type) -> dict[str, Any]:
    return {
        attribute: hint
        for cls in reversed(record.__mro__)
        for attribute, hint in vars(cls).get("__annotations__", {}).items()
        if attribute != "_"
    }


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
