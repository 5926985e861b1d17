"""pytorch-fid, clean-fid and torch-fidelity in a process of their own, for `extractor_speed.py`.

usage: PYTHON fid_tools.py features TOOL WEIGHTS.pth   features of the files named on stdin
       PYTHON fid_tools.py distance TOOL               distances of the features named on stdin

Each tool's own functions are called, with its own resize, on one batch after another. clean-fid's
default network is a TorchScript file that holds its weights and cannot be had without them; its
PyTorch network, of the same layers, stands in. Of torchvision only the modules that the tools use
are imported, without its compiled operators; where its package cannot be imported whole, that is
what works.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def shell(name: str) -> Any:
    """A package whose own __init__ is not run, but whose modules can be imported."""
    outer, _, inner = name.rpartition(".")
    if outer:
        (place,) = sys.modules[outer].__path__
        places = [f"{place}/{inner}"]
    else:
        spec = importlib.util.find_spec(name)
        assert spec is not None, f"{name} is not installed"
        places = list(spec.submodule_search_locations or ())
    package = types.ModuleType(name)
    package.__path__ = places
    sys.modules[name] = package
    if outer:
        setattr(sys.modules[outer], inner, package)
    return package


def torchvision() -> None:
    """torchvision's InceptionV3, and names that the tools' modules look for when imported."""
    package = shell("torchvision")
    package.__version__ = importlib.metadata.version("torchvision")
    models = shell("torchvision.models")
    models.inception = importlib.import_module("torchvision.models.inception")
    models.inception_v3 = models.inception.inception_v3
    package.transforms = types.ModuleType("torchvision.transforms")
    package.transforms.ToTensor = None
    sys.modules["torchvision.transforms"] = package.transforms


Features = Callable[[Any], Any]


def pytorch_fid(weights: str) -> Features:
    torchvision()
    module = importlib.import_module("pytorch_fid.inception")
    module.load_state_dict_from_url = lambda *_, **__: torch.load(weights)
    network = module.InceptionV3().eval()

    def features(images: Any) -> Any:
        scaled = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
        return network(scaled)[0].squeeze(3).squeeze(2)

    return features


def clean_fid(weights: str) -> Features:
    torchvision()
    module = importlib.import_module("cleanfid.inception_pytorch")
    module.load_state_dict_from_url = lambda *_, **__: torch.load(weights)
    extractors = importlib.import_module("cleanfid.features")
    cpu = torch.device("cpu")
    network = extractors.feature_extractor("pytorch_inception", device=cpu, use_dataparallel=False)
    resize = importlib.import_module("cleanfid.resize").build_resizer("clean")

    def features(images: Any) -> Any:
        resized = np.stack([resize(image) for image in images])
        return network(torch.from_numpy(resized.transpose(0, 3, 1, 2)))

    return features


def torch_fidelity(weights: str) -> Features:
    from fid_torch import tensor, theirs

    network = theirs.FeatureExtractorInceptionV3(
        "inception", ["2048"], feature_extractor_weights_path=weights
    )
    return lambda images: network(tensor(images))[0]


def by_statistics(module: str, name: str) -> Callable[[Any, Any], float]:
    """A distance that takes means and covariances, after both were computed as its tool does."""
    torchvision()
    distance = getattr(importlib.import_module(module), name)

    def of(real: Any, fake: Any) -> float:
        sides = [(np.mean(side, axis=0), np.cov(side, rowvar=False)) for side in (real, fake)]
        return float(distance(*sides[0], *sides[1]))

    return of


def torch_fidelity_distance() -> Callable[[Any, Any], float]:
    torchvision()
    package = shell("torch_fidelity")
    wrapper = importlib.import_module("torch_fidelity.generative_model_modulewrapper")
    package.GenerativeModelModuleWrapper = wrapper.GenerativeModelModuleWrapper
    fid = importlib.import_module("torch_fidelity.metric_fid")

    def of(real: Any, fake: Any) -> float:
        sides = [fid.fid_features_to_statistics(torch.from_numpy(side)) for side in (real, fake)]
        return float(fid.fid_statistics_to_metric(*sides, False)[fid.KEY_METRIC_FID])

    return of


FEATURES: dict[str, Callable[[str], Features]] = {
    "torch-fidelity": torch_fidelity,
    "pytorch-fid": pytorch_fid,
    "clean-fid": clean_fid,
}
DISTANCE: dict[str, Callable[[], Callable[[Any, Any], float]]] = {
    "torch-fidelity": torch_fidelity_distance,
    "pytorch-fid": lambda: by_statistics("pytorch_fid.fid_score", "calculate_frechet_distance"),
    "clean-fid": lambda: by_statistics("cleanfid.fid", "frechet_distance"),
}


def serve_features(tool: str, weights: str) -> None:
    """Answer each JSON line (images, out, batch) with the seconds that the features took."""
    features = FEATURES[tool](weights)
    _tell_versions(tool)
    for line in sys.stdin:
        asked = json.loads(line)
        images, size = np.load(asked["images"]), asked["batch"]
        start = time.perf_counter()
        with torch.no_grad():
            parts = [features(images[i : i + size]).numpy() for i in range(0, len(images), size)]
        seconds = time.perf_counter() - start
        if asked.get("out"):
            np.save(asked["out"], np.concatenate(parts))
        print(json.dumps({"seconds": seconds}), flush=True)


def serve_distance(tool: str) -> None:
    """Answer each JSON line (real, fake) with the distance and its seconds."""
    distance = DISTANCE[tool]()
    _tell_versions(tool)
    for line in sys.stdin:
        asked = json.loads(line)
        real, fake = (np.load(asked[side]) for side in ("real", "fake"))
        start = time.perf_counter()
        value = distance(real, fake)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "distance": value}), flush=True)


def _tell_versions(tool: str) -> None:
    warnings.simplefilter("ignore")
    names = (tool, "torch", "numpy", "scipy")
    versions: dict[str, Any] = {name: importlib.metadata.version(name) for name in names}
    print(json.dumps(versions | {"threads": torch.get_num_threads()}), flush=True)


if __name__ == "__main__":
    {"features": serve_features, "distance": serve_distance}[sys.argv[1]](*sys.argv[2:])
