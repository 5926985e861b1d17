"""MedMNIST: twelve biomedical image sets, each in four sizes."""

from collections.abc import Iterator

import zoo
from zoo_datasets.medmnist.subsets import SIZES, SUBSETS, Subset

FILES = "https://zenodo.org/records/10519652/files"
OFFICIAL = "official, as version 3.0.2 of the medmnist package states it"
OLDER = "official until it was corrected, as version 2.1.0 of the medmnist package states it"


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare every subset in every size; the larger ones are listed on request."""
    for subset in SUBSETS:
        for size in SIZES:
            yield _record(subset, size)


def _record(subset: Subset, size: int) -> zoo.Dataset:
    name = subset.name if size == SIZES[0] else f"{subset.name}-{size}"
    return zoo.Dataset(
        f"medmnist/{name}",
        "zoo_datasets.medmnist.builder:MedMnist",
        f"MedMNIST {subset.summary}, {size}×{size}",
        licence=subset.licence,
        paper="doi:10.1038/s41597-022-01721-8",
        homepage="https://medmnist.com",
        citation=(
            "Yang, J., Shi, R., Wei, D., Liu, Z., Zhao, L., Ke, B., Pfister, H. and Ni, B. "
            "(2023). MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical "
            "image classification. Scientific Data 10, 41. Cite the subset's source, too."
        ),
        archives=(_archive(subset, size),),
        config=name,
        view="resize",
        split="official",  # MedMNIST names no scan or patient; some of its splits go by them
        verified=False,
        listed=size == SIZES[0],
    )


def _archive(subset: Subset, size: int) -> zoo.Archive:
    smallest = size == SIZES[0]
    filename = f"{subset.name}.npz" if smallest else f"{subset.name}_{size}.npz"
    known = {subset.md5[SIZES.index(size)]: OFFICIAL}
    return zoo.Archive(
        filename,
        url=f"{FILES}/{filename}?download=1",
        size=subset.bytes if smallest else 0,
        md5=known | ({subset.older: OLDER} if smallest and subset.older else {}),
    )
