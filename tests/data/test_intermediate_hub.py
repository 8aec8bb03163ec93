"""The hub's rows of the intermediate tasks, back in the official formats, read as the same examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import intermediate_rows
from tests.hub_rows import SAMPLE, TEXT, parquet
from xstilts_eval.data import hub, intermediate, intermediate_hub
from xstilts_eval.data.examples import Pair
from xstilts_eval.errors import FetchError, MissingData
from xstilts_eval.training_tasks import TRAINING_TASKS, training_task

SPLITS: tuple[Any, ...] = ("train", "dev")
FROM_BENCHMARK = {"squad", "pawsx", "udpos", "panx", "tydiqa"}
"""Tasks whose plans stand in `hub`."""
CASES: list[tuple[str, Any, Callable[[], dict[str, bytes]]]] = [
    ("mnli", "dev", intermediate_rows.mnli),
    ("snli", "train", intermediate_rows.snli),
    ("anli_r1", "dev", intermediate_rows.anli),
    ("anli_r2", "dev", intermediate_rows.anli),
    ("anli_r3", "dev", intermediate_rows.anli),
    ("qqp", "train", intermediate_rows.qqp),
    ("squad_v2", "train", intermediate_rows.squad_v2),
    ("hellaswag", "train", intermediate_rows.hellaswag),
    ("cosmosqa", "train", intermediate_rows.cosmosqa),
    ("commonsenseqa", "train", intermediate_rows.commonsenseqa),
    ("siqa", "train", intermediate_rows.siqa),
    ("copa", "train", intermediate_rows.copa),
]


def _rows(folder: Path, plan: hub.Plan, files: dict[str, bytes]) -> list[hub.Row]:
    rows: list[hub.Row] = []
    for path in sorted(path for path in files if re.fullmatch(plan.patterns["en"], path)):
        target = folder / "hub" / path.replace("/", "-")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(files[path])
        rows += hub.read_rows(target, path)
    return rows


def _texts(examples: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Everything but the ids of pairs, which the hub does not keep."""
    if isinstance(examples[0], Pair):
        return [(one.premise, one.hypothesis, one.label) for one in examples]
    return [tuple(vars(one).items()) for one in examples]


@pytest.mark.parametrize(("name", "split", "files"), CASES, ids=[case[0] for case in CASES])
def test_same_examples_as_the_official_files(
    tmp_path: Path, name: str, split: Any, files: Callable[[], dict[str, bytes]]
) -> None:
    task = training_task(name)
    plan = intermediate_hub.plan(task, split)
    output = hub.convert(plan, [hub.Part("en", _rows(tmp_path, plan, files()))])
    assert output.rows > 0 and output.changes == {}
    for path, text in output.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    made, official = (intermediate.load(task, split, folder) for folder in (tmp_path, SAMPLE))
    assert _texts(made.examples) == _texts(official.examples)
    assert len({one.id for one in made.examples}) == made.rows


def test_every_task_has_a_plan_or_says_why_not() -> None:
    absent = []
    for name, task in TRAINING_TASKS.items():
        for split in SPLITS:
            try:
                intermediate_hub.plan(task, split)
            except MissingData:
                absent.append(name)
    assert set(absent) == FROM_BENCHMARK | {"ccg", "anli_plus", "lareqa", "mewslix", "sib200", "masakhanews"}
    with pytest.raises(
        MissingData, match="the hub has no train data of ccg as known here; it has train and dev of mnli"
    ):
        intermediate_hub.plan(training_task("ccg"), "train")
    with pytest.raises(MissingData, match="no test data of copa"):
        intermediate_hub.plan(training_task("copa"), "test")


def test_pins_are_those_read_in_public_code() -> None:
    """Typed a second time, in tests/intermediate_rows.py; a slip of a finger in either fails here."""
    found = {one.name: one.revision for one in intermediate_hub.REPOSITORIES}
    assert found == intermediate_rows.SHA
    assert all(re.fullmatch(r"[0-9a-f]{40}", one.revision) and one.seen for one in intermediate_hub.REPOSITORIES)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", [case[0] for case in CASES])
def test_what_is_written_is_what_load_looks_for(tmp_path: Path, name: str, split: Any) -> None:
    (path,) = intermediate_hub.plan(training_task(name), split).paths
    assert not intermediate.present(training_task(name), split, tmp_path)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("", encoding="utf-8")
    assert intermediate.present(training_task(name), split, tmp_path)


@pytest.mark.parametrize(
    ("name", "split", "path", "wanted"),
    [
        ("mnli", "dev", "mnli/validation_matched-00000-of-00001.parquet", True),
        ("mnli", "dev", "mnli/validation_mismatched-00000-of-00001.parquet", False),
        ("mnli", "train", "mnli/train-00000-of-00002.parquet", True),
        ("mnli", "train", "mnli_matched/train-00000-of-00001.parquet", False),
        ("anli_r1", "train", "plain_text/train_r1-00000-of-00001.parquet", True),
        ("anli_r1", "train", "plain_text/train_r2-00000-of-00001.parquet", False),
        ("copa", "train", "copa/train-00000-of-00001.parquet", True),
        ("copa", "train", "copa/test-00000-of-00001.parquet", False),
        ("siqa", "dev", "default/validation/0000.parquet", True),
        ("siqa", "train", "default/validation/0000.parquet", False),
    ],
)
def test_patterns_take_one_split(name: str, split: str, path: str, wanted: bool) -> None:
    pattern = intermediate_hub.plan(training_task(name), split).patterns["en"]
    assert bool(re.fullmatch(pattern, path)) == wanted


@pytest.mark.parametrize("name", ["mnli", "snli", "anli_r1", "qqp"])
def test_class_numbers_without_names_are_not_guessed(tmp_path: Path, name: str) -> None:
    """GLUE's order (entailment first) is not ours; a file that lost its names would give every label wrong."""
    columns = ("premise", "hypothesis", "question1", "question2", "uid", "idx")
    row = {column: "text" for column in columns} | {"label": 0}
    with pytest.raises(FetchError, match="label 0 has no class name"):
        hub.convert(intermediate_hub.plan(training_task(name), "train"), [hub.Part("en", [row])])


def test_other_columns_are_one_sentence() -> None:
    plan = intermediate_hub.plan(training_task("hellaswag"), "train")
    with pytest.raises(FetchError, match=r"Rowan/hellaswag@218ec52e.*rows are not as expected \(KeyError: 'ind'\)"):
        hub.convert(plan, [hub.Part("en", [{"label": "0"}])])


def test_tabs_inside_questions_become_blanks_and_are_counted(tmp_path: Path) -> None:
    row = {"question1": "a\tb", "question2": "c\nd", "label": "duplicate", "idx": 3}
    output = hub.convert(intermediate_hub.plan(training_task("qqp"), "train"), [hub.Part("en", [row])])
    assert output.files["glue/QQP/train.tsv"].split("\n")[1] == "3\t\t\ta b\tc d\t1"
    assert list(output.changes.values()) == [2]


def test_a_file_of_plain_numbers_is_read_for_options(tmp_path: Path) -> None:
    rows = [{"premise": "p", "choice1": "a", "choice2": "b", "question": "cause", "idx": "1", "label": "choice2"}]
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet(rows, **{name: TEXT for name in rows[0]}))
    output = hub.convert(
        intermediate_hub.plan(training_task("copa"), "train"), [hub.Part("en", hub.read_rows(path, "x.parquet"))]
    )
    assert '"label": 1' in output.files["copa/COPA/train.jsonl"]
