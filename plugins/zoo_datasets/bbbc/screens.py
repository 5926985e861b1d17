"""Records of BBBC021 and BBBC039, two chemical screens, and BBBC041, malaria in blood."""

from collections.abc import Iterator

import zoo

SERVER = "https://data.broadinstitute.org/bbbc"
CITED = (
    "available from the Broad Bioimage Benchmark Collection (Ljosa et al., Nature Methods, 2012)"
)
SEEN = "official; hash and size as several who downloaded it published them"

# Week to plates, as three projects that downloaded all 55 archives list them.
WEEKS = {
    1: (22123, 22141, 22161, 22361, 22381, 22401),
    2: (24121, 24141, 24161, 24361, 24381, 24401),
    3: (25421, 25441, 25461, 25681, 25701, 25721),
    4: (27481, 27521, 27542, 27801, 27821, 27861),
    5: (28901, 28921, 28961, 29301, 29321, 29341),
    6: (31641, 31661, 31681, 32061, 32121, 32161),
    7: (34341, 34381, 34641, 34661, 34681),
    8: (38203, 38221, 38241, 38341, 38342),
    9: (39206, 39221, 39222, 39282, 39283, 39301),
    10: (40111, 40115, 40119),
}
PLATES = tuple(f"Week{week}_{plate}" for week, plates in WEEKS.items() for plate in plates)
PLATE_ARCHIVES = {f"BBBC021_v1_images_{plate}.zip": plate for plate in PLATES}
IMAGE_CSV = "BBBC021_v1_image.csv"
MOA_CSV = "BBBC021_v1_moa.csv"
NO_MECHANISM = "not annotated"
MECHANISMS = (
    "Actin disruptors",
    "Aurora kinase inhibitors",
    "Cholesterol-lowering",
    "DMSO",
    "DNA damage",
    "DNA replication",
    "Eg5 inhibitors",
    "Epithelial",
    "Kinase inhibitors",
    "Microtubule destabilizers",
    "Microtubule stabilizers",
    "Protein degradation",
    "Protein synthesis",
    NO_MECHANISM,
)

BBBC039 = {
    "images.zip": (
        77_915_748,
        "6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7",
    ),
    "masks.zip": (
        2_753_811,
        "f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710",
    ),
    "metadata.zip": (
        17_816,
        "a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2",
    ),
}

MALARIA = "malaria.zip"
UNINFECTED = ("red blood cell", "leukocyte")
INFECTED = ("gametocyte", "ring", "schizont", "trophozoite")
DIFFICULT = "difficult"
CELLS = (*UNINFECTED, *INFECTED, DIFFICULT)


def screen_sets() -> Iterator[zoo.Dataset]:
    """BBBC021 by plate and mechanism, BBBC039, and BBBC041 as fields and as cells."""
    what = "MCF-7 cells under 113 compounds, DNA, tubulin and actin, 16 bits, any of 55 plates"
    yield _bbbc021("bbbc/bbbc021", what, {})
    annotated = "BBBC021's fields whose mechanism of action is annotated, with DMSO"
    yield _bbbc021("bbbc/bbbc021-moa", annotated, {"annotated": "yes"})
    yield _bbbc039()
    fields = "P. vivax in Giemsa-stained blood, whole fields; test images are JPEG"
    yield _bbbc041("bbbc/bbbc041", "Bbbc041", fields, view="tile")
    cells = "P. vivax in Giemsa-stained blood, one crop per cell, 7 classes; test images are JPEG"
    yield _bbbc041("bbbc/bbbc041-cells", "Bbbc041Cells", cells, view="resize")


def _bbbc021(name: str, summary: str, where: dict[str, str]) -> zoo.Dataset:
    server = f"{SERVER}/BBBC021"
    tables = (zoo.Archive(file, url=f"{server}/{file}") for file in (IMAGE_CSV, MOA_CSV))
    plates = (zoo.Archive(file, url=f"{server}/{file}", optional=True) for file in PLATE_ARCHIVES)
    return zoo.Dataset(
        name,
        "zoo_datasets.bbbc.bbbc021:Bbbc021",
        summary,
        licence="LicenseRef-AstraZeneca-copyright",
        paper="doi:10.1158/1535-7163.MCT-09-1148",
        homepage="https://bbbc.broadinstitute.org/BBBC021",
        citation=(
            "We used image set BBBC021v1 (Caie et al., Molecular Cancer Therapeutics, 2010), "
            f"{CITED}."
        ),
        archives=(*tables, *plates),
        config="bbbc021",
        where=where,
        verified=False,
    )


def _bbbc039() -> zoo.Dataset:
    return zoo.Dataset(
        "bbbc/bbbc039",
        "zoo_datasets.bbbc.bbbc039:Bbbc039",
        "U2OS nuclei under 200 compounds, Hoechst, 16 bits, with instance masks; overlaps BBBC038",
        licence="CC0-1.0",
        paper="doi:10.1002/cyto.a.23863",
        homepage="https://bbbc.broadinstitute.org/BBBC039",
        citation=f"We used image set BBBC039v1 (Caicedo et al., 2018), {CITED}.",
        archives=tuple(
            zoo.Archive(name, url=f"{SERVER}/BBBC039/{name}", size=size, sha256={sha256: SEEN})
            for name, (size, sha256) in BBBC039.items()
        ),
        verified=False,
    )


def _bbbc041(name: str, builder: str, summary: str, *, view: str) -> zoo.Dataset:
    return zoo.Dataset(
        name,
        f"zoo_datasets.bbbc.bbbc041:{builder}",
        summary,
        licence="CC-BY-NC-SA-3.0",
        paper="arXiv:1804.09548",
        homepage="https://bbbc.broadinstitute.org/BBBC041",
        citation=f"We used image set BBBC041v1, {CITED}.",
        archives=(zoo.Archive(MALARIA, url=f"{SERVER}/BBBC041/{MALARIA}"),),
        view=view,
        verified=False,
    )
