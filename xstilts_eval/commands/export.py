"""`xstilts export`: the command's options; the work is in `results.export` and `results.validate`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    from xstilts_eval.results.record import LeafResult


def export(
    results: Path | None = typer.Argument(
        None, help="Results file or output folder, with samples, of xstilts eval or lm_eval."
    ),
    format_: str = typer.Option(
        "xtreme", "--format", help="xtreme (the leaderboard's prediction files), mteb, model-card or lm-eval."
    ),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder to write; of model-card the file."),
    name: str = typer.Option("", help="Of mteb, model-card and lm-eval: what the model is called there."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    labels: Path | None = typer.Option(
        None, help="Folder of the label files to write as well; with --check: to compare with."
    ),
    data: str | None = typer.Option(
        None, help="Data folder that was scored, for BUCC's labels; default: as in xstilts eval."
    ),
    check: Path | None = typer.Option(None, "--check", help="Instead: check this folder against the rules."),
    allow_incomplete: bool = typer.Option(
        False, "--allow-incomplete", help="Write what there is of a limited or partial run."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace earlier exports."),
) -> None:
    """Write a run as others read it, or check prediction files.

    Exit code 1: checked files break a rule.

    The leaderboard's files are scored again before they appear: every number must be the run's (BUCC's with --labels
    only).
    """
    if format_ not in ("xtreme", *FORMATS):
        raise UnknownName.of("format", format_, ("xtreme", *FORMATS))
    if format_ in FORMATS:
        if results is None or output is None or check or labels or data or allow_incomplete:
            raise SettingError(f"--format {format_} takes RESULTS, --output, --name, --tasks and --overwrite")
        from xstilts_eval.selection import leaves

        FORMATS[format_](results, output, name, leaves(listed(tasks)), overwrite)
        return
    if check is not None:
        if results or output or tasks:
            raise SettingError(
                "--check FOLDER looks at files that are there; give it without RESULTS, --output and --tasks"
            )
        _check(check, labels)
    elif results is None or output is None:
        raise SettingError("give RESULTS and --output FOLDER, or --check FOLDER")
    else:
        _export(results, output, labels, data, allow_incomplete, overwrite, listed(tasks))


def _to_mteb(results: Path, output: Path, name: str, only: Collection[str] | None, overwrite: bool) -> None:
    from xstilts_eval.results import mteb

    for path in mteb.export(results, output, name, only, overwrite):
        printing.say(path)


def _to_card(results: Path, output: Path, name: str, only: Collection[str] | None, overwrite: bool) -> None:
    from xstilts_eval.results import cards

    count = cards.export(results, output, name, only, overwrite)
    printing.say(f"model card: {output} ({counted(count, 'score')})")


def _to_lm_eval(results: Path, output: Path, name: str, only: Collection[str] | None, overwrite: bool) -> None:
    from xstilts_eval.results import host_layout

    first, *rest = host_layout.export(results, output, name, only, overwrite)
    printing.say(f"{first} ({counted(len(rest), 'file')} of samples)")


FORMATS: dict[str, Callable[[Path, Path, str, Collection[str] | None, bool], None]] = {
    "mteb": _to_mteb,
    "model-card": _to_card,
    "lm-eval": _to_lm_eval,
}


def _export(
    results: Path,
    output: Path,
    labels: Path | None,
    data: str | None,
    allow_incomplete: bool,
    overwrite: bool,
    tasks: Sequence[str],
) -> None:
    from xstilts_eval.results.export import export
    from xstilts_eval.selection import leaves

    def gold_pairs(leaf: LeafResult) -> Collection[tuple[str, str]]:
        return _gold_pairs(leaf, data)

    done = export(results, output, labels, gold_pairs, allow_incomplete, overwrite, leaves(tasks))
    for remark in done.remarks:
        printing.say(f"note: {remark}")
    files = ", ".join(f"{family} {count}" for family, count in done.files.items())
    printing.say(f"predictions: {output} ({files} files)")
    if labels is not None:
        printing.say(f"labels: {labels}")
    printing.say(f"scored again: all {done.equal} numbers are the run's")


def _gold_pairs(leaf: LeafResult, data: str | None) -> Collection[tuple[str, str]]:
    """Gold pairs of a BUCC leaf, from the very data that was scored; raises `SettingError` for any other."""
    from xstilts_eval.tasks.documents import load_leaf

    folder = data or ("sample" if leaf.data.source == "sample" else None)
    loaded = load_leaf(leaf.family, leaf.language, folder, leaf.data.split)
    if loaded.revision != leaf.data.revision or loaded.corpus is None:
        raise SettingError(
            f"{leaf.leaf} was scored on data {leaf.data.revision}, but {loaded.folder} holds {loaded.revision}; "
            "give the folder that was scored as --data"
        )
    return loaded.corpus.gold


def _check(folder: Path, labels: Path | None) -> None:
    from xstilts_eval.results import validate

    found = validate.check(folder, labels)
    for line in validate.listing(found.problems):
        printing.say(line)
    printing.say(validate.summary(found))
    if found.problems:
        raise typer.Exit(1)
