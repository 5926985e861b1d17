"""What people call themselves in a run's files: a code, and no name."""

import re

from zoo.errors import UsageError

LONGEST = 40


def checked_alias(text: str) -> str:
    """A code that is a file name everywhere, in small letters.

    Raises:
        zoo.errors.UsageError: If it has other signs than letters of a to z, digits, - and _, or
            more than 40.
    """
    alias = text.strip().lower()
    if not re.fullmatch(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST - 1}}}", alias):
        raise UsageError(
            f"code {text.strip()!r}: expected at most {LONGEST} letters a to z, digits, - and _, "
            "such as reader-a"
        )
    return alias
