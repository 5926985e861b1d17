"""Download InceptionV3's weights, when the user asks for them."""

import contextlib
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.metrics.weights import NETWORK, OFFICIAL_MD5, OFFICIAL_NAME, OFFICIAL_URL, keras_cache

CONNECT_SECONDS = 5.0
STALLED_SECONDS = 30.0


def fetch_inception() -> Path:
    """Let Keras download the ImageNet weights into its own cache, which checks their MD5.

    Raises:
        zoo.errors.ZooError: If the server cannot be reached within 5 seconds or goes silent for
            30, or the file is damaged.
    """
    path = keras_cache() / OFFICIAL_NAME
    if not path.is_file():
        _check_server()
    import keras

    # Keras prints its progress on stdout, which is for answers.
    with contextlib.redirect_stdout(sys.stderr), _patience(STALLED_SECONDS):
        try:
            found = keras.utils.get_file(
                OFFICIAL_NAME, OFFICIAL_URL, cache_subdir="models", file_hash=OFFICIAL_MD5
            )
        except Exception as error:  # Keras wraps each network error in a bare Exception
            raise _failure(error) from error
    return Path(found)


def _check_server() -> None:
    request = urllib.request.Request(OFFICIAL_URL, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as answer:
            megabytes = int(answer.headers.get("Content-Length", 0)) / 1e6
    except (OSError, ValueError) as error:
        raise _failure(error) from error
    print(f"downloading {OFFICIAL_NAME}, {megabytes:.0f} MB", file=sys.stderr)


def _failure(error: Exception) -> ZooError:
    reason = " ".join(str(error).split())
    return ZooError(
        f"cannot download {OFFICIAL_URL}: {reason}; "
        f"`zoo weights import {NETWORK} FILE` takes it from disk"
    )


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
