"""Text of prediction and label files from hand-made samples: every expected file is written out here."""

import json
from typing import Any

import pytest

from xstilts_eval import kinds
from xstilts_eval.benchmark import FAMILIES, XTREME, family
from xstilts_eval.errors import PredictionError
from xstilts_eval.results import leaderboard_files as files


def sample(number: int, responses: list[Any], **doc: Any) -> dict[str, Any]:
    return {"doc_id": number, "doc": {"id": f"d{number}", **doc}, "filtered_resps": responses}


def question(number: int, context: str, answer: str, *gold: str) -> dict[str, Any]:
    found = [{"text": text, "answer_start": context.index(text)} for text in gold]
    return sample(number, [answer], context=context, question=f"{number}?", answers=found)


def predicted(name: str, samples: list[dict[str, Any]]) -> str:
    return files.predictions(family(name), samples, "run/samples.jsonl")


def gold(name: str, samples: list[dict[str, Any]]) -> str:
    return files.labels(family(name), samples, "run/samples.jsonl")


def test_pairs_are_the_label_words_of_the_likeliest_class_and_the_first_among_equals():
    samples = [
        sample(0, [[-2.0, False], [-0.5, False], [-1.0, True]], label=2),
        sample(1, [[-1.0, False], [-3.0, False], [-1.0, False]], label=0),
        sample(2, [[-9.0, False], [-8.0, False], [-7.5, False]], label=1),
    ]
    assert predicted("xnli", samples) == "entailment\ncontradiction\nneutral\n"
    assert gold("xnli", samples) == "neutral\ncontradiction\nentailment\n"
    two = [sample(0, [[-0.1, True], [-2.3, False]], label=1)]
    assert (predicted("pawsx", two), gold("pawsx", two)) == ("0\n", "1\n")


def test_tags_stand_one_per_line_with_a_blank_line_behind_every_sentence():
    samples = [
        sample(0, ["DET NOUN"], tokens=["the", "cat"], tags=["DET", "PROPN"]),
        sample(1, ["runs_VERB"], tokens=["runs"], tags=["VERB"]),  # as a language model answers
    ]
    assert predicted("udpos", samples) == "DET\nNOUN\n\nVERB\n\n"
    assert gold("udpos", samples) == "DET\nPROPN\n\nVERB\n\n"


@pytest.mark.parametrize(("name", "filler"), [("udpos", "X"), ("panx", "O")])
def test_an_answer_that_is_no_tag_sequence_still_fills_every_word(name, filler):
    samples = [sample(0, ["I cannot tag this"], tokens=["a", "b", "c"], tags=["X", "X", "X"])]
    assert predicted(name, samples) == f"{filler}\n" * 3 + "\n"


def test_answers_are_one_object_in_ascii_and_labels_are_squad():
    samples = [
        question(0, "Ein Käse.", "Käse", "Käse", "Ein Käse"),
        question(1, "Ein Käse.", "", "Ein"),
        question(2, "北京", "data", "北京"),
    ]
    text = predicted("xquad", samples)
    assert text.isascii()
    assert json.loads(text) == {"d0": "Käse", "d1": "", "d2": "data"}
    (article,) = json.loads(gold("xquad", samples))["data"]
    assert [paragraph["context"] for paragraph in article["paragraphs"]] == ["Ein Käse.", "北京"]
    first, second = article["paragraphs"][0]["qas"]
    assert first == {
        "id": "d0", "question": "0?",
        "answers": [{"text": "Käse", "answer_start": 4}, {"text": "Ein Käse", "answer_start": 0}],
    }  # fmt: skip
    assert second["id"] == "d1"


def test_retrieval_is_written_as_lines_and_pairs():
    neighbours = [
        sample(0, [{"nearest_source": 7, "nearest_target": 1, "source_score": 0.5, "target_score": 0.1}], gold=3),
        sample(1, [{"nearest_source": 0, "nearest_target": 1, "source_score": 0.5, "target_score": 0.1}], gold=0),
    ]
    assert (predicted("tatoeba", neighbours), gold("tatoeba", neighbours)) == ("7\n0\n", "3\n0\n")
    shards = [
        sample(0, [{"pairs": [["de-2", "en-1", 1.2], ["de-1", "en-9", 1.1]], "threshold": 1.0}]),
        sample(1, [{"pairs": [], "threshold": 1.0}]),
        sample(2, [{"pairs": [["de-5", "en-4", 1.05]], "threshold": 1.0}]),
    ]
    assert predicted("bucc2018", shards) == "de-2\ten-1\nde-1\ten-9\nde-5\ten-4\n"


def test_the_hosts_own_log_keeps_everything_as_python_text():
    """`sanitize_list` of lm_eval 0.4.13 (utils.py) turns every inner value of a response into `str(value)`."""
    assert predicted("pawsx", [sample(0, [["-10.5", "False"], ["-9.25", "True"]], label=0)]) == "1\n"
    nearest = {"nearest_source": 12, "source_score": 0.5, "nearest_target": 1, "target_score": 0.25}
    assert predicted("tatoeba", [sample(0, [str(nearest)])]) == "12\n"
    mined = "{'pairs': [('de-1', 'en-2', np.float64(1.25))], 'threshold': np.float32(0.5)}"
    assert predicted("bucc2018", [sample(0, [mined])]) == "de-1\ten-2\n"


@pytest.mark.parametrize(
    ("name", "broken", "what"),
    [
        ("xnli", sample(4, [["-1", "False"]], label=0), "1 choices for 3 labels"),
        ("xnli", sample(4, [["low", "False"]] * 3, label=0), "validation error"),
        ("tatoeba", sample(4, ["{'nearest_source': 3"]), "was never closed"),
        ("tatoeba", sample(4, [{"nearest_target": 3}]), "validation error"),
        ("tatoeba", sample(4, ["__import__('os').getcwd()"]), "malformed node"),
        ("bucc2018", sample(4, [{"pairs": [["de-1", "en-1"]]}]), "validation error"),
        ("udpos", sample(4, ["X"]), "'tokens'"),
        ("xquad", sample(4, []), "index out of range"),
        ("xquad", sample(4, [None]), "validation error"),
    ],
)
def test_a_response_that_cannot_be_read_is_named(name, broken, what):
    with pytest.raises(PredictionError, match=f"^run/samples.jsonl, document 4 cannot be exported .*{what}"):
        predicted(name, [broken])


def test_a_question_id_twice_is_refused():
    samples = [question(0, "a", "a", "a"), question(1, "a", "a", "a")]
    samples[1]["doc"]["id"] = "d0"
    with pytest.raises(PredictionError, match=r"run/samples\.jsonl: question id d0 occurs twice"):
        predicted("mlqa", samples)


def test_all_nine_families_can_be_written_and_no_other_benchmark():
    assert {one.kind for one in XTREME} == {kinds.PAIR, kinds.TAGGED, kinds.QUESTION, kinds.BITEXT, kinds.MINING}
    assert all(files.can_write(one) for one in XTREME)
    assert not files.can_write(FAMILIES["bitext_tatoeba"])
