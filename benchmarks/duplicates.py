"""Inject copies into real images and count which are found, by kind of change.

usage: python benchmarks/duplicates.py DATA [--out benchmarks/results/duplicates.json]

DATA holds BBBC038/stage1_train.zip and blood-cells/dataset2-master.zip. One image in four gets a
copy. A shift is that of a field of view: original and copy are two windows of the same picture.
The pairs found without any copy are real ones or errors, and are listed to be looked at; so are
those that are found only once one of the two is shifted, which count as errors.
"""

import argparse
import io
import json
import platform
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import scipy
from PIL import Image

from zoo.data import duplicates
from zoo.data.archive import open_zip, read_entry
from zoo.data.decode import decode
from zoo.data.duplicates import near_duplicates, thumbnail
from zoo.progress import progress

Picture = npt.NDArray[np.uint8]
Change = Callable[[Picture, np.random.Generator], tuple[Picture, Picture]]

EVERY = 4
PER_IMAGE = 40  # nuclei
NUCLEUS = 28  # pixels, as in MedMNIST


def shifted(image: Picture, down: int, right: int) -> tuple[Picture, Picture]:
    """Two windows of an image, the second further down and right."""
    height, width = image.shape[:2]
    rows, columns = height - abs(down), width - abs(right)
    first = image[max(-down, 0) :, max(-right, 0) :][:rows, :columns]
    return first, image[max(down, 0) :, max(right, 0) :][:rows, :columns]


def brighter(image: Picture, gain: float, offset: float) -> Picture:
    changed: Picture = np.clip(np.rint(image * np.float32(gain) + offset), 0, 255).astype(np.uint8)
    return changed


def jpeg(image: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(
        buffer, "JPEG", quality=quality
    )
    return np.asarray(Image.open(buffer)).reshape(image.shape)


def by_pixels(most: int) -> Change:
    def change(image: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
        down, right = rng.choice([-1, 1], 2) * (most, rng.integers(0, most + 1))
        return shifted(image, int(down), int(right))

    return change


def by_share(share: float) -> Change:
    def change(image: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
        down, right = rng.choice([-1, 1], 2) * np.rint(np.multiply(share, image.shape[:2]))
        return shifted(image, int(down), int(right))

    return change


def everything(image: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
    first, copy = by_share(0.03)(image, rng)
    copy = brighter(copy, float(rng.uniform(0.7, 1.4)), float(rng.uniform(0, 20)))
    return first, jpeg(copy, int(rng.integers(50, 96)))


KINDS: dict[str, Change] = {
    "exact": lambda image, rng: (image, image),
    **{f"shift by {d} px": by_pixels(d) for d in (1, 2, 4, 8)},
    "shift by 2 % of each side": by_share(0.02),
    "shift by 5 % of each side": by_share(0.05),
    "gain 0.7": lambda image, rng: (image, brighter(image, 0.7, 0)),
    "gain 1.4": lambda image, rng: (image, brighter(image, 1.4, 0)),
    "offset 25": lambda image, rng: (image, brighter(image, 1, 25)),
    "JPEG 50": lambda image, rng: (image, jpeg(image, 50)),
    "JPEG 75": lambda image, rng: (image, jpeg(image, 75)),
    "JPEG 95": lambda image, rng: (image, jpeg(image, 95)),
    "shift 3 %, gain 0.7-1.4, offset 0-20, JPEG 50-95": everything,
}
SMALL = ("exact", "shift by 1 px", "shift by 2 px", "gain 0.7", "gain 1.4", "JPEG 75", "JPEG 95")


def entries(path: Path, part: str) -> Iterator[tuple[str, Picture]]:
    """Images of an archive whose path holds `part`, by path."""
    with open_zip(path) as archive:
        names = sorted(name for name in archive.namelist() if part in name and "." in name)
        with progress(f"Reading {path.name}", len(names), "files") as advance:
            for name in names:
                yield name, decode(read_entry(archive, archive.getinfo(name)))[0]
                advance(1)


def fluorescence(data: Path) -> Iterator[tuple[str, Picture]]:
    """BBBC038 images that are grey on a dark background."""
    for name, image in entries(data / "BBBC038/stage1_train.zip", "/images/"):
        if (image == image[..., :1]).all() and np.median(image) < 128:
            yield name.split("/")[-1], image[..., :1]


def blood_cells(data: Path) -> Iterator[tuple[str, Picture]]:
    for name, image in entries(data / "blood-cells/dataset2-master.zip", "/images/"):
        yield name.split("/images/")[-1], image


def nuclei(data: Path) -> Iterator[tuple[str, Picture]]:
    """Nuclei of BBBC038, each in the middle of 28×28 pixels."""
    file = data / "BBBC038/stage1_train.zip"
    with zipfile.ZipFile(file) as archive:
        folders: dict[str, list[str]] = {}
        for name in sorted(archive.namelist()):
            if "/masks/" in name and name.endswith(".png"):
                folders.setdefault(name.split("/masks/")[0], []).append(name)
        images = {
            name: f"{name}/images/{name.split('/')[-1]}.png" for name in list(folders)[::EVERY]
        }
        for folder, image in images.items():
            pixels = decode(archive.read(image))[0].mean(axis=2)
            for name in folders[folder][:PER_IMAGE]:
                mask = decode(archive.read(name))[0][..., 0] > 0
                if (crop := centred(pixels, mask)) is not None:
                    yield name, crop


def centred(pixels: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> Picture | None:
    rows, columns = np.nonzero(mask)
    radius = int(max(np.ptp(rows), np.ptp(columns)) * 0.75) + 2
    top, left = int(rows.mean()) - radius, int(columns.mean()) - radius
    crop = pixels[max(top, 0) :, max(left, 0) :][: 2 * radius, : 2 * radius]
    if len(rows) < 60 or min(top, left) < 0 or crop.shape != (2 * radius, 2 * radius):
        return None
    small = Image.fromarray(crop.astype(np.float32)).resize(
        (NUCLEUS, NUCLEUS), Image.Resampling.BOX
    )
    rounded: Picture = np.rint(np.asarray(small)).astype(np.uint8)[..., None]
    return rounded


def found(pictures: list[Picture]) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in near_duplicates(np.array(pictures))}


def measure(
    pictures: list[tuple[str, Picture]], kinds: tuple[str, ...], *, seed: int = 0
) -> dict[str, Any]:
    names, images = [name for name, _ in pictures], [image for _, image in pictures]
    thumbnails = [thumbnail(image) for image in images]
    before = found(thumbnails)
    injected = {}
    for kind in kinds:
        rng = np.random.default_rng(seed)
        some, copies, originals = list(thumbnails), [], range(0, len(images), EVERY)
        for i in originals:
            some[i], copy = (thumbnail(x) for x in KINDS[kind](images[i], rng))
            copies.append(copy)
        place = {len(some) + k: i for k, i in enumerate(originals)}
        pairs = {tuple(sorted((place.get(i, i), place.get(j, j)))) for i, j in found(some + copies)}
        right = sum(i == j for i, j in pairs)
        wrong = sorted(pair for pair in pairs if pair[0] != pair[1] and pair not in before)
        injected[kind] = {
            "copies": len(copies),
            "recall": round(right / len(copies), 4),
            "precision": round(right / max(right + len(wrong), 1), 4),
            "other_pairs": [[names[i], names[j]] for i, j in wrong],
        }
        print(kind, injected[kind], flush=True)
    listed = [[names[i], names[j]] for i, j in sorted(before)]
    return {"images": len(images), "pairs_without_copies": listed, "injected": injected}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/duplicates.json"))
    given = parser.parse_args()
    thresholds = ("SIDE", "LIKELY", "MOST", "ALIKE", "LEAST", "FAINT", "CYCLES", "REACH", "BLUR")
    results: dict[str, Any] = {
        "thresholds": {name: getattr(duplicates, name) for name in thresholds},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "pillow": PIL.__version__,
        },
    }
    for read, kinds in ((fluorescence, tuple(KINDS)), (blood_cells, tuple(KINDS)), (nuclei, SMALL)):
        print(read.__name__, flush=True)
        results[read.__name__] = measure(list(read(given.data)), kinds)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
