"""Quantised copies: judged by their original's numbers, within what rounding the weights does."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.host_results import host_results
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval.errors import DataError
from xstilts_eval.results import record
from xstilts_eval.zoo import manifest, regression
from xstilts_eval.zoo.gating import Choice
from xstilts_eval.zoo.regression import Report

COPY = "a copy"


def zoo_with_a_copy(path: Path, *tables: Any, of: str = MODEL, variance: float = 0.25) -> Path:
    """The small zoo, and a copy of its model beside it."""
    write_zoo(path, *tables)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = dict(content["models"][0]) | {
        "name": COPY, "copy_of": {"model": of, "variance": {"acc": variance}, "reason": "measured by hand"},
    }  # fmt: skip
    content["models"].append(entry)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def judge(zoo: Path, model: str, **scores: float) -> Report:
    results = host_results({f"xtreme.xnli.{code}": {"acc": value} for code, value in scores.items()})
    return regression.regress(manifest.load(zoo), Choice(model), [record.from_host(results)])


@pytest.mark.parametrize(("ours", "passes"), [(0.8195, True), (0.8197, False), (0.7805, True), (0.7803, False)])
def test_one_number_by_hand(tmp_path: Path, ours: float, passes: bool) -> None:
    """80 points of n 400: a standard error of 2; a quarter of its variance is 1 squared; 1.959964 x 1 is allowed."""
    zoo = zoo_with_a_copy(tmp_path / "zoo.yaml", table({"de": 80.0}, tolerance=None, n=400))
    report = judge(zoo, COPY, de=ours)
    (verdict,) = report.verdicts
    assert (verdict.method, verdict.record.copy_of) == ("quantised copy", MODEL)
    assert verdict.allowed == pytest.approx(1.959964, abs=1e-5)
    assert report.has_passed is passes
    assert judge(zoo, MODEL, de=ours).has_passed  # with the sampling error of both sides


def test_more_numbers_share_the_level(tmp_path: Path) -> None:
    """Two numbers: the 98.75 % quantile, 2.241403."""
    zoo = zoo_with_a_copy(tmp_path / "zoo.yaml", table({"de": 80.0, "sw": 80.0}, tolerance=None, n=400))
    verdicts = judge(zoo, COPY, de=0.8, sw=0.8).verdicts
    assert [verdict.allowed for verdict in verdicts] == pytest.approx([2.241403] * 2, abs=1e-5)


def test_what_is_not_known_of_the_copy_decides_nothing(tmp_path: Path) -> None:
    """A metric without a variance, an average, and a tolerance that was the original's."""
    zoo = zoo_with_a_copy(
        tmp_path / "zoo.yaml",
        table({"de": 80.0, "avg": 80.0}, tolerance=None, n=400),
        table({"de": 66.0}, family="xtreme_panx", metric="f1", tolerance=0.5),
    )
    found = {(v.record.family, v.record.language): v.reason for v in judge(zoo, COPY, de=0.8).verdicts if not v.gates}
    assert found == {("xtreme_xnli", "avg"): "no tolerance", ("xtreme_panx", "de"): "no tolerance"}


@pytest.mark.parametrize("of", ["nobody", COPY])
def test_a_copy_of_nothing_is_refused(tmp_path: Path, of: str) -> None:
    with pytest.raises(DataError, match="is no model of the zoo's own"):
        manifest.load(zoo_with_a_copy(tmp_path / "zoo.yaml", table({"de": 80.0}), of=of))
