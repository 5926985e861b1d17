"""Lists of images to accept or to reject, as people and `zoo app` write them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.table import read_lines
from zoo.errors import UsageError


def read_list(path: str | Path) -> list[str]:
    """Names from a text file with one a line, or from a CSV's column `path`, `id` or its first.

    Raises:
        zoo.errors.UsageError: If it cannot be read or holds no name.
    """
    rows = [row for row in read_lines(Path(path)) if row and row[0].strip()]
    if not rows:
        raise UsageError(f"{path} names no image")
    header = [cell.strip().lower() for cell in rows[0]]
    column = next((header.index(name) for name in ("path", "id") if name in header), None)
    if column is None:
        return [row[0].strip() for row in rows]
    return [row[column].strip() for row in rows[1:] if len(row) > column]


def listed(
    ids: npt.NDArray[np.str_],
    accept: str | Path | None,
    reject: str | Path | None,
    *,
    set_aside: Sequence[str] = (),
) -> npt.NDArray[np.bool_]:
    """Which images a list of accepted and one of rejected names leave.

    Args:
        ids: (n,) ids of the source images; a list may name a frame's file for all its frames.
        accept: Keep these alone.
        reject: Leave these out.
        set_aside: Files that are left out already; a list may name them too.

    Raises:
        zoo.errors.UsageError: If a list names an image that is not there.
    """
    kept = np.ones(len(ids), bool)
    if accept is not None:
        kept &= _named(ids, accept, set_aside)
    if reject is not None:
        kept &= ~_named(ids, reject, set_aside)
    return kept


def _named(
    ids: npt.NDArray[np.str_], path: str | Path, set_aside: Sequence[str]
) -> npt.NDArray[np.bool_]:
    wanted = set(read_list(path))
    texts = [str(name) for name in ids]
    whole = [name.partition("#")[0] for name in texts]
    if absent := sorted(wanted - set(texts) - set(whole) - set(set_aside)):
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UsageError(f"{path} names {absent[0]}{more}, which the dataset does not hold")
    pairs = zip(texts, whole, strict=True)
    return np.array([name in wanted or file in wanted for name, file in pairs])
