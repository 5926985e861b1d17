"""SLIVER07: CT of the liver."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the scheme `sliver07:PATH`."""
    yield zoo.Dataset(
        "sliver07",
        "zoo_datasets.sliver07.slices:Sliver07",
        "sliver07:PATH, abdominal CT slices with the liver, from a local copy (restricted use)",
        licence="liver segmentation only, as stated by its site",
        paper="doi:10.1109/TMI.2009.2013851",
        homepage="https://sliver07.grand-challenge.org/",
        citation=(
            "Heimann, T., van Ginneken, B., Styner, M. et al. (2009). Comparison and Evaluation "
            "of Methods for Liver Segmentation from CT Datasets. IEEE Transactions on Medical "
            "Imaging 28(8), 1251–1265."
        ),
        scheme="path",
        view="resize",
        verified=False,
    )
