"""Download feature networks' weights, when the user asks for them."""

from pathlib import Path

from zoo.data.download import download
from zoo.data.hashing import file_hash
from zoo.data.home import home
from zoo.data.locking import lock
from zoo.errors import ZooError
from zoo.metrics import published_weights
from zoo.metrics.weights import (
    NETWORK,
    OFFICIAL_MD5,
    OFFICIAL_NAME,
    OFFICIAL_URL,
    PUBLISHED,
    keras_cache,
    published_place,
)

INSTEAD = f"`zoo weights import {NETWORK} FILE` takes it from disk"


def fetch_inception() -> Path:
    """Download the ImageNet weights into Keras' own cache and check their MD5.

    A file that is there and whole is left as it is.

    Raises:
        zoo.errors.ZooError: If the server does not answer within 5 seconds, is silent or slow, or
            the file is not the one that Keras publishes.
    """
    path = keras_cache() / OFFICIAL_NAME
    arriving = path.with_name(f".{OFFICIAL_NAME}.arriving")
    with lock(home() / "downloads" / OFFICIAL_NAME, NETWORK):
        if path.is_file() and file_hash(path, "md5") == OFFICIAL_MD5:
            return path
        try:
            download(OFFICIAL_URL, arriving)
            if (found := file_hash(arriving, "md5")) != OFFICIAL_MD5:
                raise ZooError(f"{OFFICIAL_URL} has the MD5 {found}, not {OFFICIAL_MD5}")
            arriving.replace(path)
        except ZooError as error:
            raise ZooError(f"{error}; {INSTEAD}") from error
        finally:
            arriving.unlink(missing_ok=True)
    return path


def fetch_published() -> Path:
    """Download PyTorch's port of the published FID's network, check its SHA-256 and convert it.

    Weights that are there and whole are left as they are.

    Raises:
        zoo.errors.ZooError: If the server does not answer within 5 seconds, is silent or slow, or
            the file is not the published one.
    """
    url = published_weights.URL
    arriving = home() / "downloads" / url.rpartition("/")[2]
    with lock(arriving, PUBLISHED):
        place = published_place()
        if place.present:
            published_weights.read(place.path)
            return place.path
        try:
            download(url, arriving, size=int(published_weights.MEGABYTES * 1e6))
            if (found := file_hash(arriving)) not in published_weights.SOURCES:
                raise ZooError(f"{url} is not the published file: its SHA-256 is {found}")
            return published_weights.convert(arriving).path
        except ZooError as error:
            raise ZooError(f"{error}; `zoo weights convert FILE` takes it from disk") from error
        finally:
            arriving.unlink(missing_ok=True)
