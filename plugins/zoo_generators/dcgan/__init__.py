"""DCGAN (Radford, Metz & Chintala, 2015)."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator."""
    yield zoo.Generator(
        "dcgan",
        "zoo_generators.dcgan.model:DCGAN",
        "Deep convolutional GAN, with DiffAugment and an averaged generator",
        paper="arXiv:1511.06434",
        licence="MIT",
    )
