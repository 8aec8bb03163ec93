"""The first published numbers: all-MiniLM-L6-v2 on the LASER Tatoeba files, as MTEB reports them."""

from pathlib import Path

import pytest

from tests.run_host import run_host
from tests.shared_data import DATA, needs_data
from tests.zoo import minilm_tatoeba

EVERY_RUN = [
    "tzl", "swg", "gsw", "ast", "ang", "cha", "xho", "fry", "tuk", "jav", "awa", "tel", "csb", "nov", "fao", "tam",
]  # fmt: skip
"""The smallest pairs (2,998 sentences a side) run every time, all 102 that are there in the slow suite."""


def there(codes: list[str]) -> list[str]:
    return [code for code in codes if (DATA / f"tatoeba/v1/tatoeba.{code}-eng.{code}").is_file()]


def check(pretrained: Path, codes: list[str]) -> None:
    published = minilm_tatoeba()
    leaves = [f"bitext.tatoeba.{code}" for code in codes]
    scores = run_host(leaves, pretrained, data=str(DATA))["results"]
    wrong = {}
    for code in codes:
        accuracy, f1 = published[code]
        found = scores[f"bitext.tatoeba.{code}"]
        if abs(found["acc,none"] - accuracy) > 1e-6 or abs(found["f1,none"] - f1) > 1e-6:
            wrong[code] = (found["acc,none"], accuracy, found["f1,none"], f1)
    assert not wrong


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
        scores = run_host(["bitext.tatoeba.ang"], minilm, data=str(DATA), **wrong)["results"]
        assert abs(scores["bitext.tatoeba.ang"]["acc,none"] - published["ang"][0]) > 1e-3, wrong
