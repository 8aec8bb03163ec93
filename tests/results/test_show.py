"""`xstilts show`: facts of a run as its files say them, signatures said once, bad files in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.result_folders import edit, write_run
from xstilts_eval.cli import app
from xstilts_eval.errors import NumericError, PredictionError, XstiltsError
from xstilts_eval.results import show

ANSWERS = {"xtreme.pawsx.de": [1, 0, 1, 1], "xtreme.pawsx.en": [1, 1, 1, 1], "xtreme.tatoeba.fr": [0, 1]}


def printed(shown: show.Shown, width: int = 150) -> str:
    console = Console(width=width, record=True)
    console.print(show.terminal(shown))
    return console.export_text()


def facts(content: dict[str, Any]) -> None:
    content["date"] = 1795202459.0
    content["config"]["xstilts"] |= {
        "device": "cpu",
        "counts": {"pawsx": {"truncated": 3}, "tatoeba": {"truncated": 0}},
    }
    content["configs"]["xtreme.pawsx.de"]["metadata"]["xs_data"] |= {"complete": False, "revision": "ffffffffffff"}


def test_what_was_run_on_what(tmp_path: Path) -> None:
    shown = show.read(edit(write_run(tmp_path / "run", ANSWERS, documents=9), facts))
    assert shown.facts["checkpoint"] == "some/checkpoint" and shown.facts["made"] == "2026-11-20 19:20 UTC"
    pawsx, tatoeba = shown.data
    assert (pawsx.languages, pawsx.possible, pawsx.scored, pawsx.documents) == (2, 7, 8, 18)
    assert pawsx.revisions == ("ffffffffffff", "0123456789ab") and pawsx.partial == ("de",)
    assert tatoeba.sampled == 1
    assert shown.counts == {"pawsx": {"truncated": 3}}
    assert shown.board.families["xtreme_pawsx"].score == pytest.approx(87.5)
    text = printed(shown)
    for part in ("some/checkpoint", "2 hashes", "partial in de", "pawsx: truncated 3", "87.5", "lm_eval 0.4.13"):
        assert part in text


@pytest.mark.parametrize(("prompt", "said"), [("query: ", "prompt 'query: '"), ("", "no prompt"), (None, "no prompt")])
def test_the_prompt_of_sentence_vectors_is_shown_with_its_blanks(tmp_path: Path, prompt: str | None, said: str) -> None:
    def with_prompt(content: dict[str, Any]) -> None:
        settings = {"layer": None, "pooling": "mean"} | ({} if prompt is None else {"prompt": prompt})
        sides = {"query_prompt": "query: ", "passage_prompt": ""}
        content["config"]["xstilts"] |= {"retrieval": settings, "rankers": {"lareqa": sides}}

    shown = show.read(edit(write_run(tmp_path / "run", ANSWERS), with_prompt))
    assert shown.facts["retrieval"] == f"layer last, mean pooling, {said}"
    assert shown.facts["prompts"] == "lareqa: query 'query: ', passage ''"
    assert said in printed(shown)


def test_signatures_are_said_once(tmp_path: Path) -> None:
    """Of two languages on equal terms one line; the partial one differs."""
    run = write_run(tmp_path / "run", ANSWERS)
    (pattern,) = show.read(run).signatures["xtreme_pawsx"]
    assert pattern.startswith("xtreme.pawsx.*|data:local@…|split:test|task:1.0|")
    assert len(show.read(edit(run, facts)).signatures["xtreme_pawsx"]) == 2


def test_samples_that_are_not_kept(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", ANSWERS)
    (run / "samples" / "samples_xtreme.pawsx.de.jsonl").unlink()
    assert show.read(run).data[0].sampled == 1 and "1 of 2" in printed(show.read(run))


def test_it_fits_a_narrow_terminal(tmp_path: Path) -> None:
    text = printed(show.read(write_run(tmp_path / "run", ANSWERS)), width=100)
    assert max(map(len, text.split("\n"))) <= 100 and "some/checkpoint" in text


def test_bad_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", ANSWERS)
    edit(run, lambda content: content["results"]["xtreme.pawsx.de"].update({"acc,none": float("nan")}))
    with pytest.raises(NumericError, match=r"acc of xtreme\.pawsx\.de is nan"):
        show.read(run)
    other = edit(write_run(tmp_path / "other", ANSWERS), lambda content: content.update(date="yesterday"))
    with pytest.raises(PredictionError, match="date is not what this version expects"):
        show.read(other)


def test_the_command(tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path / name, ANSWERS)) for name in ("a", "b")]
    one = CliRunner().invoke(app, ["show", runs[0], "--json"])
    content = json.loads(one.output)
    assert content["scoreboard"]["families"]["xtreme_pawsx"]["score"] == pytest.approx(87.5)
    assert len(json.loads(CliRunner().invoke(app, ["show", *runs, "--json"]).output)) == 2
    published = CliRunner().invoke(app, ["show", "zoo:all-MiniLM-L6-v2"])
    assert published.exit_code == 0 and "sentence-transformers/all-MiniLM-L6-v2" in published.output
    missing = CliRunner().invoke(app, ["show", str(tmp_path / "nothing")])
    assert isinstance(missing.exception, XstiltsError) and "does not exist" in str(missing.exception)
