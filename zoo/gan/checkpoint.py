"""The training state on disk: exact, without pickle, the last good one always there."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import Diverged, ZooError
from zoo.gan.model import GAN
from zoo.runs.files import atomic
from zoo.runs.weights import check_weights

SUFFIX = ".npz"


def save_checkpoint(
    gan: GAN,
    folder: Path,
    *,
    elapsed: float,
    keep: int = 2,
    collapsed: bool = False,
    monitors: Mapping[str, Any] | None = None,
) -> Path:
    """Write all that training changes: networks, average, optimisers, step.

    Args:
        gan: A compiled GAN.
        folder: Where checkpoints lie, `<step>.npz` each.
        elapsed: Seconds of training so far.
        keep: How many of the latest to keep; the latest good one is kept beside them.
        collapsed: Whether the monitors say that the training failed, so that it is no good one.
        monitors: What they have seen, to go on from; JSON values.

    Raises:
        zoo.errors.ZooError: If a weight is not finite; nothing is written then.
    """
    step = int(gan.step.numpy())
    path = folder / f"{step:08d}{SUFFIX}"
    facts = {"step": step, "elapsed": elapsed, "collapsed": collapsed, "layout": _layout(gan.state)}
    facts |= {"monitors": monitors} if monitors else {}
    _save(path, gan.state, facts)
    earlier = [p for p in sorted(folder.glob(f"*{SUFFIX}")) if p <= path]
    good = path if not collapsed else next(filter(_is_good, reversed(earlier)), None)
    for old in earlier[:-keep]:
        if old != good:
            old.unlink()
    return path


def roll_back(gan: GAN, folder: Path) -> dict[str, Any] | None:
    """Load the latest checkpoint from before a collapse and delete those after it.

    Returns:
        Its facts; the latest one's, with `collapsed`, if there is none from before; or `None` if
        there is no checkpoint at all.
    """
    stored = sorted(folder.glob(f"*{SUFFIX}"))
    good = next(filter(_is_good, reversed(stored)), None)
    for later in [path for path in stored if good and path > good]:
        later.unlink()
    return restore_checkpoint(gan, folder)


def _is_good(path: Path) -> bool:
    try:
        check_weights(path)
        with np.load(path, allow_pickle=False) as stored:
            return not _facts(stored).get("collapsed")
    except Exception:  # as `_load` takes for damage
        return False


def restore_checkpoint(gan: GAN, folder: Path) -> dict[str, Any] | None:
    """Load the latest checkpoint that can be read; a damaged one gives way to the one before.

    Returns:
        Its facts (`step`, `elapsed`), or `None` if there is no checkpoint.

    Raises:
        zoo.errors.ZooError: If checkpoints exist but none can be read, or they are of another
            network.
    """
    for unfinished in folder.glob(f".*{SUFFIX}.*"):
        unfinished.unlink()
    damaged = []
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        try:
            arrays, facts = _load(path)
        except ZooError:
            damaged.append(path)
            continue
        if facts["layout"] != _layout(gan.state):
            raise ZooError(f"{path} is of another network than this recipe builds")
        _assign(gan.state, arrays, path)
        for later in damaged:
            later.unlink()
        return facts
    if damaged:
        raise ZooError(f"no checkpoint in {folder} can be read; start a new run")
    return None


def save_snapshot(gan: GAN, path: Path) -> None:
    """Write the averaged generator's weights alone."""
    weights = gan.ema_generator.weights
    _save(path, weights, {"step": int(gan.step.numpy()), "layout": _layout(weights)})


def load_snapshot(gan: GAN, path: Path) -> None:
    """Put a snapshot's weights into the averaged generator.

    Raises:
        zoo.errors.ZooError: If the file is damaged or of another network.
    """
    arrays, facts = _load(path)
    if facts["layout"] != _layout(gan.ema_generator.weights):
        raise ZooError(f"{path} is of another network than this recipe builds")
    _assign(gan.ema_generator.weights, arrays, path)


def save_generator(network: keras.Model, path: Path) -> None:
    """Save a network as `.keras`, whole or not at all."""
    temporary = path.with_name(f".writing-{path.name}")
    try:
        network.save(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _save(path: Path, variables: Sequence[Any], facts: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {f"v{i:04d}": np.asarray(v.value) for i, v in enumerate(variables)}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise Diverged(f"training diverged: a weight is not finite at step {facts['step']}")
    encoded = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    with atomic(path) as file:
        np.savez(file, facts=encoded, **arrays)


def _load(path: Path) -> tuple[list[np.ndarray[Any, Any]], dict[str, Any]]:
    """Raises ZooError if the file is damaged or was not written by zoo."""
    check_weights(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts = _facts(stored)
            return [stored[name] for name in sorted(set(stored.files) - {"facts"})], facts
    except Exception as error:  # a crafted file may raise anything
        raise ZooError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def _facts(stored: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(stored["facts"].tobytes())
    if not isinstance(facts.get("layout"), str) or type(facts.get("step")) is not int:
        raise ValueError("its facts are not those of weights")
    return facts


def _assign(variables: Sequence[Any], arrays: Sequence[Any], path: Path) -> None:
    # What the facts say of the layout need not be so.
    shapes = [(tuple(v.shape), str(v.dtype)) for v in variables]
    if shapes != [(array.shape, str(array.dtype)) for array in arrays]:
        raise ZooError(f"{path} is damaged: its arrays are not those that it states")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _layout(variables: Sequence[Any]) -> str:
    shapes = [(tuple(v.shape), str(v.dtype)) for v in variables]
    return hashlib.sha256(repr(shapes).encode()).hexdigest()
