"""What is wrong with a zoo: duplicates, contradictions, scales, averages, names; what stays unknown is counted.

A finding that stands in the publications themselves is listed in the file under `known` with a reason. A listed finding
that no longer exists is itself an error, so the list may only shrink.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.languages import languages
from xstilts_eval.zoo.manifest import AVERAGE, Record, Zoo

_FLORES = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}(-[a-z]{3}_[A-Z][a-z]{3})?")
_LISTED = 3
"""So many values, all of them at most 1, and a table in percent is taken to be in fractions."""


@dataclass(frozen=True)
class Finding:
    """`subject` says what it is about in words that stay the same while the number changes; `detail` gives numbers."""

    check: str
    subject: str
    detail: str

    @property
    def name(self) -> str:
        """What a `known` entry quotes."""
        return f"{self.check}: {self.subject}"


@dataclass(frozen=True)
class Verdict:
    """Errors, findings of the publications with their reasons, and counts."""

    errors: tuple[Finding, ...]
    known: tuple[tuple[Finding, str], ...]
    counts: Mapping[str, int]


def check(zoo: Zoo) -> Verdict:
    """Run every check."""
    found = [finding for one in CHECKS for finding in one(zoo)]
    reasons = {known.finding: known.reason for known in zoo.known}
    left = [
        Finding("known", name, "is listed as known but no longer found; take it off the list")
        for name in reasons
        if name not in {finding.name for finding in found}
    ]
    twice = [
        Finding("known", name, "is listed twice")
        for name, times in Counter(known.finding for known in zoo.known).items()
        if times > 1
    ]
    errors = [finding for finding in found if finding.name not in reasons]
    known = tuple((finding, reasons[finding.name]) for finding in found if finding.name in reasons)
    return Verdict((*errors, *left, *twice), known, counts(zoo))


def counts(zoo: Zoo) -> dict[str, int]:
    """How much there is, and how much of it is not known."""
    models = list(zoo.models.values())
    confidence = Counter(record.confidence for record in zoo.records)
    return {
        "models": len(models),
        "sources": len(zoo.sources),
        "records": len(zoo.records),
        "seen": confidence["seen"],
        "secondary": confidence["secondary"],
        "recalled": confidence["recalled"],
        "derived": sum(record.derived for record in zoo.records),
        "comparable with a dataset": sum(record.family != "none" for record in zoo.records),
        "with a tolerance": sum(record.tolerance is not None for record in zoo.records),
        "with n or a standard error": sum((record.n or record.stderr) is not None for record in zoo.records),
        "models whose revision is unknown": sum(model.revision == "unknown" for model in models),
        "models whose licence is unknown": sum(model.licence == "unknown" for model in models),
        "models whose size is unknown": sum(model.parameters == "unknown" for model in models),
    }


def duplicates(zoo: Zoo) -> Iterator[Finding]:
    """Two rows of one source that say the same."""
    for records in _by(zoo.records, lambda record: (*record.key, record.source)).values():
        if len(records) > 1 and len({record.value for record in records}) == 1:
            yield Finding("duplicate", _subject(records[0]), f"{records[0].source} gives {records[0].value} twice")


def contradictions(zoo: Zoo) -> Iterator[Finding]:
    """Two rows with one key and values that differ by more than the rounding of the coarser one."""
    for records in _by(zoo.records, lambda record: record.key).values():
        low, high = min(records, key=lambda r: r.percent), max(records, key=lambda r: r.percent)
        if high.percent - low.percent > max(low.half_digit, high.half_digit) + 1e-9:
            said = "; ".join(f"{record.source} ({record.confidence}) {record.value}" for record in records)
            yield Finding("contradiction", _subject(low), said)


def scales(zoo: Zoo) -> Iterator[Finding]:
    """Fractions above 1, percentages above 100, anything below 0, and percentages that look like fractions."""
    for record in zoo.records:
        top = 1.0 if record.scale == "fraction" else 100.0
        lowest = -top if record.metric == "gain" else 0.0
        if not lowest <= record.value <= top:
            yield Finding("scale", _subject(record), f"{record.value} is no {record.scale}")
        for name in ("tolerance", "stderr"):
            spread = getattr(record, name)
            if spread is not None and spread > top / 2:
                yield Finding("scale", _subject(record), f"a {name} of {spread} is no {record.scale}")
    in_percent = [record for record in zoo.records if record.scale == "percent" and record.metric != "gain"]
    for records in _by(in_percent, lambda record: (record.source, record.benchmark, record.metric)).values():
        if len(records) >= _LISTED and max(record.value for record in records) <= 1:
            first = records[0]
            subject = f"{first.source} | {first.benchmark} | {first.metric}"
            yield Finding("scale", subject, f"all {len(records)} percentages are at most 1; are they fractions?")


def averages(zoo: Zoo) -> Iterator[Finding]:
    """Averages that differ from the mean of their languages by more than the rounding of the printed digits."""
    for records in _by(zoo.records, lambda record: (*record.key[:5], *record.key[6:10])).values():
        for average in (record for record in records if record.language == AVERAGE):
            parts = _parts(average, records)
            if not parts:
                continue
            mean = sum(part.percent for part in parts) / len(parts)
            allowed = average.half_digit + min(part.half_digit for part in parts) + 1e-9
            if abs(mean - average.percent) > allowed:
                detail = f"{average.source} gives {average.percent:g} %, its {len(parts)} languages {mean:.4g} %"
                yield Finding("average", f"{_subject(average)} | {average.source}", detail)


def _parts(average: Record, records: Sequence[Record]) -> list[Record]:
    """Languages that an average is of: those of its own source, else all of its family's from wherever they are."""
    single = [record for record in records if record.language != AVERAGE]
    own = {record.language: record for record in single if record.source == average.source}
    if len(own) > 1:
        return list(own.values())
    family = FAMILIES.get(average.family)
    if family is None:
        return []
    order = {"seen": 0, "secondary": 1, "recalled": 2}
    best: dict[str, Record] = {}
    for record in sorted(single, key=lambda record: order[record.confidence]):
        best.setdefault(record.language, record)
    return [best[language] for language in family.languages] if set(family.languages) <= set(best) else []


def parents(zoo: Zoo) -> Iterator[Finding]:
    """Parents that are neither a model of the zoo, nor a hub id, nor written out as "none" or "unknown"."""
    for model in zoo.models.values():
        if model.parent not in {*zoo.models, "none", "unknown"} and "/" not in model.parent:
            yield Finding("parent", model.name, f"{model.parent!r} is no model of the zoo and no hub id")


def names(zoo: Zoo) -> Iterator[Finding]:
    """Families, metrics and languages that nothing else knows, and records without a family that do not say why."""
    for record in zoo.records:
        family = FAMILIES.get(record.family)
        if family is None and record.family != "none":
            yield Finding("family", _subject(record), f"{record.family!r} is no dataset; none says no dataset")
        if record.family == "none" and not record.note:
            yield Finding("family", _subject(record), "family none needs a note that says why")
        if family and record.metric not in family.metrics:
            yield Finding("metric", _subject(record), f"{family.group} has {', '.join(family.metrics)}")
        if not _known_language(record):
            yield Finding("language", _subject(record), f"{record.language!r} is no language of {record.family}")


def _known_language(record: Record) -> bool:
    if record.language == AVERAGE:
        return True
    if family := FAMILIES.get(record.family):
        return record.language in family.languages
    return record.language in languages() or bool(_FLORES.fullmatch(record.language))


def sizes(zoo: Zoo) -> Iterator[Finding]:
    """Sizes of test sets that no family has, or of some of its languages only."""
    for name, size in zoo.sizes.items():
        family = FAMILIES.get(name)
        if family is None:
            yield Finding("size", name, f"{name!r} is no dataset")
        elif isinstance(size.n, dict) and set(size.n) != set(family.languages):
            different = " ".join(sorted(set(size.n) ^ set(family.languages)))
            yield Finding("size", name, f"the languages of {name} and of its sizes differ: {different}")


def tolerances(zoo: Zoo) -> Iterator[Finding]:
    """Tolerances of 0, which no re-run of a sampled score can meet, and tolerances without a reason."""
    for record in zoo.records:
        if record.tolerance == 0:
            yield Finding("tolerance", _subject(record), "a tolerance of 0: give what a faithful re-run may differ by")
        elif record.tolerance is not None and not record.tolerance_reason:
            yield Finding("tolerance", _subject(record), f"{record.tolerance} without a tolerance_reason")


def unused(zoo: Zoo) -> Iterator[Finding]:
    """Sources that no record names."""
    used = {record.source for record in zoo.records}
    for key in zoo.sources:
        if key not in used:
            yield Finding("source", key, "no record comes from it")


CHECKS: tuple[Callable[[Zoo], Iterable[Finding]], ...] = (
    duplicates, contradictions, scales, averages, names, parents, sizes, tolerances, unused,
)  # fmt: skip


def _by(records: Iterable[Record], key: Callable[[Record], tuple[str, ...]]) -> dict[tuple[str, ...], list[Record]]:
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def _subject(record: Record) -> str:
    parts = (record.model, record.stage, record.setting, record.benchmark, record.task, record.metric, record.language)
    return " | ".join(parts)
