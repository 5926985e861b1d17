"""How far zoo's metrics are from those of torch-fidelity and prdc on the same features.

usage: python benchmarks/metric_parity.py --torch-python PATH [--n 600] [--dimension 64 2048]

PATH is a Python that has torch, torch-fidelity and prdc. Both sides read the same file of features
and of logits, in float64: torch-fidelity otherwise rounds KID's sums to float32. KID is compared
where all images are one subset, the Inception Score over one split: elsewhere each package draws
subsets of its own. The file of results holds both values and their relative difference.
"""

import argparse
import json
import subprocess
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import measured
import numpy as np

K = 5
CLASSES = 50


def features(n: int, dimension: int) -> dict[str, Any]:
    """Two sets of features as a ReLU leaves them, correlated, and logits."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((dimension, dimension)) / np.sqrt(dimension)
    sides = {
        name: np.maximum(rng.standard_normal((n, dimension)) @ mixing + shift, 0).astype(np.float32)
        for name, shift in (("real", 0.3), ("fake", 0.35))
    }
    return sides | {"logits": rng.normal(0, 2, (n, CLASSES)).astype(np.float32)}


def of_zoo(sides: dict[str, Any]) -> dict[str, float]:
    """The values of zoo."""
    from zoo.metrics import Context, prdc
    from zoo.metrics.frechet import frechet_distance
    from zoo.metrics.kernel import kernel_distance
    from zoo.metrics.logits import inception_score

    real, fake = sides["real"], sides["fake"]
    names = ("precision", "recall", "density", "coverage")
    return {
        "fid": frechet_distance(real, fake),
        "kid": kernel_distance(real, fake, subset_size=len(real) + 1).value,
        "inception_score": inception_score(sides["logits"])[0],
        **{f"{name} (prdc)": getattr(prdc, name)(real, fake, Context(), k=K) for name in names},
    }


def of_others(sides: dict[str, Any]) -> dict[str, Any]:
    """The values of torch-fidelity and of prdc, with their versions."""
    import torch
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, fake, logits = (
        torch.from_numpy(sides[name].astype(np.float64)) for name in ("real", "fake", "logits")
    )
    quiet = {"verbose": False, "rng_seed": 0}
    kid = kid_features_to_metric(real, fake, kid_subsets=1, kid_subset_size=len(real), **quiet)
    isc = isc_features_to_metric(logits, splits=1, shuffle=False)
    statistics = (fid_features_to_statistics(side) for side in (real, fake))
    fid = fid_statistics_to_metric(*statistics, verbose=False)
    ours = {
        "fid": fid["frechet_inception_distance"],
        "kid": kid["kernel_inception_distance_mean"],
        "inception_score": isc["inception_score_mean"],
    }
    theirs = compute_prdc(sides["real"], sides["fake"], nearest_k=K)
    versions = {name: version(name) for name in ("torch", "torch-fidelity", "prdc")}
    named = {f"{name} (prdc)": float(value) for name, value in theirs.items()}
    return ours | named | {"versions": versions}


def compare(n: int, dimension: int, torch_python: str) -> dict[str, Any]:
    """For each metric both values and their relative difference, with the versions compared."""
    sides = features(n, dimension)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "features.npz")
        np.savez(file, **sides)
        call = [torch_python, __file__, "--others", str(file)]
        answer = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout
    others = json.loads(answer.splitlines()[-1])
    rows: dict[str, Any] = {"versions": others.pop("versions")}
    for name, value in of_zoo(sides).items():
        difference = abs(value - others[name]) / max(abs(others[name]), 1e-300)
        rows[name] = {"zoo": value, "other": others[name], "relative_difference": difference}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python")
    parser.add_argument("--others", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--dimension", type=int, nargs="+", default=[64, 2048])
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "metric_parity.json")
    given = parser.parse_args()
    if given.others:
        with np.load(given.others) as sides:
            print(json.dumps(of_others(dict(sides))))
        return
    if not given.torch_python:
        parser.error("--torch-python is needed")
    rows = {
        f"n = {given.n}, d = {d}": partial(compare, given.n, d, given.torch_python)
        for d in given.dimension
    }
    measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
