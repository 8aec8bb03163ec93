"""Mining against the official code's output (shared/data/bucc_oracle) and a brute-force reading of it."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.shared_data import DATA, needs_data
from xstilts_eval.errors import DataError, NumericError, SettingError
from xstilts_eval.metrics import mining, neighbours
from xstilts_eval.metrics.mining import Candidates, Unified, best_threshold, extract, identified, mine, unify
from xstilts_eval.metrics.retrieval import PAIRS, Pair

Vectors = NDArray[np.float64]
ORACLE = DATA / "bucc_oracle"


@pytest.fixture(params=[True, False], ids=["bfloat16", "float32"])
def either_way(request, monkeypatch):
    """Search with bfloat16 tiles first and without them, whatever this processor multiplies fast."""
    monkeypatch.setattr(neighbours, "_multiplies_bfloat16", lambda: request.param)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def pairs(path: Path) -> list[Pair]:
    return [(source, target) for source, target in (line.split("\t") for line in lines(path))]


def mined(split: str, block: int) -> tuple[Candidates, dict[str, tuple[Unified, list[str]]]]:
    """Candidates of one split of the oracle with texts and ids: (candidates, sides by name)."""
    folder = ORACLE / split
    sides = {}
    for name in ("source", "target"):
        texts = lines(folder / f"{name}.txt")
        sides[name] = (unify(lines(folder / f"{name}.id"), texts), texts)
    vectors = np.load(folder / "embeddings.npz")
    x, y = (vectors[name][side.rows] for name, (side, _) in sides.items())
    return mine(x, y, block=block), sides


@pytest.mark.usefixtures("either_way")
@needs_data
@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("block", [2048, 100])
def test_candidates_equal_the_official_ones(split, block):
    """Oracle: utils_retrieve.py @ 838c13b with faiss-cpu, k 4, ratio margin (SOURCES.md, BUCC mining)."""
    candidates, sides = mined(split, block)
    (source, source_texts), (target, target_texts) = sides["source"], sides["target"]
    ours = {
        (source_texts[source.rows[i]], target_texts[target.rows[j]]): score
        for score, i, j in zip(*candidates, strict=True)
    }
    official: dict[Pair, float] = {}
    for line in lines(ORACLE / split / "official_candidates.tsv"):
        score, x, y = line.split("\t")
        official[(x, y)] = float(score)
    assert ours.keys() == official.keys()
    assert max(abs(ours[pair] - score) for pair, score in official.items()) < 1e-6
    assert (np.diff(candidates.score) <= 0).all()


@pytest.mark.usefixtures("either_way")
@needs_data
def test_threshold_pairs_and_scores_equal_the_official_ones():
    """Dev at its own best threshold, test at the dev threshold and, for its score only, at its own."""
    expected = json.loads((ORACLE / "official_scores.json").read_text())
    found: dict[str, dict[Pair, float]] = {}
    gold: dict[str, list[Pair]] = {}
    for split in ("dev", "test"):
        candidates, sides = mined(split, 2048)
        found[split] = identified(candidates, sides["source"][0], sides["target"][0])
        gold[split] = pairs(ORACLE / split / "gold.tsv")

    dev_threshold = best_threshold(found["dev"], gold["dev"])
    assert dev_threshold == pytest.approx(expected["dev"]["best-threshold"], abs=1e-6)
    own_threshold = best_threshold(found["test"], gold["test"])
    assert own_threshold == pytest.approx(expected["test_own_threshold"]["best-threshold"], abs=1e-6)
    for split in ("dev", "test"):
        assert extract(found[split], dev_threshold) == pairs(ORACLE / split / "official_pairs.tsv")
    for split, threshold, key in (
        ("dev", dev_threshold, "dev"),
        ("test", dev_threshold, "test_with_dev_threshold"),
        ("test", own_threshold, "test_own_threshold"),
    ):
        scores = PAIRS.score(PAIRS.statistics(gold[split], extract(found[split], threshold)))
        for name, official_name in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
            assert 100 * scores[name] == pytest.approx(expected[key][official_name], abs=1e-9)


def brute_force(x: Vectors, y: Vectors, k: int) -> list[tuple[float, int, int]]:
    """Steps 2-4 of xtreme_spec.md 1.6 with the full matrix, in double precision: [(score, i, j)]."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    cosine = x @ y.T
    forward = [sorted(range(len(y)), key=lambda j: -cosine[i, j])[:k] for i in range(len(x))]
    backward = [sorted(range(len(x)), key=lambda i: -cosine[i, j])[:k] for j in range(len(y))]
    x_mean = [np.mean([cosine[i, j] for j in forward[i]]) for i in range(len(x))]
    y_mean = [np.mean([cosine[i, j] for i in backward[j]]) for j in range(len(y))]

    def margin(i: int, j: int) -> float:
        return float(cosine[i, j] / ((x_mean[i] + y_mean[j]) / 2))

    pool = [max((margin(i, j), i, j) for j in forward[i]) for i in range(len(x))]
    pool += [max((margin(i, j), i, j) for i in backward[j]) for j in range(len(y))]
    kept: list[tuple[float, int, int]] = []
    used_x: set[int] = set()
    used_y: set[int] = set()
    for score, i, j in sorted(pool, reverse=True):
        if score > 0 and i not in used_x and j not in used_y:
            kept.append((score, i, j))
            used_x.add(i)
            used_y.add(j)
    return kept


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("seed", range(12))
def test_mining_equals_brute_force(seed):
    random = np.random.default_rng(seed)
    n, m, k = int(random.integers(1, 60)), int(random.integers(1, 60)), int(random.integers(2, 7))
    # With k = 1 mutual neighbours tie at exactly 1, in an order nobody defines.
    shared = random.standard_normal((max(n, m), 12))
    x = shared[:n] + 0.4 * random.standard_normal((n, 12))
    y = shared[:m] + 0.4 * random.standard_normal((m, 12))
    expected = brute_force(x, y, k)
    for block in (1, 7, 64):
        candidates = mine(x, y, k=k, block=block)
        assert [*zip(candidates.source, candidates.target, strict=True)] == [(i, j) for _, i, j in expected]
        np.testing.assert_allclose(candidates.score, [score for score, _, _ in expected], rtol=1e-5)


@pytest.mark.usefixtures("either_way")
def test_a_collapsed_encoder_is_mined_one_to_one_whatever_the_block():
    """All similarities tie; every tile entry then passes the first bound, none may appear twice."""
    for block in (3, 64):
        candidates = mine(np.ones((10, 4)), np.ones((8, 4)), block=block)
        assert len(set(candidates.source.tolist())) == len(candidates.source) <= 8
        assert len(set(candidates.target.tolist())) == len(candidates.target)


@pytest.mark.usefixtures("either_way")
def test_zero_vectors_are_no_candidates():
    vectors = np.eye(3)
    vectors[2] = 0
    candidates = mine(vectors, np.eye(3), k=1)
    assert sorted(zip(candidates.source.tolist(), candidates.target.tolist(), strict=True)) == [
        (0, 0),
        (1, 1),
    ]


@pytest.mark.usefixtures("either_way")
def test_negative_margins_are_no_candidates():
    """Unit vectors by angle: the third pair, both still free, has cosine cos 95° < 0 and a positive mean."""

    def unit(*degrees: float) -> Vectors:
        radians = np.deg2rad(degrees)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1)

    x, y = unit(0, 5, 105), unit(1, 6, 10)
    candidates = mine(x, y, k=2)
    assert sorted(zip(candidates.source.tolist(), candidates.target.tolist(), strict=True)) == [
        (0, 0),
        (1, 1),
    ]


def test_torch_is_not_needed_to_import():
    program = "import sys, xstilts_eval.metrics.mining; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_to_mine():
    candidates = mine(np.zeros((0, 4)), np.ones((3, 4)))
    assert [len(column) for column in candidates] == [0, 0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_bad_numbers_are_refused(bad):
    with pytest.raises(NumericError, match="NaN or infinite"):
        mine(np.full((2, 2), bad), np.ones((2, 2)))


@pytest.mark.usefixtures("either_way")
def test_equal_margins_go_by_index():
    """Two sources and two targets of one vector: each names the first of the other side, and nobody the second two."""
    x, y = np.array([[1.0, 0], [0, 1], [1, 0]]), np.array([[0, 1.0], [1, -0.0], [1, 0]])
    for block in (1, 2, 64):
        candidates = mine(x, y, k=2, block=block)
        assert [*zip(candidates.source, candidates.target, strict=True)] == [(1, 0), (0, 1)]


def test_equal_rows_stay_equal_and_their_length_is_one():
    """In every place and whatever their scale, down to what float32 holds; in float64, as one number at a time."""
    random = np.random.default_rng(5)
    rows = random.standard_normal((300, 97)) * 10.0 ** random.integers(-18, 18, (300, 1))
    found = mining.normalised(np.concatenate([rows, rows[::-1], rows * 2.0**10]))
    assert (found[:300] == found[300:600][::-1]).all() and (found[:300] == found[600:]).all()
    single = rows.astype(np.float32).astype(np.float64)
    expected = single / np.array([[math.sqrt(math.fsum(v * v for v in row))] for row in single])
    np.testing.assert_allclose(found[:300], expected, rtol=2**-24, atol=0)
    assert (mining.normalised(np.zeros((2, 3))) == 0).all()


def test_bad_settings_are_refused():
    with pytest.raises(SettingError, match="k=0"):
        mine(np.ones((2, 2)), np.ones((2, 2)), k=0)


def test_unify_keeps_the_last_row_and_drops_repeated_texts_from_the_id_map():
    side = unify(["1", "2", "3", "4", "5"], ["a", "b", "a", "c", " c"])
    assert side.rows.tolist() == [2, 1, 3, 4]  # " c" is another line for the search …
    assert side.ids == (None, "2", None, None)  # … but no other sentence for the id map
    with pytest.raises(DataError, match="1 sentence ids for 2 sentences"):
        unify(["1"], ["a", "b"])


def test_threshold_by_hand():
    """F1 after each of four candidates, three gold pairs: 2/4, 2/5, 4/6, 4/7; so between third and fourth."""
    scored = {("a", "a"): 5.0, ("b", "x"): 4.0, ("c", "c"): 3.0, ("d", "x"): 2.0}
    gold = [("a", "a"), ("c", "c"), ("e", "e")]
    assert best_threshold(scored, gold) == 2.5
    assert extract(scored, 2.5) == [("a", "a"), ("b", "x"), ("c", "c")]
    assert extract(scored, 3.0) == [("a", "a"), ("b", "x"), ("c", "c")]  # at the threshold counts


def test_threshold_at_the_last_candidate_keeps_it():
    """The official code stops with an IndexError here (xtreme_spec.md 1.6, step 6)."""
    scored = {("a", "a"): 5.0, ("b", "b"): 4.0}
    assert best_threshold(scored, [("a", "a"), ("b", "b")]) == 4.0


def test_threshold_without_a_right_candidate_is_zero():
    assert best_threshold({("a", "b"): 1.5}, [("a", "a")]) == 0.0
    assert best_threshold({}, [("a", "a")]) == 0.0
