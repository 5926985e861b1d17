"""Where TensorFlow computes: threads, memory, and what it keeps."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import device
from zoo.errors import UsageError

ASKED = """
import json
from zoo.device import configure
configure("cpu", threads=1)
import tensorflow as tf, numpy, scipy.linalg, sklearn.metrics
from threadpoolctl import threadpool_info
numpy.ones((2, 2)) @ numpy.ones((2, 2))
print(json.dumps({
    "tensorflow": tf.config.threading.get_intra_op_parallelism_threads(),
    "libraries": [library["num_threads"] for library in threadpool_info()],
}))
"""


def test_threads_limit_tensorflow_and_the_libraries_that_multiply_matrices():
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["tensorflow"] == 1
    assert found["libraries"]
    assert set(found["libraries"]) == {1}


class Gpus:
    """Stands for the part of TensorFlow that knows two GPUs."""

    def __init__(self, monkeypatch):
        self.growing, self.visible = [], None
        self.found = [SimpleNamespace(name=f"gpu {n}") for n in range(2)]
        config = tf.config
        monkeypatch.setattr(config, "list_physical_devices", lambda kind: self.found)
        monkeypatch.setattr(config, "set_visible_devices", self.show)
        monkeypatch.setattr(config.experimental, "set_memory_growth", self.grow)
        told = {"device_name": "a GPU"}
        monkeypatch.setattr(config.experimental, "get_device_details", lambda gpu: told)

    def show(self, devices, kind):
        self.visible = devices

    def grow(self, gpu, growing):
        assert growing
        self.growing.append(gpu)


def test_gpu_memory_is_taken_as_it_is_needed(monkeypatch):
    gpus = Gpus(monkeypatch)
    assert device.configure() == "GPU: a GPU"
    assert gpus.growing == gpus.found
    assert gpus.visible is None


def test_a_training_on_the_cpu_takes_no_gpu(monkeypatch):
    gpus = Gpus(monkeypatch)
    assert device.configure("cpu").startswith("CPU")
    assert (gpus.growing, gpus.visible) == ([], [])


def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(UsageError, match="TensorFlow finds no GPU"):
        device.configure("gpu")


def test_variables_that_are_gone_leave_no_memory_behind():
    status = Path("/proc/self/smaps_rollup")
    if not status.is_file():
        pytest.skip(f"no {status}")

    def kept_after(n):
        for _ in range(n):
            keras.Variable(np.zeros((8, 8), np.float32))
        device.configure("cpu")
        lines = status.read_text().splitlines()
        (kilobytes,) = [int(line.split()[1]) for line in lines if line.startswith("Anonymous")]
        return kilobytes

    kept_after(400)
    before = kept_after(400)
    assert kept_after(400) < before + 5000


def test_tensorflow_reports_no_failed_fusion_of_a_training(capfd):
    gan = zoo.load("generator", "hinge-gan", image_shape=(16, 16, 1), width=4, latent_dim=4)
    gan.compile(batch_size=4, augment="none", jit_compile=False)
    images = np.random.default_rng(0).integers(0, 255, (8, 16, 16, 1), dtype=np.uint8)
    gan.fit(images, steps=1)
    assert "remapper failed" not in capfd.readouterr().err
