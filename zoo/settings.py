"""The settings of a run: their types, defaults and presets, whatever the generator."""

import functools
import importlib.util
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.plugins import unknown
from zoo.values import convert, parse_size

BUDGETS = ("steps", "kimg", "epochs", "minutes")
PRESETS: dict[str, dict[str, Any]] = {"quick": {"kimg": 24}, "full": {"kimg": 2000}}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting's type, as an annotation, and its default.

    Attributes:
        annotation: Python source.
        default: Value where nothing else sets it.
        least: Smallest value; a budget must be above it.
        most: Largest value.
        shapes: Whether another value gives other weights, so that a resumed run must keep it.
    """

    annotation: str
    default: Any = None
    least: float = -math.inf
    most: float = math.inf
    shapes: bool = False


SETTINGS = {
    "preset": Setting("Literal['quick', 'full']"),
    "seed": Setting("int", 0, least=0, shapes=True),
    "split_seed": Setting("int", 0, least=0, shapes=True),
    "steps": Setting("int | None", least=0, shapes=True),
    "kimg": Setting("float | None", least=0, shapes=True),
    "epochs": Setting("float | None", least=0, shapes=True),
    "minutes": Setting("float | None", least=0, shapes=True),
    "image_size": Setting("size", (64, 64), shapes=True),
    "label": Setting("str | None", shapes=True),
    "view": Setting("Literal['tile', 'resize'] | None", shapes=True),
    "downscale": Setting("float", 1.0, least=1.0, shapes=True),
    "min_foreground": Setting("float | None", least=0.0, most=1.0, shapes=True),
    "jit": Setting("Literal['auto', 'on', 'off']", "auto", shapes=True),
    "device": Setting("Literal['auto', 'cpu', 'gpu']", "auto"),
    "threads": Setting("int", 0, least=0),
    "eval": Setting("bool", True),
    "offline": Setting("bool", False),
    "out": Setting("str", "runs"),
    "score_images": Setting("int", 512, least=2),
    "inception_weights": Setting("str | None"),
    "inception_layer": Setting("str | None"),
}


def convert_setting(name: str, value: Any) -> Any:
    """A setting's value, from text or typed, in its type.

    Raises:
        zoo.errors.UsageError: If there is no such setting, or the value does not fit it.
    """
    if name not in SETTINGS:
        raise unknown("setting", name, SETTINGS)
    setting = SETTINGS[name]
    if setting.annotation == "size":
        return parse_size(value)
    value = os.fspath(value) if isinstance(value, Path) else value
    converted = convert(value, setting.annotation, key=name)
    if isinstance(converted, (int, float)) and not isinstance(converted, bool):
        _check_range(name, converted, setting)
    return converted


def one_budget(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The one budget among settings, if any.

    Raises:
        zoo.errors.UsageError: If two are given.
    """
    given = {name: values[name] for name in BUDGETS if values.get(name) is not None}
    if len(given) > 1:
        raise UsageError(f"{where}: give one of {', '.join(BUDGETS)}, not {' and '.join(given)}")
    return given


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Settings from `ZOO_SEED`, `ZOO_KIMG`, `ZOO_PRESET`, …; an empty variable sets nothing."""
    found = {}
    for name in SETTINGS:
        if text := environ.get(variable := f"ZOO_{name.upper()}"):
            try:
                found[name] = convert_setting(name, text)
            except UsageError as error:
                raise UsageError(f"{variable}: {error}") from None
    one_budget(found, "environment")
    return found


@functools.cache
def has_gpu() -> bool:
    """Whether TensorFlow will find an NVIDIA GPU, judged without importing it.

    It needs the device and CUDA's libraries, from the `gpu` extra or from the system.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if not Path("/proc/driver/nvidia/gpus").is_dir() and not Path("/dev/nvidia0").exists():
        return False
    libraries = importlib.util.find_spec("nvidia") or Path("/usr/local/cuda").exists()
    return libraries is not None and libraries is not False


def _check_range(name: str, value: float, setting: Setting) -> None:
    if value < setting.least or (name in BUDGETS and value == setting.least):
        bound = f"above {setting.least:g}" if name in BUDGETS else f"at least {setting.least:g}"
        raise UsageError(f"{name}={value:g}: expected {bound}")
    if value > setting.most:
        raise UsageError(f"{name}={value:g}: expected at most {setting.most:g}")
