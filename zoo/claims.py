"""What a generated text may say: the sentences it must have, and the claims it must not make.

Distances and attacks can show that a generator copies, and never that it does not ("The DCR
Delusion", arXiv:2505.01524); a detector that finds nothing proves nothing about others; a score
holds for its data and protocol. So no text of zoo says more than was measured.
"""

import re

NOTICE = "Research software, not for clinical use."
USE = "research only, not for clinical use"
NO_COPYING = "no copying detected at these thresholds"
"""The strongest sentence about memorisation that any text may have."""
DISTANCES_PROVE_NOTHING = (
    "Distance tests alone prove nothing: images that pass them can still give training images away "
    "(arXiv:2505.01524). What they find is to be looked at."
)
READERS_DO_NOT_SEE = (
    "A reader study does not see mode collapse: a generator that makes one good image over and "
    "over passes it. It holds for these images, at the size at which they were shown."
)
NO_PRIVACY_CLAIM = (
    "No claim is made that the images are anonymous or keep anybody’s privacy; distances to "
    "training images cannot prove it."
)
NO_DIAGNOSIS = "Nothing here supports a diagnosis."

REQUIRED = re.compile(r"not\s+for\s+clinical\s+use", re.IGNORECASE)

# Sentences that name a claim in order to deny it, or a name that only sounds like one.
DENIALS = (
    NO_PRIVACY_CLAIM,
    NO_DIAGNOSIS,
    "Looking different here does not prove that nothing was memorised.",
    "Not meant for diagnosis, treatment, or as a stand-in for real images in a validation of a "
    "medical product.",
)

FORBIDDEN = {
    "better than published work": (
        r"\b(?:better|stronger|superior|lower fid|higher accuracy)\b[^.]{0,40}\bthan\b[^.]{0,60}"
        r"\b(?:paper|published|literature|state of the art|\d{4}\)|arxiv)"
        r"|\b(?:outperform|surpass|beat)(?:s|ed|ing)?\b[^.]{0,60}"
        r"\b(?:paper|published|literature|state of the art|arxiv)"
        r"|\bstate[- ]of[- ]the[- ]art (?:quality|result|performance|fid)"
    ),
    "as good as real": (
        r"\b(?:as good as|equivalent to|indistinguishable from|identical to)\s+(?:the\s+)?real\b"
        r"|\bindistinguishable\b|\bphoto-?realistic\b"
    ),
    "undetectable": r"\bundetectable\b|\b(?:cannot|can not|can't) be detected\b",
    "private or anonymous": (
        r"\bprivacy[- ](?:preserv|conserv|protect|safe|secur|friendly|compliant)\w*"
        r"|\b(?:preserv|protect|conserv|guarantee)\w*\s+(?:\w+\s+){0,2}privacy\b"
        r"|\banonym(?:ous|i[sz]ed|i[sz]es|ity)\b|\bde-?identified\b"
        r"|\b(?:hipaa|gdpr)\b|\bshows? no patient\b|\bno (?:real )?patient data\b"
    ),
    "free of copies": (
        r"\b(?:no|free of|free from)\s+(?:any\s+)?(?:copying|copies|memori[sz]ation)\b"
        r"|\b(?:does|do|did|has|have)(?: not|n't)\s+(?:copy|copied|memori[sz]ed?)\b"
        r"|\bnothing (?:is|was) (?:copied|memori[sz]ed)\b"
    ),
    "diagnostic": (
        r"\b(?:clinical(?:ly)?|diagnostic(?:ally)?)[- ](?:valid|validated|approved|useful|grade|"
        r"ready|reliable|safe|quality|accura\w+)\b|\b(?:fit|safe|suitable|ready|approved) for "
        r"(?:clinical|diagnos\w+|medical|patient)\b|\bdiagnos(?:es|ed|ing|is|tic)\b"
    ),
}
_PATTERNS = {claim: re.compile(pattern, re.IGNORECASE) for claim, pattern in FORBIDDEN.items()}


def forbidden(text: str) -> list[str]:
    """The claims that a text makes and must not make, each as `claim: words`.

    Sentences of `DENIALS`, and `NO_COPYING` word for word, are taken out first.

    Args:
        text: Plain text, Markdown or HTML; line breaks count as spaces.
    """
    shown = " ".join(text.split())
    for allowed in (*DENIALS, NO_COPYING):
        shown = re.sub(re.escape(allowed), " … ", shown, flags=re.IGNORECASE)
    return [
        f"{claim}: {found[0]}"
        for claim, pattern in _PATTERNS.items()
        for found in pattern.finditer(shown)
    ]


def has_notice(text: str) -> bool:
    """Whether a text says that it is not for clinical use."""
    return REQUIRED.search(text) is not None
