"""What the user is shown as one line instead of a traceback."""

import contextlib
import errno
from collections.abc import Iterator

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


class ZooError(Exception):
    """A known failure: one line on stderr, exit status 1."""

    exit_status = 1


class UsageError(ZooError):
    """A wrong request: the message names the input, the choices and the closest match."""

    exit_status = 2


class Interrupted(ZooError):
    """Stopped by Ctrl-C or SIGTERM after a checkpoint: `zoo run --resume` continues."""

    exit_status = 75


class Diverged(ZooError):
    """A training that cannot go on: its losses or weights are not finite, or far too large."""


class NotComputed(ZooError):
    """A measurement that cannot be made; the message is the reason that the report prints."""


def no_room(error: BaseException | None) -> str:
    """One line on an error for which neither code nor input is to blame; empty for any other.

    Such are a full disk, one that became read-only, and memory that does not suffice.
    """
    words = " ".join(str(error).split())[:200]
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"out of memory: {words or 'there is no more'}"
    if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
        return f"cannot write{f' {error.filename}' if error.filename else ''}: {error.strerror}"
    return ""


@contextlib.contextmanager
def expected_form(source: object) -> Iterator[None]:
    """Turn whatever a file of the wrong form leads to into one line that names its source.

    Raises:
        zoo.errors.ZooError: Instead of what no code here raises by itself.
    """
    try:
        yield
    except (ZooError, OSError):
        raise
    except Exception as error:  # a stranger's file can be wrong in any way
        words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ZooError(f"{source} holds what no run writes: {words}") from error
