"""What a limit leaves: the first documents, as the host takes them, and a word where those are of one class."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.run_host import load_tasks
from xstilts_eval.tasks import leaf


def written(folder: Path, labels: list[str]) -> str:
    place = folder / "americasnli/data/anli_final/test/quy.tsv"
    place.parent.mkdir(parents=True)
    rows = [f"{n}\tquy\tPremise {n}\tHypothesis {n}\t{label}" for n, label in enumerate(labels)]
    place.write_text("\n".join(["id\tlanguage\tpremise\thypothesis\tlabel", *rows]) + "\n", encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("labels", "limit", "is_told"),
    [
        (["neutral"] * 8 + ["entailment"] * 8, 8, True),
        (["neutral"] * 8 + ["entailment"] * 8, 9, False),
        (["neutral"] * 8 + ["entailment"] * 8, None, False),
        (["neutral"] * 16, 8, False),
        (["neutral", "entailment"] * 8, 8, False),
        (["neutral"] * 8 + ["entailment"] * 8, 3, False),
    ],
)
def test_a_limit_that_leaves_one_class_is_told(
    labels: list[str],
    limit: int | None,
    is_told: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leaf, "_TOLD", set())
    (task,) = load_tasks(["beyond.americasnli.quy"], written(tmp_path, labels))["tasks"].values()
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        for _ in range(2):
            task.build_all_requests(limit=limit, rank=0, world_size=1)
    told = [record.getMessage() for record in caplog.records if "of the class" in record.getMessage()]
    assert [one.partition(";")[0] for one in told] == (
        ["beyond_americasnli: the first 8 documents are all of the class 'neutral'"] if is_told else []
    )
