"""What a reader of a dataset's report should know first, in plain words with the numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.data.imageset import HELD_OUT, PARTS
from zoo.data.matching import UNKNOWN
from zoo.data.splits import MIN_GROUPS
from zoo.evaluation.trial import shortage
from zoo.gan.monitors import Verdict
from zoo.report.numbers import count, figure, percent
from zoo.report.outliers import FAR
from zoo.report.tables import lossy

CLIPPED = 0.01
UNBALANCED = 10

Facts = Mapping[str, Any]


def findings(facts: Facts) -> list[Verdict]:
    """What there is, then what is wrong or doubtful, the worst first.

    Args:
        facts: What `zoo.report.dataset_facts.facts` returned.
    """
    parts = (_size, _copies, _classes, _compression, _quality, _values, _splits, _left, _origin)
    found = [verdict for part in parts for verdict in part(facts)]
    found.sort(key=lambda verdict: verdict.level != "bad")
    if not found:
        text = "No duplicates, outliers, imbalance or other doubt of those that are looked for."
        found = [Verdict("fine", "Nothing doubtful seen", text)]
    return [_what(facts), *found]


def _what(facts: Facts) -> Verdict:
    _, height, width, channels = facts["shape"]
    classes = f" in {len(facts['classes'])} classes" if facts["classes"] else ""
    splits = facts["provenance"]["splits"]
    held_out = sum(splits[part]["images"] for part in HELD_OUT)
    by_part = ", ".join(f"{count(splits[part]['groups'])} {part}" for part in PARTS)
    text = (
        f"They give {count(facts['shape'][0])} images of {width} × {height} pixels and "
        f"{_number(channels, 'channel')}: {count(facts['training_images'])} to train on, "
        f"{count(held_out)} held out. {_number(facts['groups']['number'], 'group')}: {by_part}."
    )
    return Verdict("fact", f"{_number(facts['used'], 'source image')}{classes}", text)


def _size(facts: Facts) -> Iterator[Verdict]:
    n, least = facts["training_images"], facts["least_training_images"]
    if n < least:
        text = f"{_number(n, 'image')} to train on; at least {least} are needed."
        yield Verdict("bad", "Too few training images", text)
    if reason := facts["provenance"].get("no_held_out"):
        text = f"{reason[:1].upper()}{reason[1:]}."
        yield Verdict("bad", f"Fewer than {MIN_GROUPS} groups", text)
    elif lacking := shortage(facts["provenance"]["splits"]):
        text = f"{lacking[:1].upper()}{lacking[1:]}."
        yield Verdict("note", "Detectors will not be measured", text)


def _copies(facts: Facts) -> Iterator[Verdict]:
    found = facts["duplicates"]
    exact, near = found["exact_copies"], found["near_pairs"]
    if not exact and not near:
        return
    if different := found["pairs_of_different_classes"]:
        text = f"{_number(different, 'pair')} of copies. At least one label of each is wrong."
        yield Verdict("bad", "The same picture in two classes", text)
    text = (
        f"{_number(exact, 'exact copy', 'exact copies')}, {_number(near, 'pair')} of near "
        f"duplicates. Their groups are joined, so that no copy is both trained on and held out. "
    )
    if in_use := found["pairs_in_use"]:
        text += f"{_number(in_use, 'pair')} in use: `--curate unique,distinct` keeps one of each."
    else:
        text += "All but one of each are left out."
    yield Verdict("note", "Duplicates", text)


def _classes(facts: Facts) -> Iterator[Verdict]:
    classes = facts["classes"]
    if alone := [each["name"] for each in classes if each["source_images"] == 1]:
        text = f"{', '.join(alone)}: such an image cannot be both trained on and held out."
        yield Verdict("bad", "Classes of one image", text)
    sizes = {each["name"]: each["images"]["train"] for each in classes}
    if empty := [name for name, size in sizes.items() if not size]:
        yield Verdict("bad", "Classes without a training image", f"{', '.join(empty)}.")
    filled = {name: size for name, size in sizes.items() if size}
    if len(filled) < 2:
        return
    rare, common = min(filled, key=filled.__getitem__), max(filled, key=filled.__getitem__)
    if filled[common] > UNBALANCED * filled[rare]:
        text = (
            f"{count(filled[common])} training images of {common}, {count(filled[rare])} of "
            f"{rare}. `--curate balance` cuts all classes to the rarest."
        )
        yield Verdict("note", "Unbalanced classes", text)


def _compression(facts: Facts) -> Iterator[Verdict]:
    found = facts["encodings"]
    if found and 0 < found["lossy"] < found["images"]:
        yield _mixed(found)
    elif text := lossy(facts["provenance"]):
        yield Verdict("note", "Lossy images", text)


def _mixed(found: Facts) -> Verdict:
    rows = {name: row for name, row in found["by_class"].items() if row["images"]}
    text = f"{count(found['lossy'])} of {count(found['images'])} images are lossy"
    if len(rows) > 1 and all(row["lossy"] in (0, row["images"]) for row in rows.values()):
        names = ", ".join(name for name, row in rows.items() if row["lossy"])
        text += f", exactly by class (lossy: {names}): compression tells the classes apart."
        return Verdict("bad", "Lossy and lossless images mixed by class", text)
    shares = (f"{name} {row['lossy']} of {row['images']}" for name, row in rows.items())
    text += f"; by class: {', '.join(shares)}." if len(rows) > 1 else "."
    return Verdict("note", "Lossy and lossless images are mixed", text)


def _quality(facts: Facts) -> Iterator[Verdict]:
    counts = facts["counts"]
    named = [
        f"{count(counts[kind])} {word}"
        for kind, word in (("blank", "blank"), ("saturated", "saturated"), ("blurred", "blurred"))
        if counts[kind]
    ]
    if named:
        text = f"{', '.join(named)}, as `--curate artefacts,focus` judges them."
        yield Verdict("note", "Blank, saturated or blurred images", text)
    if far := counts["far"]:
        first = facts["outliers"]["far"][0]
        text = (
            f"{_number(far, 'image')} ({percent(far / facts['used'])}) beyond {FAR:g} robust "
            f"standard deviations (sd). The farthest is {first['id']}: {first['said']}."
        )
        yield Verdict("note", "Images far from the others", text)


def _values(facts: Facts) -> Iterator[Verdict]:
    mapping = facts["provenance"]["intensity"]
    if (share := mapping.get("clipped_share_of_training_pixels", 0.0)) > CLIPPED:
        text = (
            f"{percent(share)} of the training pixels lie outside {figure(min(mapping['low']))} "
            f"to {figure(max(mapping['high']))}, and are clipped."
        )
        yield Verdict("note", "Clipped intensities", text)
    for caution in facts["cautions"]:
        yield Verdict("note", "Lost in curation", f"{caution}.")


def _splits(facts: Facts) -> Iterator[Verdict]:
    if torn := facts["provenance"].get("groups_torn_by_official_split"):
        text = (
            f"{_number(torn, 'group')} with images on both sides, so that numbers on the official "
            "test images flatter; here all images of such a group train."
        )
        yield Verdict("note", "The official split tears groups apart", text)


def _left(facts: Facts) -> Iterator[Verdict]:
    if rejected := len(facts["provenance"]["rejected"]):
        text = "Each is named below with its reason."
        yield Verdict("note", f"{_number(rejected, 'file')} set aside", text)
    if reasons := facts["provenance"].get("left_out"):
        left = facts["left_out"]["number"]
        text = f"By curation or lists, for {_number(len(reasons), 'reason')}, named below."
        yield Verdict("fact", f"{_number(left, 'source image')} left out", text)


def _origin(facts: Facts) -> Iterator[Verdict]:
    known = facts["provenance"]
    if not known.get("verified_on_official_archive", True):
        text = "How it is read has never been tried on the official files."
        yield Verdict("note", "Unverified", text)
    if [each for each in known.get("archives") or () if each["copy"] == UNKNOWN]:
        text = "The hash of an archive is none of those known: it may differ from the published."
        yield Verdict("note", "Unknown archive", text)
    if not known.get("licence"):
        yield Verdict("note", "No licence stated", "Ask the owner before you share images.")


def _number(n: int, one: str, many: str = "") -> str:
    return f"{count(n)} {one if n == 1 else many or f'{one}s'}"
