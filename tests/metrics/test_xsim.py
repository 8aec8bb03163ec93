"""xsim against its published check values and a slow reference."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics import xsim


def cosines(x: Any, y: Any) -> Any:
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))
    return x @ y.T


@pytest.fixture(scope="module")
def noisy() -> Any:
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 16))
    return cosines(x, x + random.standard_normal((200, 16)))


@pytest.mark.parametrize(("margin", "forth", "back"), [("absolute", 65, 66), ("ratio", 53, 63), ("distance", 52, 63)])
def test_errors_of_the_check_vectors(noisy: Any, margin: Any, forth: int, back: int) -> None:
    """Check values of the project's analysis notes, section 8: the definition of LASER's xsim, k = 4."""
    assert xsim.errors(noisy, margin) == forth
    assert xsim.errors(noisy.T, margin) == back
    assert xsim.errors(noisy.astype(np.float32), margin) == forth


def slow(similarity: Any, margin: str, k: int) -> list[int]:
    """One source and one candidate at a time."""
    found = []
    for row in similarity:
        near = sorted(range(len(row)), key=lambda j: -row[j])[:k]
        scores = {}
        for j in near:
            column = sorted(similarity[:, j], reverse=True)[:k]
            b = (np.mean([row[i] for i in near]) + np.mean(column)) / 2
            scores[j] = {"ratio": row[j] / b, "distance": row[j] - b, "absolute": row[j]}[margin]
        found.append(max(scores, key=lambda j: scores[j]))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.sampled_from(["absolute", "ratio", "distance"]))
def test_matches_equal_a_slow_reference(sources: int, targets: int, k: int, margin: Any) -> None:
    random = np.random.default_rng(sources * 1000 + targets * 10 + k)
    similarity = cosines(random.standard_normal((sources, 5)) + 1, random.standard_normal((targets, 5)) + 1)
    assert xsim.matches(similarity, margin, k).tolist() == slow(similarity, margin, k)


@pytest.mark.parametrize("margin", ["absolute", "ratio", "distance"])
def test_ties_go_to_the_lower_line(margin: Any) -> None:
    similarity = np.full((3, 6), 0.5, np.float32)
    assert xsim.matches(similarity, margin).tolist() == [0, 0, 0]


def test_a_hub_loses_by_margin_and_wins_without() -> None:
    """Target 2 is near every source; the margin takes that off."""
    similarity = np.array([[0.70, 0.1, 0.75], [0.1, 0.70, 0.75], [0.1, 0.1, 0.9]], np.float32)
    assert xsim.errors(similarity, "absolute") == 2
    assert xsim.errors(similarity, "ratio", k=2) == 0


@pytest.mark.parametrize(("margin", "k"), [("cosine", 4), ("ratio", 0)])
def test_other_settings_are_refused(margin: Any, k: int) -> None:
    with pytest.raises(SettingError, match="allowed are absolute, ratio and distance"):
        xsim.matches(np.eye(3, dtype=np.float32), margin, k)
