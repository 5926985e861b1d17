"""`pytest --zoo NAME`: the checks of `zoo check NAME`, each a case, with no file of tests.

pytest imports this module in every session, so it imports what it needs when `--zoo` is given.
"""

import tempfile
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--zoo`."""
    parser.getgroup("zoo").addoption(
        "--zoo",
        metavar="NAME",
        action="append",
        default=[],
        help="Check zoo's plugin NAME, a record or a package; may be given several times.",
    )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the cases of each name to what else was collected."""
    names = config.getoption("--zoo")
    if not names:
        return
    from zoo.errors import ZooError
    from zoo.testing.cases import cases

    for name in names:
        try:
            found = cases(name)
        except ZooError as error:
            raise pytest.UsageError(f"--zoo {name}: {error}") from error
        items += [ZooItem.from_parent(session, name=key, case=case) for key, case in found.items()]


class ZooItem(pytest.Item):
    """One check of one record.

    Args:
        case: What `zoo.testing.cases.cases` gives.
        **settings: Of `pytest.Item`.
    """

    def __init__(self, *, case: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.case = case

    def runtest(self) -> None:
        """Make the check in a temporary folder."""
        from zoo.testing.cases import make

        with tempfile.TemporaryDirectory() as folder:
            make(self.case, Path(folder))

    def reportinfo(self) -> tuple[Path, None, str]:
        """How the case is called."""
        return self.path, None, f"zoo: {self.name}"
