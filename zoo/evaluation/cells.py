"""A long measurement in pieces: each is written when it is done, and found again afterwards."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.evaluation.card import versions
from zoo.runs.files import write_json


class Cells:
    """Finished pieces, a file each, named after everything that their result depends on.

    Args:
        folder: Where they lie; made when the first one is written. Without one nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def take(
        self, facts: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The piece of these facts, from its file or measured now.

        Args:
            facts: JSON values; another value of any of them is another piece, and so is another
                version of a package that measures.
            measure: Gives JSON values.

        Raises:
            zoo.errors.ZooError: If its file is damaged or cannot be written.
        """
        facts = {"versions": versions(), **facts}
        path = self._path(facts)
        if path is not None and path.is_file():
            return _read(path)
        found = dict(measure())
        if path is not None:
            write_json(path, {"facts": dict(facts), **found})
        return found

    def _path(self, facts: Mapping[str, Any]) -> Path | None:
        if self.folder is None:
            return None
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        del held["facts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} is damaged: {error}; delete it to measure it again") from error
    return dict(held)
