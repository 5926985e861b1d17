"""Images to numbers: the formulas, each a plain function on features or on images."""

from zoo.metrics.protocol import Context, Extractor, Images, Known, Preparing, Score, states

__all__ = ["Context", "Extractor", "Images", "Known", "Preparing", "Score", "states"]
