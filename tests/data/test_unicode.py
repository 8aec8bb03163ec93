"""Text that is no valid Unicode never gets past a reader: by an escape in JSON, YAML or XML, or as bytes.

A tokenizer stops at half a surrogate pair with an error that names neither file nor example.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval.benchmark import family
from xstilts_eval.checklist import official as checklist_official
from xstilts_eval.checklist import templates
from xstilts_eval.data import conllu, corpora, dual_encoder_readers, files, flores, hub, ranking, readers, translated
from xstilts_eval.data import intermediate_readers as raw
from xstilts_eval.data.sources import load
from xstilts_eval.data.status import status
from xstilts_eval.errors import DataError, FetchError, PredictionError, XstiltsError
from xstilts_eval.results import official
from xstilts_eval.training_tasks import training_task

HALF = "\ud83d"
CESU = b"\xed\xa0\xbd"
"""The same half as a careless writer of UTF-8 puts it down."""
NLI = ("contradiction", "entailment", "neutral")
SPANS = [{"start": 0, "end": 1}]


def _file(folder: Path, name: str, *rows: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert "\\ud83d" in path.read_text(encoding="utf-8")
    return path


def _squad(context: str = "It is 1882.", question: str = "when?", **more: Any) -> dict[str, Any]:
    row = {"id": "q1", "question": question, "answers": [{"text": "1882", "answer_start": context.find("1882")}]}
    return {"data": [{"paragraphs": [{"context": context, "qas": [row | more]}]}]}


def _trained(read: Callable[..., Any], *labels: str) -> Callable[[Path], Any]:
    return lambda path: read((path,), labels, raw.Dropped())


PAIR = {"gold_label": "neutral", "sentence1": HALF, "sentence2": "b", "pairID": "p7"}
COPA = {"premise": "p", "choice1": "a", "choice2": HALF, "question": "cause", "label": 0, "idx": 4}
MENTION = {
    "context": {"language": "de", "text": f"Da {HALF}", "document_id": "d3", "sentence_spans": SPANS},
    "mentions": [],
}
ENTITY = {"entity_id": "Q5", "description": f"a{HALF}", "sentence_spans": SPANS}
JSON: dict[str, tuple[Any, Callable[[Path], Any], str]] = {
    "xquad context": (_squad(f"It {HALF} is 1882."), readers.squad, "id 'q1'"),
    "xquad question": (_squad(question=f"when {HALF}?"), readers.squad, "id 'q1'"),
    "xquad id": (_squad(id=f"q{HALF}"), readers.squad, r"id 'q\ud83d'"),
    "squad v2": (_squad(f"It {HALF} is 1882."), _trained(raw.squad), "id 'q1'"),
    "xquad-r": (_squad(f"It {HALF} is 1882."), lambda path: ranking.xquad_r(path, "de"), "id 'q1'"),
    "mewsli-x mentions": (MENTION, lambda path: ranking.mentions(path, "de"), "line 1, document_id 'd3'"),
    "mewsli-x candidates": (ENTITY, ranking.entities, "line 1, entity_id 'Q5'"),
    "mewsli-x pairs": (
        {"contextual_mention": {"mention": {"example_id": "m1"}, "context": {"text": HALF}}},
        _trained(dual_encoder_readers.mention_entities), "line 1",
    ),
    "mnli lines": (PAIR, _trained(raw.nli_lines, *NLI), "line 1, pairID 'p7'"),
    "anli": (
        {"uid": "u1", "context": HALF, "hypothesis": "h", "label": "e"},
        _trained(raw.anli, *NLI), "line 1, uid 'u1'",
    ),
    "hellaswag": (
        {"ind": 24, "ctx_a": "a", "ctx_b": "b", "endings": ["c", HALF]},
        _trained(raw.hellaswag), "line 1, ind 24",
    ),
    "commonsenseqa": (
        {"id": "c1", "question": {"stem": "s", "choices": [{"text": HALF, "label": "A"}]}},
        _trained(raw.commonsenseqa), "line 1, id 'c1'",
    ),
    "siqa": ({"context": HALF, "question": "q", "answerA": "a"}, _trained(raw.siqa), "line 1"),
    "xcopa": (COPA, _trained(raw.copa_lines), "line 1, idx 4"),
    "ccg tags": ({"N": 0, HALF: 1}, raw.ccg_tags, "half a surrogate pair"),
    "answers": ({"q1": "a", "q2": HALF}, lambda path: official._json(path, PredictionError), "half a surrogate pair"),
    "entities": ({"m1": [HALF]}, lambda path: official._rankings(path, PredictionError), "half a surrogate pair"),
    "choices": ({"label": 0, "why": HALF}, lambda path: official._labels(path, PredictionError), "line 1"),
    "gold answers": (_squad(f"It {HALF} is 1882."), lambda path: list(official.gold_answers(path)), "id 'q1'"),
    "rows of the hub": ({"sentence1": HALF}, lambda path: hub.read_rows(path, path.name), "line 1"),
    "corpora of the hub": ({"text": HALF}, lambda path: list(corpora._json(path, path.name, "text")), "line 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON)
def test_half_a_surrogate_pair_in_json_names_file_and_example(tmp_path: Path, name: str) -> None:
    row, read, where = JSON[name]
    path = _file(tmp_path, "given.jsonl", row)
    with pytest.raises((DataError, PredictionError, FetchError)) as caught:
        read(path)
    message = str(caught.value)
    assert "given.jsonl" in message and where in message and r"half a surrogate pair (\ud83d)" in message
    message.encode("utf-8")


def test_translations(tmp_path: Path) -> None:
    row = {"id": "t9", "premise": "p", "hypothesis": HALF, "label": 0}
    path = _file(tmp_path, "translated/mnli/sw.train.jsonl", row | {"id": "t8", "hypothesis": "h"}, row)
    with pytest.raises(DataError, match=rf"{path.name}, line 2, id 't9': .*half a surrogate pair"):
        translated.load(training_task("mnli").name, "sw", "train", tmp_path)


def test_whole_pairs_other_escapes_and_backslashes_are_text(tmp_path: Path) -> None:
    for text in ("\U0001f600", "a\\ud83d", "\u200b\u2028", "é"):
        path = tmp_path / "given.json"
        path.write_text(json.dumps({"a": text}), encoding="utf-8")
        assert files.read_json(path) == {"a": text}
    path.write_text(r'{"a": "\\ud83d"}', encoding="utf-8")
    assert files.read_json(path) == {"a": r"\ud83d"}


def test_xml(tmp_path: Path) -> None:
    path = tmp_path / "copa-dev.xml"
    item = '<item id="1" asks-for="cause" most-plausible-alternative="1"><p>&#xD83D;</p><a1>a</a1><a2>b</a2></item>'
    path.write_text(f"<c>{item}</c>", encoding="utf-8")
    with pytest.raises(DataError, match=r"copa-dev\.xml: not XML"):
        raw.copa_xml((path,), (), raw.Dropped())


def test_templates_of_the_checklist(tmp_path: Path) -> None:
    text = (templates.FOLDER / "en.yaml").read_text(encoding="utf-8")
    assert "is" in text
    path = tmp_path / "en.yaml"
    path.write_text(text.replace(":", ': "\\ud83d"\nbroken:', 1), encoding="utf-8")
    with pytest.raises(XstiltsError, match=r"en\.yaml"):
        templates.read(path)


BYTES: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "xnli": (b"de\tneutral\t" + CESU, lambda path: readers.xnli(path, "de", NLI)),
    "pawsx": (b"1\t" + CESU, lambda path: readers.pawsx(path, ("0", "1"))),
    "panx": (b"de:" + CESU + b"\tO", lambda path: readers.panx(path, ("O",))),
    "processed": (CESU + b"\tO", lambda path: readers.processed_tags(path, ("O",), "")),
    "tatoeba": (CESU, lambda path: readers.tatoeba(path, path)),
    "bucc": (b"a\t" + CESU, lambda path: readers.bucc(path, path, path, "x")),
    "conllu": (b"1\t" + CESU + b"\t_\tX\t_\t_\t0\t_\t_\t_", lambda path: conllu.read(path, "de")),
    "flores": (CESU, lambda path: flores._lines(path)),
    "csv": (b"id,context\n1," + CESU, _trained(raw.cosmosqa)),
    "table": (b"gold_label\tsentence1\tsentence2\n" + CESU, _trained(raw.nli_table, *NLI)),
    "corpus": (CESU, lambda path: corpora.read_files({"de": [path]})),
    "json": (b'{"a": "' + CESU + b'"}', files.read_json),
    "checklist": (b"Field\ten\n" + CESU, checklist_official.read),
    "predictions": (CESU, lambda path: official.lines(path, PredictionError)),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_not_utf8_name_the_file(tmp_path: Path, name: str) -> None:
    content, read = BYTES[name]
    path = tmp_path / "given.txt"
    path.write_bytes(content + b"\n")
    with pytest.raises((DataError, PredictionError), match=r"given\.txt.*not UTF-8"):
        read(path)


def test_predictions_are_refused_by_file_and_question(tmp_path: Path) -> None:
    """The whole evaluator, with a broken answer of one language."""
    for side, content in (("labels", _squad()), ("predictions", {"q1": HALF})):
        for language in family("xquad").languages:
            _file_or_plain(tmp_path / f"{side}/xquad/test-{language}.json", content)
    with pytest.raises(PredictionError, match=r"predictions/xquad/test-en\.json: .*half a surrogate pair"):
        official.score_predictions(tmp_path / "predictions", tmp_path / "labels")


def _file_or_plain(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


# One broken file hides its own language, never the others


def test_status_goes_on_after_broken_files(tmp_path: Path) -> None:
    _file(tmp_path, "xquad/xquad.ar.json", _squad(f"It {HALF} is 1882."))
    for language, text in {
        "de": '{"data": [{"paragraphs": 3}]}',
        "en": "[" * 100_000,
        "es": '{"data": ' + "9" * 5000 + "}",
        "hi": "",
        "ru": "null",
        "th": '{"data": []}',
        "tr": json.dumps(_squad()),
        "zh": '{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": {}, "question": "q", "answers": []}]}]}]}',
    }.items():
        (tmp_path / f"xquad/xquad.{language}.json").write_text(text, encoding="utf-8")
    (tmp_path / "xquad/xquad.vi.json").write_bytes(b"\x1f\x8b\x00\xff")
    rows = {row.language: row for row in status(tmp_path, families=[family("xquad")])}
    assert rows["tr"].rows == 1
    reasons = {language: row.notes[0] for language, row in rows.items() if not row.rows}
    assert len(reasons) == 10
    assert not [reason for reason in reasons.values() if "please report" in reason], "every fault was foreseen"
    assert (
        "id 'q1'" in reasons["ar"]
        and "nested too deeply" in reasons["en"]
        and "xquad.es.json: not JSON" in reasons["es"]
    )
    for language, reason in reasons.items():
        assert language == "el" or f"xtreme.xquad.{language}: " in reason, reason


def test_a_fault_that_no_reader_foresaw_hides_one_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("de", "tr"):
        (tmp_path / f"xquad.{language}.json").write_text(json.dumps(_squad()), encoding="utf-8")
    squad = readers.squad

    def fails(path: Path, *arguments: Any) -> Any:
        if ".de." in path.name:
            raise IndexError("list index out of range")
        return squad(path, *arguments)

    monkeypatch.setattr(readers, "squad", fails)
    rows = {row.language: row for row in status(tmp_path, families=[family("xquad")])}
    assert rows["tr"].rows == 1
    assert rows["de"].notes == (
        "xtreme.xquad.de cannot be read (IndexError: list index out of range); please report the file",
    )


TEXTLESS = "1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_\n2\t_\t_\tPUNCT\t_\t_\t1\tpunct\t_\t_\n\n"


def test_a_treebank_without_text_is_one_sentence_and_one_row(tmp_path: Path) -> None:
    for name, text in {
        "UD_French-FTB/fr_ftb": TEXTLESS,
        "UD_German-A/de_a": TEXTLESS.replace("1\t_\t", "1\tda\t").replace("2\t_\t", "2\t.\t"),
    }.items():
        path = tmp_path / f"ud/{name}-ud-test.conllu"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"^xtreme\.udpos\.fr: .*UD_French-FTB: no sentence of fr_ftb-ud-test\.conllu has text"
    ):
        load(family("udpos"), "fr", "test", tmp_path)
    rows = {row.language: row for row in status(tmp_path, families=[family("udpos")])}
    assert "no sentence of fr_ftb-ud-test.conllu has text" in rows["fr"].notes[0] and rows["de"].rows == 1
    assert [language for language, row in rows.items() if row.is_unusable] == ["fr"]
    command = [sys.executable, "-m", "xstilts_eval.cli", "data", "status", "--data", str(tmp_path), "-t", "udpos"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "1000"})
    assert run.returncode == 0, run.stderr
    assert "xtreme_udpos: 1 of 33 languages" in run.stdout and "missing: af ar bg" in run.stdout
    assert "cannot be used: fr\n  xtreme.udpos.fr: " in run.stdout


def test_one_question_without_an_answer_is_named(tmp_path: Path) -> None:
    content = _squad()
    asked = content["data"][0]["paragraphs"][0]["qas"]
    asked.append(asked[0] | {"id": "q2", "answers": []})
    (tmp_path / "xquad.es.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"^xtreme\.xquad\.es: .*1 of 2 questions has no answer \('q2'\)"):
        load(family("xquad"), "es", "test", tmp_path)
