"""The first published numbers: all-MiniLM-L6-v2 on the LASER Tatoeba files, as MTEB reports them.

The real commands, `xstilts eval` and `xstilts regress`, with real weights on real data; and the proof that they can
fail: a wrong pooling, layer, direction or prompt turns them red, whether the signature admits it or not, and whether
the zoo has a tolerance or only the number of sentences.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.published import minilm_tatoeba
from tests.shared_data import DATA, needs_data
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval import evaluation
from xstilts_eval.models import embedding
from xstilts_eval.results import record
from xstilts_eval.tasks import scoring

EVERY_RUN = [
    "tzl", "swg", "gsw", "ast", "ang", "cha", "xho", "fry", "tuk", "jav", "awa", "tel", "csb", "nov", "fao", "tam",
]  # fmt: skip
"""The smallest pairs (2,998 sentences a side) run every time, all 102 that are there in the slow suite."""
FAULTY = ["tzl", "ang"]
"""Pairs on which the faults are made: 238 sentences a side."""
PUBLISHED = "all-MiniLM-L6-v2"


def xstilts(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "xstilts_eval.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def leaves(codes: Iterable[str]) -> str:
    return ",".join(f"bitext.tatoeba.{code}" for code in codes)


def there(codes: Iterable[str]) -> list[str]:
    return [code for code in codes if (DATA / f"tatoeba/v1/tatoeba.{code}-eng.{code}").is_file()]


def scored(model: Path, codes: Iterable[str], output: Path) -> Path:
    done = xstilts("eval", model, "--tasks", leaves(codes), "--data", DATA, "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def regress(results: Path, *options: Any, against: str = PUBLISHED) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON report."""
    done = xstilts("regress", results, "--against", against, "--json", "-", *options)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def check(results: Path, codes: list[str]) -> None:
    """Equality with the published fractions, without any code of the regression."""
    scores = json.loads((results / "results.json").read_text(encoding="utf-8"))["results"]
    published = minilm_tatoeba()
    wrong = {}
    for code in codes:
        accuracy, f1 = published[code]
        found = scores[f"bitext.tatoeba.{code}"]
        if abs(found["acc,none"] - accuracy) > 1e-6 or abs(found["f1,none"] - f1) > 1e-6:
            wrong[code] = (found["acc,none"], accuracy, found["f1,none"], f1)
    assert not wrong


@pytest.fixture(scope="module")
def small_pairs(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scored(minilm, there(EVERY_RUN), tmp_path_factory.mktemp("small") / "run")


@needs_data
def test_small_pairs_equal_mteb(small_pairs: Path) -> None:
    codes = there(EVERY_RUN)
    assert len(codes) >= 15
    check(small_pairs, codes)


@needs_data
def test_small_pairs_turn_the_regression_green(small_pairs: Path) -> None:
    """Four metrics in 16 languages; without `--tasks` the other languages and the averages are missing, and red."""
    code, report = regress(small_pairs, "--tasks", leaves(EVERY_RUN))
    assert code == 0
    assert report["counts"] == {"reproduced": 64, "drifted": 0, "missing": 0, "not comparable": 0}
    code, report = regress(small_pairs)
    assert code == 1
    assert report["counts"]["reproduced"] == 64
    assert report["counts"]["missing"] == 4 * (112 - 16) + 4  # and the four averages
    assert regress(small_pairs, "--allow-missing")[0] == 0


@needs_data
@pytest.mark.slow
def test_all_pairs_equal_mteb(minilm: Path, tmp_path: Path) -> None:
    codes = there(list(minilm_tatoeba()))
    assert len(codes) == 102  # SOURCES.md: 102 of the 112 pairs
    results = scored(minilm, codes, tmp_path / "run")
    check(results, codes)
    code, report = regress(results, "--allow-missing")
    assert code == 0
    assert report["counts"] == {"reproduced": 4 * 102, "drifted": 0, "missing": 4 * 10 + 4, "not comparable": 0}


def without_tolerance(path: Path, scores: Path) -> Path:
    """A zoo that says of the small pairs what MTEB published and how many sentences they have, and nothing else."""
    published = minilm_tatoeba()
    sizes = {leaf.language: leaf.scored for leaf in record.read(scores).leaves}
    said = {"family": "bitext_tatoeba", "scale": "fraction", "setting": "embedding", "tolerance": None, "n": sizes}
    return write_zoo(path, table({code: published[code][0] for code in sizes}, **said))


@needs_data
def test_small_pairs_pass_together(small_pairs: Path, tmp_path: Path) -> None:
    """By the number of sentences alone one pair shows 10 points and more, the 16 together less than one."""
    zoo = without_tolerance(tmp_path / "zoo.yaml", small_pairs)
    code, report = regress(small_pairs, "--zoo", zoo, against=MODEL)
    assert (code, report["counts"]["reproduced"]) == (0, 16)
    (together,) = report["families"]
    assert (together["equal"], together["failed"], together["shift"]) == (16, False, pytest.approx(0, abs=1e-9))
    assert together["low"] < 0 < together["high"] and 0.5 < together["detectable"] < 1
    assert max(verdict["detectable"] for verdict in report["verdicts"]) > 10


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "shift"),
    [({"pooling": "cls"}, -1.5), ({"layer": 5}, -4.6), ({"prompt": "query: "}, -0.3), ({}, 2.3)],
    ids=["pooling", "layer", "prompt", "direction"],
)
def test_small_pairs_fail_together(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, Any], shift: float
) -> None:
    """Without a tolerance: at most two of 16 pairs drift, and all of them together are red.

    The prompt moves answers without moving their mean, which only the spread shows.
    """
    if not setting:
        monkeypatch.setattr(scoring, "bitext_mining", other_direction)
    results = evaluated(minilm, tmp_path / "run", there(EVERY_RUN), **setting)
    code, report = regress(results, "--zoo", without_tolerance(tmp_path / "zoo.yaml", results), against=MODEL)
    (together,) = report["families"]
    assert together["shift"] == pytest.approx(shift, abs=0.1)
    assert report["counts"]["reproduced"] >= 14
    assert (code, together["failed"]) == (1, True)
    assert (together["shift_p"] < together["level"]) is (abs(shift) > together["detectable"])
    assert together["spread_p"] < together["level"]


def evaluated(model: Path, output: Path, codes: Iterable[str] = FAULTY, **model_args: Any) -> Path:
    """The function behind `xstilts eval`, in this process, where faults are made."""
    tasks = tuple(leaves(codes).split(","))
    settings = evaluation.Settings(str(model), tasks, str(DATA), model_args=tuple(model_args.items()))
    evaluation.evaluate(settings, output, overwrite=False, say=lambda _: None)
    return output


def statuses(results: Path, *options: Any, **against: str) -> tuple[int, set[tuple[str, str]]]:
    code, report = regress(results, *options, **against)
    return code, {(verdict["status"], verdict["reason"]) for verdict in report["verdicts"]}


@needs_data
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"pooling": "cls"}, "pooling cls, not mean"),
        ({"layer": 5}, "layer 5, not last"),
        ({"prompt": "query: "}, "prompt 'query: ', not ''"),
    ],
)
def test_a_wrong_setting_is_red(minilm: Path, tmp_path: Path, setting: dict[str, Any], reason: str) -> None:
    """The signature names it; and where the zoo says nothing about settings the numbers tell."""
    results = evaluated(minilm, tmp_path / "run", **setting)
    assert statuses(results, "--tasks", leaves(FAULTY)) == (1, {("not comparable", reason)})
    published = minilm_tatoeba()
    values = {code: published[code][0] for code in FAULTY}
    said = {"family": "bitext_tatoeba", "scale": "fraction", "tolerance": 1e-6}
    zoo = write_zoo(tmp_path / "zoo.yaml", table(values, **said))
    code, found = statuses(results, "--zoo", zoo, against=MODEL)
    assert code == 1
    assert ("drifted", "") in found


def first_token(hidden: Any, mask: Any, pooling: str) -> Any:
    return hidden[:, 0]


def one_block_less(model: Any, layer: int | None, whole: Any = embedding.keep_blocks) -> bool:
    return bool(whole(model, int(model.config.num_hidden_layers) - 1))


def other_direction(doc: dict[str, Any], results: Any, scored: Any = scoring.bitext_mining) -> Any:
    return scored(doc, [{"nearest_target": results[0]["nearest_source"]}])


@needs_data
@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (embedding, "pool", first_token),
        (embedding, "keep_blocks", one_block_less),
        (scoring, "bitext_mining", other_direction),
        (None, "", None),
    ],
    ids=["pooling", "layer", "direction", "none"],
)
def test_a_fault_in_the_code_is_red(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, fault: Any
) -> None:
    """The signature still says mean, last and foreign, so only the numbers can tell; without a fault it is green."""
    if fault:
        monkeypatch.setattr(module, name, fault)
    code, found = statuses(evaluated(minilm, tmp_path / "run"), "--tasks", leaves(FAULTY))
    if fault:
        assert code == 1
        assert ("drifted", "") in found
    else:
        assert (code, found) == (0, {("reproduced", "")})
