"""Entity tags by type: values counted by hand, the sum over types against the official score, and who may have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.host_results import host_results
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.cli import app
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.tagging import NER_F1
from xstilts_eval.report import content, page
from xstilts_eval.results import entity_types, show
from xstilts_eval.results.entity_types import EntityType

GOLD = ["B-PER I-PER O B-LOC", "B-LOC O O B-ORG", "O B-PER O O"]
PREDICTED = ["B-PER I-PER O B-LOC", "B-LOC I-LOC O O", "O B-ORG O O"]
# By hand: LOC 1 right of 2 predicted and 2 gold (one is a word too long); ORG 0 of 1 and 1; PER 1 of 1 and 2.
BY_HAND = (
    EntityType("LOC", 50.0, 50.0, 50.0, 2),
    EntityType("ORG", 0.0, 0.0, 0.0, 1),
    EntityType("PER", 100.0, 50.0, 66.666666667, 2),
)


def rounded(found: Sequence[EntityType]) -> tuple[EntityType, ...]:
    return tuple(replace(one, f1=round(one.f1, 9)) for one in found)


def split(rows: list[str]) -> list[list[str]]:
    return [row.split() for row in rows]


def write_run(folder: Path, languages: dict[str, list[str]], checkpoint: str = "some/checkpoint") -> Path:
    """A run of PAN-X on GOLD with these answers."""
    (folder / "samples").mkdir(parents=True)
    scores: dict[str, dict[str, float]] = {}
    for code, answers in languages.items():
        leaf = f"xtreme.panx.{code}"
        lines: list[dict[str, Any]] = []
        for number, (gold, answer) in enumerate(zip(split(GOLD), answers, strict=True)):
            counts = [int(value) for value in NER_F1.statistics(gold, answer.split())]
            doc = {"family": "panx", "language": code, "tokens": ["word"] * len(gold), "tags": gold}
            lines.append({"doc_id": number, "doc": doc, "filtered_resps": [answer], "f1_ci95": [str(number), *counts]})
        (folder / f"samples/samples_{leaf}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        scores[leaf] = {"f1": 0.5, "precision": 0.5, "recall": 0.5}
    (folder / "results.json").write_text(json.dumps(host_results(scores, checkpoint=checkpoint)))
    return folder


def test_counted_by_hand() -> None:
    assert rounded(entity_types.of_tags(split(GOLD), split(PREDICTED))) == BY_HAND
    assert entity_types.of_tags([["O", "O"]], [["O", "O"]]) == ()


def test_types_add_up_to_the_official_counts() -> None:
    """An I- after O, or after another type, opens an entity for both."""
    gold, predicted = split([*GOLD, "O O B-PER I-PER"]), split([*PREDICTED, "I-LOC O B-PER I-LOC"])
    correct, _, total = (sum(column) for column in zip(*map(NER_F1.statistics, gold, predicted), strict=True))
    found = entity_types.of_tags(gold, predicted)
    assert sum(one.support for one in found) == total == 6
    assert sum(one.recall * one.support / 100 for one in found) == pytest.approx(correct) and correct == 2


def test_entities_alone_have_types() -> None:
    assert FAMILIES["xtreme_panx"].entity_types == ("PER", "ORG", "LOC")
    assert {family.group for family in FAMILIES.values() if family.entity_types} == {
        "xtreme_panx", "xtremer_panx", "beyond_masakhaner"
    }  # fmt: skip


def test_shown_and_reported(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"en": GOLD, "sw": PREDICTED})
    assert show.read(run).types == {}
    shown = show.read(run, types=True)
    assert rounded(shown.types["xtreme_panx"]["sw"]) == BY_HAND
    console = Console(width=100, record=True)
    console.print(show.terminal(shown))
    lines = [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]
    assert "mean LOC 75.0 75.0 75.0 4" in lines and "sw PER 100.0 50.0 66.7 2" in lines

    said = json.loads(CliRunner().invoke(app, ["show", str(run), "--types", "--json"]).output)
    assert said["entity_types"]["xtreme_panx"]["en"][0] == {
        "type": "LOC", "precision": 100.0, "recall": 100.0, "f1": 100.0, "support": 2
    }  # fmt: skip

    found = content.gather([str(run)])
    (section,) = (one for one in page.sections(found) if one.name == "s-types")
    assert section.table is not None and section.table.pinned == 3 and len(section.table.rows) == 9
    assert [cell.text for cell in section.table.rows[-1]] == [
        "run", "PAN-X", "Swahili", "sw", "PER", "100.0", "50.0", "66.7", "2"
    ]  # fmt: skip


def test_seeds_are_averaged(tmp_path: Path) -> None:
    for seed, answers in enumerate((GOLD, PREDICTED), 1):
        write_run(tmp_path / f"run/seed-{seed}/eval", {"sw": answers}, f"seed-{seed}")
    (types,) = content.gather([str(tmp_path / "run")]).types.values()
    assert types["xtreme_panx"]["sw"][0] == EntityType("LOC", 75.0, 75.0, 75.0, 2)


def test_what_has_no_samples_or_no_tags(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"sw": PREDICTED})
    path = run / "samples/samples_xtreme.panx.sw.jsonl"
    path.write_text(path.read_text().replace('"tags"', '"other"'))
    with pytest.raises(PredictionError, match=r"xtreme\.panx\.sw: document 0 holds no tags to report by type"):
        show.read(run, types=True)
    path.unlink()
    assert show.read(run, types=True).types == {} and content.gather([str(run)]).types == {}
