"""Indian Diabetic Retinopathy Image Dataset: fundus photographs."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the scheme `idrid:PATH`."""
    yield zoo.Dataset(
        "idrid",
        "zoo_datasets.idrid.fundus:Idrid",
        "idrid:PATH, fundus photographs by grade of retinopathy, from a local copy (registration)",
        licence="CC-BY-4.0",
        paper="doi:10.3390/data3030025",
        homepage="https://idrid.grand-challenge.org/",
        citation=(
            "Porwal, P., Pachade, S., Kamble, R., Kokare, M., Deshmukh, G., Sahasrabuddhe, V. and "
            "Meriaudeau, F. (2018). Indian Diabetic Retinopathy Image Dataset (IDRiD): A Database "
            "for Diabetic Retinopathy Screening Research. Data 3(3), 25."
        ),
        scheme="path",
        view="resize",
        verified=False,
    )
