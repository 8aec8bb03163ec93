"""Ready translations: what is written is read again, and what breaks the format is named by file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xstilts_eval.data import translated
from xstilts_eval.data.examples import Answer, Choice, Pair, Question, Tagged
from xstilts_eval.data.translated import Manifest, Translated
from xstilts_eval.errors import DataError, MissingData, UnknownName

WORD = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=12)
NAMES = st.text(alphabet="abc123-", min_size=1, max_size=6)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    before, answer, after = draw(WORD), draw(WORD), draw(WORD)
    answers = (Answer(answer, len(before)),) if draw(st.booleans()) else ()
    return Question(draw(NAMES), before + answer + after, draw(WORD), answers, draw(NAMES))


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    options = draw(st.lists(WORD, min_size=2, max_size=5))
    return Choice(
        draw(NAMES),
        draw(WORD),
        draw(st.sampled_from(["", "cause"])),
        tuple(options),
        draw(st.integers(0, len(options) - 1)),
    )


@st.composite
def tagged(draw: st.DrawFn) -> Tagged:
    tags = draw(st.lists(st.sampled_from(["NOUN", "VERB"]), min_size=1, max_size=4))
    return Tagged(draw(NAMES), tuple(draw(WORD) for _ in tags), tuple(tags))


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "mnli": st.builds(Pair, NAMES, WORD, WORD, st.integers(0, 2)),
    "squad_v2": questions(),
    "cosmosqa": choices(),
    "udpos": tagged(),
}


def manifest(lines: str, written: int, **changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "task": "mnli",
        "language": "de",
        "split": "train",
        "source_revision": "0123",
        "model": "somebody/model@4567",
        "settings": {"beams": 4},
        "examples": written,
        "written": written,
        "dropped": {},
        "sha256": translated.digest(lines),
    }
    return Manifest(**values | changes)


@pytest.mark.parametrize("task", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_what_is_written_is_read(tmp_path: Path, task: str, data: st.DataObject) -> None:
    """All of Unicode: line separators inside texts are no line ends."""
    examples: list[Translated] = data.draw(st.lists(KINDS[task], min_size=1, max_size=4))
    path = translated.place(tmp_path, task, "sw", "train")
    lines = translated.text(examples, task, "sw")
    translated.write(path, lines, manifest(lines, len(examples), task=task, language="sw"))
    assert translated.load(task, "sw", "train", tmp_path) == (tuple(examples), (path,))


PAIR = {"id": "1", "premise": "Es regnet.", "hypothesis": "Es ist nass.", "label": 1}
QUESTION = {
    "id": "1",
    "context": "Ada kam heim.",
    "question": "Wer kam?",
    "answers": [{"text": "Ada", "answer_start": 0}],
    "group": "p",
}
CHOICE = {"id": "1", "premise": "Er fiel.", "question": "", "choices": ["Er lief.", "Er sass."], "label": 1}
TAGGED = {"id": "1", "tokens": ["Es", "regnet"], "tags": ["PRON", "VERB"]}


def put(folder: Path, task: str, *rows: dict[str, Any] | str) -> Path:
    path = translated.place(folder, task, "de", "train")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize(
    "task, row", [("mnli", PAIR), ("xnli", PAIR), ("squad", QUESTION), ("copa", CHOICE), ("udpos", TAGGED)]
)
def test_files_made_elsewhere_need_no_manifest(tmp_path: Path, task: str, row: dict[str, Any]) -> None:
    """Nor `family` and `language`; a task's other names find the same file."""
    path = put(tmp_path, "mnli" if task == "xnli" else task, row)
    examples, paths = translated.load(task, "de", "train", tmp_path)
    assert (len(examples), examples[0].id, paths) == (1, "1", (path,))
    assert translated.notes(paths) == ("de.train.jsonl: no manifest",)


@pytest.mark.parametrize(
    "task, row, message",
    [
        ("mnli", "{", "not JSON"),
        ("mnli", "", "not JSON"),
        ("mnli", "[1]", "a JSON object was expected"),
        ("mnli", PAIR | {"label": 3}, "label 3; mnli has 3 (contradiction, entailment, neutral)"),
        ("mnli", PAIR | {"label": -1}, "label: "),
        ("mnli", PAIR | {"label": "1"}, "label: "),
        ("mnli", PAIR | {"premise": ""}, "premise: "),
        ("mnli", PAIR | {"premise": None}, "premise: "),
        ("mnli", PAIR | {"more": 1}, "more: "),
        ("mnli", {"id": "1"}, "premise: is missing"),
        ("mnli", QUESTION, "premise: is missing"),
        ("mnli", PAIR | {"family": "snli"}, "the dataset is 'snli', the file's task 'mnli'"),
        ("mnli", PAIR | {"language": "fr"}, "the language is 'fr', the file's 'de'"),
        ("squad", QUESTION | {"answers": [{"text": "Ada", "answer_start": 1}]}, "'Ada' does not stand at 1"),
        ("squad", QUESTION | {"answers": [{"text": "Ada", "answer_start": -13}]}, "answers.0.answer_start: "),
        ("squad", QUESTION | {"answers": [{"text": "", "answer_start": 0}]}, "answers.0.text: "),
        ("squad", QUESTION | {"answers": [{"text": "heim. Und", "answer_start": 8}]}, "does not stand at 8"),
        ("copa", CHOICE | {"label": 2}, "label 2 of 2 choices"),
        ("copa", CHOICE | {"choices": ["Er lief."]}, "choices: "),
        ("udpos", TAGGED | {"tags": ["PRON"]}, "2 tokens, 1 tags"),
        ("udpos", TAGGED | {"tags": ["PRON", "WORD"]}, "unknown tag 'WORD'; udpos has ADJ"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, task: str, row: dict[str, Any] | str, message: str) -> None:
    rows: dict[str, dict[str, Any]] = {"mnli": PAIR, "squad": QUESTION, "copa": CHOICE, "udpos": TAGGED}
    good = rows[task]
    path = put(tmp_path, task, good, row, good)
    with pytest.raises(DataError) as caught:
        translated.load(task, "de", "train", tmp_path)
    assert str(caught.value).startswith(f"{path}, line 2: ") and message in str(caught.value)


def test_an_empty_file_and_other_bytes(tmp_path: Path) -> None:
    path = put(tmp_path, "mnli")
    with pytest.raises(DataError, match="no examples"):
        translated.load("mnli", "de", "train", tmp_path)
    path.write_bytes(json.dumps(PAIR).encode() + b"\n\xff\n")
    with pytest.raises(DataError, match="line 2: not UTF-8"):
        translated.load("mnli", "de", "train", tmp_path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingData) as caught:
        translated.load("squad", "sw", "train", tmp_path)
    assert "translated/squad/sw.train.jsonl" in str(caught.value) and "xstilts translate squad --to sw" in str(
        caught.value
    )
    with pytest.raises(UnknownName, match="unknown language 'xx'"):
        translated.load("squad", "xx", "train", tmp_path)
    with pytest.raises(UnknownName, match="unknown training task 'squat'"):
        translated.load("squat", "de", "train", tmp_path)


def test_compressed_files_and_their_manifest(tmp_path: Path) -> None:
    pair = Pair("1", "Es regnet.", "Es ist nass.", 1)
    lines = translated.text([pair], "mnli", "de")
    path = translated.place(tmp_path, "mnli", "de", "train")
    translated.write(path, lines, manifest(lines, 1))
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert translated.load("mnli", "de", "train", tmp_path) == ((pair,), (packed,))
    assert translated.notes([packed]) == ("de.train.jsonl: 1 of 1 examples, by somebody/model@4567",)


def test_lines_that_are_not_the_manifests(tmp_path: Path) -> None:
    lines = translated.text([Pair("1", "Es regnet.", "Es ist nass.", 1)] * 2, "mnli", "de")
    path = translated.place(tmp_path, "mnli", "de", "train")
    translated.write(path, lines, manifest(lines, 2))
    path.write_text(lines.splitlines(keepends=True)[0])  # cut off between two lines
    with pytest.raises(DataError, match=r"is not the file that de\.train\.manifest\.json describes"):
        translated.load("mnli", "de", "train", tmp_path)


def test_manifests_that_cannot_be(tmp_path: Path) -> None:
    path = put(tmp_path, "mnli", PAIR)
    beside = translated.manifest_place(path)
    good = json.loads(manifest("", 1).model_dump_json())
    for change, message in (
        ({"written": 2}, "2 written and 0 dropped are not 1 examples"),
        ({"more": 1}, "more: "),
        ({"format": 2}, "format: "),
    ):
        beside.write_text(json.dumps(good | change))
        with pytest.raises(DataError) as caught:
            translated.load("mnli", "de", "train", tmp_path)
        assert str(caught.value).startswith(f"{beside}: ") and message in str(caught.value)
    beside.write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        translated.load("mnli", "de", "train", tmp_path)


def test_a_full_disk_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = translated.place(tmp_path, "mnli", "de", "train")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        translated.write(path, "x\n", manifest("x\n", 1))
    assert not list(path.parent.iterdir())
