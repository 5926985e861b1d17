"""BCCD: blood cells cut out of annotated photographs of stained smears."""

from collections.abc import Iterator

import zoo

ARCHIVE = zoo.Archive(
    "BCCD_Dataset-1.0.zip",
    url="https://github.com/Shenggan/BCCD_Dataset/archive/v1.0.zip",
    size=7_875_205,
    sha256={
        "97af5cc16d14d293fcb3c82a8f66e49b0339a8d0abd8e9508e0feeb4911caa1f": (
            "release 1.0; size and hash as TensorFlow Datasets publishes them for `bccd`"
        ),
    },
)
CLASSES = ("RBC", "WBC", "Platelets")


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the set."""
    yield zoo.Dataset(
        "blood",
        "zoo_datasets.blood.builder:Blood",
        "BCCD: red and white blood cells and platelets, one crop per annotated box",
        licence="MIT",
        homepage="https://github.com/Shenggan/BCCD_Dataset",
        citation="Shenggan. BCCD Dataset. 2017. https://github.com/Shenggan/BCCD_Dataset",
        archives=(ARCHIVE,),
        view="resize",
        verified=False,
    )
