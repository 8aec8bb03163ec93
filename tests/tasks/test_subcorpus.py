"""BUCC under ``--limit``: a smaller pair of corpora that still makes sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run_host import load_tasks, run_host
from xstilts_eval.benchmark import family
from xstilts_eval.data.examples import Corpus
from xstilts_eval.errors import SettingError
from xstilts_eval.results import record, scoreboard
from xstilts_eval.tasks import documents, subcorpus


def corpus(foreign: int, english: int, gold: set[tuple[int, int]]) -> Corpus:
    """Sentences by number on both sides; ids of the two sides are alike, as in the hub's copy."""
    sides = [
        {str(number): f"{name}{number}" for number in range(size)} for name, size in (("f", foreign), ("e", english))
    ]
    return Corpus("made", sides[0], sides[1], frozenset((str(one), str(other)) for one, other in gold))


def numbers(side: dict[str, str]) -> list[int]:
    return [int(id_) for id_ in side]


def test_what_is_taken() -> None:
    """By hand: 2 of 10 foreign sentences have a partner, so 5 have 1 (rounded up); the first pair is (4, 7)."""
    made = corpus(10, 12, {(4, 7), (8, 0)})
    cut = subcorpus.cut(made, 5)
    assert cut.gold == {("4", "7")}
    assert numbers(cut.source) == [0, 1, 2, 3, 4]
    assert numbers(cut.target) == [1, 2, 3, 4, 7], "0 belongs to a pair that is not taken"
    assert list(cut.source.values()) == [f"f{number}" for number in range(5)]
    assert subcorpus.cut(made, 5) == cut


def test_pairs_that_share_a_sentence_stay_together() -> None:
    """Foreign 1 and 3 have English 2 in common, and 1 also English 5: one group of 2 and 2."""
    made = corpus(20, 20, {(1, 2), (3, 2), (1, 5), (6, 6)})
    whole = subcorpus.cut(made, 4)
    assert whole.gold == {("1", "2"), ("3", "2"), ("1", "5")}
    assert (len(whole.source), len(whole.target)) == (4, 4)
    assert {2, 5} <= set(numbers(whole.target)) and {1, 3} <= set(numbers(whole.source))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50, 99])
def test_properties(limit: int) -> None:
    """No sentence without its partner, no more than asked for (the first pair aside), the corpus's density of gold."""
    made = corpus(100, 150, {(number, (number * 7) % 150) for number in range(3, 100, 4)})
    cut = subcorpus.cut(made, limit)
    assert cut.gold and len(cut.source) == limit and len(cut.target) == limit
    for number, side in enumerate((cut.source, cut.target)):
        paired = {pair[number] for pair in made.gold}
        assert paired & side.keys() == {pair[number] for pair in cut.gold}
        original = made.source if number == 0 else made.target
        assert list(side) == [id_ for id_ in original if id_ in side], "the order of the file"
    assert len(cut.gold) <= -(-limit * len(made.gold) // 100)


def test_shares_and_limits_that_take_nothing_away() -> None:
    made = corpus(10, 30, {(0, 0)})
    cut = subcorpus.cut(made, 0.5)
    assert (len(cut.source), len(cut.target)) == (5, 15)
    assert subcorpus.cut(made, 30) is made
    one_side = subcorpus.cut(made, 10)
    assert len(one_side.source) == 10 and len(one_side.target) == 10
    assert subcorpus.cut(corpus(5, 5, set()), 2).gold == frozenset()


def test_a_limited_run_says_so_and_forms_no_category(tiny_bundle: Path) -> None:
    """The host's evaluator with ``--limit 6``: the counts of gold pairs are those of the smaller corpus."""
    results = run_host(["xtreme.bucc2018.de"], tiny_bundle, limit=6)
    (sample,) = results["samples"]["xtreme.bucc2018.de"]
    assert (sample["doc"]["source_sentences"], sample["doc"]["target_sentences"]) == (6, 6)
    whole = documents.load_leaf(family("bucc2018"), "de", "sample")
    assert whole.corpus is not None
    expected = subcorpus.cut(whole.corpus, 6)
    assert sample["f1"][2] == len(expected.gold) > 0
    run = record.from_host(results)
    (leaf,) = run.leaves
    assert (leaf.selected, leaf.scored, leaf.failed) == (1, 1, 0)
    assert "limit:6" in leaf.signature.split("|") and not leaf.data.complete
    assert leaf.data.notes[-1].startswith("limited to 6 and 6 sentences with ")
    board = scoreboard.build([run])
    assert board.categories["retrieval"] is None
    assert len(whole.corpus.source) > 6, "the cached leaf is as it was"


def test_shards_are_cut_after_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six sentences in shards of two are three, whatever the number of shards before."""
    monkeypatch.setattr(documents, "SHARD_SENTENCES", 2)
    cut = subcorpus.limited(documents.load_leaf(family("bucc2018"), "de", "sample"), 6)
    shards: Any = cut.documents
    ids = [id_ for doc in shards for id_ in sorted(cut.ids_of_shard(doc))]
    assert len(cut.documents) == 3 and len(ids) == len(set(ids)) == 6


@pytest.mark.parametrize(("given", "sentences"), [(0.5, 18), (4, 4)])
def test_the_limit_as_it_was_given_counts(given: float, sentences: int) -> None:
    """The host hands on 1 for a share of one document; the leaf is told the share by the bridge or `xstilts eval`."""
    task: Any = load_tasks(["xtreme.bucc2018.de"])["tasks"]["xtreme.bucc2018.de"]
    whole = len(task.data.corpus.source)
    task.limit = given
    task.build_all_requests(limit=1, rank=0, world_size=1)
    expected = -(-whole // 2) if given == 0.5 else sentences
    assert len(task.data.corpus.source) == expected


def test_documents_by_number_are_refused() -> None:
    task: Any = load_tasks(["xtreme.bucc2018.de"])["tasks"]["xtreme.bucc2018.de"]
    with pytest.raises(SettingError, match="a document of BUCC is a whole corpus; take --limit N"):
        task.build_all_requests(samples=[0], rank=0, world_size=1)
