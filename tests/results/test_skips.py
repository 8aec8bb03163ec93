"""What was left out, as lines: seventy languages without files are one line, three are three."""

from __future__ import annotations

from xstilts_eval.results import skips


def lacking(*codes: str) -> dict[str, str]:
    return {f"xtreme.pawsx.{code}": f"no data in '{code}'; looked for {code}/test_2k.tsv" for code in codes}


def test_languages_that_lack_the_same_are_told_together() -> None:
    skipped = {
        "xtreme_xnli": "no head for xnli",
        **lacking("de", "en", "es", "fr"),
        "xtreme.pawsx.ja": "test_2k.tsv, line 2: label '2'",
        "xtreme.xnli.sw": "no data in 'sw'; looked for sw/test_2k.tsv",
    }
    assert skips.lines(skipped) == [
        "skipped xtreme_xnli: no head for xnli",
        "skipped xtreme_pawsx in 4 languages (de en es fr): no data in 'de'; looked for de/test_2k.tsv",
        "skipped xtreme.pawsx.ja: test_2k.tsv, line 2: label '2'",
        "skipped xtreme.xnli.sw: no data in 'sw'; looked for sw/test_2k.tsv",
    ]


def test_three_languages_are_told_one_by_one() -> None:
    found = skips.lines(lacking("de", "en", "es"))
    assert [line.split(":")[0] for line in found] == [f"skipped xtreme.pawsx.{code}" for code in ("de", "en", "es")]
