"""registry.yaml: recipes by name, and an index of third-party plugins; never names of code."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import UsageError, ZooError
from zoo.plugins import registry as installed
from zoo.plugins import unknown

FACTS = ("generator", "data", "options", "summary", "reported", "measured", "name")
# YAML 1.1 takes 2e-4 for text: a number with an exponent needs a point and a sign.
NUMBER_AS_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")


@dataclass(frozen=True, slots=True)
class NamedRecipe:
    """A generator on a dataset, as somebody published it.

    Attributes:
        name: `generator.data-size`.
        generator: Name of a generator.
        data: Name of a dataset, never an alias.
        values: Settings of the run as the source has them; `settings` checks them.
        options: Of the generator.
        summary: One line for `zoo list`.
        reported: What the paper reports.
        measured: What we measured, with version and machine; absent until then.
        source: The file or the package that declares it.
    """

    name: str
    generator: str
    data: str
    values: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    reported: Any = None
    measured: Any = None
    source: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the run in their types, such as `{"seed": 0, "kimg": 96}`.

        Raises:
            zoo.errors.UsageError: On a key that is no setting, or a wrong value.
        """
        from zoo.settings import SETTINGS, convert_setting

        for key in self.values:
            if key not in SETTINGS:
                raise unknown("key", str(key), [*FACTS, *SETTINGS])
        return {key: convert_setting(key, value) for key, value in self.values.items()}


def shipped() -> Path:
    """Our registry.yaml: inside the installed package, or at the root of a checkout."""
    package = Path(zoo.__path__[0])
    inside = package / "registry.yaml"
    return inside if inside.is_file() else package.parent / "registry.yaml"


def recipes(
    *, registry: str | Path | None = None, user: Path | None = None
) -> dict[str, NamedRecipe]:
    """All recipes by name, sorted; of equal names the first source in this order wins.

    Args:
        registry: What `--registry` names; must exist.
        user: The user's own registry.yaml; may be missing.

    Raises:
        zoo.errors.ZooError: If a file is damaged or a recipe in it is wrong.
    """
    if registry is not None and not Path(registry).is_file():
        raise UsageError(f"no registry {registry}")
    found = {recipe.name: recipe for recipe in _from_file(shipped())}
    found |= {recipe.name: recipe for recipe in _from_plugins()}
    for path in (user, None if registry is None else Path(registry)):
        if path is not None and path.is_file():
            found |= {recipe.name: recipe for recipe in _from_file(path)}
    return dict(sorted(found.items()))


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty if the file is.

    Raises:
        zoo.errors.ZooError: If it cannot be read or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read {path}: {error}") from None
    from zoo.plain import parse_yaml

    value = parse_yaml(text, str(path))
    if value is not None and not isinstance(value, dict):
        raise ZooError(f"{path} is damaged: it holds no mapping")
    return value or {}


def number_as_text(facts: Mapping[Any, Any]) -> str:
    """One line on the first value that is meant as a number, such as `2e-4`, and read as text."""
    for key, value in facts.items():
        if isinstance(value, str) and NUMBER_AS_TEXT.fullmatch(value):
            return f"YAML reads {key}: {value} as text; write {_as_number(value)}"
    return ""


def parse_recipe(name: str, facts: Any, source: str) -> NamedRecipe:
    """A recipe from what YAML or a plugin holds.

    Raises:
        zoo.errors.ZooError: Naming the source, the recipe and what is wrong.
    """
    if fault := _fault(facts):
        raise ZooError(f"{source}: recipe {name}: {fault}")
    return NamedRecipe(
        name,
        facts["generator"],
        facts["data"],
        {key: value for key, value in facts.items() if key not in FACTS},
        dict(facts.get("options") or {}),
        str(facts.get("summary") or ""),
        facts.get("reported"),
        facts.get("measured"),
        source,
    )


def _fault(facts: Any) -> str:
    if not isinstance(facts, Mapping) or not isinstance(facts.get("options") or {}, Mapping):
        return "expected a mapping, and a mapping for its options"
    for key in ("generator", "data"):
        if not isinstance(facts.get(key), str):
            return f"{key} is missing, or is no text"
    return number_as_text({**facts, **(facts.get("options") or {})})


def _from_file(path: Path) -> Iterator[NamedRecipe]:
    held = read_mapping(path).get("recipes") or {}
    if not isinstance(held, dict):
        raise ZooError(f"{path} is damaged: its recipes are no mapping")
    for name, facts in held.items():
        yield parse_recipe(str(name), facts, str(path))


def _from_plugins() -> Iterator[NamedRecipe]:
    for entry in installed().usable("recipes"):
        try:
            yield parse_recipe(entry.name, entry.record, str(entry.plugin))
        except ZooError as error:  # a plugin's mistake must not cost the others
            installed().problems.append(str(error))


def _as_number(text: str) -> str:
    mantissa, exponent = text.lower().split("e")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}e{exponent if exponent[0] in '+-' else '+' + exponent}"
