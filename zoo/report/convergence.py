"""What the training log and the samples say about convergence, and what they cannot say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

# One logged value is noisy, a tenth of the run is not.
LAST_PART = 0.1
# 5 % of the equilibrium: under BCE, D then gives the right side a probability of 97 % on average.
DOMINANCE = 0.05
# Within 5 % of the equilibrium D is, on average, as unsure as a coin.
BALANCE = 0.05
# Adam divides by the gradient's size plus 1e-7, so that smaller gradients move nothing.
VANISHED = 1e-7
# Grey levels of 255: below this, an image is flat to the eye.
FLAT = 2.0
# Samples that differ by a tenth of what real images do are one image with noise.
ONE_MODE = 0.1

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Verdict:
    """One finding.

    Attributes:
        level: `"fact"`, `"fine"`, `"note"` or `"bad"`.
        title: A few words.
        text: What was seen, with the figures behind it.
    """

    level: str
    title: str
    text: str


def equilibrium(manifest: Mapping[str, object]) -> Mapping[str, float]:
    """What the run's loss gives at equilibrium, by logged name; empty if it was not recorded."""
    stated = manifest.get("equilibrium")
    return stated if isinstance(stated, Mapping) else {}


def verdicts(
    rows: Sequence[Mapping[str, float]],
    at_equilibrium: Mapping[str, float],
    *,
    fakes: Images | None = None,
    reals: Images | None = None,
) -> list[Verdict]:
    """Name what went wrong in training, or say that nothing of the kind was seen.

    Args:
        rows: What training logged, in order.
        at_equilibrium: `d_loss` and others of this loss, from `equilibrium`.
        fakes: (n, H, W, 3) the last samples of fixed latents.
        reals: (m, H, W, 3) training images.

    Returns:
        At least one verdict; losses are never called quality.
    """
    if not rows:
        return [Verdict("note", "No training log", "Nothing was logged, so nothing is judged.")]
    if broken := _not_finite(rows):
        return [broken]
    found = [*_from_samples(fakes, reals), *_from_log(_last(rows), at_equilibrium)]
    return found or [_balanced(_last(rows), at_equilibrium)]


def _not_finite(rows: Sequence[Mapping[str, float]]) -> Verdict | None:
    for row in rows:
        names = [key for key, value in row.items() if not math.isfinite(float(value))]
        if names:
            text = f"{', '.join(names)} stopped being finite at step {int(row['step']):,}."
            return Verdict("bad", "Diverged: NaN", f"{text} What was generated after it is void.")
    return None


def _last(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    part = rows[-max(1, round(len(rows) * LAST_PART)) :]
    names = {name for row in part for name in row}
    return {name: median(row[name] for row in part if name in row) for name in sorted(names)}


def _from_log(last: Mapping[str, float], expected: Mapping[str, float]) -> list[Verdict]:
    found = []
    d_loss, at_rest = last.get("d_loss"), expected.get("d_loss", 0.0)
    if d_loss is not None and at_rest > 0 and d_loss < DOMINANCE * at_rest:
        text = (
            f"D’s loss ended at {d_loss:.3g}, under 5 % of its equilibrium {at_rest:.3g}: D tells "
            "the two apart with near certainty, and G learns little from it. This is no "
            "convergence."
        )
        found.append(Verdict("bad", "Discriminator dominance", text))
    for name, network in (("g_grad_norm", "G"), ("d_grad_norm", "D")):
        if last.get(name, 1.0) < VANISHED:
            text = f"{network}’s gradient norm ended at {last[name]:.1e}, too small to move it."
            found.append(Verdict("bad", f"{network}’s gradients vanished", text))
    return found


def _from_samples(fakes: Images | None, reals: Images | None) -> list[Verdict]:
    if fakes is None or len(fakes) < 2:
        return []
    if _flatness(fakes) < FLAT and (reals is None or _flatness(reals) >= FLAT):
        text = f"The median sample varies by {_flatness(fakes):.1f} of 255 grey levels."
        return [Verdict("bad", "Constant output", text)]
    if reals is None or len(reals) < 2:
        return []
    share = _spread(fakes) / max(_spread(reals), 1e-9)
    if share >= ONE_MODE:
        return []
    text = f"Samples differ from each other by {100 * share:.0f} % of what real images differ by."
    return [Verdict("bad", "One-mode output", text)]


def _balanced(last: Mapping[str, float], expected: Mapping[str, float]) -> Verdict:
    if "d_loss" not in last or not expected.get("d_loss"):
        return Verdict(
            "note",
            "No failure seen in the log",
            "Nothing diverged; no equilibrium is known to set the curves against.",
        )
    share = last["d_loss"] / expected["d_loss"]
    text = f"D’s loss ended at {last['d_loss']:.3g}, {100 * share:.0f} % of its equilibrium."
    if abs(share - 1) < BALANCE:
        text += " D is at chance: G may be good, or D may have stopped learning."
        return Verdict("note", "D at its equilibrium", text)
    return Verdict("fine", "No collapse, dominance or divergence seen", text)


def _flatness(images: Images) -> float:
    return float(np.median(images.astype(float).std(axis=(1, 2)).max(axis=-1)))


def _spread(images: Images) -> float:
    flat = images.reshape(len(images), -1).astype(float)
    squares = (flat**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0)
    return float(np.sqrt(distances)[np.triu_indices(len(flat), 1)].mean())
