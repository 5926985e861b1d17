"""Options of generators and detectors, read from their source, so that none is imported."""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.plugins import unknown
from zoo.specs import Detector, Generator
from zoo.values import convert

METHODS = {"__init__": "network", "compile": "training"}
NOT_OPTIONS = {
    "self",
    "image_shape",
    "classes",
    "seed",
    "jit_compile",
}  # data and settings of the run
ROOT = ("zoo.gan.model", "GAN")
FRAMEWORKS = ("keras", "tensorflow", "abc", "typing")
REQUIRED: Any = object()
UNREADABLE: Any = object()


@dataclass(frozen=True, slots=True)
class Option:
    """One keyword of a generator's `__init__` or `compile`.

    Attributes:
        name: The keyword.
        stage: `network` for `__init__`, `training` for `compile`.
        annotation: Python source of its annotation; empty if it has none.
        default: Its value, `REQUIRED`, or `UNREADABLE` for an expression that only Python knows.
        default_text: Python source of the default; empty if required.
        description: From the docstring.
    """

    name: str
    stage: str
    annotation: str
    default: Any
    default_text: str
    description: str


def _options(target: str) -> dict[str, Option]:
    module, _, attribute = target.partition(":")
    found: dict[str, Option] = {}
    for method in METHODS:
        for option in _keywords(module, attribute, method):
            if found.setdefault(option.name, option).stage != option.stage:
                raise ZooError(f"{target}: {option.name} is a keyword of __init__ and of compile")
    return found


def options(generator: Generator) -> dict[str, Option]:
    """The options of a generator by name, the network's first.

    Raises:
        zoo.errors.ZooError: If the source of its class cannot be read.
    """
    return dict(_options(generator.target))


def detector_options(detector: Detector) -> dict[str, Option]:
    """The options of a detector by name: the keywords of its constructor but `seed`.

    Raises:
        zoo.errors.ZooError: If its target is no class, or the source cannot be read.
    """
    module, _, attribute = detector.target.partition(":")
    return {option.name: option for option in _keywords(module, attribute, "__init__")}


def undeclared_options(target: str) -> list[str]:
    """Names that `__init__` and `compile` of a class take out of their `**options` by name.

    Args:
        target: `"module:Class"`; its base classes are not looked at.
    """
    module, _, attribute = target.partition(":")
    _, cls = _find_class(module, attribute)
    methods = [n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name in METHODS]
    return [
        name
        for method in methods
        if method.args.kwarg
        for name in _taken(method, method.args.kwarg)
    ]


def _taken(method: ast.FunctionDef, options: ast.arg) -> Iterator[str]:
    """Keys in `options["key"]`, `options.pop("key")` and `options.get("key")`."""
    for node in ast.walk(method):
        match node:
            case (
                ast.Subscript(value=ast.Name(id=holder), slice=ast.Constant(value=str(key)))
                | ast.Call(
                    func=ast.Attribute(value=ast.Name(id=holder), attr="pop" | "get"),
                    args=[ast.Constant(value=str(key)), *_],
                )
            ) if holder == options.arg:
                yield key


def convert_options(generator: Generator, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options in the types that the generator's signature states.

    Args:
        generator: Whose options.
        given: Text as typed after `-o`, or typed values.

    Raises:
        zoo.errors.UsageError: On a name that is no option, or a value of a wrong type; the
            message holds the choices and the closest match.
    """
    known = _options(generator.target) if given else {}
    for name in given:
        if name not in known:
            raise unknown(f"option of {generator.name}", name, known)
    return {name: convert(value, known[name].annotation, key=name) for name, value in given.items()}


def split_options(
    generator: Generator, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options as keywords for `__init__` (the network) and for `compile` (the training)."""
    converted = convert_options(generator, values)
    known = _options(generator.target) if converted else {}
    network = {name: v for name, v in converted.items() if known[name].stage == "network"}
    return network, {name: v for name, v in converted.items() if name not in network}


def _keywords(module: str, name: str, method: str) -> Iterator[Option]:
    """Keywords of a method, those that `**kwargs` passes on to base classes after its own."""
    tree, cls = _find_class(module, name)
    function = next(
        (n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == method), None
    )
    own: list[Option] = []
    if function is not None:
        docs = _descriptions(cls if method == "__init__" else function)
        docs |= _descriptions(function)
        own = [*_parameters(function, METHODS[method], docs, _constants(tree))]
    inherited: list[Option] = []
    if (module, name) != ROOT and (function is None or function.args.kwarg is not None):
        for base in cls.bases:
            found = _resolve(tree, module, ast.unparse(base))
            if found and found[0].split(".")[0] not in FRAMEWORKS:
                inherited += _keywords(*found, method)
    described = {option.name: option.description for option in inherited}
    for option in own:  # another default needs no other description
        text = option.description or described.get(option.name, "")
        yield replace(option, description=text)
    names = {option.name for option in own}
    yield from (option for option in inherited if option.name not in names)


def _parameters(
    function: ast.FunctionDef, stage: str, docs: Mapping[str, str], constants: Mapping[str, Any]
) -> Iterator[Option]:
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    pairs = [*zip(positional, [*padding, *args.defaults], strict=True)]
    pairs += zip(args.kwonlyargs, args.kw_defaults, strict=True)
    for arg, default in pairs:
        if arg.arg not in NOT_OPTIONS:
            yield Option(
                arg.arg,
                stage,
                ast.unparse(arg.annotation) if arg.annotation else "",
                _value(default, constants),
                ast.unparse(default) if default else "",
                docs.get(arg.arg, ""),
            )


def _value(node: ast.expr | None, constants: Mapping[str, Any]) -> Any:
    if node is None:
        return REQUIRED
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNREADABLE


def _constants(tree: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _value(node.value, found)
            if value is not UNREADABLE:
                found[node.targets[0].id] = value
    return found


def _descriptions(node: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """The `Args:` section of a Google docstring, each entry on one line."""
    text = ast.get_docstring(node) or ""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", text, re.MULTILINE)
    found: dict[str, str] = {}
    name = ""
    for line in section[1].splitlines() if section else []:
        if entry := re.match(r" {4}\*{0,2}(\w+)(?: \(.*?\))?: *(.*)", line):
            name, found[entry[1]] = entry[1], entry[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def _find_class(module: str, name: str) -> tuple[ast.Module, ast.ClassDef]:
    tree = _source(module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return tree, node
    if (elsewhere := _resolve(tree, module, name)) and elsewhere != (module, name):
        return _find_class(*elsewhere)
    raise ZooError(f"options cannot be read: {module} defines no class {name}")


def _resolve(tree: ast.Module, module: str, dotted: str) -> tuple[str, str] | None:
    """The module and class that a name in a module's source means, through its imports."""
    first, _, rest = dotted.partition(".")
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef) and node.name == dotted:
            return module, dotted
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) in (first, dotted.rpartition(".")[0]):
                return _through(node, alias, module, dotted, rest)
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under `if TYPE_CHECKING` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements(node.body)


def _through(
    node: ast.Import | ast.ImportFrom, alias: ast.alias, module: str, dotted: str, rest: str
) -> tuple[str, str]:
    if isinstance(node, ast.Import):
        path, _, name = (dotted if not alias.asname else f"{alias.name}.{rest}").rpartition(".")
        return path, name
    package = module if _is_package(module) else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    source = ".".join(filter(None, (package if node.level else "", node.module)))
    if not rest:
        return source, alias.name
    path, _, name = f"{source}.{alias.name}.{rest}".rpartition(".")
    return path, name


def _source(module: str) -> ast.Module:
    spec = _spec(module)
    if spec is None or not (spec.origin or "").endswith(".py"):
        raise ZooError(f"options cannot be read: there is no source of {module}")
    return _parsed(str(spec.origin))


@functools.cache
def _parsed(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _is_package(module: str) -> bool:
    spec = _spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _spec(module: str) -> ModuleSpec | None:
    """Where a module's source is. Its parents are not imported, for they may load a framework."""
    parent, _, _ = module.rpartition(".")
    if not parent:
        return importlib.util.find_spec(module)
    package = _spec(parent)
    locations = package.submodule_search_locations if package else None
    return PathFinder.find_spec(module, locations) if locations else None
