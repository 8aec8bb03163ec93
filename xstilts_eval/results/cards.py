"""`xstilts export --format model-card`: scores as the hub reads them at the top of a model's README.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, cast

from xstilts_eval import __version__
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.datasets import HubFiles
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.foreign import visible
from xstilts_eval.results import publishing, render, scoreboard
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.tables import in_markdown, markdown_table
from xstilts_eval.writing import check_files, write_atomically

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

SOURCE = f"xstilts-eval {__version__}"
_HUB_NAMES = {"acc": "accuracy"}
"""Metrics that the hub calls otherwise."""
_AVERAGE = "mean of languages"
_BEGIN, _END = "<!-- scores by xstilts-eval -->", "<!-- end of scores -->"


def export(
    results: Path, output: Path, name: str = "", only: Collection[str] | None = None, overwrite: bool = False
) -> int:
    """Write the scores of a run into a model card and return how many; a card that is there keeps all else it says.

    Raises `SettingError` for scores that others would misread (see `publishing.read`) and for a card that is there
    without `overwrite`, `PredictionError` for one that cannot be read.
    """
    check_files(output)
    run = publishing.read(results, only)
    if output.exists() and not overwrite:
        raise SettingError(f"{output} exists; --overwrite puts the scores into it and keeps the rest")
    text = output.read_text(encoding="utf-8") if output.exists() else ""
    card = with_scores(text, run, name or run.checkpoint)
    write_atomically(output, card)
    return len(list(entries(run)))


def with_scores(text: str, run: RunResult, name: str) -> str:
    """The card `text` (or a new one) with the scores of a run as metadata and as a table."""
    card = _card(text, name)
    data = cast("ModelCardData", card.data)
    kept = [one for one in data.eval_results or [] if not (one.source_name or "").startswith("xstilts-eval ")]
    data.eval_results = [*kept, *entries(run)]
    data.model_name = data.model_name or visible(name)
    card.text = _with_table(card.text, run, name)
    found: str = card.content if card.content.endswith("\n") else f"{card.content}\n"
    return found


def _card(text: str, name: str) -> ModelCard:
    from huggingface_hub import ModelCard, ModelCardData

    if not text:
        return ModelCard(f"---\n{ModelCardData(model_name=visible(name)).to_yaml()}\n---\n\n# {in_markdown(name)}\n")
    try:
        return ModelCard(text)
    except Exception as error:  # whatever YAML and the hub's library find wrong
        raise PredictionError(f"the model card cannot be read: {error}") from error


def entries(run: RunResult) -> Iterator[EvalResult]:
    """One per dataset, language and official metric, and the mean over the languages; points."""
    for family in FAMILIES.values():
        leaves = [leaf for leaf in run.leaves if leaf.family == family]
        for metric in family.official if leaves else ():
            for leaf in leaves:
                yield _entry(family, leaf.language, metric, 100 * leaf.metrics[metric], leaf)
            if len(leaves) == len(family.languages) > 1:
                yield _entry(family, _AVERAGE, metric, fmean(100 * leaf.metrics[metric] for leaf in leaves), leaves[0])


def _entry(family: Family, language: str, metric: str, points: float, leaf: LeafResult) -> EvalResult:
    from huggingface_hub import EvalResult

    is_mean = language == _AVERAGE
    return EvalResult(
        task_type=family.kind.hub_task,
        dataset_type=_repository(family),
        dataset_name=f"{family.title} ({language})",
        dataset_config=None if is_mean else language,
        dataset_split=leaf.data.split,
        metric_type=_HUB_NAMES.get(metric, metric),
        metric_name=render.METRIC.get(metric, metric),
        metric_value=round(points, 2),
        metric_args=None if is_mean else {"signature": leaf.signature},
        source_name=SOURCE,
        source_url="https://github.com/xstilts-eval/xstilts-eval",
    )


def _repository(family: Family) -> str:
    """The dataset's repository on the hub, or its name here."""
    hub = family.data.hub if isinstance(family.data.hub, Mapping) else {}
    found = hub.get("test")
    return found.repository.name if isinstance(found, HubFiles) else family.group


def _with_table(text: str, run: RunResult, name: str) -> str:
    board = scoreboard.build([run])
    header, rows = render.family_rows(board)
    keep = [place for place, title in enumerate(header) if title in ("dataset", "score", "metrics", "languages")]
    table = markdown_table([header[i] for i in keep], [[row[i] for i in keep] for row in rows])
    said = f"Zero-shot scores in points by {SOURCE}; ± is half of the 95 % interval."
    block = "\n".join([_BEGIN, "", said, "", *table, "", _END])
    before, begin, rest = text.partition(_BEGIN)
    if begin:
        return before + block + rest.partition(_END)[2]
    return f"{text.rstrip()}\n\n## Scores\n\n{block}\n"
