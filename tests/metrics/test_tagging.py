"""Chunk F1 against seqeval 1.2.2 (entities) and against the written rule for UPOS tags."""

import random
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xstilts_eval.benchmark import PANX_TAGS, UPOS
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.tagging import (
    _BLOCK,
    EVALUATOR_F1,
    NER_F1,
    POS_F1,
    TOKEN_ACCURACY,
    ner_chunks,
    ner_counts_by_type,
    pos_chunks,
)

IOBES = ("O", *(f"{tag}-{kind}" for tag in "BIES" for kind in ("PER", "LOC", "A-B")))


def sentence_pairs(labels: tuple[str, ...], most: int = 12) -> st.SearchStrategy:
    """Corpora as lists of (gold tags, predicted tags) of equal length, empty sentences included."""
    pair = st.tuples(st.sampled_from(labels), st.sampled_from(labels))
    return st.lists(st.lists(pair, max_size=most), min_size=1, max_size=6).map(
        lambda corpus: ([[g for g, _ in s] for s in corpus], [[p for _, p in s] for s in corpus])
    )


def pos_chunks_by_the_rule(tags: list[str]) -> set[tuple[str, int, int]]:
    """Spec section 1.3, word for word: maximal runs of identical tags, tags beginning with S alone."""
    chunks = set()
    for start, tag in enumerate(tags):
        if tag.startswith("S"):
            chunks.add((tag, start, start))
        elif start == 0 or tags[start - 1] != tag:
            end = start
            while end + 1 < len(tags) and tags[end + 1] == tag:
                end += 1
            chunks.add((tag, start, end))
    return chunks


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(UPOS), max_size=30))
def test_pos_chunks_follow_the_rule(tags):
    chunks = pos_chunks(tags)
    assert len(chunks) == len(set(chunks))
    assert set(chunks) == pos_chunks_by_the_rule(tags)


@settings(max_examples=300, deadline=None)
@given(sentence_pairs((*UPOS[:6], "SCONJ", "SYM", "X", "_")))
def test_pos_statistics_are_the_sizes_of_the_chunk_sets(corpus):
    expected = [
        (
            len(pos_chunks_by_the_rule(g) & pos_chunks_by_the_rule(p)),
            *map(len, map(pos_chunks_by_the_rule, (p, g))),
        )
        for g, p in zip(*corpus, strict=True)
    ]
    assert [POS_F1.statistics(g, p) for g, p in zip(*corpus, strict=True)] == expected
    assert [*map(tuple, POS_F1.corpus_statistics(*corpus))] == expected


@pytest.mark.parametrize(
    ("gold", "predicted", "f1"),
    [
        ("NOUN NOUN VERB", "NOUN VERB VERB", 0.0),  # xtreme_spec.md 1.3, its example
        ("NOUN NOUN VERB", "NOUN NOUN VERB", 1.0),
        ("SYM SYM", "SYM X", 0.5),  # 1 of 2 gold and 2 predicted: S tags do not melt
        ("ADJ CCONJ", "ADJ SCONJ", 0.5),  # one type for seqeval >= 0.0.18, two for the old one
    ],
)
def test_pos_f1_by_hand(gold, predicted, f1):
    assert POS_F1.corpus_score([gold.split()], [predicted.split()])["f1"] == f1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from((*IOBES, ".")), max_size=30))
@pytest.mark.filterwarnings("ignore:. seems not to be NE tag")
def test_ner_chunks_equal_seqeval(tags):
    from seqeval.metrics.sequence_labeling import get_entities

    assert [tuple(chunk) for chunk in ner_chunks(tags)] == get_entities(tags)


@settings(max_examples=200, deadline=None)
@given(sentence_pairs(PANX_TAGS))
def test_the_evaluators_rule_is_the_entity_rule_on_tags_of_panx(corpus):
    assert EVALUATOR_F1.corpus_score(*corpus) == NER_F1.corpus_score(*corpus)


@settings(max_examples=200, deadline=None)
@given(sentence_pairs(PANX_TAGS))
def test_ner_scores_equal_seqeval(corpus):
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns where a ratio is undefined, as it does in empty corpora
        precision, recall, f1, _ = precision_recall_fscore_support(*corpus, average="micro", zero_division=0)
    assert NER_F1.corpus_score(*corpus) == pytest.approx({"f1": f1, "precision": precision, "recall": recall})


@settings(max_examples=50, deadline=None)
@given(sentence_pairs(PANX_TAGS))
def test_types_are_counted_as_seqeval_counts_them(corpus):
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    names = sorted({chunk.type for side in corpus for tags in side for chunk in ner_chunks(tags)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = precision_recall_fscore_support(*corpus, average=None, zero_division=0) if names else [()] * 4
    found = ner_counts_by_type(*corpus)
    assert list(found) == names
    ratios = [(*NER_F1.finish(counts).values(), counts[2]) for counts in found.values()]
    assert [*zip(*ratios, strict=True)] == [pytest.approx(tuple(expected[part])) for part in (2, 0, 1, 3)][
        : 4 * len(names)
    ]


@settings(max_examples=200, deadline=None)
@given(sentence_pairs((*IOBES, "PER", "X", "", "B", ".")))
@example(([["B-A"], [".", "_"]], [["O"], [".", "_"]]))  # a chunk that no label opened: from the first token on
def test_the_fast_corpus_walk_equals_the_loop(corpus):
    """Also for labels of no scheme, as a generating model may write them."""
    for metric in (NER_F1, POS_F1):
        rows = [metric.statistics(g, p) for g, p in zip(*corpus, strict=True)]
        assert [*map(tuple, metric.corpus_statistics(*corpus))] == rows


def test_statistics_count_what_the_chunk_functions_return():
    generator = random.Random(0)
    for metric, chunks, labels in ((NER_F1, ner_chunks, PANX_TAGS), (POS_F1, pos_chunks, UPOS)):
        for _ in range(200):
            length = generator.randrange(15)
            gold, predicted = generator.choices(labels, k=length), generator.choices(labels[:5], k=length)
            a, b = set(chunks(gold)), set(chunks(predicted))
            assert metric.statistics(gold, predicted) == (len(a & b), len(b), len(a))


def test_many_distinct_labels_take_the_loop():
    gold = [[f"B-T{i}" for i in range(300)], ["B-T1", "I-T1"]]
    assert NER_F1.corpus_statistics(gold, gold).tolist() == [[300, 300, 300], [1, 1, 1]]


def test_blocks_of_sentences_are_counted_alike_whatever_labels_came_before():
    """Some blocks take the loop: free text as labels, an empty label; coded ones before, between and after."""
    generator = random.Random(2)
    gold = [generator.choices(PANX_TAGS, k=generator.randrange(8)) for _ in range(4 * _BLOCK + 3)]
    predicted = [[generator.choice(PANX_TAGS[:4]) for _ in tags] for tags in gold]
    gold[_BLOCK] = predicted[_BLOCK] = [f"B-T{number}" for number in range(300)]
    gold[3 * _BLOCK], predicted[3 * _BLOCK] = ["B-PER", ""], ["", "I-PER"]
    expected = [NER_F1.statistics(g, p) for g, p in zip(gold, predicted, strict=True)]
    assert [*map(tuple, NER_F1.corpus_statistics(gold, predicted))] == expected


def test_token_accuracy():
    assert TOKEN_ACCURACY.statistics(["A", "B", "C"], ["A", "C", "C"]) == (2, 3)
    assert TOKEN_ACCURACY.corpus_score([["A", "B"], ["C"]], [["A", "X"], ["C"]]) == {"token_accuracy": 2 / 3}


@pytest.mark.parametrize("metric", [NER_F1, POS_F1, TOKEN_ACCURACY])
def test_tags_that_do_not_fit_the_words_are_refused(metric):
    with pytest.raises(PredictionError, match="1 predicted tags for 2 words"):
        metric.statistics(["A", "B"], ["A"])


def test_the_refusal_names_the_sentence():
    with pytest.raises(PredictionError, match="sentence 2: 2 predicted tags for 1 words"):
        NER_F1.corpus_statistics([["O"], ["O"]], [["O"], ["O", "O"]])
    with pytest.raises(PredictionError, match=f"sentence {_BLOCK + 2}: 0 predicted tags for 1 words"):
        NER_F1.corpus_statistics([["O"]] * (_BLOCK + 2), [["O"]] * (_BLOCK + 1) + [[]])
