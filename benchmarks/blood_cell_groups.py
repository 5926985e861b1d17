"""How well Kaggle's blood cell images fall into fields of view.

usage: python benchmarks/blood_cell_groups.py ARCHIVE [--pairs 10000] [--sheet FILE.png]
       [--out benchmarks/results/blood_cell_groups.json]

TEST is made of changed copies of TEST_SIMPLE, so nearly every TEST image should be in a group
with one of those. Random pairs are registered without any search for candidates: none that
registers may be in two groups, and the most inliers of a pair of two groups shows how far strangers
are from the threshold. The sheet shows three groups, one per row, to be looked at.
"""

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits
from zoo_datasets.blood_cells.groups import Fields, candidates
from zoo_datasets.blood_cells.registration import MIN_INLIERS, inliers

from zoo.data.archive import open_zip, read_entry
from zoo.data.decode import decode
from zoo.progress import progress

MEMBER = re.compile(r".*/((?:TRAIN|TEST|TEST_SIMPLE)/[A-Z]+/[^/]+\.jpeg)")
SHOWN = 8
Numbers = npt.NDArray[np.int64]


def read(path: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """`FOLDER/CLASS/file` to image, sorted."""
    with open_zip(path) as archive:
        found = {
            match[1]: decode(read_entry(archive, entry))[0]
            for entry in archive.infolist()
            if (match := MEMBER.fullmatch(entry.filename))
        }
    return dict(sorted(found.items()))


def joined(images: dict[str, npt.NDArray[np.uint8]]) -> tuple[Fields, Numbers, dict[str, float]]:
    """The fields, the group of each image, and the processor seconds of each step."""
    seconds, start = {}, time.process_time()
    fields = Fields(images.values(), len(images))
    seconds["keypoints"] = time.process_time() - start
    fields.join_candidates()
    seconds["candidates"] = time.process_time() - start - seconds["keypoints"]
    before = len({fields.first(i) for i in range(len(images))})
    fields.join_first_ones()
    seconds["first ones"] = time.process_time() - start - sum(seconds.values())
    groups = np.array([fields.first(i) for i in range(len(images))], np.int64)
    print(f"{before} groups from candidates, {len(set(groups.tolist()))} in the end")
    return fields, groups, seconds


def spread(names: list[str], groups: Numbers) -> dict[str, Any]:
    """Sizes, and which folders and classes meet in a group."""
    folder, label = np.array([name.split("/")[:2] for name in names]).T
    members = [groups == group for group in np.unique(groups)]
    folders = [set(folder[mask].tolist()) for mask in members]
    simple = {g for g, name in zip(groups.tolist(), folder, strict=True) if name == "TEST_SIMPLE"}
    sizes = Counter(int(mask.sum()) for mask in members)
    return {
        "images": len(names),
        "groups": len(members),
        "sizes": dict(sorted(sizes.items())),
        "in TRAIN and TEST": sum({"TRAIN", "TEST"} <= found for found in folders),
        "in TRAIN and TEST_SIMPLE": sum({"TRAIN", "TEST_SIMPLE"} <= found for found in folders),
        "of several classes": [
            names[int(np.flatnonzero(mask)[0])]
            for mask in members
            if len(set(label[mask].tolist())) > 1
        ],
        "groups of": {name: len(set(groups[folder == name].tolist())) for name in set(folder)},
        "TEST images with an original": float(np.isin(groups[folder == "TEST"], [*simple]).mean()),
    }


def random_pairs(fields: Fields, groups: Numbers, count: int) -> dict[str, Any]:
    """Register random pairs, as many of strangers as come, and as many of groups as there are."""
    rng = np.random.default_rng(0)
    found: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    together = [(i, j) for i in range(len(groups)) for j in range(i) if groups[i] == groups[j]]
    random = rng.integers(0, len(groups), (count, 2)).tolist()
    with progress("Registering random pairs", count + len(together), "pairs") as advance:
        for i, j in [*random, *together]:
            if i != j:
                queries = fields.plain[i], fields.mirrored[i]
                most = max(inliers(query, fields.plain[j]) for query in queries)
                found[bool(groups[i] == groups[j])][most] += 1
            advance(1)
    return {
        "inliers of two groups": dict(sorted(found[False].items())),
        "inliers of one group": dict(sorted(found[True].items())),
        "registered but in two groups": sum(
            n for most, n in found[False].items() if most >= MIN_INLIERS
        ),
    }


def kept_candidates(fields: Fields, groups: Numbers) -> dict[str, Any]:
    """How many candidates there are, and how many of them register."""
    pairs = candidates(fields.plain, fields.mirrored)
    same = groups[pairs[:, 0]] == groups[pairs[:, 1]]
    return {"candidates": len(pairs), "of one group": int(same.sum())}


def sheet(images: dict[str, npt.NDArray[np.uint8]], groups: Numbers) -> Image.Image:
    """Three groups, one per row: of most folders, of most classes, and the largest of the rest."""
    names = np.array([name.split("/")[:2] for name in images])
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    ranked: list[Numbers] = []
    for column in (0, 1, 2):
        kinds = [len(set(names[rows, column])) if column < 2 else 0 for rows in members]
        best = max(range(len(members)), key=lambda k: (kinds[k], len(members[k])))
        ranked.append(members.pop(best))
    pictures = list(images.values())
    height, width = pictures[0].shape[:2]
    page = Image.new("RGB", (SHOWN * width, len(ranked) * height), "white")
    for row, rows in enumerate(ranked):
        for column, i in enumerate(rows[np.linspace(0, len(rows) - 1, SHOWN).astype(int)]):
            page.paste(Image.fromarray(pictures[i]), (column * width, row * height))
    return page


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    images = read(options.archive)
    with threadpool_limits(1):
        fields, groups, seconds = joined(images)
        facts = spread(list(images), groups) | kept_candidates(fields, groups)
        facts |= random_pairs(fields, groups, options.pairs)
    facts["processor seconds"] = {step: round(value, 1) for step, value in seconds.items()}
    if options.sheet:
        sheet(images, groups).save(options.sheet)
    text = json.dumps(facts, indent=2)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
