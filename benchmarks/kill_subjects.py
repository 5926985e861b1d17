"""The commands that `kill_commands.py` kills, what each starts from, and what may be in between."""

import functools
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import kill_states as states

OUTPUT = "standard output"
Step = str | Callable[[], None]

SMALL = "--image-size 32 --device cpu -o width=8 -o latent_dim=8 -o batch_size=8"
DATA = "--data bbbc/simulated --data-options images=50"  # too few for detectors, which take minutes
TINY = f"{DATA} {SMALL} --steps 12"
UNMEASURED = f"{TINY} --no-eval"
MORE = f"--data bbbc/simulated --data-options images=60 {SMALL} --steps 12"
SCORED = f"{TINY} --score-images 32"
DETECT = "--detector logistic -n 24 --n-small 12 --repeats 1"

# What a place holds: the state that it is made from, and what is done in it.
STATES: dict[str, tuple[str, Sequence[Step]]] = {
    "empty": ("", ()),
    "trained": ("empty", (f"run dcgan {UNMEASURED}",)),
    "scored": ("empty", (f"run dcgan {SCORED}",)),
    "two scored": ("scored", (f"run dcgan {SCORED} --seed 1",)),
    "masked": ("empty", (f"run dcgan {MORE} --no-eval --with-mask",)),
    "conditional": ("empty", (f"run cgan {MORE} --no-eval",)),
    "more": ("empty", (f"run dcgan {MORE} --no-eval",)),
    "two more": ("more", (f"run dcgan {MORE} --no-eval --seed 1",)),
    "detected": ("more", (f"detect 0 {DETECT} --seed 5",)),
    "stopped": ("empty", (functools.partial(states.stopped, f"dcgan {DATA} {SMALL} --no-eval"),)),
    "paused": ("empty", (functools.partial(states.paused, f"dcgan {SCORED}"),)),
    "published": ("scored", ("publish 0 --to published",)),
    "read": ("trained", ("turing make 0 -n 4", states.answers)),
    "judged": ("trained", (states.opinions,)),
    "pictures": ("empty", (states.pictures,)),
    "pictures and run": ("trained", (states.pictures,)),
    "archive": ("empty", (states.archive,)),
    "prepared": ("archive", ("data import bbbc/bbbc038 archive.zip",)),
    "bundle": ("prepared", ("assets export bundle.zip", states.without_datasets)),
    "inception": ("empty", (states.inception,)),
    "graph": ("empty", (states.graph,)),
    "design": ("empty", (states.design,)),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A command to kill.

    Attributes:
        name: Of the rows.
        arguments: Of `zoo`, in a folder that is the state.
        action: Called in place of a command that nobody types.
        state: What it starts from, of `STATES`.
        anew: Patterns of files that it says it writes anew or deletes, and which may therefore be
            gone or in between after a kill; all others must be as they were or as they become.
        resumed: Whether a run that has begun goes on by `zoo run --resume`; else the same command
            goes on.
        ignored: Patterns of files, `OUTPUT` among them, that no two commands write alike, for they
            name speeds, or number what they hold anew.
        copied: Whether only copies of a process are killed, for what is changed in them.
        anew_only: Whether only whole processes are killed.
        every: In which rounds of trials it takes part: 2 for each second.
    """

    name: str
    arguments: str
    action: Callable[[], None] | None = None
    state: str = "empty"
    anew: tuple[str, ...] = ()
    resumed: bool = False
    ignored: tuple[str, ...] = ()
    copied: bool = False
    anew_only: bool = False
    every: int = 1

    @property
    def words(self) -> list[str]:
        """The arguments, apart."""
        return shlex.split(self.arguments)

    @property
    def started(self) -> list[str] | Callable[[], None]:
        """What is killed."""
        return self.action or self.words


def _training(name: str, arguments: str, **more: bool) -> Subject:
    return Subject(name=f"run {name}", arguments=f"run {arguments}", resumed=True, **more)


OF_DETECT = ("detection.json", "detectors/", "samples/(gradcam-|spectrum)", "report.html")
OF_DETECT += ("figures/", "tables/", "MODEL_CARD.md", "references.bib")

SUBJECTS = (
    _training("dcgan", f"dcgan {UNMEASURED}"),
    _training("dcgan, scored", f"dcgan {SCORED}"),
    _training("dcgan, detected", f"dcgan {MORE} --score-images 32", copied=True),
    _training("cgan", f"cgan {UNMEASURED} --augment ada"),
    _training("stylegan-lite", f"stylegan-lite {UNMEASURED}"),
    _training("wgan-gp, with masks", f"wgan-gp {UNMEASURED} --with-mask -o n_critic=2"),
    _training("hinge-gan, tracked", f"hinge-gan {UNMEASURED} --track tensorboard"),
    _training("lsgan, two workers", f"lsgan {UNMEASURED} --workers 2"),
    # What was stored after the checkpoint from which a training goes on is dropped and comes again.
    Subject(name="resume training", arguments="run --resume 0", state="stopped", resumed=True,
            anew=(r"(snapshots|samples)/000000(1[6-9]|[2-9]\d)\.",)),
    Subject(name="resume measuring", arguments="run --resume 0", state="paused", resumed=True),
    Subject(name="score folder", arguments="score folder:pictures 0 --json",
            state="pictures and run"),
    Subject(name="score data", arguments="score folder:pictures folder:pictures --json",
            state="pictures"),
    Subject(name="detect", arguments=f"detect 0 {DETECT}", state="more"),
    Subject(name="detect again", arguments=f"detect 0 {DETECT}", state="detected", anew=OF_DETECT),
    Subject(name="detect across", arguments=f"detect 0 1 {DETECT} --no-curve --no-robust",
            state="two more", anew=OF_DETECT),
    Subject(name="memorisation", arguments="memorisation 0 -n 20 --json", state="trained"),
    Subject(name="monitor", arguments="monitor 0 folder:pictures --json",
            state="pictures and run"),
    Subject(name="utility", arguments="utility 0 --classifiers random-forest -o grid=1 --seeds 1 "
            "--images 60 --json", state="conditional"),
    Subject(name="segment", arguments="segment 0 --seeds 1 --images 20 --steps 2 --width 4 --json",
            state="masked"),
    Subject(name="report", arguments="report 0", state="scored"),
    Subject(name="compare", arguments="compare 0 1 --html page.html", state="two scored"),
    Subject(name="generate", arguments="generate 0 -n 48 --seed 1 --out fakes", state="trained"),
    Subject(name="generate with masks", arguments="generate 0 -n 24 --out fakes", state="masked"),
    Subject(name="generate rows", arguments="generate 0 -n 4 --interpolate 6 --format tiff "
            "--out fakes", state="trained"),
    Subject(name="export keras", arguments="export 0 --format keras --out model", state="trained"),
    Subject(name="export savedmodel", arguments="export 0 --format savedmodel --out model",
            state="trained", ignored=(r"(saved_model|fingerprint)\.pb$", r"variables/variables\.")),
    Subject(name="export onnx", arguments="export 0 --format onnx --out model", state="trained"),
    Subject(name="publish", arguments="publish 0 --to out", state="scored"),
    Subject(name="pull", arguments="pull published --name pulled", state="published"),
    Subject(name="data import", arguments="data import bbbc/bbbc038 archive.zip", state="archive"),
    Subject(name="data report", arguments="data report folder:pictures --out page.html "
            "--write-reject reject.csv --curate median:3,focus", state="pictures"),
    Subject(name="data preview", arguments="data preview bbbc/simulated --data-options images=50 "
            "--out preview.png"),
    Subject(name="data remove", arguments="data remove bbbc/bbbc038 --yes", state="prepared",
            anew=("home/",)),
    Subject(name="assets export", arguments="assets export bundle.zip", state="prepared"),
    Subject(name="assets import", arguments="assets import bundle.zip", state="bundle"),
    Subject(name="turing make", arguments="turing make 0 -n 4", state="trained"),
    Subject(name="turing score", arguments="turing score 0 answers-0.json answers-1.json --json",
            state="read"),
    Subject(name="feedback", arguments="feedback 0 --rejected rejected.csv", state="judged"),
    Subject(name="app", arguments="app", action=states.clicks, state="trained", copied=True),
    Subject(name="new", arguments="new mycells --kind generator"),
    Subject(name="runs remove", arguments="runs remove 0 --yes", state="two scored",
            anew=("runs/00000-",)),
    Subject(name="weights import", arguments="weights import inception-v3 inception.h5",
            state="inception"),
    Subject(name="weights convert", arguments="weights convert graph.pb --out weights.h5",
            state="graph", every=2),
    Subject(name="study", arguments="study study.yaml --cpus 2", state="design", anew_only=True,
            every=2, ignored=(r"leaderboard\.(csv|html)$", OUTPUT)),
)  # fmt: skip

# Commands that write nothing which a kill could leave behind, and those that cannot be killed here.
READING = {
    **dict.fromkeys(
        ("completion", "doctor", "info", "list", "plugins", "runs list", "runs show",
         "assets list", "data info", "data list", "data path", "weights list"),
        "prints what there is",
    ),
    "check": "writes into a temporary folder",
    "data check": "reads files and prints what is wrong with them",
    "data fetch": "downloads from the network, then does what `zoo data import` does",
    "weights fetch": "downloads from the network",
}  # fmt: skip


def command_of(arguments: Iterable[str], commands: Iterable[str]) -> str:
    """The command that arguments call: the longest that they begin with.

    Raises:
        ValueError: If there is none.
    """
    words = list(arguments)
    return max((c for c in commands if words[: len(c.split())] == c.split()), key=len)


def leaves(group: object, context: object = None, before: str = "") -> list[str]:
    """All commands of `zoo --help`, those of groups by both words."""
    import click

    assert isinstance(group, click.Group)
    found, inside = [], click.Context(group)
    for name in group.list_commands(inside):
        command = group.get_command(inside, name)
        if isinstance(command, click.Group):
            found += leaves(command, before=f"{before}{name} ")
        else:
            found.append(f"{before}{name}")
    return found


def made_of(state: str) -> tuple[str, Sequence[Step]]:
    """What a state is made of."""
    return STATES[state]


def place_of(folder: Path, state: str) -> Path:
    """Where a state lies."""
    return folder / "states" / state.replace(" ", "-")
