"""Several processes, started by torchrun: the world size that was asked, and the scores of one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_language_models import make_llama
from xstilts_eval.report import content
from xstilts_eval.results import compare, gains
from xstilts_eval.zoo import sides

EVERY_FAMILY = (
    "xtreme.xnli.sw,xtreme.pawsx.de,xtreme.udpos.de,xtreme.panx.sw,xtreme.xquad.el,xtreme.mlqa.zh,xtreme.tydiqa.te,"
    "xtreme.bucc2018.de,xtreme.tatoeba.fr,bitext.tatoeba.fra"
)


def evaluate(processes: int, checkpoint: Path, output: Path, *options: str) -> dict[str, Any]:
    """Results file of `xstilts eval` under so many processes."""
    command = [sys.executable, "-m", "xstilts_eval.cli"]
    if processes > 1:
        several = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        command = [sys.executable, "-m", *several, "-m", "xstilts_eval.cli"]
    command += ["eval", str(checkpoint), "--data", "sample", "-o", str(output), *options]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        stdout, stderr = run.communicate(timeout=400)
    finally:
        if run.poll() is None:  # torchrun's workers would outlive it
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, stderr
    assert stdout.count("SAMPLE, not ") == 1, "only the first process shows the scoreboard"
    results: dict[str, Any] = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert results["config"]["xstilts"]["processes"] == processes
    return results


def same_scores(checkpoint: Path, folder: Path, processes: int, tasks: str, *options: str) -> dict[str, Any]:
    """Run with one and with several processes; every number and count must be equal. Returns the results of several."""
    found = [
        evaluate(number, checkpoint, folder / str(number), "--tasks", tasks, *options) for number in (1, processes)
    ]
    one, several = (
        {
            leaf: {name: value for name, value in values.items() if name.endswith(",none")}
            for leaf, values in results["results"].items()
        }
        for results in found
    )
    assert several == one and len(one) == len(tasks.split(","))
    for part in ("n-samples", "xstilts_intervals"):
        assert found[0][part] == found[1][part]
    info = [results["config"]["xstilts"] for results in found]
    assert info[0]["counts"] == info[1]["counts"] != {}
    assert {**info[0], "processes": processes} == info[1]
    for leaf in one:
        rows = [(folder / str(number) / "samples" / f"samples_{leaf}.jsonl") for number in (1, processes)]
        ids = [[json.loads(line)["doc_id"] for line in path.read_text(encoding="utf-8").splitlines()] for path in rows]
        assert ids[0] == ids[1], "every document once"
    return found[1]


def test_every_family_with_two_processes(tiny_bundle: Path, tmp_path: Path) -> None:
    same_scores(tiny_bundle, tmp_path, 2, EVERY_FAMILY)
    one, two = tmp_path / "1", tmp_path / "2"
    gained = gains.gains(one, two)
    assert len(gained) == len(EVERY_FAMILY.split(","))
    assert {(gain.gain, gain.half_width) for gain in gained} <= {(0.0, 0.0), (0.0, None)}
    bucc = next(gain for gain in gained if gain.family.name == "bucc2018")
    (compared,) = compare.compare(sides.read_all([str(one), str(two)]))
    (row,) = next(family.languages for family in compared.families if family.family == bucc.family)
    assert (row.difference, row.interval, row.p, row.different, row.note) == (0.0, (0.0, 0.0), 1.0, (), "")
    assert row.units == bucc.units >= 20 and not compared.missing
    page = content.gather([str(one), str(two)])
    assert not page.marked and not page.warnings, "shards are no other documents"
    assert page.comparisons[0].families["xtreme_bucc2018"].gain == 0.0


def test_fewer_documents_than_processes(tiny_bundle: Path, tmp_path: Path) -> None:
    """Three documents for four processes: the fourth is kept busy, and nothing of it is counted.

    BUCC's corpora are cut to three sentences a side, and a process without any mines with the others.
    """
    results = same_scores(tiny_bundle, tmp_path, 4, EVERY_FAMILY, "--limit", "3")
    counted = {leaf: counts["effective"] for leaf, counts in results["n-samples"].items()}
    assert counted.pop("xtreme.bucc2018.de") == 1, "one corpus, whatever the number of processes"
    assert set(counted.values()) == {3}


def test_a_language_model_with_fewer_documents_than_processes(tmp_path: Path) -> None:
    llama = make_llama(tmp_path / "llama")
    same_scores(llama, tmp_path, 2, "xtreme.pawsx.de,xtreme.xquad.de,xtreme.tatoeba.fr", "--limit", "1")


@pytest.mark.slow
def test_processes_and_the_store(tiny_bundle: Path, tmp_path: Path) -> None:
    """What one process kept serves two and four, and the other way round, with the same numbers and counts."""
    found: list[dict[str, Any]] = []
    store = str(tmp_path / "store")
    for number in (1, 2, 4, 1):
        found.append(evaluate(number, tiny_bundle, tmp_path / f"{len(found)}", "-t", EVERY_FAMILY, "--store", store))
    files = list(Path(store).rglob("*.jsonl"))
    assert len(files) == len(EVERY_FAMILY.split(",")), "one a task, whatever the number of processes"
    for results in found:
        results["config"]["xstilts"].pop("processes")
        for part in ("results", "n-samples", "config"):
            assert results[part] == found[0][part]


@pytest.mark.slow
def test_every_family_with_four_processes(tiny_bundle: Path, tmp_path: Path) -> None:
    same_scores(tiny_bundle, tmp_path, 4, EVERY_FAMILY)


@pytest.mark.slow
def test_every_family_of_a_language_model_with_two_and_four_processes(tmp_path: Path) -> None:
    llama = make_llama(tmp_path / "llama")
    for processes in (2, 4):
        same_scores(llama, tmp_path / str(processes), processes, EVERY_FAMILY, "--limit", "3")
