"""Whether a folder holds whole files only, and whether two folders hold the same results."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kill_readers import READERS, of_json, of_names, rows, timeless, without_times

# Logs only grow, and tell what was done when.
# The last two are not of the command: Keras' settings, and how long each stage took.
LOGS = re.compile(
    r"(^|/)(run\.log|tensorboard/.*|cells/\d+\.log|keras/keras\.json|tables/timings\.\w+)$"
)
KEY = re.compile(r"(?<=crops/folder-pictures-)[0-9a-f]{16}")  # of the place where they lie
SUMS = "sums.json"  # of files that are compared themselves, some of which hold a time
GROWING = re.compile(r"\.(jsonl|log)$|(^|/)tensorboard/")


def files(folder: Path) -> dict[str, Path]:
    """All files under their final names, by their path in a folder: none that is hidden."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path for name, path in sorted(found.items()) if _shown(name) and path.is_file()}


def hidden(folder: Path) -> list[str]:
    """Hidden files but locks: what an unfinished command may leave."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not _shown(name) and not name.endswith(".lock"))


def _shown(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damaged(found: Mapping[str, Path]) -> list[str]:
    """Files that cannot be read as what their names say, each with the reason."""
    lines = []
    for name, path in found.items():
        try:
            if (read := READERS.get(path.suffix)) and not LOGS.search(name):
                read(path)
        except Exception as error:
            lines.append(f"{name}: {type(error).__name__}: {error}"[:200])
    return lines


def same(one: Path, other: Path, words: Mapping[str, str] | None = None) -> bool:
    """Whether two files say the same apart from times.

    Args:
        one: A file.
        other: A file of the same kind.
        words: What is called otherwise in `one`, such as a run with another number.
    """
    if one.read_bytes() == other.read_bytes():
        return True
    try:
        return _repr(one, words or {}) == _repr(other, {})
    except Exception:
        return False


def same_text(one: str, other: str, words: Mapping[str, str]) -> bool:
    """Whether two outputs say the same apart from times, JSON or not."""
    one = _replaced(one, words)
    try:
        return bool(timeless(json.loads(one)) == timeless(json.loads(other)))
    except ValueError:
        return without_times(one) == without_times(other)


def _repr(path: Path, words: Mapping[str, str]) -> str:
    read = of_names if path.name == SUMS else READERS.get(path.suffix, digest)
    return _replaced(repr(read(path)), words)


def differences(
    found: Path, expected: Path, *, words: Mapping[str, str], ignored: Iterable[str] = ()
) -> list[str]:
    """Files that are missing, are too many, or hold something else than those of another folder."""
    unheeded, lines = [re.compile(pattern) for pattern in ignored], list[str]()
    here, there = _named(found, words), _named(expected, {})
    for name in sorted({*here, *there}):
        if LOGS.search(name):
            continue
        if name not in here:
            lines.append(f"missing {name}")
        elif name not in there:
            lines.append(f"too many: {name}")
        elif any(pattern.search(name) for pattern in unheeded):
            continue
        elif not same(here[name], there[name], words):
            lines.append(f"differs {name}")
    return lines


def _named(folder: Path, words: Mapping[str, str]) -> dict[str, Path]:
    held = files(folder)
    named = {KEY.sub("KEY", _replaced(name, words)): path for name, path in held.items()}
    if len(named) < len(held):
        raise ValueError(f"{folder} holds several crops of one folder")
    return named


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return text


def lost(
    before: Mapping[str, Path],
    after: Mapping[str, Path],
    expected: Mapping[str, Path],
    *,
    anew: Iterable[str] = (),
) -> list[str]:
    """What was there before a kill and is gone, or is neither as it was nor as it becomes.

    Args:
        before: Files of the start.
        after: Files after the kill.
        expected: Files after the command was left alone.
        anew: Patterns of files that the command says it writes anew, which may be in between.
    """
    between, lines = [re.compile(pattern) for pattern in anew], []
    for name, path in before.items():
        if any(pattern.search(name) for pattern in between):
            continue
        if name not in after:
            lines += [f"gone: {name}"] if name in expected else []
        elif not _is_right(name, path, after[name], expected.get(name)):
            lines.append(f"changed: {name}")
    return lines


def _is_right(name: str, before: Path, after: Path, expected: Path | None) -> bool:
    if digest(before) == digest(after):
        return True
    if name.endswith("manifest.json"):  # its status and times change all the while
        return set(of_json(before)) <= {*of_json(after), "reason", "sampled"}
    if GROWING.search(name) and after.read_bytes().startswith(before.read_bytes()):
        return True
    if name.endswith(".jsonl") and expected:  # a resumed run drops what comes again
        return rows(expected)[: len(rows(after))] == rows(after)
    return expected is not None and same(after, expected)
