"""Files of answers: whole or not there, shared by processes, never wrong when damaged, kept up by `xstilts cache`."""

import json
import multiprocessing
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commanded import xstilts
from xstilts_eval.errors import SettingError
from xstilts_eval.store import answers, key
from xstilts_eval.store.answers import Answered, Store
from xstilts_eval.store.key import Key

KEY = Key("xtreme.xnli.sw", "mine", {"checkpoint": "0123", "layer": 3})
ANSWERS = {
    "a": Answered([-0.5, -1.25], {"truncated": 1}),
    "b": Answered("Straße \u2028 \U0001f600\n", {}),
    "c": Answered({"nearest_source": 3, "source_score": 0.25}, {"windows": 2}),
}
FACTS = {"lengths": {"xnli": 128}}


def add_some(folder: str, worker: int) -> None:
    for number in range(15):
        Store(Path(folder)).add(KEY, {f"{worker}-{number}": Answered(worker)}, FACTS)


def test_what_is_added_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.read(KEY).answers == {} and not (tmp_path / "store").exists(), "reading makes nothing"
    store.add(KEY, ANSWERS, FACTS)
    store.add(KEY, {"d": Answered(None), "half": Answered("\ud83d")}, FACTS)
    kept = store.read(KEY)
    assert {name: one.value for name, one in kept.answers.items()} == {
        **{name: one.value for name, one in ANSWERS.items()}, "d": None,
    }  # fmt: skip
    assert kept.answers["a"].counts == {"truncated": 1, "windows": 0} and kept.facts == FACTS
    assert store.read(Key(KEY.leaf, "renamed", KEY.about)).answers == kept.answers, "a name is no setting"
    assert store.read(Key(KEY.leaf, "mine", {"checkpoint": "0123", "layer": 4})).answers == {}
    assert store.read(Key("xtreme.xnli.de", "mine", KEY.about)).answers == {}


def test_processes_write_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=add_some, args=(str(tmp_path), number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(Store(tmp_path).read(KEY).answers) == 45


def test_damage_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    """One flipped bit: the answers are those that were written, or none."""
    store = Store(tmp_path)
    store.add(KEY, ANSWERS, FACTS)
    path, before = store.place(KEY), store.read(KEY)
    whole = path.read_bytes()
    chance = random.Random(15)
    lost = 0
    for _ in range(300):
        place = chance.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
        found = store.read(KEY).answers
        assert found in (before.answers, {})
        lost += not found
    assert lost > 200, "what is left is in names that no answer depends on"
    for end in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert store.read(KEY).answers == {}
    store.add(KEY, ANSWERS, FACTS)
    assert store.read(KEY) == before, "a damaged file is written anew"


def test_another_key_in_a_file_is_not_believed(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Key("xtreme.xnli.sw", "mine", {})
    store.add(other, ANSWERS, FACTS)
    store.place(other).rename(store.place(KEY))
    assert store.read(KEY).answers == {}


def test_a_store_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "below")
    for _ in range(2):
        store.add(KEY, ANSWERS, FACTS)
    assert [record.message.startswith("answers are not kept: ") for record in caplog.records] == [True]


def test_code_and_libraries_belong_to_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for code, versions in (("a", {"torch": "1"}), ("b", {"torch": "1"}), ("a", {"torch": "2"}), ("a", {})):
        monkeypatch.setattr(key, "code", lambda code=code: code)
        monkeypatch.setattr(key, "versions", lambda versions=versions: versions)
        digests.add(Key(KEY.leaf, "", KEY.about).digest)
    assert len(digests) == 4
    monkeypatch.undo()
    assert {"torch", "transformers", "tokenizers", "lm_eval"} <= key.versions().keys() and len(key.code()) == 64


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers.folder() is None and answers.folder("off") is None
    assert answers.folder(str(tmp_path)) == tmp_path
    monkeypatch.setenv("XSTILTS_STORE", str(tmp_path / "own"))
    assert answers.folder() == tmp_path / "own"
    monkeypatch.delenv("XSTILTS_STORE")
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    assert answers.folder() == tmp_path / "cache" / "answers"
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="is a file; give a folder, or off"):
        answers.folder(str(tmp_path / "file"))


# ------------------------------------------------------------------------------------ xstilts cache


@pytest.fixture
def filled(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for name, leaf in (("mine", "xtreme.xnli.sw"), ("mine", "xtreme.xnli.de"), ("theirs", "xtreme.xnli.sw")):
        store.add(Key(leaf, name, {"checkpoint": name}), ANSWERS, FACTS)
    return store


def cache(store: Store, *words: str) -> Any:
    return xstilts("cache", *words, "--store", store.folder)


def test_show(filled: Store) -> None:
    shown = cache(filled, "show")
    assert shown.returncode == 0 and "3 files" in shown.stdout
    cells = [[cell.strip() for cell in line.split("│")] for line in shown.stdout.splitlines() if "days" in line]
    assert [row[:3] for row in cells] == [["mine", "2", "6"], ["theirs", "1", "3"]]
    records = json.loads(cache(filled, "show", "--json").stdout)
    assert sorted(record["checkpoint"] for record in records) == ["mine", "mine", "theirs"]
    assert all(record["about"]["checkpoint"] == record["checkpoint"] for record in records)


def test_verify_and_prune(filled: Store) -> None:
    assert cache(filled, "verify").returncode == 0
    path = filled.place(Key("xtreme.xnli.de", "mine", {"checkpoint": "mine"}))
    path.write_bytes(path.read_bytes()[:-4])
    run = cache(filled, "verify")
    assert run.returncode == 1 and f"{path} is damaged" in run.stdout and "3 files, 1 damaged" in run.stdout
    assert "removed 1 file" in cache(filled, "prune", "--damaged").stdout and not path.parent.exists()
    old = filled.place(Key("xtreme.xnli.sw", "mine", {"checkpoint": "mine"}))
    os.utime(old, (time.time() - 40 * 86_400,) * 2)
    assert "removed 1 file" in cache(filled, "prune", "--unused", "30").stdout and not old.exists()
    refused = cache(filled, "prune")
    assert refused.returncode == 2 and "say what is to go" in refused.stderr
    assert "removed 0 files" in cache(filled, "prune", "--checkpoint", "mine").stdout
    assert "removed 1 file" in cache(filled, "prune", "--checkpoint", "theirs").stdout
    assert "0 files" in cache(filled, "show").stdout
    assert "the store is off" in xstilts("cache", "show").stderr
