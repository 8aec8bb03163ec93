"""Benchmarks as lists of datasets, and how their scores are put together; the register of every dataset.

Source of the groups: google-research/xtreme @ 838c13b, `evaluate.py:140-206`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from xstilts_eval.datasets import (
    afrixnli,
    americasnli,
    belebele,
    bitext_tatoeba,
    bucc2018,
    flores200,
    flores200pair,
    lareqa,
    masakhaner,
    masakhanews,
    masakhapos,
    mewslix,
    mlqa,
    panx,
    pawsx,
    sib200,
    tatoeba,
    tydiqa,
    udpos,
    xcopa,
    xnli,
    xquad,
)
from xstilts_eval.datasets._dataset import Category, Dataset
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.kinds import Kind


@dataclass(frozen=True, eq=False)
class Suite:
    """One benchmark: datasets in its own order, and how their scores are put together.

    `categories` maps a group of the score table to the names of its datasets; a dataset may be in several or in none.
    `has_overall` says whether the mean over all datasets means anything. `note` is printed under the table. `heading`
    stands over its table of languages where that has a column per metric of the only dataset instead of a column per
    dataset. `is_main` is the one that headings do not name and whose scores stand at the top of a scoreboard.
    `leaderboard` is the name of its version in the official evaluator, "" where that knows nothing of it.
    """

    name: str
    title: str
    built_in: tuple[Dataset, ...] = ()
    categories: Mapping[Category, tuple[str, ...]] = field(default_factory=dict)
    has_overall: bool = False
    note: str = ""
    heading: str = ""
    is_main: bool = False
    leaderboard: str = ""

    @property
    def families(self) -> tuple[Dataset, ...]:
        """The suite's datasets in the order of the table."""
        return tuple(one for one in DATASETS.values() if one.suite == self.name)

    @property
    def is_group(self) -> bool:
        """Whether the suite's name selects all its datasets: one alone needs no group above it."""
        return len(self.families) > 1


_TAGGING = ("udpos", "panx")
_QA = ("xquad", "mlqa", "tydiqa")
_SUITES = (
    Suite(
        "xtreme",
        "XTREME",
        (
            xnli.XTREME, pawsx.XTREME, udpos.XTREME, panx.XTREME, xquad.XTREME, mlqa.XTREME, tydiqa.XTREME,
            bucc2018.XTREME, tatoeba.XTREME,
        ),
        {
            Category.CLASSIFICATION: ("xnli", "pawsx"),
            Category.TAGGING: _TAGGING,
            Category.QA: _QA,
            Category.RETRIEVAL: ("bucc2018", "tatoeba"),
        },
        has_overall=True,
        is_main=True,
        leaderboard="xtreme",
    ),
    Suite(
        "xtremer",
        "XTREME-R",
        (
            xnli.XTREMER, xcopa.XTREMER, udpos.XTREMER, panx.XTREMER, xquad.XTREMER, mlqa.XTREMER, tydiqa.XTREMER,
            tatoeba.XTREMER, mewslix.XTREMER, lareqa.XTREMER,
        ),
        # XCOPA is in two groups and LAReQA in none, as in the official evaluator (`evaluate.py:180-206`).
        {
            Category.CLASSIFICATION: ("xnli", "xcopa"),
            Category.TAGGING: _TAGGING,
            Category.QA: _QA,
            Category.RETRIEVAL: ("tatoeba", "mewslix"),
            Category.MULTI_CHOICE: ("xcopa",),
        },
        has_overall=True,
        leaderboard="xtreme-r",
        note="XTREME-R's overall score is ours: the mean over its ten datasets, LAReQA among them. The official "
        "evaluator lists LAReQA without languages and can never print one; its retrieval group leaves LAReQA out. "
        "LAReQA's score is the mean over all questions, the metric beside it that over languages. "
        "The mAP@20 of Mewsli-X is MRR@20, every mention having one right entity.",
    ),
    Suite(
        "bitext",
        "LASER's pairs",
        (bitext_tatoeba.BITEXT_TATOEBA,),
        heading="Bitext (112 LASER pairs, language → English)",
    ),
    Suite(
        "flores200",
        "FLORES-200",
        (flores200.TO_ENGLISH, flores200.FROM_ENGLISH, flores200.RETRIEVAL),
        note="FLORES-200: translation is scored by chrF++, its README's primary metric, retrieval by accuracy.",
    ),
    Suite("flores200pair", "FLORES-200 pair", (flores200pair.TRANSLATION, flores200pair.RETRIEVAL)),
    Suite(
        "beyond",
        "Beyond XTREME",
        (
            sib200.BEYOND, masakhanews.BEYOND, americasnli.BEYOND, afrixnli.BEYOND, masakhaner.BEYOND,
            masakhapos.BEYOND, belebele.BEYOND,
        ),
        note="The datasets beyond XTREME have no common score: they differ in languages and in tasks.",
    ),
)  # fmt: skip

SUITES: dict[str, Suite] = {}
"""Every suite by name."""
DATASETS: dict[str, Dataset] = {}
"""Every dataset by group name, in the order of the suites."""
_BY_STEM: dict[tuple[str, str], Dataset] = {}


def register(dataset: Dataset, title: str = "") -> Dataset:
    """Add a dataset, and its suite (called `title`) where there is none of that name; returns what is registered.

    That is an equal one where there is one: a user's file may be run twice, and its functions are then other objects of
    the same code. Raises `SettingError` where suite and name are taken by another dataset.
    """
    key = dataset.suite, dataset.name
    known = _BY_STEM.get(key) or DATASETS.get(dataset.group)
    if known is not None and (known == dataset or _plain(known) == _plain(dataset)):
        return known
    if known is not None:
        raise SettingError(
            f"there is a dataset {known.suite}.{known.name} already ({known.title}); give {dataset.title} another name "
            "or suite"
        )
    SUITES.setdefault(dataset.suite, Suite(dataset.suite, title or dataset.suite))
    DATASETS[dataset.group] = _BY_STEM[key] = dataset
    return dataset


def _plain(value: Any) -> Any:
    """Fields of a dataset, with the code of a function in its place."""
    if is_dataclass(value) and not isinstance(value, (type, Kind)):
        return [_plain(getattr(value, one.name)) for one in fields(value)]
    if isinstance(value, Mapping):
        return [(_plain(name), _plain(inner)) for name, inner in value.items()]
    if isinstance(value, (tuple, list)):
        return [*map(_plain, value)]
    return getattr(value, "__code__", value)


for _suite in _SUITES:
    SUITES[_suite.name] = _suite
    for _dataset in _suite.built_in:
        register(_dataset)


def main() -> Suite:
    """The suite that is meant where none is named."""
    return next(suite for suite in SUITES.values() if suite.is_main)


def shipped() -> tuple[Dataset, ...]:
    """Every dataset of this package, in the order of the suites."""
    return tuple(one for suite in SUITES.values() for one in suite.built_in)


def is_shipped(dataset: Dataset) -> bool:
    """Whether a dataset is this package's."""
    return dataset.suite in SUITES and dataset in SUITES[dataset.suite].built_in


def dataset(name: str) -> Dataset:
    """Look a dataset up as ``xtremer_xnli`` or by its bare name; raises `UnknownName` with close matches.

    A bare name of several suites (``xnli``) means the first of them in the table: XTREME's.
    """
    found = DATASETS.get(name) or next((one for one in DATASETS.values() if one.name == name), None)
    if found is None:
        raise UnknownName.of("dataset", name, [*DATASETS, *(one.name for one in DATASETS.values())])
    return found


def name_in_documents(one: Dataset) -> str:
    """How a document names its dataset: by its bare name, or by its group where that name has other words or labels."""
    first = dataset(one.name)
    return one.name if _said_in_documents(first) == _said_in_documents(one) else one.group


def _said_in_documents(one: Dataset) -> tuple[object, ...]:
    """What prompts and scores look up by the name that a document bears."""
    return one.prompt.words, one.labels, one.extra_tags, one.filler


def group_of(name: str) -> str:
    """The group that a bare name means, as `dataset` finds it; any other name as it is."""
    known = name in DATASETS or all(one.name != name for one in DATASETS.values())
    return name if known else dataset(name).group


def leaf_parts(leaf: str) -> tuple[Dataset, str]:
    """Split ``xtreme.xnli.sw`` into its dataset and language; raises `UnknownName`."""
    parts = leaf.split(".")
    found = _BY_STEM.get((parts[0], parts[1])) if len(parts) == 3 else None
    if found is None or parts[2] not in found.languages:
        known = [one.leaf(language) for one in DATASETS.values() for language in one.languages]
        raise UnknownName.of("task", leaf, known)
    return found, parts[2]
