"""`xstilts eval`: the command's options; the work is in `evaluation`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from xstilts_eval import paths, printing, processes
from xstilts_eval.commands.options import DATA_HELP, TASKS, listed
from xstilts_eval.errors import SettingError

if TYPE_CHECKING:
    from xstilts_eval.results.kept import SamplesAs


def evaluate(
    pretrained: str = typer.Argument(help="Bundle, checkpoint folder or hub id, or a folder of seeds (seed-1 …)."),
    tasks: str = typer.Option("xtreme_*", "--tasks", "-t", help=f"What to score: {TASKS}."),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Folder for results, samples, scoreboard; default: results/NAME of the checkpoint."
    ),
    data: str | None = typer.Option(None, help=DATA_HELP),
    split: str | None = typer.Option(None, help="test (default) or dev; or train, of languages other than English."),
    limit: float | None = typer.Option(None, help="First N documents of each task; pools stay whole, BUCC is cut."),
    num_fewshot: int = typer.Option(0, min=0, help="English examples in every prompt of a language model."),
    apply_chat_template: bool = typer.Option(False, "--apply-chat-template", help="Prompts as a conversation."),
    gen_kwargs: str = typer.Option("", "--gen-kwargs", help="How text is generated: max_gen_toks=2048, do_sample=…"),
    model_args: str = typer.Option("", "--model-args", "-a", help="Model arguments: key=value,key=value, or JSON."),
    store: str = typer.Option("", help="Folder in which answers are kept, or off; default: XSTILTS_STORE, the cache."),
    keep_samples: str = typer.Option("json", help="Documents with answers: json (lines), compressed (gzip), or none."),
    languages: bool = typer.Option(True, help="Show the table by language."),
    strict: bool = typer.Option(False, "--strict", help="Exit with 1 when anything that was asked for was skipped."),
    report_to: str = typer.Option("", help="Trackers to report the scores to: tensorboard,wandb,mlflow."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace another run in the output folder."),
) -> None:
    """Score a checkpoint and show the official scoreboard.

    Every selected task that it can serve is scored; what it cannot serve is named with the reason.
    """
    # The host draws a bar for every task; ours, which asks explicitly, stays.
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval import evaluation
    from xstilts_eval.models.arguments import parse, parse_generation
    from xstilts_eval.results import render, run

    output = output or Path("results") / paths.checkpoint_name(pretrained)
    trackers = listed(report_to)
    if trackers:
        from xstilts_eval.results import tracking

        tracking.check(trackers)
    arguments = parse(model_args)
    for name in ("pretrained", "data", "split", "store"):
        if name in arguments:
            raise SettingError(f"{name} does not belong in --model-args; give it as xstilts eval's own argument")
    settings = evaluation.Settings(
        pretrained=pretrained,
        tasks=tuple(listed(tasks)),
        data=data,
        split=split,
        limit=limit,
        num_fewshot=num_fewshot,
        apply_chat_template=apply_chat_template,
        model_args=tuple(sorted(arguments.items())),
        gen_kwargs=tuple(sorted(parse_generation(gen_kwargs).items())),
    )
    keeping = evaluation.Keeping(store or None, _way(keep_samples))
    say = printing.remark if processes.is_first() else _nothing
    if seeds := evaluation.seeds_of(pretrained):
        boards = evaluation.evaluate_seeds(settings, seeds, output, overwrite, say, keeping)
        places = [output / f"seed-{seed}" / "eval" for seed in seeds] if boards else []
        if boards:
            from xstilts_eval.results import models_render, scored

            printing.show(models_render.terminal([scored.of_run(run.read(output))], languages))
            for line in dict.fromkeys(line for board in boards for line in render.skipped(board)):
                printing.say(line)
            printing.say(f"results: {output}/seed-N/eval   this table: xstilts score {output}")
    else:
        board = evaluation.evaluate(settings, output, overwrite, say, keeping)
        boards, places = ([board], [output]) if board else ([], [])
        if board:
            printing.show(render.terminal(board, languages))
            files = f"{output}/results.json   scoreboard: {output}/scoreboard.md   samples: {output}/samples/"
            printing.say(f"results: {files}")
    for place, board in zip(places, boards, strict=True) if trackers else ():
        told = {"checkpoint": board.checkpoint, "data": data, "limit": limit, "split": split}
        tracking.report(board, trackers, place, told | {name: str(value) for name, value in arguments.items()})
    if strict and any(board.skipped for board in boards):
        printing.remark("--strict: not everything that was asked for could be scored, see above")
        raise typer.Exit(1)


def _nothing(_: str) -> None:
    """Said by processes but the first."""


def _way(samples: str) -> SamplesAs:
    from xstilts_eval.results.kept import WAYS

    if samples not in WAYS:
        raise SettingError(f"--keep-samples {samples}; allowed: {', '.join(WAYS)}")
    return cast("SamplesAs", samples)
