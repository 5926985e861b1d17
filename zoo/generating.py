"""Images from a trained run, in the values of the images that it learnt from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.claims import USE
from zoo.errors import UsageError
from zoo.plugins import find, unknown
from zoo.runs import Run

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoo.data.export import SyntheticFile

    Images = npt.NDArray[Any]

UNFINISHED = ".unfinished.json"


@dataclass(frozen=True, kw_only=True)
class Generated:
    """Generated images, and where they come from.

    Attributes:
        images: (n, H, W, C) in the values and of the type of the training images' files, without
            the margins of a padded view.
        shown: (n, H, W, C) uint8 or uint16 as the generator made them, to look at.
        masks: (n, H, W) as the generator made them, of a run with masks.
        facts: Run, generator, data, seed and so on, which every file of them holds.
        data: What the run's `data.json` holds.
        steps: Images in a row, of rows from one latent to another.
    """

    images: "Images"
    shown: "Images"
    masks: "Images | None"
    facts: Mapping[str, Any]
    data: Mapping[str, Any]
    steps: int | None = None

    @property
    def pixel_size(self) -> tuple[float, float] | None:
        """(y, x) in µm, if it is known."""
        size: tuple[float, float] | None = self.data.get("pixel_size_um")
        return size

    def files(self, form: str = "auto") -> "Iterator[SyntheticFile]":
        """Each image as a `zoo.data.export.SyntheticFile`, marked as synthetic.

        Args:
            form: `png`, `tiff`, or `auto` for PNG where images have 8 bits.
        """
        from zoo.data.export import synthetic_files

        return synthetic_files(self.images, facts=self.facts, form=form, pixel_size=self.pixel_size)

    def mask_files(self) -> "Iterator[SyntheticFile]":
        """The masks of the images, white where there is something; none without masks."""
        from zoo.data.export import mask_files

        if self.masks is None:
            return iter(())
        return mask_files(self.masks, self.data, facts=self.facts)

    def sheet(self) -> bytes:
        """All rows of an interpolation in one PNG."""
        from zoo.runs.pictures import grid_png

        return grid_png(self.shown, self.steps or 1)

    def write(self, folder: Path, form: str = "auto") -> list[Path]:
        """Write the images, and masks beside them in `FOLDER-masks`; the image files, in order.

        Args:
            folder: Made if it is missing; files of the same names are replaced.
            form: As for `files`.
        """
        from zoo.data.export import write_masks, write_synthetic
        from zoo.progress import progress
        from zoo.runs import write_bytes, write_json

        write_json(folder / UNFINISHED, self._described(form))
        if self.masks is not None:
            write_masks(self.masks, masks_folder(folder), self.data, facts=self.facts)
        told: dict[str, Any] = {"facts": self.facts, "form": form, "pixel_size": self.pixel_size}
        paths = []
        with progress("Writing", len(self.images), "images") as advance:
            for number in range(len(self.images)):
                one = self.images[number : number + 1]
                paths += write_synthetic(one, folder, start=number, **told)
                advance(1)
        if self.steps:
            write_bytes(folder / "interpolation.png", self.sheet())
        (folder / UNFINISHED).unlink()
        return paths

    def unfinished(self, folder: Path, form: str = "auto") -> bool:
        """Whether a `write` of the same images into the folder was killed, so that it goes on."""
        from zoo.runs.files import json_mapping

        return json_mapping(folder / UNFINISHED) == self._described(form)

    def _described(self, form: str) -> dict[str, Any]:
        return {**self.facts, "form": form, "images": len(self.images)}


def generate(
    run: "Run | str | Path",
    n: int = 64,
    *,
    seed: int = 0,
    class_name: str | None = None,
    truncation: float = 1.0,
    interpolate: int | None = None,
    to_seed: int | None = None,
    step: int | None = None,
    generator: Any = None,
) -> Generated:
    """Images from a trained run; `zoo.generate` is this function and documents it.

    Beside its arguments, `generator` is the run's of that step where it is loaded already.
    """
    found = Run.open(run)
    way = _way(n, interpolate, to_seed)
    labels = class_labels(found, class_name, n)
    step = found.snapshot_step(step)
    data = found.read_mapping(found.data_path)
    generator = generator or load_generator(found, step)
    from zoo.data.export import as_source
    from zoo.data.intensity import Intensity

    dtype = Intensity.from_facts(data.get("intensity") or {}).stored_dtype.name
    chosen = {"labels": labels, "seed": seed, "truncation": truncation, "dtype": dtype}
    shown, masks = _made(generator, n, way, chosen), None
    if getattr(generator, "masked", False):
        shown, masks = shown[..., :-1], shown[..., -1]
    facts = _facts(found) | {"step": step, "seed": seed, "truncation": truncation}
    facts |= {"class": class_name} if class_name else {}
    facts |= {"interpolation": way} if way else {}
    images = as_source(shown, data)
    return Generated(
        images=images, shown=shown, masks=masks, facts=facts, data=data, steps=interpolate
    )


def load_generator(run: Run, step: int) -> Any:
    """The averaged generator of a run at a step, on the device that there is."""
    from zoo.device import configure

    configure()
    from zoo.gan import load_run

    return load_run(run, step=step)


def masks_folder(folder: Path) -> Path:
    """Where the masks of images in a folder are written."""
    return folder.with_name(f"{folder.name}-masks")


def class_labels(run: Run, class_name: str | None, count: int) -> list[int] | None:
    """The label of a class so many times; `None` for none.

    Raises:
        zoo.errors.UsageError: If the run has no such class; the message holds the choices.
    """
    if class_name is None:
        return None
    names = class_names(run)
    if not names:
        generator = run.recipe.get("generator")
        raise UsageError(f"{generator} in {run.name} knows no classes; leave out --class")
    if class_name not in names:
        raise unknown("class", class_name, names)
    return [names.index(class_name)] * count


def class_names(run: Run) -> list[str]:
    """The classes that a run's generator can be asked for; the data of others may have some too."""
    names = run.class_names
    if names and find("generators", str(run.recipe.get("generator"))).conditional == "no":
        return []
    return names


def _made(generator: Any, rows: int, way: Mapping[str, Any], chosen: dict[str, Any]) -> "Images":
    if not way:
        images: Images = generator.sample(rows, **chosen)
        return images
    from zoo.gan.latents import interpolation

    return interpolation(generator, rows, way["steps"], to_seed=way.get("to_seed"), **chosen)


def _way(rows: int, steps: int | None, to_seed: int | None) -> dict[str, Any]:
    """What is said of an interpolation; nothing of single images."""
    if steps is None and to_seed is not None:
        raise UsageError("a seed to end at goes with an interpolation; give --interpolate")
    end = {} if to_seed is None else {"to_seed": to_seed}
    return {"rows": rows, "steps": steps, **end} if steps else {}


def _facts(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    dataset = manifest.get("dataset") or {}
    return {
        "run": run.path.resolve().name,
        "generator": run.recipe.get("generator"),
        "trained_on": dataset.get("name"),
        "zoo": (manifest.get("versions") or {}).get("zoo"),
        "use": USE,
    }
