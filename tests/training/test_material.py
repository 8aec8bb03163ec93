"""Which examples a stage is trained and scored on: counted by hand, never the test questions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.data import intermediate
from xstilts_eval.data.examples import document
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.paths import sample_path
from xstilts_eval.training.material import Material, expanded, gather
from xstilts_eval.training.recipe import TaskEntry
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training_tasks import training_task


def gathered(name: str, seed: int = 1, settings: dict[str, Any] | None = None, **entry: Any) -> Material:
    task = training_task(name)
    return gather(task, task.name, TaskEntry(name=name, **entry), StageSettings(**settings or {}), "sample", seed)


def everything(name: str, split: str) -> list[Any]:
    found = intermediate.load(training_task(name), split, sample_path()).examples  # type: ignore[arg-type]
    return [document(example, name, "en") for example in found]


def test_all_examples_in_file_order() -> None:
    found = gathered("udpos")
    assert list(found.training) == everything("udpos", "train")
    assert list(found.development) == everything("udpos", "dev")
    assert found.counts == {"examples": 200, "trained": 200, "held_out": 0, "not_drawn": 0, "development": 30}


def test_a_limit_draws_with_the_seed() -> None:
    one, again, other = (gathered("udpos", seed, {"limit": 50}) for seed in (1, 1, 2))
    assert one.training == again.training != other.training
    names = [doc["id"] for doc in everything("udpos", "train")]
    drawn = [doc["id"] for doc in one.training]
    assert len(drawn) == 50 and drawn == [name for name in names if name in set(drawn)], "in file order, none twice"
    assert one.counts["not_drawn"] == 150


def test_a_limit_above_the_size_takes_all() -> None:
    assert gathered("udpos", 1, {"limit": 10_000}).counts["trained"] == 200


def test_the_development_set_is_the_first_examples() -> None:
    found = gathered("udpos", 1, {"development": 7})
    assert list(found.development) == everything("udpos", "dev")[:7]
    assert gathered("udpos", 1, {"development": 0}).development == ()


def test_a_holdout_is_not_trained_on() -> None:
    found = gathered("mnli", 1, {"limit": 20}, split="dev", holdout=4)
    all_ = everything("mnli", "dev")
    assert [doc["id"] for doc in found.development] == [doc["id"] for doc in all_[:4]]
    assert not {doc["id"] for doc in found.training} & {doc["id"] for doc in found.development}
    assert found.counts == {"examples": 24, "trained": 20, "held_out": 4, "not_drawn": 0, "development": 4}


def test_the_dev_split_without_a_holdout_has_no_score() -> None:
    found = gathered("mnli", split="dev")
    assert found.development == () and any("give a holdout" in note for note in found.notes)


def test_tydiqa_is_never_developed_on_its_test_questions() -> None:
    found = gathered("tydiqa")
    assert found.development == () and any("scored as test" in note for note in found.notes)


def test_a_holdout_that_leaves_nothing() -> None:
    with pytest.raises(SettingError, match="copa: a holdout of 4 leaves none of 4 examples to train on"):
        gathered("copa", split="dev", holdout=4)


@pytest.mark.parametrize("name", ["mnli", "qqp", "squad", "squad_v2", "hellaswag", "ccg", "cosmosqa", "siqa", "copa"])
def test_identity_changes_with_what_is_trained_on(name: str) -> None:
    found = [gathered(name), gathered(name, split="dev", holdout=1), gathered(name, 1, {"development": 1})]
    assert len({str(one.identity) for one in found}) == 3
    assert gathered(name, 2).identity == found[0].identity, "the seed is the stage's"


def test_parts_share_the_head_of_the_whole() -> None:
    names = [(task.name, head) for task, head, _ in expanded([TaskEntry(name="anli_plus"), TaskEntry(name="squad")])]
    parts = ["snli", "mnli", "anli_r1", "anli_r2", "anli_r3"]
    assert names == [*((part, "anli_plus") for part in parts), ("squad", "squad")]
    for twice in (["squad", "xquad"], ["anli_plus", "snli"]):
        with pytest.raises(SettingError, match="twice; name each task once"):
            expanded([TaskEntry(name=name) for name in twice])


@needs_data
def test_tasks_that_are_not_there() -> None:
    entry = TaskEntry(name="ccg")
    with pytest.raises(MissingData, match=r"ccg\.train"):
        gather(entry.task, "ccg", entry, StageSettings(), str(DATA), 1)
