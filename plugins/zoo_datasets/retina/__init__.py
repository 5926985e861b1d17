"""DRIVE and CHASE_DB1: vessels of the retina."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the schemes `drive:PATH` and `chase-db1:PATH`."""
    yield zoo.Dataset(
        "drive",
        "zoo_datasets.retina.vessels:Drive",
        "drive:PATH, fundus photographs with vessels, from a local copy (registration)",
        licence="research and education only, as stated by its site",
        paper="doi:10.1109/TMI.2004.825627",
        homepage="https://drive.grand-challenge.org/",
        citation=(
            "Staal, J., Abràmoff, M. D., Niemeijer, M., Viergever, M. A. and van Ginneken, B. "
            "(2004). Ridge-based vessel segmentation in color images of the retina. IEEE "
            "Transactions on Medical Imaging 23(4), 501–509."
        ),
        scheme="path",
        view="resize",
        verified=False,
    )
    yield zoo.Dataset(
        "chase-db1",
        "zoo_datasets.retina.vessels:ChaseDb1",
        "chase-db1:PATH, fundus photographs of both eyes of children with vessels, local copy",
        licence="CC-BY-4.0",
        paper="doi:10.1109/TBME.2012.2205687",
        homepage="https://researchdata.kingston.ac.uk/96/",
        citation=(
            "Fraz, M. M., Remagnino, P., Hoppe, A., Uyyanonvara, B., Rudnicka, A. R., Owen, C. G. "
            "and Barman, S. A. (2012). An ensemble classification-based approach applied to "
            "retinal blood vessel segmentation. IEEE Transactions on Biomedical Engineering "
            "59(9), 2538–2548."
        ),
        scheme="path",
        view="resize",
        verified=False,
    )
