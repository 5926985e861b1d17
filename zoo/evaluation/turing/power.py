"""How many images and readers an equivalence test needs, from simulated studies."""

READERS = (1, 2, 3, 5, 8)
POWER = {
    40: (0, 2, 20, 53, 86),
    100: (24, 50, 63, 95, 100),
    200: (77, 68, 87, 100, 100),
    400: (98, 71, 98, 100, 100),
}
"""Images, half of them real, to the percentage of studies of so many `READERS`, all of whom only
guess, that are found equivalent to guessing within ± 10 points; docs/readers.md says how."""


def hint(n: int) -> str:
    """What a study of n images of each kind can show, in one or two sentences.

    Args:
        n: Images of each kind.
    """
    row = max((images for images in POWER if images <= 2 * n), default=None)
    if row is None:
        return (
            f"{2 * n} images are too few for an equivalence test: with 40 and one reader who only "
            "guesses, none of 1,000 simulated studies finds guessing."
        )
    shares = ", ".join(
        f"{share} % with {readers} reader{'' if readers == 1 else 's'}"
        for readers, share in zip(READERS, POWER[row], strict=True)
    )
    return (
        f"With {row} images (half of them real) and readers who only guess, studies find that they "
        f"guess, within ± 10 points, in {shares}."
    )
