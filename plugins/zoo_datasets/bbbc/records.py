"""Records of the collection's sets of cultured and simulated cells."""

from collections.abc import Iterator

import zoo

CC0 = "CC0-1.0"
NONCOMMERCIAL = "CC-BY-NC-SA-3.0"
COLLECTION = "doi:10.1038/nmeth.2083"
GENOME_BIOLOGY = "doi:10.1186/gb-2006-7-10-r100"
PHENOTYPES = "doi:10.1073/pnas.0808843106"
PUBLISHED = "official; hash as somebody who downloaded it published it"
IN_FOCUS = 16


def _archive(name: str, *, size: int = 0, sha256: str = "", optional: bool = False) -> zoo.Archive:
    """An official file; size and hash only where somebody published them."""
    return zoo.Archive(
        name,
        url=f"https://data.broadinstitute.org/bbbc/{name[:7]}/{name}",
        size=size,
        sha256={sha256: PUBLISHED} if sha256 else {},
        optional=optional,
    )


BBBC001 = (_archive("BBBC001_v1_images_dib.zip"), _archive("BBBC001_v1_counts.txt"))
BBBC005 = (_archive("BBBC005_v1_images.zip"), _archive("BBBC005_v1_ground_truth.zip"))
BBBC008 = (
    _archive(
        "BBBC008_v1_images.zip",
        size=7_918_852,
        sha256="ff49adf65f57078c9d62e6fd2ffede7290f749fd63cfb543864da49d5bacd91d",
    ),
    _archive(
        "BBBC008_v1_foreground.zip",
        size=484_995,
        sha256="a40a7d416f8d6ebec39c4d0f68432423984fbd5b4ba20ac48be9bbe48f9da886",
    ),
)
BBBC018 = (_archive("BBBC018_v1_images.zip"), _archive("BBBC018_v1_outlines.zip"))

SIZES = {
    13: 845_002_067,
    14: 843_305_254,
    15: 841_216_608,
    16: 838_730_060,
    17: 836_036_880,
    18: 833_257_303,
    19: 830_604_933,
}
HASHES = {
    0: "ca6a7c023fd3258c0175ec74fe4568203fc158c5022b765e07d0b202ab5c19bc",
    15: "bf17883413e4625b942753773db53b8f30b94c8177c978402f0e29e5aef44697",
    16: "6e1515d08f6365c075e4ce813d7d1670e620b51d5b87339c7f02d9fa56313d0e",
}
BBBC006 = (
    _archive(
        "BBBC006_v1_labels.zip",
        size=10_099_211,
        sha256="2d3ec4e5a3ec0bb94820c9bcd6f102821862f526df2552ff9065a75b1c5e33ac",
    ),
    _archive(
        "BBBC006_v1_counts.csv",
        size=67_379,
        sha256="7fdc4b496cb6558e266d9f1bbc99cda3568d3fc2856c102a98fae315baf89d88",
    ),
    *(
        _archive(
            f"BBBC006_v1_images_z_{z:02d}.zip",
            size=SIZES.get(z, 0),
            sha256=HASHES.get(z, ""),
            optional=z != IN_FOCUS,
        )
        for z in range(34)
    ),
)


def cell_sets() -> Iterator[zoo.Dataset]:
    """BBBC001, 005, 006, 008 and 018, their annotated parts, and the colon-cancer sets as one."""
    yield _record(
        "bbbc001",
        "HT29 colon-cancer nuclei, six fields counted by two people",
        BBBC001,
        paper=GENOME_BIOLOGY,
    )
    yield from _with_annotated(
        "bbbc005", "simulated cells, sharp and blurred, with counts", BBBC005, licence=CC0
    )
    yield from _with_annotated(
        "bbbc006", "U2OS nuclei and actin in and out of focus, 16 bits", BBBC006, licence=CC0
    )
    yield _record(
        "bbbc008",
        "HT29 colon-cancer nuclei and actin, with the nuclei's foreground",
        BBBC008,
        paper=GENOME_BIOLOGY,
    )
    yield from _with_annotated(
        "bbbc018", "HT29 colon-cancer cells of 14 phenotypes, 16 bits", BBBC018, paper=PHENOTYPES
    )
    yield _record(
        "ht29",
        "DNA channel of the HT29 colon-cancer sets",
        (*BBBC001, *BBBC008, *BBBC018),
        paper=GENOME_BIOLOGY,
    )


def _with_annotated(
    name: str,
    summary: str,
    archives: tuple[zoo.Archive, ...],
    *,
    licence: str = NONCOMMERCIAL,
    paper: str = COLLECTION,
) -> Iterator[zoo.Dataset]:
    """A set of which a part has masks, and that part, on the same prepared files."""
    yield _record(name, summary, archives, licence=licence, paper=paper, config=name)
    yield _record(
        f"{name}-annotated",
        f"its images with a mask: {summary}",
        archives,
        licence=licence,
        paper=paper,
        config=name,
        where={"annotated": "yes"},
    )


def _record(
    name: str,
    summary: str,
    archives: tuple[zoo.Archive, ...],
    *,
    licence: str = NONCOMMERCIAL,
    paper: str = COLLECTION,
    config: str = "",
    where: dict[str, str] | None = None,
) -> zoo.Dataset:
    module = name.removesuffix("-annotated")
    accessions = dict.fromkeys(archive.filename[:7] for archive in archives)
    return zoo.Dataset(
        f"bbbc/{name}",
        f"zoo_datasets.bbbc.{module}:{module.capitalize()}",
        f"{' + '.join(accessions)}: {summary}",
        licence=licence,
        paper=paper,
        homepage=f"https://bbbc.broadinstitute.org/{next(iter(accessions))}",
        citation=(
            f"We used image set{'s' * (len(accessions) > 1)} "
            f"{' and '.join(f'{accession}v1' for accession in accessions)} from the Broad "
            "Bioimage Benchmark Collection (Ljosa et al., Nature Methods 9, 637, 2012)."
        ),
        archives=archives,
        config=config,
        where=where or {},
        verified=False,
    )
