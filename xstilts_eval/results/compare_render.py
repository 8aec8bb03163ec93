"""Comparisons for the eye and for programs: terminal, Markdown, JSON. No number here that is not in the comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from xstilts_eval import paths
from xstilts_eval.benchmark import Family
from xstilts_eval.results.compare import ALPHA, NO_SAMPLES, Comparison, FamilyDifference, LanguageDifference
from xstilts_eval.results.estimates import Difference, Options
from xstilts_eval.results.sides import Side
from xstilts_eval.tables import in_markdown, markdown_table, one_line, terminal_table, without_empty
from xstilts_eval.wording import ABSENT, counted, p_value

_MARK = {"win": "▲", "loss": "▼", "tie": "·", "unknown": ""}
_COLOUR = {"▲": "green", "▼": "red", "≠": "yellow"}
_METRIC = {"acc": "accuracy", "f1": "F1", "exact_match": "EM"}
_KIND = {"family": "language family", "script": "script", "resources": "resources"}

_ROUNDING = 1e-9
"""Points: ends of an interval that differ from 0 by less are sums of equal numbers in another order."""


@dataclass(frozen=True)
class Section:
    """A table under a title, with lines of text below it."""

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()
    level: int = 2


def letters(count: int) -> list[str]:
    """A, B, … Z, S27, …: short names for columns."""
    return [chr(ord("A") + i) if i < 26 else f"S{i + 1}" for i in range(count)]


def sections(found: Sequence[Comparison], options: Options, with_groups: bool = True) -> Iterator[Section]:
    """Everything that is shown, in order: the sides, all families at a glance, then side by side in detail."""
    names = letters(len(found) + 1)
    yield _sides([found[0].reference, *(one.other for one in found)], names)
    if len(found) > 1:
        yield _all_against_the_first(found, names)
    for name, one in zip(names[1:], found, strict=True):
        title = f"{one.other.name} against {one.reference.name}"
        yield Section(title, *_at_a_glance(one, name), notes=_missing_and_settings(one, name))
        if any(family.gap for family in one.families):
            yield Section("Transfer gap: English minus the mean of the other languages", *_gaps(one, name), level=3)
        for family in one.families:
            if family.languages:
                yield _family(family, name)
                if with_groups and len(family.languages) > 3:
                    yield _groups(family, name)
    yield Section("How to read this", notes=_legend(found, options, with_groups))


def named(found: Sequence[Comparison], file: Path) -> list[Comparison]:
    """The comparisons as a file shows them: the places of their sides relative to it."""

    def side(one: Side) -> Side:
        runs = tuple(Path(paths.named(run, file.parent)) for run in one.runs)
        return replace(one, given=paths.named(one.given, file.parent), runs=runs)

    return [replace(one, reference=side(one.reference), other=side(one.other)) for one in found]


def terminal(found: Sequence[Comparison], options: Options, with_groups: bool = True) -> RenderableType:
    """All sections as a rich renderable."""
    parts: list[RenderableType] = []
    for section in sections(found, options, with_groups):
        parts.append(one_line(section.title, "bold cyan" if section.level == 2 else "bold"))
        if section.rows:
            header, rows = without_empty(section.header, section.rows)
            keys = 2 if header[:2] == ["kind", "group"] or header[1:2] == ["side"] else 1
            parts.append(terminal_table(header, ([_coloured(cell) for cell in row] for row in rows), keys=keys))
        parts += [Padding(one_line(note, "dim"), (0, 0, 0, 2)) for note in section.notes]
        parts.append("")
    return Group(*parts)


def markdown(found: Sequence[Comparison], options: Options, with_groups: bool = True) -> str:
    """All sections as Markdown."""
    lines = ["# Comparison", ""]
    for section in sections(found, options, with_groups):
        lines += [f"{'#' * section.level} {in_markdown(section.title)}", ""]
        if section.rows:
            header, rows = without_empty(section.header, section.rows)
            lines += [*markdown_table([cell or " " for cell in header], rows), ""]
        if section.notes:
            lines += [*(f"- {in_markdown(note)}" for note in section.notes), ""]
    return "\n".join(lines)


def as_json(found: Sequence[Comparison], options: Options) -> dict[str, object]:
    """Plain values, scores in points (0-100); families and languages by their codes."""
    return {
        "reference": _side_json(found[0].reference),
        "options": asdict(options),
        "alpha": ALPHA,
        "comparisons": [
            {
                "other": _side_json(one.other),
                "families": {family.family.group: _family_json(family) for family in one.families},
                "missing": {group: list(lines) for group, lines in one.missing.items()},
                "settings": {name: list(pair) for name, pair in one.settings.items()},
            }
            for one in found
        ],
    }


def _side_json(side: Side) -> dict[str, object]:
    return {
        "name": side.name,
        "given": side.given,
        "runs": [str(run) for run in side.runs],
        "seeds": list(side.seeds),
        "published": side.is_published,
    }


def _family_json(family: FamilyDifference) -> dict[str, object]:
    singles = ("average", "published_average", "gap", "kept")
    return {
        "languages": {row.label: _difference_json(row) for row in family.languages},
        **{name: _difference_json(row) for name in singles if (row := getattr(family, name)) is not None},
        "chance": family.chance,
        "spread": family.spread,
        "wins": family.count("win"),
        "ties": family.count("tie"),
        "losses": family.count("loss"),
        "without_interval": family.count("unknown"),
        "significant": family.significant,
        "groups": {kind: {row.label: _difference_json(row) for row in rows} for kind, rows in family.groups.items()},
    }


def _difference_json(row: Difference) -> dict[str, object]:
    values = asdict(row)
    del values["label"]
    return values | {"verdict": row.verdict}


# ------------------------------------------------------------------------------------------------- sections


def _sides(given: Sequence[Side], names: Sequence[str]) -> Section:
    rows, notes = [], []
    for number, (name, side) in enumerate(zip(names, given, strict=True)):
        runs = "published" if side.is_published else counted(len(side.runs), "run")
        rows.append([name, f"{side.name}{' (reference)' if number == 0 else ''}", runs, side.given])
        notes += [f"{name}: {note}" for note in side.notes]
    return Section("Comparison", ["", "side", "runs", "path"], rows, notes)


def _all_against_the_first(found: Sequence[Comparison], names: Sequence[str]) -> Section:
    """One row per family and side: as many sides as one likes, and no wider."""
    rows = []
    for family in dict.fromkeys(family.family for one in found for family in one.families):
        first = family.title
        for name, one in zip(names[1:], found, strict=True):
            row = next((item for item in one.families if item.family == family), None)
            if row and (mean := row.average or row.published_average):
                counts = " ".join(str(row.count(verdict)) for verdict in ("win", "tie", "loss"))
                has_tests = any(language.interval for language in row.languages)
                side = f"{name}  {one.other.name}"
                rows.append([first, side, *_numbers(mean), counts if has_tests else ABSENT])
                first = ""
    header = ["dataset", "side", "A", "score", "difference", "", "95 % interval", "p", "▲ · ▼"]
    return Section("Dataset averages against the reference, in points", header, rows)


def _at_a_glance(one: Comparison, name: str) -> tuple[list[str], list[list[str]]]:
    header = ["dataset", "languages", "A", name, f"{name} − A", "", "95 % interval", "p", "▲ · ▼", "Holm < .05", "note"]
    rows = []
    for family in one.families:
        total = len(family.family.languages)
        for mean in filter(None, (family.average, family.published_average)):
            is_published = mean is family.published_average
            counts = f"{family.count('win')} {family.count('tie')} {family.count('loss')}"
            has_tests = not is_published and any(row.interval for row in family.languages)
            rows.append(
                [
                    family.family.title,
                    "published mean" if is_published else f"{len(family.languages)} of {total}",
                    *_numbers(mean),
                    counts if has_tests else ABSENT,
                    str(family.significant) if has_tests else ABSENT,
                    mean.note.removeprefix(f"{NO_SAMPLES}; ") if is_published else "",
                ]
            )
    return header, rows


def _numbers(row: Difference) -> list[str]:
    mark = "≠" if row.different else _MARK[row.verdict]
    return [
        f"{row.reference:.1f}", f"{row.score:.1f}", _signed(row.difference), mark, _interval(row) or ABSENT,
        p_value(row.p),
    ]  # fmt: skip


def _gaps(one: Comparison, name: str) -> tuple[list[str], list[list[str]]]:
    header = ["dataset", "en A", f"en {name}", "gap A", f"gap {name}", "change", "", "95 % interval", "p", "kept A",
              f"kept {name}", "change"]  # fmt: skip
    rows = []
    for family in one.families:
        if family.gap is None:
            continue
        english = next(row for row in family.languages if row.label == family.family.spelled("en"))
        kept = [ABSENT] * 3
        if family.kept:
            kept = [f"{family.kept.reference:.0f} %", f"{family.kept.score:.0f} %", _signed(family.kept.difference)]
        rows.append(
            [family.family.title, f"{english.reference:.1f}", f"{english.score:.1f}", *_numbers(family.gap), *kept]
        )
    return header, rows


def _family(family: FamilyDifference, name: str) -> Section:
    header = ["language", "A", name, f"{name} − A", "", "95 % interval", "p", "Holm", "errors", "note"]
    rows = [_language(row) for row in family.languages]
    summary = []
    if family.average and len(family.languages) > 1:
        rows.append(["average", *_numbers(family.average), "", "", ""])
        if family.spread is not None:
            summary.append(f"standard deviation of {name} − A over languages: {family.spread:.1f} points")
    for note in _said_by_all(family.languages):  # once instead of in every row
        summary.insert(0, note)
        rows = [[*row[:-1], "; ".join(part for part in row[-1].split("; ") if part != note)] for row in rows]
    return Section(f"{family.family.title}: {_metric(family.family)}", header, rows, summary, level=3)


def _said_by_all(rows: Sequence[LanguageDifference]) -> list[str]:
    return [note for note in rows[0].note.split("; ") if note and all(note in row.note.split("; ") for row in rows)]


def _metric(family: Family) -> str:
    names = [_METRIC.get(name, name) for name in family.official]
    return names[0] if len(names) == 1 else f"mean of {' and '.join(names)}"


def _language(row: LanguageDifference) -> list[str]:
    holm = p_value(row.p_holm)
    star = "*" if row.p_holm is not None and row.p_holm <= ALPHA else " "
    errors = ABSENT if row.error_reduction is None else f"{_signed(-100 * row.error_reduction, 0)} %"
    return [row.label, *_numbers(row), f"{holm}{star}", errors, "; ".join(filter(None, (*row.different, row.note)))]


def _groups(family: FamilyDifference, name: str) -> Section:
    rows = []
    for kind, members in family.groups.items():
        several = [row for row in members if len(row.languages) > 1]
        rows += [[_KIND[kind], row.label, str(len(row.languages)), *_numbers(row)] for row in several]
    for number in range(len(rows) - 1, 0, -1):
        if rows[number][0] == rows[number - 1][0]:
            rows[number][0] = ""
    header = ["kind", "group", "languages", "A", name, f"{name} − A", "", "95 % interval", "p"]
    notes = [] if rows else ["every language is a group of its own"]
    return Section(f"{family.family.title} by groups of two or more languages", header, rows, notes, level=3)


def _missing_and_settings(one: Comparison, name: str) -> list[str]:
    notes = [f"not compared, {group}: {line}" for group, lines in one.missing.items() for line in lines]
    if one.settings:
        pairs = ", ".join(f"{key} {a} / {b}" for key, (a, b) in one.settings.items())
        notes.append(f"settings that differ (A / {name}): {pairs}")
    if any(row.different for family in one.families for row in family.languages):
        notes.append(
            "≠ marks rows that were scored on other data, documents or versions: their difference means little"
        )
    if one.reference.is_published or one.other.is_published:
        notes.append("published numbers have no samples: differences only, no interval and no test")
    return notes


def _legend(found: Sequence[Comparison], options: Options, with_groups: bool) -> list[str]:
    """What the columns mean, for the methods that were used."""
    rows = [row for one in found for family in one.families for row in family.languages]
    notes = ["Differences are in points (0 to 100) and positive where the side is better than A; means are unweighted."]
    if any(row.interval and row.by_seed is None for row in rows):
        notes.append(f"Interval: paired bootstrap over documents, {options.resamples:,} resamples, percentiles.")
    if any(row.p is not None and row.by_seed is None for row in rows):
        notes.append(f"p: approximate randomization, {options.draws:,} draws, two-sided.")
    if any(row.from_seeds is not None for row in rows):
        notes.append(
            "Several runs: Student's t over the seeds and the documents' part, added in quadrature; p to match."
        )
    if any(row.p_holm is not None for row in rows):
        notes.append(f"Holm: p corrected over the languages of one dataset; * at most {ALPHA}.")
    if any(row.interval for row in rows):
        notes += [
            "▲ ▼: the interval leaves out 0.",
            "Intervals are about other documents of the same kind in these languages, not about other languages.",
        ]
    if any(row.error_reduction is not None for row in rows):
        notes.append("errors: change of what is missing to 100, relative to A.")
    if with_groups and any(family.groups for one in found for family in one.families):
        notes.append("resources: classes of Joshi et al. 2020, from 0 (left behind) to 5 (winners).")
    if any(family.kept for one in found for family in one.families):
        notes.append("kept: share of the English score that the other languages keep, chance removed from both.")
    return notes


def _interval(row: Difference) -> str:
    """Both ends with their sign, also of what rounds to 0: whether 0 is inside must be seen."""
    return (
        "[" + ", ".join(f"{end:+.1f}" if abs(end) > _ROUNDING else "0.0" for end in row.interval) + "]"
        if row.interval
        else ""
    )


def _signed(value: float, digits: int = 1) -> str:
    """With its sign; what rounds to 0 has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def _coloured(cell: str) -> Text:
    return one_line(cell, _COLOUR.get(cell, ""))
