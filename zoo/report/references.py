"""What a run used, who made it, under which licence, and what is to be cited for it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.cited import source, suffix_of
from zoo.report.bibliography import Reference, identifiers, known, made, parsed
from zoo.report.contents import Contents
from zoo.report.grid import Cell, Column, Line, Table
from zoo.report.numbers import comparable, split_name

LOSSES = {
    "bce": "arXiv:1406.2661",
    "least-squares": "arXiv:1611.04076",
    "hinge": "arXiv:1705.02894",
    "wasserstein": "arXiv:1701.07875",
}
AUGMENTED = {"diffaugment": "arXiv:2006.10738", "ada": "arXiv:2006.06676"}
PENALTIES = {
    "r1_gamma": ("R1 penalty", "arXiv:1801.04406"),
    "gp_weight": ("Gradient penalty", "arXiv:1704.00028"),
    "consistency_weight": ("Consistency regularisation", "arXiv:1910.12027"),
}
TESTS = {
    "memorisation": (
        ("Authenticity", "arXiv:2102.08921"),
        ("Attack by the discriminator (LOGAN)", "arXiv:1705.07663"),
        ("Attack by distances (GAN-Leaks)", "arXiv:1909.03935"),
        ("Limits of distance tests", "arXiv:2505.01524"),
    ),
    "utility": (
        ("Train on synthetic, test on real", "arXiv:1706.02633"),
        ("Classification accuracy score", "arXiv:1905.10887"),
    ),
    "segmentation": (("U-Net", "arXiv:1505.04597"),),
    "turing": (
        ("Interval of a share", "doi:10.1080/01621459.1927.10502953"),
        ("Agreement of readers", "doi:10.1037/h0031619"),
    ),
}
SOFTWARE = {
    "zoo": ("", "MIT"),
    "python": ("", "PSF-2.0"),
    "tensorflow": ("arXiv:1603.04467", "Apache-2.0"),
    "keras": ("https://keras.io", "Apache-2.0"),
    "numpy": ("doi:10.1038/s41586-020-2649-2", "BSD-3-Clause"),
    "scikit-learn": ("arXiv:1201.0490", "BSD-3-Clause"),
}


@dataclass(frozen=True, kw_only=True)
class Used:
    """Something that a run used.

    Attributes:
        role: What it was used as, such as `Metric`.
        name: As users know it.
        origin: Package and version, or homepage, if known.
        licence: As its record or the data set states it.
        cited: Its references.
    """

    role: str
    name: str
    origin: str = ""
    licence: str = ""
    cited: tuple[Reference, ...] = ()


def used(contents: Contents) -> list[Used]:
    """Data set, generator, training, metrics, networks, detectors, tests and software."""
    parts = (_dataset, _training, _metrics, _detectors, _tests, _software)
    return [each for part in parts for each in part(contents)]


def references(things: Iterable[Used]) -> list[Reference]:
    """Each reference once, in the order of its first use; equal keys of several are told apart."""
    found: dict[Reference, None] = {}
    for thing in things:
        found.update(dict.fromkeys(thing.cited))
    keys: dict[str, int] = {}
    listed = []
    for reference in found:
        keys[reference.key] = keys.get(reference.key, 0) + 1
        again = "" if keys[reference.key] == 1 else f"-{keys[reference.key]}"
        listed.append(replace(reference, key=f"{reference.key}{again}"))
    return listed


def bibtex(listed: Iterable[Reference]) -> str:
    """The content of `references.bib`."""
    return "\n".join(reference.bibtex for reference in listed)


def components(things: Iterable[Used]) -> Table:
    """Each thing with its licence and the number of its references."""
    things = list(things)
    places: dict[Reference, int] = {}
    for thing in things:
        for reference in thing.cited:
            places.setdefault(reference, len(places) + 1)
    columns = [Column(name, left=True) for name in ("Used as", "Name", "From", "Licence", "Cite")]
    lines = tuple(
        Line(
            (
                *map(Cell, (thing.role, thing.name, thing.origin or "–", thing.licence or "–")),
                Cell(", ".join(f"[{places[each]}]" for each in thing.cited) or "–"),
            )
        )
        for thing in things
    )
    caption = (
        "Licences as records and data sets state them; –: not stated, or no paper is known. "
        "Numbers are those of the list below."
    )
    title = "What was used, and under which licence"
    return Table("components", title, caption, tuple(columns), lines)


def _dataset(contents: Contents) -> Iterator[Used]:
    facts, data = contents.dataset, contents.data
    name, homepage = str(facts["name"]), str(facts.get("homepage") or "")
    noted = _noted(contents, "datasets", name)
    paper = data.get("paper") or noted.get("paper", "")
    cited = _cited([*identifiers(paper), homepage], noted)
    if not cited and facts.get("citation"):
        cited = (made("dataset", title=name, howpublished=str(facts["citation"]), url=homepage),)
    licence = str(facts.get("licence") or "")
    yield Used(role="Data set", name=name, origin=homepage, licence=licence, cited=cited)


def _training(contents: Contents) -> Iterator[Used]:
    yield _of_record(contents, "Generator", "generators", contents.generator)
    loss = str(contents.manifest.get("loss") or "")
    if loss in LOSSES:
        yield Used(role="Loss", name=loss, cited=_cited([LOSSES[loss]]))
    augmented = str(contents.setting("options.augment"))
    if augmented in AUGMENTED:
        yield Used(role="Augmentation", name=augmented, cited=_cited([AUGMENTED[augmented]]))
    for option, (name, paper) in PENALTIES.items():
        if contents.setting(f"options.{option}"):
            yield Used(role="Penalty", name=name, cited=_cited([paper]))
    if contents.setting("options.beta_1"):
        yield Used(role="Optimiser", name="Adam", cited=_cited(["arXiv:1412.6980"]))


def _metrics(contents: Contents) -> Iterator[Used]:
    measured = contents.evaluation.get("metrics") or []
    for name in dict.fromkeys(split_name(metric["name"])[0] for metric in measured):
        yield _of_record(contents, "Metric", "metrics", name)
    cards = {network_of(contents, comparable(metric)): comparable(metric) for metric in measured}
    for name, card in cards.items():
        if name:
            yield _network_used(contents, name, card)


def network_of(contents: Contents, card: Mapping[str, Any]) -> str:
    """The record of the feature network that a score was measured with."""
    suffix = suffix_of(card)
    if suffix is None:
        return ""
    return str(_noted(contents, "extractors", suffix).get("name", card["features"]))


def _network_used(contents: Contents, name: str, card: Mapping[str, Any]) -> Used:
    found = _of_record(contents, "Feature network", "extractors", suffix_of(card) or "")
    digest = str(card.get("weights_sha256") or "")
    told = f"{name}, weights SHA-256 {digest[:12]}…" if digest else name
    return replace(found, name=told)


def _detectors(contents: Contents) -> Iterator[Used]:
    for row in contents.detection.get("detectors") or []:
        yield _of_record(contents, "Detector", "detectors", str(row["name"]))
    if contents.heatmaps:
        yield Used(role="Explanation", name="Grad-CAM", cited=_cited(["arXiv:1610.02391"]))


def _tests(contents: Contents) -> Iterator[Used]:
    measured = {
        "memorisation": contents.memorisation.get("tests"),
        "utility": contents.utility.get("table"),
        "segmentation": contents.segmentation.get("table"),
        "turing": contents.turing.get("readers"),
    }
    for part, papers in TESTS.items():
        for name, paper in papers if measured[part] else ():
            yield Used(role="Test", name=name, cited=_cited([paper]))


def _software(contents: Contents) -> Iterator[Used]:
    versions = contents.manifest.get("versions") or {}
    for name, version in versions.items():
        paper, licence = SOFTWARE.get(name, ("", ""))
        cited = _cited([paper])
        if name == "zoo":
            title = "zoo: a model zoo for biomedical image synthesis"
            cited = (made("zoo", author="The zoo authors", title=title, note=f"Version {version}"),)
        origin = f"version {version}"
        yield Used(role="Software", name=name, origin=origin, licence=licence, cited=cited)


def _of_record(contents: Contents, role: str, kind: str, name: str) -> Used:
    facts = _noted(contents, kind, name)
    if not facts:
        return Used(role=role, name=name, origin="not installed here")
    origin = f"{facts['package']} {facts['version']}"
    cited = _cited(identifiers(facts["paper"]), facts)
    return Used(role=role, name=name, origin=origin, licence=facts["licence"], cited=cited)


def _noted(contents: Contents, kind: str, name: str) -> Mapping[str, Any]:
    """What the run noted of a record; of an older run, what is installed under that name."""
    noted = (contents.manifest.get("sources") or {}).get(kind) or {}
    return noted.get(name) or source(kind, name)


def _cited(names: Iterable[str], facts: Mapping[str, Any] | None = None) -> tuple[Reference, ...]:
    """The references of these identifiers; one that no file knows is made of its number alone."""
    facts = facts or {}
    beside = parsed(facts.get("bibtex", ""))
    entries, found = (*known(), *beside), []
    for name in filter(None, names):
        wanted = name.lower().rstrip("/")
        held = [each for each in entries if wanted in each.names]
        found += held[:1] or _bare(name, facts.get("name", ""))
    return tuple(dict.fromkeys(found))


def _bare(name: str, of: str) -> list[Reference]:
    """A reference to a paper of which only the number is known."""
    kind, _, number = name.partition(":")
    title = f"Paper of {of}" if of else name
    if kind.lower() == "doi":
        return [made(f"doi-{number.replace('/', '-')}", title=title, doi=number)]
    if kind.lower() == "arxiv":
        return [made(f"arxiv-{number}", title=title, eprint=number, archivePrefix="arXiv")]
    return []
