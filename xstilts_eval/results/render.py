"""A scoreboard for the eye: terminal tables (rich) and Markdown. No number here that is not in the scoreboard."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from xstilts_eval.benchmark import FAMILIES, XTREME
from xstilts_eval.results.scoreboard import Cell, FamilyRow, Scoreboard
from xstilts_eval.tables import markdown_table, terminal_table

Row = list[str]
MISSING = "–"

_METRIC = {
    "acc": "accuracy",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "exact_match": "EM",
    "token_accuracy": "token accuracy",
    "acc_from_foreign": "accuracy (foreign query)",
}
_COLUMN = {"xtreme_bucc2018": "BUCC", "xtreme_tydiqa": "TyDiQA", "bitext_tatoeba": "bitext"}


def title(board: Scoreboard) -> str:
    """``XTREME · sample · checkpoint``."""
    kind = "SAMPLE, not XTREME scores" if board.is_sample else "XTREME"
    limit = f" · limit {board.limit:g}" if board.limit else ""
    return f"{kind} · {board.checkpoint}{limit}"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}"


def family_rows(board: Scoreboard) -> tuple[Row, list[Row]]:
    """Header and one row per family: score, metrics, transfer gap, languages, counts, notes."""
    header = [
        "category",
        "family",
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
                _category(row),
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


def language_rows(board: Scoreboard) -> tuple[Row, list[Row]]:
    """Header and one row per language of XTREME, a column per family; ``±`` is half the 95 % interval."""
    rows_by_group = {group: row for group, row in board.families.items() if group != "bitext_tatoeba"}
    header = ["language", *(_COLUMN.get(group, row.title) for group, row in rows_by_group.items())]
    languages = sorted({language for row in rows_by_group.values() for language in row.cells})
    languages.sort(key=lambda language: language != "en")
    rows = [[language, *(_cell(row.cells.get(language)) for row in rows_by_group.values())] for language in languages]
    return header, rows


def bitext_rows(board: Scoreboard) -> tuple[Row, list[Row]]:
    """The 112-pair table, one row per pair; empty when that group was not run."""
    row = board.families.get("bitext_tatoeba")
    if row is None:
        return [], []
    header = ["pair", *(_METRIC[name] for name in row.averages)]
    return header, [
        [f"{pair}-eng", *(f"{value:.2f}" for value in cell.metrics.values())] for pair, cell in row.cells.items()
    ]


def summary_rows(board: Scoreboard) -> list[Row]:
    """Categories and the overall score, or why there is none."""
    rows = [[name, _number(score)] for name, score in board.categories.items()]
    rows.append(["overall", _number(board.overall)])
    return rows


def footnotes(board: Scoreboard) -> list[str]:
    """What a reader must know beside the numbers."""
    notes = ["Scores are percentages; a family's score is the mean over its languages; QA cells are F1/EM."]
    if board.limit:
        notes.append("A limited run: no category or overall score is formed.")
    elif board.overall is None:
        absent = [
            family.title
            for family in XTREME
            if family.group not in board.families or not board.families[family.group].is_complete
        ]
        if absent:
            notes.append(f"No overall score: incomplete or missing {', '.join(absent)}.")
        else:
            notes.append("No overall score: some scores are not on the official test data (see notes).")
    return notes


def terminal(board: Scoreboard, languages: bool = True) -> RenderableType:
    """The whole scoreboard as a rich renderable."""
    style = "bold yellow" if board.is_sample else "bold"
    parts: list[RenderableType] = [Panel(Text(title(board), style=style), expand=False)]
    if languages:
        for header, rows in (language_rows(board), bitext_rows(board)):
            if rows and len(header) > 1:
                parts += [terminal_table(header, rows), ""]
    header, rows = family_rows(board)
    keep = [index for index in range(len(header)) if index < 7 or any(row[index] not in ("0", "") for row in rows)]
    parts += [terminal_table([header[i] for i in keep], [[row[i] for i in keep] for row in rows], keys=2), ""]
    if any(group.startswith("xtreme_") for group in board.families):
        parts += [terminal_table(["category", "score"], summary_rows(board)), ""]
    parts += [Text(note, style="dim") for note in footnotes(board)]
    return Group(*parts)


def markdown(board: Scoreboard) -> str:
    """The scoreboard as Markdown, with the signature of every number at the end."""
    sections = [f"# {title(board)}", ""]
    for heading, (header, rows) in (
        ("Families", family_rows(board)),
        ("Categories", (["category", "score"], summary_rows(board))),
        ("Languages", language_rows(board)),
        ("Bitext (112 LASER pairs, language → English)", bitext_rows(board)),
    ):
        if rows:
            sections += [f"## {heading}", "", *markdown_table(header, rows), ""]
    notes = footnotes(board) + [f"{group}: skipped, {reason}" for group, reason in board.skipped.items()]
    sections += ["## Notes", "", *(f"- {note}" for note in notes), "", "## Signatures", "", "```"]
    sections += [cell.signature for row in board.families.values() for cell in row.cells.values()]
    return "\n".join([*sections, "```", ""])


def _note(row: FamilyRow) -> str:
    missing = f"without {' '.join(row.missing)}" if row.missing and len(row.cells) > len(row.missing) else ""
    return "; ".join(filter(None, (row.note, missing)))


def _category(row: FamilyRow) -> str:
    category = FAMILIES[row.group].category
    return category.value if category else "beside XTREME"


def _metrics(row: FamilyRow) -> str:
    return ", ".join(f"{_METRIC.get(name, name)} {value:.1f}" for name, value in row.averages.items())


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return MISSING
    if "exact_match" in cell.metrics:
        return f"{cell.metrics['f1']:.1f}/{cell.metrics['exact_match']:.1f}"
    name = "f1" if "f1" in cell.metrics else "acc"
    interval = cell.intervals.get(name)
    return f"{cell.metrics[name]:.1f}{_spread(interval)}"


def _spread(interval: tuple[float, float] | None) -> str:
    """Half the width of an interval, as ``±``."""
    return f" ±{(interval[1] - interval[0]) / 2:.1f}" if interval else ""
