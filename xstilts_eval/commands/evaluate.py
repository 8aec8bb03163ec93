"""`xstilts eval`: the command's options; the work is in `evaluation`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import DATA_HELP, TASKS, listed
from xstilts_eval.errors import SettingError


def evaluate(
    pretrained: str = typer.Argument(help="Bundle, checkpoint folder or hub id."),
    tasks: str = typer.Option("xtreme_*", "--tasks", "-t", help=f"What to score: {TASKS}."),
    output: Path = typer.Option(Path("results"), "--output", "-o", help="Folder for results, samples, scoreboard."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    split: str | None = typer.Option(None, help="test (default), dev, or train of languages but English."),
    limit: float | None = typer.Option(None, help="First N documents of each leaf; pools stay whole, BUCC is cut."),
    num_fewshot: int = typer.Option(0, min=0, help="English examples in every prompt of a language model."),
    apply_chat_template: bool = typer.Option(False, "--apply-chat-template", help="Prompts as a conversation."),
    gen_kwargs: str = typer.Option("", "--gen-kwargs", help="How text is generated: max_gen_toks=2048, do_sample=…"),
    model_args: str = typer.Option("", "--model-args", "-a", help="Adapter arguments: key=value,key=value, or JSON."),
    store: str = typer.Option("", help="Folder in which answers are kept, or off; default: XSTILTS_STORE, the cache."),
    languages: bool = typer.Option(True, help="Show the table by language."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace another run in the output folder."),
) -> None:
    """Score a checkpoint on every selected task it can serve, and show the official scoreboard."""
    # The host draws a bar for every leaf; ours, which asks explicitly, stays.
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval import evaluation
    from xstilts_eval.models.arguments import parse, parse_generation
    from xstilts_eval.results import render

    arguments = parse(model_args)
    for name in ("pretrained", "data", "split", "store"):
        if name in arguments:
            raise SettingError(f"{name} does not belong into --model-args; give it as xstilts eval's own argument")
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
    board = evaluation.evaluate(settings, output, overwrite, say=printing.remark, store=store or None)
    if board is None:  # the first process shows it
        return
    printing.show(render.terminal(board, languages))
    printing.say(f"results: {output}/results.json   scoreboard: {output}/scoreboard.md   samples: {output}/samples/")
