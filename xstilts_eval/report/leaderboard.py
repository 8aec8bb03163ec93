"""A leaderboard: a folder with one page over many models, and a page for each, made of the parts of a report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from xstilts_eval import paper
from xstilts_eval.errors import SettingError
from xstilts_eval.report import page
from xstilts_eval.report.content import NO_BASELINE, Content, gather
from xstilts_eval.report.files import named
from xstilts_eval.results import models_render, score_tables
from xstilts_eval.writing import write_atomically

INDEX = "index.html"
DATA = "scores.json"
_NO_FILE_NAME = re.compile(r"[^\w.-]+")


def write(content: Content, title: str, output: Path) -> list[Path]:
    """``index.html``, ``models/NAME.html``, ``scores.json`` and ``scores.csv`` below `output`; returns the files.

    Raises `SettingError` for a folder that holds something else.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / DATA).is_file():
        raise SettingError(f"{output} is not empty and holds no leaderboard; give another folder")
    places = _places(content)
    files = []
    for run in content.runs:
        place = output / places[run.name]
        alone = replace(content, runs=(run,), warnings=(), stages=tuple(s for s in content.stages if s.run == run.name))
        write_atomically(place, page.html(named(alone, place), run.name, above=f"../{INDEX}"))
        files.append(place)
    ranked = sorted(content.runs, key=lambda run: -(run.overall.value if run.overall else float("-inf")))
    board = replace(content, runs=tuple(ranked), pages=places)
    write_atomically(output / INDEX, page.html(named(board, output / INDEX), title))
    write_atomically(output / "scores.csv", paper.csv_text(score_tables.rows(ranked)))
    write_atomically(output / DATA, json.dumps(models_render.as_json(ranked), indent=1, ensure_ascii=False) + "\n")
    return [output / INDEX, *files, output / "scores.csv", output / DATA]


def read(given: list[str], inner: tuple[str, ...]) -> Content:
    """Runs and models of the zoo, none of them a baseline."""
    return gather(given, inner, NO_BASELINE)


def _places(content: Content) -> dict[str, str]:
    """A file for every model, by its name; names that would be one file get a number."""
    found: dict[str, str] = {}
    for run in content.runs:
        stem = _NO_FILE_NAME.sub("-", run.name).strip("-.").lower() or "model"
        taken = set(found.values())
        names = (f"models/{stem}{f'-{number}' if number else ''}.html" for number in range(len(content.runs)))
        found[run.name] = next(name for name in names if name not in taken)
    return found
