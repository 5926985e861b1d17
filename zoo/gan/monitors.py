"""What the training log and the samples say about convergence, and what they cannot say.

The training asks while it runs, the report when it is over; neither a framework nor an image of
the dataset is needed.
"""

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

# Losses start within a few times their equilibrium. Under BCE a loss of 100 means a logit of 100,
# a certainty of 1 − 10⁻⁴³, which no image justifies.
RUNAWAY = 100.0
# The critic's gap and a penalty have no scale of their own; a thousand standard deviations of a
# pixel are no image.
RUNAWAY_GAP = 10_000.0
# Generated pairs are more alike than real ones by half of what is left to equality.
ALIKE = 0.5
# So much more than among real images, most of which may be dark and so alike.
REPEATED = 0.5
# Of the real images' neighbourhoods; real samples cover nearly all, and one mode covers its own.
UNCOVERED = 0.02
# Half of the generated images are training images but for what no eye sees.
COPIED = 0.5
# Held-out images score nearer to generated than to training ones (r_v of arXiv:2006.06676).
OVERFIT = 0.5

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Verdict:
    """One finding.

    Attributes:
        level: `"fact"`, `"fine"`, `"note"` or `"bad"`.
        title: A few words.
        text: What was seen, with the figures behind it.
        collapse: Whether training on makes no sense, so that `--on-collapse` answers it.
    """

    level: str
    title: str
    text: str
    collapse: bool = False


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
    if broken := divergence(rows, at_equilibrium):
        return [broken]
    found = _from_samples(fakes, reals) or _from_variety(_latest(rows))
    found = [*found, *_from_scores(_latest(rows)), *_from_log(_last(rows), at_equilibrium)]
    return found or [_balanced(_last(rows), at_equilibrium)]


def divergence(
    rows: Sequence[Mapping[str, float]], at_equilibrium: Mapping[str, float]
) -> Verdict | None:
    """The first logged loss that is not finite, or too large to be one of a training."""
    for row in rows:
        where = f"at step {int(row['step']):,}"
        names = [key for key, value in row.items() if not math.isfinite(float(value))]
        if names:
            text = f"{', '.join(names)} stopped being finite {where}."
            void = f"{text} What was generated after it is void."
            return Verdict("bad", "Diverged: NaN", void, collapse=True)
        bounds = dict.fromkeys(("d_loss", "g_loss"), _bound(at_equilibrium))
        for name, bound in (bounds | {"d_penalty": RUNAWAY_GAP}).items():
            if abs(row.get(name, 0.0)) > bound:
                text = f"{name} reached {row[name]:.3g} {where}; a training stays below {bound:g}."
                return Verdict("bad", "Diverged", text, collapse=True)
    return None


def _bound(at_equilibrium: Mapping[str, float]) -> float:
    at_rest = max(at_equilibrium.get("d_loss", 0.0), 1.0)
    return RUNAWAY * at_rest if at_equilibrium.get("d_loss") else RUNAWAY_GAP


def _latest(rows: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The last row that holds a probe of the samples; empty if none does."""
    return next((row for row in reversed(rows) if "ms_ssim" in row), {})


def _from_variety(probed: Mapping[str, float]) -> list[Verdict]:
    if not probed:
        return []
    alike, real = probed["ms_ssim"], probed["ms_ssim_real"]
    repeated = probed["duplicates"] - probed["duplicates_real"]
    signs = []
    if alike > real + ALIKE * (1.0 - real):
        signs.append(f"pairs of them have an MS-SSIM of {alike:.2f}, of real ones {real:.2f}")
    if repeated > REPEATED:
        share = 100 * probed["duplicates"]
        signs.append(f"{share:.0f} % have a near-duplicate among {int(probed['probed'])}")
    if probed.get("coverage", 1.0) < UNCOVERED and signs:
        signs.append(f"they cover {100 * probed['coverage']:.0f} % of the real ones")
    if not signs:
        return []
    text = f"Generated images repeat each other: {'; '.join(signs)}."
    return [Verdict("bad", "Mode collapse", text, collapse=True)]


def _from_scores(probed: Mapping[str, float]) -> list[Verdict]:
    found = []
    if probed.get("copies", 0.0) > COPIED:
        text = f"{100 * probed['copies']:.0f} % of the samples are training images to the eye."
        found.append(Verdict("bad", "Copies of training images", text))
    if probed.get("overfit", 0.0) > OVERFIT:
        text = (
            "D scores held-out images "
            f"{100 * probed['overfit']:.0f} % of the way from training images to generated ones: "
            "it knows its training images by heart. More images, --augment ada or an earlier "
            "snapshot help."
        )
        found.append(Verdict("bad", "Discriminator over-fit", text))
    return found


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
        return [Verdict("bad", "Constant output", text, collapse=True)]
    if reals is None or len(reals) < 2:
        return []
    share = _spread(fakes) / max(_spread(reals), 1e-9)
    if share >= ONE_MODE:
        return []
    text = f"Samples differ from each other by {100 * share:.0f} % of what real images differ by."
    return [Verdict("bad", "One-mode output", text, collapse=True)]


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
