"""What is checked of each kind of record, by name. Nothing here imports a framework."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a record must do.

    Attributes:
        name: What `zoo check` and pytest call it.
        expects: What it asks for, one line.
        function: `"module:attribute"`, called with a `Subject` or the kind's case.
        core: Whether it takes seconds; the others `--quick` leaves out.
        advice: What to do where the message does not say.
    """

    name: str
    expects: str
    function: str
    core: bool = True
    advice: str = "the page docs/plugins.md has the contract"


@dataclass(frozen=True, slots=True)
class Suite:
    """The checks of a kind.

    Attributes:
        case: `"module:attribute"` that makes of a `Subject` what the checks take.
        checks: In the order in which they run, cheap ones first.
    """

    case: str
    checks: tuple[Check, ...]


def _of(module: str, *checks: tuple[str, str], core: bool = True) -> tuple[Check, ...]:
    return tuple(
        Check(name, expects, f"zoo.testing.{module}:check_{name.replace('-', '_')}", core)
        for name, expects in checks
    )


SHARED = _of(
    "shared",
    ("loads", "a complete record whose target can be imported"),
    ("imports", "a plugin that imports no framework before it is used"),
)

GENERATOR = (
    *_of(
        "networks",
        ("record", "keywords and presets as the record and the source state them"),
        ("options", "options that are named, typed, described and have a default"),
        ("networks", "images (n, H, W, C) and one logit each, at every size and depth"),
        ("range", "generated images from −1 to 1"),
    ),
    *_of(
        "training",
        ("step", "a step that trains both networks, logs finite losses and counts itself"),
        ("seed", "equal seeds give equal weights, other seeds others"),
    ),
    *_of("networks", ("labels", "labels that are needed and honoured"), core=False),
    *_of(
        "networks", ("save", "a snapshot and a .keras file that give the images again"), core=False
    ),
    *_of(
        "training",
        ("resume", "weights of a resumed training bit for bit those of a whole one"),
        ("xla", "the losses of the graph under XLA, too"),
        ("augment", "all that the discriminator sees augmented, or augmentable = False"),
        ("mask", "a mask as one more channel"),
        core=False,
    ),
)

DATASET = _of(
    "datasets",
    ("licence", "a licence and a citation"),
    ("examples", "unique ids, and images as they are in the files"),
    ("labels", "a class's name for every example, or for none"),
    ("groups", "a group for every example: what images of one source share"),
    ("again", "the same examples each time"),
)

DETECTOR = _of(
    "detectors",
    ("contract", "a classifier with fit, predict_proba and classes_, called with seed"),
    ("classes", "the sorted labels as classes_"),
    ("probabilities", "a probability for each class, which sum to 1"),
    ("learns", "discs told from noise"),
    ("single", "an answer that does not depend on the other images that are asked about"),
    ("repeats", "equal seeds give equal answers"),
    ("input", "images and labels left as they are"),
    ("saves", "the same answers after save and load"),
)

METRIC = _of(
    "metrics",
    ("value", "one finite number from two sets of images"),
    ("order", "a number that does not depend on the order of the images"),
    ("repeats", "equal seeds give equal numbers"),
    ("input", "both sets left as they are"),
    ("better", "real images better than noise"),
    ("undefined", "NotComputed where there is no number, never NaN"),
)

TRACKER = _of(
    "trackers",
    ("contract", "run_started, logged and run_ended"),
    ("follows", "a run followed to each of its ends, and resumed, without an error"),
    ("silent", "nothing on stdout, which is for answers"),
    ("input", "the run's own files left as they are"),
)

SUITES: Mapping[str, Suite] = {
    "generator": Suite("zoo.testing.case:case_of", GENERATOR),
    "dataset": Suite("zoo.testing.datasets:DatasetCase", DATASET),
    "detector": Suite("zoo.testing.detectors:DetectorCase", DETECTOR),
    "extractor": Suite("zoo.testing.shared:record_of", ()),
    "metric": Suite("zoo.testing.metrics:MetricCase", METRIC),
    "tracker": Suite("zoo.testing.trackers:TrackerCase", TRACKER),
}
