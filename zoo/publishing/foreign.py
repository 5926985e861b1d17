"""Files of strangers, read with suspicion: plain data only, in the form that zoo writes."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from zoo.errors import ZooError
from zoo.plain import parse_json, parse_yaml

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
DEEPEST = 40
MOST_PIXELS = 64 * 10**6
FORMATS = {".png": "PNG", ".webp": "WEBP"}


def read_yaml(path: Path) -> dict[str, Any]:
    """A mapping of plain values; tags and references are refused.

    Raises:
        zoo.errors.ZooError: If it is anything else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
                raise ZooError(f"{path.name} is refused: it holds tags or references")
        return _plain_mapping(parse_yaml(text, path.name), path)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ZooError(f"{path.name} is damaged: no YAML") from error


def read_json(path: Path) -> dict[str, Any]:
    """A mapping of plain values.

    Raises:
        zoo.errors.ZooError: If it is anything else.
    """
    try:
        return _plain_mapping(parse_json(path.read_text(encoding="utf-8"), path.name), path)
    except UnicodeDecodeError as error:
        raise ZooError(f"{path.name} is damaged: no JSON") from error


def read_rows(path: Path) -> Iterator[dict[str, float]]:
    """The rows of a `metrics.jsonl` that hold numbers and a step; others are left out."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                yield {key: value for key, value in row.items() if _is_number(key, value)}


def check_picture(path: Path) -> None:
    """Refuse what is not the picture that its name says, or is too large to be shown.

    Raises:
        zoo.errors.ZooError: Saying so.
    """
    try:
        with Image.open(path, formats=[FORMATS[path.suffix]]) as picture:
            if math.prod(picture.size) * getattr(picture, "n_frames", 1) > MOST_PIXELS:
                raise ZooError(f"{path.name} is refused: it has too many pixels")
            picture.verify()
    except ZooError:
        raise
    except Exception as error:  # each decoder has errors of its own
        raise ZooError(f"{path.name} is refused: no {FORMATS[path.suffix]} picture") from error


def _plain_mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ZooError(f"{path.name} is damaged: not a mapping")
    _check_plain(value, path, 0)
    return value


def _check_plain(value: Any, path: Path, depth: int) -> None:
    if depth > DEEPEST:
        raise ZooError(f"{path.name} is refused: it is nested too deeply")
    if isinstance(value, str) and CONTROL.search(value):
        raise ZooError(f"{path.name} is refused: a text in it has control characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ZooError(f"{path.name} is refused: a number in it is not finite")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_plain(str(key), path, depth)
            _check_plain(inner, path, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, path, depth + 1)
    elif not isinstance(value, (str, int, float, bool, type(None))):
        raise ZooError(f"{path.name} is refused: it holds a {type(value).__name__}")


def _is_number(key: str, value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and not CONTROL.search(key)
