"""Values of options: text to what an annotation states, and wrong ones told with the choices."""

import ast
import difflib
import inspect
import re
from typing import Any, TypeGuard

from zoo.errors import UsageError

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
NOTHING = ("none", "null", "")
BETWEEN = re.compile(r",|(?<=\d)\s*x\s*(?=\d)")  # of the elements of a list, as in 64x96


class Unfit(ValueError):
    """A value that does not fit an annotation."""


def convert(value: Any, annotation: str, *, key: str) -> Any:
    """The value of an option in the type that its annotation states.

    Args:
        value: Text as typed in a shell or written in the environment, or a typed value from
            Python or YAML.
        annotation: Python source, such as `"int"`, `"float | None"`, `"Literal['auto'] | bool"`
            or `"tuple[int, int]"`. One that this module does not know admits any value.
        key: The option's name, for the message.

    Raises:
        zoo.errors.UsageError: If the value does not fit; it names the key, the value, the
            expected type or the choices.
    """
    expected = _parse(annotation)
    try:
        return _fit(value, expected)
    except Unfit:
        message = f"{key}={_shown(value)}: expected {describe(annotation)}"
        known = _literals(expected)
        for part in BETWEEN.split(str(value)):
            if part not in known and (close := difflib.get_close_matches(part, known, n=1)):
                message += f"; did you mean {close[0]}?"
                break
        raise UsageError(message) from None


def annotation_of(parameter: inspect.Parameter) -> str:
    """What a parameter states, as `convert` takes it, also where annotations are postponed."""
    stated = parameter.annotation
    return stated if isinstance(stated, str) else inspect.formatannotation(stated)


def choices(annotation: str) -> list[str]:
    """The words that an annotation admits, where they are few; of a truth value on and off."""
    expected = _parse(annotation)
    truth = any(_name(node) == "bool" for node in _alternatives(expected))
    return _literals(expected) + (["on", "off"] if truth else [])


def describe(annotation: str) -> str:
    """An annotation in words, such as `number or none`."""
    return _words(_parse(annotation))


def parse_size(value: Any) -> tuple[int, int]:
    """(H, W) in pixels from `64`, `"64"`, `"64x96"` or a pair.

    Raises:
        zoo.errors.UsageError: If it is none of them.
    """
    parts = value.lower().split("x") if isinstance(value, str) else value
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    try:
        height, width = (_integer(part) for part in (parts * 2 if len(parts) == 1 else parts))
    except ValueError:
        message = f"image_size={_shown(value)}: expected 64 or 64x96 (height x width, pixels)"
        raise UsageError(message) from None
    return height, width


def _parse(annotation: str) -> ast.expr:
    try:
        node = ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return ast.Name("Any")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _parse(node.value)  # a quoted annotation
    return node


def _literals(expected: ast.expr) -> list[str]:
    nodes = (node for node in ast.walk(expected) if isinstance(node, ast.expr))
    return [str(choice) for node in nodes if _is_literal(node) for choice in _choices(node)]


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    if isinstance(node, ast.Subscript) and _name(node.value) in ("Union", "Optional"):
        inner = [n for element in _elements(node) for n in _alternatives(element)]
        return [*inner, ast.Constant(None)] if _name(node.value) == "Optional" else inner
    return [node]


def _fit(value: Any, node: ast.expr) -> Any:
    alternatives = _alternatives(node)
    # "auto" must not become text before the alternatives that are stricter were tried.
    for alternative in sorted(alternatives, key=lambda n: _name(n) == "str"):
        try:
            return _fit_one(value, alternative)
        except ValueError:
            continue
    raise Unfit


def _fit_one(value: Any, node: ast.expr) -> Any:
    name = _name(node.value if isinstance(node, ast.Subscript) else node)
    if isinstance(node, ast.Constant) and node.value is None:
        return _nothing(value)
    if name in SIMPLE and not isinstance(node, ast.Subscript):
        return SIMPLE[name](value)
    if _is_literal(node):
        return _choice(value, _choices(node))
    if isinstance(node, ast.Subscript) and name in SEVERAL:
        return _several(value, node)
    return _literal(value) if isinstance(value, str) else value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Unfit
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Unfit
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise Unfit
    return number


def _truth(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    if isinstance(value, bool):
        return value
    raise Unfit


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit
    return value


def _nothing(value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.lower() in NOTHING):
        raise Unfit


def _choice(value: Any, choices: list[Any]) -> Any:
    if isinstance(value, bool) and "on" in choices:
        value = "on" if value else "off"  # YAML reads an unquoted on as a truth value
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
        if isinstance(value, str) and value == str(choice):
            return choice
    raise Unfit


def _several(value: Any, node: ast.Subscript) -> tuple[Any, ...]:
    parts = BETWEEN.split(value.strip("()[] ")) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise Unfit
    elements = _elements(node)
    open_ended = len(elements) == 1 or _is_ellipsis(elements[-1])
    wanted = [elements[0]] * len(parts) if open_ended else elements
    if len(wanted) != len(parts):
        raise Unfit
    tidy = (part.strip() if isinstance(part, str) else part for part in parts)
    return tuple(_fit(part, element) for part, element in zip(tidy, wanted, strict=True))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


SIMPLE = {"int": _integer, "float": _number, "bool": _truth, "str": _text}
SEVERAL = ("tuple", "Tuple", "list", "List", "Sequence")
WORDS = {"int": "whole number", "float": "number", "bool": "on or off", "str": "text"}


def _words(node: ast.expr) -> str:
    return " or ".join(_word(alternative) for alternative in _alternatives(node))


def _word(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and node.value is None:
        return "none"
    if _is_literal(node):
        return " or ".join(map(str, _choices(node)))
    if isinstance(node, ast.Subscript) and _name(node.value) in SEVERAL:
        return "list of " + ", ".join(_words(n) for n in _elements(node) if not _is_ellipsis(n))
    return WORDS.get(_name(node), "value")


def _is_literal(node: ast.expr) -> TypeGuard[ast.Subscript]:
    return isinstance(node, ast.Subscript) and _name(node.value) == "Literal"


def _elements(node: ast.Subscript) -> list[ast.expr]:
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _choices(node: ast.Subscript) -> list[Any]:
    return [ast.literal_eval(element) for element in _elements(node)]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
