"""Networks to trained networks: the model, the losses, the loop, the state on disk."""

from zoo.gan.model import GAN
from zoo.gan.stored import build, load_run, set_snapshot
from zoo.gan.train import Budget, train

__all__ = ["GAN", "Budget", "build", "load_run", "set_snapshot", "train"]
