"""Kinds of hostile input: how each is made from a valid one, and what of zoo reads it."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hostile_mutations as change
from fuzz_formats import fuzzed
from hostile_mutations import Rng, pick
from hostile_subjects import DETECTOR, PUBLISHED, RUN, STUDY
from valid_files import valid_files

Change = Callable[[bytes, Rng, Path], tuple[str, bytes]]
BY_SUFFIX: dict[str, Change] = {
    ".json": change.json_file,
    ".jsonl": change.json_lines,
    ".yaml": change.yaml_file,
    ".keras": change.keras_file,
    ".npz": change.npz_file,
    ".csv": change.csv_file,
    ".zip": change.zip_file,
    ".skops": change.zip_file,
}


@dataclass(frozen=True)
class Place:
    """Where an input is made and read.

    Attributes:
        subjects: The valid files, which are only read.
        folder: Of this input; what reads it may write there.
        marker: What code in the input would write.
    """

    subjects: Path
    folder: Path
    marker: Path

    def copied(self, name: str) -> Path:
        """A copy of a valid file or folder, to damage."""
        source, target = self.subjects / name, self.folder / Path(name).name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        return target


def command(*words: Any) -> None:
    """Run a command of zoo; a traceback is an exception, a message is a status."""
    from zoo_cli.main import main

    from zoo.errors import ZooError

    told, status = io.StringIO(), 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    if status not in (0, 1, 2, 75) or "Traceback" in told.getvalue():
        raise AssertionError(f"exit status {status}: {told.getvalue()[-400:]}")
    if status:
        raise ZooError(told.getvalue().strip()[-300:])


def changed(path: Path, rng: Rng, marker: Path) -> str:
    """Make a file hostile in place; what was done to it."""
    made = BY_SUFFIX.get(path.suffix, change.damaged)
    if made is not change.damaged and rng.integers(8) == 0:
        made = change.damaged
    name, content = made(path.read_bytes(), rng, marker)
    path.write_bytes(content)
    return f"{path.name}: {name}"


# Each of these makes an input in its folder, and returns what it did and the call that reads it.


def formats(*suffixes: str) -> Any:
    """Damaged images of some formats."""

    def image(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
        from zoo.data.decode import frames

        name = pick(rng, [n for n in valid_files() if n.endswith(suffixes)])
        path = place.folder / name
        path.write_bytes(fuzzed(valid_files()[name], rng))
        return name, lambda: [frame.pixels.max() for frame in frames(path)]

    return image


def numpy(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Arrays of images, as `zoo score` takes them."""
    from zoo.evaluation.arrays import open_arrays

    path = place.copied(pick(rng, ("arrays.npz", "arrays.npy")))
    made = change.npz_file if path.suffix == ".npz" else change.npy_file
    name, content = made(path.read_bytes(), rng, place.marker)
    path.write_bytes(content)

    def read() -> None:
        with contextlib.ExitStack() as closing:
            open_arrays(path, closing)[:]

    return name, read


def archive(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """An archive of images for a dataset."""
    path = place.copied("archive.zip")
    name = changed(path, rng, place.marker)
    return name, lambda: command("data", "import", "bbbc/bbbc038", path)


def folder(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A folder of images with strange names, links and tables."""
    path = place.copied("pictures")
    kind = int(rng.integers(4))
    if kind == 0:
        link = pick(rng, ("/etc/passwd", "/", "..", "link.png", "/dev/zero"))
        (path / "link.png").symlink_to(link)
        name = f"link to {link}"
    elif kind == 1:
        name = pick(rng, ("<script>.png", "a\nb\x1b[31m.png", "\udcff\udcfe.png", "=1+1.png"))
        (path / name).write_bytes(valid_files()["grey.png"])
        name = f"file {name!r}"
    else:
        name = changed(path / ("labels.csv" if kind == 2 else "grey.png"), rng, place.marker)
    return name, lambda: command("data", "check", path, "--json")


def recipe(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """The recipe of a run from elsewhere, shown and read."""
    from zoo.recipe import Recipe
    from zoo.runs import Run

    run = place.copied(f"runs/{RUN}")
    name = changed(run / "recipe.yaml", rng, place.marker)
    return name, lambda: Recipe.from_dict(Run.open(run).recipe).describe()


def registry(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Recipes from elsewhere, listed, shown and resolved."""
    from zoo.catalog import shipped

    path = place.folder / "registry.yaml"
    path.write_bytes(shipped().read_bytes())
    name = changed(path, rng, place.marker)
    words = (("list", "recipes"), ("run", "dcgan.bbbc038-small-64", "--dry-run"))[rng.integers(2)]
    return name, lambda: command(*words, "--registry", path)


def config(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Settings of a user."""
    from zoo.recipe import resolve

    path = place.folder / "config.yaml"
    path.write_text("image_size: 32\nseed: 1\nscore_images: 64\nthreads: 1\n")
    name = changed(path, rng, place.marker)
    return name, lambda: resolve("dcgan", "bbbc/simulated", user_config=path).describe()


def keras(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A network, inspected without being loaded."""
    from zoo.publishing.network import read_network

    path = place.copied(f"{PUBLISHED}/generator.keras")
    return changed(path, rng, place.marker), lambda: read_network(path, ("zoo_generators",))


def weights(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A run whose snapshot or checkpoint was replaced, loaded and sampled."""
    import zoo

    run = place.copied(f"runs/{RUN}")
    path = pick(rng, sorted(run.glob("snapshots/*.npz")))
    name = changed(path, rng, place.marker)
    return name, lambda: zoo.load("run", str(run)).sample(1, seed=0)


def checkpoint(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A run that is resumed from a checkpoint of somebody else."""
    from zoo.gan import build
    from zoo.gan.checkpoint import restore_checkpoint
    from zoo.recipe import Recipe
    from zoo.runs import Run
    from zoo.signatures import split_options

    run = Run(place.copied(f"runs/{RUN}"))
    name = changed(pick(rng, sorted(run.checkpoints.glob("*.npz"))), rng, place.marker)
    held = Recipe.from_dict(run.recipe)

    def read() -> None:
        from zoo.plugins import find

        gan = build(held, (32, 32, 1))
        gan.compile(**split_options(find("generators", "dcgan"), held.options)[1])
        restore_checkpoint(gan, run.checkpoints)

    return name, read


def torch(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A state dict of PyTorch, of which only tensors may be read."""
    from zoo.metrics.published_weights import from_torch

    path = place.folder / "weights.pth"
    name, content = change.torch_file(b"", rng, place.marker)
    path.write_bytes(content)
    return name, lambda: from_torch(path)


def run(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A run folder from elsewhere, listed, shown, compared and reported."""
    path = place.copied(f"runs/{RUN}")
    stems = ("manifest.json", "data.json", "evaluation.json", "detection.json", "metrics.jsonl",
             "recipe.yaml", "nearest.json", "feedback.jsonl")  # fmt: skip
    file = pick(rng, [path / name for name in stems if (path / name).exists()])
    name = changed(file, rng, place.marker)
    report = path / "report.html"

    def reported() -> None:
        report.unlink(missing_ok=True)
        command("report", path)
        if change.SCRIPT in report.read_text(encoding="utf-8"):
            raise AssertionError("the report holds a script from the run's files")

    calls: list[Callable[[], Any]] = [
        lambda: command("runs", "list", "--runs", place.folder),
        lambda: command("runs", "show", path),
        lambda: command("compare", path, place.subjects / "runs" / RUN, "--html", path / "c.html"),
        reported,
        reported,
    ]
    return name, pick(rng, calls)  # type: ignore[no-any-return]


def published(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A publication whose files were replaced, its sums made to fit or not, maybe in an archive."""
    import zoo
    from zoo.publishing.sums import SUMS, stated_of

    path = place.copied(PUBLISHED)
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != SUMS)
    chosen = pick(rng, [p for p in files if p.suffix in BY_SUFFIX] + files)
    name = changed(chosen, rng, place.marker)
    if rng.integers(8):  # with sums that fit, in spite of the limits that zoo keeps to
        stated = [(p.relative_to(path).as_posix(), stated_of(p)) for p in files]
        lines = "".join(f"# {s.size}\n{s.sha256}  {n}\n" for n, s in stated)
        heading = (path / SUMS).read_text().partition("\n")[0]
        (path / SUMS).write_text(f"{heading}\n{lines}")
    if rng.integers(8) == 0:
        (path / "link.png").symlink_to("/etc/passwd")
        name += ", and a link"
    source = path
    if rng.integers(3) == 0:
        source = place.folder / "published.zip"
        inside = [p for p in path.rglob("*") if p.is_file()]
        entries = {p.relative_to(path).as_posix(): p.read_bytes() for p in inside}
        made, content = change.zip_file(change.zipped(entries), rng, place.marker)
        source.write_bytes(content)
        name += f", zipped: {made}"
    return name, lambda: zoo.pull(str(source), runs=place.folder / "runs")


def bundle(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Datasets and weights in one file."""
    path = place.copied("bundle.zip")
    if rng.integers(2):
        entries = change.unzipped(path.read_bytes())
        made, entries["manifest.json"] = change.json_file(
            entries["manifest.json"], rng, place.marker
        )
        path.write_bytes(change.zipped(entries))
        name = f"manifest: {made}"
    else:
        name = changed(path, rng, place.marker)
    return name, lambda: command("assets", "import", path)


def labels(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A table of labels, as a table, as a list, and as an annotator's file in a run."""
    from zoo.data.lists import read_list
    from zoo.data.table import read_table
    from zoo.labelling import read
    from zoo.runs import Run

    path = place.folder / "labels" / "real" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text("path,label,decision\na.png,round,accept\nb.png,,reject\nc.png,long,accept\n")
    name = changed(path, rng, place.marker)
    calls: list[Callable[[], Any]] = [
        lambda: read_table(path),
        lambda: read_list(path),
        lambda: read(Run(place.folder), "real", "a"),
    ]
    return name, pick(rng, calls)  # type: ignore[no-any-return]


def answers(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Answers to a study, or its key."""
    path = place.copied(STUDY)
    name = changed(path / pick(rng, ("answers.json", "key.json")), rng, place.marker)
    return name, lambda: command("turing", "score", path, path / "answers.json", "--json")


def detector(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """A kept detector, asked about a picture."""
    path = place.copied(f"{DETECTOR}/{pick(rng, ('random-forest', 'small-cnn'))}")
    name = changed(pick(rng, sorted(path.iterdir())), rng, place.marker)
    picture = place.subjects / "pictures" / "grey.png"
    return name, lambda: command("detect", "--image", picture, "--with", path)


def feedback(place: Place, rng: Rng) -> tuple[str, Callable[[], Any]]:
    """Opinions in a run."""
    path = place.copied(f"runs/{RUN}")
    image = {"step": 2, "seed": 0, "index": 1, "truncation": 1.0, "class": None}
    line = {"time": "2026-01-05T10:00:00+00:00", "session": "0" * 16, "image": image}
    rows = [json.dumps({**line, "opinion": said, "tags": ["blurred"]}) for said in ("good", "bad")]
    (path / "feedback.jsonl").write_text("\n".join(rows) + "\n")
    name = changed(path / "feedback.jsonl", rng, place.marker)
    return name, lambda: command("feedback", path, "--rejected", place.folder / "rejected.csv")


KINDS: dict[str, Any] = {
    "image": formats(".png", ".jpg", ".bmp", ".dib", ".gif", ".webp"),
    "dicom": formats(".dcm"),
    "tiff": formats(".tif"),
    "volume": formats(".nii", ".nii.gz", ".mha", ".npy", ".npz"),
    **{made.__name__: made for made in (
        numpy, archive, folder, recipe, registry, config, keras, weights, checkpoint, torch,
        run, published, bundle, labels, answers, detector, feedback,
    )},
}  # fmt: skip
