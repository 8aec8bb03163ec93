"""`xstilts analyze`: the research questions, one module each; each makes a report, writes it and prints it."""

from __future__ import annotations

import typer

from xstilts_eval import extras
from xstilts_eval.commands.analyze.distance import distance
from xstilts_eval.commands.analyze.morphology import morphology
from xstilts_eval.commands.analyze.multilingual import multilingual
from xstilts_eval.commands.analyze.pitfalls import pitfalls
from xstilts_eval.commands.analyze.relatedness import relatedness
from xstilts_eval.commands.analyze.scaling import scaling

HELP = "Research questions: what gains and gaps depend on, with pictures."
app = typer.Typer(no_args_is_help=True, help=HELP)


@app.callback(help=HELP)
def check_libraries() -> None:
    """Refuse, before anything is read, where a library that the analyses need is not installed."""
    extras.need("analysis", "the analyses need")


for _command in (distance, scaling, relatedness, pitfalls, morphology, multilingual):
    app.command()(_command)
