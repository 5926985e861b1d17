"""Whether what is compressed inside another file has lost detail."""

JPEG_2000 = (33003, 33004, 33005, 34712)
WEBP = 50001
# JPEG old and new, DNG's and NDPI's; JPEG 2000; JPEG XR and XL; WebP. Some of these can be
# lossless, which only JPEG 2000 and WebP tell in a place that is easily found.
LOSSY_IN_TIFF = (6, 7, 33007, 34892, *JPEG_2000, 22610, 34934, 50002, 52546, WEBP)
CODING_STYLE = b"\xff\x52"  # JPEG 2000's COD marker
TRANSFORM = 13  # bytes from it to the wavelet: 0 is the irreversible one


def lossy_codestream(data: bytes, compression: int) -> bool:
    """Whether a tile or strip is compressed with loss.

    Args:
        data: The tile's bytes.
        compression: TIFF's number for how it is compressed, one of `LOSSY_IN_TIFF`.
    """
    if compression in JPEG_2000:
        return irreversible(data)
    return compression != WEBP or b"VP8L" not in data[:64]


def irreversible(codestream: bytes) -> bool:
    """Whether a JPEG 2000 codestream uses the wavelet that loses detail (ISO 15444-1, A.6.1)."""
    at = codestream.find(CODING_STYLE) + TRANSFORM
    return at < TRANSFORM or at >= len(codestream) or codestream[at] == 0
