"""`xstilts`: parse, call one function, print. Heavy imports stay inside the commands."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from xstilts_eval import __version__, printing
from xstilts_eval.analysis.command import app as analyze_app
from xstilts_eval.checklist.command import checklist
from xstilts_eval.errors import SettingError, XstiltsError
from xstilts_eval.report.command import report
from xstilts_eval.results.compare_command import compare
from xstilts_eval.results.export_command import export
from xstilts_eval.results.show_command import show
from xstilts_eval.translation.command import translate
from xstilts_eval.weights.command import weights
from xstilts_eval.wording import BASELINE_HELP, counted
from xstilts_eval.writing import check_files, write_atomically
from xstilts_eval.zoo.command import zoo_app
from xstilts_eval.zoo.regress_command import regress

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
data_app = typer.Typer(no_args_is_help=True, help="What data is there, and how to get the rest.")
bundle_app = typer.Typer(no_args_is_help=True, help="Checkpoint folders that serve task families.")
app.add_typer(data_app, name="data")
app.add_typer(bundle_app, name="bundle")
app.add_typer(analyze_app, name="analyze")
app.add_typer(zoo_app, name="zoo")

DATA_HELP = "Data folder in the official formats, 'hub' or 'sample'; default: XSTILTS_DATA, else the bundled sample."


def main() -> None:
    """Entry point: one sentence and exit code 2 for a known error, 130 for Ctrl-C."""
    # OpenMP's threads spin while they wait; beside any other work that makes torch several times slower (measured: 9x).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except XstiltsError as error:
        print(f"xstilts: error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"xstilts: error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        sys.exit(2)
    except _Interrupted:
        print("\nxstilts: interrupted; what is finished is kept", file=sys.stderr)
        sys.exit(130)


class _Interrupted(BaseException):
    """Ctrl-C under a name that the command-line library does not turn into a bare "Aborted"."""


def _interrupt(*_: object) -> None:
    raise _Interrupted


@app.command("eval")
def eval_(
    pretrained: str = typer.Argument(help="Bundle, checkpoint folder or hub id."),
    tasks: str = typer.Option("xtreme_*", "--tasks", "-t", help="Groups, leaves or globs, separated by commas."),
    output: Path = typer.Option(Path("results"), "--output", "-o", help="Folder for results, samples, scoreboard."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    split: str | None = typer.Option(None, help="test (default), dev, or train of languages but English."),
    limit: float | None = typer.Option(None, help="First N documents of each leaf; pools stay whole, BUCC is cut."),
    num_fewshot: int = typer.Option(0, min=0, help="English examples in every prompt of a language model."),
    apply_chat_template: bool = typer.Option(False, "--apply-chat-template", help="Prompts as a conversation."),
    gen_kwargs: str = typer.Option("", "--gen-kwargs", help="How text is generated: max_gen_toks=2048, do_sample=…"),
    model_args: str = typer.Option("", "--model-args", "-a", help="Adapter arguments: key=value,key=value, or JSON."),
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
    for name in ("pretrained", "data", "split"):
        if name in arguments:
            raise SettingError(f"{name} does not belong into --model-args; give it as xstilts eval's own argument")
    settings = evaluation.Settings(
        pretrained=pretrained,
        tasks=tuple(part for part in tasks.split(",") if part),
        data=data,
        split=split,
        limit=limit,
        num_fewshot=num_fewshot,
        apply_chat_template=apply_chat_template,
        model_args=tuple(sorted(arguments.items())),
        gen_kwargs=tuple(sorted(parse_generation(gen_kwargs).items())),
    )
    board = evaluation.evaluate(settings, output, overwrite, say=lambda line: print(line, file=sys.stderr))
    if board is None:  # the first process shows it
        return
    printing.show(render.terminal(board, languages))
    print(f"results: {output}/results.json   scoreboard: {output}/scoreboard.md   samples: {output}/samples/")


@app.command()
def score(
    results: list[Path] = typer.Argument(None, help="Results files or output folders of xstilts eval or lm_eval."),
    predictions: Path | None = typer.Option(None, help="Folder of prediction files in the leaderboard's layout."),
    labels: Path | None = typer.Option(None, help="Folder of label files, same layout."),
    version: str = typer.Option("xtreme", help="With --predictions: xtreme or xtreme-r."),
    allow_incomplete: bool = typer.Option(
        False, "--allow-incomplete", help="With --predictions: score the languages that both folders have."
    ),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
    languages: bool = typer.Option(True, help="Show the table by language."),
) -> None:
    """Make the official scoreboard from results, or score prediction files as the benchmark's evaluator does."""
    check_files(markdown, json_)
    if predictions or labels:
        if not (predictions and labels) or results:
            raise SettingError("scoring files needs --predictions and --labels together, and no RESULTS")
        from xstilts_eval.results.official import score_predictions

        printing.write_json(score_predictions(predictions, labels, version, allow_incomplete), json_ or "-")
        return
    if not results:
        raise SettingError("give RESULTS, or --predictions and --labels")
    from xstilts_eval.results import record, render, scoreboard

    board = scoreboard.build([record.read(path) for path in results])
    if json_:
        printing.write_json(board.to_json(), json_)
    if markdown:
        write_atomically(markdown, render.markdown(board))
    if json_ != "-":
        printing.show(render.terminal(board, languages))


@app.command()
def gains(
    given: list[Path] = typer.Argument(
        metavar="RUNS...", help="Runs scored in the same way: results of xstilts eval, or seed-N/INNER in a folder."
    ),
    baseline: str | None = typer.Option(None, help=BASELINE_HELP),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
) -> None:
    """Points that intermediate training gains over the baseline, by family and language, with 95 % intervals."""
    from xstilts_eval.results import gains as results
    from xstilts_eval.results import sides
    from xstilts_eval.results.alignment import Reader
    from xstilts_eval.results.run import names as run_names

    check_files(markdown, json_)
    first, runs = sides.over_baseline([*map(str, given)], baseline)
    reader = Reader()
    names = run_names(runs)
    pairings = {
        name: results.pair_seeds(Path(first), Path(run), inner, reader) for name, run in zip(names, runs, strict=True)
    }
    found = {name: [gain for family in one.families for gain in one.gains(family)] for name, one in pairings.items()}
    left_out = {name: one.left_out for name, one in pairings.items()}
    if json_:
        printing.write_json(results.as_json(found, left_out), json_)
    if markdown:
        write_atomically(markdown, results.markdown(found, left_out))
    if json_ != "-":
        printing.show(results.table(found, left_out))


@data_app.command("status")
def data_status(
    data: str | None = typer.Option(None, help=DATA_HELP),
    family: str | None = typer.Option(None, help="Only this family."),
    split: str = typer.Option("test", help="test, dev or train."),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Family by family and language by language: what was found where, rows, licence, what is missing."""
    from dataclasses import asdict

    from xstilts_eval.benchmark import family as find_family
    from xstilts_eval.data.status import status
    from xstilts_eval.tasks.documents import resolve_folder

    folder, source = resolve_folder(data)
    rows = status(folder, split, [find_family(family)] if family else None, source == "sample", source == "hub")
    if json_:
        printing.write_json([asdict(row) for row in rows], "-")
        return
    from xstilts_eval.tables import status_report

    printing.show(status_report(rows, f"{source}: {folder}"))


@data_app.command("fetch")
def data_fetch(
    families: list[str] = typer.Argument(None, help="Families (xnli, bitext_tatoeba); default: XTREME's nine."),
    output: Path = typer.Option(..., "--output", "-o", help="Data folder to fill; what it has already is kept."),
    languages: str = typer.Option("", help="Only these languages, separated by commas."),
    split: list[str] = typer.Option(["test"], help="test, dev or train; may be given several times."),
    from_: str = typer.Option("hub", "--from", help="hub (pinned commits) or archives (the publishers' own files)."),
    revision: list[str] = typer.Option(
        [], help="REPOSITORY=COMMIT: another commit, branch or tag than the pinned one."
    ),
    timeout: float | None = typer.Option(None, help="Seconds without an answer; default: HF_HUB_DOWNLOAD_TIMEOUT, 10."),
) -> None:
    """Bring the benchmark's data into a folder in the official layout; call again to go on after an interruption.

    Checksums are compared, fetched.json in the folder says where every file came from, and nothing half-written stays.
    HF_ENDPOINT, HF_TOKEN and HF_HOME are the hub's own settings.
    """
    from xstilts_eval.data import fetch

    leaves = fetch.select(families or [], languages.split(",") if languages else None, split)
    pins = fetch.parse_revisions(revision)
    summary = fetch.fetch(
        leaves, output, fetch.parse_origin(from_), pins, timeout, lambda line: print(line, file=sys.stderr)
    )
    absent = len(leaves) - summary.fetched - summary.kept
    there = f"; score them with --data {output} or XSTILTS_DATA={output}" if absent < len(leaves) else ""
    print(
        f"{counted(summary.fetched, 'leaf', 'leaves')} fetched, {summary.kept} already there, {absent} not to be had "
        f"from {from_}{there}"
    )
    if not there:
        raise typer.Exit(2)


@bundle_app.command("show")
def bundle_show(
    folder: Path,
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List a bundle's parts with class, labels, size and hash, and check that no file is missing or changed."""
    from xstilts_eval.models.bundle_report import report, table

    parts = report(folder)
    if json_:
        printing.write_json(parts, "-")
    else:
        printing.show(table(parts))
    if any(part.get("problem") for part in parts["parts"]):
        raise typer.Exit(1)


@bundle_app.command("make")
def bundle_make(
    output: Path = typer.Argument(help="Folder of the bundle to write."),
    encoder: str | None = typer.Option(None, help="What serves retrieval: a folder (copied) or owner/name@revision."),
    head: list[str] = typer.Option([], help="FAMILY=folder or FAMILY=owner/name@revision; once per family."),
    label_order: list[str] = typer.Option([], help="FAMILY=a|b|c, for a head whose own names say nothing."),
    first_piece: list[str] = typer.Option([], help="FAMILY=text, for a tagger trained on a word's first text."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace another bundle."),
) -> None:
    """Put existing checkpoints together into one bundle: folders are copied, hub checkpoints referred to."""
    from xstilts_eval import bundle
    from xstilts_eval.models.bundle_report import refuse_label_order

    heads, orders = _pairs(head, "--head"), _pairs(label_order, "--label-order")
    if not (encoder or heads):
        raise SettingError("give --encoder, --head FAMILY=CHECKPOINT, or both")
    pieces = _pairs(first_piece, "--first-piece")
    made = bundle.make(output, encoder, heads, orders, overwrite, refuse_label_order, pieces)
    print(f"{output}: encoder {made.encoder or 'none'}; heads for {', '.join(made.heads) or 'no family'}")


@app.command("fit-head")
def fit_head(
    base: str = typer.Argument(help="Base encoder: a folder with safetensors weights."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder of the bundle to write."),
    into: Path | None = typer.Option(None, help="Bundle of the same base that gets the head; its others stay."),
    family: str = typer.Option(
        "udpos", help="xnli, pawsx, udpos, panx, tydiqa; xquad or mlqa (SQuAD): one head for all three QA families."
    ),
    data: str | None = typer.Option(None, help=DATA_HELP),
    split: str = typer.Option("train", help="English split to train on: train or dev."),
    limit: int | None = typer.Option(None, min=1, help="Train on so many examples, drawn with the seed."),
    epochs: int | None = typer.Option(None, min=1, help="Default: 8 for tagging, 4 for pairs, 2 for questions."),
    learning_rate: float = typer.Option(1e-4, min=0.0, help="Highest rate; a tenth of the steps leads up to it."),
    batch_size: int = typer.Option(16, min=1),
    max_length: int | None = typer.Option(None, help="Sub-words; default: the benchmark's, 128 or 384."),
    dtype: str = typer.Option("float32", help="float32, or bfloat16 (autocast)."),
    first_piece: str = typer.Option("any", help="Piece of a word that has its tag: any (the first), or text."),
    seed: int = typer.Option(1),
    overwrite: bool = typer.Option(False, "--overwrite"),
) -> None:
    """Fit a head on English data and write a bundle: the head, and the base for retrieval."""
    target = output or into
    if target is None or (output and into):
        raise SettingError("give either --output (a new bundle) or --into (an existing one that gets the head)")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.training.heads import Settings, fit

    settings = Settings(
        base=base,
        family=family,
        data=data,
        split=split,
        limit=limit,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        dtype=dtype,
        first_piece=first_piece,
        seed=seed,
    )
    print(fit(settings, target, overwrite, into=into is not None))


app.command()(translate)
app.command()(checklist)
app.command()(report)
app.command()(regress)
app.command()(compare)
app.command()(show)
app.command()(export)
app.command()(weights)


@app.command()
def train(
    recipe: str | None = typer.Argument(None, help="A recipe: a YAML file, or the name of a shipped one."),
    base: str | None = typer.Option(None, help="Base: a folder or owner/name@commit; replaces the recipe's."),
    intermediate: str = typer.Option("", help="Without a recipe: intermediate tasks, in one stage: squad,hellaswag."),
    targets: str = typer.Option("", help="Without a recipe: families to train on, e.g. xquad,udpos."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder of the bundle; default runs/NAME."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    stages: Path | None = typer.Option(
        None, help="Folder of trained stages, shared by recipes; default beside output."
    ),
    seeds: str = typer.Option("", help="Seeds, separated by commas; several give output/seed-N."),
    set_: list[str] = typer.Option([], "--set", help="targets.epochs=1 or intermediate.limit=500; may be repeated."),
    report_to: str = typer.Option("", help="Trackers of transformers, e.g. tensorboard,wandb."),
    plan: bool = typer.Option(False, "--plan", help="Show stages, steps, tokens, FLOPs, disk and time; train nothing."),
    on: str | None = typer.Option(None, help="With --plan: devices to estimate for, e.g. 8xA100."),
    json_: bool = typer.Option(False, "--json", help="With --plan: print JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a run that another recipe made in output."),
) -> None:
    """Train what a recipe says, stage by stage, and write a bundle; the same command goes on after an interruption."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.training import command, planning

    wanted = command.recipe_of(recipe, base, _list(intermediate), _list(targets), _list(seeds), set_)
    target = output or Path("runs") / wanted.name
    if plan:
        found, machine = command.plan(wanted, target, data, stages, on)
        if json_:
            printing.write_json(planning.as_json(found, machine), "-")
        else:
            printing.show(planning.table(found, machine))
        return
    command.train(wanted, target, data, stages, _list(report_to), overwrite)


@app.command()
def sweep(
    recipes: list[str] = typer.Argument(help="Recipes: YAML files, or names of shipped ones."),
    base: list[str] = typer.Option([], help="Base: a folder or owner/name@commit; several are compared."),
    seeds: str = typer.Option("", help="Seeds of every recipe, separated by commas; default: each recipe's own."),
    output: Path = typer.Option(Path("runs"), "--output", "-o", help="Bundles go to OUTPUT/[BASE/]RECIPE/seed-N."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    stages: Path | None = typer.Option(None, help="Folder of trained stages; default OUTPUT/stages."),
    set_: list[str] = typer.Option([], "--set", help="targets.epochs=1 or intermediate.limit=500; may be repeated."),
    workers: int | None = typer.Option(
        None, min=0, help="Stages at once; default: one per GPU, or per 4 cores. 0: one by one in this process."
    ),
    gpus_per_stage: float | None = typer.Option(None, min=0, help="Default 1; 0.5: two share one; 8: 8 processes."),
    address: str | None = typer.Option(None, help="A running Ray cluster that shares all folders: auto, or ray://…"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace runs that other recipes made in OUTPUT."),
) -> None:
    """Train recipes x bases x seeds as one graph of stages on Ray; the same command goes on after an interruption.

    Stages that runs share are trained once. A failed stage fails only what goes on from it; exit code 1 then.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval import own_datasets
    from xstilts_eval.training import sweep as sweeps
    from xstilts_eval.training.sweep_ray import Pool

    if workers != 0 and any(own_datasets.file_of(one) for one in own_datasets.own()):
        raise SettingError("Ray's workers do not know the datasets of --include; give --workers 0")
    pool = Pool(workers, gpus_per_stage, address)
    if workers != 0:
        pool.check()
    planned = sweeps.plan(recipes, base, _list(seeds), set_, output, data, stages, overwrite)
    report = sweeps.carry_out(planned, sweeps.one_by_one if workers == 0 else pool.execute, _say)
    printing.show(sweeps.table(planned, report))
    print("\n".join(sweeps.outcome(planned, report)))
    if report.has_failed:
        raise typer.Exit(1)


def _say(line: str) -> None:
    print(line, flush=True)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@app.command("tasks-path")
def tasks_path(
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Write the YAMLs of your own datasets (--include, installed packages) here."
    ),
) -> None:
    """Print the folder of task YAMLs, for `lm_eval --include_path`; with --output that of your own datasets."""
    from xstilts_eval import own_datasets
    from xstilts_eval.paths import tasks_path as path

    if output is None:
        print(path())
        return
    from xstilts_eval.tasks import generate

    datasets = own_datasets.own()
    if not datasets:
        raise SettingError("--output writes datasets of your own, and there is none: give --include FILE.py")
    generate.write_own(output, datasets)
    print(output)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


INCLUDE_HELP = "Python file with a dataset of your own (docs/own-dataset.md); may be repeated."


def _including(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with ``--include FILE``, and with the datasets of installed packages."""

    @functools.wraps(command)
    def run(*args: Any, include: list[Path], **options: Any) -> Any:
        from xstilts_eval import own_datasets

        for path in include:
            own_datasets.include(path)
        own_datasets.load_installed()
        return command(*args, **options)

    given = inspect.signature(command)
    option = typer.Option([], "--include", help=INCLUDE_HELP)
    own = inspect.Parameter("include", inspect.Parameter.KEYWORD_ONLY, default=option, annotation=list[Path])
    run.__signature__ = given.replace(parameters=[*given.parameters.values(), own])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "include": list[Path]}
    return run


for _app in (app, data_app, bundle_app, analyze_app, zoo_app):
    for _command in _app.registered_commands:
        if _command.callback is not None and _command.callback is not version:
            _command.callback = _including(_command.callback)


def _pairs(given: list[str], option: str) -> dict[str, str]:
    """``FAMILY=VALUE`` options as a dictionary; raises `SettingError`, also for a family given twice."""
    found: dict[str, str] = {}
    for text in given:
        family, sign, value = text.partition("=")
        if not (sign and family and value):
            raise SettingError(f"cannot read {option} {text!r}; write {option} FAMILY=…")
        if family in found:
            raise SettingError(f"{option} is given twice for {family} ({found[family]} and {value}); keep one")
        found[family] = value
    return found


if __name__ == "__main__":
    main()
