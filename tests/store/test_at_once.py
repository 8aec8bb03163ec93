"""Runs that want the same answers at once, in processes of their own: each answer is asked for by one of them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.run_host import run_host
from xstilts_eval.models import encoder, serving
from xstilts_eval.store import claims
from xstilts_eval.store.answers import Answered, Store
from xstilts_eval.store.key import Key

FORK = multiprocessing.get_context("fork")
DOCUMENTS = [serving.Item(f"t{n % 2}", {"id": str(n)}, ((n,),), str(n)) for n in range(12)]
"""Of two tasks in turn, as a portion may have them."""


def note(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")


def noted(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def served(folder: Path, name: str, seconds: float, processes: Any = None) -> list[Any]:
    """Twelve documents in threes; whoever is asked notes them, and takes his time."""

    def ask(chosen: Sequence[serving.Item], _: str) -> Any:
        for item in chosen:
            note(folder / "asked", f"{name} {item.digest}")
        time.sleep(seconds)
        return [Answered(f"said {item.digest}") for item in chosen], {"lengths": {}}

    logging.getLogger("xstilts_eval").addHandler(_Notes(folder / f"{name}.log"))
    store = serving.Serving(Store(folder / "store"), processes)
    found = store.answers(DOCUMENTS, lambda task: Key(task, "", {}), ask, 3, lambda facts: None)
    note(folder / f"{name}.done", str(store.taken()))
    return [one.value for one in found]


def awaited(file: Path) -> None:
    """Until something is noted there."""
    until = time.monotonic() + 20
    while not noted(file):
        assert time.monotonic() < until, file.name
        time.sleep(0.01)


class _Notes(logging.Handler):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def emit(self, record: logging.LogRecord) -> None:
        note(self.file, record.getMessage())


def started(folder: Path, name: str, seconds: float) -> Any:
    """A process that has asked for its first portion."""
    process = FORK.Process(target=served, args=(folder, name, seconds))
    process.start()
    awaited(folder / "asked")
    return process


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "WAIT", 0.02)


def test_the_second_waits_and_takes(tmp_path: Path) -> None:
    first = started(tmp_path, "first", 0.1)
    second = FORK.Process(target=served, args=(tmp_path, "second", 0.1))
    second.start()
    for process in (first, second):
        process.join(20)
        assert process.exitcode == 0
    asked = [line.split()[1] for line in noted(tmp_path / "asked")]
    assert sorted(asked, key=int) == [str(n) for n in range(12)], "each once"
    (said,) = noted(tmp_path / "second.log")
    assert said.startswith(f"process {first.pid} on ") and "store=off" in said
    assert list((tmp_path / "store" / "claims").iterdir()) == []


def test_a_killed_one_keeps_nobody_waiting(tmp_path: Path) -> None:
    first = started(tmp_path, "first", 60)
    second = FORK.Process(target=served, args=(tmp_path, "second", 0))
    second.start()
    awaited(tmp_path / "second.log")
    assert len(noted(tmp_path / "asked")) == 3
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    second.join(20)
    assert second.exitcode == 0 and noted(tmp_path / "second.done") == ["(0, 12)"]
    assert list((tmp_path / "store" / "claims").iterdir()) == []


def test_what_a_killed_one_left_goes(tmp_path: Path) -> None:
    first = started(tmp_path, "first", 60)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    left = tmp_path / "store" / "claims"
    assert len({path.name.partition(".")[0] for path in left.iterdir()}) == 2
    Store(tmp_path / "store")
    assert list(left.iterdir()) == []


def test_who_cannot_keep_answers_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    assert served(tmp_path, "alone", 0)[0] == "said 0"
    assert noted(tmp_path / "alone.log")[-1].startswith("answers are not kept: ")


def test_processes_of_one_run_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Those of another equal run do: they have the same documents."""

    class Rank:
        world_size = 2

        def __init__(self, rank: int) -> None:
            self.rank = rank

    store, key = Store(tmp_path), Key("t", "", {})
    zero, one, again = (serving.Serving(store, Rank(rank)) for rank in (0, 1, 0))  # type: ignore[arg-type]
    with zero.claimed([key]), one.claimed([key]):
        waiter = FORK.Process(target=again.claimed([key]).__enter__)
        waiter.start()
        waiter.join(0.3)
        assert waiter.is_alive()
    waiter.join(20)
    assert waiter.exitcode == 0


LEAVES = ["xtreme.xnli.sw", "xtreme.tatoeba.fr", "xtreme.bucc2018.de", "xtremer.lareqa.th"]


def evaluated(bundle: Path, folder: Path, name: str) -> None:
    """The leaves through the host; the rows of every pass through the model are noted, and it takes its time."""
    whole = encoder.in_batches

    def in_batches(runtime: Any, label: str, lengths: Any, forward: Any) -> Any:
        note(folder / name, str(len(lengths)))
        time.sleep(0.1)
        return whole(runtime, label, lengths, forward)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encoder, "in_batches", in_batches)
        found = run_host(LEAVES, bundle, store=str(folder / "store"))
    note(folder / f"{name}.scores", str(found["results"]))


def test_two_equal_evaluations_ask_once(tiny_bundle: Path, tmp_path: Path) -> None:
    """Heads, bitexts, mining and rankings; the numbers are those of a run by itself."""
    runs = [FORK.Process(target=evaluated, args=(tiny_bundle, tmp_path, name)) for name in ("one", "two")]
    for process in runs:
        process.start()
    for process in runs:
        process.join(60)
        assert process.exitcode == 0
    alone = tmp_path / "alone"
    alone.mkdir()
    evaluated(tiny_bundle, alone, "rows")
    one, two, whole = (sum(map(int, noted(path))) for path in (tmp_path / "one", tmp_path / "two", alone / "rows"))
    assert one + two == whole > 0
    assert noted(tmp_path / "one.scores") == noted(tmp_path / "two.scores") == noted(alone / "rows.scores")
