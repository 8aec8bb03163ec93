"""A scoreboard as a LaTeX table."""

from __future__ import annotations

from xstilts_eval.foreign import safe
from xstilts_eval.results.scoreboard import FamilyRow, Scoreboard

ABSENT = "--"


def escaped(text: str) -> str:
    """The text as LaTeX prints it; line breaks become blanks."""
    return safe(text, "tex")


def table(board: Scoreboard) -> str:
    """A tabular of booktabs: a row per dataset; its score, the 95 % interval, then a column per language (points).

    What keeps a row from being the benchmark's own, such as a limit, stands in comments in front, which cannot be
    printed by mistake, and in the marks (*) behind the dataset's name.
    """
    rows = list(board.families.values())
    languages = list(dict.fromkeys(code for row in rows for code in row.cells))
    remarks = [f"checkpoint: {board.checkpoint}"]
    remarks += ["the bundled SAMPLE: not scores of the benchmark"] if board.is_sample else []
    remarks += [f"limit: {board.limit:g}"] if board.limit else []
    remarks += [f"* {row.title}: {note}" for row in rows if (note := _note(row))]
    remarks += [f"{row.title} {code}: {cell.signature}" for row in rows for code, cell in row.cells.items()]
    is_whole = not (board.is_sample or board.limit)
    lines = [f"% {safe(remark, 'terminal')}" for remark in remarks]
    lines += [rf"\begin{{tabular}}{{lr{'r' * (1 + len(languages))}}}", r"\toprule"]
    lines += [_line(["Dataset", "Score", r"95\,\%", *map(escaped, languages)]), r"\midrule"]
    for row in rows:
        mark = "" if is_whole and not _note(row) else "*"
        interval = f"{row.interval[0]:.1f}--{row.interval[1]:.1f}" if row.interval else ABSENT
        cells = [f"{row.cells[code].score:.1f}" if code in row.cells else ABSENT for code in languages]
        lines.append(_line([escaped(row.title) + mark, f"{row.score:.1f}", interval, *cells]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _note(row: FamilyRow) -> str:
    missing = f"no score in {' '.join(row.missing)}" if row.missing else ""
    return "; ".join(filter(None, (row.note, missing)))


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
