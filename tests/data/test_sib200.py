"""SIB-200 from its official files: sizes, topics, and the same sentences in every language; what its reader refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.shared_data import DATA, needs_data
from xstilts_eval.data import files
from xstilts_eval.datasets import sib200
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import kind

FOLDER = DATA / "sib200/data/annotated"


def read(language: str, split: str) -> list[tuple[str, str]]:
    names = [names[0].format(**sib200.BEYOND.codes(language)) for names in sib200.BEYOND.data.files[split]]
    path = files.find(DATA, names)
    assert path is not None
    return [(one.id, sib200.TOPICS[one.label]) for one in sib200.BEYOND.data.read((path,), language, split)]


@needs_data
def test_every_language_has_the_same_sentences_and_topics() -> None:
    """204 test sentences (Adelani et al. 2024), parallel over languages; two topics counted in the raw file."""
    there = sorted(path.name for path in FOLDER.iterdir())
    assert len(there) == 190 and set(there) <= set(sib200.LANGUAGES)
    english = sorted(read("eng_Latn", "test"))
    assert len(english) == 204 == sib200.BEYOND.data.size("test", "eng_Latn")
    for language in there[:: 1 + len(there) // 40]:
        assert sorted(read(language, "test")) == english, language
    raw = next(text for text in [files.find(DATA, ["sib200/data/annotated/eng_Latn/test.tsv"])] if text)
    topics = Counter(line.split("\t")[1] for _, line in files.lines(raw))
    assert {topic: topics[topic] for topic in sib200.TOPICS} == Counter(topic for _, topic in english)


@needs_data
def test_the_english_part_is_whole() -> None:
    assert [len(read("eng_Latn", split)) for split in ("train", "dev")] == [701, 99]


def test_there_are_205_languages() -> None:
    assert len(sib200.LANGUAGES) == len(set(sib200.LANGUAGES)) == 205


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no texts"),
        ("index_id\tcategory\ttext\n", "holds no texts"),
        ("id\tcategory\ttext\n1\ttravel\ta\n", "line 1: the columns are id, category, text"),
        ("index_id\tcategory\ttext\n1\ttravel\n", "line 2: 2 columns, expected 3"),
        ("index_id\tcategory\ttext\n1\tfood\ta\n", "line 2: class 'food'; allowed: science/technology, travel"),
        ("index_id\tcategory\ttext\n1\ttravel\t \n", "line 2: the text is empty"),
        ("index_id\tcategory\ttext\n1\ttravel\ta\n1\ttravel\tb\n", "line 3: the id '1' occurs twice"),
    ],
)
def test_what_is_refused(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        sib200.read((path,), "eng_Latn", "test")


def test_its_template_is_a_task_of_the_host() -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda _, node: node.value)
    found = yaml.load(sib200.BEYOND.template(), Loader)
    assert found["dataset_path"] == "beyond_sib200" and found["output_type"] == "multiple_choice"
    assert found["doc_to_choice"] == "xstilts_eval.tasks.texts.topics"
    assert [one["metric"] for one in found["metric_list"]] == ["acc", "acc_ci95"]
    assert kind("text") is sib200.BEYOND.kind


@needs_data
def test_the_first_sentences_are_of_all_topics() -> None:
    """The test files are sorted by topic: a limit of 50 would score one. Read, they are in FLORES' own order."""
    raw = files.find(DATA, ["sib200/data/annotated/eng_Latn/test.tsv"])
    assert raw is not None
    assert len({line.split("\t")[1] for number, line in files.lines(raw) if 1 < number <= 51}) == 1
    first = read("eng_Latn", "test")[:50]
    assert {topic for _, topic in first} == {*sib200.TOPICS}
    assert [int(one) for one, _ in first] == sorted(int(one) for one, _ in first)
    assert first == read("swh_Latn", "test")[:50]
