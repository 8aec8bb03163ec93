"""Text by language: what is read of files and folders, and a hub corpus that is streamed once."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub_rows import parquet
from tests.hub_server import Fault, Hub
from xstilts_eval.data import corpora
from xstilts_eval.errors import DataError, MissingData, UnknownName

SWAHILI = "Habari ya leo.\n\n  Mto unapita \u2028 kijijini.  \n \t\nWatoto wanacheza.\r\n"
LINES = ("Habari ya leo.", "Mto unapita \u2028 kijijini.", "Watoto wanacheza.")


def test_one_line_is_one_text_and_blank_ones_are_counted(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_text(SWAHILI, encoding="utf-8", newline="")
    (text,) = corpora.read_files({"sw": [tmp_path / "sw.txt"]}).values()
    assert (text.lines, text.size, text.blank) == (LINES, 3, 2)


def test_a_bound_on_what_is_kept_is_none_on_the_size(tmp_path: Path) -> None:
    """The size decides how often a language is drawn, so it is that of the corpus and not of what fits in memory."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("".join(f"{name}{number}\n" for number in range(7)), encoding="utf-8")
    text = corpora.read_files({"xx": [tmp_path / "a.txt", tmp_path / "b.txt"]}, max_lines=9)["xx"]
    assert text.lines == (*(f"a{number}" for number in range(7)), "b0", "b1")
    assert text.size == 14


def test_the_revision_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_text(SWAHILI, encoding="utf-8", newline="")
    (tmp_path / "other.txt.gz").write_bytes(gzip.compress(SWAHILI.encode()))
    (tmp_path / "changed.txt").write_text(SWAHILI.replace("leo", "jana"), encoding="utf-8", newline="")
    read = corpora.read_files({name: [tmp_path / name] for name in ("sw.txt", "other.txt.gz", "changed.txt")})
    assert read["sw.txt"] == read["other.txt.gz"]
    assert read["sw.txt"].revision != read["changed.txt"].revision
    assert len(read["sw.txt"].revision) == 12


def test_a_folder_has_a_file_per_language(tmp_path: Path) -> None:
    for name in ("sw.txt", "zh.txt.gz", "notes.md", "en.vec"):
        (tmp_path / name).write_bytes(b"")
    assert corpora.in_folder(tmp_path) == {"sw": (tmp_path / "sw.txt",), "zh": (tmp_path / "zh.txt.gz",)}
    assert list(corpora.in_folder(tmp_path, ["zh"])) == ["zh"]
    with pytest.raises(UnknownName, match=r"language of the text folder .* 'ta'; known: sw, zh"):
        corpora.in_folder(tmp_path, ["sw", "ta"])


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_folder_without_text_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "readme.md").write_text("x", encoding="utf-8")
    with pytest.raises(MissingData, match="has no text files; put one file per language there"):
        corpora.in_folder(tmp_path / folder)


def test_languages_without_text_are_named_together(tmp_path: Path) -> None:
    contents = {"sw": "moja\n", "yo": " \n\n", "te": ""}
    for language, content in contents.items():
        (tmp_path / f"{language}.txt").write_text(content, encoding="utf-8")
    with pytest.raises(MissingData, match=r"no text for yo, te \(yo: .*yo\.txt; te: .*te\.txt\); give other files or"):
        corpora.read_files({language: [tmp_path / f"{language}.txt"] for language in contents})
    with pytest.raises(MissingData, match=r"no text for ta \(ta: no file\)"):
        corpora.read_files({"ta": []})


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_bytes(b"moja\n\xff\n")
    with pytest.raises(DataError, match=r"sw\.txt, line 2: not UTF-8"):
        corpora.read_files({"sw": [tmp_path / "sw.txt"]})
    with pytest.raises(MissingData, match=r"te\.txt: no such file"):
        corpora.read_files({"te": [tmp_path / "te.txt"]})


def test_a_hub_corpus_is_pinned() -> None:
    assert corpora.HubCorpus().pattern("sw") == "20231101.sw/train-*.parquet"
    with pytest.raises(ValueError, match="revision"):
        corpora.HubCorpus(revision="main")


COMMIT = "0123456789abcdef0123456789abcdef01234567"
SW, YO = "v1.sw/train-0000{}-of-00002.parquet", "v1.yo/train.jsonl.gz"
READ = """
import json, sys
from xstilts_eval.data import corpora
from xstilts_eval.errors import XstiltsError
for languages, max_lines, hub in json.loads(sys.argv[1]):
    try:
        texts = corpora.read_hub(corpora.HubCorpus(**hub), languages, max_lines)
        print(json.dumps({language: vars(text) for language, text in texts.items()}))
    except XstiltsError as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Two parquet files of three texts each in one language, JSON lines in another."""
    from datasets import Value

    hub, column = Hub(), Value("string")
    texts = [["Moja.\n\nMbili.", "Tatu.\n", "Nne.\nTano."], ["Sita.", "Saba.", "Nane."]]
    made = {
        SW.format(part): parquet([{"title": "T", "text": one} for one in several], title=column, text=column)
        for part, several in enumerate(texts)
    }
    rows = "".join(json.dumps({"text": text}) + "\n" for text in ("Ọ̀kan.", "", "Èjì.\nẸ̀ta."))
    made[YO] = gzip.compress(rows.encode())
    hub.add("datasets", "made/up", COMMIT, {"README.md": b"", "v1.sw/test.parquet": made[SW.format(0)], **made})
    hub.start()
    yield hub
    hub.stop()


def ask(hub: Hub, home: Path, *requests: tuple[list[str], int | None, dict[str, str]]) -> list[Any]:
    """What a process of its own reads of the hub, request by request."""
    made_up = {"repository": "made/up", "revision": COMMIT, "files": "v1.{lg}/train*"}
    asked = [[languages, lines, made_up | more] for languages, lines, more in requests]
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(asked)],
        env=hub.environment(home), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_hub_corpus_is_downloaded_once_and_no_more_than_needed(hub: Hub, tmp_path: Path) -> None:
    files = hub.repositories["datasets/made/up"].commits[COMMIT]
    (found,) = ask(hub, tmp_path, (["sw", "yo"], 3, {}))
    assert found["sw"]["lines"] == ["Moja.", "Mbili.", "Tatu."]
    assert found["yo"]["lines"] == ["Ọ̀kan.", "Èjì.", "Ẹ̀ta."]
    assert found["sw"]["size"] == sum(len(files[SW.format(part)]) for part in (0, 1)), "of both files, one was read"
    assert found["yo"]["size"] == len(files[YO])
    assert (found["sw"]["blank"], found["yo"]["blank"]) == (1, 1)
    assert found["sw"]["revision"] == f"made/up@{COMMIT}:v1.sw/train*:text"
    assert not [path for _, path, _ in hub.requests if SW.format(1) in path]
    hub.stop()
    again, lost = ask(hub, tmp_path, (["sw", "yo"], 3, {}), (["sw"], 4, {}))
    assert again == found, "a run that goes on needs no hub"
    assert lost[0] == "FetchError" and "cannot be reached" in lost[1]
    assert not [path for path in (tmp_path / "xstilts").rglob("*") if path.name.endswith(".tmp")]


def test_all_of_a_hub_corpus_and_what_it_lacks(hub: Hub, tmp_path: Path) -> None:
    whole, language, column, key, revision = ask(
        hub,
        tmp_path,
        (["sw"], None, {}),
        (["sw", "ta"], 3, {}),
        (["sw"], 3, {"column": "body"}),
        (["yo"], 3, {"column": "body"}),
        (["sw"], 3, {"revision": "f" * 40}),
    )
    assert whole["sw"]["lines"] == ["Moja.", "Mbili.", "Tatu.", "Nne.", "Tano.", "Sita.", "Saba.", "Nane."]
    assert language == [
        "FetchError",
        "made/up@0123456789ab has no files v1.ta/train*; give another pattern, or leave the language ta out",
    ]
    assert column == ["FetchError", f"{SW.format(0)} has no column 'body'; it has title, text"]
    assert key == ["FetchError", f"{YO}, line 1: not a JSON object with 'body'"]
    assert revision[0] == "FetchError" and "has no revision 'ffff" in revision[1]


def test_a_download_that_breaks_leaves_nothing_half_written(hub: Hub, tmp_path: Path) -> None:
    hub.faults[SW.format(1)] = Fault("status")
    first, second = ask(hub, tmp_path, (["sw"], None, {}), (["sw"], 5, {}))
    assert first[0] == "FetchError"
    assert second["sw"]["lines"] == ["Moja.", "Mbili.", "Tatu.", "Nne.", "Tano."]
    assert len([path for path in (tmp_path / "xstilts").rglob("*") if path.is_file()]) == 2, "lines and counts of one"
