"""One run, fully resolved: every value with where it came from, printable and saved."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo import specs
from zoo.catalog import NamedRecipe, recipes
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.layers import Layer, blaming, config, converted, preset
from zoo.plugins import find, registry, unknown
from zoo.settings import (
    BUDGETS,
    NATIVE,
    PRESETS,
    SETTINGS,
    convert_setting,
    from_environment,
    one_budget,
)
from zoo.signatures import REQUIRED, UNREADABLE, convert_options
from zoo.signatures import options as options_of

__all__ = ["PRESETS", "Recipe", "resolve"]
UNSHAPING = {name: setting.default for name, setting in SETTINGS.items() if not setting.shapes}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of.

    Attributes:
        generator: Name of the generator, or `package:name`.
        data: Name of the dataset; an alias until `with_data` puts the resolved name.
        settings: Of the run, such as `seed`; of the budgets only the one that is in force.
        options: All options of the generator.
        origins: Where each value came from, by setting or by `options.NAME`.
    """

    generator: str
    data: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def budget(self) -> dict[str, Any]:
        """The one of `steps`, `kimg`, `epochs`, `minutes` that ends the training."""
        return one_budget(self.settings, "recipe")

    def with_data(self, data: str, reason: str) -> "Recipe":
        """The same recipe on the dataset that an alias turned out to mean."""
        return replace(self, data=data, origins={**self.origins, "data": reason})

    def to_dict(self) -> dict[str, Any]:
        """What recipe.yaml holds: plain text, numbers, lists and mappings."""
        return {
            "generator": self.generator,
            "data": self.data,
            "settings": {name: _plain(value) for name, value in self.settings.items()},
            "options": {name: _plain(value) for name, value in self.options.items()},
            "origins": dict(self.origins),
        }

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> "Recipe":
        """The recipe that `to_dict` wrote.

        Raises:
            zoo.errors.ZooError: If a part or a setting is missing or of a wrong type.
            zoo.errors.UsageError: If its generator is not installed, or lacks one of its options.
        """
        try:
            generator, data = (str(held[key]) for key in ("generator", "data"))
            parts = [dict(held[key]) for key in ("settings", "options", "origins")]
            settings = {name: convert_setting(name, value) for name, value in parts[0].items()}
            _check_complete(settings)
            # A run may be older than a setting.
            settings |= {k: v for k, v in UNSHAPING.items() if k not in settings}
        except KeyError as error:
            raise ZooError(f"the recipe is damaged: it has no {error.args[0]}") from None
        except (TypeError, ValueError, UsageError) as error:
            raise ZooError(f"the recipe is damaged: {error}") from None
        record = find("generators", generator)
        with blaming("the recipe"):
            return cls(generator, data, settings, convert_options(record, parts[1]), parts[2])

    def describe(self) -> list[str]:
        """Lines to print: each value with where it came from."""
        values = {"generator": self.generator, "data": self.data, **self.settings}
        values |= {f"options.{name}": value for name, value in self.options.items()}
        shown = {name.replace("options.", "-o "): show(value) for name, value in values.items()}
        widths = [max(map(len, column)) for column in (shown, shown.values())]
        origins = [self.origins.get(name, "") for name in values]
        return [
            f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}".rstrip()
            for (name, value), origin in zip(shown.items(), origins, strict=True)
        ]

    def differences(self, other: "Recipe") -> list[str]:
        """What would train another network, one line each, such as `seed: 0, not 1`.

        Where the run is written, the device, threads and what is measured do not count.
        """
        mine, theirs = self._shaping(), other._shaping()
        names = sorted({*mine, *theirs}, key=[*mine, *theirs].index)
        return [
            f"{name}: {show(mine.get(name))}, not {show(theirs.get(name))}"
            for name in names
            if mine.get(name) != theirs.get(name)
        ]

    def contradictions(self, settings: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
        """How values given along with `--resume` differ from the run's own, as `differences`."""
        layer = converted("command line", find("generators", self.generator), settings, options)
        kept = {k: v for k, v in self.settings.items() if not layer.speaks(k)}
        changed = {**kept, **{k: v for k, v in layer.settings.items() if v is not None}}
        return self.differences(
            replace(self, settings=changed, options={**self.options, **layer.options})
        )

    def adjusted(self, settings: Mapping[str, Any], *, origin: str = "command line") -> "Recipe":
        """The same training with other settings of what is measured, and where it runs.

        Args:
            settings: By name, text or typed; those that shape the weights change nothing here,
                see `contradictions`, and neither does `out`, for a run stays where it is.
            origin: What to call their source.

        Raises:
            zoo.errors.UsageError: If a value does not fit its setting.
        """
        layer = converted(origin, find("generators", self.generator), settings, {})
        changed = {k: v for k, v in layer.settings.items() if not SETTINGS[k].shapes and k != "out"}
        if {"inception_weights", "inception_layer"} & set(changed):
            _check_inception({**self.settings, **changed})
        _check_track(changed.get("track"), origin)
        _check_workers({**self.settings, **changed})
        origins = {**self.origins, **dict.fromkeys(changed, origin)}
        return replace(self, settings={**self.settings, **changed}, origins=origins)

    def _shaping(self) -> dict[str, Any]:
        settings = {k: v for k, v in self.settings.items() if SETTINGS[k].shapes}
        options = {f"-o {name}": _plain(value) for name, value in self.options.items()}
        return {"generator": self.generator, "data": self.data, **settings, **options}


def resolve(
    generator: str,
    data: str | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    registry_file: str | Path | None = None,
    user_registry: Path | None = None,
    user_config: Path | None = None,
    origin: str = "command line",
) -> Recipe:
    """Resolve a run: what is given > named recipe > `ZOO_*` > user config > preset > default.

    Args:
        generator: Name of a generator or of a recipe.
        data: Name of a dataset; may be left out with a recipe.
        settings: By name, text or typed; `None` stands for not given.
        options: Of the generator, text or typed.
        registry_file: Recipes that win over all others.
        user_registry: The user's recipes, if the file exists.
        user_config: The user's settings, if the file exists.
        origin: What to call the source of `settings` and `options`.

    Raises:
        zoo.errors.UsageError: On an unknown name, a wrong value, or a size that does not suit
            the generator.
    """
    named = _named(generator, registry_file, user_registry)
    record = find("generators", named.generator if named else generator)
    name = named.generator if named else generator
    given = {key: value for key, value in (settings or {}).items() if value is not None}
    layers = [converted(origin, record, given, options or {})]
    if named:
        with blaming(f"recipe {named.name}"):
            layer = converted(f"recipe {named.name}", record, named.settings, named.options)
        layers.append(layer)
    layers += [Layer(f"ZOO_{k.upper()}", {k: v}) for k, v in from_environment(os.environ).items()]
    layers += config(user_config, record)
    layers += preset(record, layers)
    origins = {"generator": f"recipe {named.name}" if named else origin}
    origins["data"] = origins["generator"] if named and not data else origin
    return _compose(record, name, _data(data, named), layers, origins)


def show(value: Any) -> str:
    """A value as the command line would take it."""
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value))
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    return text.lower() if value is None or isinstance(value, bool) else text


def check_size(record: specs.Generator, size: tuple[int, ...]) -> None:
    """Refuse images that a generator cannot make.

    Args:
        record: The generator.
        size: (H, W) in pixels.

    Raises:
        zoo.errors.UsageError: If a side is too small, too large, or no multiple.
    """
    low, high = record.sides
    if any(side % record.multiple_of or not low <= side <= high for side in size):
        of = f"multiples of {record.multiple_of} " if record.multiple_of > 1 else ""
        raise UsageError(
            f"image_size={show(size)} does not suit {record.name}: its sides are {of}from {low} "
            f"to {high} px"
        )


def _check_complete(settings: Mapping[str, Any]) -> None:
    lacking = [name for name in SETTINGS if name not in {*BUDGETS, *UNSHAPING, *settings}]
    if not one_budget(settings, "settings"):
        lacking.append(f"one of {', '.join(BUDGETS)}")
    if lacking:
        raise ValueError(f"its settings lack {', '.join(lacking)}")


def locate(data: str) -> str:
    """A dataset's name as another folder would have to call it: `folder:PATH` made absolute.

    Raises:
        zoo.errors.UsageError: If there is no such dataset, or a scheme lacks its argument.
    """
    record = find("datasets", data)
    if not record.scheme:
        return data
    argument = record.argument(data)
    if not argument:
        raise UsageError(f"{record.name} needs an argument: {record.name}:ARGUMENT")
    if record.scheme != "path":
        return data
    path = os.path.expanduser(argument)
    # Some take more than a path.
    before = data.removesuffix(argument)
    return f"{before}{Path(path).absolute()}" if os.path.exists(path) else data


def _compose(
    record: specs.Generator, generator: str, data: str, layers: list[Layer], origins: dict[str, str]
) -> Recipe:
    """Of each value the first layer's, then the default."""
    settings: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        layer = next((x for x in layers if x.speaks(name)), Layer("default", {}))
        value = layer.settings.get(name, setting.default)
        if name not in BUDGETS or value is not None:
            settings[name], origins[name] = value, layer.origin
    for name, option in options_of(record).items():
        layer = next((x for x in layers if name in x.options), Layer("default", {}))
        value = layer.options.get(name, option.default)
        if value is REQUIRED:
            raise UsageError(f"{record.name} needs -o {name}=VALUE")
        if value is not UNREADABLE:
            options[name], origins[f"options.{name}"] = value, layer.origin
    if settings["image_size"] != NATIVE:
        check_size(record, settings["image_size"])
    _check_inception(settings)
    _check_track(settings["track"], origins["track"])
    _check_workers(settings)
    return Recipe(generator, data, settings, options, origins)


def _named(name: str, registry_file: str | Path | None, user: Path | None) -> NamedRecipe | None:
    known = [entry.name for entry in registry().usable("generators")]
    if name in known or ":" in name:
        return None
    named = recipes(registry=registry_file, user=user)
    if name in named:
        return named[name]
    if any(entry.name == name for entry in registry().entries("generators")):
        return None  # contested: `find` says by whom
    registry().tell()
    raise unknown("generator or recipe" if named else "generator", name, [*known, *named])


def _data(data: str | None, named: NamedRecipe | None) -> str:
    if data is None and named is None:
        raise UsageError("--data is missing; `zoo list datasets` shows the choices")
    name = str(data if data is not None else named.data if named else "")
    record = find("datasets", name)
    if record.alias and data is None and named:
        choices = ", ".join(record.alias)
        raise ZooError(f"recipe {named.name} names the alias {name}; it must name one of {choices}")
    return locate(name)


def _check_workers(settings: Mapping[str, Any]) -> None:
    if settings["workers"] != SETTINGS["workers"].default:
        from zoo.workers import check

        check(settings)


def _check_track(track: str | None, origin: str) -> None:
    if track is None:
        return  # importing this takes longer than the rest
    from zoo.tracking import requested

    if origin.startswith(("recipe ", "preset ")):
        raise UsageError(
            f"{origin}: who is told of a run is the user's choice, by --track, ZOO_TRACK or "
            "track in config.yaml"
        )
    requested(track)


def _check_inception(settings: Mapping[str, Any]) -> None:
    layer, weights = settings["inception_layer"], settings["inception_weights"]
    if layer is weights is None:
        return  # nothing that could be wrong, and importing this takes longer than the rest
    from zoo.metrics.weights import find_layer, find_weights

    # That no weights are in place is no mistake: the report says so.
    with contextlib.suppress(NotComputed):
        find_weights(Path(weights) if weights else None, find_layer(layer))


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
