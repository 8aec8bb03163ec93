"""Intervals of family averages against naive loops and a known distribution."""

import math
import random
from typing import Any

import numpy as np
import pytest

from xstilts_eval.benchmark import family
from xstilts_eval.metrics.bootstrap import drawn_weights, weighted_sums
from xstilts_eval.results import intervals
from xstilts_eval.results.intervals import family_interval


def accuracy_samples(values: list[int]) -> list[dict[str, Any]]:
    return [{"doc_id": i, "acc_ci95": [str(i), value]} for i, value in enumerate(values)]


def test_one_language_has_the_binomial_width() -> None:
    """p = 0.3, n = 2,000: half-width 1.96 sqrt(p (1 - p) / n) = 2.0 points."""
    values = [1] * 600 + [0] * 1400
    interval = family_interval(family("tatoeba"), {"de": accuracy_samples(values)})
    assert interval is not None
    low, high = interval
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(0.21 / 2000), rel=0.1)
    assert (low + high) / 2 == pytest.approx(0.3, abs=0.003)


def test_shared_items_do_not_average_their_noise_away() -> None:
    """Fifteen equal languages are one language when items are parallel (XNLI), fifteen when they are not (Tatoeba)."""
    rng = random.Random(1)
    values = [int(rng.random() < 0.5) for _ in range(500)]
    samples = {f"l{i:02}": accuracy_samples(values) for i in range(15)}
    joint, apart = (family_interval(family(name), samples) for name in ("xnli", "tatoeba"))
    assert joint is not None and apart is not None
    assert (joint[1] - joint[0]) / (apart[1] - apart[0]) == pytest.approx(math.sqrt(15), rel=0.15)


def test_tagging_resamples_counts_not_scores() -> None:
    rng = np.random.default_rng(5)
    samples = {}
    for language in ("af", "de"):
        counts = [(c, c + int(rng.integers(3)), c + int(rng.integers(4))) for c in rng.integers(0, 6, 80)]
        samples[language] = [{"doc_id": i, "f1_ci95": [str(i), *map(int, row)]} for i, row in enumerate(counts)]
    interval = family_interval(family("udpos"), samples)
    assert interval is not None
    naive = []
    for _ in range(3000):
        scores = []
        for rows in samples.values():
            drawn = np.array([rows[i]["f1_ci95"][1:] for i in rng.integers(0, 80, 80)]).sum(axis=0)
            precision, recall = drawn[0] / drawn[1], drawn[0] / drawn[2]
            scores.append(2 * precision * recall / (precision + recall))
        naive.append(np.mean(scores))
    assert interval == pytest.approx(tuple(np.percentile(naive, (2.5, 97.5))), abs=0.01)


def test_questions_are_resampled_by_passage() -> None:
    """All 10 questions of a passage right or wrong together: 20 passages are 20 observations, 19 are too few."""
    samples = [
        {"doc_id": i, "f1_ci95": [f"p{i // 10}", (i // 10) % 2], "exact_match_ci95": [f"p{i // 10}", (i // 10) % 2]}
        for i in range(200)
    ]
    interval = family_interval(family("xquad"), {"en": samples})
    assert interval is not None
    assert (interval[1] - interval[0]) / 2 == pytest.approx(1.96 * math.sqrt(0.25 / 20), rel=0.15)
    assert family_interval(family("xquad"), {"en": samples[:190]}) is None


def test_order_of_samples_and_small_sets() -> None:
    samples = accuracy_samples([1, 0, 1, 1, 0, 0, 1] * 3)
    mixed = random.Random(0).sample(samples, len(samples))
    assert family_interval(family("xnli"), {"de": mixed}) == family_interval(family("xnli"), {"de": samples})
    assert family_interval(family("xnli"), {"de": samples, "sw": samples[:19]}) is None


def test_drawn_sums_are_distributed_as_those_of_single_units() -> None:
    """Mean, spread and correlation between languages, against draws that give every unit its own weight."""
    chance = np.random.default_rng(3)
    group = chance.integers(0, 2, (2, 300, 1)) * np.array([1.0, 2.0])
    group[1, :150] = group[0, :150]  # half of the items go alike in both languages
    found = intervals._drawn_sums(group, 4000, 1)
    slow = np.concatenate([weighted_sums(weights, group) for _, weights in drawn_weights(300, 4000, 2)], axis=1)
    assert found.shape == slow.shape == (2, 4000, 2)
    assert found[..., 1] == pytest.approx(2 * found[..., 0])
    for one, other in ((found, slow), (slow, found)):
        assert one.mean(axis=1) == pytest.approx(other.mean(axis=1), rel=0.01)
        assert one.std(axis=1) == pytest.approx(other.std(axis=1), rel=0.06)
    together = [float(np.corrcoef(sums[0, :, 0], sums[1, :, 0])[0, 1]) for sums in (found, slow)]
    assert together[0] == pytest.approx(together[1], abs=0.05) and together[0] > 0.3
