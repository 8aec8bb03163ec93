"""Measures of FLORES-200's sentences: how the table of the package is made.

``python -m tests.flores_measures DEVTEST e5=FOLDER minilm=FOLDER`` writes ``flores_measures.csv`` from the 204 files of
FLORES-200's devtest and the tokenizers of `xstilts weights`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from xstilts_eval.analysis.morphology import analyse, measure, shipped
from xstilts_eval.analysis.morphology.analyse import Measured
from xstilts_eval.analysis.parallel import texts_of
from xstilts_eval.language_codes import ENGLISH, flores_languages


def row_of(one: Measured, words: int) -> dict[str, str]:
    """Four decimals; empty where nothing is measured."""
    cells = {name: getattr(one, name) for name in shipped.WORDS}
    for name in shipped.TOKENIZERS:
        cells |= {f"{name}_{cut}": getattr(one, cut).get(name) for cut in shipped.CUTS}
    shown = {name: "" if value is None else f"{value:.4f}" for name, value in cells.items()}
    return {"flores": one.language, "words": str(words or ""), **shown}


def main(texts: Path, *tokenizers: str) -> None:
    loaded = {name: measure.load(Path(folder)) for name, _, folder in (text.partition("=") for text in tokenizers)}
    assert set(loaded) == set(shipped.TOKENIZERS)
    english = texts_of(texts, [ENGLISH], 1012)[ENGLISH]
    rows = []
    for code in flores_languages():
        lines = texts_of(texts, [code], 1012)[code]
        one = analyse.measure(code, lines)
        for name, tokenizer in loaded.items():
            one = measure.cut(one, name, tokenizer, {"en": english, code: lines})
        rows.append(row_of(one, len(analyse.words_of(lines)) if analyse.has_words(code) else 0))
        print(rows[-1], flush=True)
    with shipped.TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
