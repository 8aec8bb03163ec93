"""Ask a checkpoint the cases of MultiCheckList, and count what it gets wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts_eval import __version__, paths, printing
from xstilts_eval.checklist import official, rule, templates
from xstilts_eval.checklist.generate import Case, cases
from xstilts_eval.checklist.templates import TESTS, Template
from xstilts_eval.data import files
from xstilts_eval.data.examples import AskedDocument
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.reading import Json
from xstilts_eval.tables import markdown_table
from xstilts_eval.writing import write_atomically

if TYPE_CHECKING:
    from xstilts_eval.models.encoder import Loaded

log = logging.getLogger("xstilts_eval")

RESULTS, PREDICTIONS, TABLE = "checklist.json", "predictions.jsonl", "checklist.md"
Answer = Callable[[Sequence[AskedDocument]], Sequence[str]]


@dataclass(frozen=True)
class Leaf:
    """One test in one language: `failed` of `cases`, and `questions_failed` of all their `questions`.

    A case fails when any of its questions does. `error_percent` is 100 times the share of failed cases.
    """

    name: str
    test: str
    language: str
    cases: int
    failed: int
    questions: int
    questions_failed: int

    @property
    def error_percent(self) -> float:
        return 100 * self.failed / self.cases


@dataclass(frozen=True)
class Planned:
    """The cases of every test and language by leaf (``multichecklist.comparison.de``), and where templates are from."""

    cases: dict[str, list[Case]]
    source: str
    left_out: tuple[str, ...] = ()


def leaf_name(test: str, language: str) -> str:
    return f"multichecklist.{test}.{language}"


def plan(languages: Sequence[str], tests: Sequence[str], count: int, seed: int, file: Path | None = None) -> Planned:
    """Cases of the tests in the languages; () means all there are templates for.

    `file` is the official ``checklist_templates.tsv``. Raises `UnknownName` for tests and languages that are not there,
    `SettingError` for a count that templates cannot make.
    """
    for test in tests:
        if test not in TESTS:
            raise UnknownName.of("MultiCheckList test", test, TESTS)
    if count < 1:
        raise SettingError(f"--cases {count}; at least one is needed")
    found, source = _templates(languages, file)
    made, left_out = {}, []
    for code, by_test in found.items():
        for test in tests or TESTS:
            name = leaf_name(test, code)
            if test in by_test:
                made[name] = cases(by_test[test], templates.names(code), count, f"{seed} {name}")
            else:
                left_out.append(name)
    if not made:
        raise SettingError(f"{source}: none of the tests asked for can be made ({', '.join(left_out)})")
    return Planned(made, source, tuple(left_out))


def _templates(languages: Sequence[str], file: Path | None) -> tuple[dict[str, dict[str, Template]], str]:
    if file is None:
        return {code: templates.own(code).tests for code in languages or templates.own_languages()}, "xstilts-eval"
    read = official.read(file)
    chosen = languages or [code for code, tests in read.items() if tests]
    return {code: official.of(read, code, file) for code in chosen}, f"{file.name}@{files.sha256(file)[:12]}"


def score(planned: Planned, answer: Answer) -> tuple[list[Leaf], list[dict[str, Json]]]:
    """Counts per leaf, and every question with its prediction; all are asked in one go."""
    documents: list[AskedDocument] = [
        {"id": f"{name}.{number}.{place}", "context": one.context, "question": one.question}
        for name, listed in planned.cases.items()
        for number, case in enumerate(listed)
        for place, one in enumerate(case)
    ]
    predicted = dict(zip((doc["id"] for doc in documents), answer(documents), strict=True))
    leaves: list[Leaf] = []
    rows: list[dict[str, Json]] = []
    for name, listed in planned.cases.items():
        _, test, code = name.split(".")
        failed = wrong = 0
        for number, case in enumerate(listed):
            right = []
            for place, one in enumerate(case):
                prediction = predicted[f"{name}.{number}.{place}"]
                right.append(rule.passes(prediction, one.answer, code))
                rows.append({"leaf": name, "case": number, **asdict(one), "prediction": prediction, "pass": right[-1]})
            failed += not all(right)
            wrong += right.count(False)
        leaves.append(Leaf(name, test, code, len(listed), failed, sum(map(len, listed)), wrong))
    return leaves, rows


def span_head(pretrained: str) -> tuple[Loaded, str]:
    """The span head that answers XQuAD, and the hash of its files; raises `UnfitCheckpoint` without one."""
    import torch
    import transformers

    from xstilts_eval.benchmark import family
    from xstilts_eval.models import checkpoint, spans
    from xstilts_eval.models.batching import default_batch_tokens
    from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
    from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer

    found = checkpoint.resolve(pretrained)
    if found.is_generated(family("xquad")):
        raise UnfitCheckpoint(f"{pretrained} is a language model; MultiCheckList asks a span head trained on SQuAD")
    source = found.head(family("xquad"))
    found.verify(source)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = source.load(transformers.AutoModelForQuestionAnswering).to(device).eval()
    tokenizer = source.tokenizer()
    refuse_foreign_tokenizer(source.name, tokenizer, model)
    runtime = Runtime(device, torch.float32, default_batch_tokens(device), automatic=True)
    positions = model_positions(model)
    return Loaded(model, tokenizer, runtime, min(spans.MAX_LENGTH, positions or spans.MAX_LENGTH), "checklist"), str(
        source.identity
    )


def run(pretrained: str, planned: Planned, seed: int, output: Path, overwrite: bool = False) -> list[Leaf]:
    """Ask, count, and write three files into `output`; raises `SettingError` where it holds results already."""
    if (output / RESULTS).exists() and not overwrite:
        raise SettingError(f"{output / RESULTS} exists; give another --output, or --overwrite")
    from xstilts_eval.models import spans

    head, identity = span_head(pretrained)
    leaves, rows = score(planned, lambda documents: spans.answer(head, documents)[0])
    content = {
        "checkpoint": paths.named(pretrained, output),
        "head": identity,
        "templates": planned.source,
        "seed": seed,
        "left_out": list(planned.left_out),
        "leaves": {leaf.name: asdict(leaf) | {"error_percent": leaf.error_percent} for leaf in leaves},
        "xstilts": __version__,
    }
    output.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_atomically(output / PREDICTIONS, lines)
    write_atomically(output / TABLE, markdown(leaves))
    printing.write_json(content, str(output / RESULTS))
    return leaves


def grid(leaves: Sequence[Leaf]) -> tuple[list[str], list[list[str]]]:
    """Error rates in percent: a row per language, a column per test, the plain mean of the row's tests behind them."""
    tests = [test for test in TESTS if any(leaf.test == test for leaf in leaves)]
    rows = []
    for code in dict.fromkeys(leaf.language for leaf in leaves):
        own = {leaf.test: leaf.error_percent for leaf in leaves if leaf.language == code}
        cells = [f"{own[test]:.1f}" if test in own else "–" for test in tests]
        mean = f"{sum(own.values()) / len(own):.1f}" if len(own) == len(tests) else "–"
        rows.append([code, *cells, mean])
    return ["language", *tests, "mean"], rows


def markdown(leaves: Sequence[Leaf]) -> str:
    """The grid as a Markdown table."""
    header, rows = grid(leaves)
    count = {leaf.cases for leaf in leaves}
    shown = " or ".join(str(number) for number in sorted(count))
    lines = [f"Error rate in percent of {shown} cases a test; a case fails when any of its answers is wrong.", ""]
    return "\n".join([*lines, *markdown_table(header, rows)]) + "\n"
