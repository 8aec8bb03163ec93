"""Counts of units in files of their own: what comparisons read is what they read from samples."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commanded import xstilts
from xstilts_eval import evaluation
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.metrics import bootstrap
from xstilts_eval.results import entity_types, gains, record, samples, show, statistics, unit_files, units
from xstilts_eval.results.unit_files import Names

TASKS = ("xtreme_pawsx", "xtreme.panx.sw", "xtreme.xquad.el", "xtreme.bucc2018.de", "xtreme.tatoeba.fr")


@pytest.fixture(scope="module")
def runs(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One run by how its samples are kept, and one as older versions kept it."""
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for way in ("json", "compressed", "none"):
        keeping = evaluation.Keeping(samples=way)
        evaluation.evaluate(evaluation.Settings(str(tiny_bundle), TASKS, "sample"), root / way, False, print, keeping)
        found[way] = root / way
    shutil.copytree(root / "json", root / "older", ignore=shutil.ignore_patterns("units"))
    return {**found, "older": root / "older"}


def test_counts_are_those_of_the_samples(runs: dict[str, Path]) -> None:
    leaves = record.read(runs["json"]).leaves
    assert len(leaves) == 11
    for leaf in leaves:
        by_lines = units.read(runs["older"], leaf)
        assert by_lines.origin.endswith(".jsonl")
        for way in ("json", "compressed", "none"):
            found = units.read(runs[way], leaf)
            assert found.origin.endswith(".safetensors") and list(found.keys) == list(by_lines.keys)
            assert found.counts.dtype == np.float64 and np.array_equal(found.counts, by_lines.counts)
        assert units.side_by_side(leaf.family, [found, by_lines]) is not None, "the two can be set side by side"


def test_samples_are_optional_and_may_be_compressed(runs: dict[str, Path]) -> None:
    (path,) = (runs["compressed"] / "samples").glob("*panx*")
    plain = (runs["json"] / "samples" / path.name.removesuffix(".gz")).read_bytes()
    assert path.name.endswith(".jsonl.gz") and gzip.decompress(path.read_bytes()) == plain
    assert path.stat().st_size < len(plain) / 3
    assert samples.read(runs["compressed"], "xtreme.panx.sw") == samples.read(runs["json"], "xtreme.panx.sw")
    assert not (runs["none"] / "samples").exists()
    with pytest.raises(MissingData, match="keeps no samples of"):
        samples.read(runs["none"], "xtreme.panx.sw")
    results = [json.loads((run / "results.json").read_text()) for run in runs.values()]
    for one in results:
        one.pop("date")
    assert results[0] == results[1] == results[2] == results[3]


def test_gains_and_types_do_not_need_samples(runs: dict[str, Path]) -> None:
    assert gains.gains(runs["none"], runs["compressed"]) == gains.gains(runs["older"], runs["older"])
    types = [show.read(run, types=True).types for run in runs.values()]
    assert types[0] and types[0] == types[1] == types[2] == types[3]


def test_what_is_kept_of_a_finished_part_may_be_asked_for_differently(runs: dict[str, Path], tiny_bundle: Path) -> None:
    """How samples are kept makes no other run."""
    said: list[str] = []
    settings = evaluation.Settings(str(tiny_bundle), TASKS, "sample")
    evaluation.evaluate(settings, runs["none"], False, said.append, evaluation.Keeping(samples="json"))
    assert sum("done before, kept" in line for line in said) == 5
    refused = xstilts("eval", tiny_bundle, "-t", "xtreme_pawsx", "--keep-samples", "zip", "-o", runs["none"] / "x")
    assert refused.returncode == 2 and "--keep-samples zip; allowed: json, compressed, none" in refused.stderr


def test_a_changed_file_is_not_believed(runs: dict[str, Path], tmp_path: Path) -> None:
    """Its checksum is in run.json: the samples are read, and without them nothing."""
    run = shutil.copytree(runs["json"], tmp_path / "run")
    leaf = next(leaf for leaf in record.read(run).leaves if leaf.leaf == "xtreme.panx.sw")
    path = run / unit_files.name(leaf.leaf)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        assert unit_files.find(run, leaf.leaf) is None
    assert units.read(run, leaf).origin.endswith(".jsonl")
    (run / samples.name(leaf.leaf)).unlink()
    with pytest.raises(MissingData, match="keeps no samples"):
        units.read(run, leaf)
    (run / "run.json").unlink()  # without checksums: what cannot be read is refused, or gives another score
    for cut in (0, 8, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises((PredictionError, MissingData)):
            units.read(run, leaf)


def test_resume_makes_a_changed_file_again(runs: dict[str, Path], tiny_bundle: Path, tmp_path: Path) -> None:
    run = shutil.copytree(runs["json"], tmp_path / "run")
    path = run / unit_files.name("xtreme.panx.sw")
    content = path.read_bytes()
    path.write_bytes(b"")
    said: list[str] = []
    settings = evaluation.Settings(str(tiny_bundle), TASKS, "sample")
    evaluation.evaluate(settings, run, False, said.append)
    assert "xtreme_panx: units/units_xtreme.panx.sw.safetensors has changed; it is scored again" in said
    assert path.read_bytes() == content


def test_columns_are_as_small_as_their_numbers() -> None:
    from safetensors.numpy import load

    family = FAMILIES["xtreme_mlqa"]
    counts = np.array([[1.0, 0.5, 1.0], [255.0, 1.0, 256.0], [0.0, 0.1, 2.0]])
    content = unit_files.content(family, (("a", "b\u2028", "c\n"), counts), 3, {})
    stored = load(content)
    assert [str(stored[f"count{place}"].dtype) for place in range(3)] == ["uint8", "float64", "uint16"]
    odd = {
        "-1": np.array([[-1.0]]),
        "nan": np.array([[np.nan]]),
        "none": np.zeros((0, 1)),
        "big": np.array([[2.0**40]]),
    }
    for table in odd.values():
        assert str(load(unit_files.content(family, ((), table), 0, {}))["count0"].dtype) == "float64"


def test_names_are_equal_by_their_bytes() -> None:
    names = ("a", "b\u2028", '"', "")
    packed = Names.of(names)
    assert packed == Names.of(names) and packed == names and names == packed and list(packed) == list(names)
    assert packed != Names.of(names[:3]) and packed != names[:3] and packed[1] == "b\u2028" and len(packed) == 4


def test_shared_weights_are_those_that_are_drawn() -> None:
    shared = bootstrap.SharedWeights()
    for seed in ([1, 2], 3):
        plain = list(bootstrap.drawn_weights(30, 250, seed))
        for _ in range(2):
            found = list(shared.drawn(30, 250, seed))
            assert [part for part, _ in found] == [part for part, _ in plain]
            assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(found, plain, strict=True))
    assert len(shared._kept) == 2
    shared.MOST = 0
    assert len(list(shared.drawn(31, 250, 1))) == 3 and len(shared._kept) == 2, "what does not fit is drawn each time"


def test_weighted_sums() -> None:
    draw = np.random.default_rng(1)
    weights, table = draw.integers(0, 4, (7, 20)).astype(float), draw.integers(0, 9, (3, 20, 2)).astype(float)
    expected = [[[float(sum(w * row[c] for w, row in zip(line, run, strict=True))) for c in range(2)]
                 for line in weights] for run in table]  # fmt: skip
    assert bootstrap.weighted_sums(weights, table).tolist() == expected


def test_types_are_those_of_seqeval() -> None:
    """On random tags, valid or not: precision, recall, F1 and support of every type, to the last digit that counts."""
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    chance = random.Random(15)
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]

    def sentences() -> list[list[str]]:
        return [[chance.choice(tags) for _ in range(length)] for length in lengths]

    for _ in range(20):
        lengths = [chance.randint(1, 9) for _ in range(chance.randint(1, 30))]
        gold, predicted = sentences(), sentences()
        found = entity_types.of_tags(gold, predicted)
        expected: Any = precision_recall_fscore_support(gold, predicted, average=None, zero_division=0)
        rows = [(one.precision, one.recall, one.f1, one.support) for one in found]
        assert np.allclose(rows, np.array([100, 100, 100, 1]) * np.array(expected).T, rtol=0, atol=1e-9)


def test_statistics_without_an_own_file_are_read_as_before(runs: dict[str, Path]) -> None:
    leaf = record.read(runs["older"]).leaves[0]
    assert unit_files.find(runs["older"], leaf.leaf) is None
    keys, counts = statistics.counts(leaf.family, samples.read(runs["older"], leaf.leaf))
    assert (units.read(runs["older"], leaf).counts == counts).all() and len(keys) == len(counts)
