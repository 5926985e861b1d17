"""Run folder to HTML report, figures and model card."""

from pathlib import Path

from zoo.errors import expected_form
from zoo.runs import Run


def build(run: Run) -> Path:
    """Write a run's figures, `MODEL_CARD.md` and `report.html` from its folder and nothing else.

    Whatever the folder lacks is named in the report with the reason.

    Returns:
        The path of `report.html`.

    Raises:
        zoo.errors.ZooError: If the recipe cannot be read or the folder cannot be written.
    """
    from zoo.report.document import build_report

    with expected_form(run.path):
        return build_report(run)
