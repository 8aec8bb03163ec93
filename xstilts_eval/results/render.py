"""A scoreboard for the eye: terminal tables (rich) and Markdown. No number here that is not in the scoreboard."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel

from xstilts_eval import suites
from xstilts_eval.benchmark import FAMILIES, SUITES, Suite
from xstilts_eval.foreign import safe
from xstilts_eval.metrics.bootstrap import FEWEST_UNITS
from xstilts_eval.results import skips
from xstilts_eval.results.scoreboard import Cell, FamilyRow, Scoreboard
from xstilts_eval.tables import in_markdown, markdown_table, one_line, terminal_table
from xstilts_eval.wording import ABSENT

Row = list[str]
MISSING = ABSENT

METRIC = {
    "acc": "accuracy",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "exact_match": "EM",
    "token_accuracy": "token accuracy",
    "acc_from_foreign": "accuracy (foreign query)",
    "map_at_20": "mAP@20",
    "mrr_at_20": "MRR@20",
    "chrf++": "chrF++",
    "spbleu": "spBLEU",
    "acc_back": "accuracy (from the target)",
    "xsim_error": "xsim error",
    "xsim_error_back": "xsim error (from the target)",
}


def title(board: Scoreboard) -> str:
    """``XTREME · sample · checkpoint``."""
    benchmark = " and ".join(scores.title for scores in board.suites.values())
    kind = benchmark
    if board.is_sample:
        kind = f"SAMPLE, not scores of {benchmark}" if len(board.suites) > 1 else f"SAMPLE, not {benchmark} scores"
    limit = f" · limit {board.limit:g}" if board.limit else ""
    return f"{kind} · {board.checkpoint}{limit}"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}"


def family_rows(board: Scoreboard) -> tuple[Row, list[Row]]:
    """Header and one row per family: score, metrics, transfer gap, languages, counts, notes."""
    header = [
        "category",
        "dataset",
        "score",
        "metrics",
        "gap to en",
        "languages",
        "scored",
        "failed",
        "unparsed",
        "note",
    ]
    rows = []
    for row in board.families.values():
        total = len(row.cells) + len(row.missing)
        cells = row.cells.values()
        rows.append(
            [
                _category(row, board),
                row.title,
                _number(row.score) + _spread(row.interval),
                _metrics(row),
                _number(row.transfer_gap),
                f"{len(row.cells)} of {total}",
                str(sum(cell.scored for cell in cells)),
                str(sum(cell.failed for cell in cells)),
                str(sum(cell.unparsed for cell in cells)),
                _note(row),
            ]
        )
    return header, rows


def language_rows(board: Scoreboard, suite: str = suites.main().name) -> tuple[Row, list[Row]]:
    """Header and one row per language of a suite, a column per family; ``±`` is half the 95 % interval."""
    row_of = {group: row for group, row in board.families.items() if FAMILIES[group].suite == suite}
    header = ["language", *(FAMILIES[group].column or row.title for group, row in row_of.items())]
    languages = sorted({language for row in row_of.values() for language in row.cells})
    english = {FAMILIES[group].spelled("en") for group in row_of}
    languages.sort(key=lambda language: language not in english)
    rows = [
        [language, *(_cell(row.cells.get(language), group) for group, row in row_of.items())] for language in languages
    ]
    return header, rows


def metric_rows(board: Scoreboard, suite: str) -> tuple[Row, list[Row]]:
    """Header and one row per pair of the only dataset of a suite, a column per metric."""
    (row,) = (row for group, row in board.families.items() if FAMILIES[group].suite == suite)
    header = ["pair", *(METRIC[name] for name in row.averages)]
    return header, [
        [f"{pair}-eng", *(f"{value:.2f}" for value in cell.metrics.values())] for pair, cell in row.cells.items()
    ]


def summary_rows(board: Scoreboard, suite: str = suites.main().name) -> list[Row]:
    """Categories and overall score of a suite; empty for one that has none or was not run."""
    if suite not in board.suites or not SUITES[suite].has_overall:
        return []
    scores = board.suites[suite]
    rows = [[name, _number(score)] for name, score in scores.categories.items()]
    rows.append(["overall", _number(scores.overall)])
    return rows


def footnotes(board: Scoreboard) -> list[str]:
    """What a reader must know beside the numbers."""
    notes = ["Scores are percentages; a dataset's score is the mean over its languages; QA cells are F1/EM."]
    if few := [row.title for row in board.families.values() if row.lacks_interval]:
        notes.append(f"No interval: fewer than {FEWEST_UNITS} independent units of test data in {', '.join(few)}.")
    scored = [SUITES[name] for name in board.suites]
    if board.limit:
        cut = any(FAMILIES[group].scoring.is_sharded for group in board.families)
        mined = " BUCC is mined in corpora that were cut to the limit." if cut else ""
        notes.append(f"A limited run: no category or overall score is formed.{mined}")
    else:
        notes += [_no_overall(board, suite) for suite in scored if suite.has_overall and _lacks_overall(board, suite)]
    return notes + [suite.note for suite in scored if suite.note]


def _lacks_overall(board: Scoreboard, suite: Suite) -> bool:
    return board.suites[suite.name].overall is None


def _no_overall(board: Scoreboard, suite: Suite) -> str:
    """Why a suite has no overall score."""
    absent = [
        family.title
        for family in suite.families
        if family.group not in board.families or not board.families[family.group].is_complete
    ]
    of_which = "" if suite.is_main else f" for {suite.title}"
    if absent:
        return f"No overall score{of_which}: incomplete or missing {', '.join(absent)}."
    return f"No overall score{of_which}: some scores are not on the official test data (see notes)."


def terminal(board: Scoreboard, languages: bool = True) -> RenderableType:
    """The whole scoreboard as a rich renderable."""
    style = "bold yellow" if board.is_sample else "bold"
    parts: list[RenderableType] = [Panel(one_line(title(board), style), expand=False)]
    if languages:
        for _, header, rows in _language_tables(board):
            parts += [terminal_table(header, rows), ""]
    header, rows = family_rows(board)
    keep = [index for index in range(len(header)) if index < 7 or any(row[index] not in ("0", "") for row in rows)]
    parts += [terminal_table([header[i] for i in keep], [[row[i] for i in keep] for row in rows], keys=2), ""]
    for name in board.suites:
        if summary := summary_rows(board, name):
            parts += [terminal_table([_of("category", name), "score"], summary), ""]
    parts += [one_line(note, "dim") for note in footnotes(board)]
    return Group(*parts, *(one_line(line, "yellow") for line in skipped(board)))


def skipped(board: Scoreboard) -> list[str]:
    """What was asked for and is not in the table, with the reason."""
    return skips.lines(board.skipped)


def markdown(board: Scoreboard) -> str:
    """The scoreboard as Markdown, with the signature of every number at the end."""
    sections = [f"# {in_markdown(title(board))}", ""]
    for heading, header, rows in (
        ("Datasets", *family_rows(board)),
        *((_of("Categories", name), ["category", "score"], summary_rows(board, name)) for name in board.suites),
        *_language_tables(board),
    ):
        if rows:
            sections += [f"## {heading}", "", *markdown_table(header, rows), ""]
    notes = footnotes(board) + skipped(board)
    sections += ["## Notes", "", *(f"- {in_markdown(note)}" for note in notes), "", "## Signatures", "", "```"]
    sections += [safe(cell.signature, "terminal") for row in board.families.values() for cell in row.cells.values()]
    return "\n".join([*sections, "```", ""])


def _language_tables(board: Scoreboard) -> list[tuple[str, Row, list[Row]]]:
    """(Heading, header, rows) of the tables by language, one for each suite that was run."""
    by_dataset = [name for name in board.suites if not SUITES[name].heading]
    by_metric = [name for name in board.suites if SUITES[name].heading]
    tables = [(_of("Languages", name), *language_rows(board, name)) for name in by_dataset]
    return [*tables, *((SUITES[name].heading, *metric_rows(board, name)) for name in by_metric)]


def _of(heading: str, suite: str) -> str:
    """A heading, with the name of a suite that is not the main one."""
    return heading if SUITES[suite].is_main else f"{heading} ({SUITES[suite].title})"


def _note(row: FamilyRow) -> str:
    missing = f"without {' '.join(row.missing)}" if row.missing and len(row.cells) > len(row.missing) else ""
    seen = f"trained on {' '.join(row.trained_on)} (not zero-shot)" if row.trained_on else ""
    return "; ".join(filter(None, (row.note, missing, seen)))


def _category(row: FamilyRow, board: Scoreboard) -> str:
    """Groups of the score table that the family counts in, behind its suite's name where several were run."""
    family = FAMILIES[row.group]
    suite = SUITES[family.suite]
    found = [category.value for category, names in suite.categories.items() if family.name in names]
    if not suite.categories:
        return suite.title
    return (f"{suite.title}: " if len(board.suites) > 1 else "") + (", ".join(found) or "no category")


def _metrics(row: FamilyRow) -> str:
    return ", ".join(f"{METRIC.get(name, name)} {value:.1f}" for name, value in row.averages.items())


def _cell(cell: Cell | None, group: str) -> str:
    if cell is None:
        return MISSING
    official = FAMILIES[group].official
    if len(official) > 1:
        return "/".join(f"{cell.metrics[name]:.1f}" for name in reversed(official))
    return f"{cell.score:.1f}{_spread(cell.intervals.get(official[0]))}"


def _spread(interval: tuple[float, float] | None) -> str:
    """Half the width of an interval, as ``±``."""
    return f" ±{(interval[1] - interval[0]) / 2:.1f}" if interval else ""
