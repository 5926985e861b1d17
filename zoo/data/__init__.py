"""Files to image sets: the only part that touches dataset builders and archives."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.data.alias import resolve
    from zoo.data.imageset import HELD_OUT, PARTS, ImageSet
    from zoo.data.loading import load

__all__ = ["HELD_OUT", "PARTS", "ImageSet", "load", "resolve"]

HOMES = {"resolve": "alias", "load": "loading"}


def __getattr__(name: str) -> Any:
    """Import on first use, because `zoo data list` needs no NumPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{HOMES.get(name, 'imageset')}"), name)
