"""Differences between files that a detector would learn instead of realism."""

import sys
from dataclasses import replace
from typing import Any

from zoo.data.imageset import ImageSet
from zoo.errors import ZooError
from zoo.evaluation.encoding import UNKNOWN, encoding_of, lossiness

SCALED = ("resize",)
EVEN = "`zoo detect --recompress QUALITY` compresses both sides alike"


def check_files(real: ImageSet, fake: ImageSet, *, recompressed: bool) -> None:
    """Refuse two sets of files that went through different pipelines.

    A detector of 8×8 blocks or of interpolation tells such files apart whatever they show
    (Grommelt et al., 2024, arXiv:2403.17608). A side of which nothing is known is told.

    Args:
        real: Real images.
        fake: Generated images.
        recompressed: Whether both are compressed alike before they are compared.

    Raises:
        zoo.errors.ZooError: If the sides differ in size or type, if files of one have lost detail
            to compression and others have not, or if one side is scaled by another factor.
    """
    sides = (real, fake)
    if real.shape[1:] != fake.shape[1:]:
        sizes = (f"{side.name} is {_size(side)}" for side in sides)
        raise ZooError(f"{', '.join(sizes)}; give --image-size")
    if real.pixels.dtype != fake.pixels.dtype:
        kinds = (f"{side.name} holds {side.pixels.dtype}" for side in sides)
        raise ZooError(f"{', '.join(kinds)} values; export both in one type")
    if not recompressed:
        _check_encodings(real, fake)
    scales = [_scale(side) for side in sides]
    if scales[0] != scales[1]:
        texts = [f"{s.name} from {t}" for s, t in zip(sides, scales, strict=True)]
        raise ZooError(
            f"both sides are made {_size(real)}, {' and '.join(texts)}: a detector would learn "
            "the scaling; prepare both from files of the same size"
        )


def warn_of_loss(real: ImageSet) -> None:
    """Tell that real images lost detail to compression, which a generator's never did."""
    if True in lossiness(encoding := encoding_of(real)):
        print(
            f"warning: {real.name} is {encoding}, and generated images were never compressed; a "
            f"detector may learn the compression ({EVEN})",
            file=sys.stderr,
        )


def in_values_of(real: ImageSet, fake: ImageSet) -> ImageSet:
    """Files of the reals' raw type mapped to stored values as these are, never by their own range.

    Raises:
        zoo.errors.ZooError: If each real image has a mapping of its own and the others have none.
    """
    mapping = real.intensity
    if fake.pixels.dtype != real.pixels.dtype:
        return fake  # which `check_files` refuses
    if mapping.typical is None:
        return replace(fake, intensity=mapping)
    if fake.intensity.kind != mapping.kind:
        raise ZooError(
            f"each image of {real.name} states a window of its own, those of {fake.name} do not: "
            "a detector would learn the difference; export both with one window"
        )
    return fake


def _check_encodings(real: ImageSet, fake: ImageSet) -> None:
    encodings = [encoding_of(side) for side in (real, fake)]
    facts = f"{real.name} is {encodings[0]} and {fake.name} is {encodings[1]}"
    if len(set().union(*map(lossiness, encodings))) > 1:
        raise ZooError(f"{facts}: a detector would learn the compression; {EVEN}")
    if UNKNOWN in encodings:
        print(
            f"warning: {facts}; if one of them was compressed with loss, a detector learns the "
            f"compression ({EVEN})",
            file=sys.stderr,
        )


def _size(images: ImageSet) -> str:
    return "x".join(map(str, images.shape[1:]))


def _scale(images: ImageSet) -> str:
    """The sizes that were scaled to the images' own; nothing where none was."""
    view: dict[str, Any] = images.provenance.get("view") or {}
    if view.get("kind") not in SCALED:
        return f"downscale {view.get('downscale', 1.0)}"
    sizes = images.provenance.get("source_sizes") or {}
    return ", ".join(sorted(map(str, sizes)))
