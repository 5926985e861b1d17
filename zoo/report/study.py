"""The page of a reader study: one file, no network, and nothing that tells which image is what."""

import base64
import json
from collections.abc import Mapping

from markupsafe import Markup

from zoo.data import ImageSet
from zoo.evaluation.turing.study import FORMAT, SCALE, Study
from zoo.report.environment import environment, script


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
