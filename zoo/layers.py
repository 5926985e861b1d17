"""Where a run's values come from: each source of settings and options, of one precedence."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import specs
from zoo.catalog import read_mapping
from zoo.errors import UsageError
from zoo.settings import BUDGETS, PRESETS, SETTINGS, convert_setting, has_gpu, one_budget
from zoo.signatures import convert_options

PATHS = ("inception_weights", "labels", "masks", "accept", "reject")
DEFAULTS = {False: "quick", True: "full"}  # by whether there is a GPU


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings and options from one source, of one precedence."""

    origin: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def speaks(self, name: str) -> bool:
        """Whether it decides a setting; one budget silences the other three below."""
        return any(key in self.settings for key in (BUDGETS if name in BUDGETS else (name,)))


def converted(
    origin: str, record: specs.Generator, settings: Mapping[str, Any], options: Mapping[str, Any]
) -> Layer:
    """Text or typed values as a layer.

    Raises:
        zoo.errors.UsageError: On an unknown name, a wrong value, or two budgets.
    """
    typed = {name: convert_setting(name, value) for name, value in settings.items()}
    # What is not there may be meant relative to a dataset's folder.
    given = {k: Path(typed[k]) for k in PATHS if typed.get(k)}
    typed |= {k: str(path.absolute()) for k, path in given.items() if path.exists()}
    one_budget(typed, origin)
    return Layer(origin, typed, convert_options(record, options))


def config(path: Path | None, record: specs.Generator) -> list[Layer]:
    """The user's settings, if the file exists."""
    if path is None or not path.is_file():
        return []
    with blaming(str(path)):
        return [converted(str(path), record, read_mapping(path), {})]


def preset(record: specs.Generator, layers: Sequence[Layer]) -> list[Layer]:
    """The preset that the layers above name, or the default one, and what it holds."""
    device = next((x.settings["device"] for x in layers if "device" in x.settings), "auto")
    gpu = device != "cpu" and has_gpu()
    default = Layer("default on a GPU" if gpu else "default on a CPU", {"preset": DEFAULTS[gpu]})
    name = next(x.settings["preset"] for x in [*layers, default] if "preset" in x.settings)
    own = dict(record.presets.get(name, {}))
    settings = {key: value for key, value in own.items() if key in SETTINGS}
    options = {key: value for key, value in own.items() if key not in SETTINGS}
    base = {} if one_budget(settings, f"preset {name}") else PRESETS[name]
    with blaming(f"preset {name} of {record.name}"):
        return [default, converted(f"preset {name}", record, {**base, **settings}, options)]


@contextlib.contextmanager
def blaming(source: str) -> Iterator[None]:
    """Say whose value is wrong when it is not the command line's."""
    try:
        yield
    except UsageError as error:
        raise type(error)(f"{source}: {error}") from None
