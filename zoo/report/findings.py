"""The few sentences at the top of a report: only what was measured, with its n and its limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.claims import DISTANCES_PROVE_NOTHING
from zoo.gan.monitors import Verdict, equilibrium, verdicts
from zoo.report.contents import Contents
from zoo.report.feasibility import feasibility
from zoo.report.numbers import figure, headline, label, percent, resampled_at, span
from zoo.runs.pictures import tiles


def findings(contents: Contents) -> list[Verdict]:
    """Status, convergence, fidelity, feasibility, detection, readers, copies and utility."""
    found = [*_status(contents.manifest), *convergence(contents)]
    found += _fidelity(contents) + _feasibility(contents) + _detection(contents)
    found += _readers(contents.turing)
    return found + _copies(contents.memorisation) + _utility(contents)


def _status(manifest: Mapping[str, Any]) -> list[Verdict]:
    status, reason = manifest.get("status", "running"), str(manifest.get("reason") or "")
    if status == "finished":
        return []
    text = f"{reason[:1].upper()}{reason[1:]}".rstrip(".")
    text = f"{text}. " if text else ""
    step = manifest.get("step")
    text += f"What follows covers {int(step):,} steps." if step else "What follows is incomplete."
    return [Verdict("bad" if status == "failed" else "note", f"This run is {status}", text)]


def convergence(contents: Contents) -> list[Verdict]:
    """Verdicts from the training log and from the last samples."""
    reason = str(contents.manifest.get("reason") or "")
    if "not finite" in reason or "nan" in reason.lower().split():
        return [Verdict("bad", "Diverged: NaN", f"{reason}.")]
    last = max(contents.samples, default=-1)
    return verdicts(
        contents.rows,
        equilibrium(contents.manifest),
        fakes=_tiles(contents, contents.samples.get(last)),
        reals=_tiles(contents, contents.pictures.get("real")),
    )


def _tiles(contents: Contents, path: Path | None) -> Any:
    if path is None or len(contents.image_shape) < 2:
        return None
    found = tiles(path.read_bytes(), *contents.image_shape[:2])
    return found if len(found) else None


def _fidelity(contents: Contents) -> list[Verdict]:
    metric = headline(contents.evaluation)
    if metric is None:
        reason = contents.missing.get("evaluation", "no score was computed")
        return [Verdict("note", "No fidelity score", f"Not computed: {reason}.")]
    sizes = [f"{metric['n_fake']:,} generated" if metric.get("n_fake") else ""]
    sizes += [f"{metric['n_real']:,} held-out real images" if metric.get("n_real") else ""]
    facts = [f"floor {figure(metric['floor'])}" if metric.get("floor") is not None else ""]
    facts += [f"ratio {figure(metric['ratio'], 3)}" if metric.get("ratio") is not None else ""]
    facts += [f"subsample range {span(metric['interval'])}" if metric.get("interval") else ""]
    measured = ", ".join(filter(None, facts))
    m = resampled_at(metric)
    measured = f"At {m} on each side: {measured}." if m else measured and f"With {measured}."
    title = f"{label(metric)}: {figure(metric['value'])}"
    text = f"On {contents.dataset['name']}, {' against '.join(filter(None, sizes))}. {measured}"
    return [Verdict("fact", title, text.rstrip())]


def _feasibility(contents: Contents) -> list[Verdict]:
    if not contents.evaluation.get("metrics"):
        return []
    line = feasibility(contents.evaluation)
    return [Verdict("fact", "Feasibility", f"{line}.")]


def _detection(contents: Contents) -> list[Verdict]:
    detectors = contents.detection.get("detectors") or []
    if not detectors:
        lost = [item["reason"] for item in contents.detection.get("not_computed") or []]
        reason = next(iter(lost), contents.missing.get("detection", "no detector was run"))
        return [Verdict("note", "No detection", f"Not computed: {reason}.")]
    if not contents.detection.get("valid"):
        reasons = "; ".join(contents.detection.get("reasons") or ["a control failed"])
        text = f"Because {reasons}. Its numbers say nothing about this generator."
        return [Verdict("bad", "The detection table is void", text)]
    best = max(detectors, key=lambda row: row["accuracy"])
    title = f"Best of {len(detectors)} detectors: {percent(best['accuracy'])} accuracy"
    interval = f" ({span(best['interval'], percent)} over groups)" if best.get("interval") else ""
    text = (
        f"{best['name']}{interval}, n = {best.get('n', '–')}; all controls passed. {_bound(best)}"
    )
    return [*_below_chance(detectors), Verdict("fact", title, text)]


def _readers(turing: Mapping[str, Any]) -> list[Verdict]:
    if not turing.get("readers"):
        return []
    verdict = str(turing["verdict"])
    text = f"{verdict[:1].upper()}{verdict[1:]}. {turing['limits']}"
    return [Verdict("fact", "Readers", text)]


def _copies(memorisation: Mapping[str, Any]) -> list[Verdict]:
    tests = memorisation.get("tests") or []
    if not tests:
        return []
    verdict, suspects = str(memorisation["verdict"]), len(memorisation.get("suspects") or [])
    card = memorisation["protocol"]["comparable"]
    text = (
        f"{len(memorisation['flagged'])} of {len(tests)} tests are flagged, {suspects:,} of "
        f"{card['n_fake']:,} generated images are suspects; {card['n_held_out']:,} held-out images "
        f"of {card['groups_held_out']:,} groups say what is near. {DISTANCES_PROVE_NOTHING}"
    )
    level = "bad" if memorisation["flagged"] else "fact"
    return [Verdict(level, f"{verdict.partition(':')[0].capitalize()}", text)]


def _utility(contents: Contents) -> list[Verdict]:
    """Of F1, for accuracies are alike wherever one class is frequent."""
    rows = contents.utility.get("ratios") or []
    ratios = [row for row in rows if row["of"] == "f1" and row["value"] is not None]
    if not ratios:
        return []
    best = max(ratios, key=lambda row: row["value"])
    interval = f" ({span(best['interval'], percent)} over groups)" if best["interval"] else ""
    title = f"Training on generated images: {percent(best['value'])} of the F1 with real ones"
    text = (
        f"{best['classifier']}{interval}, the best of {len(ratios)} classifiers, "
        f"on real test images of {contents.utility['protocol']['comparable']['data']}; "
        "mean F1 of the classes."
    )
    return [Verdict("fact", title, text)]


def _below_chance(detectors: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    below = [row for row in detectors if row.get("interval") and row["interval"][1] < 0.5]
    if not below:
        return []
    named = ", ".join(
        f"{row['name']} {percent(row['accuracy'])} ({span(row['interval'], percent)} over groups)"
        for row in below
    )
    text = (
        f"{named}. What a detector has learnt cannot make it worse than guessing on images of the "
        "same kind: labels, splits or pipeline are wrong. This is a bug, not realism."
    )
    return [Verdict("bad", "A detector is significantly below 50 %", text)]


def _bound(detector: Mapping[str, Any]) -> str:
    low = (detector.get("interval") or [detector["accuracy"]])[0]
    distance = max(0.0, 2 * float(np.clip(low, 0, 1)) - 1)
    if distance == 0:
        return "These detectors found no difference; others may."
    return (
        f"So real and generated images differ by at least {distance:.2f} in total variation; "
        "more than that it does not prove."
    )
