"""The table of training tasks: names, label order, heads, sizes and the text of options."""

import subprocess
import sys

import pytest

from xstilts_eval import kinds
from xstilts_eval.benchmark import XTREME, XTREMER, family
from xstilts_eval.data.examples import Choice, document
from xstilts_eval.errors import UnknownName
from xstilts_eval.kinds import Kind
from xstilts_eval.training_tasks import ALIASES, TRAINING_TASKS, choice_texts, training_task

PAPER = ("anli_plus", "mnli", "qqp", "squad_v2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")
"""The nine intermediate tasks of Phang et al. 2020 (the project's notes, 4.2)."""
METRICS = {"accuracy", "accuracy_f1", "chunk_f1", "pos_f1", "word_accuracy", "squad", "squad_v2", "mrr"}


def test_the_nine_tasks_and_what_trains_xtreme_are_there() -> None:
    assert set(PAPER) <= set(TRAINING_TASKS)
    assert {"snli", "anli_r1", "anli_r2", "anli_r3", "siqa", "copa"} <= set(TRAINING_TASKS)
    trained = {f.name for f in (*XTREME, *XTREMER) if f.kind not in (kinds.BITEXT, kinds.MINING)}
    trained |= {"sib200", "masakhanews", "belebele"}  # the others beyond XTREME are served by heads of XTREME's
    assert {name for task in TRAINING_TASKS.values() for name in task.serves} == trained
    assert set(ALIASES.values()) <= set(TRAINING_TASKS)
    assert not set(ALIASES) & set(TRAINING_TASKS)


@pytest.mark.parametrize("task", TRAINING_TASKS.values(), ids=lambda task: task.name)
def test_every_row_is_consistent(task) -> None:
    assert TRAINING_TASKS[task.name] is task
    assert task.metric in METRICS
    assert task.kind in (kinds.PAIR, kinds.TAGGED, kinds.QUESTION, kinds.CHOICE, kinds.RANKING, kinds.TEXT)
    assert bool(task.labels) == (task.kind in (kinds.PAIR, kinds.TEXT) or task.head in ("upos", "ner"))
    assert task.train_size is not None
    for name in task.serves:  # what a head answers has the family's own classes, in its order
        assert (family(name).kind, family(name).labels) == (task.kind, task.labels)


def test_one_head_has_one_kind_and_one_label_list() -> None:
    by_head: dict[str, set[tuple[Kind, tuple[str, ...]]]] = {}
    for task in TRAINING_TASKS.values():
        by_head.setdefault(task.head, set()).add((task.kind, task.labels))
    assert all(len(found) == 1 for found in by_head.values())
    assert set(by_head) == {
        "nli",
        "paraphrase",
        "span",
        "span_or_none",
        "choice",
        "ccg",
        "upos",
        "ner",
        "dual_encoder",
    } | {
        "sib200",
        "masakhanews",
    }


def test_nli_classes_are_in_the_order_of_xnli() -> None:
    """Order of jiant and XTREME, not GLUE's (entailment first): one head for ANLI+ and XNLI."""
    for name in ("mnli", "snli", "anli_r1", "anli_r2", "anli_r3", "anli_plus"):
        assert training_task(name).labels == ("contradiction", "entailment", "neutral")


def test_anli_plus_is_its_parts() -> None:
    whole = training_task("anli_plus")
    assert whole.parts == ("snli", "mnli", "anli_r1", "anli_r2", "anli_r3")
    parts = [training_task(name) for name in whole.parts]
    assert {(part.head, part.labels, part.parts) for part in parts} == {(whole.head, whole.labels, ())}
    assert sum(part.train_size or 0 for part in parts) == whole.train_size == 1_104_934  # the paper's, recalled


@pytest.mark.parametrize(
    ("name", "task"),
    [("xnli", "mnli"), ("xquad", "squad"), ("mlqa", "squad"), ("xcopa", "copa"), ("squad_v1", "squad"), ("qqp", "qqp")],
)
def test_aliases(name: str, task: str) -> None:
    assert training_task(name).name == task


def test_unknown_name_offers_close_ones() -> None:
    with pytest.raises(UnknownName, match="unknown training task 'helaswag'; did you mean hellaswag"):
        training_task("helaswag")


def test_xcopa_asks_in_english_whatever_the_language() -> None:
    choice = Choice("1", "Mwanaume alifungua bomba la maji.", "effect", ("a", "b"), 1)
    first, options = choice_texts(document(choice, "copa", "sw"))
    assert first == "Mwanaume alifungua bomba la maji. What was the effect?"
    assert options == ("a", "b")


def test_other_premises_are_complete() -> None:
    assert choice_texts(document(Choice("1", "Why?", "", ("a", "b"), 0), "siqa", "en")) == ("Why?", ("a", "b"))


def test_the_table_needs_no_torch() -> None:
    code = "import sys, xstilts_eval.training_tasks; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
