"""From a run folder to figures, report.html and MODEL_CARD.md."""

from pathlib import Path
from typing import Any

from zoo.gan.monitors import equilibrium
from zoo.report import numbers
from zoo.report.contents import Contents, read
from zoo.report.copies import kind_rows, pair_rows, rows_by_space
from zoo.report.detected import spectrum_curve
from zoo.report.environment import environment
from zoo.report.figures import detection_curve, training_curves
from zoo.report.findings import convergence, findings
from zoo.report.plot import Curve, write_curve
from zoo.report.readers import together
from zoo.report.scale import Bar, bar_of, pixel_width
from zoo.report.strip import StripRow, strip
from zoo.report.supplement import write_supplement
from zoo.report.tables import (
    data_shown,
    limits,
    lossy,
    nearest_facts,
    nearest_rows,
    run_facts,
)
from zoo.runs import Run, write_bytes, write_text


def build_report(run: Run) -> Path:
    """What `zoo.report.build` does."""
    contents = read(run)
    curves = training_curves(contents.rows, equilibrium(contents.manifest))
    accuracy = detection_curve(contents.detection.get("curve") or [])
    spectrum = spectrum_curve(contents.detection.get("spectrum"))
    rows = strip(contents)
    for curve in [*curves, *filter(None, [accuracy, spectrum])]:
        write_curve(curve, run.figures)
    for row in rows:
        write_bytes(run.figures / f"samples-{row.step:08d}.png", row.png)
    shown = _shown(contents, curves, rows)
    shown |= {"detection_curve": accuracy, "spectrum": spectrum}
    shown |= write_supplement(run, contents)
    write_text(run.card_path, environment(html_page=False).get_template("card.md").render(shown))
    write_text(run.report_path, environment(html_page=True).get_template("page.html").render(shown))
    return Path(run.report_path)


def _shown(contents: Contents, curves: list[Curve], rows: list[StripRow]) -> dict[str, Any]:
    last = max(contents.samples, default=None)
    metrics = numbers.metric_rows(contents.evaluation)
    return {
        "run": contents,
        "manifest": contents.manifest,
        "dataset": contents.dataset,
        "findings": findings(contents),
        "curves": curves,
        "strip": rows,
        "last_step": last,
        "last_sample": None if last is None else contents.samples[last],
        "convergence": convergence(contents),
        "metrics": [row for row in metrics if not numbers.part_of(row.name)],
        "data": data_shown(contents.data),
        "facts": run_facts(contents),
        "nearest_facts": nearest_facts(contents.nearest),
        "nearest": nearest_rows(contents.nearest),
        "copying": rows_by_space(contents.memorisation),
        "copying_kinds": kind_rows(),
        "copies": pair_rows(contents.memorisation),
        "readers_together": together(contents.turing),
        "limits": limits(contents),
        "lossy": lossy(contents.data),
        "parameters": dict(run_facts(contents)).get("Parameters", ""),
        "missing": contents.missing,
        "bars": _bars(contents, rows),
    }


def _bars(contents: Contents, rows: list[StripRow]) -> dict[str, Bar | None]:
    """Scale bars by picture, `None` where there is no picture or no known size of a pixel."""
    last = contents.samples.get(max(contents.samples, default=-1))
    shown = {
        "real": contents.pictures.get("real"),
        "generated": last,
        "strip": rows[-1].png if rows else None,
    }
    width = pixel_width(contents.data)
    return {name: bar_of(picture, width) if picture else None for name, picture in shown.items()}
