"""When is a folder the whole benchmark? With the official number of documents in each of its 162 leaves."""

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.official_folder import Sizes, Table, score, write_all, write_leaf
from xstilts_eval.benchmark import XTREME, Category, family, leaf_parts
from xstilts_eval.results import record, scoreboard
from xstilts_eval.tasks.documents import load_leaf

LANGUAGES = {each.name: each.languages for each in XTREME}


def _same(name: str, size: int, others: str = "") -> dict[str, int]:
    return dict.fromkeys(LANGUAGES[name], size) | _sizes(others)


def _sizes(text: str) -> dict[str, int]:
    words = text.replace(",", "").split()
    return {language: int(size) for language, size in zip(words[::2], words[1::2], strict=True)}


# Read off the published data, not off the table under test. UD-POS: the sentences of XTREME's own processed files
# (data/udpos/test-*.tsv in wuhjie/few_shots_that_matters_wu @ 6bfe6324). TyDiQA: the published dev files. Tatoeba: the
# files of LASER. The others: the dataset card of the Hugging Face `xtreme`, whose copy of these is the official data.
OFFICIAL: Sizes = {
    "xnli": _same("xnli", 5010),
    "pawsx": _same("pawsx", 2000),
    "udpos": _sizes(
        "af 425 ar 1,680 bg 1,116 de 22,358 el 456 en 5,440 es 3,147 et 3,760 eu 1,799 fa 600 fi 4,422 fr 5,009 he 491 "
        "hi 2,684 hu 449 id 1,557 it 3,518 ja 2,372 kk 1,047 ko 4,276 mr 47 nl 1,471 pt 2,681 ru 8,976 ta 120 te 146 "
        "th 1,000 tl 55 tr 4,785 ur 535 vi 800 yo 100 zh 3,455"
    ),
    "panx": _same(
        "panx", 10_000, "af 1000 bn 1000 hi 1000 kk 1000 ml 1000 mr 1000 ms 1000 sw 1000 ta 1000 te 1000 tl 1000 "
        "ur 1000 jv 100 my 100 yo 100",
    ),
    "xquad": _same("xquad", 1190),
    "mlqa": _sizes("en 11,590 ar 5,335 de 4,517 es 5,253 hi 4,918 vi 5,495 zh 5,137"),
    "tydiqa": _sizes("ar 921 bn 113 en 440 fi 782 id 565 ko 276 ru 812 sw 499 te 669"),
    "bucc2018": _sizes("de 9,580 fr 9,086 ru 14,435 zh 1,899"),
    "tatoeba": _same("tatoeba", 1000, "jv 205 ka 746 kk 575 ml 687 sw 390 ta 307 te 234 th 548"),
}  # fmt: skip
SMALL: Sizes = {
    name: {language: 2 + number % 3 for number, language in enumerate(languages)}
    for name, languages in LANGUAGES.items()
}


def _board(results: dict[str, Any]) -> scoreboard.Scoreboard:
    return scoreboard.build([record.from_host(results)])


def _with_data(results: dict[str, Any], leaf: str, folder: Path) -> dict[str, Any]:
    """The results as they would be, were the leaf's data those of `folder`."""
    each, language = leaf_parts(leaf)
    data = load_leaf(each, language, str(folder)).provenance()
    config = results["configs"][leaf]
    config = config | {"metadata": config["metadata"] | {"xs_data": data}}
    return results | {"configs": results["configs"] | {leaf: config}}


def _check(folder: Path, sizes: Sizes) -> None:
    assert sum(map(len, sizes.values())) == 162
    write_all(folder / "whole", sizes)
    results = score(folder / "whole", sizes)
    board = _board(results)
    expected = {
        name: 100 * fmean(Table.share(name, count) for count in by_language.values())
        for name, by_language in sizes.items()
    }
    assert {row.group: row.score for row in board.families.values()} == pytest.approx(
        {f"xtreme_{name}": value for name, value in expected.items()}
    )
    assert board.overall == pytest.approx(fmean(expected.values()))
    assert board.categories == pytest.approx(
        {
            Category.CLASSIFICATION.value: fmean(expected[name] for name in ("xnli", "pawsx")),
            Category.TAGGING.value: fmean(expected[name] for name in ("udpos", "panx")),
            Category.QA.value: fmean(expected[name] for name in ("xquad", "mlqa", "tydiqa")),
            Category.RETRIEVAL.value: fmean(expected[name] for name in ("bucc2018", "tatoeba")),
        }
    )
    assert all(row.is_complete and not row.note for row in board.families.values())
    for leaf, count in _leaves(sizes):
        each, language = leaf_parts(leaf)
        write_leaf(folder / leaf, each.name, language, count - 1)
        changed = _board(_with_data(results, leaf, folder / leaf))
        assert changed.overall is None, leaf
        assert changed.families[each.group].note == f"incomplete data in {language}"
        assert sum(value is None for value in changed.categories.values()) == 1, leaf


def _leaves(sizes: Sizes) -> Iterator[tuple[str, int]]:
    for name, by_language in sizes.items():
        for language, count in by_language.items():
            yield family(name).leaf(language), count


def test_all_documents_give_the_overall_score_and_one_less_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, sizes in _by_code(SMALL).items():
        monkeypatch.setitem(family(name).data.sizes, "test", sizes)
    _check(tmp_path, SMALL)


@pytest.mark.slow
def test_the_official_numbers_of_documents_give_the_overall_score_and_one_less_none(tmp_path: Path) -> None:
    _check(tmp_path, OFFICIAL)


def _by_code(sizes: Sizes) -> dict[str, dict[str, int]]:
    """As the datasets have them: the pairs of LASER under its own codes."""
    from xstilts_eval.languages import language as language_of

    found = {name: dict(by_language) for name, by_language in sizes.items()}
    found["tatoeba"] = {language_of(language).tatoeba: size for language, size in sizes["tatoeba"].items()}
    return found
