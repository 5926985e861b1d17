"""What a licence of training images lets one publish. A gate against slips, and no legal advice.

Whether weights are a derivative of the images that they were trained on is not settled, so that a
model is published under no wider terms than its images unless these set no conditions.
"""

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import UsageError, ZooError

UNKNOWN = "unknown"

# SPDX identifier to the one that Hugging Face's model cards have for it.
HUB = {
    **{name: name.lower() for name in ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause")},
    **{name: name.lower() for name in ("CC0-1.0", "Unlicense", "CDLA-Sharing-1.0")},
    **{name: name.lower() for name in ("CDLA-Permissive-1.0", "CDLA-Permissive-2.0")},
    **{f"CC-BY-{version}": f"cc-by-{version}" for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-{version}": f"cc-by-nc-{version}" for version in ("2.0", "3.0", "4.0")},
    **{f"CC-BY-NC-SA-{version}": f"cc-by-nc-sa-{version}" for version in ("2.0", "3.0", "4.0")},
    **{f"CC-BY-SA-{version}": f"cc-by-sa-{version}" for version in ("3.0", "4.0")},
    **{f"CC-BY-NC-ND-{version}": f"cc-by-nc-nd-{version}" for version in ("3.0", "4.0")},
    **{"CC-BY-ND-4.0": "cc-by-nd-4.0", "PDDL-1.0": "pddl", "ODbL-1.0": "odbl"},
    **{"ODC-By-1.0": "odc-by", "GPL-3.0-only": "gpl-3.0", "GPL-3.0-or-later": "gpl-3.0"},
}
FREE = ("CC0-1.0", "PDDL-1.0", "Unlicense")
SHARE_ALIKE = re.compile(r"CC-BY(-NC)?-SA-.*|ODbL-.*|GPL-.*|CDLA-Sharing-.*")
CREATIVE = re.compile(r"CC-BY(-NC)?(-SA|-ND)?-\d\.\d(-[A-Z]{2,3})?")
# What zoo's adapters say where only the owner of the images could say more.
UNSTATED = re.compile(r"(as (stated by|TFDS states).*|unknown|none|-|)", re.IGNORECASE)


@dataclass(frozen=True)
class Licence:
    """Terms of images or of a model.

    Attributes:
        name: SPDX identifier where it is known, else the owner's words, or `unknown`.
        known: Whether it is a licence whose terms are told by its name.
    """

    name: str
    known: bool

    @classmethod
    def of(cls, text: Any) -> "Licence":
        """The licence that a text names."""
        words = " ".join(str(text or "").split())
        if UNSTATED.fullmatch(words):
            return cls(UNKNOWN, False)
        spelt = words.replace(" ", "-")
        for name in HUB:
            if spelt.lower() == name.lower():
                return cls(name, True)
        if CREATIVE.fullmatch(spelt.upper()):
            return cls(spelt.upper(), True)
        return cls(words, False)

    @property
    def noncommercial(self) -> bool:
        """Whether its name says that it allows no commercial use."""
        return self.known and "-NC-" in self.name

    @property
    def unchanged(self) -> bool:
        """Whether its name says that it allows no changed versions."""
        return self.known and "-ND-" in self.name

    @property
    def concern(self) -> str:
        """Why images under it need a decision before a model of them is published; or nothing."""
        if self.name == UNKNOWN:
            return "their licence is not stated"
        if not self.known:
            return f"their licence is “{self.name}”, terms that zoo does not know"
        limits = {"commercial use": self.noncommercial, "changed versions": self.unchanged}
        denied = [what for what, holds in limits.items() if holds]
        return f"{self.name} allows no {' and no '.join(denied)}" if denied else ""

    @property
    def lets_share_images(self) -> bool:
        """Whether cut or scaled images may be passed on, at least without charge."""
        return self.known and not self.unchanged


def check_accepted(images: Licence, data: str, accepted: str | None) -> str | None:
    """Whether a model of images may be published.

    Args:
        images: Their licence.
        data: Name of the dataset.
        accepted: The licence that the publisher has typed, if any.

    Returns:
        The licence that was accepted, where one had to be.

    Raises:
        zoo.errors.ZooError: If it has to be accepted and was not.
        zoo.errors.UsageError: If another one was typed.
    """
    if accepted is not None and Licence.of(accepted) != images:
        raise UsageError(
            f"--accept-licence {shlex.quote(accepted)} is not the licence of {data}: "
            f"that is {shlex.quote(images.name)}"
        )
    if not images.concern:
        return None
    if accepted is None:
        raise ZooError(
            f"{data}: of the training images, {images.concern}; if you may publish a model of "
            f"them, add --accept-licence {shlex.quote(images.name)}"
        )
    return images.name


def licence_of_model(images: Licence, data: str, asked: str | None) -> Licence:
    """The licence to publish a model under: that of its images, or one that suits them.

    Raises:
        zoo.errors.UsageError: If zoo does not know the licence that is asked for, or the images'
            does not allow it.
    """
    if asked is None:
        return images
    chosen = Licence.of(asked)
    if chosen == images:
        return images
    if not chosen.known:
        close = difflib.get_close_matches(asked, HUB, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"--licence {shlex.quote(asked)} is none of {', '.join(HUB)}{hint}")
    if reason := _conflict(images, chosen):
        raise UsageError(f"--licence {chosen.name} does not suit {data}: {reason}")
    return chosen


def _conflict(images: Licence, chosen: Licence) -> str:
    if images.name == UNKNOWN or images.name in FREE:
        return ""
    if not images.known:
        return f"its images have terms of their own, “{images.name}”, that the model keeps"
    if SHARE_ALIKE.fullmatch(images.name):
        return f"{images.name} asks for the same licence"
    if images.noncommercial and not chosen.noncommercial:
        return f"{images.name} allows no commercial use, {chosen.name} does"
    if images.unchanged and not chosen.unchanged:
        return f"{images.name} allows no changed versions, {chosen.name} does"
    if chosen.name in FREE:
        return f"{images.name} asks for the owner to be named, {chosen.name} does not"
    return ""


def card_fields(licence: Licence, homepage: str | None) -> Mapping[str, str]:
    """The keys of a model card's front matter that state a licence."""
    if licence.name == UNKNOWN:
        return {"license": "unknown"}
    if licence.name in HUB:
        return {"license": HUB[licence.name]}
    slug = re.sub(r"[^a-z0-9.]+", "-", licence.name.lower()).strip("-.")[:60]
    link = homepage or "README.md#licence"
    return {"license": "other", "license_name": slug, "license_link": link}
