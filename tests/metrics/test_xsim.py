"""xsim against its published check values and a slow reference."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics import xsim


def unit(*sides: Any) -> Any:
    return tuple((side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32) for side in sides)


@pytest.fixture(scope="module")
def noisy() -> Any:
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 16))
    return unit(x, x + random.standard_normal((200, 16)))


@pytest.mark.parametrize(("margin", "forth", "back"), [("absolute", 65, 66), ("ratio", 53, 63), ("distance", 52, 63)])
def test_errors_of_the_check_vectors(noisy: Any, margin: Any, forth: int, back: int) -> None:
    """Check values of the project's analysis notes, section 8: the definition of LASER's xsim, k = 4."""
    x, y = noisy
    assert xsim.errors(x, y, margin) == forth
    assert xsim.errors(y, x, margin) == back
    to_target, to_source = xsim.matches(x, y, margin)
    assert [(index != np.arange(200)).sum() for index in (to_target, to_source)] == [forth, back]


def slow(x: Any, y: Any, margin: str, k: int) -> list[int]:
    """One source and one candidate at a time, the lower line first among equals."""
    similarity = np.array([[math.fsum(float(a) * float(b) for a, b in zip(u, v, strict=True)) for v in y] for u in x])
    found = []
    for row in similarity:
        near = sorted(range(len(row)), key=lambda j: -row[j])[:k]
        scores = {}
        for j in sorted(near):
            column = sorted(similarity[:, j], reverse=True)[:k]
            b = (np.mean([row[i] for i in near]) + np.mean(column)) / 2
            scores[j] = {"ratio": row[j] / b, "distance": row[j] - b, "absolute": row[j]}[margin]
        found.append(max(scores, key=lambda j: scores[j]))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.sampled_from(["absolute", "ratio", "distance"]))
def test_matches_equal_a_slow_reference(sources: int, targets: int, k: int, margin: Any) -> None:
    random = np.random.default_rng(sources * 1000 + targets * 10 + k)
    x, y = unit(random.standard_normal((sources, 5)) + 1, random.standard_normal((targets, 5)) + 1)
    assert xsim.matches(x, y, margin, k)[0].tolist() == slow(x, y, margin, k)


@pytest.mark.parametrize("margin", ["absolute", "ratio", "distance"])
def test_ties_go_to_the_lower_line(margin: Any) -> None:
    x, y = np.ones((3, 2), np.float32), np.ones((6, 2), np.float32)
    assert [side.tolist() for side in xsim.matches(x, y, margin)] == [[0] * 3, [0] * 6]


def test_a_hub_loses_by_margin_and_wins_without() -> None:
    """Target 2 is near every source; the margin takes that off."""
    similarity = np.array([[0.70, 0.1, 0.75], [0.1, 0.70, 0.75], [0.1, 0.1, 0.9]], np.float32)
    sources = np.eye(3, dtype=np.float32)
    assert xsim.errors(sources, similarity.T, "absolute") == 2
    assert xsim.errors(sources, similarity.T, "ratio", k=2) == 0


# Four lines a side, two of them with one vector: by hand, line 0 is matched with 2 and 3 with 0. What line 2 is matched
# with is the order of two equal ones.
TIED = unit(
    np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [1, -1, 0]]),
    np.array([[1.0, -1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]),
)


def test_of_lines_with_one_vector_the_first_counts() -> None:
    assert xsim.matches(*TIED)[0].tolist() == [2, 1, 2, 0]
    assert xsim.errors(*TIED) == 2


def test_laser_on_this_faiss_takes_the_last_of_lines_with_one_vector() -> None:
    """What docs/flores.md says: the steps of LASER's source/xsim.py find 3 errors in the same vectors."""
    faiss = pytest.importorskip("faiss", reason="faiss is not installed (the extra bench brings it)")

    def search(queries: Any, pool: Any) -> Any:
        index = faiss.IndexFlatIP(pool.shape[1])
        index.add(pool)
        return index.search(queries, 4)

    (cosine, candidates), (other, _) = search(*TIED), search(*TIED[::-1])
    scores = cosine / ((cosine.mean(axis=1)[:, None] + other.mean(axis=1)[candidates]) / 2)
    found = [int(line[best]) for line, best in zip(candidates, scores.argmax(axis=1), strict=True)]
    assert found == [3, 1, 3, 0]
    assert sum(line != own for own, line in enumerate(found)) == 3


@pytest.mark.parametrize(("margin", "k"), [("cosine", 4), ("ratio", 0)])
def test_other_settings_are_refused(margin: Any, k: int) -> None:
    with pytest.raises(SettingError, match="allowed are absolute, ratio and distance"):
        xsim.matches(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), margin, k)
