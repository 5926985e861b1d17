"""What the user is shown as one line instead of a traceback."""


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
