"""Choices scored over their shared context against each choice scored alone by the plain forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny_language_models import make_llama
from xstilts_eval.models.encoder import Runtime
from xstilts_eval.models.shared_context import Choice, common_prefix, score, tree, visible


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(make_llama(tmp_path_factory.mktemp("llama"))).eval()


def alone(model: Any, choice: Choice) -> tuple[float, bool]:
    """Log-likelihood of one choice, its tokens read by themselves, one position at a time."""
    with torch.inference_mode():
        logits = model(torch.tensor([choice.tokens])).logits[0].double().log_softmax(-1)
    places = range(len(choice.tokens) - choice.scored, len(choice.tokens))
    total = sum(float(logits[place - 1, choice.tokens[place]]) for place in places)
    return total, all(int(logits[place - 1].argmax()) == choice.tokens[place] for place in places)


def runtime(batch_tokens: int = 2048) -> Runtime:
    return Runtime(torch.device("cpu"), torch.float32, batch_tokens)


documents = st.lists(
    st.tuples(
        st.lists(st.integers(5, 400), min_size=1, max_size=30),
        st.lists(st.lists(st.integers(5, 400), min_size=1, max_size=12), min_size=1, max_size=5),
        st.integers(0, 10),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(documents, st.sampled_from([1, 64, 2048]))
def test_every_choice_scores_as_it_does_alone(
    llama: Any, drawn: list[tuple[list[int], list[list[int]], int]], batch_tokens: int
) -> None:
    """Also when scored tokens lie in the shared part, a choice begins another, or two choices are equal."""
    rows = [
        [Choice(context + tail, min(len(tail) + more, len(context) + len(tail) - 1)) for tail in tails]
        for context, tails, more in drawn
    ]
    found = score(llama, rows, runtime(batch_tokens))
    for choices, scores in zip(rows, found, strict=True):
        for choice, (value, greedy) in zip(choices, scores, strict=True):
            expected, expected_greedy = alone(llama, choice)
            assert value == pytest.approx(expected, rel=1e-5, abs=1e-4)
            assert greedy == expected_greedy


def test_the_greedy_continuation_is_recognised(llama: Any) -> None:
    tokens = [7, 8, 9]
    with torch.inference_mode():
        for _ in range(4):
            tokens.append(int(llama(torch.tensor([tokens])).logits[0, -1].argmax()))
    other = [*tokens[:-1], tokens[-1] + 1]
    ((_, yes), (_, no)) = score(llama, [[Choice(tokens, 4), Choice(other, 4)]], runtime())[0]
    assert yes and not no


def test_a_row_holds_the_common_part_once() -> None:
    row = tree([Choice([1, 2, 3, 4, 5], 2), Choice([1, 2, 3, 6, 7], 2), Choice([1, 2, 3, 6, 8], 2)])
    assert row.tokens == [1, 2, 3, 4, 6, 6]
    assert row.positions == [0, 1, 2, 3, 3, 3]
    assert row.branches == [0, 0, 0, 1, 2, 3]
    assert row.targets == [4, 5, 6, 7, 6, 8] and row.places == [2, 3, 2, 4, 2, 5]


def test_a_tail_sees_the_prefix_and_itself() -> None:
    seen = visible(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0]
    assert seen.int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=5))
def test_common_prefix_is_the_slow_one(sequences: list[list[int]]) -> None:
    expected = 0
    while all(len(one) > expected for one in sequences) and len({one[expected] for one in sequences}) == 1:
        expected += 1
    assert common_prefix(sequences) == expected


def test_tokens_read_are_counted_once(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four choices behind 50 shared tokens: 50 + 4 x 2 read instead of 4 x 52."""
    read = []
    forward = llama.base_model.forward

    def counted(*arguments: Any, **options: Any) -> Any:
        read.append(options["input_ids"].numel())
        return forward(*arguments, **options)

    monkeypatch.setattr(llama.base_model, "forward", counted)
    context = list(range(10, 60))
    score(llama, [[Choice([*context, 100 + n, 5, 6], 3) for n in range(4)]], runtime())
    assert read == [58]


def test_a_vocabulary_in_slices_gives_the_same_sums(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    from xstilts_eval.models import shared_context

    model = AutoModelForCausalLM.from_pretrained(make_llama(tmp_path)).eval()
    rows = [[Choice([5, 6, 7, 8, 9], 3), Choice([5, 6, 10, 11], 2)]]
    whole = score(model, rows, runtime())
    before, shared_context._LOGITS = shared_context._LOGITS, 1
    try:
        sliced = score(model, rows, runtime())
    finally:
        shared_context._LOGITS = before
    assert [value for value, _ in sliced[0]] == pytest.approx([value for value, _ in whole[0]], abs=1e-6)


def test_out_of_memory_halves_the_batch_and_changes_nothing(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[Choice([7, 8, 9 + n, 10], 2), Choice([7, 8, 30 + n, 11], 2)] for n in range(16)]
    expected = score(llama, rows, runtime())
    forward = llama.base_model.forward

    def limited(*arguments: Any, **options: Any) -> Any:
        if options["input_ids"].numel() > 24:
            raise torch.OutOfMemoryError("injected")
        return forward(*arguments, **options)

    monkeypatch.setattr(llama.base_model, "forward", limited)
    tight = runtime()
    found = score(llama, rows, tight)
    assert tight.batch_tokens <= 24
    for one, other in zip(found, expected, strict=True):
        assert [value for value, _ in one] == pytest.approx([value for value, _ in other], abs=1e-5)
