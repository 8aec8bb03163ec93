"""The plan of a run against what can be counted by hand and against slow references."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import SettingError
from xstilts_eval.training.batches import Part, Sampling, extra_steps, interleave, pieces, plan, seen

LENGTHS = st.lists(st.integers(1, 400), min_size=1, max_size=60)


def part(rows: int, batch: int = 4, epochs: float = 1, weight: float | None = None) -> Part:
    return Part([10 + row % 7 for row in range(rows)], batch, epochs, weight)


# --- one task


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 3), st.booleans(), st.integers(0, 2**31))
def test_every_epoch_has_every_row_once(lengths: list[int], size: int, epochs: int, group: bool, seed: int) -> None:
    steps = plan({"a": Part(lengths, size, epochs)}, Sampling(), seed, group)
    per_epoch = math.ceil(len(lengths) / size)
    assert len(steps) == epochs * per_epoch
    for epoch in range(epochs):
        own = steps[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(row for step in own for row in step.rows) == list(range(len(lengths)))
        assert all(len(step.rows) <= size for step in own)
    for step in steps:
        assert [lengths[row] for row in step.rows] == sorted((lengths[row] for row in step.rows), reverse=True)
    assert steps == plan({"a": Part(lengths, size, epochs)}, Sampling(), seed, group)


def test_seeds_and_epochs_draw_other_orders() -> None:
    steps = plan({"a": part(64, epochs=2)}, Sampling(), 1)
    assert steps[:16] != steps[16:]
    assert steps != plan({"a": part(64, epochs=2)}, Sampling(), 2)


@pytest.mark.parametrize(("epochs", "rows", "expected"), [(1, 9, 3), (3, 9, 9), (0.5, 16, 2), (0.01, 9, 1)])
def test_steps_are_epochs_times_batches(epochs: float, rows: int, expected: int) -> None:
    assert len(plan({"a": part(rows, 4, epochs)}, Sampling(), 1)) == expected


def test_fewest_of_planned_and_allowed_steps() -> None:
    long = plan({"a": part(64)}, Sampling(), 1)
    assert plan({"a": part(64)}, Sampling(), 1, max_steps=5) == long[:5]
    assert plan({"a": part(64)}, Sampling(), 1, max_steps=500) == long


def test_the_longest_row_comes_first() -> None:
    """Memory that does not suffice shows in the first step, not after an hour."""
    lengths = [5] * 999 + [300] + [6] * 500
    for seed in range(5):
        assert plan({"a": Part(lengths, 8, 1)}, Sampling(), seed)[0].rows[0] == 999


def test_rows_of_a_batch_are_of_like_length() -> None:
    lengths = [1 + (7 * row) % 400 for row in range(400)]

    def padded(group: bool) -> int:
        steps = plan({"a": Part(lengths, 8, 1)}, Sampling(), 1, group)
        return sum(len(step.rows) * lengths[step.rows[0]] for step in steps)

    assert padded(True) < 1.05 * sum(lengths) < 1.5 * sum(lengths) < padded(False)


# --- mixtures

ROWS = {"a": 100, "b": 300, "c": 1600}


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), (0.05, 0.15, 0.8)),
        (Sampling("uniform"), (1 / 3, 1 / 3, 1 / 3)),
        (Sampling("capped", cap=400), (1 / 8, 3 / 8, 4 / 8)),
        (Sampling("temperature", temperature=2), (10 / 67.3205, 17.3205 / 67.3205, 40 / 67.3205)),  # square roots
        (Sampling("temperature", cap=400, temperature=2), (10 / 47.3205, 17.3205 / 47.3205, 20 / 47.3205)),
        (Sampling("temperature", temperature=1), (0.05, 0.15, 0.8)),
    ],
)
def test_shares(sampling: Sampling, expected: tuple[float, ...]) -> None:
    found = sampling.shares({name: part(rows) for name, rows in ROWS.items()})
    assert tuple(found.values()) == pytest.approx(expected, abs=1e-5)
    assert sum(found.values()) == pytest.approx(1)


def test_given_weights() -> None:
    weights = {"a": 0.5, "b": 0.2, "c": 0.3}
    assert Sampling("weights").shares({name: part(9, weight=weights[name]) for name in ROWS}) == weights


@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.5, None), (1.0, 0.1)])
def test_weights_that_do_not_sum(weights: tuple[float | None, float | None]) -> None:
    with pytest.raises(SettingError, match="do not sum to 1; give every task a weight"):
        Sampling("weights").shares({name: part(9, weight=weight) for name, weight in zip("ab", weights, strict=True)})


def test_capped_without_a_cap() -> None:
    with pytest.raises(SettingError, match="needs a cap"):
        Sampling("capped").shares({"a": part(9), "b": part(9)})


def test_a_mixture_has_the_steps_of_all_and_draws_as_asked() -> None:
    parts = {name: part(rows, batch=2) for name, rows in ROWS.items()}
    steps = plan(parts, Sampling(), 3)
    assert len(steps) == 50 + 150 + 800
    for name, share in seen(steps).items():
        expected = ROWS[name] / 2000
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / 1000)  # four standard deviations
    assert steps == plan(parts, Sampling(), 3)


def test_a_task_of_a_mixture_starts_again_when_its_rows_are_through() -> None:
    parts = {"small": part(3, batch=2), "large": part(400, batch=2)}
    rows = [row for step in plan(parts, Sampling("uniform"), 1) if step.task == "small" for row in step.rows]
    assert len(rows) > 30
    for start in range(0, len(rows) - 3, 3):
        assert sorted(rows[start : start + 3]) == [0, 1, 2]


# --- steps of another task between them


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.floats(0.02, 0.9), st.integers(0, 99))
def test_interleaved(steps: int, share: float, seed: int) -> None:
    own = plan({"a": part(steps, batch=1)}, Sampling(), seed)
    count = extra_steps(steps, share)
    assert abs(count / (steps + count) - share) <= 1 / (steps + 1)
    lengths = [1 + row % 5 for row in range(count * 3)]
    found = interleave(own, "text", count, 3, lengths, seed)
    assert [step for step in found if step.task == "a"] == own
    others = [step.rows for step in found if step.task == "text"]
    assert [sorted(rows) for rows in others] == [list(range(3 * k, 3 * k + 3)) for k in range(count)]
    assert all(lengths[one] >= lengths[two] for rows in others for one, two in pairwise(rows))
    assert found == interleave(own, "text", count, 3, lengths, seed)


# --- micro-batches


@settings(max_examples=80, deadline=None)
@given(LENGTHS, st.integers(1, 900), st.one_of(st.none(), st.integers(1, 5)))
def test_pieces(lengths: list[int], budget: int, most: int | None) -> None:
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    found = pieces(rows, lengths, budget, most)
    assert [row for piece in found for row in piece] == rows
    for piece in found:
        assert len(piece) == 1 or len(piece) * max(lengths[row] for row in piece) <= budget
        assert most is None or len(piece) <= most
    for piece, _ in pairwise(found):  # no piece could have taken one row more
        assert (len(piece) + 1) * lengths[piece[0]] > budget or len(piece) == most


def test_seen_counts_steps() -> None:
    steps = plan({"a": part(64), "b": part(64)}, Sampling("uniform"), 1)
    counts = Counter(step.task for step in steps)
    assert seen(steps) == {name: count / len(steps) for name, count in counts.items()}
    assert sum(seen(steps).values()) == pytest.approx(1)
