"""Raw formats of the intermediate tasks → examples: a hand-written file each, its faults, and the real files."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.data import intermediate_readers as raw
from xstilts_eval.data.examples import Answer, Choice, Pair, Question, Tagged
from xstilts_eval.errors import DataError, MissingData

NLI = ("contradiction", "entailment", "neutral")
BINARY = ("0", "1")


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def _json_lines(folder: Path, name: str, *rows: Any) -> Path:
    return _write(folder, name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _read(read: Callable[..., Any], *paths: Path, labels: tuple[str, ...] = ()) -> tuple[list[Any], tuple[str, ...]]:
    dropped = raw.Dropped()
    return read(paths, labels, dropped), dropped.notes


# --- sentence pairs

MNLI_HEADER = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\t"
    "sentence1\tsentence2\tlabel1\tgold_label"
)
SNLI_HEADER = (
    "gold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\t"
    "sentence2\tcaptionID\tpairID\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5"
)


def _mnli(pair: str, premise: str, hypothesis: str, label: str) -> str:
    return f"0\t1\t{pair}\tfiction\t( a )\t( b )\t(ROOT a)\t(ROOT b)\t{premise}\t{hypothesis}\t{label}\t{label}"


def test_glue_mnli_by_column_name_with_quotes_as_characters(tmp_path: Path) -> None:
    lines = [
        MNLI_HEADER,
        _mnli("7e", '"Yes, he said.', "He agreed.", "entailment"),
        _mnli("7n", "It is late.", "It is dark.\u2028So it is.", "neutral"),
        _mnli("7c", " It is late. ", "It is early.", "contradiction"),
    ]
    pairs, notes = _read(raw.nli_table, _write(tmp_path, "train.tsv", "\n".join(lines) + "\n"), labels=NLI)
    assert pairs == [
        Pair("7e", '"Yes, he said.', "He agreed.", 1),
        Pair("7n", "It is late.", "It is dark.\u2028So it is.", 2),
        Pair("7c", "It is late.", "It is early.", 0),
    ]
    assert notes == ()


def test_snli_table_drops_and_counts_pairs_without_agreement(tmp_path: Path) -> None:
    rows = [("-", "a#1"), ("neutral", "a#2"), ("-", "a#3"), ("-", "a#4"), ("-", "a#5"), ("entailment", "a#2")]
    body = [f"{label}\t\t\t\t\tA man.\tA person.\tc\t{name}\t{label}\t\t\t\t" for label, name in rows]
    path = _write(tmp_path, "snli_1.0_train.txt", "\n".join([SNLI_HEADER, *body]) + "\n")
    pairs, notes = _read(raw.nli_table, path, labels=NLI)
    assert [(pair.id, pair.label) for pair in pairs] == [("a#2", 2), ("a#2#2", 1)]  # a repeated id stays distinct
    assert notes == ("dropped 4 without a gold label (a#1, a#3, a#4, …)",)


def test_nli_lines(tmp_path: Path) -> None:
    def row(label: str, name: str) -> dict[str, Any]:
        texts = {"sentence1": "A dog runs. ", "sentence2": "An animal moves."}
        return {"annotator_labels": [label], "gold_label": label, "pairID": name, "promptID": "1"} | texts

    path = _json_lines(tmp_path, "dev.jsonl", row("contradiction", "c"), row("-", "x"), row("entailment", "e"))
    pairs, notes = _read(raw.nli_lines, path, labels=NLI)
    assert pairs == [Pair("c", "A dog runs.", "An animal moves.", 0), Pair("e", "A dog runs.", "An animal moves.", 1)]
    assert notes == ("dropped 1 without a gold label (x)",)


def test_anli_letters(tmp_path: Path) -> None:
    def row(letter: str) -> dict[str, Any]:
        uid = f"u-{letter}"
        return {
            "uid": uid,
            "model_label": "e",
            "context": "It rains.",
            "hypothesis": "Wet.",
            "label": letter,
            "tag": "r1",
        }

    pairs, _ = _read(raw.anli, _json_lines(tmp_path, "train.jsonl", *map(row, "cen")), labels=NLI)
    assert pairs == [Pair(f"u-{letter}", "It rains.", "Wet.", place) for place, letter in enumerate("cen")]
    with pytest.raises(DataError, match="line 1: label 'entailment'; allowed: c, e, n"):
        _read(raw.anli, _json_lines(tmp_path, "bad.jsonl", row("entailment")), labels=NLI)


QQP_HEADER = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"


def test_qqp_drops_and_counts_damaged_lines(tmp_path: Path) -> None:
    lines = [
        QQP_HEADER,
        '133273\t1\t2\tHow is the weather in "Oslo"?\tIs it cold in Oslo?\t0',
        "402555\t3\t4\tHow can I cook rice?\tWhat is the way to cook rice?\t1",
        "360472\t5\t6\tWhat broke here",  # a line end inside a question cuts the row in two
        "in the middle?\tWhat?\t0",
    ]
    pairs, notes = _read(raw.qqp, _write(tmp_path, "train.tsv", "\n".join(lines) + "\n"), labels=BINARY)
    assert pairs == [
        Pair("133273", 'How is the weather in "Oslo"?', "Is it cold in Oslo?", 0),
        Pair("402555", "How can I cook rice?", "What is the way to cook rice?", 1),
    ]
    assert notes == ("dropped 2 on damaged lines (line 4, line 5)",)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (raw.nli_table, f"{MNLI_HEADER}\n{_mnli('1', 'a', 'b', 'maybe')}\n", "line 2: label 'maybe'; allowed: cont"),
        (raw.nli_table, f"{MNLI_HEADER}\n{_mnli('1', 'a', 'b', 'hidden')}\n", "label 'hidden'"),
        (raw.nli_table, "sentence1\tsentence2\tlabel\na\tb\tneutral\n", "no column 'gold_label'; the columns are"),
        (raw.nli_table, f"{MNLI_HEADER}\n", "no examples"),
        (raw.nli_table, "", "no examples"),
        (raw.nli_table, f"{MNLI_HEADER}\na b c\n", "no example that can be trained on; dropped 1 on damaged lines"),
        (raw.nli_lines, "", "no examples"),
        (raw.nli_lines, "[1]\n", "line 1: a JSON object was expected, not list"),
        (raw.nli_lines, '{"gold_label": "neutral"\n', "line 1: not JSON"),
        (raw.nli_lines, '{"gold_label": "neutral", "sentence1": "a"}\n', "field 'sentence2' \\(a string\\) is missing"),
        (raw.qqp, f"{QQP_HEADER}\n1\t1\t2\ta\tb\t2\n", "line 2: label '2'; allowed: contradiction"),
        (raw.qqp, "id\tquestion1\tquestion2\n", "no column 'is_duplicate'"),
    ],
)  # fmt: skip
def test_pairs_of_another_form_are_refused(tmp_path: Path, read: Any, text: str, message: str) -> None:
    path = _write(tmp_path, "file", text)
    with pytest.raises(DataError, match=message) as error:
        _read(read, path, labels=NLI)
    assert str(path) in str(error.value)


# --- tagging

TAGS = {"N": 1, "NP[nb]/N": 0, "S[dcl]\\NP": 2}


def _tag_map(folder: Path, content: Any = TAGS) -> Path:
    return _write(folder, "tags_to_id.json", json.dumps(content))


def test_ccg(tmp_path: Path) -> None:
    path = _write(tmp_path, "ccg.train", "The dog barks\tNP[nb]/N N S[dcl]\\NP\n\nDogs bark\tN S[dcl]\\NP\n")
    sentences, _ = _read(raw.ccg, path, _tag_map(tmp_path))
    assert sentences == [
        Tagged("1", ("The", "dog", "barks"), ("NP[nb]/N", "N", "S[dcl]\\NP")),
        Tagged("3", ("Dogs", "bark"), ("N", "S[dcl]\\NP")),
    ]
    assert raw.ccg_tags(tmp_path / "tags_to_id.json") == ("NP[nb]/N", "N", "S[dcl]\\NP")  # by id, not by name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("The dog\tN", "line 1: 2 words and 1 tag"),
        ("The  dog\tN N", "3 words and 2 tags"),
        ("The dog N N", "1 column separated by TAB; expected 2"),
        ("dog\tNP", "tag 'NP' is not in tags_to_id.json"),
        ("", "no examples"),
    ],
)
def test_damaged_ccg(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(raw.ccg, _write(tmp_path, "ccg.train", line + "\n"), _tag_map(tmp_path))


@pytest.mark.parametrize("content", [[], {}, {"N": 0, "NP": 0}, {"N": 1}, {"N": 0, "NP": 2}, {"N": "x"}, {"N": None}])
def test_damaged_tag_map(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DataError, match="tags_to_id"):
        raw.ccg_tags(_tag_map(tmp_path, content))


# --- questions about a passage


def _squad(folder: Path, *questions: dict[str, Any], context: str = "Ann lives in Bonn.") -> Path:
    content = {
        "version": "v2.0",
        "data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(questions)}]}],
    }
    return _write(folder, "train-v2.0.json", json.dumps(content))


def _asked(name: str, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    listed = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": name, "question": "Where?", "answers": listed} | more


def test_squad_v2_questions_without_an_answer_have_none(tmp_path: Path) -> None:
    impossible = {"is_impossible": True, "plausible_answers": [{"text": "Bonn", "answer_start": 13}]}
    path = _squad(tmp_path, _asked("q1", ("Bonn", 13), is_impossible=False), _asked("q2", **impossible))
    questions, notes = _read(raw.squad, path)
    assert questions == [
        Question("q1", "Ann lives in Bonn.", "Where?", (Answer("Bonn", 13),), "0.0"),
        Question("q2", "Ann lives in Bonn.", "Where?", (), "0.0"),
    ]
    assert notes == ()


def test_answers_not_in_their_context_are_dropped_and_counted(tmp_path: Path) -> None:
    path = _squad(
        tmp_path,
        _asked("kept", ("Köln", 13), ("Bonn", 13)),  # one of two stands where it should
        _asked("moved", ("Bonn", 12)),
        _asked("absent", ("Köln", 13)),
        _asked("before", ("Bonn", -5)),
        _asked("blank", ("", 0)),
        _asked("broken", is_impossible=False),
        _asked("kept", ("Ann", 0)),
    )
    questions, notes = _read(raw.squad, path)
    assert [(q.id, q.answers) for q in questions] == [("kept", (Answer("Bonn", 13),)), ("kept#2", (Answer("Ann", 0),))]
    assert notes == (
        "dropped 3 whose answer is not where it should stand in the context (moved, absent, before)",
        "dropped 2 without an answer (blank, broken)",
    )


def test_a_set_without_any_usable_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no example that can be trained on; dropped 1 without an answer"):
        _read(raw.squad, _squad(tmp_path, _asked("q", ("", 0))))
    with pytest.raises(DataError, match="no examples"):
        _read(raw.squad, _squad(tmp_path))
    with pytest.raises(DataError, match="field 'data'"):
        _read(raw.squad, _write(tmp_path, "x.json", '{"version": "1.1"}'))


# --- options


def _hellaswag(**more: Any) -> dict[str, Any]:
    row = {"ind": 4, "activity_label": "Baking", "ctx_a": "A man opens an oven.", "ctx_b": "he", "label": 2}
    endings = ["sings.", "sleeps.", "takes out a tray.", "swims."]
    return row | {"ctx": "A man opens an oven. he", "endings": endings, "source_id": "x~1", "split": "train"} | more


def test_hellaswag(tmp_path: Path) -> None:
    wikihow = _hellaswag(ind=9, ctx_a="[header] How to bake", ctx_b="", label="0")
    choices, notes = _read(raw.hellaswag, _json_lines(tmp_path, "x.jsonl", _hellaswag(), wikihow))
    options = ("he sings.", "he sleeps.", "he takes out a tray.", "he swims.")
    assert choices == [
        Choice("4", "A man opens an oven.", "", options, 2),
        Choice("9", "[header] How to bake", "", ("sings.", "sleeps.", "takes out a tray.", "swims."), 0),
    ]
    assert notes == ()


def test_a_test_file_without_labels_is_an_error_that_says_so(tmp_path: Path) -> None:
    row = _hellaswag()
    del row["label"]
    with pytest.raises(MissingData, match=r"dropped 2 without a gold label \(4, 5\)"):
        _read(raw.hellaswag, _json_lines(tmp_path, "x.jsonl", row, row | {"ind": 5}))


@pytest.mark.parametrize("label", [4, -1, "4", "two", True, 1.0])
def test_labels_outside_the_options_are_refused(tmp_path: Path, label: Any) -> None:
    with pytest.raises(DataError, match=r"line 1: label .*; allowed: 0, 1, 2, 3"):
        _read(raw.hellaswag, _json_lines(tmp_path, "x.jsonl", _hellaswag(label=label)))


COSMOS_HEADER = "id,context,question,answer0,answer1,answer2,answer3,label\n"


def test_cosmosqa_is_real_csv(tmp_path: Path) -> None:
    body = (
        'a##1,"He said ""no"" , and left .\nThat was all .",Why ?,Bored .,'
        '"Angry , perhaps .",Late .,None of the above choices .,1\n'
    )
    choices, _ = _read(raw.cosmosqa, _write(tmp_path, "train.csv", COSMOS_HEADER + body))
    premise = 'He said "no" , and left .\nThat was all . Why ?'
    options = ("Bored .", "Angry , perhaps .", "Late .", "None of the above choices .")
    assert choices == [Choice("a##1", premise, "", options, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (COSMOS_HEADER, "no examples"),
        ("", "no column 'id'; the columns are none"),
        ("id,context,question,answer0,answer1,answer2,label\n", "no column 'answer3'"),
        (COSMOS_HEADER + "a,b,c,d,e,f,g,4\n", "line 2: label '4'"),
        (COSMOS_HEADER + "a,b,c\n", "no example that can be trained on; dropped 1 on damaged lines"),
        (COSMOS_HEADER + 'a,"b,c\n', "not CSV"),
    ],
)
def test_damaged_cosmosqa(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(raw.cosmosqa, _write(tmp_path, "train.csv", text))


def _commonsense(key: str | None, letters: str = "ABCDE") -> dict[str, Any]:
    options = [{"label": letter, "text": f"place {letter}"} for letter in letters]
    row = {"id": "q", "question": {"question_concept": "x", "choices": options, "stem": "Where to? "}}
    return row if key is None else row | {"answerKey": key}


def test_commonsenseqa(tmp_path: Path) -> None:
    rows = (_commonsense("D"), _commonsense(None), _commonsense("A", "EDCBA"))
    choices, notes = _read(raw.commonsenseqa, _json_lines(tmp_path, "x.jsonl", *rows))
    assert choices == [
        Choice("q", "Where to?", "", tuple(f"place {letter}" for letter in "ABCDE"), 3),
        Choice("q#2", "Where to?", "", tuple(f"place {letter}" for letter in "EDCBA"), 4),  # by letter, not by place
    ]
    assert notes == ("dropped 1 without a gold label (q)",)
    with pytest.raises(DataError, match="label 'F'"):
        _read(raw.commonsenseqa, _json_lines(tmp_path, "bad.jsonl", _commonsense("F")))
    with pytest.raises(DataError, match="needs 'stem' and a list of 'choices'"):
        _read(raw.commonsenseqa, _json_lines(tmp_path, "bad.jsonl", {"question": "Where?"}))


SIQA = {"context": "Ann ran. ", "question": "Why?", "answerA": "to win", "answerB": "to lose", "answerC": "to sit"}


def test_siqa_in_both_releases(tmp_path: Path) -> None:
    together, _ = _read(raw.siqa, _json_lines(tmp_path, "a.jsonl", *(SIQA | {"correct": c} for c in "CAB")))
    answers = _write(tmp_path, "labels.lst", "3\n1\n2\n")
    apart, _ = _read(raw.siqa_apart, _json_lines(tmp_path, "b.jsonl", SIQA, SIQA, SIQA), answers)
    assert together == apart
    assert together[0] == Choice("1", "Ann ran. Why?", "", ("to win", "to lose", "to sit"), 2)
    assert [choice.label for choice in together] == [2, 0, 1]


def test_damaged_siqa(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="label 'D'"):
        _read(raw.siqa, _json_lines(tmp_path, "a.jsonl", SIQA | {"correct": "D"}))
    rows = _json_lines(tmp_path, "b.jsonl", SIQA, SIQA)
    with pytest.raises(DataError, match=r"2 questions and labels.lst 1 answers"):
        _read(raw.siqa_apart, rows, _write(tmp_path, "labels.lst", "3\n"))
    with pytest.raises(DataError, match=r"labels.lst, line 2: label '0'; allowed: 1, 2, 3"):
        _read(raw.siqa_apart, rows, _write(tmp_path, "labels.lst", "3\n0\n"))


COPA_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE copa-corpus SYSTEM "copa.dtd">
<copa-corpus version="1.0">
<item id="1" asks-for="cause" most-plausible-alternative="2"><p>The cup &amp; saucer fell.</p>
<a1>It was full.</a1><a2>The cat jumped.</a2></item>
<item id="2" asks-for="effect" most-plausible-alternative="1"><p>It rained.</p>
<a1>We got wet.</a1><a2>We sang.</a2></item>
</copa-corpus>
"""


def test_copa_in_xml_and_in_json_lines_is_the_same(tmp_path: Path) -> None:
    xml, _ = _read(raw.copa_xml, _write(tmp_path, "copa-dev.xml", COPA_XML))
    rows = (
        {"premise": "The cup & saucer fell.", "choice1": "It was full.", "choice2": "The cat jumped.",
         "question": "cause", "idx": 1, "label": 1},
        {"premise": "It rained.", "choice1": "We got wet.", "choice2": "We sang.", "question": "effect", "label": 0,
         "idx": 2, "changed": False},
    )  # fmt: skip
    lines, _ = _read(raw.copa_lines, _json_lines(tmp_path, "train.jsonl", *rows))
    assert xml == lines
    assert xml[0] == Choice("1", "The cup & saucer fell.", "cause", ("It was full.", "The cat jumped."), 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"cause"', '"reason"', "item 1: question 'reason'; allowed: cause, effect"),
        # 0 is no alternative of the XML: it must not pass for the first of the JSON lines.
        ('alternative="1"', 'alternative="0"', "item 2: most plausible alternative '0'; allowed: 1, 2"),
        ("<a2>We sang.</a2>", "", "item 2: needs the elements p, a1 and a2"),
        ("</copa-corpus>", "", "not XML"),
        ("item", "thing", "no examples"),
    ],
)
def test_damaged_copa(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(raw.copa_xml, _write(tmp_path, "copa-dev.xml", COPA_XML.replace(old, new)))


# --- storage


def test_readers_take_packed_files_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(f"\ufeff{QQP_HEADER}\n1\t1\t2\ta\tb\t1\n".encode()))
    assert _read(raw.qqp, path, labels=BINARY)[0] == [Pair("1", "a", "b", 1)]


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"context": "ok"}\n\xff\n')
    with pytest.raises(DataError, match=r"x\.jsonl, line [12]: "):
        _read(raw.siqa, path)


# --- the real files; numbers of rows: ../shared/data/SOURCES.md


@needs_data
@pytest.mark.parametrize(
    ("read", "name", "rows", "options"),
    [
        (raw.commonsenseqa, "commonsenseqa/train_rand_split.jsonl.gz", 9_741, 5),
        (raw.commonsenseqa, "commonsenseqa/dev_rand_split.jsonl.gz", 1_221, 5),
        (raw.siqa, "siqa/socialIQa_v1.4_dev.jsonl", 1_954, 3),
        (raw.siqa, "siqa/socialIQa_v1.4_tst.jsonl", 2_224, 3),
        (raw.cosmosqa, "cosmosqa/valid.csv.gz", 2_985, 4),
        (raw.copa_xml, "balanced_copa/balanced-copa-dev-all.xml.gz", 1_000, 2),
        (raw.hellaswag, "hellaswag/hellaswag_val.sample1000.jsonl.gz", 1_000, 4),
        (raw.copa_lines, "xcopa/data/sw/val.sw.jsonl", 100, 2),
        (raw.copa_lines, "xcopa/data/zh/test.zh.jsonl", 500, 2),
    ],
)  # fmt: skip
def test_real_options(read: Any, name: str, rows: int, options: int) -> None:
    choices, notes = _read(read, DATA / name)
    assert (len(choices), notes) == (rows, ())
    assert {len(choice.choices) for choice in choices} == {options}
    assert len({choice.id for choice in choices}) == rows
    labels = Counter(choice.label for choice in choices)
    assert set(labels) == set(range(options))
    # Right answers are spread over the places (Cosmos QA's most uneven: its last option is often "none of the above").
    assert min(labels.values()) > 0.5 * rows / options if "cosmos" not in name else min(labels.values()) > 0


@needs_data
def test_real_mirrored_copa_items_have_the_other_answer() -> None:
    """Item 1000 + n shares the alternatives of item n and asks for the other one (Balanced COPA)."""
    choices, _ = _read(raw.copa_xml, DATA / "balanced_copa" / "balanced-copa-dev-all.xml.gz")
    by_id = {int(choice.id): choice for choice in choices}
    originals = [by_id[number] for number in range(1, 501)]
    mirrored = [by_id[number + 1000] for number in range(1, 501)]
    for one, other in zip(originals, mirrored, strict=True):
        assert one.question == other.question
        assert sorted(one.choices) == sorted(other.choices), one.id  # their order is not always the same
        assert one.choices[one.label] == other.choices[1 - other.label]


@needs_data
@pytest.mark.parametrize(
    ("name", "rows", "impossible"),
    [
        ("squad/dev-v2.0.unique-spans.json.gz", 10_860, 5_945),
        ("squad/dev-v2.0.articles-1-5.json.gz", 1_407, 702),
        ("squad/dev-v1.1.unique-spans.json.gz", 8_911, 0),
        ("squad/train-v1.1.unique-spans.json.gz", 78_161, 0),
    ],
)
def test_real_squad(name: str, rows: int, impossible: int) -> None:
    questions, notes = _read(raw.squad, DATA / name)
    assert (len(questions), notes) == (rows, ())
    assert sum(not question.answers for question in questions) == impossible


@needs_data
def test_real_nli_labels_are_read_by_the_word() -> None:
    """MED has MultiNLI's columns under these names; the words of each row are counted without the reader."""
    path = DATA / "med_help" / "MED.tsv.gz"
    header, *lines = gzip.decompress(path.read_bytes()).decode("utf-8").rstrip("\n").split("\n")
    column = header.split("\t").index("gold_label")
    words = Counter(line.split("\t")[column] for line in lines)
    pairs, notes = _read(raw.nli_table, path, labels=NLI)
    assert notes == () and len(pairs) == 5_382
    assert Counter(NLI[pair.label] for pair in pairs) == words
