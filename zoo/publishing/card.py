"""The model card of a publication: Hugging Face's front matter, then what the run's card says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml
from markupsafe import Markup

from zoo.publishing.licences import FREE, UNKNOWN, Licence, card_fields
from zoo.publishing.network import Network

Facts = Mapping[str, Any]

TERMS = (
    "Whether a trained model is a derivative of its images is not settled. This one is published "
    "under {model}, {why}."
)
SAME = "the licence of its images, and so under no wider terms than these"
FREED = "for its images set no conditions"
CHOSEN = "which its publisher chose; the images’ own conditions go on to hold for the images"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a card is made of, all of it cleaned.

    Attributes:
        body: The run's `MODEL_CARD.md`.
        name: Of the run, as it is published.
        data: Name of the dataset; empty if it is private.
        manifest: As published.
        evaluation: As published.
        generator: The generator's name, licence and paper.
        images: Licence of the training images.
        model: Licence of the model.
        accepted: What was acknowledged, if anything had to be.
        network: What `generator.keras` states.
        warnings: Sentences that stand at the top.
        pictures: File in `samples/`, and what it shows.
        real: Those that hold real images.
    """

    body: str
    name: str
    data: str
    manifest: Facts
    evaluation: Facts
    generator: Facts
    images: Licence
    model: Licence
    accepted: str | None
    network: Network
    warnings: Sequence[str] = ()
    pictures: Sequence[tuple[str, str]] = ()
    real: Sequence[str] = field(default_factory=tuple)

    def text(self) -> str:
        """The file `README.md`."""
        matter = yaml.safe_dump(self.front_matter(), sort_keys=False, allow_unicode=True)
        return f"---\n{matter}---\n\n{self._body()}"

    def front_matter(self) -> dict[str, Any]:
        """The metadata that Hugging Face reads."""
        dataset = self.manifest.get("dataset") or {}
        tags = ["zoo", "gan", "synthetic", "biomedical", str(self.generator["name"])]
        known: dict[str, Any] = {
            **card_fields(self.model, dataset.get("homepage")),
            "library_name": "keras",
            "pipeline_tag": "unconditional-image-generation",
            "tags": tags,
        }
        if self.data:
            known["datasets"] = [hub_name(self.data)]
        if results := self._results():
            known["model-index"] = [{"name": self.name, "results": [results]}]
        return known

    def _results(self) -> dict[str, Any]:
        """Scores of all images against held-out ones, which alone say something of the model."""
        from zoo.report.numbers import comparable, label, part_of, split_name

        metrics = [
            {
                "type": metric["name"],
                "value": metric["value"],
                "name": label(metric),
                "args": {key: metric.get(key) for key in ("n_real", "n_fake", "floor", "interval")}
                | {"m": comparable(metric).get("m"), "reals": comparable(metric).get("reals")},
            }
            for metric in self.evaluation.get("metrics") or []
            if not part_of(metric["name"])
            and not split_name(metric["name"])[2]
            and metric.get("value") is not None
            and comparable(metric)
        ]
        if not (metrics and self.data):
            return {}
        fingerprint = (self.manifest.get("dataset") or {}).get("fingerprint")
        return {
            "task": {"type": "unconditional-image-generation"},
            "dataset": {
                "type": hub_name(self.data),
                "name": self.data,
                "split": "held-out",
                "args": {"fingerprint": fingerprint},
            },
            "metrics": metrics,
        }

    def _body(self) -> str:
        from zoo.report.environment import environment

        text = resources.files(__package__).joinpath("card.md").read_text(encoding="utf-8")
        head, mark, rest = self.body.partition("\n## ")
        dataset = self.manifest.get("dataset") or {}
        shown = environment(html_page=False).from_string(text)
        return shown.render(
            head=Markup(head.strip()),
            rest=Markup((mark + rest).strip() + "\n"),
            warnings=self.warnings,
            pictures=self.pictures,
            real=self.real,
            short="NUMBER",
            model=_shown(self.model),
            images=_shown(self.images),
            method=self._method(),
            paper=self.generator.get("paper"),
            terms=TERMS.format(model=_shown(self.model), why=self._why()),
            accepted=self.accepted,
            homepage=dataset.get("homepage"),
            citation=dataset.get("citation"),
            **_code(self.network),
        )

    def _why(self) -> str:
        if self.model == self.images:
            return SAME
        return FREED if self.images.name in FREE else CHOSEN

    def _method(self) -> str:
        stated = self.generator.get("licence") or "licence not stated"
        return f"{self.generator['name']} of the package {self.generator['package']}, {stated}"


def hub_name(data: str) -> str:
    """A dataset's name in front matter: without `/`, for `a/b` would be somebody's repository."""
    return "-".join(data.replace(":", "/").split("/"))


def _shown(licence: Licence) -> str:
    return "not stated" if licence.name == UNKNOWN else licence.name


def _code(network: Network) -> dict[str, Any]:
    """How plain Keras is fed."""
    lines = []
    for name, shape, dtype in network.inputs:
        size = ", ".join(map(str, [16, *shape]))
        drawn = f'rng.standard_normal(({size},)).astype("{dtype}")'
        zeros = f'np.zeros(({size},), "{dtype}")'
        lines.append(Markup(f'    "{name}": {zeros if dtype.startswith("int") else drawn},'))
    modules = ", ".join(f"`{module}`" for module in network.modules)
    own = f"Some layers are of {modules}, which has to be installed; then plain Keras loads it:"
    single = len(network.inputs) == 1
    return {
        "layers": own if modules else "Plain Keras loads it without zoo:",
        "imports": Markup("".join(f"import {module}\n" for module in network.modules)),
        "fed": lines,
        "argument": Markup(f'fed["{network.inputs[0][0]}"]' if single else "fed"),
    }
