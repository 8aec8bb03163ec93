"""`xstilts analyze`: the research questions, one module each; each makes a report, writes it and prints it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from xstilts_eval import extras
from xstilts_eval.commands.adding import adding
from xstilts_eval.commands.analyze.distance import distance
from xstilts_eval.commands.analyze.morphology import morphology
from xstilts_eval.commands.analyze.multilingual import multilingual
from xstilts_eval.commands.analyze.pitfalls import pitfalls
from xstilts_eval.commands.analyze.relatedness import relatedness
from xstilts_eval.commands.analyze.scaling import scaling

app = typer.Typer(no_args_is_help=True, help="Research questions: what gains and gaps depend on.")


def with_libraries(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command, refused before anything is read where a library is missing; its help is shown all the same."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        extras.need("analysis", "the analyses need")
        return command(*args, **options)

    return adding(run, command, {})


for _command in (distance, scaling, relatedness, pitfalls, morphology, multilingual):
    app.command()(with_libraries(_command))
