"""Files to image sets: the only part that touches dataset builders and archives."""

from zoo.data.imageset import HELD_OUT, PARTS, ImageSet

__all__ = ["HELD_OUT", "PARTS", "ImageSet"]
