"""Raw formats → examples: a small hand-written file per format, its faults, and the real files."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import PANX_TAGS
from xstilts_eval.data import readers
from xstilts_eval.data.examples import Answer, Bitext, Corpus, Pair, Question, Tagged
from xstilts_eval.errors import DataError, MissingData

NLI = ("contradiction", "entailment", "neutral")
BINARY = ("0", "1")


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


# XNLI

XNLI_HEADER = "\t".join(
    [
        "language",
        "gold_label",
        "sentence1_binary_parse",
        "sentence2_binary_parse",
        "sentence1_parse",
        "sentence2_parse",
        "sentence1",
        "sentence2",
        "promptID",
        "pairID",
        "genre",
        "label1",
        "label2",
        "label3",
        "label4",
        "label5",
        "sentence1_tokenized",
        "sentence2_tokenized",
        "match",
    ]
)


def _xnli_row(language: str, label: str, premise: str, hypothesis: str, number: int) -> str:
    cells = [language, label, "", "", "", "", premise, hypothesis, "1", str(number), "face-to-face"]
    return "\t".join([*cells, *[label] * 5, "tokenised p", "tokenised h", "True"])


def test_xnli_takes_one_language_in_file_order_from_the_plain_columns(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "xnli.test.tsv",
        "\n".join(
            [
                XNLI_HEADER,
                _xnli_row("de", "neutral", ' Er sagte "ja". ', "Er sprach.", 2),
                _xnli_row("des", "entailment", "x", "y", 2),
                _xnli_row("ar", "neutral", "a\u2028b", "c", 1),
                _xnli_row("de", "contradictory", "Es regnet.", "Es ist trocken.", 1),
                _xnli_row("de", "entailment", "Es regnet.", "Es ist nass.", 1),
            ]
        )
        + "\n",
    )
    assert readers.xnli(path, "de", NLI) == [
        Pair("2", 'Er sagte "ja".', "Er sprach.", 2),
        Pair("1", "Es regnet.", "Es ist trocken.", 0),
        Pair("1#2", "Es regnet.", "Es ist nass.", 1),  # a repeated id stays distinct
    ]
    assert readers.xnli(path, "ar", NLI) == [Pair("1", "a\u2028b", "c", 2)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [XNLI_HEADER, _xnli_row("de", "-", "a", "b", 1)],
            "line 2: label '-'; allowed: contradiction, entail",
        ),
        ([XNLI_HEADER, "de\tneutral\ta\tb"], "line 2: 4 columns separated by TAB; expected at least 10"),
        ([XNLI_HEADER, "fr\tneutral\ta\tb"], "line 2: 4 columns"),  # also in a language not asked for
        ([XNLI_HEADER], "no examples in language 'de'"),
        ([XNLI_HEADER, "", _xnli_row("de", "neutral", "a", "b", 1)], "line 2: blank line"),
        (
            ["sentence1\tsentence2\tgold_label"],
            "line 1: column 1 of the header is 'sentence1', not 'language'",
        ),
        ([""], "line 1: column 1 of the header is ''"),
    ],
)
def test_xnli_faults(tmp_path: Path, rows: list[str], message: str) -> None:
    path = _write(tmp_path, "xnli.dev.tsv", "\n".join(rows) + "\n")
    with pytest.raises(DataError, match=rf"xnli\.dev\.tsv.*{message}"):
        readers.xnli(path, "de", NLI)


def test_multinli(tmp_path: Path) -> None:
    text = 'premise\thypo\tlabel\nIt "rains .\tIt is wet .\tentailment\r\na\tb\tcontradictory\n'
    assert readers.multinli(_write(tmp_path, "multinli.train.en.tsv", text), NLI) == [
        Pair("0", 'It "rains .', "It is wet .", 1),
        Pair("1", "a", "b", 0),
    ]
    with pytest.raises(DataError, match="line 2: 2 columns separated by TAB; expected 3"):
        readers.multinli(_write(tmp_path, "x.tsv", "premise\thypo\tlabel\na\tneutral\n"), NLI)
    with pytest.raises(DataError, match="no examples"):
        readers.multinli(_write(tmp_path, "x.tsv", "premise\thypo\tlabel\n"), NLI)


# PAWS-X

PAWSX_HEADER = "id\tsentence1\tsentence2\tlabel\n"


def test_pawsx_official_layout_keeps_quotes(tmp_path: Path) -> None:
    text = PAWSX_HEADER + '7\t "Angel Eyes" ist ein Lied .\tEin "Lied"\t1 \n9\t"Ganz"\tb\t0\n'
    assert readers.pawsx(_write(tmp_path, "test_2k.tsv", text), BINARY) == [
        Pair("7", '"Angel Eyes" ist ein Lied .', 'Ein "Lied"', 1),
        Pair("9", '"Ganz"', "b", 0),
    ]


def test_pawsx_xtreme_layout_counts_rows(tmp_path: Path) -> None:
    path = _write(tmp_path, "dev-de.tsv", "a\tb\t1\r\nc\td\t0\r\n")
    assert readers.pawsx(path, BINARY) == [Pair("0", "a", "b", 1), Pair("1", "c", "d", 0)]


@pytest.mark.parametrize("header", [PAWSX_HEADER, ""], ids=["official", "xtreme"])
def test_pawsx_undoes_the_quotes_of_a_csv_writer(tmp_path: Path, header: str) -> None:
    first = "0\t" if header else ""
    text = f'{header}{first}"""Angel Eyes"" ist ein Lied ."\t"Das ""Lied"""\t1\n'
    assert readers.pawsx(_write(tmp_path, "x.tsv", text), BINARY) == [
        Pair("0", '"Angel Eyes" ist ein Lied .', 'Das "Lied"', 1)
    ]
    # One cell that no CSV writer leaves behind: nothing in the file is undone.
    text += f'{first}"so" und so\tb\t0\n'
    pairs = readers.pawsx(_write(tmp_path, "x.tsv", text), BINARY)
    assert [pair.premise for pair in pairs] == ['"""Angel Eyes"" ist ein Lied ."', '"so" und so']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\nc\td\n", "has no labels.* use test_2k.tsv of the original archive"),
        (PAWSX_HEADER + "1\ta\tb\t2\n", "line 2: label '2'; allowed: 0, 1"),
        (PAWSX_HEADER + "1\ta\tb\t1\n2\ta\tb\n", "line 3: 3 columns separated by TAB; expected 4"),
        ("a\tb\t1\n\nc\td\t1\n", "line 2: blank line"),
        (PAWSX_HEADER, "no examples"),
        ("", "no examples"),
    ],
)
def test_pawsx_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        readers.pawsx(_write(tmp_path, "test_2k.tsv", text), BINARY)


@needs_data
def test_pawsx_real_files() -> None:
    counts = {
        language: Counter(
            pair.label for pair in readers.pawsx(DATA / f"pawsx/xtreme_format/dev-{language}.tsv.gz", BINARY)
        )
        for language in ("de", "en", "es", "fr", "ja", "ko", "zh")
    }
    # cut -f3 | sort | uniq -c; the Korean file has a U+2028 inside a sentence.
    assert {language: (count[0], count[1]) for language, count in counts.items()} == {
        "de": (1169, 831), "en": (1137, 863), "es": (1153, 847), "fr": (1140, 860), "ja": (1146, 854),
        "ko": (1160, 840), "zh": (1147, 853),
    }  # fmt: skip
    official = readers.pawsx(DATA / "pawsx/x-final/de/test_2k.tsv.gz", BINARY)
    assert (len(official), official[0].id, official[1].id, official[1].label) == (2000, "10", "12", 0)
    assert sum('""' in pair.premise + pair.hypothesis for pair in official) == 0
    assert sum('"' in pair.premise + pair.hypothesis for pair in official) == 134  # as in SOURCES.md's mirror
    with pytest.raises(MissingData, match=r"test-en\.tsv\.gz has no labels"):
        readers.pawsx(DATA / "pawsx/xtreme_format/test-en.tsv.gz", BINARY)


# PAN-X


def test_panx_token_is_between_first_colon_and_tab(tmp_path: Path) -> None:
    text = "th:กรุง\tB-LOC\nth:a:b\tO\n\n\nth: \u00a0x \tI-PER\r\nth::\tO\nth:\u3000\tO\nth:\tB-ORG"
    assert readers.panx(_write(tmp_path, "test", text), PANX_TAGS) == [
        Tagged("0", ("กรุง", "a:b"), ("B-LOC", "O")),
        Tagged("1", ("x", ":", "\u3000", ""), ("I-PER", "O", "O", "B-ORG")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("de:Berlin\n", r"line 1: 1 column separated by TAB; expected 2 \(lang:token, label\)"),
        ("de:Berlin\t\n", "line 1: 1 column"),
        ("de:in\tO\nde:Berlin\tB-LOC\tx\n", "line 2: 3 columns"),
        ("Berlin\tB-LOC\n", "line 1: 'Berlin' does not begin with a language and a colon"),
        ("de:in\tO\nde:Berlin\tB-MISC\n", "line 2: label 'B-MISC'; allowed: O, B-PER, .*I-LOC"),
        ("\n\n", "no examples"),
        ("", "no examples"),
    ],
)
def test_panx_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        readers.panx(_write(tmp_path, "test", text), PANX_TAGS)


# SQuAD-style JSON


def _qa(context: str, *questions: tuple[str, str, list[tuple[str, int]]]) -> dict[str, Any]:
    return {
        "context": context,
        "qas": [
            {"id": name, "question": text, "answers": [{"text": a, "answer_start": s} for a, s in answers]}
            for name, text, answers in questions
        ],
    }


def _squad(folder: Path, *articles: list[dict[str, Any]]) -> Path:
    content = {
        "version": "1.1",
        "data": [{"title": "t", "paragraphs": paragraphs} for paragraphs in articles],
    }
    return _write(folder, "xquad.el.json", json.dumps(content, ensure_ascii=False, indent=1))


def test_squad_positions_groups_and_repeated_ids(tmp_path: Path) -> None:
    # 𝒳 lies outside the basic plane: one code point, two UTF-16 units.
    path = _squad(
        tmp_path,
        [_qa("𝒳 ist eins.", ("a", "Was?", [("eins", 6), ("ist eins", 2)]))],
        [_qa("b", ("x", "?", [("b", 0)])), _qa("Ende", ("a", "Wo?", [("Ende", 0)]))],
    )
    first, second, third = readers.squad(path)
    assert first == Question("a", "𝒳 ist eins.", "Was?", (Answer("eins", 6), Answer("ist eins", 2)), "0.0")
    assert (second.id, second.group) == ("x", "1.0")
    assert (third.id, third.group) == ("a#2", "1.1")
    assert [question.group for question in readers.squad(path, group="article")] == ["0", "1", "1"]


@pytest.mark.parametrize(("answer", "start"), [("eins", 5), ("eins", 7), ("eins", -4), ("Eins", 6), ("eins.", 600)])
def test_squad_answers_must_stand_where_they_say(tmp_path: Path, answer: str, start: int) -> None:
    path = _squad(tmp_path, [_qa("𝒳 ist eins.", ("q-17", "Was?", [(answer, start)]))])
    with pytest.raises(DataError, match=r"xquad\.el\.json, question 'q-17': the answer is .* at character"):
        readers.squad(path)


def test_squad_without_answers(tmp_path: Path) -> None:
    path = _squad(tmp_path, [_qa("x", ("a", "?", []), ("b", "?", [("", 0)]), ("c", "?", [("x", 0)]))])
    with pytest.raises(DataError, match=r"2 of 3 questions have no answers .* cannot be scored"):
        readers.squad(path)
    assert [len(question.answers) for question in readers.squad(path, answers="optional")] == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"data": [\n  {]', r"xquad\.json, line 2: not JSON"),
        ("[]", "object with the field 'data'"),
        ("{}", r"top level: field 'data' \(list\)"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', r"paragraph 0\.0: field 'context' \(str\)"),
        ('{"data": [7]}', r"article 0: field 'paragraphs' \(list\)"),
        ('{"data": [{"paragraphs": [{"context": "", "qas": [{"id": 3}]}]}]}', r"0\.0: field 'id' \(str\)"),
        (
            '{"data": [{"paragraphs": [{"context": "abc", "qas": [{"id": "q", "question": "?", '
            '"answers": [{"text": "b", "answer_start": true}]}]}]}]}',
            r"question 'q': field 'answer_start' \(int\)",
        ),
        ('{"data": []}', "no examples"),
        ("", "line 1: not JSON"),
    ],
)
def test_squad_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        readers.squad(_write(tmp_path, "xquad.json", text))


@needs_data
def test_squad_real_files() -> None:
    """Counts: SOURCES.md."""
    xquad = {
        lg: readers.squad(DATA / f"xquad/xquad.{lg}.json")
        for lg in ["ar", "de", "en", "es", "hi", "ru", "th", "vi", "zh"]
    }
    assert {len(questions) for questions in xquad.values()} == {1190}
    assert {len({question.group for question in questions}) for questions in xquad.values()} == {240}
    folder = DATA / "tydiqa/tydiqa-goldp-v1.1-dev"
    sizes = {
        "ar": 921,
        "bn": 113,
        "en": 440,
        "fi": 782,
        "id": 565,
        "ko": 276,
        "ru": 812,
        "sw": 499,
        "te": 669,
    }
    for language, size in sizes.items():
        path = folder / f"tydiqa.goldp.{language}.dev.json.gz"
        questions = readers.squad(path, answers="optional")
        assert len(questions) == len({question.id for question in questions}) == size
    train = readers.squad(DATA / "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json.gz")
    assert len(train) == len({question.id for question in train}) == 3696  # only 89 distinct ids in the file


@needs_data
def test_the_real_tydiqa_files_are_blanked_and_refused() -> None:
    """The mirror holds XTREME's output, whose answers are empty; scoring it would give 0 for every model."""
    path = DATA / "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.fi.dev.json.gz"
    with pytest.raises(MissingData, match="782 of 782 questions have no answers"):
        readers.squad(path)


# BUCC


def _bucc(folder: Path, source: str, target: str, gold: str) -> tuple[Path, Path, Path]:
    return (
        _write(folder, "de-en.sample.de", source),
        _write(folder, "de-en.sample.en", target),
        _write(folder, "de-en.sample.gold", gold),
    )


def test_bucc(tmp_path: Path) -> None:
    paths = _bucc(tmp_path, "de-2\tZwei \nde-1\tEins\tRest\n", "en-9\tOne\nen-8\tTwo\n", "de-1\ten-9\nde-1\ten-9\n")
    corpus = readers.bucc(*paths, "de-en.dev")
    assert corpus == Corpus(
        "de-en.dev",
        {"de-2": "Zwei ", "de-1": "Eins"},
        {"en-9": "One", "en-8": "Two"},
        frozenset([("de-1", "en-9")]),
    )
    assert list(corpus.source) == ["de-2", "de-1"]


@pytest.mark.parametrize(
    ("source", "target", "gold", "message"),
    [
        (
            "de-1\ta\nde-1\tb\n",
            "en-1\tc\n",
            "de-1\ten-1\n",
            r"sample\.de, line 2: id 'de-1' occurs a second time",
        ),
        ("de-1 a\n", "en-1\tc\n", "de-1\ten-1\n", r"sample\.de, line 1: 1 column"),
        (
            "de-1\ta\n",
            "en-1\tc\n",
            "de-1\ten-2\n",
            r"sample\.gold, line 1: no sentence 'en-2' in de-en\.sample\.en",
        ),
        (
            "de-1\ta\n",
            "en-1\tc\n",
            "en-1\tde-1\n",
            r"sample\.gold, line 1: no sentence 'en-1' in de-en\.sample\.de",
        ),
        ("de-1\ta\n", "en-1\tc\n", "de-1\n", r"sample\.gold, line 1: 1 column"),
        ("de-1\ta\n", "en-1\tc\n", "", r"sample\.gold: no examples"),
        ("de-1\ta\n", "", "de-1\ten-1\n", r"sample\.en: no examples"),
    ],
)
def test_bucc_faults(tmp_path: Path, source: str, target: str, gold: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        readers.bucc(*_bucc(tmp_path, source, target, gold), "de-en.dev")


# Tatoeba


def test_tatoeba_pairs_lines(tmp_path: Path) -> None:
    source = _write(tmp_path, "tatoeba.deu-eng.deu", "Ja.\u2028Doch.\nNein.\n")
    target = _write(tmp_path, "tatoeba.deu-eng.eng", "Yes.\r\nNo.")
    assert readers.tatoeba(source, target) == [
        Bitext("0", "Ja.\u2028Doch.", "Yes."),
        Bitext("1", "Nein.", "No."),
    ]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a\nb\nc\n", "x\ny\n", r"deu has 3 lines and tatoeba\.deu-eng\.eng 2"),
        ("a\n\nc\n", "x\ny\nz\n", r"deu, line 2: blank line"),
        ("", "", "no examples"),
    ],
)
def test_tatoeba_faults(tmp_path: Path, source: str, target: str, message: str) -> None:
    first = _write(tmp_path, "tatoeba.deu-eng.deu", source)
    second = _write(tmp_path, "tatoeba.deu-eng.eng", target)
    with pytest.raises(DataError, match=message):
        readers.tatoeba(first, second)


@needs_data
def test_tatoeba_real_files() -> None:
    """Counts: SOURCES.md."""
    folder = DATA / "tatoeba/v1"
    sizes = {
        code: len(readers.tatoeba(folder / f"tatoeba.{code}-eng.{code}", path))
        for path in folder.glob("*.eng")
        for code in [path.name[8:11]]
    }
    assert (len(sizes), sum(sizes.values())) == (102, 80_694)
    assert [sizes[code] for code in ["jav", "kaz", "mal", "tel", "tam", "tha", "swh", "kat"]] == [
        205,
        575,
        687,
        234,
        307,
        548,
        390,
        746,
    ]


def test_readers_take_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "dev-de.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\t1\n" * 2000)[:-9])
    with pytest.raises(DataError, match=r"dev-de\.tsv\.gz: the compressed file is cut off"):
        readers.pawsx(path, BINARY)
