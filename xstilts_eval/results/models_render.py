"""Several models, or one over its seeds, for the eye and for programs: terminal, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from xstilts_eval import paper
from xstilts_eval.foreign import safe
from xstilts_eval.paper import Table
from xstilts_eval.results import score_tables
from xstilts_eval.results.scored import Estimate, Run, Scored
from xstilts_eval.tables import in_markdown, one_line


def terminal(runs: Sequence[Run], languages: bool = True) -> RenderableType:
    """The tables, and what a reader must know beside them."""
    parts: list[RenderableType] = []
    for table in _tables(runs, languages):
        parts += [paper.terminal(table), ""]
    return Group(*parts, *(one_line(note, "dim") for note in _notes(runs)))


def markdown(runs: Sequence[Run]) -> str:
    """The same as Markdown, with the signature of every number at the end."""
    lines = ["# Scores", ""]
    for table in _tables(runs, languages=True):
        lines += [f"## {in_markdown(table.caption)}", "", *paper.markdown(table), ""]
    lines += ["## Notes", "", *(f"- {in_markdown(note)}" for note in _notes(runs)), "", "## Signatures", "", "```"]
    comments = (safe(line, "terminal") for line in score_tables.by_dataset(runs).comments)
    return "\n".join([*lines, *comments, "```", ""])


def as_json(runs: Sequence[Run]) -> dict[str, object]:
    """Plain values, points; families by group, languages by code."""
    return {
        "models": [
            {
                "name": run.name,
                "origin": run.origin,
                "checkpoints": run.checkpoints,
                "seeds": [seed for seed in run.seeds if seed],
                "is_sample": run.is_sample,
                "limits": run.limits,
                "families": {group: _family(one) for group, one in run.families.items()},
                "categories": {name: _estimate(found) for name, found in run.categories.items()},
                "overall": _estimate(run.overall),
                "notes": list(run.notes),
                "sources": dict(run.published.sources) if run.published else {},
            }
            for run in runs
        ],
        "notes": _notes(runs),
    }


def _tables(runs: Sequence[Run], languages: bool) -> Iterator[Table]:
    if len(runs) > 1 or not runs[0].has_seeds:
        yield score_tables.by_dataset(runs)
    for run in (run for run in runs if run.has_seeds):
        yield score_tables.by_seed(run)
    if languages:
        yield score_tables.down(runs)


def _notes(runs: Sequence[Run]) -> list[str]:
    notes = list(score_tables.by_dataset(runs).notes)
    for run in runs:
        sources = run.published.sources if run.published else {}
        notes += [f"{run.name}: {note}" for note in run.notes]
        notes += [f"{run.name}, {key}: {title}" for key, title in sources.items()]
    return notes


def _family(one: Scored) -> dict[str, object]:
    return {
        "score": _estimate(one.mean),
        "gap": _estimate(one.gap),
        "languages": {code: _estimate(found) for code, found in one.languages.items()},
        "missing": [code for code in one.family.languages if code not in one.covered],
    }


def _estimate(found: Estimate | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "interval": found.interval,
        "by_seed": list(found.by_seed),
        "source": found.source or None,
    }
