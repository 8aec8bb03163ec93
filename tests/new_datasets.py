"""Two made-up datasets of a suite of their own: translated subtitles, and pairs from a repository of the hub.

As a script: registers both and goes on as ``xstilts``.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xstilts_eval.data.converters import Output, Part
from xstilts_eval.data.examples import Pair, Translation
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Data, Dataset, HubFiles, Repository, Text
from xstilts_eval.datasets.xnli import LABELS, WORDS
from xstilts_eval.kinds import PAIR, TRANSLATION

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def read_subtitles(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Translation]:
    """Two columns, the foreign line and the English one; a scene is the unit."""
    rows = [line.split("\t") for line in paths[0].read_text(encoding="utf-8").splitlines()]
    return [
        Translation(f"line {n}", foreign, english, language, "eng_Latn", f"scene {n // 2}")
        for n, (foreign, english) in enumerate(rows)
    ]


def read_pairs(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Pair]:
    rows = [line.split("\t") for line in paths[0].read_text(encoding="utf-8").splitlines()]
    return [Pair(str(n), one, two, LABELS.index(label)) for n, (label, one, two) in enumerate(rows)]


def as_lines(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    rows = [row for part in parts for row in part.rows]
    lines = ["\t".join(output.flat(row[name]) for name in ("label", "one", "two")) for row in rows]
    output.files[paths[0]] = "".join(f"{line}\n" for line in lines)
    output.rows = len(rows)


SUBTITLES = Dataset(
    "films",
    "subtitles",
    "Subtitles",
    TRANSLATION,
    ("deu_Latn", "fra_Latn"),
    Data(
        "the archive of subtitles",
        {"test": (("subtitles/{lg}.tsv",),)},
        read_subtitles,
        licence="CC0 1.0",
        citation="Nobody 2026, Subtitles made up for a test",
        sizes={"test": {"deu_Latn": 2, "*": None}},
        hub="it was never put on the hub",
        archives={"test": (Archive("https://example.org/subtitles/{lg}.tsv", "subtitles/{lg}.tsv"),)},
    ),
    replace(_scoring.CHRF, metric=lambda language: f"{_scoring.translation(language)}|films:1"),
    code_standard="flores",
)
PAIRS = Dataset(
    "films",
    "pairs",
    "Pairs of subtitles",
    PAIR,
    ("en", "sw"),
    Data(
        "the files of made/pairs",
        {"test": (("pairs/{lg}.tsv",),)},
        read_pairs,
        licence="CC BY 4.0",
        citation="Nobody 2026, Pairs made up for a test",
        sizes={"test": {"*": 2}},
        hub={"test": HubFiles(Repository("made/pairs", COMMIT, "nowhere"), r"{lg}/test\.jsonl", ("pairs/{lg}.tsv",),
                              as_lines, "none known")},
        archives="its makers have no archive",
    ),
    _scoring.ACCURACY,
    labels=LABELS,
    prompt=Text(WORDS, choices="xnli_choices", question="xnli_question", answers="xnli_answers"),
    parallel=True,
)  # fmt: skip

if __name__ == "__main__":
    from xstilts_eval import cli, suites

    for dataset in (SUBTITLES, PAIRS):
        suites.register(dataset)
    cli.main()
