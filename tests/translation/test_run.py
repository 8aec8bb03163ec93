"""Runs that are killed, fill the disk or meet each other leave whole files, equal to those of an uninterrupted run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.translation.fakes import Fake, squad_file
from xstilts_eval.data import intermediate, translated
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.training_tasks import training_task
from xstilts_eval.translation.run import plan, run
from xstilts_eval.writing import write_atomically

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with 18 questions on 6 passages."""
    squad_file(tmp_path / "data")
    return tmp_path / "data"


def go(folder: Path, output: Path, fake: Fake | None = None, **options: Any) -> list[str]:
    """Translate squad; returns what was said."""
    said: list[str] = []
    job = plan("squad", options.pop("languages", ["de"]), **options)
    run(job, folder, output, fake or Fake(), said.append)
    return said


def contents(output: Path) -> dict[str, bytes]:
    """Everything a run leaves for others: all but its lock."""
    found = {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.endswith(".lock")}


@pytest.fixture
def expected(folder: Path, tmp_path: Path) -> dict[str, bytes]:
    """Files of an uninterrupted run."""
    go(folder, tmp_path / "expected")
    return contents(tmp_path / "expected")


def test_two_files_and_nothing_else(expected: dict[str, bytes]) -> None:
    assert set(expected) == {"translated/squad/de.train.jsonl", "translated/squad/de.train.manifest.json"}


def test_what_is_written_is_what_was_read(folder: Path, tmp_path: Path) -> None:
    """Upper-casing keeps every offset, so that the expected examples follow from the English ones."""
    said = go(folder, tmp_path, languages=["de", "sw"])
    assert [line.partition(":")[0] for line in said] == ["de", "sw"]
    english = intermediate.load(training_task("squad"), "train", folder).examples
    for language in ("de", "sw"):
        examples, paths = translated.load("squad", language, "train", tmp_path)
        assert len(examples) == 18
        for example, original in zip(examples, english, strict=True):
            assert example.id == original.id
            assert example.context == original.context.upper()  # type: ignore[union-attr]
            assert example.answers[0].answer_start == original.answers[0].answer_start  # type: ignore[union-attr]
            assert example.answers[0].text == original.answers[0].text.upper()  # type: ignore[union-attr]
        manifest = translated.read_manifest(paths[0])
        assert manifest and (manifest.examples, manifest.written, manifest.model) == (18, 18, "fake@1")
        assert manifest.source_revision == intermediate.load(training_task("squad"), "train", folder).revision


def test_every_sentence_once_and_in_budget(folder: Path, tmp_path: Path) -> None:
    fake = Fake()
    go(folder, tmp_path, fake)
    asked = [text for call in fake.calls for text in call]
    assert len(asked) == len(set(asked))
    for call in fake.calls:
        assert len(call) == 1 or len(call) * max(len(text.split()) for text in call) <= fake.batch_tokens
    assert len(fake.calls) > 5


def test_dropped_examples_are_listed(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path, Fake(lambda text: text.replace("[wheat]", "wheat").replace("[river]", "[[river]]")))
    manifest = translated.read_manifest(translated.place(tmp_path, "squad", "de", "train"))
    assert manifest and manifest.written == 6
    assert manifest.dropped == {
        "marks doubled": tuple(f"q{number}-2" for number in range(6)),
        "marks lost": tuple(f"q{number}-0" for number in range(6)),
    }
    assert "6 of 18 examples, 12 dropped (marks doubled 6, marks lost 6)" in manifest.summary


def test_nothing_survives(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"de: none of 18 examples could be translated \(marks lost 18\)"):
        go(folder, tmp_path, Fake(lambda text: text.replace("[", "")))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_limit_takes_the_first(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path, limit=4)
    examples, _ = translated.load("squad", "de", "train", tmp_path)
    assert [example.id for example in examples] == ["q0-0", "q0-1", "q0-2", "q1-0"]


# ------------------------------------------------------------------ going on


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [0, 1, 4, 7])
def test_an_interrupted_run_goes_on(folder: Path, tmp_path: Path, expected: dict[str, bytes], after: int) -> None:
    fake = Fake()
    whole = fake.translate

    def until(texts: Any, language: str) -> list[str | None]:
        if len(fake.calls) == after:
            raise Killed
        return whole(texts, language)

    fake.translate = until  # type: ignore[method-assign]
    with pytest.raises(Killed):
        go(folder, tmp_path / "out", fake)
    assert not list((tmp_path / "out").rglob("*.jsonl"))
    second = Fake()
    go(folder, tmp_path / "out", second)
    assert contents(tmp_path / "out") == expected
    uninterrupted = Fake()
    go(folder, tmp_path / "again", uninterrupted)
    assert fake.calls + second.calls == uninterrupted.calls


def test_a_cut_partial_file_is_continued(
    folder: Path, tmp_path: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of finished batches cut at any byte, as a kill or a full disk leaves it, or with a damaged end."""
    output = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(translated, "write", lambda *_: (_ for _ in ()).throw(Killed()))
        go(folder, output)
    (partial,) = output.rglob("*.partial")
    whole = partial.read_bytes()
    draw = random.Random(3)
    for cut in [0, 1, len(whole) - 1, len(whole), *(draw.randrange(len(whole)) for _ in range(12))]:
        for rest in (b"", b"\x00\x00\n", b'["TOO", "FEW"]\n'):
            partial.write_bytes(whole[:cut] + (rest if cut != 0 and whole[:cut].count(b"\n") else b""))
            go(folder, output)
            assert contents(output) == expected
            (output / "translated/squad/de.train.jsonl").unlink()


@pytest.mark.parametrize("missing", ["lines", "both"])
def test_a_kill_between_the_two_files(
    folder: Path, tmp_path: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    written: list[Path] = []
    real = write_atomically

    def write(path: Path, text: str) -> None:
        if len(written) == (1 if missing == "lines" else 0):
            raise Killed
        written.append(path)
        real(path, text)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(translated, "write_atomically", write)
        go(folder, tmp_path / "out")
    with pytest.raises(MissingData):
        translated.load("squad", "de", "train", tmp_path / "out")
    fake = Fake()
    go(folder, tmp_path / "out", fake)
    assert not fake.calls  # everything was translated
    assert contents(tmp_path / "out") == expected


def slowly(folder: Path, output: Path, pause: float, cap: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.translation.fakes", str(folder), str(output), str(pause), str(cap)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def wait_for_lines(output: Path, number: int) -> None:
    """Until the file of finished batches has so many lines."""
    for _ in range(1200):
        found = list(output.rglob("*.partial"))
        if found and found[0].read_bytes().count(b"\n") >= number:
            return
        time.sleep(0.05)
    raise AssertionError("the run did not begin")


@pytest.mark.parametrize("kills", [(5,), pytest.param((1, 2, 3, 6, 9, 11), marks=pytest.mark.slow)])
def test_kill_9_and_two_at_once(
    folder: Path, tmp_path: Path, expected: dict[str, bytes], kills: tuple[int, ...]
) -> None:
    """Killed when so many lines are written, by the same command again and again."""
    output = tmp_path / "out"
    for lines in kills:
        process = slowly(folder, output, 0.2)
        try:
            wait_for_lines(output, lines)
            with pytest.raises(SettingError, match=rf"process {process.pid} on .* is writing .*de\.train; wait for it"):
                go(folder, output)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert not list(output.rglob("*.jsonl"))
    fake = Fake()
    go(folder, output, fake)
    assert contents(output) == expected
    uninterrupted = Fake()
    go(folder, tmp_path / "again", uninterrupted)
    assert 0 < len(fake.calls) <= len(uninterrupted.calls) - (kills[-1] - 1)


def test_a_full_disk(folder: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    """The operating system refuses to let the file of finished batches grow, in the middle of a line."""
    output = tmp_path / "out"
    process = slowly(folder, output, 0.0, cap=1500)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "File too large" in errors
    (partial,) = output.rglob("*.partial")
    assert partial.stat().st_size == 1500 and partial.read_bytes().count(b"\n") > 2
    assert not list(output.rglob("*.jsonl"))
    go(folder, output)
    assert contents(output) == expected


# ------------------------------------------------------------------ what is there already


def test_a_finished_translation_is_kept(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json*")}
    fake = Fake()
    assert "already there, 18 of 18" in go(folder, tmp_path, fake)[0]
    assert not fake.calls
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json*")} == before


@pytest.mark.parametrize(
    "change, name",
    [
        ({"fake": Fake(identity="other@2")}, "model"),
        ({"fake": Fake(batch_tokens=60)}, "settings"),
        ({"limit": 3}, "examples"),
    ],
)
def test_other_settings_replace_nothing(folder: Path, tmp_path: Path, change: dict[str, Any], name: str) -> None:
    go(folder, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(SettingError, match=rf"was made with other .*{name}.*another --output, or --overwrite"):
        go(folder, tmp_path, **change)
    assert contents(tmp_path) == before
    go(folder, tmp_path, **change, overwrite=True)
    assert contents(tmp_path) != before


def test_an_unfinished_run_of_other_settings_is_not_continued(folder: Path, tmp_path: Path) -> None:
    def stop(text: str) -> str:
        raise Killed

    with pytest.raises(Killed):
        go(folder, tmp_path, Fake(stop))
    with pytest.raises(SettingError, match=r"was begun with model 'fake@1' \(now 'other@2'\); go on with the same"):
        go(folder, tmp_path, Fake(identity="other@2"))
    go(folder, tmp_path, Fake(identity="other@2"), overwrite=True)


def test_other_data_are_other_settings(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path)
    squad_file(folder, passages=7)
    with pytest.raises(SettingError, match="source_revision"):
        go(folder, tmp_path)


def test_somebody_elses_and_changed_files_stay(folder: Path, tmp_path: Path) -> None:
    path = translated.place(tmp_path, "squad", "de", "train")
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    with pytest.raises(SettingError, match="is there without a manifest"):
        go(folder, tmp_path)
    assert path.read_text() == "mine\n"
    path.unlink()
    go(folder, tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SettingError, match="was changed after it was made"):
        go(folder, tmp_path)


# ------------------------------------------------------------------ bad requests


@pytest.mark.parametrize(
    "task, languages, split, error, message",
    [
        ("udpos", ["de"], "train", SettingError, "udpos has a tag for every word"),
        ("lareqa", ["de"], "train", SettingError, "lareqa trains a dual encoder, of English pairs"),
        ("anli_plus", ["de"], "train", SettingError, "translate its parts snli, mnli"),
        ("squat", ["de"], "train", UnknownName, "unknown training task 'squat'; did you mean squad"),
        ("squad", ["xx"], "train", UnknownName, "unknown language 'xx'"),
        ("squad", ["en"], "train", SettingError, "--to names the languages"),
        ("squad", [], "train", SettingError, "--to names the languages"),
        ("squad", ["de"], "test", SettingError, "--split 'test'; allowed: train, dev"),
    ],
)
def test_jobs_that_cannot_be(task: str, languages: list[str], split: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(task, languages, split)


def test_an_unknown_language_of_the_model_comes_before_any_work(folder: Path, tmp_path: Path) -> None:
    fake = Fake(unknown=("sw",))
    with pytest.raises(SettingError, match="into 'sw'"):
        go(folder, tmp_path / "out", fake, languages=["de", "sw"])
    assert not fake.calls and not (tmp_path / "out").exists()


def test_no_english_data(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no train data of squad"):
        go(tmp_path, tmp_path / "out")


def test_options_and_pairs(tmp_path: Path) -> None:
    """HellaSwag and PAWS-X from files in their official formats."""
    rows = [
        {
            "ind": number,
            "ctx_a": f"A man takes {number} plates.",
            "ctx_b": "he",
            "ctx": "",
            "endings": [f"drops plate {ending}." for ending in range(4)],
            "label": number % 4,
        }
        for number in range(5)
    ]
    hellaswag = tmp_path / "hellaswag" / "hellaswag_train.jsonl"
    hellaswag.parent.mkdir()
    hellaswag.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pawsx = tmp_path / "pawsx" / "x-final" / "en" / "train.tsv"
    pawsx.parent.mkdir(parents=True)
    pawsx.write_text(
        "id\tsentence1\tsentence2\tlabel\n" + "".join(f"{n}\tOne {n}.\tTwo {n}.\t{n % 2}\n" for n in range(4))
    )
    for task, count in (("hellaswag", 5), ("pawsx", 4)):
        run(plan(task, ["fi"]), tmp_path, tmp_path / "out", Fake(), lambda _: None)
        examples, _ = translated.load(task, "fi", "train", tmp_path / "out")
        english = intermediate.load(training_task(task), "train", tmp_path).examples
        assert len(examples) == count
        assert [e.label for e in examples] == [e.label for e in english]  # type: ignore[union-attr]
        assert [e.premise for e in examples] == [e.premise.upper() for e in english]  # type: ignore[union-attr]
