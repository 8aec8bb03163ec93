"""Files as XTREME's own preprocessing writes them: those with labels are read, the others told what they are.

Layouts: google-research/xtreme @ 838c13b, `utils_preprocess.py` and `scripts/download_data.sh`.
"""

import csv
import json
from pathlib import Path

import pytest

from xstilts_eval.benchmark import family
from xstilts_eval.data import intermediate
from xstilts_eval.data.examples import Pair, Tagged
from xstilts_eval.data.sources import load
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.tasks.documents import load_leaf
from xstilts_eval.training_tasks import training_task

QUOTED = [['He said "no".', '"Yes"', "neutral"], ["Plain, 'single'.", "x", "contradiction"]]


def _put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def _table(path: Path, rows: list[list[str]]) -> None:
    """As the preprocessing writes it: Python's CSV writer with TABs, quotes doubled, lines ending in CR LF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(rows)


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("inner", ["", "xtreme_format/"])
def test_labelled_pairs(tmp_path: Path, split: str, inner: str) -> None:
    _table(tmp_path / f"xnli/{inner}{split}-sw.tsv", QUOTED)
    assert b'"He said ""no""."\t"""Yes"""\tneutral\r\n' in (tmp_path / f"xnli/{inner}{split}-sw.tsv").read_bytes()
    assert load(family("xnli"), "sw", split, tmp_path).examples == (
        Pair("0", 'He said "no".', '"Yes"', 2),
        Pair("1", "Plain, 'single'.", "x", 0),
    )


def test_training_pairs(tmp_path: Path) -> None:
    _table(tmp_path / "xnli/train-en.tsv", QUOTED)
    assert load(family("xnli"), "en", "train", tmp_path).rows == 2
    assert intermediate.load(training_task("mnli"), "train", tmp_path).examples[1].label == 0  # type: ignore[union-attr]


def test_the_official_file_comes_first(tmp_path: Path) -> None:
    _table(tmp_path / "pawsx/dev-de.tsv", [["a", "b", "1"]])
    _put(tmp_path, "pawsx/x-final/de/dev_2k.tsv", "id\tsentence1\tsentence2\tlabel\n7\tc\td\t0\n")
    assert load(family("pawsx"), "de", "dev", tmp_path).examples == (Pair("7", "c", "d", 0),)


TAGGED = {"panx": ("Mto\tB-LOC\nni\tO\n\nWaziri\tB-PER\n\n", ("Mto", "ni"), ("B-LOC", "O")),
          "udpos": ("du\tADP\n_\t_\n\nva\tVERB\n", ("du", "_"), ("ADP", "_"))}  # fmt: skip


@pytest.mark.parametrize("name", TAGGED)
@pytest.mark.parametrize("split", ["dev", "test"])
def test_labelled_words(tmp_path: Path, name: str, split: str) -> None:
    text, tokens, tags = TAGGED[name]
    _put(tmp_path, f"{name}/{split}-fr.tsv", text)
    loaded = load(family(name), "fr", split, tmp_path)
    assert loaded.rows == 2 and loaded.examples[0] == Tagged("0", tokens, tags)
    assert loaded.complete == (split == "dev"), "of dev no official number is known; of test it is not 2"


def test_a_token_that_was_white_space_keeps_its_place(tmp_path: Path) -> None:
    """Thai has such tokens; `panx_preprocess` strips them down to nothing."""
    _put(tmp_path, "panx/dev-th.tsv", "a\tO\n\tO\nb\tB-LOC\n")
    assert load(family("panx"), "th", "dev", tmp_path).examples == (Tagged("0", ("a", " ", "b"), ("O", "O", "B-LOC")),)


def test_official_treebanks_come_first(tmp_path: Path) -> None:
    _put(tmp_path, "udpos/dev-fr.tsv", "du\tADP\n")
    _put(tmp_path, "udpos/UD_French-A/fr_a-ud-dev.conllu", "1\tva\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n")
    assert load(family("udpos"), "fr", "dev", tmp_path).examples == (Tagged("fr_a-ud-dev.0", ("va",), ("VERB",)),)


BLANKED = json.dumps(
    {"version": "1", "data": [{"paragraphs": [{"context": "c", "qas": [
        {"id": "q", "question": "q", "answers": [{"answer_start": 0, "text": ""}]}]}]}]}
)  # fmt: skip
CHOICES = "".join(
    json.dumps({"premise": "p", "choice1": "a", "choice2": "b", "question": "cause", "label": 0, "idx": n}) + "\n"
    for n in range(30)
)
SPAN = {"start": 0, "end": 2}
MENTION = json.dumps(
    {
        "context": {"language": "de", "text": "Da.", "document_id": "d", "sentence_spans": [SPAN]},
        "mentions": [{"example_id": "m1", "entity_id": "", "mention_span": SPAN | {"text": "Da"}}],
    }
)


@pytest.mark.parametrize(
    ("group", "language", "files", "message"),
    [
        ("xtreme_xnli", "sw", {"xnli/test-sw.tsv": "a\tb\r\n"}, "has no labels.*use xnli.test.tsv of XNLI-1.0.zip"),
        ("xtreme_pawsx", "de", {"pawsx/test-de.tsv": "a\tb\r\n"}, "has no labels.*use test_2k.tsv of the original"),
        ("xtreme_panx", "sw", {"panx/test-sw.tsv": "Mto\nni\n\nx\n"}, r"has no labels.*use sw/test of panx_dataset"),
        ("xtreme_udpos", "fr", {"udpos/test-fr.tsv": "du\nva\n"}, r"no labels.*treebanks of ud-treebanks-v2\.5"),
        ("xtremer_udpos", "pl", {"udpos/test-pl.tsv": "du\nva\n"}, r"no labels.*treebanks of ud-treebanks-v2\.7"),
        ("xtreme_xquad", "de", {"xquad/xquad.de.json": BLANKED}, "1 of 1 questions have no answers .XTREME's scripts"),
        ("xtremer_xcopa", "sw", {"xcopa/test-sw.jsonl": CHOICES}, "all 30 questions have the label 0.*cambridgeltl"),
        ("xtreme_tatoeba", "sw", {"tatoeba/sw-en.sw": "a\n", "tatoeba/sw-en.en": "b\n"}, "English side sorted.*LASER"),
        (
            "xtreme_bucc2018", "zh", {"bucc2018/zh-en.test.zh": "z\ta\n", "bucc2018/zh-en.test.en": "e\tb\n"},
            r"without the gold pairs.*bucc2018-zh-en\.training-gold\.tar\.bz2",
        ),
        (
            "xtremer_mewslix", "de",
            {"mewslix/wikinews_mentions/test-de.jsonl": MENTION, "mewslix/candidate_set_entities.jsonl": ""},
            "'m1' names no entity.*wikinews_mentions-test.jsonl of the release",
        ),
    ],
)  # fmt: skip
def test_files_without_labels_say_what_they_are_and_which_file_has_them(
    tmp_path: Path, group: str, language: str, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        _put(tmp_path, name, text)
    with pytest.raises(MissingData, match=message) as caught:
        load(family(group), language, "test", tmp_path)
    assert str(caught.value).startswith(f"{family(group).leaf(language)}: ")


def test_development_choices_of_one_label_are_read(tmp_path: Path) -> None:
    _put(tmp_path, "xcopa/val-sw.jsonl", CHOICES.replace('"label": 0, "idx": 3', '"label": 1, "idx": 3'))
    assert load(family("xcopa"), "sw", "dev", tmp_path).rows == 30


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("xnli/dev-sw.tsv", "a\tb\tneutral\nc\td\n", "line 2: 2 columns separated by TAB; expected 3"),
        ("xnli/dev-sw.tsv", "a\tb\t1\n", "line 1: label '1'; allowed: contradiction, entailment, neutral"),
        ("panx/dev-sw.tsv", "a\tO\nb\nc\tO\n", "line 2: 1 column separated by TAB"),
        ("panx/dev-sw.tsv", "a\tPER\n", "line 1: label 'PER'; allowed: "),
        ("panx/dev-sw.tsv", "sw:a\tO\tO\n", "line 1: 3 columns separated by TAB"),
        ("panx/dev-sw.tsv", "\n\n", "no examples"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    _put(tmp_path, name, text)
    with pytest.raises(DataError, match=f"{Path(name).name}.*{message}"):
        load(family(name.split("/")[0]), "sw", "dev", tmp_path)


def test_mining_without_its_dev_corpus_says_what_it_is_for(tmp_path: Path) -> None:
    for ending, text in {"zh": "z\ta\n", "en": "e\tb\n", "gold": "z\te\n"}.items():
        _put(tmp_path, f"bucc2018/zh-en/zh-en.training.{ending}", text)
    with pytest.raises(
        MissingData, match=r"^xtreme\.bucc2018\.zh needs its dev corpus, which gives the threshold: no dev"
    ):
        load_leaf(family("bucc2018"), "zh", str(tmp_path))
