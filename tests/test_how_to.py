"""The examples of docs/add-*.md, run as the pages have them."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager

import xstilts_eval as xs
from tests.report.made_runs import pattern, write_run
from tests.test_own_datasets import FILE, _a_register_of_its_own, deliveries, typed, written  # noqa: F401
from xstilts_eval import kinds, own_datasets
from xstilts_eval.data import sources
from xstilts_eval.errors import DataError
from xstilts_eval.models.answering import CLASSIFIERS
from xstilts_eval.models.heads import HEADS
from xstilts_eval.results import intervals, samples
from xstilts_eval.tasks import generate
from xstilts_eval.tasks.documents import DOCUMENTS
from xstilts_eval.training.losses import LOSSES
from xstilts_eval.training.rows import ROWS
from xstilts_eval.training_tasks import training_task

DOCS = Path(__file__).parents[1] / "docs"


def example(page: str) -> str:
    (found,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_a_training_task(tmp_path: Path) -> None:
    columns = "pair_ID\tsentence_A\tsentence_B\tentailment_label\trelatedness_score\tSemEval_set"
    rows = ["1\tA dog runs\tA dog moves\tENTAILMENT\t4.5\tTRAIN", "2\tA dog runs\tNo dog runs\tCONTRADICTION\t3\tTRIAL",
            "3\tA dog runs\tIt is late\tNEUTRAL\t1\tTRAIN"]  # fmt: skip
    (tmp_path / "SICK.txt").write_text("\n".join([columns, *rows]) + "\n")
    (sick,) = own_datasets.include(written(tmp_path, example("add-training-task.md"), "sick.py"))
    task = training_task("sick")
    assert (task.kind, task.labels, task.serves) == (sick.kind, sick.labels, ("sick",))
    loaded = sources.load(sick, "en", "train", tmp_path).examples
    assert [(one.id, one.label) for one in loaded] == [("1", 1), ("3", 2)]  # type: ignore[union-attr]
    assert len(sources.load(sick, "en", "dev", tmp_path).examples) == 1
    (tmp_path / "SICK.txt").write_text("\n".join([columns, rows[0].replace("ENTAILMENT", "MAYBE")]) + "\n")
    with pytest.raises(DataError, match="line 2: no class or no split of SICK"):
        sources.load(sick, "en", "train", tmp_path)


def test_a_metric(tmp_path: Path) -> None:
    """A model that always says neutral is right in two of three: in neutral and in contradiction."""
    from lm_eval import evaluate
    from lm_eval.api.model import LM

    class Neutral(LM):  # type: ignore[misc]
        def loglikelihood(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
            return [(-float(request.idx != 2), False) for request in requests]

        def generate_until(self, requests: Any, **_: Any) -> Any: ...

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any: ...

    file = FILE.replace("MINE = Dataset(", example("add-metric.md") + "\n\nMINE = Dataset(")
    file = file.replace("scoring=ACCURACY", "scoring=TWO_CLASSES")
    (mine,) = own_datasets.include(written(tmp_path, file))
    generate.write_own(tmp_path / "tasks", [mine])
    data = {"data": str(deliveries(tmp_path / "data"))}
    manager = TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False, metadata=data)
    results = evaluate(Neutral(), manager.load(["own_mine"]), log_samples=True, bootstrap_iters=0)
    scores = results["results"]["own.mine.de"]
    assert scores["two_class_acc,none"] == pytest.approx(2 / 3)
    low, high = scores["two_class_acc_ci95,none"]
    assert low < 2 / 3 < high
    samples = {code: results["samples"][f"own.mine.{code}"] for code in ("en", "de")}
    assert intervals.family_interval(mine, samples, draws=200) is not None
    assert mine.scoring.signature("de") == "two_class_accuracy|positive:entailment|v1"


def test_an_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """20, 40 and 60 % lie 20 points apart; two languages are refused."""
    script = written(tmp_path, example("add-analysis.md"), "spread.py")
    answers = {f"xtreme.pawsx.{code}": pattern(right) for code, right in (("de", 4), ("fr", 8), ("en", 12))}
    run = write_run(tmp_path / "run", answers)
    monkeypatch.setattr(sys, "argv", ["spread.py", str(run), "-o", str(tmp_path / "out")])
    runpy.run_path(str(script), run_name="__main__")
    (row,) = json.loads((tmp_path / "out" / "spread.json").read_text())["rows"]
    assert (row["dataset"], row["languages"], row["mean"]) == ("xtreme_pawsx", 3, pytest.approx(40))
    assert row["deviation"] == pytest.approx(20) and "20.0" in capsys.readouterr().out
    assert (tmp_path / "out" / "spread.svg").is_file()
    two = write_run(tmp_path / "two", dict(list(answers.items())[:2]))
    monkeypatch.setattr(sys, "argv", ["spread.py", str(two)])
    with pytest.raises(DataError, match="a spread of fewer says nothing"):
        runpy.run_path(str(script), run_name="__main__")


DATASET = """
from xstilts_eval.data import files
from xstilts_eval.datasets import ACCURACY, Data, Dataset


def read(paths, language, split):
    cells = [line.split("\\t") for _, line in files.lines(paths[0])]
    return [Stance(str(n), text, target, int(label)) for n, (text, target, label) in enumerate(cells)]


STANCES = Dataset(
    suite="own", name="stances", title="Stances", kind=STANCE, languages=("en", "de"),
    data=Data(
        archive="stances.zip", files={split: ((f"{split}-{{lg}}.tsv",),) for split in ("train", "test")}, read=read,
        licence="CC0", citation="nobody", hub="not there", archives="not there",
    ),
    scoring=ACCURACY, labels=("against", "neither", "for"),
)
"""


@pytest.fixture
def stances(tmp_path: Path) -> Iterator[str]:
    """The page's file with a dataset, as options; what it registers is forgotten after the test."""
    found: list[dict[str, Any]] = [kinds.KINDS, *(one._of for one in (DOCUMENTS, HEADS, CLASSIFIERS, ROWS, LOSSES))]
    before = [dict(table) for table in found]
    rows = [("good", 2), ("so so", 1), ("bad", 0)] * 16
    for name in ("train-en", "test-en", "test-de"):
        lines = [f"it is {word}\tthe plan\t{label}\n" for word, label in rows]
        (tmp_path / f"{name}.tsv").write_text("".join(lines))
    file = written(tmp_path, example("add-kind.md") + DATASET, "stance.py")
    yield f"--include {file} --data {tmp_path}"
    for table, content in zip(found, before, strict=True):
        table.clear()
        table.update(content)


def test_a_kind_is_looked_up_and_asked(stances: str, tmp_path: Path) -> None:
    (dataset,) = own_datasets.include(tmp_path / "stance.py")
    assert HEADS.of(dataset.kind) == HEADS.of(kinds.PAIR) and CLASSIFIERS.of(dataset.kind) != CLASSIFIERS.of(kinds.PAIR)
    generate.write_own(tmp_path / "tasks", [dataset])
    data = {"data": str(tmp_path)}
    manager = TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False, metadata=data)
    task = manager.load(["own.stances.de"])["tasks"]["own.stances.de"]
    (first, *_) = task.test_docs()
    assert first["target"] == "the plan" and task.doc_to_choice(first) == ["against", "neither", "for"]
    assert task.doc_to_text(first) == "it is good\nThe author's stance towards the plan:"


@pytest.mark.slow
def test_a_head_of_a_kind_is_fitted_and_answers(tiny_bundle: Path, tmp_path: Path, stances: str) -> None:
    typed(*f"fit-head {tiny_bundle / 'encoder'} -t stances {stances} -o {tmp_path / 'head'} --epochs 1".split())
    typed(*f"eval {tmp_path / 'head'} -t stances {stances} -o {tmp_path / 'results'}".split())
    results = xs.load_results(tmp_path / "results")
    assert {leaf.language: leaf.scored for leaf in results.run.leaves} == {"en": 48, "de": 48}
    sample = samples.read(tmp_path / "results", "own.stances.de")[0]
    assert len(sample["resps"]) == 3 and sample["arguments"][2][1] == " for"
