"""Broken input for every reader: it says so in a sentence of its own, or reads it; nothing else comes out.

An error must be one of ours, quote no cell in full, and come within seconds.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.campaign import mutations
from tests.campaign.mutations import Bytes
from tests.campaign.units import Outcome, Unit
from xstilts_eval.errors import XstiltsError

SECONDS = 20
"""Longest that one small file may take."""
Read = Callable[[Path], object]


@dataclass(frozen=True)
class Subject:
    """Files that somebody else wrote and what reads them: `make` writes good ones into a folder, which `read` gets.

    `broken` maps the files that are broken, one at a time, to how.
    """

    name: str
    make: Callable[[Path], object]
    read: Read
    broken: Mapping[str, Bytes]
    clear: Callable[[], object] = lambda: None
    group: str = ""
    """The row of the table that counts it."""


class TooLong(Exception):
    """A reader that does not come to an end."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    def end(*_: object) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def units(subjects: list[Subject], inputs: int, seed: int) -> list[Unit]:
    """So many broken inputs, shared out among the subjects."""
    each = -(-inputs // len(subjects))
    return [
        Unit(
            "fuzz", subject.group, f"fuzz/{subject.name}/{each}", partial(run, subject, numbers=range(each), seed=seed)
        )
        for subject in subjects
    ]


def run(subject: Subject, folder: Path, numbers: range, seed: int) -> Outcome:
    """Break the subject's files once for every number, each drawn from it alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subject.make(folder)
    good = {name: (folder / name).read_bytes() for name in subject.broken}
    subject.clear()
    with _silent():
        subject.read(folder)  # the good ones are read
    outcome = Outcome()
    for number in numbers:
        draw = random.Random(f"{seed}/{subject.name}/{number}")
        name = draw.choice(sorted(subject.broken))
        (folder / name).write_bytes(subject.broken[name](good[name], draw))
        subject.clear()
        _one(subject, folder, f"{subject.name} {number} ({name})", outcome)
        (folder / name).write_bytes(good[name])
    return outcome


def _one(subject: Subject, folder: Path, place: str, outcome: Outcome) -> None:
    outcome.tried += 1
    try:
        with _silent(), within(SECONDS):
            subject.read(folder)
        outcome.same += 1
    except XstiltsError as error:
        outcome.refused += 1
        text = str(error)
        if re.search("Q{201}", text) or len(text) > 4100:
            outcome.faults.append(f"{place}: a message of {len(text):,} characters: {text[-400:]}")
    except Exception as error:
        where = ""
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if "xstilts_eval" in code.co_filename:
                where = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        outcome.faults.append(f"{place}: {type(error).__name__} at {where}: {str(error)[:200]}")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


# ------------------------------------------------------------------------------------------------- who reads what


def subjects(bundle: Path) -> list[Subject]:
    """Everything that reads a file of somebody else's; `bundle` is a small one with heads of all kinds."""
    groups = {
        "results, samples and run.json": _runs(),
        "checkpoints: config.json, bundle.json, tokenizer, weights, adapter": _checkpoints(bundle),
        "recipes and what training wrote (YAML, JSON)": _recipes(),
        "data files (TSV, CoNLL, SQuAD, JSON lines)": _data(),
        "prediction and label files": _predictions(),
        "zoo, tables of analyses, templates, checksums, arguments": _others(),
    }
    return [replace(one, group=group) for group, found in groups.items() for one in found]


LEAVES: dict[str, list[Any]] = {
    "xtreme.pawsx.de": [1, 0, 1, 1],
    "xtreme.udpos.ko": [(1, 2, 2), (0, 1, 1)],
    "xtreme.xquad.th": [("p", 1.0, 1)],
}


def _run(folder: Path) -> None:
    from tests.result_folders import write_run
    from tests.zoo.small_zoo import content as zoo
    from tests.zoo.small_zoo import written

    written(folder, zoo())
    for name in ("one", "two"):
        write_run(folder / name, LEAVES)
        content = json.loads((folder / name / "results.json").read_text())
        content["config"]["xstilts"] |= {
            "device": "cpu", "processes": 1, "chat_template": False, "versions": {"torch": "2"},
            "trained_on": {"udpos": ["en"]}, "counts": {"udpos": {"cut": 1}}, "model": "xstilts", "rankers": {},
        }  # fmt: skip
        content["xstilts_intervals"] = {"xtreme_pawsx": [0.4, 0.6]}
        content["date"], content["model_name"] = 1.5, "some/checkpoint"
        (folder / name / "results.json").write_text(json.dumps(content))


def _score(folder: Path) -> None:
    from xstilts_eval import printing
    from xstilts_eval.results import record, render, scoreboard

    board = scoreboard.build([record.read(folder / "two")])
    printing.show(render.terminal(board))
    render.markdown(board)
    printing.json_text(board.to_json(), "-")


def _show(folder: Path) -> None:
    from xstilts_eval import printing
    from xstilts_eval.results import show

    shown = show.read(folder / "two")
    printing.show(show.terminal(shown))
    printing.json_text(show.as_json(shown), "-")


def _compare(folder: Path) -> None:
    from xstilts_eval import printing
    from xstilts_eval.results import compare, compare_render
    from xstilts_eval.results.estimates import Options
    from xstilts_eval.zoo import sides

    options = Options(draws=100, resamples=100, allow_different=True)
    found = compare.compare(sides.read_all([str(folder / "one"), str(folder / "two")]), options)
    printing.show(compare_render.terminal(found, options))
    compare_render.markdown(found, options)
    printing.json_text(compare_render.as_json(found, options), "-")


def _gains(folder: Path) -> None:
    from xstilts_eval.results import gains

    found = gains.gains(folder / "one", folder / "two")
    gains.markdown({"two": found})
    gains.as_json({"two": found})


def _report(folder: Path) -> None:
    from xstilts_eval.report import content, page

    found = content.gather([str(folder / "one"), str(folder / "two")])
    page.html(found, "title")
    page.markdown(found, "title")


def _regress(folder: Path) -> None:
    from xstilts_eval.results import record
    from xstilts_eval.zoo import gating, manifest, regress_outputs, regression

    zoo = manifest.load(folder / "zoo.yaml")
    report = regression.regress(zoo, gating.Choice("Tiny", "base"), [record.read(folder / "two")], True)
    regress_outputs.junit(report)
    regress_outputs.markdown(report)


def _exported(folder: Path) -> None:
    from xstilts_eval.results import export

    export.export(folder / "two", folder / "made", folder / "labels", allow_incomplete=True, overwrite=True)


def _kept(folder: Path) -> None:
    from xstilts_eval.results import output

    with output.opened(folder / "two", {"settings": {"pretrained": "a"}}, say=print) as one:
        one.whole(print)


def _kept_run(folder: Path) -> None:
    from xstilts_eval.results import output

    with output.opened(folder / "two", {"settings": {"pretrained": "a"}}) as one:
        one.add("xtreme_xnli", "samples/samples_xtreme.xnli.de.jsonl", b"{}\n")
        one.finish("xtreme_xnli", "{}")


def _with_samples(folder: Path) -> None:
    """Samples with documents and responses, as exports need them."""
    from tests.result_folders import write_run

    write_run(folder / "two", {"xtreme.pawsx.de": [1, 0, 1, 0]})
    rows = []
    for number in range(4):
        doc = {"id": str(number), "premise": "a", "hypothesis": "b", "label": number % 2, "family": "pawsx"}
        rows.append(
            {"doc_id": number, "doc": doc, "filtered_resps": [[-1.0, False], [-2.0, False]], "acc_ci95": ["d", 1]}
        )
    path = folder / "two" / "samples" / "samples_xtreme.pawsx.de.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _runs() -> list[Subject]:
    results = {"two/results.json": mutations.of_json}
    samples = {f"two/samples/samples_{leaf}.jsonl": mutations.of_json_lines for leaf in LEAVES}
    return [
        Subject("results: score", _run, _score, results),
        Subject("results: show", _run, _show, results),
        Subject("results: compare", _run, _compare, results),
        Subject("results: report", _run, _report, results),
        Subject("results: regress", _run, _regress, results),
        Subject("samples: compare", _run, _compare, samples),
        Subject("samples: gains", _run, _gains, samples),
        Subject("samples: report", _run, _report, samples),
        Subject(
            "samples: export", _with_samples, _exported,
            results | {"two/samples/samples_xtreme.pawsx.de.jsonl": mutations.of_json_lines},
        ),
        Subject("run.json", _kept_run, _kept, {"two/run.json": mutations.of_json}),
    ]  # fmt: skip


def _checkpoints(bundle: Path) -> list[Subject]:
    def copied(folder: Path) -> None:
        import os

        shutil.copytree(bundle, folder / "bundle", copy_function=os.link)
        for path in [*(folder / "bundle").rglob("*.json"), *(folder / "bundle" / "panx").iterdir()]:  # are written to
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        (folder / "bundle" / "encoder" / "modules.json").write_text(
            json.dumps([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])
        )  # fmt: skip
        (folder / "bundle" / "encoder" / "1_Pooling").mkdir()
        (folder / "bundle" / "encoder" / "1_Pooling" / "config.json").write_text(
            json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
        )
        (folder / "bundle" / "encoder" / "sentence_bert_config.json").write_text(
            json.dumps({"max_seq_length": 64, "do_lower_case": False})
        )
        (folder / "adapter").mkdir()
        (folder / "adapter" / "adapter_config.json").write_text(
            json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(folder / "bundle" / "encoder"), "r": 4,
                        "lora_alpha": 8, "target_modules": ["query"], "task_type": "FEATURE_EXTRACTION"})
        )  # fmt: skip
        content = json.loads((folder / "bundle" / "bundle.json").read_text())
        content.pop("sha256", None)
        (folder / "bundle" / "bundle.json").write_text(json.dumps(content))

    def served(folder: Path) -> None:
        from xstilts_eval.benchmark import XTREME
        from xstilts_eval.errors import UnfitCheckpoint
        from xstilts_eval.models.checkpoint import resolve

        found = resolve(str(folder / "bundle"))
        for family in XTREME:
            with contextlib.suppress(UnfitCheckpoint):
                found.check(family)
        found.fingerprint()

    def reported(folder: Path) -> None:
        from xstilts_eval import printing
        from xstilts_eval.models import bundle_report

        found = bundle_report.report(folder / "bundle")
        printing.show(bundle_report.table(found))
        printing.json_text(found, "-")

    def plain(folder: Path) -> None:
        from xstilts_eval.benchmark import family
        from xstilts_eval.models.checkpoint import resolve

        resolve(str(folder / "bundle" / "panx")).check(family("panx"))

    def vectors(folder: Path) -> None:
        from xstilts_eval.models.checkpoint import resolve

        resolve(str(folder / "bundle" / "encoder"))

    def tokenized(folder: Path) -> None:
        from xstilts_eval.models.source import Source

        tokenizer = Source(str(folder / "bundle" / "panx")).tokenizer()
        tokenizer(["ein", "Satz"], is_split_into_words=True)

    def loaded(folder: Path) -> None:
        from transformers import AutoModelForTokenClassification

        from xstilts_eval.models.source import Source

        Source(str(folder / "bundle" / "panx")).load(AutoModelForTokenClassification)

    def adapted(folder: Path) -> None:
        from xstilts_eval.models.checkpoint import resolve

        resolve(str(folder / "adapter"))

    json_ = mutations.of_json
    return [
        Subject("bundle.json: eval", copied, served, {"bundle/bundle.json": json_}),
        Subject("bundle.json: show", copied, reported, {"bundle/bundle.json": json_}),
        Subject("config.json", copied, plain, {"bundle/panx/config.json": json_}),
        Subject(
            "tokenizer", copied, tokenized,
            {f"bundle/panx/{name}": json_ for name in ("tokenizer.json", "tokenizer_config.json")},
        ),
        Subject(
            "weights", copied, loaded,
            {"bundle/panx/config.json": json_, "bundle/panx/model.safetensors": mutations.damaged},
        ),
        Subject(
            "sentence-transformers", copied, vectors,
            {f"bundle/encoder/{name}": json_ for name in
             ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")},
        ),
        Subject("adapter_config.json", copied, adapted, {"adapter/adapter_config.json": json_}),
    ]  # fmt: skip


RECIPE = """
name: squad
base: {model: some/model, revision: "0123456789012345678901234567890123456789"}
intermediate:
  - tasks: [squad, {name: mnli, weight: 2, settings: {limit: 10}}]
    mixture: {method: capped, cap: 100}
    mlm: {share: 0.2, languages: [de, sw], folder: texts}
    settings: {epochs: 1}
targets: {tasks: [udpos, {name: panx, source_language: [en]}], settings: {learning_rate: 1.0e-05, epochs: 1}}
seeds: [1, 2]
"""


def _recipes() -> list[Subject]:
    def recipe(folder: Path) -> None:
        (folder / "recipe.yaml").write_text(RECIPE)

    def read(folder: Path) -> None:
        from xstilts_eval.training import recipe

        recipe.read(folder / "recipe.yaml")

    def trained(folder: Path) -> None:
        from xstilts_eval.training.recipe import read as read_recipe

        recipe(folder)
        found = read_recipe(folder / "recipe.yaml")
        (folder / "run").mkdir()
        content = {"recipe": found.model_dump(mode="json"), "seed": 1, "stages": {"abc": "../stages/squad-abc"}}
        (folder / "run" / "recipe.json").write_text(json.dumps(content))
        (folder / "stages" / "squad-abc").mkdir(parents=True)
        outcome = {"losses": [[1, 0.5], [2, 0.4]], "scores": [{"step": 2, "seconds": 1.0, "score": 0.5, "acc": 0.5}],
                   "steps": 2, "tokens": 10, "seconds": 1.0, "best_step": 2}  # fmt: skip
        record = {"key": "abc", "outcome": outcome, "rows": {}, "mixture": {}}
        (folder / "stages" / "squad-abc" / "stage.json").write_text(json.dumps(record))

    def checked(folder: Path) -> None:
        from xstilts_eval.training import run
        from xstilts_eval.training.recipe import read as read_recipe

        run.check_output(read_recipe(folder / "recipe.yaml"), folder / "run", overwrite=False)

    def reported(folder: Path) -> None:
        from xstilts_eval.report import training

        stages = training._stages("run", "1", folder / "run")
        assert all(stage.steps is not None for stage in stages)

    def reported_or_told(folder: Path) -> None:
        """The report puts what cannot be read into a warning."""
        from pydantic import ValidationError

        with contextlib.suppress(OSError, ValueError, ValidationError):
            reported(folder)

    def job(folder: Path) -> None:
        trained(folder)
        found = json.loads((folder / "run" / "recipe.json").read_text())["recipe"]
        content = {"key": "abc", "name": "squad", "seed": 1, "parent": None, "recipe": found, "data": "sample",
                   "stages": str(folder / "stages")}  # fmt: skip
        (folder / "job.json").write_text(json.dumps(content))

    def sent(folder: Path) -> None:
        from pydantic import ValidationError

        from xstilts_eval import reading
        from xstilts_eval.training.sweep import Job

        with contextlib.suppress(ValidationError):  # a file of ours, from one of our processes to another
            Job.model_validate(reading.read_json(folder / "job.json", "a job of a sweep"))

    return [
        Subject("recipe.yaml", recipe, read, {"recipe.yaml": mutations.of_yaml}),
        Subject("recipe.json", trained, checked, {"run/recipe.json": mutations.of_json}),
        Subject(
            "stage.json: report", trained, reported_or_told,
            {"run/recipe.json": mutations.of_json, "stages/squad-abc/stage.json": mutations.of_json},
        ),
        Subject("job of a sweep", job, sent, {"job.json": mutations.of_json}),
    ]  # fmt: skip


def _data() -> list[Subject]:
    from xstilts_eval.benchmark import FAMILIES, FLORES_PAIR
    from xstilts_eval.data import flores, intermediate, sources
    from xstilts_eval.paths import sample_path
    from xstilts_eval.training_tasks import training_task

    sample = sample_path()

    def copies(paths: tuple[Path, ...]) -> Callable[[Path], None]:
        def make(folder: Path) -> None:
            for path in paths:
                target = folder / path.relative_to(sample)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())

        return make

    def broken(paths: tuple[Path, ...]) -> dict[str, Bytes]:
        return {path.relative_to(sample).as_posix(): _by_ending(path) for path in paths}

    def clear() -> None:
        flores._lines.cache_clear()
        flores._articles.cache_clear()

    found = []
    for family in FAMILIES.values():
        if family.suite in (FLORES_PAIR, "bitext", "beyond") or family.like:
            continue
        language = family.languages[0]
        paths = sources.load(family, language, "test", sample).files

        def read(folder: Path, family: Any = family, language: str = language) -> None:
            sources.load(family, language, "test", folder)

        found.append(Subject(f"data of {family.group}", copies(paths), read, broken(paths), clear))
    for name in ("snli", "anli_r1", "qqp", "squad_v2", "lareqa", "hellaswag", "ccg", "cosmosqa", "commonsenseqa",
                 "siqa", "copa"):  # fmt: skip
        task = training_task(name)
        paths = intermediate.load(task, "train", sample).files

        def train(folder: Path, task: Any = task) -> None:
            intermediate.load(task, "train", folder)

        found.append(Subject(f"training data of {name}", copies(paths), train, broken(paths)))
    return [*found, _translated(), _fetched()]


def _by_ending(path: Path) -> Bytes:
    if path.suffix == ".json":
        return mutations.of_json
    return mutations.of_json_lines if path.suffix == ".jsonl" else mutations.of_table


def _translated() -> Subject:
    from xstilts_eval.data import translated
    from xstilts_eval.data.examples import Pair

    def make(folder: Path) -> None:
        examples = [Pair(str(number), "ein Satz", "noch einer", number % 3) for number in range(3)]
        lines = translated.text(examples, "mnli", "de")
        manifest = translated.Manifest(
            task="mnli", language="de", split="train", source_revision="0", source_notes=(), model="a@1", settings={},
            versions={}, examples=3, written=3, dropped={}, sha256=translated.digest(lines),
        )  # fmt: skip
        translated.write(translated.place(folder, "mnli", "de", "train"), lines, manifest)

    def read(folder: Path) -> None:
        translated.load("mnli", "de", "train", folder)

    rows = translated.place(Path(), "mnli", "de", "train")
    manifest = translated.manifest_place(rows)
    broken = {rows.as_posix(): mutations.of_json_lines, manifest.as_posix(): mutations.of_json}
    return Subject("translations", make, read, broken)


def _fetched() -> Subject:
    from xstilts_eval.data import fetch

    def make(folder: Path) -> None:
        (folder / "a.tsv").write_text("x\n")
        entry = fetch.Entry(
            "xnli", ("de",), "test", "hub", "a/b", "0" * 40, {"x": "1"}, {"a.tsv": "2"}, 3, "none"
        )  # fmt: skip
        fetch._enter(folder, entry)

    def read(folder: Path) -> None:
        fetch.manifest(folder)
        fetch.provenance(folder, [folder / "a.tsv"])
        from xstilts_eval.benchmark import family

        fetch._is_there((family("xnli"), "de", "test"), folder)

    return Subject("fetched.json", make, read, {fetch.MANIFEST: mutations.of_json}, fetch._read_manifest.cache_clear)


def _predictions() -> list[Subject]:
    """Prediction and label files of all kinds, two languages of each."""
    from xstilts_eval.results import official, validate

    files = {
        "xnli/test-{}.tsv": "entailment\nneutral\ncontradiction\n",
        "panx/test-{}.tsv": "B-PER\nI-PER\nO\n\nO\n\n",
        "xquad/test-{}.json": json.dumps({"a": "one", "b": "two"}),
        "tatoeba/test-{}.tsv": "0\n1\n2\n",
        "bucc2018/test-{}.tsv": "de-1\ten-1\nde-2\ten-2\n",
    }
    gold = {
        "xquad/test-{}.json": json.dumps(
            {"data": [{"paragraphs": [{"context": "one two", "qas": [
                {"id": name, "question": "?", "answers": [{"text": "one", "answer_start": 0}]} for name in "ab"
            ]}]}]}
        )
    }  # fmt: skip

    def make(folder: Path) -> None:
        for root, own in (("predictions", files), ("labels", files | gold)):
            for name, text in own.items():
                for language in ("de", "zh"):
                    path = folder / root / name.format(language)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)

    def score(folder: Path) -> None:
        official.score_predictions(folder / "predictions", folder / "labels", allow_incomplete=True)

    def check(folder: Path) -> None:
        found = validate.check(folder / "predictions", folder / "labels")
        list(validate.listing(found.problems))

    def broken(*roots: str) -> dict[str, Bytes]:
        return {f"{root}/{name.format('de')}": _by_ending(Path(name)) for root in roots for name in files}

    return [
        Subject("predictions: score", make, score, broken("predictions", "labels")),
        Subject("predictions: check", make, check, broken("predictions", "labels")),
    ]


def _others() -> list[Subject]:
    from xstilts_eval.analysis import observations
    from xstilts_eval.analysis.scaling import sources as scaling
    from xstilts_eval.checklist import templates
    from xstilts_eval.zoo import check, manifest

    def zoo(folder: Path) -> None:
        from tests.zoo.small_zoo import content, written

        written(folder, content())

    def read_zoo(folder: Path) -> None:
        check.check(manifest.load(folder / "zoo.yaml"))

    def table(folder: Path) -> None:
        rows = ["model,benchmark,language,score,outcome,half_width,parameters,baseline,seeds"]
        rows += [f"m{number},xnli,{code},{50 + number},score,1.0,{10 ** (6 + number)},50,1" for number in range(3)
                 for code in ("de", "sw", "zh")]  # fmt: skip
        (folder / "table.csv").write_text("\n".join(rows) + "\n")

    def read_table(folder: Path) -> None:
        observations.from_table(observations.read_table(folder / "table.csv"))
        scaling.sized_from_table(folder / "table.csv", "avg")

    def words(folder: Path) -> None:
        (folder / "de.yaml").write_bytes((templates.FOLDER / f"{templates.own_languages()[0]}.yaml").read_bytes())

    def sums(folder: Path) -> None:
        (folder / "a.tsv").write_text("x\n")
        (folder / "SHA256SUMS").write_text(f"{'0' * 64}  b.tsv\n{'1' * 64} *c.tsv\n")

    def read_sums(folder: Path) -> None:
        from xstilts_eval.data import files

        files.read_text(folder / "a.tsv")

    def signature(folder: Path) -> None:
        (folder / "signature").write_text(
            "xtreme.pawsx.de|data:sample@0123456789ab|split:test|acc|v1|ckpt:aaaaaaaaaaaa|dtype:float32|v:0.1.0"
        )

    def parse(folder: Path) -> None:
        from xstilts_eval.results.signature import Signature

        with contextlib.suppress(ValueError):
            Signature.parse((folder / "signature").read_bytes().decode("utf-8", "replace"))

    def arguments(folder: Path) -> None:
        (folder / "arguments").write_text("layer=7,pooling=mean,batch_tokens=1000,prompt='query: ',dtype=float32")

    def parse_arguments(folder: Path) -> None:
        from xstilts_eval.models import arguments

        text = (folder / "arguments").read_bytes().decode("utf-8", "replace")
        arguments.read({"pretrained": "a", **arguments.parse(text)})

    return [
        Subject("zoo", zoo, read_zoo, {"zoo.yaml": mutations.of_yaml}),
        Subject("tables of analyses", table, read_table, {"table.csv": mutations.of_table}),
        Subject("checklist templates", words, lambda folder: templates.read(folder / "de.yaml"),
                {"de.yaml": mutations.of_yaml}),
        Subject("SHA256SUMS", sums, read_sums, {"SHA256SUMS": mutations.of_table}),
        Subject("signatures", signature, parse, {"signature": mutations.damaged}),
        Subject("model arguments", arguments, parse_arguments, {"arguments": mutations.damaged}),
    ]  # fmt: skip
