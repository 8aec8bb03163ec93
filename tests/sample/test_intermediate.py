"""The hand-written source of the intermediate tasks: sizes, balance, and the faults its readers name."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts_eval.sample.source import SOURCE, SampleError, choices, paraphrases, supertags

OPTIONS = {"hellaswag": 4, "cosmosqa": 4, "commonsenseqa": 5, "siqa": 3, "copa": 2}
ASKED = {"hellaswag": True, "cosmosqa": True, "commonsenseqa": False, "siqa": True, "copa": True}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_balanced_and_splits_share_nothing(name: str) -> None:
    train, dev = (choices(SOURCE / split / f"{name}.txt", OPTIONS[name]) for split in ("train", "dev"))
    assert len(train) >= 8 and len(dev) >= 4
    assert not {block.premise for block in train} & {block.premise for block in dev}
    for block in (*train, *dev):
        assert bool(block.question) == ASKED[name]
        assert len(set(block.options)) == OPTIONS[name]
    counts = Counter(block.right for block in train)
    assert set(counts) == set(range(OPTIONS[name])) and max(counts.values()) - min(counts.values()) <= 2


def test_copa_asks_for_causes_and_effects() -> None:
    for split in ("train", "dev"):
        asked = Counter(block.question for block in choices(SOURCE / split / "copa.txt", 2))
        assert set(asked) == {"cause", "effect"} and abs(asked["cause"] - asked["effect"]) <= 1


def test_questions_of_qqp_are_half_duplicates() -> None:
    for split in ("train", "dev"):
        labels = [label for label, _, _ in paraphrases(SOURCE / split / "qqp.txt")]
        assert 2 * sum(labels) == len(labels) >= 8


def test_categories_of_dev_are_learnable_from_train() -> None:
    train, dev = (
        {tag for words in supertags(SOURCE / split / "ccg.txt") for _, tag in words} for split in ("train", "dev")
    )
    assert dev <= train
    assert all(tag.count("(") == tag.count(")") for tag in train)


@pytest.mark.parametrize(
    ("reader", "text", "line", "message"),
    [
        (lambda path: choices(path, 2), "P: a\n+: b\n-: c\nP: a\n-: b\n-: c\n", 4, "2 options, one of them +"),
        (lambda path: choices(path, 2), "P: a\n+: b\n+: c\n", 1, "2 options, one of them +"),
        (lambda path: choices(path, 2), "P: a\n+: b\n", 1, "a block is P, perhaps Q, and 2 options"),
        (lambda path: choices(path, 2), "Q: a\n+: b\n-: c\n", 1, "a block is P"),
        (lambda path: choices(path, 2), "P: a\n+: b\nQ: q\n-: c\n", 1, "a block is P"),
        (lambda path: choices(path, 2), "P: a\nQ: b\n", 1, "a block is P"),
        (lambda path: choices(path, 2), "P: a\n*: b\n-: c\n", 2, "starts with one of P, Q, +, -"),
        (supertags, "a|N b|N\nc|N d\n", 2, "expected form|category"),
        (supertags, "|N\n", 1, "expected form|category"),
    ],
)
def test_bad_line_is_refused(
    reader: Callable[[Path], object], text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "train" / "x.txt"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape(message)) as error:
        reader(path)
    assert str(error.value).startswith(f"train/x.txt:{line}: ")
