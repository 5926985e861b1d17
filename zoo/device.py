"""Where TensorFlow computes."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from zoo.errors import UsageError

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow", "GRPC_VERBOSITY": "ERROR"}
LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def configure(device: str = "auto", *, threads: int = 0) -> str:
    """Choose the device and the number of threads before anything is computed.

    Args:
        device: `auto` takes a GPU where there is one; `cpu` or `gpu` insist.
        threads: CPU threads of one operation, be it TensorFlow's or a product of NumPy's matrices;
            0 takes all cores.

    Returns:
        What computes, such as `"GPU: NVIDIA H200"` or `"CPU, 2 cores"`.

    Raises:
        zoo.errors.UsageError: If a GPU is asked for and there is none.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with silence():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    _forget_kernels()
    fuse_nothing()
    if device == "gpu" and not gpus:
        raise UsageError("--device gpu: TensorFlow finds no GPU; `zoo doctor` shows what it finds")
    if threads:
        _limit_libraries(threads)
    try:
        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        if device == "cpu" and gpus:
            tf.config.set_visible_devices([], "GPU")
        for gpu in gpus if device != "cpu" else ():
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        print("warning: TensorFlow is in use already; device and threads stay", file=sys.stderr)
    if gpus and device != "cpu":
        facts = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU: {facts.get('device_name', gpus[0].name)}"
    return f"CPU, {threads or os.cpu_count()} cores"


def _limit_libraries(threads: int) -> None:
    """The same for BLAS and OpenMP, whether they are loaded yet or not."""
    from threadpoolctl import threadpool_limits

    os.environ |= dict.fromkeys(LIBRARIES, str(threads))
    threadpool_limits(threads)


def _forget_kernels() -> None:
    """Let go what TensorFlow has kept for each variable that there ever was, 50 kB of it.

    It is made again where it is needed; Keras' `clear_session` lets it go, too, and much else.
    """
    with contextlib.suppress(ImportError, AttributeError):  # it is TensorFlow's own
        from tensorflow.python.eager import context

        context.context().clear_kernel_cache()


def fuse_nothing() -> None:
    """Keep TensorFlow from replacing operations by fused ones, before a function is traced.

    With gradients there is next to nothing to fuse, and it logs an error where LeakyReLU follows a
    bias. What it costs was measured: a step of dcgan takes 2 % longer, one of hinge-gan and the
    features of InceptionV3 do not.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"remapping": False})


def strategy(gpus: int) -> Any:
    """How TensorFlow shares a step among GPUs; for one device, TensorFlow's default.

    Raises:
        zoo.errors.UsageError: If there are fewer GPUs.
    """
    import tensorflow as tf

    if gpus == 1:
        return tf.distribute.get_strategy()
    found = tf.config.list_logical_devices("GPU")
    if gpus > len(found):
        raise UsageError(f"--gpus {gpus}: TensorFlow finds {len(found)}")
    return tf.distribute.MirroredStrategy([device.name for device in found[:gpus]])


def peak_memory_mb() -> int | None:
    """The most main memory that this process has held, in MB; `None` where that is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what TensorFlow's C++ code says of itself while it loads off the terminal."""
    sys.stderr.flush()
    with contextlib.ExitStack() as stack, open(os.devnull, "wb") as nowhere:
        try:
            stderr = os.dup(2)
        except OSError:  # closed, or not a file
            yield
            return
        stack.callback(os.close, stderr)
        os.dup2(nowhere.fileno(), 2)
        stack.callback(os.dup2, stderr, 2)
        yield
