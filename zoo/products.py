"""What a trained GAN leaves beside its weights: the network, samples, sheets and galleries."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoo.data import ImageSet
from zoo.data.export import as_source, write_masks, write_synthetic
from zoo.recipe import Recipe
from zoo.runs import Run, write_bytes, write_json, write_text
from zoo.runs.pictures import animation, grid_png, pairs_png

Images = npt.NDArray[Any]

SHOWN = 64
NEIGHBOURS = 16
JUDGED = 512
GALLERY = 32
ROWS = 6
STEPS = 8
MIXED = 5


def write_products(run: Run, recipe: Recipe, images: ImageSet, gan: Any) -> None:
    """Write `generator.keras`, `generated/` and the pictures that the report shows.

    Args:
        run: The run folder.
        recipe: Says the seed and what the run was made of.
        images: The dataset, for its units and its training images.
        gan: The trained GAN.
    """
    from zoo.gan.checkpoint import save_generator

    save_generator(gan.exported(), run.generator_path)
    seed = recipe.settings["seed"]
    channels = images.shape[-1]
    made = gan.sample(SHOWN, seed=seed, dtype=images.dtype.name)
    fakes = made[..., :channels]
    _write_samples(run, recipe, images, fakes, made[..., channels:])
    _write_neighbours(run, images.split("train"), fakes[:NEIGHBOURS])
    _write_galleries(run, gan, seed, channels)
    _write_sheets(run, gan, channels)
    _write_animation(run)


def _write_samples(
    run: Run, recipe: Recipe, images: ImageSet, fakes: Images, masks: Images
) -> None:
    seed = recipe.settings["seed"]
    facts = {"generator": recipe.generator, "data": recipe.data, "run": run.name, "seed": seed}
    data = images.provenance
    pixel_size = data.get("pixel_size_um")
    write_synthetic(as_source(fakes, data), run.generated, facts=facts, pixel_size=pixel_size)
    if masks.shape[-1]:
        write_masks(masks[..., 0], run.generated_masks, data, facts=facts)


def _write_neighbours(run: Run, training: ImageSet, fakes: Images) -> None:
    from zoo.evaluation.neighbours import nearest

    found = nearest(fakes, training)
    real = training[np.array([row["position"] for row in found])]
    write_json(run.nearest_path, found)
    write_bytes(run.sample_path("nearest"), pairs_png(fakes, real, 4))


def _write_galleries(run: Run, gan: Any, seed: int, channels: int) -> None:
    """The images that the discriminator takes for real most and least, and every score."""
    fakes = gan.sample(JUDGED, seed=seed)
    parts = [slice(at, at + SHOWN) for at in range(0, JUDGED, SHOWN)]
    labels = gan.sampled_labels(JUDGED, seed)
    scores = np.concatenate(
        [gan.score(fakes[part], None if labels is None else labels[part]) for part in parts]
    )
    order = np.argsort(-scores, kind="stable")
    shown = fakes[..., :channels]
    write_bytes(run.sample_path("accepted"), grid_png(shown[order[:GALLERY]], STEPS))
    write_bytes(run.sample_path("rejected"), grid_png(shown[order[: -GALLERY - 1 : -1]], STEPS))
    lines = [f"{i},{seed},{score:.6g}" for i, score in enumerate(scores.tolist())]
    write_text(run.scores_path, "\n".join(["image,seed,discriminator_logit", *lines, ""]))


def _write_sheets(run: Run, gan: Any, channels: int) -> None:
    from zoo.gan.latents import interpolation, style_mixing

    walked = interpolation(gan, ROWS, STEPS)[..., :channels]
    write_bytes(run.sample_path("interpolation"), grid_png(walked, STEPS))
    if getattr(gan, "mixes_styles", False):
        mixed = style_mixing(gan, MIXED)[..., :channels]
        write_bytes(run.sample_path("mixing"), grid_png(mixed, MIXED + 1))


def _write_animation(run: Run) -> None:
    pictures = [run.sample_path(step) for step in run.sample_steps()]
    frames = [Image.open(io.BytesIO(picture.read_bytes())) for picture in pictures]
    if len(frames) > 1:
        write_bytes(run.animation_path, animation(frames))
