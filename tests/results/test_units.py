"""Units by name: runs put side by side, BUCC's unnamed rows found again, and samples that do not fit their results."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.result_folders import write_run
from xstilts_eval.benchmark import family
from xstilts_eval.errors import MissingData, NumericError, PredictionError
from xstilts_eval.metrics.retrieval import counts_by_source
from xstilts_eval.results import record, statistics, units

LEAF = "xtreme.pawsx.de"


def read(folder: Path) -> units.Units:
    (leaf,) = record.read(folder).leaves
    return units.read(folder, leaf)


def samples(folder: Path, leaf: str = LEAF) -> Path:
    return folder / "samples" / f"samples_{leaf}.jsonl"


def test_pairs_and_sentences_are_their_own_units(tmp_path: Path) -> None:
    found = read(write_run(tmp_path / "a", {LEAF: [1, 0, 1]}))
    assert found.keys == ("d0", "d1", "d2") and found.counts.tolist() == [[1, 1], [0, 1], [1, 1]]
    found = read(write_run(tmp_path / "b", {"xtreme.udpos.de": [(3, 4, 5), (1, 2, 2)]}))
    assert found.keys == ("s0", "s1") and found.counts.tolist() == [[3, 4, 5], [1, 2, 2]]


def test_questions_are_summed_by_passage(tmp_path: Path) -> None:
    answers = [("p1", 0.5, 0), ("p2", 1.0, 1), ("p1", 1.0, 1)]
    found = read(write_run(tmp_path / "a", {"xtreme.xquad.de": answers}))
    assert found.keys == ("p1", "p2")
    assert found.counts.tolist() == [[1, 1.5, 2], [1, 1, 1]]  # exact match, F1, questions


def shard(name: str, gold: set[tuple[str, str]], mined: set[tuple[str, str]]) -> dict[str, Any]:
    """What a sample of BUCC keeps: counts by foreign sentence, with its id."""
    counts = [[source, *row] for source, row in counts_by_source(gold, mined).items()]
    return {"doc_id": int(name[-1]), "doc": {"id": name}, "f1_ci95": counts}


def of_shards(gold: set[tuple[str, str]], mined: set[tuple[str, str]], halves: list[list[str]]) -> units.Units:
    rows = [
        shard(f"de-en.{i}", {p for p in gold if p[0] in half}, {p for p in mined if p[0] in half})
        for i, half in enumerate(halves)
    ]
    bucc = family("bucc2018")
    return units.Units(*statistics.counts(bucc, rows), "x")


def test_buccs_rows_are_found_again_by_foreign_sentence() -> None:
    """Random gold and mined pairs of two systems, in one shard and in three; the oracle counts by foreign id.

    The corpus is not in the order of its ids, so that shards are no ranges of the sorted ones.
    """
    draw = random.Random(4)
    source, target = [f"de-{i:03}" for i in range(60)], [f"en-{i:03}" for i in range(60)]
    gold = {(s, t) for s, t in zip(source, target, strict=True) if draw.random() < 0.5}
    mined = [{(s, draw.choice(target)) for s in source if draw.random() < 0.4} | set(draw.sample(sorted(gold), 9))
             for _ in range(2)]  # fmt: skip
    order = draw.sample(source, len(source))
    runs = [of_shards(gold, mined[0], [order]), of_shards(gold, mined[1], [order[:17], order[17:41], order[41:]])]
    table = units.side_by_side(family("bucc2018"), runs)
    assert table is not None
    expected = {}
    for name in source:
        both = tuple(
            tuple(sum(p[0] == name for p in pairs) for pairs in (gold & system, system, gold)) for system in mined
        )
        if any(any(one) for one in both):
            expected[name] = both
    # A unit that only one system mined is not gold: the oracle's zeros stand for the other's absence.
    found = [(tuple(map(int, a)), tuple(map(int, b))) for a, b in zip(*table, strict=True)]
    assert found == [both for _, both in sorted(expected.items())]
    again = of_shards(gold, mined[0], [order[:9], order[9:]])
    assert again.keys == runs[0].keys and np.array_equal(again.counts, runs[0].counts), "whatever the shards"


def test_other_units_are_not_put_side_by_side(tmp_path: Path) -> None:
    one, other = read(write_run(tmp_path / "a", {LEAF: [1, 0]})), read(write_run(tmp_path / "b", {LEAF: [1, 0, 1]}))
    assert units.side_by_side(family("pawsx"), [one, other]) is None
    gold = units.Units(("de-1",), np.ones((1, 3)), "x")
    more = units.Units(("de-1", "de-2"), np.ones((2, 3)), "y")
    assert units.side_by_side(family("bucc2018"), [gold, more]) is None
    other = units.Units(("de-1", "de-2"), np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]), "z")
    assert units.side_by_side(family("bucc2018"), [gold, other]) is None, "as many gold pairs, but of other sentences"


def test_samples_that_were_cut_off(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1, 0, 1, 1]})
    lines = samples(folder).read_text().split("\n")
    samples(folder).write_text("\n".join(lines[:3]) + "\n")
    with pytest.raises(PredictionError, match="holds 3 samples, the results say 4 were scored; was the file cut off"):
        read(folder)
    samples(folder).write_text("\n".join(lines[:3]) + lines[3][:20])
    with pytest.raises(PredictionError, match=r"line 3 is not a sample .* was the file cut off"):
        read(folder)


def test_samples_of_another_run(tmp_path: Path) -> None:
    folder, other = (write_run(tmp_path / name, {LEAF: rows}) for name, rows in (("a", [1, 0]), ("b", [1, 1])))
    samples(folder).write_text(samples(other).read_text())
    with pytest.raises(PredictionError, match=r"gives 100\.00 points where the results say 50\.00"):
        read(folder)


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), NumericError), (None, NumericError), ("x", PredictionError)]
)
def test_samples_with_nonsense(tmp_path: Path, value: Any, error: type[Exception]) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1, 0]})
    rows = [json.loads(line) for line in samples(folder).read_text().split("\n") if line]
    rows[0]["acc_ci95"][1] = value
    samples(folder).write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(error, match=r"samples_xtreme\.pawsx\.de\.jsonl holds"):
        read(folder)


def test_samples_with_counts_of_another_metric(tmp_path: Path) -> None:
    leaf = "xtreme.udpos.de"
    folder = write_run(tmp_path / "a", {leaf: [(3, 4, 5)]})
    samples(folder, leaf).write_text('{"doc_id": 0, "f1_ci95": [0, 1.0]}\n')  # an F1 has three counts
    with pytest.raises(PredictionError, match="holds no samples that this version can read"):
        read(folder)


def test_samples_without_what_is_needed_and_without_samples(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1]})
    samples(folder).write_text('{"doc_id": 0}\n')
    with pytest.raises(PredictionError, match="holds no samples that this version can read"):
        read(folder)
    samples(folder).unlink()
    with pytest.raises(MissingData, match="keeps no samples"):
        read(folder)
