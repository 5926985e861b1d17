"""Images in folders, each sub-folder a class."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.Dataset]:
    """Declare the scheme `folder:PATH`."""
    yield zoo.Dataset(
        "folder",
        "zoo_datasets.folder.files:Folder",
        "folder:PATH, your own images; sub-folder = class, or labels.csv; masks, channels, stacks",
        licence="as stated by the images' owner",
        scheme="path",
        view="resize",
    )
