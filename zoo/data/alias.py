"""An alias to the dataset that it stands for now, resolved once."""

import sys

from zoo.data.prepared import downloadable, is_ready, unprepared
from zoo.errors import ZooError
from zoo.plugins import find
from zoo.specs import Dataset


def resolve(name: str, *, offline: bool = False) -> tuple[str, str]:
    """The dataset that a name stands for.

    An alias names several: the first that is prepared or can be downloaded is taken. Any other
    name stands for itself and never falls back.

    Args:
        name: What `zoo list datasets` shows, or a scheme with its argument.
        offline: Do not try to download.

    Returns:
        The resolved name, and why it is not the alias's first choice; empty if it is.

    Raises:
        zoo.errors.UsageError: If there is no such dataset.
        zoo.errors.ZooError: If nothing that the alias names can be had.
    """
    record: Dataset = find("datasets", name)
    if not record.alias:
        return name, ""
    reasons: list[str] = []
    for choice in record.alias:
        reason = _unready(find("datasets", choice), offline)
        if not reason:
            return choice, _told(name, choice, reasons)
        reasons.append(reason)
    raise ZooError(f"{name}: {'; '.join(reasons)}")


def _unready(record: Dataset, offline: bool) -> str:
    """Why a dataset cannot be had, after trying to; empty if it is ready."""
    if is_ready(record):
        return ""
    if offline:
        return f"{unprepared(record)}; the network was not asked, being offline"
    if not downloadable(record):
        return unprepared(record)
    from zoo.data.fetching import fetch

    try:
        fetch(record)
    except ZooError as error:
        return f"{record.name} cannot be downloaded: {error}"
    return ""


def _told(name: str, choice: str, reasons: list[str]) -> str:
    if not reasons:
        return ""
    reason = "; ".join(reasons)
    print(f"warning: {name} is {choice} in this run: {reason}", file=sys.stderr)
    return reason
