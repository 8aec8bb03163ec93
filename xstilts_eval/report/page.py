"""The page and the summary: tables and figures into one HTML file that asks for nothing else, or into Markdown."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval import __version__
from xstilts_eval.figures import svg
from xstilts_eval.figures.scene import COLOURS
from xstilts_eval.foreign import Markup, visible
from xstilts_eval.report import tables
from xstilts_eval.report.content import Content
from xstilts_eval.report.figures import Figure, figures
from xstilts_eval.report.tables import Cell, Table
from xstilts_eval.tables import in_markdown, markdown_table

_HERE = Path(__file__).parent
OPEN_ROWS = 40
"""A longer table is folded until it is asked for."""
FILTER_ROWS = 8
"""A longer table has a filter."""
ORDERS = (("family", "family"), ("script", "script"), ("resources", "resources"), ("name", "name"), ("code", "code"))
"""What the lines of a heat map may be ordered by: names of its keys and what they are called."""


@dataclass(frozen=True)
class Section:
    """A heading's figure and table, of which one may be absent; `note` stands where both are."""

    name: str
    title: str
    figure: Figure | None = None
    table: Table | None = None
    note: str = ""


def sections(content: Content) -> list[Section]:
    """What the page shows, in its order."""
    drawn = {figure.name: figure for figure in figures(content)}
    found = [Section("s-scoreboard", "Scoreboard", table=tables.scoreboard(content))]
    if content.comparisons:
        found.append(Section("s-gains", "Gains over the baseline", drawn.get("gains"), tables.gains(content)))
    else:
        found.append(Section("s-gains", "Gains over the baseline", note=content.why_no_gains))
    if gain_map := drawn.get("gain-map"):
        found.append(Section("s-gain-map", "Gains by language", gain_map))
    found.append(Section("s-heat-map", "Languages × datasets", drawn.get("heat-map")))
    found.append(Section("s-bars", "Scores by language", drawn.get("bars"), tables.by_language(content)))
    by_group = tables.by_group(content)
    if by_group.rows:
        found.append(Section("s-groups", "Groups of languages", table=by_group))
    if gaps := drawn.get("gaps"):
        found.append(Section("s-gaps", "Transfer gap", gaps, tables.gaps(content)))
    if content.comparisons:
        by_language = tables.gains_by_language(content)
        found.append(Section("s-distance", "Gain and distance to English", drawn.get("distance"), by_language))
    if content.types:
        found.append(Section("s-types", "Entity types", table=tables.types(content)))
    if content.stages:
        found.append(Section("s-training", "Training", drawn.get("training"), tables.training(content)))
    if content.examples:
        found.append(Section("s-examples", "Examples", table=tables.examples(content)))
    found.append(Section("s-details", "Metrics and counts", table=tables.details(content)))
    found.append(Section("s-signatures", "Signatures", table=tables.signatures(content)))
    return [one for one in found if one.figure or one.table or one.note]


def html(content: Content, title: str, above: str = "") -> str:
    """One self-contained page; everything that came from a file is escaped, and a policy forbids any request.

    `above` is the address of a page over several models, where there is one.
    """
    import markupsafe
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, markupsafe.Markup) else _shown(value),
    )
    style, script = _roles() + svg.RULES + _source("page.css"), _source("page.js")
    return environment.get_template("page.html.j2").render(
        title=title,
        above=above,
        content=content,
        sections=sections(content),
        style=markupsafe.Markup(style),
        script=markupsafe.Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        draw=lambda scene: markupsafe.Markup(svg.inline(scene)),
        open_rows=OPEN_ROWS,
        filter_rows=FILTER_ROWS,
        orders=ORDERS,
        version=__version__,
    )


def _shown(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def markdown(content: Content, title: str) -> str:
    """The summary: warnings, scoreboard, gains, gaps, and scores by language."""
    lines = [f"# {in_markdown(title)}", ""]
    if content.is_sample:
        lines += ["**SAMPLE: the bundled sample was scored; these are not XTREME scores.**", ""]
    lines += [f"- {in_markdown(warning)}" for warning in content.warnings]
    lines += [""] if content.warnings else []
    shown = [tables.scoreboard(content)]
    if content.comparisons:
        shown.append(tables.gains(content))
    else:
        lines += [in_markdown(content.why_no_gains), ""]
    shown += [table for table in (tables.gaps(content),) if table.rows]
    shown.append(tables.by_language(content))
    if content.comparisons:
        shown.append(tables.gains_by_language(content))
    for table in shown:
        rows = [[_markdown_cell(cell) for cell in row] for row in table.rows]
        header = [column.title for column in table.columns]
        lines += [f"## {table.title}", "", *markdown_table(header, rows), "", in_markdown(table.caption), ""]
    return "\n".join(lines)


def _markdown_cell(cell: Cell) -> str:
    text = in_markdown(f"{cell.text} {cell.spread}".strip())
    return Markup(f"**{text}**" if cell.tone else text)


def _roles() -> str:
    """The colours of both themes as style variables and the roles that use them."""
    variables = "".join(f"--{role}:light-dark({light},{dark});" for role, (light, dark) in COLOURS.items())
    return f":root{{{variables}}}" + "".join(f".{role}{{color:var(--{role})}}" for role in COLOURS)


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
