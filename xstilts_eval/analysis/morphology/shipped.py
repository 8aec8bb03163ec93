"""Measures of FLORES-200's devtest that come with the package: word forms, and what tokenizers make of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from xstilts_eval.analysis.features import FOLDER, known
from xstilts_eval.analysis.morphology.analyse import Measured

TABLE = FOLDER / "flores_measures.csv"
TOKENIZERS = ("e5", "minilm")
"""Tokenizers by the name of `xstilts weights`: XLM-R's 250,002 pieces (multilingual-e5), BERT's English 30,522."""
WORDS = ("mattr", "type_token", "entropy")
CUTS = ("fertility", "continuation", "premium", "unknown")


@cache
def measured() -> Mapping[str, Mapping[str, float]]:
    """Rows of the table by our code of the language, without what is empty; ``e5_premium`` is a tokenizer's column."""
    found: dict[str, Mapping[str, float]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            entry = known(row.pop("flores"))
            assert entry is not None
            found[entry.code] = {name: float(value) for name, value in row.items() if value}
    return found


def added_to(one: Measured, tokenizers: Sequence[str]) -> Measured:
    """A language with its measures; None and no entry where FLORES-200 does not have it, or the table has none."""
    row = measured().get(one.language, {})
    mattr, type_token, entropy = (row.get(name) for name in WORDS)
    fertility, continuation, premium, unknown = (
        {name: row[f"{name}_{cut}"] for name in tokenizers if f"{name}_{cut}" in row} for cut in CUTS
    )
    return replace(one, mattr=mattr, type_token=type_token, entropy=entropy, fertility=fertility,
                   continuation=continuation, premium=premium, unknown=unknown)  # fmt: skip
