"""`zoo.load`: one way to get any object by name."""

from collections.abc import Callable
from typing import Any

from zoo.plugins import find, unknown


def load(kind: str, name: str, **options: Any) -> Any:
    """Load an object by name; `zoo.load` is this function and documents it."""
    if kind not in LOADERS:
        raise unknown("kind", kind, LOADERS)
    return LOADERS[kind](name, **options)


def _dataset(name: str, **options: Any) -> Any:
    from zoo.data import load

    return load(name, **options)


def _generator(name: str, **options: Any) -> Any:
    from zoo.signatures import convert_options

    generator = find("generators", name)
    told = {"image_shape", "seed"} | ({"classes"} if generator.conditional != "no" else set())
    given = {key: value for key, value in options.items() if key not in told}
    convert_options(generator, given)  # wrong use is refused before a framework loads
    return generator.load()(**options)


def _detector(name: str, **options: Any) -> Any:
    return find("detectors", name).load()(**options)


def _extractor(name: str, **options: Any) -> Any:
    return find("extractors", name).load()(**options)


def _metric(name: str) -> Any:
    return find("metrics", name).load()


def _run(name: str, *, step: int | None = None) -> Any:
    from zoo.runs import Run

    run = Run.open(name)  # before the framework loads, for the name may be wrong
    from zoo.gan import load_run

    return load_run(run, step=step)


LOADERS: dict[str, Callable[..., Any]] = {
    "dataset": _dataset,
    "generator": _generator,
    "detector": _detector,
    "extractor": _extractor,
    "metric": _metric,
    "run": _run,
}
