"""Responses to statistics: parsing, ties, and aggregation that does not depend on order."""

import random
from typing import Any

import pytest

from xstilts_eval.tasks import scoring


def test_missing_entity_tags_become_o() -> None:
    doc: Any = {"id": "1", "tokens": ["Anna", "lives", "here"], "tags": ["B-PER", "O", "O"], "family": "panx"}
    values = scoring.chunks(doc | {"language": "en"}, ["B-PER"])
    assert values["f1"] == [1, 1, 1] and values["unparsed"] == 1


def test_old_seqeval_rule_on_tags() -> None:
    """Example of xtreme_spec.md 1.3: gold NOUN NOUN VERB against NOUN VERB VERB shares no chunk."""
    doc: Any = {"id": "1", "tokens": ["a", "b", "c"], "tags": ["NOUN", "NOUN", "VERB"], "family": "udpos"}
    values = scoring.chunks(doc | {"language": "en"}, ["NOUN VERB VERB"])
    assert values["f1"] == [0, 2, 2]
    assert values["token_accuracy"] == [2, 3]


def test_the_first_of_equal_choices_wins() -> None:
    doc: Any = {"id": "1", "label": 1}
    assert scoring.classification(doc, [(-1.0, True), (-1.0, True)])["acc"] == 0
    assert scoring.classification(doc, [(-2.0, False), (-1.0, True)])["acc"] == 1


def test_directions_of_tatoeba_are_kept_apart() -> None:
    doc: Any = {"id": "4", "gold": 4}
    response: Any = {"nearest_source": 4, "nearest_target": 2}
    assert scoring.tatoeba(doc, [response]) | {"acc_ci95": 0} == {"acc": 1, "acc_from_foreign": 0, "acc_ci95": 0}
    assert scoring.bitext_mining(doc, [response])["acc"] == 0


def test_mining_counts_one_shard() -> None:
    gold = {("de-1", "en-1"), ("de-2", "en-2")}
    values: Any = scoring.mining(gold, {"pairs": [("de-1", "en-1", 1.1), ("de-3", "en-2", 1.0)], "threshold": 0.9})
    assert values["f1"] == [1, 2, 2]
    assert [sum(column) for column in zip(*(row[1:] for row in values["f1_ci95"]), strict=True)] == [1, 2, 2]


def test_aggregation_does_not_depend_on_the_order_of_documents() -> None:
    rng = random.Random(3)
    values = [rng.random() for _ in range(999)]
    units = [[f"u{i % 40}", value] for i, value in enumerate(values)]
    counts = [[str(i), rng.randrange(3), 3, 4] for i in range(200)]
    for _ in range(5):
        mixed = rng.sample(range(999), 999)
        assert scoring.mean([values[i] for i in mixed]) == scoring.mean(values)
        rows = rng.sample(counts, len(counts))
        assert scoring.f1_interval(rows) == scoring.f1_interval(counts)
        assert scoring.mean_interval([units[i] for i in mixed]) == pytest.approx(scoring.mean_interval(units), abs=1e-4)


def test_questions_of_one_passage_are_one_unit() -> None:
    """Twenty right answers to one passage are one observation: no interval; spread over passages there is one."""
    together = [["p1", 1.0]] * 10 + [["p1", 0.0]] * 10
    apart = [[f"p{i}", value] for i, (_, value) in enumerate(together)]
    assert scoring.mean_interval(together) is None
    assert scoring.mean_interval(apart) == pytest.approx([0.3, 0.7], abs=0.06)
