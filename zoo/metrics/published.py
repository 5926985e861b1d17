"""Features of the published FID's network, the InceptionV3 of 2015-12-05."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError
from zoo.metrics.fid_network import LOGITS, build, set_weights
from zoo.metrics.network import BATCH_SIZE, ImageNetwork
from zoo.metrics.published_weights import find_published, read
from zoo.metrics.resizing import find_resize

DEFAULT_RESIZE = "legacy"


class PublishedInception(ImageNetwork):
    """The 2048 pooled activations that the published FID and KID compare.

    uint8 images, grey ones replicated to three channels, resized to 299×299 as TensorFlow 1 did,
    scaled as (x − 128)/128, in float32 whatever the global precision. With the published weights
    and the legacy resize the suffix is empty: scores are called `fid` and `kid` and are comparable
    with the literature's at the same images. Otherwise the suffix says what differs.

    Args:
        weights: A file that `zoo weights convert` made; by default the one in zoo's home.
        layer: `None`; only the pooled features were published.
        resize: `legacy`, or `clean` as clean-fid does.
        batch_size: Images in a batch; the last batch is filled up and cut.

    Raises:
        zoo.errors.NotComputed: If no weights are in place; says which commands get them.
        zoo.errors.UsageError: If a layer or an unknown resize is named, or the file is missing.
        zoo.errors.ZooError: If the file is damaged or holds other weights.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        layer: str | None = None,
        *,
        resize: str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if layer not in (None, "pool_3"):
            raise UsageError(f"the 2015 InceptionV3 is not cut at {layer}: it has pool_3 only")
        chosen = find_resize(resize or DEFAULT_RESIZE)
        held = read(find_published(None if weights is None else Path(weights)))
        network = build()
        set_weights(network, held.arrays)
        super().__init__(network, chosen, lambda x: (x - 128.0) / 128.0, batch_size=batch_size)
        self._classes = held.arrays[LOGITS]
        names = ("" if held.published else "unpublished", resize or DEFAULT_RESIZE)
        self.suffix = "_".join(name for name in names if name not in ("", DEFAULT_RESIZE))
        self.facts: Mapping[str, Any] = {
            "extractor": "InceptionV3 of 2015-12-05",
            "weights_sha256": held.sha256,
            "layer": "pool_3",
            "dimension": self.dimension,
            "resize": chosen.stated,
            "scaling": "(x - 128)/128",
            "grey": "replicated to three channels",
            "precision": "float32",
        }

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Class logits (n, 1008) without their biases, as the published Inception Score takes."""
        return np.asarray(self(images) @ self._classes)


clean = partial(PublishedInception, resize="clean")
