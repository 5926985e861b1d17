"""A study's YAML: which runs it is made of, checked before anything starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.catalog import number_as_text, read_mapping
from zoo.errors import UsageError, ZooError
from zoo.layers import blaming
from zoo.plugins import find, unknown
from zoo.recipe import locate, show
from zoo.settings import SETTINGS, convert_setting, one_budget
from zoo.values import convert

DESIGNS = Path(__file__).parent / "designs"
KEYS = {
    "summary": "str",
    "generators": "list[str]",
    "data": "list[str]",
    "seeds": "list[int]",
    "options": "",
    "settings": "",
    "detectors": "list[str]",
    "resources": "",
    "retries": "int",
}
ELSEWHERE = {"seed": "seeds has the seeds", "out": "the command's --out has the folder"}
RESOURCES = {"cpus": "float", "gpus": "float", "memory": "float"}


@dataclass(frozen=True)
class Variant:
    """Options that all generators of a study are tried with.

    Attributes:
        name: As the study names it, or made of its content; empty where there is only one.
        options: Of the generator, as the file has them.
    """

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one training, and one measurement, is given.

    Attributes:
        cpus: CPUs, and as many threads.
        gpus: GPUs, or a share of one; `None` takes one where there is one.
        memory: GB of main memory that must be free, or `None`.
    """

    cpus: float = 1
    gpus: float | None = None
    memory: float | None = None


@dataclass(frozen=True, kw_only=True)
class Design:
    """A study as its file states it.

    Attributes:
        name: The file's name without its ending.
        summary: One line.
        generators: Names of generators or of recipes.
        data: Names of datasets.
        seeds: Of the trainings.
        variants: At least one.
        settings: Of every run, in their types.
        detectors: That are measured; `None` for those of `zoo run`.
        resources: Of each run.
        retries: How often a run is tried again when its process dies.
    """

    name: str
    summary: str = ""
    generators: tuple[str, ...]
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...] = (Variant(),)
    settings: Mapping[str, Any] = field(default_factory=dict)
    detectors: tuple[str, ...] | None = None
    resources: Resources = Resources()
    retries: int = 2


def shipped() -> list[Path]:
    """The study files that come with zoo."""
    return sorted(DESIGNS.glob("*.yaml"))


def find_design(text: str) -> Path:
    """The file that a person means: a path, or the name of a study that comes with zoo.

    Raises:
        zoo.errors.UsageError: If there is neither; the message holds the names.
    """
    if (path := Path(text)).is_file():
        return path
    names = {path.stem: path for path in shipped()}
    if text in names:
        return names[text]
    raise UsageError(f"{unknown('study', text, names)}; or the path of a YAML file")


def read_design(path: Path) -> Design:
    """Read a study's file and check every key, name and value but the options.

    Those are checked with the generators that they are for, when the cells are planned.

    Raises:
        zoo.errors.ZooError: If the file cannot be read, or is no YAML.
        zoo.errors.UsageError: If a key, a name or a value is wrong; the message says which.
    """
    with blaming(str(path)):
        return _design(path.stem, read_mapping(path))


def _design(name: str, held: Mapping[str, Any]) -> Design:
    for key in held:
        if key not in KEYS:
            raise unknown("key", str(key), KEYS)
    if fault := number_as_text(held):
        raise UsageError(fault)
    given = {key: _value(key, held[key]) for key in KEYS if held.get(key) is not None}
    for key in ("generators", "data", "seeds"):
        if not given.get(key):
            raise UsageError(f"{key} is missing")
    if given.get("retries", 0) < 0:
        raise UsageError(f"retries={given['retries']}: expected at least 0")
    variants = tuple(_variants(given.pop("options", {})))
    for key in ("generators", "data", "seeds", "detectors"):
        _check_once(key, given.get(key, ()))
    _check_once("options", [variant.name for variant in variants])
    _check_data(given["data"])
    for detector in given.get("detectors", ()):
        find("detectors", detector)
    settings = _settings(given.pop("settings", {}))
    resources = _resources(given.pop("resources", {}))
    return Design(name=name, variants=variants, settings=settings, resources=resources, **given)


def _value(key: str, value: Any) -> Any:
    annotation = KEYS[key]
    if not annotation:
        return value
    if annotation.startswith("list") and not isinstance(value, (list, tuple)):
        value = [value]
    return convert(value, annotation, key=key)


def _check_once(key: str, values: Sequence[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise UsageError(f"{key}: {show(value) or 'no options'} is there twice")


def _check_data(names: Sequence[str]) -> None:
    for name in names:
        if alias := find("datasets", name).alias:
            raise UsageError(f"data: {name} stands for one of {', '.join(alias)}; name that")
        locate(name)


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{key}: expected a mapping of names to values")
    if fault := number_as_text(value):
        raise UsageError(f"{key}: {fault}")
    return value


def _settings(held: Any) -> dict[str, Any]:
    given = _mapping("settings", held)
    for name in given:
        if name in ELSEWHERE:
            raise UsageError(f"settings: {name} does not belong there; {ELSEWHERE[name]}")
        if name not in SETTINGS:
            raise unknown("setting", name, [key for key in SETTINGS if key not in ELSEWHERE])
    one_budget(given, "settings")
    with blaming("settings"):
        return {name: convert_setting(name, value) for name, value in given.items()}


def _resources(held: Any) -> Resources:
    given = _mapping("resources", held)
    for name in given:
        if name not in RESOURCES:
            raise unknown("resource", name, RESOURCES)
    typed = {n: convert(v, RESOURCES[n], key=f"resources.{n}") for n, v in given.items()}
    for name, value in typed.items():
        if value < 0 or (value == 0 and name != "gpus"):
            raise UsageError(f"resources.{name}={value:g}: expected above 0")
    for name in ("cpus", "gpus"):
        if (value := typed.get(name, 0)) > 1 and value != int(value):
            raise UsageError(f"resources.{name}={value:g}: above 1 only whole numbers")
    return Resources(**typed)


def _variants(held: Any) -> Iterator[Variant]:
    if not isinstance(held, list):
        yield Variant("", _mapping("options", held))
        return
    if not held:
        raise UsageError("options: expected a mapping, or a list of mappings")
    for number, one in enumerate(held, 1):
        options = dict(_mapping(f"options, number {number}", one or {}))
        name = options.pop("name", None)
        if name is not None and not isinstance(name, str):
            raise UsageError(f"options, number {number}: name: expected text")
        yield Variant(name or _content(options), options)


def _content(options: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={show(value)}" for key, value in options.items()) or "default"


def summary_of(path: Path) -> str:
    """The line on a study file for a list; a damaged file's is what is wrong with it."""
    try:
        return str(read_mapping(path).get("summary") or "")
    except ZooError as error:
        return str(error)
