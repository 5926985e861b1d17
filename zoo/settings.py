"""The settings of a run: their types, defaults and presets, whatever the generator."""

import functools
import importlib.util
import math
import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.plugins import unknown
from zoo.values import convert, parse_size

LARGEST_SEED = 2**31 - 1 - 2**21  # an int32 to which the streams of latents are added
NATIVE = "native"
# What `zoo.data.load` takes; of these, what a dataset reads its files by.
READING = ("labels", "masks", "pattern", "z", "t", "channels")
DATA_SETTINGS = (
    *("image_size", "view", "downscale", "min_foreground", "split", "split_seed", "label"),
    *("intensity", "pixel_size", "curate", "accept", "reject", *READING, "data_options"),
    "offline",
)
BUDGETS = ("steps", "kimg", "epochs", "minutes")
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 24},
    "small": {"kimg": 100},
    "full": {"kimg": 2000},
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its type, as an annotation, its default, and what the command line says of it.

    Attributes:
        annotation: Python source.
        default: Value where nothing else sets it.
        help: One sentence, without the default.
        metavar: What stands for the value in the help; empty for a switch.
        least: Smallest value; a budget must be above it.
        most: Largest value.
        shapes: Whether another value gives other weights, so that a resumed run must keep it.
    """

    annotation: str
    default: Any = None
    _: KW_ONLY
    help: str
    metavar: str = ""
    least: float = -math.inf
    most: float = math.inf
    shapes: bool = False


def _shaping(annotation: str, default: Any = None, **facts: Any) -> Setting:
    return Setting(annotation, default, shapes=True, **facts)


SETTINGS = {
    "seed": _shaping(
        "int",
        0,
        help="Seed of weights, latents and augmentation.",
        metavar="N",
        least=0,
        most=LARGEST_SEED,
    ),
    "split_seed": _shaping(
        "int", 0, help="Seed of the split into training and held-out images.", metavar="N", least=0
    ),
    "preset": _shaping(
        "Literal['quick', 'small', 'full']",
        help="Budget and options; quick on a CPU, full on a GPU, small for a few hundred images.",
        metavar="quick|small|full",
    ),
    "steps": _shaping("int | None", help="Train for N steps.", metavar="N", least=0),
    "kimg": _shaping(
        "float | None",
        help="Train until the discriminator has seen N thousand real images.",
        metavar="N",
        least=0,
    ),
    "epochs": _shaping(
        "float | None", help="Train for N passes through the images.", metavar="N", least=0
    ),
    "minutes": _shaping(
        "float | None",
        help="Train for N minutes; the step reached is recorded.",
        metavar="N",
        least=0,
    ),
    "image_size": _shaping(
        "size",
        (64, 64),
        help="Size of the images, pixels, or native for their own.",
        metavar="HxW|native",
    ),
    "label": _shaping(
        "str | None", help="What a conditional generator is conditioned on.", metavar="FIELD"
    ),
    "view": _shaping(
        "Literal['tile', 'resize', 'crop', 'pad'] | None",
        help="How larger images become training images; by default as the dataset says.",
        metavar="tile|resize|crop|pad",
    ),
    "downscale": _shaping(
        "float",
        1.0,
        help="Shrink images by this factor before they are cut.",
        metavar="X",
        least=1.0,
    ),
    "min_foreground": _shaping(
        "float | None",
        help="Skip tiles with a smaller share of foreground.",
        metavar="X",
        least=0.0,
        most=1.0,
    ),
    "split": _shaping(
        "Literal['grouped', 'official'] | None",
        help="By group into 60/15/10/15 %, or the dataset's own; by default as the dataset says.",
        metavar="grouped|official",
    ),
    "intensity": _shaping(
        "str",
        "auto",
        help="How raw values become pixels: auto, none, range, percentile[:LOW,HIGH], "
        "window:LOW,HIGH or file.",
        metavar="HOW",
    ),
    "pixel_size": _shaping(
        "float | None", help="Side of a pixel of the source images, µm.", metavar="UM", least=0.0
    ),
    "curate": _shaping(
        "str", "", help="Steps such as median:3,focus,distinct,balance.", metavar="STEPS"
    ),
    "accept": _shaping("str | None", help="List of the only images to use.", metavar="FILE"),
    "reject": _shaping("str | None", help="List of images to leave out.", metavar="FILE"),
    "labels": _shaping(
        "str | None",
        help="CSV with columns path and any of label, group, split.",
        metavar="FILE",
    ),
    "masks": _shaping(
        "str | None", help="Folder of masks, named like the images.", metavar="FOLDER"
    ),
    "pattern": _shaping(
        "str | None",
        help="How files are named, such as {well}_{field}_z{z}_c{channel}.tif.",
        metavar="TEXT",
    ),
    "z": _shaping("str | None", help="Planes of a stack: N, max, mean, middle, all.", metavar="Z"),
    "t": _shaping("str | None", help="Times of a series: N, max, mean, middle, all.", metavar="T"),
    "channels": _shaping("str | None", help="Channels to use, such as 0,2.", metavar="N,N"),
    "data_options": _shaping(
        "str", "", help="Options of the dataset, such as images=100,seed=1.", metavar="K=V,K=V"
    ),
    "with_mask": _shaping(
        "bool", False, help="Generate masks along with the images, for datasets that have them."
    ),
    "gpus": _shaping("int", 1, help="GPUs that share each batch.", metavar="N", least=1),
    "jit": _shaping(
        "Literal['auto', 'on', 'off']",
        "auto",
        help="Compile with XLA; auto does so on a GPU.",
        metavar="auto|on|off",
    ),
    "device": Setting(
        "Literal['auto', 'cpu', 'gpu']", "auto", help="Where to train.", metavar="auto|cpu|gpu"
    ),
    "threads": Setting("int", 0, help="CPU threads; 0 takes all.", metavar="N", least=0),
    "workers": Setting(
        "str",
        "1",
        help="Processes of this machine that share each batch on its CPU, or where to find the "
        "workers on others.",
        metavar="N|slurm|tf-config",
    ),
    "steps_per_call": Setting(
        "int", 1, help="Steps that run without returning to Python.", metavar="N", least=1
    ),
    "keep": Setting("int", 2, help="Checkpoints to keep.", metavar="N", least=1),
    "on_collapse": Setting(
        "Literal['warn', 'stop', 'rollback']",
        "warn",
        help="When samples collapse: say so, stop, or end with the last good checkpoint.",
        metavar="warn|stop|rollback",
    ),
    "eval": Setting("bool", True, help="Measure and detect, or train and sample only."),
    "offline": Setting("bool", False, help="Download nothing."),
    "track": Setting(
        "str | None",
        help="Experiment trackers to tell of the run, such as mlflow,tensorboard.",
        metavar="NAME,NAME",
    ),
    "out": Setting("str", "runs", help="Folder that holds the runs.", metavar="DIR"),
    "score_images": Setting(
        "int", 512, help="Generated and real images that are scored.", metavar="N", least=2
    ),
    "inception_weights": Setting(
        "str | None", help="Weights of InceptionV3 for the feature metrics.", metavar="FILE"
    ),
    "inception_layer": Setting(
        "str | None", help="Layer of InceptionV3 whose output is compared.", metavar="NAME"
    ),
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
        return value if value == NATIVE else parse_size(value)
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
    return bool(importlib.util.find_spec("nvidia")) or Path("/usr/local/cuda").exists()


def _check_range(name: str, value: float, setting: Setting) -> None:
    positive = name in (*BUDGETS, "pixel_size")
    if value < setting.least or (positive and value == setting.least):
        bound = f"above {setting.least:g}" if positive else f"at least {setting.least:g}"
        raise UsageError(f"{name}={value:g}: expected {bound}")
    if value > setting.most:
        raise UsageError(f"{name}={value:g}: expected at most {setting.most:.10g}")
