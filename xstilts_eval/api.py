"""The public Python API: ``import xstilts_eval as xs``.

Everything here is also an attribute of the package itself, which imports this module when it is first asked for one.
Nothing heavier than the standard library and numpy is imported before a model is evaluated.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts_eval import own_datasets, paper, paths, processes, suites
from xstilts_eval.datasets import Dataset
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    import pandas

    from xstilts_eval.results.compare_tables import Comparison
    from xstilts_eval.results.gain_tables import Gains
    from xstilts_eval.results.record import RunResult
    from xstilts_eval.results.scoreboard import Scoreboard
    from xstilts_eval.results.scored import Run

Where = str | Path
"""A results file, the output folder of a run, or (to compare with) ``zoo:MODEL``."""


class Results:
    """The scores of one run: a folder of results, samples and scoreboard, read when it is first asked for something."""

    def __init__(self, folder: Where, skipped: Mapping[str, str] | None = None) -> None:
        self.folder = Path(folder)
        self._is_temporary = False
        self.skipped = dict(skipped or {})
        """Why datasets and tasks that were asked for have no score, by name."""

    def __repr__(self) -> str:
        scores = ", ".join(f"{row.title} {row.score:.1f}" for row in self.scoreboard().families.values())
        return f"<Results of {self.run.checkpoint}: {scores}>"

    @cached_property
    def run(self) -> RunResult:
        """Scores (fractions 0-1), intervals, counts and signature of every task.

        Raises `MissingData` without results, `PredictionError` for ones that cannot be read.
        """
        from xstilts_eval.results import record

        return record.read(self.folder)

    def scoreboard(self) -> Scoreboard:
        """The official score tables: points (0-100) by dataset and language, categories, overall score."""
        from xstilts_eval.results import scoreboard

        return scoreboard.build([self.run], self.skipped)

    def to_frame(self) -> pandas.DataFrame:
        """One row per task and metric: dataset, language, metric, score and its 95 % interval (`low`, `high`).

        The same rows as `xstilts score --csv`: scores are points (0-100); `is_official` marks the metrics that make the
        dataset's score, `documents` counts those that were scored. The language ``avg`` is the mean of a dataset, and
        the metric ``exact_match+f1`` that of the two. Raises `SettingError` where pandas is not installed.
        """
        from xstilts_eval.results import score_tables

        return paper.frame(score_tables.rows([self._scored()]))

    def to_latex(self, columns: str = "both", *, intervals: bool = True, text_width: float = paper.TEXT_WIDTH) -> str:
        """Tables for a paper (they need the package booktabs), the same text as `xstilts score --latex`.

        `columns` are ``datasets``, ``languages`` or a table of each (``both``); `intervals` puts ± into the cells; a
        table wider than `text_width` (points) is split. What was scored on what stands in comments. Raises
        `UnknownName` for other `columns`.
        """
        from xstilts_eval.results import score_tables

        return paper.latex(score_tables.tables([self._scored()], paper.axis(columns)), text_width, intervals)

    def _scored(self) -> Run:
        """Under the name that the command gives it: of results that nobody named, their checkpoint's."""
        from xstilts_eval.results import run, scored

        name = self.run.checkpoint if self._is_temporary else ""
        return scored.of_run(run.read(self.folder, name=name))

    def compare(
        self,
        other: Results | Where,
        *,
        allow_different: bool = False,
        draws: int = 10_000,
        resamples: int = 2_000,
        seed: int = 12345,
    ) -> Comparison:
        """This run as the reference, and another: differences by dataset and language with intervals and tests.

        Options as of `xstilts compare`. Raises `PredictionError` for other data, splits, documents or versions, unless
        `allow_different`, and for nothing in common.
        """
        from xstilts_eval.results import compare, compare_tables
        from xstilts_eval.results.estimates import Options
        from xstilts_eval.zoo import sides

        options = Options(allow_different=allow_different, draws=draws, resamples=resamples, seed=seed)
        (found,) = compare.compare(sides.read_all([str(self.folder), str(_place(other))]), options)
        return compare_tables.Comparison(**vars(found))


def evaluate(
    model: Any,
    tasks: str | Dataset | Sequence[str | Dataset] = "xtreme_*",
    data: Where | None = None,
    output: Where | None = None,
    *,
    tokenizer: Any = None,
    split: str | None = None,
    limit: float | None = None,
    num_fewshot: int = 0,
    apply_chat_template: bool = False,
    gen_kwargs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    keep_paths: bool = False,
    store: Where | None = None,
    say: Callable[[str], None] | None = None,
    **model_args: Any,
) -> Results:
    """Score a checkpoint on every selected task that it can serve.

    `model` is a bundle, a folder, a hub id, or a model in memory: of transformers, with its `tokenizer`, or of
    sentence-transformers. `tasks` are names of groups, tasks or datasets, globs, or `Dataset` objects, which are
    registered. `data` is a folder in the official formats, ``hub`` or ``sample``; None means ``XSTILTS_DATA``, else the
    sample. Without `output` the results live as long as the object returned; with it a run that was interrupted goes
    on. `store` is the folder in which answers are kept, or ``off``; None means ``XSTILTS_STORE``, else the cache;
    models in memory are asked every time. `keep_paths` writes absolute paths into the results instead of names relative
    to them. `say` is given every line that the command would show. `model_args` are those of
    `models.adapter.XstiltsLM`.

    Raises `UnknownName` for a task that does not exist, `UnfitCheckpoint` when nothing can be served (what is left out
    stands in `Results.skipped`), `SettingError` for an option that is not allowed or an `output` that holds another
    run.
    """
    own_datasets.load_installed()
    names = [_name_of(one) for one in ([tasks] if isinstance(tasks, (str, Dataset)) else tasks)]
    patterns = tuple(part.strip() for name in names for part in name.split(",") if part.strip())
    if not patterns:
        raise SettingError("tasks is empty; name a dataset, a task or a group, such as tasks='xnli'")
    if output is None and processes.world_size() > 1:
        raise SettingError("several processes need a folder to meet in: give output=…")
    for name in ("pretrained", "data", "split"):
        if name in model_args:
            raise SettingError(f"{name} is an argument of evaluate itself")
    from xstilts_eval import evaluation

    with ExitStack() as stack:
        if isinstance(model, (str, Path)):
            if tokenizer is not None:
                raise SettingError(f"tokenizer= belongs to a model in memory; {model} has its own")
            pretrained = str(model)
            if seeds := evaluation.seeds_of(pretrained):
                raise SettingError(
                    f"{pretrained} holds {counted(len(seeds), 'seed')}; give one of them, such as "
                    f"{next(iter(seeds.values()))} (the command xstilts eval takes them all)"
                )
        else:
            from xstilts_eval.models import memory

            pretrained = stack.enter_context(memory.held(model, tokenizer))
        settings = evaluation.Settings(
            pretrained=pretrained,
            tasks=patterns,
            data=None if data is None else str(data),
            split=split,
            limit=limit,
            num_fewshot=num_fewshot,
            apply_chat_template=apply_chat_template,
            model_args=tuple(sorted(model_args.items())),
            gen_kwargs=tuple(sorted((gen_kwargs or {}).items())),
        )
        keeping = evaluation.Keeping(None if store is None else str(store))
        stack.enter_context(_without_bars())
        stack.enter_context(paths.keeping_paths(keep_paths))
        if output is not None:
            board = evaluation.evaluate(settings, Path(output), overwrite, say or _silent, keeping)
            return Results(output, board.skipped if board else None)
        scratch = tempfile.TemporaryDirectory(prefix="xstilts-results-")
        board = evaluation.evaluate(settings, Path(scratch.name), overwrite, say or _silent, keeping)
        results = Results(scratch.name, board.skipped if board else None)
        results._is_temporary = True
        weakref.finalize(results, scratch.cleanup)
        return results


def load_results(folder: Where) -> Results:
    """The results that `evaluate`, `xstilts eval` or `lm_eval` wrote: a file, or the folder it lies in.

    Raises `MissingData` without results, `PredictionError` for ones that cannot be read and for several runs.
    """
    own_datasets.load_installed()
    results = Results(folder)
    _ = results.run
    return results


def gains(baseline: Results | Where, run: Results | Where, inner: str = "eval") -> Gains:
    """What `run` gains over `baseline` in points, by dataset and language, then over all, then over all but English.

    Both are results, or folders of runs with ``seed-N/inner`` inside, whose seeds are compared in pairs. Raises
    `PredictionError` for other data, split, documents or versions, `MissingData` without samples.
    """
    from xstilts_eval.results import gain_tables
    from xstilts_eval.results import gains as results
    from xstilts_eval.results.run import names

    own_datasets.load_installed()
    given = [str(_place(baseline)), str(_place(run))]
    pairing = results.pair_seeds(Path(given[0]), Path(given[1]), inner)
    one, other = names(given)
    return gain_tables.Gains(one, other, [gain for family in pairing.families for gain in pairing.gains(family)])


def datasets(suite: str | None = None) -> dict[str, Dataset]:
    """Every registered dataset by the name of its group, or those of one suite; raises `UnknownName` for another."""
    own_datasets.load_installed()
    if suite is not None and suite not in suites.SUITES:
        raise UnknownName.of("suite", suite, suites.SUITES)
    return {group: one for group, one in suites.DATASETS.items() if suite in (None, one.suite)}


def register(dataset: Dataset) -> Dataset:
    """Add a dataset of your own; from then on its name is a task like any other, in this process.

    Returns the one that is registered: an equal one where there is one. Raises `SettingError` for a name that is taken,
    here or in lm-evaluation-harness, for a suite of this package's, and for a function or label that does not exist.
    """
    return own_datasets.register(dataset)


def _name_of(task: str | Dataset) -> str:
    return register(task).group if isinstance(task, Dataset) else task


def _place(results: Results | Where) -> Where:
    return results.folder if isinstance(results, Results) else results


@contextmanager
def _without_bars() -> Iterator[None]:
    """The host draws a bar for every task; ours, one for each model, stays."""
    from lm_eval.api import task

    drawn = task.tqdm
    task.tqdm = partial(drawn, disable=True)
    try:
        yield
    finally:
        task.tqdm = drawn


def _silent(line: str) -> None:
    del line
