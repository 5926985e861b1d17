"""What a training leaves in its run folder, and what its monitors say of it."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from zoo.data import ImageSet
from zoo.errors import Diverged, expected_form
from zoo.gan.checkpoint import save_checkpoint, save_snapshot
from zoo.gan.monitors import Verdict, divergence, verdicts
from zoo.gan.probe import Probe
from zoo.runs import Run, write_bytes
from zoo.runs.pictures import grid_png, to_rgb

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Values = dict[str, float]
Logger = Callable[[int, Values], None]

GRID = 64
CONFIRMED = 2  # probes in a row that must see a failure: one may be chance
# Steps in which samples may be flat or alike if they never were otherwise. The average of a sound
# DCGAN is flat for 100, shows one image for 160 and few for more than 200.
UNTRAINED = 500


class Journal:
    """Logs values, snapshots and checkpoints, and asks the monitors at each snapshot.

    Args:
        gan: The GAN in training.
        training: Its training images.
        held_out: Images that it does not train on, if there are any.
        run: Where things are written; without one nothing is.
        loggers: Called with the step and the values logged at it.
        keep: How many checkpoints to keep.
    """

    def __init__(
        self,
        gan: "GAN",
        training: ImageSet,
        held_out: ImageSet | None,
        *,
        run: Run | None = None,
        loggers: Sequence[Logger] = (),
        keep: int = 2,
    ) -> None:
        self.gan, self.run, self.loggers, self.keep = gan, run, loggers, keep
        self.probe = Probe(gan, training, held_out)
        self.rows: list[tuple[int, Values]] = []
        self.before: list[Values] = run.metrics() if run else []
        self.seen: dict[str, int] = {}
        self.bad: list[Verdict] = []  # what the last probe saw
        self.sound = False  # whether a probe has seen images that are no collapse
        self.told = {f["title"] for f in run.manifest.get("findings", [])} if run else set()
        self.collapse = ""
        self.failing = False  # whether the last probe saw a collapse, be it for the first time

    @property
    def step(self) -> int:
        """The step that the GAN has reached."""
        return int(self.gan.step.numpy())

    def resume(self, found: Mapping[str, Any]) -> None:
        """Know what the monitors had seen when a checkpoint was written.

        Args:
            found: The facts of the checkpoint.

        Raises:
            zoo.errors.ZooError: If they are not what `checkpoint` writes.
        """
        with expected_form("the checkpoint"):
            self.failing = bool(found["collapsed"])
            seen = found.get("monitors") or {"sound": not self.failing}
            self.sound = bool(seen["sound"])
            self.seen = {title: int(times) for title, times in seen.get("seen", {}).items()}
            self.bad = [Verdict(**verdict) for verdict in seen.get("bad", ())]

    def log(self, values: Mapping[str, Any], images_per_second: float, *, probe: bool) -> None:
        """Record scalars.

        Args:
            values: What the step returned.
            images_per_second: Real images shown a second.
            probe: Whether to measure the samples too and to ask the monitors.

        Raises:
            zoo.errors.Diverged: If a loss is not finite or far too large.
        """
        row = {name: float(value) for name, value in values.items()}
        losses = {k: v for k, v in row.items() if not k.endswith("grad_norm")}
        if broken := [name for name, value in losses.items() if not math.isfinite(value)]:
            names = ", ".join(broken)
            raise Diverged(f"training diverged: {names} not finite at step {self.step}")
        # Under float16 a norm overflows now and then, and the optimiser skips that step.
        row = {name: value for name, value in row.items() if math.isfinite(value)}
        row["kimg"] = self.step * self.gan.images_per_step / 1000
        row["images_per_second"] = round(images_per_second, 2)
        row["augment_probability"] = float(self.gan.augment_probability.numpy())
        row["real_sign"] = float(self.gan.real_sign.numpy())
        fakes = None
        if probe:
            measured, fakes = self.probe()
            row |= measured
        self._record(row)
        if found := divergence([{"step": self.step, **row}], self.gan.equilibrium):
            raise Diverged(f"training diverged: {found.text.rstrip('.')}")
        if fakes is not None:
            self._ask(fakes)

    def _record(self, row: Values) -> None:
        self.rows.append((self.step, row))
        if self.run:
            self.run.log_metrics(self.step, row)
        for logger in self.loggers:
            logger(self.step, row)

    def _ask(self, fakes: Any) -> None:
        """Say what the monitors see for several probes in a row."""
        rows = [*self.before, *({"step": step, **row} for step, row in self.rows)]
        shown, real = to_rgb(fakes), to_rgb(self.probe.reals)
        found = verdicts(rows, self.gan.equilibrium, fakes=shown, reals=real)
        bad = {verdict.title: verdict for verdict in found if verdict.level == "bad"}
        self.bad = list(bad.values())
        self.failing = any(verdict.collapse for verdict in self.bad)
        self.sound = self.sound or not self.failing
        self.seen = {title: self.seen.get(title, 0) + 1 for title in bad}
        trained = self.sound or self.step >= UNTRAINED
        confirmed = [
            verdict
            for title, verdict in bad.items()
            if self.seen[title] >= CONFIRMED and (trained or not verdict.collapse)
        ]
        for verdict in confirmed:
            self._tell(verdict)
        failed = next((verdict for verdict in confirmed if verdict.collapse), None)
        self.collapse = f"{failed.title.lower()}: {failed.text.rstrip('.')}" if failed else ""

    def conclude(self) -> None:
        """Say what the last probe saw, for no further one will confirm it."""
        untrained = self.step < UNTRAINED and not self.sound
        for verdict in self.bad:
            early = f" After {self.step} steps it may only be untrained."
            text = verdict.text + (early if untrained and verdict.collapse else "")
            self._tell(replace(verdict, text=text))

    def _tell(self, verdict: Verdict) -> None:
        if verdict.title in self.told:
            return
        self.told.add(verdict.title)
        print(f"warning: step {self.step}: {verdict.title}: {verdict.text}", file=sys.stderr)
        if self.run:
            finding = {"step": self.step, "title": verdict.title, "text": verdict.text}
            findings = [*self.run.manifest.get("findings", []), finding]
            self.run.update_manifest(findings=findings)

    def picture(self) -> None:
        """The grid of fixed latents."""
        if self.run:
            shown = self.gan.sample(GRID, seed=0)[..., : self.probe.channels]
            write_bytes(self.run.sample_path(self.step), grid_png(shown, 8))

    def snapshot(self) -> None:
        """The averaged generator, and its picture."""
        if self.run:
            save_snapshot(self.gan, self.run.snapshot_path(self.step))
            self.picture()

    def checkpoint(self, elapsed: float) -> None:
        """The whole training state."""
        if self.run:
            bad = [asdict(verdict) for verdict in self.bad]
            save_checkpoint(
                self.gan,
                self.run.checkpoints,
                elapsed=elapsed,
                keep=self.keep,
                collapsed=self.failing,
                monitors={"sound": self.sound, "seen": self.seen, "bad": bad},
            )
