"""Does a generator give its training images away? Distances, attacks and pairs to look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from zoo import claims
from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import NotComputed, ZooError
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.copying import (
    DRAWS,
    KINDS,
    NEAR,
    Test,
    attack_tests,
    distance_tests,
    judged,
    suspicion,
)
from zoo.evaluation.distances import (
    Nearest,
    Rows,
    Space,
    described,
    feature_space,
    find_nearest,
    offline_spaces,
    orientations,
)
from zoo.evaluation.draw import draw, split_halves
from zoo.evaluation.measures import explain
from zoo.filenames import file_name
from zoo.metrics.features import to_uint8
from zoo.metrics.frechet import frechet_distance
from zoo.metrics.kernel import kernel_distance
from zoo.metrics.protocol import Extractor
from zoo.progress import progress

MIN_GROUPS = 4
MIN_HELD_OUT = 20
PAIRS = 20
SUBSAMPLES = 20
SMALL = 2048

Sampler = Callable[[int, int], npt.NDArray[Any]]
Scorer = Callable[[ImageSet], npt.NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Memorisation:
    """What was found.

    Attributes:
        found: What memorisation.json holds.
        fakes: (k, H, W, C) the generated images that are nearest to training images.
        reals: (k, H, W, C) the training image nearest to each.
    """

    found: dict[str, Any]
    fakes: npt.NDArray[Any]
    reals: npt.NDArray[Any]


@dataclass(frozen=True)
class Material:
    """The images that are compared; `members` are as many training images as held-out ones."""

    fakes: npt.NDArray[np.uint8]
    train: ImageSet
    members: ImageSet
    held_out: ImageSet
    flips: str


@dataclass(frozen=True)
class Located:
    """Where the images lie in one space."""

    fakes: Nearest
    held_out: Nearest
    tests: list[Test]


def memorisation(
    images: ImageSet,
    sample: Sampler,
    *,
    extractor: Extractor | str,
    score: Scorer | str = "no discriminator was given",
    n: int = 1000,
    seed: int = 0,
    flips: str = "none",
    cache: Path | None = None,
) -> Memorisation:
    """Compare generated with all training images, and held-out images with them as a reference.

    Args:
        images: All splits of the data.
        sample: `sample(n, seed)` gives n generated images of the same type.
        extractor: The feature network, or the reason why there is none.
        score: The discriminator's logits (n,) of an image set, or the reason why there is none.
        n: Generated images, and held-out images at most.
        seed: Of the generated images and of those that are drawn.
        flips: How training images were mirrored or turned: `none`, `horizontal` or `dihedral`;
            copies are looked for in the same way, but in features.
        cache: Folder that keeps the real images' features; `None` keeps none.

    Raises:
        zoo.errors.ZooError: If the generated images have another size or type.
    """
    train, held_out = images.split("train"), images.split(*HELD_OUT)
    try:
        _check(train, held_out)
    except NotComputed as error:
        return _nothing(images, str(error))
    drawn = draw(held_out, n, seed=seed)
    fakes = sample(n, seed)
    if fakes.dtype != images.dtype or fakes.shape[1:] != images.shape[1:]:
        raise ZooError(
            f"generated images are {fakes.dtype} {fakes.shape[1:]}, those of {images.name} "
            f"{images.dtype} {images.shape[1:]}"
        )
    members = draw(train, len(drawn), seed=seed)
    material = Material(to_uint8(fakes), train, members, drawn, flips)
    kept = cache / f"{file_name(images.name)}-{images.fingerprint[:16]}" if cache else None
    missing: list[dict[str, str]] = []
    spaces = offline_spaces(images.shape[1:]) + _network(extractor, images, missing)
    located: dict[str, Located] = {}
    # On matrices this small several threads wait for each other longer than they work.
    limits = threadpool_limits(1 if max(len(train), n) < SMALL else None)
    with progress("Looking for copies", len(spaces) + 1, "spaces") as advance, limits:
        for space in spaces:
            try:
                located[space.name] = _locate(space, material, kept, seed)
            except Exception as error:  # a third party's extractor may raise anything
                missing.append({"name": f"distances in {space.name}", "reason": explain(error)})
            advance(1)
        logan = _logan(score, material, missing)
        advance(1)
    tests = [test for place in located.values() for test in place.tests] + logan
    rank = np.max([suspicion(place.fakes, place.held_out) for place in located.values()], axis=0)
    order = np.argsort(-rank, kind="stable")[:PAIRS]
    nearest = [_closest(located, int(row)) for row in order]
    found = _assembled(images, material, spaces, located, tests, missing, seed)
    found["suspects"] = np.flatnonzero(rank > 1).tolist()
    found["pairs"] = [
        {**near, "id": str(train.ids[near["position"]]), "suspect": bool(rank[near["fake"]] > 1)}
        for near in nearest
    ]
    positions = np.array([near["position"] for near in nearest], np.int64)
    return Memorisation(found, fakes[order], train[positions])


def _check(train: ImageSet, held_out: ImageSet) -> None:
    groups = len(np.unique(held_out.groups))
    if len(np.unique(train.groups)) < MIN_GROUPS:
        raise NotComputed(f"training images of fewer than {MIN_GROUPS} groups")
    if len(held_out) < MIN_HELD_OUT or groups < MIN_GROUPS:
        raise NotComputed(
            f"{len(held_out)} held-out images in {groups} groups; at least {MIN_HELD_OUT} in "
            f"{MIN_GROUPS} groups are needed to say what is near"
        )


def _network(
    extractor: Extractor | str, images: ImageSet, missing: list[dict[str, str]]
) -> list[Space]:
    reason = extractor if isinstance(extractor, str) else ""
    if not reason and images.shape[-1] not in (1, 3):
        reason = f"feature networks take 1 or 3 channels, not {images.shape[-1]}"
    if reason or isinstance(extractor, str):
        missing.append({"name": "distances of features, FID and KID gap", "reason": reason})
        return []
    return [feature_space(extractor)]


def _locate(space: Space, material: Material, cache: Path | None, seed: int) -> Located:
    """Distances in one space, and the tests on them."""
    train, held_out = material.train, material.held_out
    height, width = material.fakes.shape[1:3]
    flips = "none" if space.network else material.flips
    turns = orientations(flips, square=height == width)
    rows = {
        "fakes": [space.describe(turn(material.fakes), None) for turn in turns],
        "held_out": described(space, held_out, turns, cache),
        "members": described(space, material.members, turns, cache),
    }
    (known,) = described(space, train, turns[:1], cache)
    fakes, held = (find_nearest(rows[side], known, train.groups) for side in ("fakes", "held_out"))
    own = np.full(len(train), np.nan)
    asked = np.union1d(fakes.position, held.position)
    own[asked] = find_nearest([known[asked]], known, train.groups, own=train.groups[asked]).distance
    tests = distance_tests(space.name, fakes, held, own, held_out.groups)
    tests += _leaks(space.name, rows, material)
    if space.network:
        tests += _gaps(space.name, {name: sides[0] for name, sides in rows.items()}, material, seed)
    return Located(fakes, held, tests)


def _leaks(space: str, rows: dict[str, list[Rows]], material: Material) -> list[Test]:
    """GAN-Leaks: an image with a generated one nearby is taken for a training image."""
    fakes = rows["fakes"][0]
    one = np.array([str(i) for i in range(len(fakes))])
    near, far = (-find_nearest(rows[side], fakes, one).distance for side in ("members", "held_out"))
    return attack_tests(
        space, "leaks", (near, material.members.groups), (far, material.held_out.groups)
    )


def _gaps(space: str, rows: dict[str, Rows], material: Material, seed: int) -> list[Test]:
    """How much nearer the generated images' distribution is to training than to held-out images.

    The interval is the range over half-samples by group, whose spread is about that of the whole.
    """
    held, members, fakes = rows["held_out"], rows["members"], rows["fakes"]
    sides = ((material.held_out.groups, held), (material.members.groups, members))
    cuts = [
        split_halves(groups, count=SUBSAMPLES, at_most=len(fakes), seed=seed) for groups, _ in sides
    ]
    m = min(len(cut[0].first) for cut in cuts)
    distances: tuple[tuple[str, Callable[[Rows, Rows], float]], ...] = (
        ("fid_gap", frechet_distance),
        ("kid_gap", lambda real, fake: kernel_distance(real, fake, seed=seed).value),
    )
    tests = []
    for kind, distance in distances:
        scores = distance(held, fakes), distance(members, fakes)
        gaps = []
        for repeat in range(SUBSAMPLES):
            first, second = (
                distance(side[cut[repeat].first[:m]], fakes)
                for (_, side), cut in zip(sides, cuts, strict=True)
            )
            gaps.append(first - second)
        margin = KINDS[kind].margin * abs(scores[0])
        interval = (min(gaps), max(gaps))
        counts = (len(fakes), len(held))
        tests.append(judged(kind, space, scores[0] - scores[1], 0.0, interval, margin, counts))
    return tests


def _logan(score: Scorer | str, material: Material, missing: list[dict[str, str]]) -> list[Test]:
    try:
        if isinstance(score, str):
            raise NotComputed(score)
        members, others = (
            (np.asarray(score(side), np.float64), side.groups)
            for side in (material.members, material.held_out)
        )
        return attack_tests("", "logan", members, others)
    except Exception as error:  # a third party's discriminator may raise anything
        missing.append({"name": "membership by discriminator score", "reason": explain(error)})
        return []


def _closest(located: dict[str, Located], fake: int) -> dict[str, Any]:
    """Distances of one generated image, with the training image of the space that stands out."""
    stands_out = max(
        located, key=lambda name: suspicion(located[name].fakes, located[name].held_out)[fake]
    )
    near = located[stands_out].fakes
    return {
        "fake": fake,
        "space": stands_out,
        "position": int(near.position[fake]),
        "distance": float(near.distance[fake]),
        "ratio": float(near.ratio[fake]),
    }


def _assembled(
    images: ImageSet,
    material: Material,
    spaces: Sequence[Space],
    located: dict[str, Located],
    tests: Sequence[Test],
    missing: list[dict[str, str]],
    seed: int,
) -> dict[str, Any]:
    flagged = [test.name for test in tests if test.flagged]
    stated = {key: fact for space in spaces for key, fact in space.facts.items()}
    near: dict[str, Any] = {}
    for space, place in located.items():
        held = place.held_out
        near[space] = {
            "distance_below": float(np.quantile(held.distance, NEAR)),
            "ratio_below": float(np.quantile(held.ratio, NEAR)),
        }
    return {
        "verdict": f"copying suspected: {', '.join(flagged)}" if flagged else claims.NO_COPYING,
        "flagged": flagged,
        "tests": [test.as_dict() for test in tests],
        "not_computed": missing,
        "limits": claims.DISTANCES_PROVE_NOTHING,
        "protocol": card(
            {**data_facts(images), **_how(material), "spaces": stated},
            {**origin(seed, images), "near": near},
        ),
    }


def _how(material: Material) -> dict[str, Any]:
    return {
        "split": f"by group: train; held-out: {', '.join(HELD_OUT)}",
        "n_train": len(material.train),
        "n_fake": len(material.fakes),
        "n_held_out": len(material.held_out),
        "groups_held_out": len(np.unique(material.held_out.groups)),
        "near": f"below quantile {NEAR} of held-out to training images",
        "second_nearest": "of another group than the nearest",
        "interval": f"95 %, {DRAWS} bootstrap samples of groups; each generated image is a group; "
        f"of a gap the range over {SUBSAMPLES} half-samples by group",
        "margins": {name: kind.margin for name, kind in KINDS.items()},
        "flips": material.flips,
    }


def _nothing(images: ImageSet, reason: str) -> Memorisation:
    none = np.empty((0, *images.shape[1:]), images.dtype)
    found = {
        "verdict": f"not computed, because {reason}",
        **{name: [] for name in ("flagged", "tests", "suspects", "pairs")},
        "not_computed": [{"name": "memorisation", "reason": reason}],
        "limits": claims.DISTANCES_PROVE_NOTHING,
        "protocol": card({}, {}),
    }
    return Memorisation(found, none, none)
