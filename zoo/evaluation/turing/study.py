"""The images of a reader study, under names and in an order that tell nothing about them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import UsageError, ZooError
from zoo.evaluation.card import card, data_facts, origin, split_facts
from zoo.metrics.features import to_uint8
from zoo.plain import parse_json
from zoo.runs.pictures import encode_png, to_rgb
from zoo.stored import Sampler

FORMAT = 1
REAL, GENERATED = SIDES = ("real", "generated")
KEY, PAGE = "key.json", "study.html"
SCALE = (1, 5)


@dataclass(frozen=True)
class Item:
    """What one image of a study is.

    Attributes:
        truth: `real` or `generated`.
        source: Id of the real image, or the seed of the generated one with its number.
        group: Group of the real image; empty for a generated one.
    """

    truth: str
    source: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Study:
    """What key.json holds.

    Attributes:
        id: Stands in the page and in the answers to it.
        items: Item by its id, in the order of the ids.
        margin: Of the equivalence test, chosen before anybody reads.
        protocol: How the images were made and are shown.
        page_sha256: Of the page.
    """

    id: str
    items: Mapping[str, Item]
    margin: float
    protocol: Mapping[str, Any]
    page_sha256: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The content of key.json."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def read(cls, folder: Path) -> "Study":
        """The study whose key lies in a folder.

        Raises:
            zoo.errors.ZooError: If there is none, or it is damaged.
        """
        path = folder / KEY
        try:
            held = parse_json(path.read_bytes(), str(path))
        except OSError as error:
            raise ZooError(f"cannot read {path}: {error.strerror}") from error
        try:
            if held.pop("format") != FORMAT:
                raise ZooError(f"{path} was written by another version of zoo")
            items = {name: Item(**item) for name, item in held.pop("items").items()}
            study = cls(items=items, **held)
            study.warning()  # lacks no fact that the answers need
            whole = 0 < study.margin < 0.5 and {i.truth for i in items.values()} == set(SIDES)
        except (AttributeError, KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise ZooError(f"{path} is damaged: it is no key of a study")
        return study

    def warning(self) -> str:
        """What makes its numbers doubtful, in sentences; usually nothing."""
        facts = self.protocol["comparable"]
        said = []
        if lossy := facts.get("lossy_files"):
            said.append(
                f"{lossy:,} files of the data set have lost detail to compression, generated "
                "images have not: readers may see that and not realism."
            )
        if (groups := facts["groups_real"]) < (n := facts["n_real"]):
            said.append(
                f"The {n} real images come from {groups} group{'' if groups == 1 else 's'}; "
                "intervals take images as independent and are too narrow."
            )
        return " ".join(said)

    def generated(self) -> npt.NDArray[np.bool_]:
        """(items,), whether each is generated."""
        return np.array([item.truth == GENERATED for item in self.items.values()])


def compose(
    images: ImageSet,
    sample: Sampler,
    *,
    n: int,
    seed: int,
    sampling_seed: int,
    margin: float,
    facts: Mapping[str, Any],
) -> tuple[Study, dict[str, bytes]]:
    """Draw n held-out real images and generate as many.

    Names of items are hashes over all images in an order that only the key has, and the items
    stand in the order of their names: neither seed nor program give the truth away.

    Args:
        images: All splits of the data.
        sample: `sample(n, seed)` gives n generated images of the same type.
        n: Images of each kind.
        seed: Of the real images that are drawn.
        sampling_seed: Of the generated images, all of which are shown.
        margin: Of the equivalence test.
        facts: Further facts of the protocol that must be equal for two studies to compare.

    Returns:
        The study, and by item the content of its PNG file.

    Raises:
        zoo.errors.ZooError: If there are fewer held-out images, or the generated images have
            another size or type.
    """
    held_out = images.split(*HELD_OUT)
    if len(held_out) < n:
        raise ZooError(
            f"{images.name} has {len(held_out)} held-out images, which is fewer than n={n}; a "
            "study shows none that trained the generator"
        )
    reals = held_out.take(groups_first(held_out.groups, n, seed=seed))
    fakes = sample(n, sampling_seed)
    if fakes.dtype != images.dtype or fakes.shape[1:] != images.shape[1:]:
        raise ZooError(
            f"generated images are {fakes.dtype} {fakes.shape[1:]}, those of {images.name} "
            f"{images.dtype} {images.shape[1:]}"
        )
    items = [
        *(Item(REAL, str(i), str(group)) for i, group in zip(reals.ids, reals.groups, strict=True)),
        *(Item(GENERATED, f"seed {sampling_seed}, image {i}", "") for i in range(n)),
    ]
    pictures = [*_encoded(reals[:]), *_encoded(fakes)]
    secret = hashlib.sha256(repr((images.fingerprint, seed, sampling_seed, items)).encode())
    for picture in pictures:
        secret.update(picture)
    named = sorted((_name(secret, str(i)), i) for i in range(len(items)))
    study = Study(
        id=_name(secret, "study"),
        items={name: items[i] for name, i in named},
        margin=margin,
        protocol=_protocol(images, reals, seed, facts),
    )
    return study, {name: pictures[i] for name, i in named}


def groups_first(groups: npt.NDArray[np.str_], n: int, *, seed: int) -> npt.NDArray[np.int64]:
    """n rows, one of each group before any group has a second, in random order within that."""
    rng = np.random.default_rng([seed, 4])
    _, group = np.unique(groups, return_inverse=True)
    order = np.lexsort((rng.random(len(groups)), group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    first = np.lexsort((rng.random(len(order)), turn))[:n]
    return np.sort(order[first]).astype(np.int64)


def check_replaceable(folder: Path, study: Study) -> None:
    """Refuse to overwrite the key of another study, without which its answers say nothing.

    Raises:
        zoo.errors.UsageError: If the folder holds one.
    """
    if (folder / KEY).exists() and (held := Study.read(folder)).id != study.id:
        raise UsageError(
            f"{folder} holds study {held.id}, whose answers need its key; --out takes another "
            "folder"
        )


def _encoded(images: npt.NDArray[Any]) -> list[bytes]:
    shown = to_rgb(to_uint8(images))
    return [encode_png(image) for image in (shown[..., :1] if images.shape[-1] == 1 else shown)]


def _name(secret: Any, of: str) -> str:
    copy = secret.copy()
    copy.update(of.encode())
    return str(copy.hexdigest()[:16])


def _protocol(
    images: ImageSet, reals: ImageSet, seed: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    groups = len(np.unique(reals.groups))
    comparable = {
        **data_facts(images),
        **split_facts("held_out"),
        "n_real": len(reals),
        "n_fake": len(reals),
        "groups_real": groups,
        "lossy_files": images.provenance.get("lossy_files"),
        "generated": "averaged generator, truncation 1, every image of one seed, none left out",
        "shown": "8 bits, of two channels magenta and green, of four the first three; PNG",
        "order": "random for each reader, no feedback",
        "scale": f"realism from {SCALE[0]} to {SCALE[1]}",
        **facts,
    }
    drawing = "one image of each group first"
    return card(comparable, {**origin(seed, images), "drawing": drawing})
