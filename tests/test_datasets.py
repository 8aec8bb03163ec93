"""Every dataset's object says exactly what the tables say that it is to replace, table by table.

A test goes when its table has gone.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from dataclasses import replace
from typing import Any

import pytest

from xstilts_eval import benchmark, kinds, suites, training_tasks
from xstilts_eval.data import archives, converters, flores, hub, sources
from xstilts_eval.data.status import CREDITS
from xstilts_eval.datasets import _dataset
from xstilts_eval.datasets._dataset import SPLITS, Dataset
from xstilts_eval.errors import MissingData, SettingError, UnknownName
from xstilts_eval.models import embedding, label_map
from xstilts_eval.paths import tasks_path
from xstilts_eval.results import intervals, leaderboard_files, official, render, validate
from xstilts_eval.tasks import prompts, scoring

GROUPS = list(suites.DATASETS)
OF_FLORES = ("flores200", "flores200pair")


def pair(group: str) -> tuple[Dataset, benchmark.Family]:
    return suites.DATASETS[group], benchmark.FAMILIES[group]


def codes(dataset: Dataset) -> list[str]:
    return ["deu_Latn-fra_Latn"] if dataset.suite == "flores200pair" else list(dataset.languages)


def test_groups_are_the_same_in_the_same_order() -> None:
    assert list(benchmark.FAMILIES) == GROUPS
    assert list(suites.SUITES) == list(benchmark.SUITES)


@pytest.mark.parametrize("group", GROUPS)
def test_names_languages_metrics(group: str) -> None:
    new, old = pair(group)
    for field in ("suite", "name", "title", "languages", "metrics", "official", "labels", "version", "like", "pooled"):
        assert getattr(new, field) == getattr(old, field), field
    assert new.kind is kinds.kind(old.kind.value)
    assert (new.category and new.category.value) == (old.category and old.category.value)
    assert (new.group, new.is_embedded) == (old.group, old.is_embedded)
    assert [new.leaf(code) for code in new.languages] == [old.leaf(code) for code in old.languages]


@pytest.mark.parametrize("name", list(benchmark.SUITES))
def test_suites(name: str) -> None:
    new, old = suites.SUITES[name], benchmark.SUITES[name]
    assert (new.title, new.has_overall, new.note, new.is_group) == (old.title, old.has_overall, old.note, old.is_group)
    assert [one.group for one in new.families] == [one.group for one in old.families]
    assert {key.value: names for key, names in new.categories.items()} == {
        key.value: names for key, names in old.categories.items()
    }


def test_kinds() -> None:
    assert set(kinds.KINDS) >= {kind.value for kind in benchmark.Kind}
    for old in benchmark.Kind:
        new = kinds.kind(old.value)
        assert new.rows == sources._UNITS.get(old, "pairs")
        assert new.is_embedded == (old in benchmark.EMBEDDED)
        assert copy.deepcopy(new) is new and pickle.loads(pickle.dumps(new)) is new


# --- data.sources


@pytest.mark.parametrize("group", GROUPS)
def test_files(group: str) -> None:
    new, old = pair(group)
    if new.suite in OF_FLORES:
        assert new.data.search == "lines" and list(new.data.files) == list(flores.SPLITS)
        return
    place = sources._PLACES[old.name]
    assert new.data.archive == place.archive and new.data.english == place.english
    assert new.data.search == ("treebanks" if old.name == "udpos" else "names")
    assert set(new.data.files) == set(place.splits)
    lost = sources._LABELS_LOST.get((old.name, "test"))
    assert new.data.stripped == ({"test": (*lost[0], lost[1])} if lost else {})
    for language in new.languages:
        mine, theirs = new.codes(language), sources._codes(old, language)
        assert new.data.archive.format(**mine) == place.archive.format(**theirs)
        for split in new.data.files:
            found = [[name.format(**mine) for name in names] for names in new.data.files[split]]
            table = sources._processed("udpos", split) if old.name == "udpos" else place.splits[split]
            assert found == [[name.format(**theirs) for name in names] for names in table]


OFFICIAL = {
    "udpos": {"de": 22_358, "el": 456, "fr": 5_009, "ru": 8_976, "zh": 3_455, "lt": 739, "pl": 4_942, "uk": 892,
              "wo": 470, "ro": 2_272},
    "panx": {"az": 1_000, "gu": 100, "pa": 100, "qu": 100, "lt": 10_000, "pl": 10_000, "ro": 10_000, "uk": 10_000},
}  # fmt: skip
"""Sizes that the old tables had from the hub's copy, or not at all; xtreme_spec.md 1.2."""


@pytest.mark.parametrize("group", GROUPS)
def test_sizes(group: str) -> None:
    new, old = pair(group)
    for split in SPLITS:
        for language in codes(new):
            code = new.codes(language)[new.data.sizes_by]
            size = new.data.size(split, code)
            if new.suite in OF_FLORES:
                assert size == flores.LINES.get(flores.SPLITS.get(split, ""))
            elif split == "test" and language in OFFICIAL.get(new.name, {}):
                assert size == OFFICIAL[new.name][language]
            else:
                rows = sources._EXPECTED.get((old.name, split), {})
                unknown = old.name == "tatoeba" and code in sources._UNSEEN
                assert size == (None if unknown else rows.get(code, rows.get("*"))), (split, language)


def test_every_dataset_reads() -> None:
    """What is read is frozen by tests/freeze.py."""
    for new in suites.DATASETS.values():
        assert list(inspect.signature(new.data.read).parameters) == ["paths", "language", "split"]


def test_treebanks() -> None:
    for group in ("xtreme_udpos", "xtremer_udpos"):
        new = suites.DATASETS[group]
        for language in new.languages:
            assert f"r{new.data.releases.get(language, new.data.release)}" == sources._ud_release(language)
    assert suites.DATASETS["xtremer_mewslix"].data.candidates == sources.MEWSLIX_CANDIDATES


# --- data.hub, data.archives, data.status


@pytest.mark.parametrize("group", GROUPS)
def test_hub(group: str) -> None:
    new, old = pair(group)
    for split in SPLITS:
        for language in codes(new)[:60]:
            theirs: Any
            try:
                theirs = hub.plan(old, old.languages[0] if new.suite == "flores200pair" else language, split)
            except MissingData as error:
                theirs = str(error)
            mine = new.data.hub if isinstance(new.data.hub, str) else new.data.hub.get(split)
            if language in new.data.absent.get(split, ()) or (split in new.data.english and language != "en"):
                assert isinstance(theirs, str)
            elif language in new.data.hub_lacks:
                assert isinstance(theirs, str) and "which XTREME-R added" in theirs
            elif mine is None:
                assert isinstance(theirs, str) and "has no" in theirs
            elif isinstance(mine, str):
                assert isinstance(theirs, str) and theirs.startswith(mine)
            else:
                assert vars(mine.repository) == vars(theirs.repository)
                filled = new.codes(language)
                assert tuple(path.format(**filled) for path in mine.paths) == theirs.paths
                assert mine.said_of(language) == theirs.differences
                expected = {
                    "each": {language: mine.pattern.format(**filled)},
                    "all": {code: mine.pattern.format(**new.codes(code)) for code in new.languages},
                    "mixed": {"*": mine.pattern},
                    "english": {"en": mine.pattern},
                }[mine.together]
                assert expected == dict(theirs.patterns)
                assert (
                    inspect.getsource(mine.convert).partition("(")[2]
                    == inspect.getsource(theirs.convert).partition("(")[2]
                )


def test_converters_are_those_of_the_hub() -> None:
    for name in ("_question", "_aligned", "_bucc_id", "_lines", "Output", "Part"):
        mine, theirs = getattr(converters, name), getattr(hub, name)
        assert inspect.getsource(mine) == inspect.getsource(theirs)
    assert converters.XNLI_HEADER == hub.XNLI_HEADER


def test_what_is_absent() -> None:
    for new in suites.DATASETS.values():
        assert new.data.rewritten == (new.name in hub.OTHER_DOCUMENTS)
        assert new.data.absent.get("dev", frozenset()) == (hub.UD_WITHOUT_DEV if new.name == "udpos" else frozenset())


@pytest.mark.parametrize("group", [group for group in GROUPS if not group.startswith("flores200pair")])
def test_archives(group: str) -> None:
    new, old = pair(group)
    for split in SPLITS:
        for language in new.languages[:60]:
            if language in new.data.absent.get(split, ()) or (split in new.data.english and language != "en"):
                continue
            theirs: Any
            try:
                theirs = archives.archives(old, language, split)
            except MissingData as error:
                theirs = str(error)
            everywhere = new.data.archives if isinstance(new.data.archives, str) else ""
            by_split = {} if isinstance(new.data.archives, str) else new.data.archives
            mine = new.data.release_archives.get(language, by_split).get(split)
            if everywhere:
                assert theirs == everywhere
            elif mine is None:
                assert isinstance(theirs, str) and "has no" in theirs, theirs
            else:
                filled = new.codes(language)
                found = [
                    (one.url.format(**filled), one.path.format(**filled), one.member and one.member.format(**filled))
                    for one in mine
                ]
                assert found == [(one.url, one.path, one.member) for one in theirs]
                assert [one.sha256 for one in mine] == [one.sha256 for one in theirs]


@pytest.mark.parametrize("group", GROUPS)
def test_terms(group: str) -> None:
    new, old = pair(group)
    credit = CREDITS[old.name]
    assert (new.data.licence, new.data.citation) == (credit.licence, credit.citation)


# --- tasks


@pytest.mark.parametrize("group", GROUPS)
def test_signatures_of_metrics(group: str) -> None:
    new, old = pair(group)
    for language in codes(new):
        assert new.scoring.signature(language) == scoring.signature(old, language)


@pytest.mark.parametrize("group", [group for group in GROUPS if not suites.DATASETS[group].like])
def test_templates(group: str) -> None:
    new = suites.DATASETS[group]
    text = (tasks_path() / new.suite / new.name / "_template").read_text(encoding="utf-8")
    assert new.template() == text


def test_words_of_prompts() -> None:
    questions = prompts.QA_WORDS
    tables = {"xnli": prompts.NLI_WORDS, "pawsx": prompts.PARAPHRASE_WORDS, "xquad": questions,
              "tydiqa": questions, "xcopa": prompts.CAUSE_WORDS, "mlqa": {"*": questions["en"]}}  # fmt: skip
    for new in suites.DATASETS.values():
        assert new.prompt.words == tables.get(new.name, {})


# --- results


@pytest.mark.parametrize("group", GROUPS)
def test_units_and_files(group: str) -> None:
    new, old = pair(group)
    assert new.parallel == intervals.has_parallel_items(old)
    assert bool(new.predictions) == (leaderboard_files.can_write(old) or new.name in ("xcopa", "mewslix"))
    if new.predictions:
        assert official.file_name(old, "sw") == f"test-sw.{new.predictions}"
    if new.kind is kinds.TAGGED:
        assert leaderboard_files.TAGS[old.name] == (*new.labels, *new.extra_tags)
        assert leaderboard_files._FILLER[old.name] == new.filler
    assert new.column == render._COLUMN.get(old.name, "")
    assert tuple("|".join(one) for one in new.likely_orders) == tuple(label_map._LIKELY.get(old.name, ()))
    assert new.lengths == embedding.RANKING_LENGTHS.get(old.name)
    if new.suite in OF_FLORES and new.languages != ("any",):
        sides = flores.languages_of(old, "deu_Latn")
        assert new.english_side == ("source", "target")[sides.index("eng_Latn")]


def test_what_xtreme_r_alone_has() -> None:
    known = {one.name for one in suites.SUITES["xtreme"].families}
    assert {one.name for one in suites.SUITES["xtremer"].families} - known == set(validate._XTREME_R_ONLY)


@pytest.mark.parametrize("group", GROUPS)
def test_statistics(group: str) -> None:
    new, old = pair(group)
    expected = {"translation": "chrf", "mining": "pairs", "tagged": "counts"}.get(old.kind.value, "mean")
    assert new.scoring.statistic == expected


def test_what_is_learned() -> None:
    for new in suites.DATASETS.values():
        task = training_tasks.ALIASES.get(new.name, new.name)
        known = task in training_tasks.TRAINING_TASKS
        assert new.learned == (task if known else ""), new.group
        assert not known or new.name in training_tasks.TRAINING_TASKS[task].serves


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
