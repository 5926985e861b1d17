"""torch-fidelity's InceptionV3 in its own process, for `fid_parity.py` and `extractor_speed.py`.

usage: PYTHON fid_torch.py make WEIGHTS.pth IMAGES.npy    random weights, calibrated on images
       PYTHON fid_torch.py serve WEIGHTS.pth              features of the files named on stdin

Of torch-fidelity only the network is imported: its package needs torchvision, which it does not.
"""

import importlib.metadata
import importlib.util
import json
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

package = types.ModuleType("torch_fidelity")
package.__path__ = list(importlib.util.find_spec("torch_fidelity").submodule_search_locations)
sys.modules["torch_fidelity"] = package

from torch_fidelity import feature_extractor_inceptionv3 as theirs  # noqa: E402


def tensor(images: Any) -> Any:
    """uint8 (n, H, W, 3) as torch-fidelity takes them."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def make(path: str, images: str) -> None:
    """Save random weights whose batch-norm statistics are those of some images."""
    torch.manual_seed(0)
    theirs.load_state_dict_from_url = lambda *_, **__: {}

    class Random(theirs.FeatureExtractorInceptionV3):
        def load_state_dict(self, *_: Any, **__: Any) -> None:
            pass

    network = Random("random", ["2048"])
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # a plain average
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.2)
    network.train()
    with torch.no_grad():
        network(tensor(np.load(images)))
    torch.save(network.state_dict(), path)


def serve(path: str) -> None:
    """Answer each JSON line (images, out, batch) with the seconds that the features took."""
    network = theirs.FeatureExtractorInceptionV3(
        "inception", ["2048"], feature_extractor_weights_path=path
    )
    versions = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    versions["torch-fidelity"] = importlib.metadata.version("torch-fidelity")
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        images, size = np.load(asked["images"]), asked["batch"]
        start = time.perf_counter()
        with torch.no_grad():
            parts = [
                network(tensor(images[i : i + size]))[0].numpy()
                for i in range(0, len(images), size)
            ]
        seconds = time.perf_counter() - start
        if asked.get("out"):
            np.save(Path(asked["out"]), np.concatenate(parts))
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](*sys.argv[2:])
