"""LAReQA's and Mewsli-X's files: texts by the official rules, and what is refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import Candidate, Query
from xstilts_eval.data.ranking import entities, mentions, xquad_r
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.tasks.documents import load_leaf

CONTEXT = "One is red. Two\nis blue. One is red."
BREAKS = [[0, 11], [12, 24], [25, 36]]


def _question(name: str, start: int) -> dict[str, Any]:
    return {"id": name, "question": f"What\nis {name}?", "answers": [{"text": "x", "answer_start": start}]}


def _xquad_r(path: Path, *paragraphs: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": list(paragraphs)}]}), encoding="utf-8")
    return path


def _paragraph(*questions: dict[str, Any], context: str = CONTEXT, breaks: Any = None) -> dict[str, Any]:
    return {"context": context, "sentence_breaks": breaks or BREAKS, "sentences": [], "qas": list(questions)}


def test_a_candidate_is_the_sentence_and_its_paragraph_without_anything_in_between(tmp_path: Path) -> None:
    """spec 2.5; both equal sentences are right, because the official loader compares texts."""
    path = _xquad_r(tmp_path / "xx.json", _paragraph(_question("a", 14), _question("b", 30)))
    queries, candidates = xquad_r(path, "xx")
    whole = "One is red. Twois blue. One is red."
    assert candidates == [
        Candidate("xx_0_0", "One is red." + whole),
        Candidate("xx_0_1", "Twois blue." + whole),
        Candidate("xx_0_2", "One is red." + whole),
    ]
    assert queries == [
        Query("a", "Whatis a?", ("xx_0_1",), "0.0"),
        Query("b", "Whatis b?", ("xx_0_0", "xx_0_2"), "0.0"),
    ]


def test_a_question_whose_answer_begins_in_no_sentence_is_left_out_with_an_empty_paragraph(tmp_path: Path) -> None:
    lost = _paragraph(_question("lost", 11), context="One is red. Two.", breaks=[[0, 11], [12, 16]])
    path = _xquad_r(tmp_path / "xx.json", lost, _paragraph(_question("a", 0), _question("between", 24)))
    queries, candidates = xquad_r(path, "xx")
    assert [query.id for query in queries] == ["a"]
    assert [candidate.id for candidate in candidates] == ["xx_1_0", "xx_1_1", "xx_1_2"]


@pytest.mark.parametrize(
    ("paragraph", "message"),
    [
        (
            _paragraph(_question("a", 0), breaks=[[0, 99]]),
            r"sentence_breaks has \[0, 99\], which is no part of its text",
        ),
        (_paragraph(_question("a", 0), breaks=[[5, 2]]), r"sentence_breaks has \[5, 2\]"),
        (_paragraph(_question("a", 0), breaks=[[0]]), r"sentence_breaks has \[0\]"),
        (_paragraph(_question("a", 0), _question("a", 1)), "question 'a' occurs a second time"),
        (_paragraph({"id": "a", "question": "?", "answers": []}), "question 'a' has no answer"),
        ({"context": CONTEXT, "qas": []}, "field 'sentence_breaks'"),
        (_paragraph(), "no examples"),
    ],
)
def test_broken_xquad_r(tmp_path: Path, paragraph: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        xquad_r(_xquad_r(tmp_path / "xx.json", paragraph), "xx")


def test_what_is_right_is_right_in_every_language_of_the_pool(tmp_path: Path) -> None:
    for code in ("de", "en"):
        _xquad_r(tmp_path / f"lareqa/xquad-r/{code}.json", _paragraph(_question("a", 14), _question("b", 30)))
    leaf = load_leaf(family("lareqa"), "en", str(tmp_path))
    documents: Any = leaf.documents
    assert [doc["correct"] for doc in documents] == [
        ["de_0_1", "en_0_1"],
        ["de_0_0", "de_0_2", "en_0_0", "en_0_2"],
    ]
    assert leaf.candidates is not None and len(leaf.candidates.ids) == 6
    assert leaf.candidates is load_leaf(family("lareqa"), "de", str(tmp_path)).candidates, "one pool for all languages"
    assert not leaf.complete
    assert "pool of 2 of 11 languages (without ar el es hi ru th tr vi zh)" in leaf.notes


def test_the_revision_of_a_leaf_covers_the_pool(tmp_path: Path) -> None:
    revisions = []
    for number, other in enumerate((14, 30)):
        folder = tmp_path / str(number)
        _xquad_r(folder / "xquad-r/en.json", _paragraph(_question("a", 14)))
        _xquad_r(folder / "xquad-r/de.json", _paragraph(_question("a", other)))
        revisions.append(load_leaf(family("lareqa"), "en", str(folder)).revision)
    assert revisions[0] != revisions[1]


@needs_data
def test_real_xquad_r_has_the_published_numbers_of_candidates() -> None:
    """SOURCES.md: sentences by language, each question with one right sentence in each of the nine languages here."""
    counts = {"ar": 1222, "de": 1276, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219, "th": 852, "vi": 1209, "zh": 1196}
    pool = sources.pool(family("lareqa"), "test", DATA)
    found = {code: sum(one.startswith(f"{code}_") for one in pool.ids) for code in counts}
    assert found == counts
    assert len(pool.correct) == 1190
    assert all(len({one.split("_")[0] for one in ids}) == 9 for ids in pool.correct.values())


@needs_data
def test_real_candidates_begin_with_the_sentences_of_the_file() -> None:
    """The file lists its sentences beside the breaks; ours are cut by the breaks."""
    content = json.loads(gzip.decompress((DATA / "lareqa/xquad-r/zh.json.gz").read_bytes()))
    listed = [
        (sentence + paragraph["context"]).replace("\n", "")
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for sentence in paragraph["sentences"]
    ]
    _, candidates = xquad_r(DATA / "lareqa/xquad-r/zh.json.gz", "zh")
    assert [candidate.text for candidate in candidates] == listed


# Mewsli-X

ARTICLE = "The news {of} today.\nMayor Smith  opened\nthe {old} bridge. It is long."
SENTENCES = [{"start": 0, "end": 20}, {"start": 21, "end": 58}, {"start": 59, "end": 70}]


def _mention(text: str, start: int, entity: str = "Q1 ") -> dict[str, Any]:
    span = {"start": start, "end": start + len(text), "text": text}
    return {"example_id": f"m{start}", "entity_id": entity, "mention_span": span}


def _mentions(path: Path, *found: dict[str, Any], text: str = ARTICLE, language: str = "en") -> Path:
    context = {"language": language, "document_id": "d1", "text": text, "sentence_spans": SENTENCES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"context": context, "mentions": list(found)}) + "\n", encoding="utf-8")
    return path


def test_a_query_is_the_mention_and_its_sentence_with_the_mention_in_braces(tmp_path: Path) -> None:
    """spec 2.5: other braces become parentheses, line ends blanks, and two blanks one, in one pass.

    Behind the mention stand two blanks of the article and the one of the mark: the official replacement leaves two.
    """
    path = _mentions(tmp_path / "m.jsonl", _mention("Smith", 27))
    expected = "Smith: Mayor { Smith }  opened the (old) bridge."
    assert mentions(path, "en") == [Query("m27", expected, ("Q1",), "d1")]


@pytest.mark.parametrize(
    ("mention", "text", "message"),
    [
        (_mention("today.\nMayor", 14), ARTICLE, "mention 'm14': no sentence of its article holds it whole"),
        (_mention("Jones", 27), ARTICLE, "mention 'm27': it is 'Jones', but its article has 'Smith' there"),
        (_mention("Smith", 27), "", "the article has no text; .* get-mewsli-x.sh"),
    ],
)
def test_broken_mentions(tmp_path: Path, mention: dict[str, Any], text: str, message: str) -> None:
    path = _mentions(tmp_path / "m.jsonl", mention, text=text)
    if not text:
        path.write_text(path.read_text().replace(json.dumps(SENTENCES), "[]"))
    with pytest.raises(DataError, match=message):
        mentions(path, "en")


def test_a_language_without_mentions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no examples in language 'tr'"):
        mentions(_mentions(tmp_path / "m.jsonl", _mention("Smith", 27)), "tr")


def test_a_candidate_is_the_sentences_of_the_description(tmp_path: Path) -> None:
    path = tmp_path / "candidate_set_entities.jsonl"
    row = {"entity_id": "Q1", "description": "Smith is\na mayor.  He sings.", "sentence_spans": [[0, 17], [19, 28]]}
    path.write_text(json.dumps(row) + "\n")
    assert entities(path) == [Candidate("Q1", "Smith is a mayor. He sings.")]


def test_without_the_candidate_set_the_mentions_are_not_enough(tmp_path: Path) -> None:
    _mentions(tmp_path / "mewsli-x/wikinews_mentions-test.jsonl", _mention("Smith", 27))
    with pytest.raises(MissingData, match=r"candidate_set_entities\.jsonl"):
        sources.load(family("mewslix"), "en", "test", tmp_path)


def test_a_candidate_set_of_another_size_is_never_complete(tmp_path: Path) -> None:
    _mentions(tmp_path / "mewslix/wikinews_mentions-test.jsonl", _mention("Smith", 27))
    row = {"entity_id": "Q1", "description": "A mayor.", "sentence_spans": [{"start": 0, "end": 8}]}
    (tmp_path / "mewslix/candidate_set_entities.jsonl").write_text(json.dumps(row) + "\n")
    leaf = load_leaf(family("mewslix"), "en", str(tmp_path))
    documents: Any = leaf.documents
    assert documents[0]["correct"] == ["Q1"]
    assert not leaf.complete and "pool of 1 of 1,003,893 candidates" in leaf.notes
    (tmp_path / "again").mkdir()
    both = json.dumps(row) + "\n" + json.dumps(row) + "\n"
    _mentions(tmp_path / "again/mewslix/wikinews_mentions-test.jsonl", _mention("Smith", 27))
    (tmp_path / "again/mewslix/candidate_set_entities.jsonl").write_text(both)
    with pytest.raises(DataError, match="a candidate's id occurs twice"):
        load_leaf(family("mewslix"), "en", str(tmp_path / "again"))


# XCOPA


def test_xcopa_without_labels_is_missing_data(tmp_path: Path) -> None:
    row = {"premise": "P.", "choice1": "A.", "choice2": "B.", "question": "cause", "idx": 0}
    path = tmp_path / "xcopa/data/et/test.et.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**row, "label": 1}) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(MissingData, match="1 questions have no label"):
        sources.load(family("xcopa"), "et", "test", tmp_path)
    path.write_text(json.dumps({**row, "label": 1}) + "\n")
    loaded = sources.load(family("xcopa"), "et", "test", tmp_path)
    assert loaded.notes == ("partial: 1 of 500 questions",)


@needs_data
def test_real_xcopa_is_whole() -> None:
    for code in family("xcopa").languages:
        for split, size in (("test", 500), ("dev", 100)):
            loaded = sources.load(family("xcopa"), code, split, DATA)
            assert (loaded.rows, loaded.complete, loaded.notes) == (size, True, ())
