"""The suite beyond: rows made on the spot in every official layout; a table, heads and language models answer them.

The table is right on all but every `EVERY`-th document, so that a task's score is known without its metric.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lm_eval import evaluate
from lm_eval.api.model import LM

from tests.run_host import load_tasks, run_host
from tests.shared_data import DATA, needs_data
from tests.tiny_language_models import make_llama, make_mt5
from xstilts_eval import suites
from xstilts_eval.data import archives, columns, sources
from xstilts_eval.datasets import belebele, masakhaner, masakhanews, sib200, xnli
from xstilts_eval.datasets._dataset import Dataset
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.metrics import classification
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.results import statistics
from xstilts_eval.training.heads import Settings, fit

BEYOND = {one.name: one for one in suites.SUITES["beyond"].families}
LANGUAGES = {name: (one.languages[0], one.languages[-1]) for name, one in BEYOND.items()}
EVERY, COUNT = 5, 14


def _rows(name: str, count: int = COUNT) -> list[str]:
    """Lines of one file of a dataset in its official layout, whatever the language."""
    numbers = range(count)
    if name == "sib200":
        topics = [sib200.TOPICS[n % 7] for n in numbers]
        return ["index_id\tcategory\ttext", *(f"{n}\t{topic}\t{_text(n)}" for n, topic in enumerate(topics))]
    if name == "masakhanews":
        topics = [masakhanews.TOPICS[n % 7] for n in numbers]
        rows = (f'{topic}\tNews {n}\t"{_text(n)} said ""she"",\nthen left"\t/n' for n, topic in enumerate(topics))
        return ["category\theadline\ttext\turl", *rows]
    if name == "americasnli":
        pairs = (f'{n}\txx\tPremise {n} "so\tHypothesis {n}\t{xnli.LABELS[n % 3]}' for n in numbers)
        return ["id\tlanguage\tpremise\thypothesis\tlabel", *pairs]
    if name == "afrixnli":
        return ["premise\thypothesis\tlabel", *(f"Premise {n}\tHypothesis {n}\t{n % 3}" for n in numbers)]
    if name == "masakhapos":
        return [f"word{n} NOUN\n. PUNCT\n" for n in numbers]
    if name == "masakhaner":
        return [f"Town{n} B-LOC\nMonday B-DATE\n" for n in numbers]
    return [json.dumps(_question(n)) for n in numbers]


def _text(number: int) -> str:
    return f"{'abcdefg'[number % 7] * 3} number {number}"


def _question(number: int) -> dict[str, Any]:
    answers = {f"mc_answer{place}": f"answer {place} of {number}" for place in (1, 2, 3, 4)}
    row = {"link": f"https://example.org/{number}", "question_number": 1, "flores_passage": f"Passage {number}.\n"}
    return row | {"question": "Which  one?"} | answers | {"correct_answer_num": str(number % 4 + 1), "dialect": "x"}


def _write(folder: Path, dataset: Dataset, language: str, split: str = "test", count: int = COUNT) -> None:
    path = folder / dataset.data.files[split][0][0].format(**dataset.codes(language))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_rows(dataset.name, count)) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beyond")
    for name, languages in LANGUAGES.items():
        for language in languages:
            _write(folder, BEYOND[name], language)
    return folder


def _leaves() -> list[str]:
    return [BEYOND[name].leaf(language) for name, languages in LANGUAGES.items() for language in languages]


class Table(LM):  # type: ignore[misc]
    """Right, but for every `EVERY`-th document."""

    def __init__(self, wrong: int = EVERY) -> None:
        super().__init__()
        self.wrong = wrong
        self.seen: dict[str, list[int]] = {}

    def _knows(self, task: str, number: int) -> bool:
        return self.wrong == 0 or number % self.wrong != 0

    def loglikelihood(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
        found = []
        for one in requests:
            choices = 4 if "choices" in one.doc else len(suites.dataset(one.doc["family"]).labels)
            chosen = (one.doc["label"] + (not self._knows(one.task_name, one.doc_id))) % choices
            found.append((0.0 if one.idx == chosen else -9.0, False))
        return found

    def generate_until(self, requests: Any, **_: Any) -> list[str]:
        wrong = {"NOUN": "VERB", "B-LOC": "B-PER"}
        return [
            " ".join(tag if self._knows(one.task_name, one.doc_id) else wrong.get(tag, tag) for tag in one.doc["tags"])
            for one in requests
        ]

    def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError


def test_there_are_seven_groups() -> None:
    """Languages: the repositories' folders; Belebele's 122 are lm-evaluation-harness 0.4.13's."""
    assert Counter({name: len(one.languages) for name, one in BEYOND.items()}) == {
        "sib200": 205, "masakhanews": 16, "americasnli": 10, "afrixnli": 18, "masakhaner": 20, "masakhapos": 20,
        "belebele": 122,
    }  # fmt: skip
    assert all(one.group == f"beyond_{name}" and not one.predictions for name, one in BEYOND.items())


@pytest.fixture(scope="module")
def scored(data: Path) -> dict[str, Any]:
    loaded = load_tasks(_leaves(), str(data))
    found: dict[str, Any] = evaluate(Table(), loaded, log_samples=True, bootstrap_iters=0)
    return found


def test_a_table_scores_what_it_knows(scored: dict[str, Any]) -> None:
    """11 of 14 documents: numbers 0, 5 and 10 are wrong; of MasakhaPOS the full stops are always right."""
    share = 11 / 14
    expected = {name: share for name in BEYOND} | {"masakhapos": (11 + 14) / 28}
    for name, languages in LANGUAGES.items():
        (metric,) = BEYOND[name].official
        for language in languages:
            got = scored["results"][BEYOND[name].leaf(language)][f"{metric},none"]
            if name == "masakhanews":
                gold = [number % 7 for number in range(COUNT)]
                guess = [(g + (number % EVERY == 0)) % 7 for number, g in enumerate(gold)]
                f1 = [
                    2 * sum(g == p == c for g, p in zip(gold, guess, strict=True)) / (gold.count(c) + guess.count(c))
                    for c in range(7)
                ]
                assert got == pytest.approx(sum(one * gold.count(c) for c, one in enumerate(f1)) / COUNT)
                continue
            assert got == pytest.approx(expected[name]), name


def test_a_table_that_knows_all_scores_one(data: Path) -> None:
    loaded = load_tasks([BEYOND[name].leaf(languages[0]) for name, languages in LANGUAGES.items()], str(data))
    found = evaluate(Table(0), loaded, log_samples=False, bootstrap_iters=0)["results"]
    for one in BEYOND.values():
        (metric,) = one.official
        assert found[one.leaf(LANGUAGES[one.name][0])][f"{metric},none"] == 1


def test_samples_give_the_score_again(scored: dict[str, Any]) -> None:
    for name, languages in LANGUAGES.items():
        one, leaf = BEYOND[name], BEYOND[name].leaf(languages[0])
        _, counts = statistics.counts(one, scored["samples"][leaf])
        score = float(statistics.scores(one, counts.sum(axis=0)))
        assert len(counts) == COUNT
        assert score == pytest.approx(scored["results"][leaf][f"{one.official[0]},none"])


def test_weighted_f1_is_scikit_learns() -> None:
    """By its definition, and on an example of its documentation: 0.26… (labels 0 1 2 0 1 2, guesses 0 2 1 0 0 1)."""
    gold, guess = [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1]
    sums = np.sum([classification.one_hot(g, p, 3) for g, p in zip(gold, guess, strict=True)], axis=0, dtype=float)
    assert float(classification.weighted_f1(sums)) == pytest.approx(0.8 / 3)
    assert float(classification.weighted_f1(np.zeros(9))) == 0
    assert float(classification.macro_f1(sums)) == pytest.approx(0.8 / 3)  # the same there: 0.26…
    assert float(classification.macro_f1(np.zeros(9))) == 0


def test_macro_f1_is_over_the_classes_that_occur() -> None:
    """scikit-learn averages over the union of gold and guesses: a class of neither is no zero, one of either is."""
    gold, guess = [0, 0, 0, 1], [0, 0, 2, 2]  # class 0: 2·2/(3+2); 1 and 2: 0; class 3 is nowhere
    sums = np.sum([classification.one_hot(g, p, 4) for g, p in zip(gold, guess, strict=True)], axis=0, dtype=float)
    assert float(classification.macro_f1(sums)) == pytest.approx(0.8 / 3)
    assert float(classification.weighted_f1(sums)) == pytest.approx(0.8 * 3 / 4)


def test_pattern_finds_the_groups() -> None:
    from lm_eval.tasks import TaskManager

    from xstilts_eval.paths import tasks_path

    manager = TaskManager(include_path=str(tasks_path() / "beyond"), include_defaults=False)
    assert set(manager.match_tasks(["beyond_*"])) == {one.group for one in BEYOND.values()}


# --- heads


def test_heads_of_xtreme_serve_their_relatives(tiny_bundle: Path, data: Path) -> None:
    names = ("americasnli", "afrixnli", "masakhapos", "masakhaner")
    leaves = [BEYOND[name].leaf(LANGUAGES[name][0]) for name in names]
    checkpoint = resolve(str(tiny_bundle))
    assert [checkpoint.head_name(BEYOND[name]) for name in names] == ["xnli", "xnli", "udpos", "panx"]
    found = run_host(leaves, tiny_bundle, str(data))
    assert all(0 <= found["results"][leaf][f"{BEYOND[leaf.split('.')[1]].official[0]},none"] <= 1 for leaf in leaves)
    assert found["config"]["xstilts"]["max_length"] == {
        "americasnli": 128, "afrixnli": 128, "masakhapos": 128, "masakhaner": 128,
    }  # fmt: skip


def test_a_multiple_choice_head_reads_passages(tiny_bundle: Path, data: Path) -> None:
    leaf = BEYOND["belebele"].leaf("zul_Latn")
    found = run_host([leaf], tiny_bundle, str(data), belebele=str(tiny_bundle / "xcopa"))
    assert found["config"]["xstilts"]["max_length"] == {"belebele": 512}
    assert 0 <= found["results"][leaf]["acc,none"] <= 1


@pytest.mark.parametrize("name", [pytest.param("sib200", marks=pytest.mark.slow), "masakhanews"])
def test_a_text_head_is_trained_and_answers(name: str, tiny_bundle: Path, tmp_path: Path) -> None:
    """Every topic has a word of its own, which a two-block encoder learns; unseen texts are read right."""
    one = BEYOND[name]
    _write(tmp_path, one, one.spelled("en"), "train", 140)
    _write(tmp_path, one, one.languages[-1], count=28)
    settings = Settings(str(tiny_bundle / "encoder"), name, str(tmp_path), epochs=15, learning_rate=3e-3)
    report = fit(settings, tmp_path / "bundle")
    assert "140 of 140 local texts" in report
    leaf = one.leaf(one.languages[-1])
    found = run_host([leaf], tmp_path / "bundle", str(tmp_path))
    assert found["results"][leaf]["acc,none"] > 0.9  # chance is 1 in 7


def test_another_order_of_topics_is_read_by_name(tiny_bundle: Path, data: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification

    names = [topic.upper() for topic in reversed(sib200.TOPICS)]
    config = AutoConfig.from_pretrained(tiny_bundle / "encoder", id2label=dict(enumerate(names)), num_labels=7)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.arange(7.0))  # always the last class: the first topic
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_bundle / "encoder").save_pretrained(tmp_path)
    leaf = BEYOND["sib200"].leaf("ace_Arab")
    found = run_host([leaf], tmp_path, str(data))
    assert found["results"][leaf]["acc,none"] == pytest.approx(2 / COUNT)  # two of 14 are of the first topic
    assert all(sample["filtered_resps"][0][0] > -1 for sample in found["samples"][leaf])


# --- language models


@pytest.mark.parametrize("make", [make_llama, pytest.param(make_mt5, marks=pytest.mark.slow)])
def test_language_models_answer_all(make: Any, data: Path, tmp_path: Path) -> None:
    leaves = [BEYOND[name].leaf(languages[0]) for name, languages in LANGUAGES.items()]
    found = run_host(leaves, make(tmp_path / "model"), str(data), limit=2)
    assert set(found["results"]) == set(leaves)
    assert found["config"]["xstilts"]["language_model"]["families"] == sorted(BEYOND)


def test_prompts(data: Path) -> None:
    tasks = load_tasks(_leaves(), str(data))["tasks"]
    first: dict[str, tuple[Any, dict[str, Any]]] = {}
    for leaf in _leaves():
        first.setdefault(leaf.split(".")[1], (tasks[leaf], tasks[leaf].test_docs()[1]))
    task, doc = first["sib200"]
    assert task.doc_to_text(doc) == "bbb number 1\nTopic:" and task.doc_to_choice(doc) == [*sib200.TOPICS]
    task, doc = first["americasnli"]
    assert task.doc_to_text(doc) == "" and task.doc_to_choice(doc) == [
        f'Premise 1 "so, right? {word}, Hypothesis 1' for word in ("No", "Yes", "Also")
    ]
    task, doc = first["belebele"]
    assert task.doc_to_text(doc) == (
        "P: Passage 1.\nQ: Which one?\nA: answer 1 of 1\nB: answer 2 of 1\nC: answer 3 of 1\nD: answer 4 of 1\nAnswer:"
    )
    assert task.doc_to_choice(doc) == ["A", "B", "C", "D"] and task.doc_to_target(doc) == 1
    task, doc = first["masakhanews"]
    assert task.doc_to_text(doc) == 'News 1 bbb number 1 said "she",\nthen left\nTopic:'
    task, doc = first["masakhaner"]
    assert task.doc_to_text(doc) == "C: Town1 Monday\nT:" and task.doc_to_target(doc) == "Town1_B-LOC Monday_O"


# --- files


def test_english_in_the_codes_of_a_dataset() -> None:
    spelled = {name: one.spelled("en") for name, one in BEYOND.items()}
    assert spelled == {
        "sib200": "eng_Latn", "masakhanews": "eng", "americasnli": "en", "afrixnli": "eng", "masakhaner": "en",
        "masakhapos": "en", "belebele": "eng_Latn",
    }  # fmt: skip
    assert BEYOND["sib200"].spelled("zh") == "zho_Hans" and BEYOND["afrixnli"].spelled("sw") == "swa"
    assert BEYOND["americasnli"].spelled("qu") == "quy"


def test_dates_are_outside(tmp_path: Path) -> None:
    path = tmp_path / "test.txt"
    path.write_text("on O\nMay B-DATE\n1st I-DATE\n\nAbuja B-LOC\n", encoding="utf-8")
    assert [one.tags for one in masakhaner.read((path,), "hau", "test")] == [("O", "O", "O"), ("B-LOC",)]


def _broken() -> Iterator[tuple[str, str, str]]:
    yield "americasnli", "id\tpremise\thypothesis\n1\ta\tb\n", "line 1: no column label; there is id, premise"
    yield "americasnli", _line("americasnli") + "2\tx\ta\tb\n", "line 2: 4 columns, expected 5"
    yield "americasnli", _line("americasnli") + "2\tx\ta\tb\tmaybe\n", "line 2: class 'maybe'; allowed: contradiction"
    yield "americasnli", _line("americasnli") + "2\tx\ta\tb\tneutral\n" * 2, "line 3: the id '2' occurs twice"
    yield "afrixnli", _line("afrixnli") + "a\tb\t3\n", "line 2: class '3'; allowed: 2, 0, 1"
    yield "afrixnli", _line("afrixnli"), "holds no pairs"
    yield "masakhanews", _line("masakhanews") + 'sports\ta\t"b\n', "not a table with quoted cells"
    yield "masakhanews", _line("masakhanews") + "weather\ta\tb\tc\n", "class 'weather'"
    yield "masakhanews", _line("masakhanews"), "holds no articles"
    yield "masakhapos", "word\n", "line 1: 'word'; expected a word and one of ADJ"
    yield "masakhapos", "word NAME\n", "line 1: 'word NAME'"
    yield "masakhaner", "\n\n", "holds no sentences"
    yield "belebele", '{"link": "x"}\n', "line 1: no field question_number"
    yield "belebele", "[1]\n", "line 1"
    yield "belebele", json.dumps(_question(1) | {"correct_answer_num": "5"}) + "\n", "'5'; allowed: 1, 2, 3, 4"


def _line(name: str) -> str:
    return _rows(name)[0] + "\n"


@pytest.mark.parametrize(("name", "content", "words"), list(_broken()))
def test_what_is_refused(name: str, content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "test"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as error:
        BEYOND[name].data.read((path,), BEYOND[name].languages[0], "test")
    assert words in str(error.value) and str(path) in str(error.value)


def test_what_is_not_there_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"get data/yor_Latn\.jsonl of the hub's facebook/belebele"):
        sources.load(BEYOND["belebele"], "yor_Latn", "test", tmp_path)


def test_every_file_is_pinned_and_found_where_it_is_put() -> None:
    for one in BEYOND.values():
        for split in one.data.files:
            for language in one.languages:
                (archive,) = archives.archives(one, language, split)
                assert re.search(r"/[0-9a-f]{40}/", archive.url), archive.url
                places = [names[0].format(**one.codes(language)) for names in one.data.files[split]]
                assert archive.filled(one.codes(language)).path in places


def test_belebeles_fields() -> None:
    assert {*belebele.FIELDS, *belebele.ANSWERS, "dialect"} == set(_question(1))


@needs_data
def test_americasnli_is_whole() -> None:
    """Seven languages of the repository's files; labels as even as XNLI's (250 of each in 750)."""
    one = BEYOND["americasnli"]
    for language in ("aym", "cni", "gn", "hch", "nah", "quy", "tar"):
        for split in ("test", "dev"):
            found = sources.load(one, language, split, DATA)
            assert found.complete and not found.notes, (language, split)
    pairs = {language: sources.load(one, language, "test", DATA).examples for language in ("aym", "quy", "tar")}
    assert Counter(pair.label for pair in pairs["aym"]) == {0: 250, 1: 250, 2: 250}  # type: ignore[union-attr]
    gold = [[(pair.id, pair.label) for pair in found] for found in pairs.values()]  # type: ignore[union-attr]
    assert gold[0] == gold[1] == gold[2]  # translations of each other; Nahuatl lacks some, so not parallel


def test_words_and_tags_with_a_carriage_return(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"ne Korea O\r\n\r\nx B-LOC\r\n")
    assert [one.tokens for one in columns.tagged(path, ("O", "B-LOC"))] == [("ne Korea",), ("x",)]
