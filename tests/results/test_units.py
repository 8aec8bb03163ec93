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
from xstilts_eval.metrics.retrieval import pair_statistics
from xstilts_eval.results import record, units

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
    """What a sample of BUCC keeps: the mined pairs with scores, and counts by foreign id without the ids."""
    pairs = [[source, target, 1.5] for source, target in mined]
    counts = pair_statistics(gold, mined).astype(int).tolist()
    return {"doc": {"id": name}, "filtered_resps": [{"pairs": pairs}], "f1_ci95": counts}


def test_buccs_rows_are_found_again_by_foreign_sentence() -> None:
    """Random gold and mined pairs of two systems; the oracle counts by foreign id, which the samples do not keep."""
    draw = random.Random(4)
    source, target = [f"de-{i:03}" for i in range(60)], [f"en-{i:03}" for i in range(60)]
    gold = {(s, t) for s, t in zip(source, target, strict=True) if draw.random() < 0.5}
    mined = [{(s, draw.choice(target)) for s in source if draw.random() < 0.4} | set(draw.sample(sorted(gold), 9))
             for _ in range(2)]  # fmt: skip
    halves = [source[:30], source[30:]]
    runs = []
    for system in mined:
        rows = [
            shard(f"de-en.{i}", {p for p in gold if p[0] in half}, {p for p in system if p[0] in half})
            for i, half in enumerate(halves)
        ]
        counts = np.array([row for one in rows for row in one["f1_ci95"]], float)
        runs.append(units.Units(units._keys(family("bucc2018"), rows), counts, "x"))
    table = units.side_by_side(family("bucc2018"), runs)
    assert table is not None
    expected = {}
    for name in source:
        both = tuple(
            tuple(sum(p[0] == name for p in pairs) for pairs in (gold & system, system, gold)) for system in mined
        )
        if any(any(one) for one in both):
            expected[name] = both
    found = sorted((tuple(map(int, a)), tuple(map(int, b))) for a, b in zip(*table, strict=True))
    # A unit that only one system mined is not gold: the oracle's zeros stand for the other's absence.
    assert found == sorted(expected.values())
    assert table.sum(axis=1).tolist() == [run.counts.sum(axis=0).tolist() for run in runs]


def test_other_units_are_not_put_side_by_side(tmp_path: Path) -> None:
    one, other = read(write_run(tmp_path / "a", {LEAF: [1, 0]})), read(write_run(tmp_path / "b", {LEAF: [1, 0, 1]}))
    assert units.side_by_side(family("pawsx"), [one, other]) is None
    gold = units.Units(("de-en.0 gold 0",), np.ones((1, 3)), "x")
    more = units.Units(("de-en.0 gold 0", "de-en.0 gold 1"), np.ones((2, 3)), "y")
    assert units.side_by_side(family("bucc2018"), [gold, more]) is None


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


def test_samples_without_what_is_needed_and_without_samples(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1]})
    samples(folder).write_text('{"doc_id": 0}\n')
    with pytest.raises(PredictionError, match="holds no samples that this version can read"):
        read(folder)
    samples(folder).unlink()
    with pytest.raises(MissingData, match="keeps no samples"):
        read(folder)
