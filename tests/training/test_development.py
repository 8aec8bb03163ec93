"""Development scores of SQuAD v2.0 by hand, and of every metric through a head in training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import runs
from xstilts_eval.errors import DataError
from xstilts_eval.metrics import qa
from xstilts_eval.models import spans
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.models.source import Source

# --- the threshold


def test_best_threshold_by_hand() -> None:
    """Two questions with an answer, two without, by rising score of "no answer".

    None answered: 2 of 4. The first, right: 3. The second, unanswerable: 2. The third, F1 2/3, no exact match: 2.67
    and 2. The fourth, unanswerable: 1.67 and 1. So 3 of 4, both.
    """
    gold = [["the cat"], [], ["a big dog", "dogs"], []]
    predicted = ["Cat!", "something", "big dog there", "nothing"]
    found = qa.at_best_threshold(gold, predicted, [-3.0, -1.0, 0.0, 2.0])
    assert found == {"f1": pytest.approx(3 / 4), "exact_match": pytest.approx(3 / 4)}
    # With the unanswerable ones last, both others are answered for F1: 2 + 1 + 4/5; for exact match one: 2 + 1.
    found = qa.at_best_threshold(gold, predicted, [-3.0, 1.0, 0.0, 2.0])
    assert found == {"f1": pytest.approx((2 + 1 + 4 / 5) / 4), "exact_match": pytest.approx(3 / 4)}


def test_each_score_has_its_own_threshold() -> None:
    """Answering the second question gains F1 and loses nothing; answering the third costs what the fourth gives."""
    gold = [["red"], ["old stone bridge"], [], ["blue"]]
    found = qa.at_best_threshold(gold, ["red", "stone bridge", "here", "blue"], [0.0, 1.0, 2.0, 3.0])
    assert found["exact_match"] == pytest.approx(2 / 4)
    assert found["f1"] == pytest.approx((1 + 1 + 4 / 5) / 4)


def test_a_model_that_never_knows() -> None:
    assert qa.at_best_threshold([["x"], []], ["", ""], [0.0, 0.0]) == {"f1": 0.5, "exact_match": 0.5}
    assert qa.at_best_threshold([["the"], ["x"]], ["", "y"], [0.0, 0.0]) == {"f1": 0.5, "exact_match": 0.5}
    with pytest.raises(DataError, match="no questions"):
        qa.at_best_threshold([], [], [])


QUESTIONS = st.tuples(
    st.sampled_from([(), ("k b",), ("b c", "c")]), st.sampled_from(["", "k b", "b c", "b", "d"]), st.integers(0, 60)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(QUESTIONS, min_size=1, max_size=7, unique_by=lambda one: one[2]))
def test_best_threshold_is_the_best_of_all(questions: list[tuple[tuple[str, ...], str, int]]) -> None:
    """Against every threshold there is, each question answered or left out by it."""
    gold = [list(texts) for texts, _, _ in questions]
    predicted = [text for _, text, _ in questions]
    scores = [float(score) for _, _, score in questions]

    def by_hand(threshold: float, exact: bool) -> float:
        total = 0.0
        for texts, text, score in zip(gold, predicted, scores, strict=True):
            said = "" if score > threshold else text
            if not texts or not said:
                total += float(not texts and not said)
            elif exact:
                total += float(said in texts)
            else:
                total += max(qa.token_f1(one, said) for one in texts)
        return total / len(gold)

    found = qa.at_best_threshold(gold, predicted, scores)
    for name, exact in (("f1", False), ("exact_match", True)):
        assert found[name] == pytest.approx(max(by_hand(threshold, exact) for threshold in [-1.0, *scores]))


# --- the score of having no answer


def answered(tiny: Path, documents: Sequence[Any], length: int) -> tuple[list[spans.Answered], Any]:
    source = Source(str(tiny))
    import transformers

    model = source.load(transformers.AutoModelForQuestionAnswering).eval()
    runtime = Runtime(torch.device("cpu"), torch.float32, 2048, show_progress=False)
    return spans.answer_or_none(Loaded(model, source.tokenizer(), runtime, length), documents)[0], model


def test_null_score_is_the_lowest_of_all_windows(tiny_bundle: Path) -> None:
    """Against transformers' own forward of every window; scores of answers against all pairs of places."""
    context = " ".join(f"w{n} is a word ," for n in range(60))
    document = {"id": "1", "context": context, "question": "Which word is it?", "answers": []}
    (found,), model = answered(tiny_bundle / "qa", [document], 200)
    tokenizer = Source(str(tiny_bundle / "qa")).tokenizer()
    question = tokenizer(document["question"], add_special_tokens=False)["input_ids"]
    ids = tokenizer(context, add_special_tokens=False)["input_ids"]
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    room = 200 - len(question) - 3
    nulls, best = [], -np.inf
    places = spans.windows(len(ids), room, spans.STRIDE)
    assert len(places) > 2
    for number, (start, stop) in enumerate(places):
        row = [begin, *question, end, *ids[start:stop], end]
        types = [0] * (len(question) + 2) + [1] * (stop - start + 1)
        with torch.no_grad():
            output = model(input_ids=torch.tensor([row]), token_type_ids=torch.tensor([types]))
        starts, ends = output.start_logits[0].numpy(), output.end_logits[0].numpy()
        nulls.append(float(starts[0] + ends[0]))
        offset = len(question) + 2
        may = spans.max_context(places, number)
        for first, last in product(np.argsort(-starts[offset:-1])[:20], np.argsort(-ends[offset:-1])[:20]):
            if first <= last < first + 30 and may[first]:
                best = max(best, float(starts[offset + first] + ends[offset + last]))
    assert found.null_score == pytest.approx(min(nulls), abs=1e-4)
    assert found.score == pytest.approx(best, abs=1e-4)
    assert found.no_answer == pytest.approx(min(nulls) - best, abs=1e-4)
    assert found.text and found.text in context


def test_without_an_allowed_span_there_is_no_answer(monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path) -> None:
    monkeypatch.setattr(spans, "best_span", lambda *_: None)
    (found,), _ = answered(tiny_bundle / "qa", [{"id": "1", "context": "A b.", "question": "C?"}], 64)
    assert found.text == "" and found.no_answer == np.inf


# --- through heads


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("squad_v2", {"f1", "exact_match"}),
        ("squad", {"f1", "exact_match"}),
        ("qqp", {"accuracy", "f1"}),
        ("udpos", {"f1", "word_accuracy"}),
        ("ccg", {"word_accuracy"}),
        ("copa", {"accuracy"}),
    ],
)
def test_every_metric_has_a_score(task: str, names: set[str], tiny_bundle: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(tiny_bundle / "encoder", None, runs.quick(task, limit=8, max_length=96))
    learner = runs.learner(wanted, tmp_path)
    learner.model.eval()
    found = learner.scores()
    assert found.keys() == names | {"score"}
    assert all(0 <= value <= 1 for value in found.values())
    deciding = [found[name] for name in names if (task, name) != ("udpos", "word_accuracy")]
    assert found["score"] == pytest.approx(sum(deciding) / len(deciding))


def test_squad_v2_counts_questions_without_answer(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that never finds an answer likely gets exactly the share of questions without one."""
    wanted = runs.recipe_of(tiny_bundle / "encoder", None, runs.quick("squad_v2", limit=8))
    learner = runs.learner(wanted, tmp_path)
    documents = learner.plan.materials[0].development
    share = sum(not doc["answers"] for doc in documents) / len(documents)
    assert 0 < share < 1
    silent = [spans.Answered("qqq", 0.0, 5.0)] * len(documents)
    monkeypatch.setattr(spans, "answer_or_none", lambda *_: (silent, {}))
    assert learner.scores()["score"] == pytest.approx(share)
