"""Simulated fluorescence nuclei: images, masks and labels with no network."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the simulator."""
    yield zoo.Dataset(
        "bbbc/simulated",
        "zoo_datasets.simulated.nuclei:Nuclei",
        "Simulated fluorescence nuclei, interphase and mitotic, with masks; needs no network",
        licence="CC0-1.0",
        paper="doi:10.1109/TMI.2007.896925",
        citation=(
            "Model after Lehmussola, A., Ruusuvuori, P., Selinummi, J., Huttunen, H. and "
            "Yli-Harja, O. (2007). Computational framework for simulating fluorescence microscope "
            "images with cell populations. IEEE Transactions on Medical Imaging 26(7), 1010–1016."
        ),
    )
