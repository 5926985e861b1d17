"""Automated Cardiac Diagnosis Challenge: cine MRI of the heart."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the scheme `acdc:PATH`."""
    yield zoo.Dataset(
        "acdc",
        "zoo_datasets.acdc.slices:Acdc",
        "acdc:PATH, short-axis heart MRI slices with ventricles, from a local copy (registration)",
        licence="as stated by its site (registration)",
        paper="doi:10.1109/TMI.2018.2837502",
        homepage="https://www.creatis.insa-lyon.fr/Challenge/acdc/",
        citation=(
            "Bernard, O., Lalande, A., Zotti, C., Cervenansky, F. et al. (2018). Deep Learning "
            "Techniques for Automatic MRI Cardiac Multi-structures Segmentation and Diagnosis: Is "
            "the Problem Solved? IEEE Transactions on Medical Imaging 37(11), 2514–2525."
        ),
        scheme="path",
        view="resize",
        verified=False,
    )
