"""What a dataset says about itself: official sizes against the publications, templates, and what is refused."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from dataclasses import replace
from typing import Any

import pytest

from xstilts_eval import kinds, suites, training_tasks
from xstilts_eval.datasets import _dataset
from xstilts_eval.errors import SettingError, UnknownName


def test_a_kind_is_one_object_in_copies_and_other_processes() -> None:
    for kind in kinds.KINDS.values():
        assert copy.deepcopy(kind) is kind and pickle.loads(pickle.dumps(kind)) is kind


OFFICIAL = {
    "udpos": {"de": 22_358, "el": 456, "fr": 5_009, "ru": 8_976, "zh": 3_455, "lt": 739, "pl": 4_942, "uk": 892,
              "wo": 470, "ro": 2_272},
    "panx": {"az": 1_000, "gu": 100, "pa": 100, "qu": 100, "lt": 10_000, "pl": 10_000, "ro": 10_000, "uk": 10_000},
}  # fmt: skip
"""Official sizes that the hub's copy does not have; xtreme_spec.md 1.2."""


@pytest.mark.parametrize("name", list(OFFICIAL))
def test_official_sizes(name: str) -> None:
    data = suites.dataset(f"xtremer_{name}").data
    assert {language: data.size("test", language) for language in OFFICIAL[name]} == OFFICIAL[name]


def test_every_dataset_reads() -> None:
    """What is read is frozen by tests/freeze.py."""
    for dataset in suites.DATASETS.values():
        assert list(inspect.signature(dataset.data.read).parameters) == ["paths", "language", "split"]


def test_what_xtreme_r_alone_has() -> None:
    known = {one.name for one in suites.SUITES["xtreme"].families}
    alone = {one.name for one in suites.SUITES["xtremer"].families} - known
    assert alone == {"xcopa", "mewslix", "lareqa"}
    assert [one.name for one in suites.SUITES["xtremer"].families if not one.predictions] == ["lareqa"]


def test_what_is_learned() -> None:
    for new in suites.DATASETS.values():
        task = training_tasks.ALIASES.get(new.name, new.name)
        known = task in training_tasks.TRAINING_TASKS
        assert new.learned == (task if known else "") or new.suite == "beyond", new.group
        assert not new.learned or new.learned in training_tasks.TRAINING_TASKS, new.group
        assert all(suites.dataset(name).learned == new.learned for name in new.served_by), new.group
        assert not known or {new.name, *new.served_by} & {*training_tasks.TRAINING_TASKS[task].serves}


# --- what is refused


GOOD = suites.DATASETS["xtreme_xnli"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"languages": ()}, "xtreme.xnli has no language"),
        ({"languages": ("sw", "de", "sw")}, "names the language sw twice"),
        ({"labels": ()}, "has no labels"),
        ({"name": "XNLI.x"}, "a name has small letters"),
        ({"scoring": replace(GOOD.scoring, official=("f1",))}, "has no metric f1"),
        ({"data": replace(GOOD.data, licence="")}, "states no licence or citation"),
        ({"data": replace(GOOD.data, read=None)}, "has no reader: None is no function"),  # type: ignore[arg-type]
        ({"data": replace(GOOD.data, files={})}, "names no files of the split test"),
        ({"labels": ("yes", "no")}, "names the label contradiction entailment neutral, which it does not have"),
        ({"data": replace(GOOD.data, hub="")}, "says neither where nor why not: hub"),
        ({"data": replace(GOOD.data, sizes={"valid": {"*": 1}})}, "has a split valid"),
    ],
)
def test_a_dataset_that_lacks_something_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)):
        replace(GOOD, **changed)


def test_a_pin_is_a_commit() -> None:
    with pytest.raises(SettingError, match="40 hex digits"):
        _dataset.Repository("some/data", "main", "nowhere")


def test_two_datasets_with_one_name_are_refused() -> None:
    before = dict(suites.DATASETS)
    with pytest.raises(SettingError, match=r"there is a dataset xtreme\.xnli already \(XNLI\)"):
        suites.register(replace(GOOD, title="Another"))
    assert suites.register(GOOD) is GOOD and before == suites.DATASETS


def test_an_unknown_kind_and_a_missing_half_are_named() -> None:
    with pytest.raises(UnknownName, match="pair"):
        kinds.kind("pears")
    heads: kinds.Halves[int] = kinds.Halves("head")
    heads.register(kinds.PAIR, 1)
    assert heads.of(kinds.PAIR) == 1 and kinds.PAIR in heads
    with pytest.raises(UnknownName, match="no head for datasets of the kind 'ranking'; there is one for: pair"):
        heads.of(kinds.RANKING)
    with pytest.raises(SettingError, match="has a head already"):
        heads.register(kinds.PAIR, 2)
