"""Kaggle's blood cell images: four classes of white blood cells, copied and turned many times."""

from collections.abc import Iterator

import zoo

ARCHIVE = zoo.Archive(
    "blood-cells.zip",
    sha256={
        "f5cb815a27ebc7055c68548630a73822f78beb899510534f785351779db9bc31": (
            "part of the set, 911 images (dhruvp/wbc-classification)"
        ),
    },
)
CLASSES = ("EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE", "NEUTROPHIL")
FOLDERS = ("TRAIN", "TEST", "TEST_SIMPLE")


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the set; Kaggle asks for an account, so it has no address."""
    yield zoo.Dataset(
        "blood-cells",
        "zoo_datasets.blood_cells.builder:BloodCells",
        "Kaggle's white blood cells, four classes; groups inferred by image registration",
        licence="MIT",
        homepage="https://www.kaggle.com/datasets/paultimothymooney/blood-cells",
        citation="Mooney, P. Blood Cell Images. Kaggle, 2018. Its photographs are those of BCCD.",
        archives=(ARCHIVE,),
        view="resize",
        verified=False,
    )
