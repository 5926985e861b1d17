"""A paragraph of methods and results for a manuscript: only what a run recorded."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.report.contents import Contents
from zoo.report.latex import latex
from zoo.report.numbers import comparable, count, figure, label, part_of, percent, span, split_name
from zoo.report.references import Used, network_of, references

CITED = re.compile("⟦([^⟧]*)⟧")


@dataclass(frozen=True)
class Paragraph:
    """The paragraph twice.

    Attributes:
        text: Citing by the numbers of the list of references.
        latex: Citing by their keys.
    """

    text: str
    latex: str


def paragraph(contents: Contents, things: Sequence[Used]) -> Paragraph:
    """What a methods section says of a run: data, training, scores, detection, copies, software."""
    parts = (_training, _budget, _scores, _detection, _copies, _software)
    sentences = [sentence for part in parts for sentence in part(contents)]
    pieces = CITED.split(" ".join(sentences))
    places = _places(things)
    keys = [reference.key for reference in references(things)]
    text, escaped = "", ""
    for i, piece in enumerate(pieces):
        if i % 2:
            found = places.get(piece, [])
            text += f" [{', '.join(str(place + 1) for place in found)}]" if found else ""
            escaped += f"~\\cite{{{','.join(keys[place] for place in found)}}}" if found else ""
        else:
            text += piece
            escaped += _spaced(piece)
    return Paragraph(text, escaped)


def _spaced(piece: str) -> str:
    """A piece of a sentence as LaTeX, with the spaces at its ends."""
    return f"{' ' * piece.startswith(' ')}{latex(piece)}{' ' * piece.endswith(' ')}"


def _places(things: Sequence[Used]) -> dict[str, list[int]]:
    """`Role: name` to the places of its references in the list."""
    order = {each: i for i, each in enumerate(dict.fromkeys(r for t in things for r in t.cited))}
    return {f"{t.role}: {t.name.partition(',')[0]}": [order[x] for x in t.cited] for t in things}


def _training(contents: Contents) -> Iterator[str]:
    facts = contents.dataset
    parameters = contents.manifest.get("parameters") or {}
    sizes = [f"{count(n)} parameters in the {name}" for name, n in parameters.items() if n]
    about = f" ({', '.join(sizes)})" if sizes else ""
    licence = f" (licence: {facts['licence']})" if facts.get("licence") else ""
    sentence = (
        f"We trained {contents.generator}⟦Generator: {contents.generator}⟧{about} on "
        f"{facts['name']}⟦Data set: {facts['name']}⟧{licence}"
    )
    if len(contents.image_shape) == 3:
        height, width, channels = contents.image_shape
        plural = "" if channels == 1 else "s"
        sentence += f", images of {width} × {height} pixels with {channels} channel{plural}"
    yield f"{sentence}."
    parts = contents.data.get("splits")
    if isinstance(parts, Mapping) and all(isinstance(each, Mapping) for each in parts.values()):
        sizes = [f"{name} {count(each['images'])}" for name, each in parts.items() if _size(each)]
        yield f"Images were split by group: {', '.join(sizes)}; only train was seen in training."


def _size(part: Mapping[str, Any]) -> bool:
    return bool(part.get("images"))


def _budget(contents: Contents) -> Iterator[str]:
    manifest = contents.manifest
    if not manifest.get("kimg"):
        return
    loss = manifest.get("loss")
    said = [f"{count(manifest['step'])} steps" if manifest.get("step") else ""]
    batch, seed = contents.setting("options.batch_size"), contents.setting("seed", None)
    said += [f"batch size {batch}" if batch else "", "" if seed is None else f"seed {seed}"]
    with_loss = f" under the {loss} loss⟦Loss: {loss}⟧" if loss else ""
    yield (
        f"The discriminator was shown {figure(manifest['kimg'], 3)} thousand real images"
        f"{with_loss} ({', '.join(filter(None, said))})."
    )


def _scores(contents: Contents) -> Iterator[str]:
    found = contents.evaluation.get("metrics") or []
    whole = [m for m in found if not part_of(m["name"]) and not split_name(m["name"])[2]]
    scores = [_score(contents, metric) for metric in whole if metric.get("floor") is not None]
    if not scores:
        return
    yield (
        "Generated images were compared with held-out real images; the floor is the same score "
        "between held-out real images, and the ratio that of both at m images on each side: "
        f"{'; '.join(scores)}."
    )


def _score(contents: Contents, metric: Mapping[str, Any]) -> str:
    m, network = comparable(metric).get("m"), network_of(contents, comparable(metric))
    ratio = "" if metric.get("ratio") is None else f", ratio {figure(metric['ratio'], 3)}"
    return (
        f"{label(metric)}⟦Metric: {split_name(metric['name'])[0]}⟧"
        f"{f'⟦Feature network: {network}⟧' if network else ''} {figure(metric['value'])} "
        f"(n = {count(metric['n_real'])} real and {count(metric['n_fake'])} generated; floor "
        f"{figure(metric['floor'])}{ratio}{f', m = {count(m)}' if m else ''})"
    )


def _detection(contents: Contents) -> Iterator[str]:
    rows = contents.detection.get("detectors") or []
    if not rows or not contents.detection.get("valid"):
        return
    said = [
        f"{row['name']}⟦Detector: {row['name']}⟧ {percent(row['accuracy'])}"
        + (f" (95 % interval {span(row['interval'], percent)})" if row.get("interval") else "")
        for row in rows
    ]
    yield (
        "Classifiers trained to tell generated from real images reached, on test images of groups "
        f"that neither they nor the generator had seen (n = {count(rows[0].get('n'))}; chance "
        f"50 %), an accuracy of: {'; '.join(said)}; all controls passed."
    )


def _copies(contents: Contents) -> Iterator[str]:
    found = contents.memorisation
    if found.get("tests"):
        tests, flagged = len(found["tests"]), sum(bool(t.get("flagged")) for t in found["tests"])
        facts = (found.get("protocol") or {}).get("comparable") or {}
        n = f" of {count(facts['n_fake'])} generated images" if "n_fake" in facts else ""
        yield (
            f"Of {tests} tests for copies of training images{n}⟦Test: Authenticity⟧, {flagged} "
            f"were flagged; such tests cannot show that there are none."
        )


def _software(contents: Contents) -> Iterator[str]:
    versions = contents.manifest.get("versions") or {}
    if versions:
        said = [f"{name} {version}⟦Software: {name}⟧" for name, version in versions.items()]
        device = contents.manifest.get("device")
        on = f", on {device}" if device else ""
        yield f"Software: {', '.join(said)}{on}."
