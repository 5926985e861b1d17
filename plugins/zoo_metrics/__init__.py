"""The feature network and the metrics that zoo computes by itself."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_extractors() -> Iterator[zoo.Extractor]:
    """Keras' InceptionV3, the published FID's, and both with clean-fid's resize."""
    yield zoo.Extractor(
        "inception-v3",
        "zoo.metrics.inception:InceptionExtractor",
        "Keras' InceptionV3 trained on ImageNet: 2048, 1280 (mixed8) or 768 (mixed7) features",
        paper="arXiv:1512.00567",
        licence="Apache-2.0",
        suffix="keras",
    )
    yield zoo.Extractor(
        "inception-v3-clean",
        "zoo.metrics.inception:clean",
        "inception-v3 on images resized as by clean-fid",
        paper="arXiv:2104.11222",
        licence="Apache-2.0",
        suffix="keras_clean",
    )
    yield zoo.Extractor(
        "inception-2015",
        "zoo.metrics.published:PublishedInception",
        "The published FID's InceptionV3 of 2015-12-05: 2048 features",
        paper="arXiv:1706.08500",
        licence="Apache-2.0",
    )
    yield zoo.Extractor(
        "inception-2015-clean",
        "zoo.metrics.published:clean",
        "inception-2015 on images resized as by clean-fid",
        paper="arXiv:2104.11222",
        licence="Apache-2.0",
        suffix="clean",
    )


@zoo.hookimpl
def zoo_metrics() -> Iterator[zoo.Metric]:
    """Distances first, then neighbour metrics, then what looks at images one by one or in pairs."""
    yield zoo.Metric(
        "fid",
        "zoo.metrics.frechet:fid",
        "Fréchet distance of features, named after the network: fid, fid_keras, fid_mixed8",
        paper="arXiv:1706.08500",
        licence="MIT",
        needs="features",
        suffixed=True,
    )
    yield zoo.Metric(
        "kid",
        "zoo.metrics.kernel:kid",
        "Kernel distance of features, unbiased, named after the network",
        paper="arXiv:1801.01401",
        licence="MIT",
        needs="features",
        suffixed=True,
    )
    yield zoo.Metric(
        "swd",
        "zoo.metrics.swd:swd",
        "Sliced Wasserstein distance of Laplacian-pyramid patches; needs no weights",
        paper="arXiv:1710.10196",
        licence="MIT",
    )
    yield zoo.Metric(
        "spectrum",
        "zoo.metrics.spectrum:spectrum",
        "RMS difference of azimuthally averaged log power spectra, dB",
        paper="arXiv:2003.01826",
        licence="MIT",
    )
    yield from _neighbour_metrics()
    yield from _object_statistics()
    yield zoo.Metric(
        "ms_ssim_diversity",
        "zoo.metrics.diversity:ms_ssim_diversity",
        "Mean MS-SSIM of 500 random pairs within a class; above the reals' means collapse",
        paper="arXiv:1610.09585",
        licence="MIT",
        better="neither",
    )
    yield from _metrics_on_request()


def _neighbour_metrics() -> Iterator[zoo.Metric]:
    for name, summary, paper in (
        ("density", "Real images' balls around a generated image, over k", "arXiv:2002.09797"),
        ("coverage", "Share of real images with a generated one near", "arXiv:2002.09797"),
        ("precision", "Share of generated images among the real ones", "arXiv:1904.06991"),
        ("recall", "Share of real images among the generated ones", "arXiv:1904.06991"),
    ):
        yield zoo.Metric(
            name,
            f"zoo.metrics.prdc:{name}",
            summary,
            paper=paper,
            licence="MIT",
            needs="features",
            better="higher",
        )


def _object_statistics() -> Iterator[zoo.Metric]:
    for name, what in (
        ("count", "objects in an image"),
        ("area", "mean area of an image's objects"),
        ("intensity", "mean intensity of an image's objects over the background"),
    ):
        yield zoo.Metric(
            f"object_{name}",
            f"zoo.metrics.objects:object_{name}",
            f"Wasserstein distance of the {what}, by Otsu's threshold",
            paper="doi:10.1109/TSMC.1979.4310076",
            licence="MIT",
        )


def _metrics_on_request() -> Iterator[zoo.Metric]:
    yield zoo.Metric(
        "fid_infinity",
        "zoo.metrics.frechet:fid_infinity",
        "FID extrapolated to infinitely many generated images; from 5,000 of them",
        paper="arXiv:1911.07023",
        licence="MIT",
        needs="features",
        suffixed=True,
        default=False,
    )
    yield zoo.Metric(
        "inception_score",
        "zoo.metrics.logits:score",
        "Inception Score, of a network with class logits; compares with nothing real",
        paper="arXiv:1606.03498",
        licence="MIT",
        needs="logits",
        better="higher",
        suffixed=True,
        default=False,
    )
    ssim = "doi:10.1109/TIP.2003.819861"
    for name, summary, better, paper in (
        ("nn_ssim", "Mean largest SSIM to a real image: memorisation, no quality", "neither", ssim),
        ("paired_ssim", "SSIM of true pairs, told by equal ids", "higher", ssim),
        ("paired_psnr", "PSNR of true pairs in dB, told by equal ids", "higher", ""),
    ):
        yield zoo.Metric(
            name,
            f"zoo.metrics.similarity:{name}",
            summary,
            paper=paper,
            licence="MIT",
            better=better,
            default=False,
        )
