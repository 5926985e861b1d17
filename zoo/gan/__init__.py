"""Networks to trained networks: the model, the losses, the loop, the state on disk."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.gan.loop import Budget, train
    from zoo.gan.model import GAN
    from zoo.gan.stored import build, load_run, set_snapshot

__all__ = ["GAN", "Budget", "build", "load_run", "set_snapshot", "train"]

HOMES = {"GAN": "model", "Budget": "loop", "train": "loop"}


def __getattr__(name: str) -> Any:
    """Import on first use, because the report judges a training without a framework."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{HOMES.get(name, 'stored')}"), name)
