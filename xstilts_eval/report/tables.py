"""The tables of a report: typed cells that the page and the Markdown summary both show. A missing score is –."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.report.comparison import MeanGain
from xstilts_eval.report.content import GROUPINGS, UNKNOWN, Content, kin, language_name
from xstilts_eval.report.training import Stage
from xstilts_eval.results import entity_types, signature
from xstilts_eval.results.entity_types import EntityType
from xstilts_eval.results.gains import Gain, about_intervals
from xstilts_eval.results.render import MISSING
from xstilts_eval.results.scored import PUBLISHED, Estimate, Run, Scored
from xstilts_eval.wording import counted, signed

METRICS = {"acc": "accuracy", "f1": "F1", "exact_match": "EM", "token_accuracy": "token accuracy",
           "acc_from_foreign": "accuracy (foreign query)"}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and `value`, which it is sorted by as a number; None sorts last.

    `link` is the page it leads to. `spread` is the half-width of the interval; `tone` is up or down for a gain whose
    interval leaves out 0.
    """

    text: str
    value: float | None = None
    spread: str = ""
    tone: str = ""
    tip: str = ""
    link: str = ""


@dataclass(frozen=True)
class Column:
    title: str
    tip: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """`name` is its anchor in the page; the first `pinned` rows stay on top when it is sorted."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    pinned: int = 0


NONE = Cell(MISSING)


def scoreboard(content: Content) -> Table:
    """One row per run, a column per family; categories and the overall score where a run has them."""
    formed = [c for c in content.runs[0].categories if any(c in run.categories for run in content.runs)]
    has_overall = any(run.overall for run in content.runs)
    columns = [Column("run", is_number=False), Column("seeds", "runs with different seeds, joined")]
    columns += [Column("overall", "mean of the nine datasets")] if has_overall else []
    columns += [Column(FAMILIES[group].title, _described(content, group)) for group in content.groups]
    columns += [Column(name, "mean of its datasets") for name in formed]
    rows = []
    for run in content.runs:
        row = [
            Cell(run.name, tip=_origin(run), link=content.pages.get(run.name, "")),
            NONE if run.is_published else Cell(str(len(run.seeds)), len(run.seeds)),
        ]
        row += [estimate(run.overall)] if has_overall else []
        row += [_mean_cell(content, run, group) for group in content.groups]
        row += [estimate(run.categories.get(name)) for name in formed]
        rows.append(tuple(row))
    caption = "Points (0–100): mean over the scored languages, ± half of the 95 % interval. Question answering is "
    caption += "(F1 + EM) / 2. " + " ".join([*_notes(content), *_published(content)])
    return Table("scoreboard", "Scoreboard", caption, tuple(columns), tuple(rows))


def gains(content: Content) -> Table:
    """The baseline's scores, then what each run gains over them: a column per family, and their mean."""
    assert content.baseline is not None
    groups = [group for group in content.groups if group in content.baseline.families]
    columns = [Column("run", is_number=False)]
    columns += [Column(FAMILIES[group].title, _described(content, group)) for group in groups]
    columns.append(Column("mean", "of the datasets shown, each counted once; not the benchmark's overall score"))
    first = [Cell(f"{content.baseline.name} (score)")]
    first += [_mean_cell(content, content.baseline, group) for group in groups]
    rows = [(*first, NONE)]
    for one in content.comparisons:
        cells = [gain_cell(one.families.get(group)) for group in groups]
        rows.append((Cell(one.run.name), *cells, gain_cell(one.mean)))
    caption = (
        f"First row: scores of the baseline, {content.baseline.name}. Below: points gained over it, ± half of the "
        f"95 % interval ({_sources(content)}); bold where it leaves out 0. Not corrected for the number of cells: one "
        f"in twenty is expected to be bold by chance.{_about_intervals(content)}"
    )
    return Table("gains", "Gains over the baseline", caption, tuple(columns), tuple(rows), pinned=1)


def by_language(content: Content) -> Table:
    """One row per family and language, a column per run."""
    columns = [Column("dataset", is_number=False), Column("language", is_number=False), Column("code", is_number=False)]
    columns += [Column(run.name) for run in content.runs]
    rows = []
    for group in content.groups:
        for code in content.languages_of(group):
            found = [_language(run, group, code) for run in content.runs]
            rows.append((*_names(group, code), *(estimate(one) for one in found)))
    caption = "Points by language. ± is half of the 95 % interval over test documents and, from three seeds on, seeds."
    caption += f" {PUBLISHED} was published." if any(run.is_published for run in content.runs) else ""
    return Table("languages", "Scores by language", caption, tuple(columns), tuple(rows))


def by_group(content: Content) -> Table:
    """Means of every dataset over languages of one family, script or resource class, English left out."""
    titles = ("dataset", "grouped by", "group")
    columns = [*(Column(title, is_number=False) for title in titles), Column("languages")]
    columns += [Column(run.name) for run in content.runs]
    rows = []
    for group in (group for group in content.groups if FAMILIES[group].names_languages):
        english = FAMILIES[group].spelled("en")
        codes = [code for code in content.languages_of(group) if code != english and kin(code) != (UNKNOWN,) * 3]
        for place, what in enumerate(GROUPINGS):
            members: dict[str, list[str]] = {}
            for code in codes:
                members.setdefault(kin(code)[place], []).append(code)
            for name, inside in sorted(members.items()) if len(members) > 1 else ():
                cells = [_group_mean(run, group, inside) for run in content.runs]
                shown = Cell("not known" if name == UNKNOWN else name, tip=" ".join(inside))
                count = Cell(str(len(inside)), len(inside))
                rows.append((Cell(FAMILIES[group].title), Cell(what), shown, count, *cells))
    caption = "Points, means over the languages of a group, without English; – where a run lacks one of them. Resource "
    caption += "classes are those of Joshi et al. 2020: 0 (left behind) to 5 (winners)."
    return Table("groups", "Scores by group of languages", caption, tuple(columns), tuple(rows))


def _group_mean(run: Run, group: str, codes: Sequence[str]) -> Cell:
    found = [_language(run, group, code) for code in codes]
    known = [one.value for one in found if one is not None]
    return number(fmean(known)) if len(known) == len(codes) else NONE


def gains_by_language(content: Content) -> Table:
    """One row per family and language: distance to English, the baseline's score, a gain per run."""
    assert content.baseline is not None
    columns = [Column("dataset", is_number=False), Column("language", is_number=False), Column("code", is_number=False)]
    columns += [
        Column("distance", f"{content.measure} distance to English, 0–1"),
        Column(content.baseline.name, "score"),
    ]
    columns += [Column(one.run.name, "gain") for one in content.comparisons]
    rows = []
    for group in content.groups:
        for code in (code for code in content.languages_of(group) if _has(content.baseline, group, code)):
            away = content.distances.get(code) if FAMILIES[group].names_languages else None
            cells = [gain_cell(one.languages.get(group, {}).get(code)) for one in content.comparisons]
            before = estimate(_language(content.baseline, group, code))
            rows.append((*_names(group, code), number(away, 2), before, *cells))
    caption = f"Points gained over the baseline, {content.baseline.name}, ± half of the 95 % interval; bold where it "
    caption += f"leaves out 0.{_about_intervals(content)}"
    return Table("gains-by-language", "Gains by language", caption, tuple(columns), tuple(rows))


def gaps(content: Content) -> Table:
    """English against the mean of the other languages."""
    columns = [Column("run", is_number=False), Column("dataset", is_number=False), Column("English")]
    columns += [Column("other languages", "mean"), Column("transfer gap", "English minus the others")]
    rows = []
    for run in content.runs:
        for group in content.groups:
            scored = run.families.get(group)
            if scored is not None and scored.gap is not None:
                names = (Cell(run.name), Cell(FAMILIES[group].title))
                rows.append((*names, estimate(scored.english), number(scored.others), estimate(scored.gap)))
    caption = "Transfer gap: English score minus the mean of the other languages, points; the interval, where there "
    caption += "are three seeds or more, is over seeds alone. A better English head widens the gap."
    return Table("gaps", "Transfer gap", caption, tuple(columns), tuple(rows))


def details(content: Content) -> Table:
    """Every metric and count of every family of every seed."""
    columns = [Column("run", is_number=False), Column("seed"), Column("dataset", is_number=False)]
    columns += [Column("metrics", "means over languages", False), Column("languages"), Column("scored")]
    columns += [Column("failed"), Column("unparsed", "answers that could not be read"), Column("note", "", False)]
    rows = []
    for run in content.runs:
        for scored in run.families.values():
            for seed, row in zip(run.seeds, scored.rows, strict=True):
                shown = [f"{METRICS.get(name, name)} {value:.1f}" for name, value in row.averages.items()]
                cells = row.cells.values()
                counts = [sum(c.scored for c in cells), sum(c.failed for c in cells), sum(c.unparsed for c in cells)]
                languages = Cell(f"{len(row.cells)} of {len(row.cells) + len(row.missing)}", len(row.cells))
                rows.append(
                    (Cell(run.name), _seed(seed), Cell(scored.family.title), Cell(", ".join(shown)), languages,
                     *(Cell(f"{count:,}", count) for count in counts), Cell(row.note))
                )  # fmt: skip
    caption = "selected documents = scored + failed; unparsed ones are scored as they are."
    return Table("details", "Metrics and counts", caption, tuple(columns), tuple(rows))


def types(content: Content) -> Table:
    """Precision, recall and F1 of each entity type: means over languages, then every language."""
    columns = [Column("run", is_number=False), Column("dataset", is_number=False), Column("language", is_number=False)]
    columns += [Column("code", is_number=False), Column("type", is_number=False)]
    columns += [Column("precision"), Column("recall"), Column("F1"), Column("entities", "in the gold tags")]
    means, rows = [], []
    for run, by_group in content.types.items():
        for group, by_language in by_group.items():
            title = Cell(FAMILIES[group].title)
            for one in entity_types.mean(by_language.values()) if len(by_language) > 1 else ():
                means.append((Cell(run), title, Cell("mean"), Cell(""), *_type(one)))
            for code in (code for code in content.languages_of(group) if code in by_language):
                rows += [(Cell(run), *_names(group, code), *_type(one)) for one in by_language[code]]
    caption = (
        "Percent, of whole entities, as seqeval counts them; means are over the languages that have the type, and "
    )
    caption += "over seeds. Read from the samples of the runs."
    return Table("types", "Entity types", caption, tuple(columns), (*means, *rows), pinned=len(means))


def examples(content: Content) -> Table:
    """Documents that a run answers better, or worse, than the baseline."""
    assert content.baseline is not None
    titles = ("run", "dataset", "language", "code", "change", "document", "text", "right answer")
    columns = [Column(title, is_number=False) for title in (*titles, content.baseline.name, "the run")]
    rows = []
    for one in content.examples:
        change = Cell("gained", tone="up") if one.is_gain else Cell("lost", tone="down")
        answers = (Cell(one.before), Cell(one.after))
        names = _names(one.family.group, one.language)
        rows.append((Cell(one.run), *names, change, Cell(one.document), Cell(one.text), Cell(one.target), *answers))
    caption = (
        f"Documents that a run answers better (gained) or worse (lost) than {content.baseline.name}, the first of "
    )
    caption += "every task, of the first seeds. The texts are the datasets', under their licences."
    return Table("examples", "Examples", caption, tuple(columns), tuple(rows))


def _type(found: EntityType) -> tuple[Cell, ...]:
    scores = (number(found.precision), number(found.recall), number(found.f1))
    return (Cell(found.type), *scores, Cell(f"{found.support:,}", found.support))


def training(content: Content) -> Table:
    """Every stage of every seed."""
    columns = [Column("run", is_number=False), Column("seed"), Column("stage", is_number=False)]
    columns += [Column("role", is_number=False), Column("steps"), Column("tokens"), Column("minutes")]
    columns += [Column("first loss", "mean of the first window"), Column("last loss", "mean of the last window")]
    columns += [Column("English development scores", "percent", False)]
    rows = []
    for stage in content.stages:
        scores = ", ".join(f"{name.replace('_', ' ')} {100 * value:.1f}" for name, value in stage.scores.items())
        minutes = stage.seconds / 60 if stage.seconds is not None else None
        rows.append(
            (Cell(stage.run), _seed(stage.seed), Cell(stage.name, tip=stage.key), Cell(stage.role),
             Cell(f"{stage.steps:,}", stage.steps), _count(stage.tokens), number(minutes),
             *(number(loss, 2) for loss in _ends(stage)), Cell(scores or MISSING))
        )  # fmt: skip
    caption = "Read from the bundles that the runs name. Stages that runs share were trained once."
    return Table("training", "Training", caption, tuple(columns), tuple(rows))


def _ends(stage: Stage) -> tuple[float | None, float | None]:
    return (stage.curve[0][1], stage.curve[-1][1]) if stage.curve else (None, None)


def signatures(content: Content) -> Table:
    """What every number depends on: fields that the languages share once, those that differ by language."""
    columns = [Column("run", is_number=False), Column("seed"), Column("dataset", is_number=False)]
    columns += [Column("same for all languages", "", False), Column("by language", "", False)]
    rows = []
    for run in content.runs:
        for scored in run.families.values():
            for seed, row in zip(run.seeds, scored.rows, strict=True):
                shared, own = signature.split({code: cell.signature for code, cell in row.cells.items()})
                rows.append((Cell(run.name), _seed(seed), Cell(scored.family.title), Cell(shared), Cell(own)))
    caption = (
        "Signatures: two numbers with the same signature come from the same documents, metric, weights and settings."
    )
    return Table("signatures", "Signatures", caption, tuple(columns), tuple(rows))


def estimate(found: Estimate | None) -> Cell:
    """Points to one decimal with the half-width, marked where they were published; seeds or the source on hover."""
    if found is None:
        return NONE
    spread = f"±{found.half_width:.1f}" if found.half_width is not None else ""
    tip = "seeds " + ", ".join(f"{value:.1f}" for value in found.by_seed) if len(found.by_seed) > 1 else ""
    mark = PUBLISHED if found.is_published else ""
    if mark:
        tip = f"published in {found.source}" if found.source else "mean of published scores"
    return Cell(f"{found.value:.1f}{mark}", found.value, spread, tip=tip)


def gain_cell(found: Gain | MeanGain | None) -> Cell:
    """A signed gain, toned where its interval leaves out 0."""
    if found is None:
        return NONE
    tone = ("up" if found.gain > 0 else "down") if found.is_clear else ""
    tip = "seeds " + ", ".join(signed(value) for value in found.by_seed) if isinstance(found, Gain) else ""
    spread = f"±{found.half_width:.1f}" if found.half_width is not None else ""
    return Cell(signed(found.gain), found.gain, spread, tone, tip)


def number(value: float | None, digits: int = 1) -> Cell:
    """A plain number or –."""
    return NONE if value is None else Cell(f"{value:.{digits}f}", value)


def _count(value: int | None) -> Cell:
    return NONE if value is None else Cell(f"{value:,}", value)


def _seed(seed: str) -> Cell:
    return Cell(seed, float(seed)) if seed.isdigit() else Cell(seed or MISSING)


def _mean_cell(content: Content, run: Run, group: str) -> Cell:
    scored = run.families.get(group)
    if scored is None:
        return NONE
    cell = estimate(scored.mean)
    notes = "; ".join(dict.fromkeys(row.note for row in scored.rows if row.note))
    tip = "\n".join(filter(None, (cell.tip, counted(len(scored.languages), "language"), notes)))
    return replace(cell, text=cell.text + ("†" if (run.name, group) in content.marked else ""), tip=tip)


def _notes(content: Content) -> list[str]:
    """What keeps families from being the benchmark's own, one sentence per family and note: splits, missing data."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in content.runs:
        for group, scored in run.families.items():
            for note in dict.fromkeys(row.note for row in scored.rows if row.note):
                found.setdefault((group, note), []).append(run.name)
    notes = []
    for (group, note), names in found.items():
        whose = "" if len(names) == len(content.runs) else f" ({', '.join(names)})"
        notes.append(f"{FAMILIES[group].title}{whose}: {note}.")
    return notes


def _published(content: Content) -> list[str]:
    """What the mark of published scores means, and where they stand."""
    found = {key: title for run in content.runs if run.published for key, title in run.published.sources.items()}
    where = "; ".join(f"{key}: {title}" for key, title in found.items())
    said = [f"{PUBLISHED} was published, everything else measured ({where})."] if found else []
    return said + [f"{run.name}: {note}." for run in content.runs for note in run.notes]


def _has(run: Run, group: str, code: str) -> bool:
    return group in run.families and code in run.families[group].languages


def _language(run: Run, group: str, code: str) -> Estimate | None:
    return run.families[group].languages[code] if _has(run, group, code) else None


def _names(group: str, code: str) -> Iterable[Cell]:
    family = FAMILIES[group]
    return Cell(family.title), Cell(language_name(family, code)), Cell(code)


def _described(content: Content, group: str) -> str:
    family = FAMILIES[group]
    metric = " and ".join(METRICS.get(name, name) for name in family.official)
    return f"{metric}; {len(content.languages_of(group))} of {len(family.languages)} languages"


def _origin(run: Run) -> str:
    limits = f"\nlimit {', '.join(f'{limit:g}' for limit in run.limits)}" if run.limits else ""
    return "\n".join(run.checkpoints or [f"published ({run.given})"]) + limits


def _sources(content: Content) -> str:
    counts = {len(gain.by_seed) for one in content.comparisons for gain in one.families.values()}
    if min(counts) > 2:
        return "seeds and test documents"
    return "test documents alone" if max(counts) < 3 else "test documents, and seeds where there are three or more"


def _about_intervals(content: Content) -> str:
    """A sentence per family whose gains have no interval or one that is too narrow, each after a blank."""
    found = {
        one.run.name: [*(gain for by in one.languages.values() for gain in by.values()), *one.families.values()]
        for one in content.comparisons
    }
    return "".join(f" {note}." for note in about_intervals(found))


def scored_families(content: Content, group: str) -> Sequence[tuple[Run, Scored]]:
    """The runs that have a family, with it."""
    return [(run, run.families[group]) for run in content.runs if group in run.families]
