"""The page of a reader study: one file, no network, and nothing that tells which image is what."""

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from zoo.data import ImageSet
from zoo.errors import ZooError, expected_form
from zoo.evaluation.turing.study import FORMAT, KEY, SCALE, Study
from zoo.report.environment import environment, script
from zoo.runs.pictures import encode_png, enlarged
from zoo.turing import LARGEST

OPENING = b'<script type="application/json" id="study">'


@dataclass(frozen=True)
class Pictures:
    """The images of a study as its page holds them.

    Attributes:
        png: By item the content of a PNG file.
        width: Of an image, in pixels.
        height: The same.
        largest: Longer side of an image on the screen at most, in CSS pixels.
    """

    png: Mapping[str, bytes]
    width: int
    height: int
    largest: int

    def shown(self, item: str, room: int = LARGEST) -> tuple[bytes, int]:
        """An image enlarged as on the page, without smoothing, and the width that it needs.

        Args:
            item: Its id.
            room: Longer side on the screen at most, in CSS pixels.
        """
        most = min(room, self.largest)
        pixels = np.asarray(Image.open(io.BytesIO(self.png[item])))
        image = pixels[..., None] if pixels.ndim == 2 else pixels
        png = encode_png(enlarged(image[None], most)[0])
        longest = max(self.width, self.height)
        factor = max(1, most // longest) if longest <= most else most / longest
        return png, round(self.width * factor)


def read_page(path: Path, study: Study) -> Pictures:
    """The images of a study from its page.

    Raises:
        zoo.errors.ZooError: If it is missing, or is not the page that was made with the key.
    """
    try:
        page = path.read_bytes()
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    if hashlib.sha256(page).hexdigest() != study.page_sha256:
        raise ZooError(f"{path} is not the page that was made with {KEY}, or it was changed")
    with expected_form(path):  # the key may come from where the page does
        start = page.index(OPENING) + len(OPENING)
        held = json.loads(page[start : page.index(b"</script>", start)])
        png = {item["id"]: base64.b64decode(item["png"]) for item in held["items"]}
        return Pictures(png, *(int(held[side]) for side in ("width", "height", "largest")))


def study_page(study: Study, pictures: Mapping[str, bytes], images: ImageSet, *, size: int) -> str:
    """The page as HTML.

    Args:
        study: Of its key only the id is on the page.
        pictures: By item the content of a PNG file, in the order of the items.
        images: Says what the images are of, and their size.
        size: Longer side of an image at most, in CSS pixels.
    """
    height, width = images.shape[1:3]
    content = {
        "format": FORMAT,
        "id": study.id,
        "width": width,
        "height": height,
        "largest": size,
        "items": [
            {"id": name, "png": base64.b64encode(picture).decode()}
            for name, picture in pictures.items()
        ],
    }
    code, digest = script("study.js")
    return (
        environment(html_page=True)
        .get_template("study.html")
        .render(
            content=Markup(json.dumps(content).replace("<", "\\u003c")),
            script=code,
            script_hash=digest,
            data=images.name,
            total=len(pictures),
            scale=range(SCALE[0], SCALE[1] + 1),
        )
    )
