"""Where training tasks lie below a data folder, what is said about them, and what sample and real folder hold."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval import kinds
from xstilts_eval.data import intermediate
from xstilts_eval.data.examples import Choice, Match, Pair, Question, Tagged, document
from xstilts_eval.data.intermediate import labels, load
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.paths import sample_path
from xstilts_eval.training_tasks import TRAINING_TASKS, choice_texts, training_task


def _put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


NLI_LINE = json.dumps({"gold_label": "neutral", "sentence1": "a", "sentence2": "b", "pairID": "7"})
NLI_TABLE = "gold_label\tsentence1\tsentence2\tpairID\nneutral\ta\tb\t7\n"
ANLI = json.dumps({"uid": "7", "context": "a", "hypothesis": "b", "label": "n"})
MULTINLI_MT = "premise\thypo\tlabel\na\tb\tcontradictory\n"
QQP = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n7\t1\t2\ta\tb\t1\n"
SQUAD = json.dumps(
    {"data": [{"paragraphs": [{"context": "abc", "qas": [
        {"id": "english-7", "question": "?", "answers": [{"text": "b", "answer_start": 1}], "is_impossible": False}
    ]}]}]}
)  # fmt: skip
HELLASWAG = json.dumps({"ind": 7, "ctx_a": "a", "ctx_b": "b", "endings": list("cdef"), "label": 0})
COSMOS = "id,context,question,answer0,answer1,answer2,answer3,label\n7,a,b,c,d,e,f,0\n"
OPTIONS = [{"label": letter, "text": letter} for letter in "ABCDE"]
CSQA = json.dumps({"id": "7", "answerKey": "B", "question": {"stem": "a", "choices": OPTIONS}})
SIQA = {"context": "a", "question": "b", "answerA": "c", "answerB": "d", "answerC": "e"}
SIQA_LINE = json.dumps(SIQA | {"correct": "A"})
COPA = json.dumps({"premise": "a", "question": "cause", "choice1": "c", "choice2": "d", "label": 1, "idx": 7})


def _copa_xml(*ids: int) -> str:
    items = "".join(
        f'<item id="{number}" asks-for="cause" most-plausible-alternative="1"><p>p</p><a1>a</a1><a2>b</a2></item>'
        for number in ids
    )
    return f"<copa-corpus>{items}</copa-corpus>"


@pytest.mark.parametrize(
    ("name", "split", "file", "text"),
    [
        ("mnli", "train", "multinli_1.0/multinli_1.0_train.jsonl", NLI_LINE),
        ("mnli", "dev", "mnli/multinli_1.0/multinli_1.0_dev_matched.jsonl.gz", NLI_LINE),
        ("mnli", "train", "mnli/multinli_1.0_train.txt", NLI_TABLE),
        ("mnli", "train", "glue/MNLI/train.tsv", NLI_TABLE),
        ("mnli", "dev", "MNLI/dev_matched.tsv", NLI_TABLE),
        ("mnli", "train", "XNLI-MT-1.0/multinli/multinli.train.en.tsv", MULTINLI_MT),
        ("snli", "train", "snli_1.0/snli_1.0_train.jsonl", NLI_LINE),
        ("snli", "dev", "snli/snli_1.0/snli_1.0_dev.txt", NLI_TABLE),
        ("anli_r1", "train", "anli_v1.0/R1/train.jsonl", ANLI),
        ("anli_r3", "dev", "anli/anli_v1.0/R3/dev.jsonl.gz", ANLI),
        ("qqp", "train", "QQP/train.tsv", QQP),
        ("qqp", "dev", "glue_data/QQP/dev.tsv", QQP),
        ("squad", "train", "squad/train-v1.1.json", SQUAD),
        ("squad", "dev", "squad/dev-v1.1.unique-spans.json.gz", SQUAD),
        ("squad_v2", "train", "train-v2.0.json", SQUAD),
        ("squad_v2", "dev", "squad/dev-v2.0.unique-spans.json.gz", SQUAD),
        ("hellaswag", "train", "hellaswag/data/hellaswag_train.jsonl", HELLASWAG),
        ("hellaswag", "dev", "hellaswag/hellaswag_val.jsonl", HELLASWAG),
        ("hellaswag", "dev", "hellaswag/hellaswag_val.sample1000.jsonl.gz", HELLASWAG),
        ("cosmosqa", "train", "cosmosqa/data/train.csv", COSMOS),
        ("cosmosqa", "dev", "cosmosqa/valid.csv.gz", COSMOS),
        ("commonsenseqa", "train", "commonsenseqa/train_rand_split.jsonl", CSQA),
        ("commonsenseqa", "dev", "dev_rand_split.jsonl.gz", CSQA),
        ("siqa", "train", "siqa/socialIQa_v1.4_trn.jsonl", SIQA_LINE),
        ("siqa", "dev", "socialIQa_v1.4/socialIQa_v1.4_dev.jsonl", SIQA_LINE),
        ("copa", "train", "COPA/train.jsonl", COPA),
        ("copa", "dev", "copa/val.jsonl", COPA),
        ("copa", "train", "COPA-resources/datasets/copa-dev.xml", _copa_xml(400)),
        ("copa", "dev", "balanced_copa/balanced-copa-dev-all.xml.gz", _copa_xml(401)),
        ("pawsx", "train", "x-final/en/train.tsv", "id\tsentence1\tsentence2\tlabel\n7\ta\tb\t1\n"),
        ("panx", "dev", "panx_dataset/en/dev", "en:a\tO\n"),
        ("udpos", "train", "ud/UD_English-X/en_x-ud-train.conllu", "1\ta\t_\tX" + "\t_" * 6 + "\n"),
        ("tydiqa", "train", "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", SQUAD),
        ("tydiqa", "dev", "tydiqa-goldp-v1.1-dev/tydiqa.goldp.en.dev.json", SQUAD),
    ],
)  # fmt: skip
def test_known_places(tmp_path: Path, name: str, split: Any, file: str, text: str) -> None:
    path = _put(tmp_path, file, text)
    loaded = load(training_task(name), split, tmp_path)
    assert loaded.files == (path,)
    assert (loaded.rows, loaded.split, loaded.complete) == (1, split, False)
    assert any("partial: 1 of" in note for note in loaded.notes)


def test_files_that_belong_together_must_all_be_there(tmp_path: Path) -> None:
    questions = _put(tmp_path, "siqa/socialiqa-train-dev/train.jsonl", json.dumps(SIQA))
    with pytest.raises(MissingData, match=r"no train data of siqa"):
        load(training_task("siqa"), "train", tmp_path)
    answers = _put(tmp_path, "siqa/socialiqa-train-dev/train-labels.lst", "2\n")
    loaded = load(training_task("siqa"), "train", tmp_path)
    assert loaded.files == (questions, answers)
    assert loaded.examples == (Choice("1", "a b", "", ("c", "d", "e"), 1),)


def test_multinli_s_own_files_come_before_those_of_xnli(tmp_path: Path) -> None:
    _put(tmp_path, "XNLI-MT-1.0/multinli/multinli.train.en.tsv", MULTINLI_MT)
    (pair,) = load(training_task("xnli"), "train", tmp_path).examples
    assert isinstance(pair, Pair) and pair.label == 0
    _put(tmp_path, "MNLI/train.tsv", NLI_TABLE)
    (pair,) = load(training_task("mnli"), "train", tmp_path).examples
    assert isinstance(pair, Pair) and pair.label == 2


def test_copa_is_divided_by_item_and_mirrored_items_stay_out(tmp_path: Path) -> None:
    _put(tmp_path, "balanced_copa/balanced-copa-dev-all.xml", _copa_xml(1, 1001, 400, 1400, 401, 1401, 500, 1500))
    train, dev = (load(training_task("copa"), split, tmp_path).examples for split in ("train", "dev"))
    assert [example.id for example in train] == ["1", "400"]
    assert [example.id for example in dev] == ["401", "500"]
    other = tmp_path / "other"
    _put(other, "copa/copa-dev.xml", _copa_xml(501))  # COPA's test items are no training data
    with pytest.raises(DataError, match="no items with ids 1 to 400"):
        load(training_task("copa"), "train", other)


def test_the_revision_is_of_the_content(tmp_path: Path) -> None:
    for folder, name, text in (
        ("a", "QQP/train.tsv", QQP),
        ("b", "glue/QQP/train.tsv.gz", QQP),
        ("c", "QQP/train.tsv", QQP + "8\t1\t2\ta\tb\t0\n"),
    ):
        _put(tmp_path / folder, name, text)
    found = [load(training_task("qqp"), "train", tmp_path / folder).revision for folder in "abc"]
    assert found[0] == found[1] != found[2]


def test_what_was_dropped_is_in_the_notes(tmp_path: Path) -> None:
    _put(tmp_path, "QQP/train.tsv", QQP + "8\t1\t2\ta\n")
    notes = load(training_task("qqp"), "train", tmp_path).notes
    assert notes == ("dropped 1 on damaged lines (line 3)", "partial: 1 of 363,846 pairs")


def test_undivided_tydiqa_file_gives_english_only(tmp_path: Path) -> None:
    """jiant trains on all nine languages here, so that nothing is zero-shot any more (the project's notes, 4.6)."""
    other = SQUAD.replace("english-7", "finnish-7")
    both = json.loads(SQUAD)["data"] + json.loads(other)["data"]
    _put(tmp_path, "tydiqa/tydiqa-goldp-v1.1-train.json", json.dumps({"data": both}))
    assert [one.id for one in load(training_task("tydiqa"), "train", tmp_path).examples] == ["english-7"]
    assert [one.id for one in load(training_task("tydiqa"), "train", tmp_path, "fi").examples] == ["finnish-7"]
    with pytest.raises(DataError, match="no questions whose id begins with 'korean-'"):
        load(training_task("tydiqa"), "train", tmp_path, "ko")


def test_a_misplaced_answer_drops_one_question_and_not_the_file(tmp_path: Path) -> None:
    wrong = SQUAD.replace('"answer_start": 1', '"answer_start": 0').replace("english-7", "english-8")
    both = json.loads(SQUAD)["data"] + json.loads(wrong)["data"]
    text = json.dumps({"data": both})
    _put(tmp_path, "squad/train-v1.1.json", text)
    _put(tmp_path, "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", text)
    for name in ("squad", "tydiqa"):
        loaded = load(training_task(name), "train", tmp_path)
        assert [one.id for one in loaded.examples] == ["english-7"]
        assert (
            loaded.notes[0].startswith("dropped 1 whose answer is not where it should stand")
            and "english-8" in (loaded.notes[0])
        )


# --- CCG


def test_ccg_tags_come_with_the_files(tmp_path: Path) -> None:
    _put(tmp_path, "ccg/ccg.train", "Dogs bark\tN S\n")
    with pytest.raises(MissingData, match=r"looked for ccg/tags_to_id.json"):
        labels(training_task("ccg"), tmp_path)
    with pytest.raises(MissingData, match=r"CCGbank \(LDC2005T13\).*lines text TAB tags"):
        load(training_task("ccg"), "train", tmp_path)
    _put(tmp_path, "ccg/tags_to_id.json", '{"S": 0, "N": 1}')
    assert labels(training_task("ccg"), tmp_path) == ("S", "N")
    assert load(training_task("ccg"), "train", tmp_path).examples == (Tagged("1", ("Dogs", "bark"), ("N", "S")),)


def test_labels_of_other_tasks_need_no_files(tmp_path: Path) -> None:
    assert labels(training_task("mnli"), tmp_path) == ("contradiction", "entailment", "neutral")
    assert labels(training_task("squad"), tmp_path) == ()


# --- languages


def test_translations_come_before_native_data(tmp_path: Path) -> None:
    _put(tmp_path, "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.sw.train.json", SQUAD)
    task = training_task("tydiqa")
    assert [one.id for one in load(task, "train", tmp_path, "sw").examples] == ["english-7"]
    question = {"id": "1", "context": "abc", "question": "?", "answers": [], "group": "0.0"}
    path = _put(tmp_path, "translated/tydiqa/sw.train.jsonl", json.dumps(question) + "\n")
    loaded = load(task, "train", tmp_path, "sw")
    assert loaded.files == (path,) and not loaded.complete
    assert loaded.examples == (Question("1", "abc", "?", (), "0.0"),)


def test_neither_translations_nor_native_data(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"squad has no train data in 'de'.*xstilts translate squad --to de"):
        load(training_task("squad"), "train", tmp_path, "de")
    with pytest.raises(MissingData, match=r"English only, not in 'de'.*xstilts translate mnli --to de"):
        load(training_task("mnli"), "train", tmp_path, "de")
    with pytest.raises(UnknownName, match="language"):
        load(training_task("squad"), "train", tmp_path, "xx")


# --- faults


def test_a_joint_task_has_no_files(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="load its parts snli, mnli, anli_r1, anli_r2, anli_r3"):
        load(training_task("anli_plus"), "train", tmp_path)


def test_split_that_nobody_has(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="split 'validation'; allowed: train, dev, test"):
        load(training_task("qqp"), "validation", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(MissingData, match="qqp has no test data in 'en'; it has train and dev"):
        load(training_task("qqp"), "test", tmp_path)


@pytest.mark.parametrize("name", [name for name, task in TRAINING_TASKS.items() if not task.parts])
def test_an_empty_folder_is_one_sentence_with_names_and_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingData, match=r"no train data of \S+ in 'en\w*' under .*; looked for .*; get \S+") as error:
        load(training_task(name), "train", tmp_path)
    assert len(str(error.value)) < 600 and "{" not in str(error.value)


@pytest.mark.parametrize("name", sorted(name for name, place in intermediate._PLACES.items() if place.splits))
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    for file in intermediate._PLACES[name].splits["train"][0].names:
        _put(tmp_path, file.format(lg="en", small_name="english"), "")
    with pytest.raises(DataError) as error:
        load(training_task(name), "train", tmp_path)
    assert not isinstance(error.value, MissingData)
    assert str(tmp_path) in str(error.value)


# --- the sample


SAMPLE_ROWS = {
    "mnli": (102, 24), "snli": (30, 6), "anli_r1": (24, 6), "anli_r2": (24, 6), "anli_r3": (24, 6), "qqp": (16, 8),
    "squad": (60, 12), "squad_v2": (75, 15), "hellaswag": (10, 4), "ccg": (10, 4), "cosmosqa": (8, 4),
    "commonsenseqa": (10, 5), "siqa": (9, 4), "copa": (10, 4), "pawsx": (100, 20), "udpos": (200, 30),
    "panx": (200, 30), "tydiqa": (60, 20), "lareqa": (60, 12), "mewslix": (60, 12),
}  # fmt: skip
CLASSES = {Pair: kinds.PAIR, Tagged: kinds.TAGGED, Question: kinds.QUESTION, Choice: kinds.CHOICE, Match: kinds.RANKING}


WITHOUT_SAMPLE = {"sib200", "masakhanews"}
"""Datasets of the suite `beyond`, which needs no sample text."""


@pytest.mark.parametrize(
    "name", [name for name, task in TRAINING_TASKS.items() if not task.parts and name not in WITHOUT_SAMPLE]
)
def test_the_sample_has_every_task(name: str) -> None:
    task = training_task(name)
    train, dev = (load(task, split, sample_path()) for split in ("train", "dev"))
    assert (train.rows, dev.rows) == SAMPLE_ROWS[name]
    for loaded in (train, dev):
        assert not loaded.complete, "the sample passes for the real data"
        assert {CLASSES[type(example)] for example in loaded.examples} == {task.kind}
        assert len({example.id for example in loaded.examples}) == loaded.rows
    if task.kind is kinds.PAIR:
        found = {example.label for example in train.examples if isinstance(example, Pair)}
        assert found == set(range(len(task.labels)))
    elif task.kind is kinds.TAGGED:
        known = set(labels(task, sample_path()))
        assert {tag for one in (*train.examples, *dev.examples) if isinstance(one, Tagged) for tag in one.tags} <= known


@pytest.mark.parametrize("name", ["hellaswag", "cosmosqa", "commonsenseqa", "siqa", "copa"])
def test_every_place_is_right_somewhere_in_the_sample(name: str) -> None:
    choices = [one for one in load(training_task(name), "train", sample_path()).examples if isinstance(one, Choice)]
    assert {choice.label for choice in choices} == set(range(len(choices[0].choices)))


def test_sample_quirks_are_those_of_the_official_files() -> None:
    assert load(training_task("snli"), "train", sample_path()).notes[0] == "dropped 1 without a gold label (train-0#n)"
    questions = load(training_task("squad_v2"), "dev", sample_path()).examples
    assert sum(not one.answers for one in questions if isinstance(one, Question)) == 3
    first = load(training_task("hellaswag"), "train", sample_path()).examples[0]
    assert isinstance(first, Choice)
    text, options = choice_texts(document(first, "hellaswag", "en"))
    assert text == "A woman kneels beside an upturned bicycle and takes off the front wheel."
    assert options[0] == "She pulls the tube out of the tyre and looks for the hole."


def test_nli_sets_of_the_sample_share_no_pair() -> None:
    seen: set[tuple[str, str]] = set()
    for name in ("snli", "anli_r1", "anli_r2", "anli_r3"):
        pairs = {(one.premise, one.hypothesis) for one in load(training_task(name), "train", sample_path()).examples}  # type: ignore[union-attr]
        assert not pairs & seen
        seen |= pairs


# --- the real folder; numbers of rows: ../shared/data/SOURCES.md


@needs_data
@pytest.mark.parametrize(
    ("name", "split", "language", "rows", "complete"),
    [
        ("squad", "train", "en", 78_161, False),
        ("squad", "dev", "en", 8_911, False),
        ("squad_v2", "dev", "en", 10_860, False),
        ("hellaswag", "dev", "en", 1_000, False),
        ("cosmosqa", "dev", "en", 2_985, True),
        ("commonsenseqa", "train", "en", 9_741, True),
        ("commonsenseqa", "dev", "en", 1_221, True),
        ("siqa", "dev", "en", 1_954, True),
        ("siqa", "test", "en", 2_224, False),
        ("copa", "train", "en", 400, True),
        ("copa", "dev", "en", 100, True),
        ("copa", "dev", "sw", 100, True),
        ("copa", "test", "qu", 500, True),
        ("pawsx", "dev", "en", 2_000, True),
        ("pawsx", "dev", "ko", 2_000, True),
        ("udpos", "train", "en", 12_543, False),
        ("tydiqa", "train", "en", 3_696, True),
        ("tydiqa", "train", "ko", 1_625, True),
        ("tydiqa", "train", "sw", 2_755, True),
    ],
)  # fmt: skip
def test_real_folder(name: str, split: Any, language: str, rows: int, complete: bool) -> None:
    loaded = load(training_task(name), split, DATA, language)
    assert (loaded.rows, loaded.complete) == (rows, complete)
    assert not any(note.startswith("dropped") for note in loaded.notes)


@needs_data
def test_real_english_dev_answers_of_tydiqa_are_blank() -> None:
    with pytest.raises(MissingData, match="dropped 440 without an answer"):
        load(training_task("tydiqa"), "dev", DATA)


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall("[a-z]+", text.lower())}


@needs_data
def test_copa_s_dev_part_is_what_xcopa_translated() -> None:
    """XCOPA's validation items, translated back to English by machine, each resemble the item at their own place."""
    items = [one for one in load(training_task("copa"), "dev", DATA).examples if isinstance(one, Choice)]
    english = [_words(one.premise, *one.choices) for one in items]
    lines = (DATA / "xcopa" / "data-gmt" / "sw" / "val.sw.jsonl").read_text(encoding="utf-8").splitlines()
    back = [_words(row["premise"], row["choice1"], row["choice2"]) for row in map(json.loads, lines)]
    nearest = [
        max(range(len(english)), key=lambda place: len(words & english[place]) / len(words | english[place]))
        for words in back
    ]
    assert sum(found == place for place, found in enumerate(nearest)) >= 90
