"""The records that plugins return: names, facts and import paths, never built objects."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pkgutil import resolve_name
from typing import Any

from zoo.errors import ZooError
from zoo.requirements import missing, pip_line

API_VERSION = "0.1.0"
"""The version of zoo, against which a plugin's `zoo>=…,<…` is held before it is imported."""


@dataclass(frozen=True, slots=True)
class Record:
    """What every record states.

    Attributes:
        name: Lower-case with hyphens; what the user types.
        target: `"package.module:attribute"`, imported only by `load()`.
        summary: One line for `zoo list`.
        licence: SPDX identifier of the code or, for a dataset, of the images.
        paper: Source paper, such as `"arXiv:1511.06434"` or `"doi:10.1038/nmeth.2083"`; several
            are separated by spaces. Reports cite it, with what a `CITATIONS.bib` beside the
            target's module says of it.
        api: Version of this contract that the plugin was written for.
        requires: What its code needs and its package does not install, as pip takes it:
            `("umap-learn>=0.5",)`.
    """

    name: str
    target: str
    summary: str = ""
    _: KW_ONLY
    licence: str = ""
    paper: str = ""
    api: int = 1
    requires: tuple[str, ...] = ()

    def load(self) -> Any:
        """Import the code and return the object that `target` names.

        Raises:
            zoo.errors.ZooError: If something of `requires` is not installed; the message holds
                the `pip install` that gets it.
        """
        self.check_requirements()
        return resolve_name(self.target)

    def check_requirements(self) -> None:
        """Refuse to go on without what `requires` names; `load` does so, too late for some."""
        if lacking := missing(self.requires):
            raise ZooError(f"{self.name} needs what is not installed: {pip_line(lacking)}")


@dataclass(frozen=True, slots=True)
class Size:
    """What a generator takes at an image size, with its default options.

    Attributes:
        side: Of a square one-channel image, pixels.
        parameters: Of generator and discriminator together.
        memory_mb: Most memory of a training step of 16 images in float32, as measured on a CPU
            beyond TensorFlow's own.
    """

    side: int
    parameters: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Generator(Record):
    """A GAN. The target is a `zoo.gan.GAN` subclass.

    Attributes:
        task: `"synthesis"`, or another task that a later command understands.
        conditional: Whether it uses labels: `"no"`, `"optional"` or `"required"`.
        channels: Numbers of image channels that it can generate.
        multiple_of: Image sides must be multiples of this, in pixels.
        sides: Smallest and largest image side, in pixels.
        sizes: Parameters and memory at some image sizes, for `zoo info`.
        presets: Preset name to settings, such as `{"quick": {"kimg": 60, "width": 32}}`;
            what a preset leaves out comes from `zoo.recipe.PRESETS`.
    """

    _: KW_ONLY
    task: str = "synthesis"
    conditional: str = "no"
    channels: tuple[int, ...] = (1, 2, 3, 4)
    multiple_of: int = 8
    sides: tuple[int, int] = (32, 256)
    sizes: tuple[Size, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that a dataset is prepared from.

    Attributes:
        filename: Name of the official file.
        url: Where it is downloaded from; empty if registration is needed.
        size: Bytes, announced before a download.
        sha256: Hashes of known copies, each with a note, such as `{"91b5…": "official"}`.
        md5: The same, where the publisher states only this.
        optional: Whether the dataset can be prepared without it.
    """

    filename: str
    url: str = ""
    size: int = 0
    sha256: Mapping[str, str] = field(default_factory=dict)
    md5: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Dataset(Record):
    """A source of images. The target is a TFDS builder class or a callable yielding examples.

    A callable yields mappings with `id` (str, unique) and `image` (H×W×C, C from 1 to 4, uint8,
    uint16, int16, int32 or finite float32) in the file's own values, and optionally `label` (str),
    `mask` (uint16 instances, H×W), `group` (str; patient, slide, well), `split` (the official
    one's name), `pixel_size` ((y, x) in µm), `window` ((low, high), what the file says to show),
    `note` (what reading changed) and other fields, text or numbers. One with `rejected` (str)
    instead of `image` is set aside with that reason. What the callable returns may have
    `content_key` (str), which changes whenever the images do, and `facts` for the provenance,
    whose `licence`, `homepage` and `citation` win over the record's.

    Attributes:
        homepage: Where the images are described.
        citation: How to cite them.
        archives: What a builder is prepared from; empty for a callable.
        config: The builder's config.
        where: Feature values that an example must have, such as `{"modality": "fluorescence"}`.
        alias: Names tried in order, the first prepared one wins; the record then has no target.
        scheme: What follows when a name is `name:ARGUMENT`: `"path"`, as in `folder:PATH`, or
            `"name"`, as in `tfds:NAME`.
        view: How larger images become training images: `"tile"` or `"resize"`.
        split: The split taken unless another is asked for: `"grouped"`, or `"official"` where only
            the dataset's own split keeps what belongs together.
        verified: Whether it has been run on the official archives.
        listed: Whether `zoo list` shows it without `--all`.
    """

    _: KW_ONLY
    homepage: str = ""
    citation: str = ""
    archives: tuple[Archive, ...] = ()
    config: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    alias: tuple[str, ...] = ()
    scheme: str = ""
    view: str = "tile"
    split: str = "grouped"
    verified: bool = True
    listed: bool = True

    def argument(self, name: str) -> str:
        """What follows the record's name in `name:ARGUMENT` or `package:name:ARGUMENT`."""
        for text in (name, name.partition(":")[2]):
            if text.startswith(f"{self.name}:"):
                return text.removeprefix(f"{self.name}:")
        return ""


@dataclass(frozen=True, slots=True)
class Detector(Record):
    """A scikit-learn classifier on uint8 images (n, H, W, C).

    The target is called as `Detector(seed=0, **options)` and has `fit(images, labels,
    validation=None)`, `predict_proba(images)` and `classes_`. It is kept in a run if it has
    `save(path)` and its module a `load(path)`, and explained if it has `heatmaps(images, label)`.
    Where classes are told apart (`zoo utility`), one whose constructor takes `augment` is told
    whether to change training images at random, and one whose `fit` takes `weights` how much each
    image counts. There its `get_params()`, if it has it, must be JSON values, by which a finished
    training is known again, and so is the content of `weights_file`, a path, if it has that.

    Attributes:
        framework: `"sklearn"` (saved with skops) or `"keras"` (saved as `.keras`).
    """

    _: KW_ONLY
    framework: str = "sklearn"


@dataclass(frozen=True, slots=True)
class Extractor(Record):
    """Images to features. The target is called as `Extractor(weights=None, layer=None)`.

    It returns a `zoo.metrics.Extractor`, or raises `zoo.errors.NotComputed` saying what is
    missing and which command gets it.

    Attributes:
        suffix: What names a metric on its features, such as `keras` in `fid_keras`; empty only
            for the published FID's network.
    """

    _: KW_ONLY
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric(Record):
    """A number from real and generated images: `score(real, fake, context) -> float`.

    Attributes:
        needs: `"images"` (uint8, n×H×W×C), `"features"` (float32, n×d, memory-mapped) or
            `"logits"` (float32, n×classes), which not every feature network has.
        better: `"lower"`, `"higher"` or `"neither"`.
        suffixed: Whether the extractor's suffix is part of the name, as in `fid_keras`, because
            values of two extractors are never set side by side.
        default: Whether it is computed without being asked for by name.
    """

    _: KW_ONLY
    needs: str = "images"
    better: str = "lower"
    suffixed: bool = False
    default: bool = True


@dataclass(frozen=True, slots=True)
class Tracker(Record):
    """Follows the runs that name it in `--track`. The target is called without arguments.

    What it makes has three methods. `run_started(run)` is called when a `zoo.runs.Run` is described
    and its training begins or, resumed, goes on; `logged(step, values)` with each step's numbers
    that `metrics.jsonl` holds; `run_ended(run, status)` when the whole run, with scores and report,
    is `"finished"`, `"interrupted"` (it may be resumed) or `"failed"`. One that raises is named in
    a warning and told nothing more; the run goes on.
    """
