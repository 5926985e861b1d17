"""Differences between files that a detector would learn instead of realism."""

from collections.abc import Mapping
from typing import Any

from zoo.data.imageset import ImageSet
from zoo.errors import ZooError

SCALED = ("resize",)


def check_files(real: ImageSet, fake: ImageSet, *, recompressed: bool) -> None:
    """Refuse two sets of files that went through different pipelines.

    A detector of 8×8 blocks or of interpolation tells such files apart whatever they show
    (Grommelt et al., 2024, arXiv:2403.17608).

    Args:
        real: Real images.
        fake: Generated images.
        recompressed: Whether both are compressed alike before they are compared.

    Raises:
        zoo.errors.ZooError: If one side has lost detail to compression and the other has not or
            less often, or if one side is scaled by another factor than the other.
    """
    if real.shape[1:] != fake.shape[1:] or real.dtype != fake.dtype:
        raise ZooError(
            f"{real.name} is {real.dtype} {_size(real)}, {fake.name} is {fake.dtype} "
            f"{_size(fake)}; give --image-size"
        )
    shares = [_lossy_share(side.provenance) for side in (real, fake)]
    if shares[0] != shares[1] and not recompressed:
        facts = [
            f"{side.name}: {share:.0%} compressed with loss ({_formats(side.provenance)})"
            for side, share in zip((real, fake), shares, strict=True)
        ]
        raise ZooError(
            f"{'; '.join(facts)}. A detector would learn the compression; "
            "--recompress QUALITY compresses both sides alike"
        )
    scales = [_scale(side) for side in (real, fake)]
    if scales[0] != scales[1]:
        texts = [f"{s.name} from {t}" for s, t in zip((real, fake), scales, strict=True)]
        raise ZooError(
            f"both sides are made {_size(real)}, {' and '.join(texts)}: a detector would learn "
            "the scaling; prepare both from files of the same size"
        )


def _size(images: ImageSet) -> str:
    return "x".join(map(str, images.shape[1:]))


def _lossy_share(facts: Mapping[str, Any]) -> float:
    files = int(sum((facts.get("formats") or {}).values()))
    return int(facts.get("lossy_files") or 0) / max(files, 1)


def _formats(facts: Mapping[str, Any]) -> str:
    formats = facts.get("formats") or {}
    return ", ".join(f"{n} {name}" for name, n in formats.items()) or "no compressed files"


def _scale(images: ImageSet) -> str:
    """The sizes that were scaled to the images' own; nothing where none was."""
    view = images.provenance.get("view") or {}
    if view.get("kind") not in SCALED:
        return f"downscale {view.get('downscale', 1.0)}"
    sizes = images.provenance.get("source_sizes") or {}
    return ", ".join(sorted(map(str, sizes)))
