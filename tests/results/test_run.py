"""Runs are found, restricted and named in one way, whichever command asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.result_folders import write_run
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.results import run
from xstilts_eval.results.run import SINGLE

LEAF = "xtreme.pawsx.de"


def recipe(folder: Path, seeds: tuple[int, ...], inner: tuple[str, ...] = ("eval",)) -> Path:
    for seed in seeds:
        for number, part in enumerate(inner):
            leaf = ("xtreme.pawsx.de", "xtreme.pawsx.fr")[number]
            write_run(folder / f"seed-{seed}" / part, {leaf: [1] * seed + [0] * (20 - seed)}, checkpoint=f"c{seed}")
    return folder


def test_a_run_of_seeds(tmp_path: Path) -> None:
    found = run.read(recipe(tmp_path / "a", (2, 10, 1)))
    assert (found.name, found.seeds, found.checkpoints) == ("a", ["1", "2", "10"], ["c1", "c2", "c10"])
    assert [place.parent.name for place in found.places] == ["seed-1", "seed-2", "seed-10"]
    assert [leaf.points for leaf in found.leaves()[LEAF]] == pytest.approx([5, 10, 50])
    some = found.of_seeds(["10", "1"])
    assert some.checkpoints == ["c10", "c1"] and [leaf.points for leaf in some.leaves()[LEAF]] == pytest.approx([50, 5])


def test_a_run_without_seeds(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "one", {LEAF: [1, 0]})
    for given in (folder, folder / "results.json"):
        found = run.read(given)
        assert (found.name, found.seeds, found.has_seeds, found.places) == ("one", [SINGLE], False, (given,))
    with pytest.raises(MissingData, match="does not exist"):
        run.read(tmp_path / "nothing")


def test_several_inner_folders(tmp_path: Path) -> None:
    found = run.read(recipe(tmp_path / "a", (1, 2), ("eval", "more")), ["eval", "more"])
    assert list(found.leaves()) == ["xtreme.pawsx.de", "xtreme.pawsx.fr"]
    assert list(found.part("more").leaves()) == ["xtreme.pawsx.fr"]
    assert [place.name for place in found.part("more").places] == ["more", "more"]


def test_seeds_that_two_runs_share(tmp_path: Path) -> None:
    one, two = run.read(recipe(tmp_path / "a", (1, 2, 3))), run.read(recipe(tmp_path / "b", (3, 2, 7)))
    assert [found.seeds for found in run.in_common([one, two])] == [["2", "3"], ["2", "3"]]
    alone = run.read(write_run(tmp_path / "c", {LEAF: [1]}))
    assert run.in_common([alone, alone.part(SINGLE)])[1].places == alone.places
    with pytest.raises(PredictionError, match="have no seed in common"):
        run.in_common([one, alone])


def test_names_of_folders_without_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run.names([".", "x"]) == ["here", "x"]


def test_settings_that_differ_are_those_of_the_first_leaf_whatever_the_hash_seed(tmp_path: Path) -> None:
    """Sentence vectors and a head have other lengths: the one that is shown must not depend on the order of a set."""
    code = (
        "from dataclasses import replace\n"
        "from types import SimpleNamespace as Some\n"
        "from xstilts_eval.results import compare, sides\n"
        "class Leaf:\n"
        "    def __init__(self, length): self.signed = Some(conditions=lambda: {'max_length': length})\n"
        "def side(suffix):\n"
        "    names = ['xtreme.xnli.de', 'xtreme.tatoeba.de', 'xtreme.mlqa.de', 'xtreme.panx.de']\n"
        "    scores = {n: sides.Score((1.0,), (Leaf(f'{i}{suffix}'),)) for i, n in enumerate(names)}\n"
        "    return sides.Side('x', 'x', scores)\n"
        "print(compare.settings(side('a'), side('b')))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout.decode()
        for seed in ("0", "1", "2", "3")
    }
    assert said == {"{'max_length': ('0a', '0b')}\n"}
