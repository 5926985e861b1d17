"""zoo's network of the published FID against torch-fidelity's, with the same random weights.

usage: python benchmarks/fid_parity.py --torch-python PATH --archive stage1_train.zip [--out FILE]

PATH is a Python with `pip install torch torch-fidelity` (0.4.0 was used); ARCHIVE is BBBC038's.
torch-fidelity makes the weights, their batch-norm statistics those of crops of the archive, and
loads them from a file that `zoo weights convert` converts. Both see the same crops, end to end:
resize, scaling, network, 2048 features; one Fréchet formula takes both. It passes if at each size
the features' relative L2 is at most 1e-4, max|Δ| at most 1e-3·max(1, max|f|) and, where the
distance is at least 1, its relative difference at most 1e-5. Each wrong variant must fail.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
from PIL import Image

SIDES = (32, 64, 256, 512)
CALIBRATION = 24
WRONG_SIDE = 64
TORCH = Path(__file__).with_name("fid_torch.py")


class Worker:
    """A process that answers JSON lines; its first line says what it is."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.versions = self._answer()

    def __call__(self, **asked: Any) -> dict[str, Any]:
        """What it answers."""
        assert self.process.stdin
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return self._answer()

    def seconds(self, **asked: Any) -> float:
        """What it says that took."""
        return float(self(**asked)["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        self.process.communicate()


class Theirs(Worker):
    """torch-fidelity's network in its own process."""

    def __init__(self, python: str, weights: Path) -> None:
        super().__init__([python, TORCH, "serve", weights])

    def __call__(self, images: Path, *, batch: int, out: Path | None = None) -> dict[str, Any]:
        """Seconds that the features of a file of images took."""
        return super().__call__(images=str(images), batch=batch, out=out and str(out))


def make_weights(python: str, images: np.ndarray, work: Path) -> Path:
    """Random weights as PyTorch saves them."""
    np.save(work / "calibration.npy", images)
    path = work / "random.pth"
    subprocess.run([python, TORCH, "make", path, work / "calibration.npy"], check=True)
    return path


def crops(archive: Path, side: int, n: int) -> np.ndarray:
    """n RGB crops (n, side, side, 3) of different images, evenly spaced in the archive."""
    found: list[np.ndarray] = []
    with zipfile.ZipFile(archive) as held:
        names = sorted(name for name in held.namelist() if "/images/" in name and name[-1] != "/")
        order = np.random.default_rng(side).permutation(len(names))
        for name in (names[i] for i in order):
            pixels = np.asarray(Image.open(io.BytesIO(held.read(name))).convert("RGB"))
            if min(pixels.shape[:2]) >= side:
                top, left = ((size - side) // 2 for size in pixels.shape[:2])
                found.append(pixels[top : top + side, left : left + side])
            if len(found) == n:
                return np.stack(found)
    raise SystemExit(f"only {len(found)} images of {archive} have {side} pixels")


def agreement(ours: np.ndarray, others: np.ndarray) -> dict[str, Any]:
    """How far two sets of features are from each other, and their Fréchet distances."""
    from zoo.metrics.frechet import frechet_distance

    half = len(ours) // 2
    mine, their = (frechet_distance(f[:half], f[half:]) for f in (ours, others))
    row = {
        "images": len(ours),
        "relative_l2": float(np.linalg.norm(ours - others) / np.linalg.norm(others)),
        "max_difference": float(np.abs(ours - others).max()),
        "largest_feature": float(np.abs(others).max()),
        "fid": mine,
        "fid_torch_fidelity": their,
        "fid_relative": abs(mine - their) / their,
    }
    near = row["relative_l2"] <= 1e-4
    near = near and row["max_difference"] <= 1e-3 * max(1.0, row["largest_feature"])
    row["passes"] = bool(near and (their < 1 or row["fid_relative"] <= 1e-5))
    return row


class Parity:
    """Both networks with the same weights, ready for images."""

    def __init__(self, given: argparse.Namespace, work: Path) -> None:
        from zoo.metrics.published_weights import convert, read

        self.given, self.work = given, work
        made = make_weights(given.torch_python, crops(given.archive, WRONG_SIDE, CALIBRATION), work)
        self.converted = work / "random.weights.h5"
        convert(made, self.converted)
        self.arrays = read(self.converted).arrays
        self.theirs = Theirs(given.torch_python, made)

    def images(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Crops, and torch-fidelity's features of them."""
        pixels = crops(self.given.archive, side, 2 * self.given.images)
        path, out = self.work / f"{side}.npy", self.work / f"{side}-features.npy"
        np.save(path, pixels)
        if not out.is_file():
            self.theirs(path, batch=self.given.batch, out=out)
        return pixels, np.load(out)

    def right(self, side: int) -> dict[str, Any]:
        from zoo.metrics.published import PublishedInception

        pixels, others = self.images(side)
        network = PublishedInception(self.converted, batch_size=self.given.batch)
        return agreement(network(pixels), others) | {"versions": self.theirs.versions}

    def wrong(self, name: str) -> dict[str, Any]:
        from fid_variants import WRONG

        pixels, others = self.images(WRONG_SIDE)
        network = WRONG[name](self.arrays, batch_size=self.given.batch)
        return agreement(network(pixels), others)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--images", type=int, default=32, help="on each side of a distance")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "fid_parity.json")
    given = parser.parse_args()
    from fid_variants import WRONG

    with tempfile.TemporaryDirectory() as name:
        parity = Parity(given, Path(name))
        rights = {f"{side} px": partial(parity.right, side) for side in SIDES}
        wrongs = {f"{WRONG_SIDE} px, {name}": partial(parity.wrong, name) for name in WRONG}
        rows = measured.measure(given.out, {**rights, **wrongs})
        parity.theirs.close()
    failed = [name for name, row in rows.items() if row["passes"] != (name in rights)]
    print("parity holds" if not failed else f"not as it should be: {', '.join(failed)}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
