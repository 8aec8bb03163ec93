"""A small study from the grid to the answer: tiny weights, the bundled sample, every file of it real."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.study.test_grid import block, content, written
from tests.training import architectures
from xstilts_eval import weights
from xstilts_eval.errors import MissingData
from xstilts_eval.results import gains, record
from xstilts_eval.study import estimate, grid, pieces, questions, running, tables
from xstilts_eval.study.grid import Study
from xstilts_eval.study.running import Places
from xstilts_eval.training import stage

QUICK = {"epochs": 1, "batch_size": 8, "limit": 16, "max_length": 64, "selection": "last", "evaluate_every": 0}
TASKS = ["xtreme.udpos.de", "xtreme.udpos.en"]
QUESTIONS = """
questions:
  "1":
    title: Does it gain?
    steps:
      - {command: "gains {results}/whole/none {results}/whole/squad --inner tags --json {results}/gains.json -q",
         cells: [whole/none, whole/squad]}
      - {command: "score {results}/whole/none --inner nothing", cells: [whole/none], some: true}
      - {command: "score {results}/half/none", cells: [half/none]}
    limits: little.
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Study, Places, list[str]]]:
    """A study of three cells, one of which lacks its data, after two were made."""
    root = tmp_path_factory.mktemp("study")
    base = architectures.make("bert", root / "base")
    between = content()["intermediate"] | {"hellaswag": {"tasks": ["hellaswag"]}}
    parts = {"tags": {"tasks": TASKS, "limit": 6, "needs": ["udpos"]}}
    blocks = [block(intermediate=["none", "squad", "topics"]), block(bases=["half"])]
    (root / "grid").mkdir()
    folder = written(root / "grid", settings=QUICK, intermediate=between, parts=parts, blocks=blocks)
    (folder / questions.FILE).write_text(QUESTIONS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "folder", lambda name, say=None: base)
        study, places = grid.read(folder), Places(root / "work", "sample")
        lines: list[str] = []
        running.make(study, running.tasks(study, "sample"), places, time.monotonic() + 600, lines.append, "whole/")
        yield study, places, lines


def test_cells_are_kept_and_what_they_needed_goes(made: tuple[Study, Places, list[str]]) -> None:
    study, places, lines = made
    assert [*pieces.listed(study)] == ["whole/none/seed-1", "whole/squad/seed-1"]
    assert any(line.startswith("whole/topics/seed-1 is missing: ") and "sib200" in line for line in lines)
    assert not [*places.stages.glob("*-*")], "no cell that is left needs one"
    assert not (places.runs / "whole/none/seed-1").exists()
    sizes = [pieces.path_of(study, name).stat().st_size for name in pieces.listed(study)]
    assert max(sizes) < 20_000
    stages = json.loads((places.work / "whole/squad/seed-1/stages.json").read_text(encoding="utf-8"))
    assert [[*stage["tasks"]] for stage in stages] == [["squad"], ["udpos"]]
    told = json.loads((places.work / "whole/squad/seed-1/estimates.json").read_text(encoding="utf-8"))
    assert {one["target"] for one in told} == {"xtreme_udpos"} and "LogME" in {one["estimate"] for one in told}
    assert not (places.work / "whole/none/seed-1/estimates.json").exists(), "there is no intermediate task to judge"
    kept = "".join(path.read_text(encoding="utf-8") for path in (places.work / "whole").rglob("*.json"))
    assert str(places.work.parent) not in kept, "no path of this machine"


def test_they_are_not_made_again(made: tuple[Study, Places, list[str]]) -> None:
    study, places, _ = made
    left = running.tasks(study, "sample")
    assert [str(task.cell) for task in left] == ["whole/topics/seed-1", "half/none/seed-1"]
    lines: list[str] = []
    assert running.make(study, left[1:], places, time.monotonic() - 1, lines.append) == []
    assert lines == ["half/none/seed-1 and what comes after it are left for another sitting"]


def _grown(made: tuple[Study, Places, list[str]], folder: Path) -> tuple[Study, Places]:
    """The study of `made` in a folder of its own, where the grid has one more part for whole/squad."""
    study, places, _ = made
    copy = shutil.copytree(study.folder, folder / "grid")
    content = yaml.safe_load((copy / grid.FILE).read_text(encoding="utf-8"))
    content["parts"]["pairs"] = {"tasks": ["xtreme.tatoeba.de"], "limit": 4}
    content["blocks"].append(block(intermediate=["squad"], parts=["pairs"]))
    (copy / grid.FILE).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return grid.read(copy), replace(places, work=folder / "work")


def test_a_part_more_is_all_that_is_scored(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, places = _grown(made, tmp_path)
    name = "whole/squad/seed-1"
    before = pieces.listed(study)[name]
    assert running.kept_parts(study, study.cell(name)) == ("tags",) != study.cell(name).parts
    assert tables.Kept.unpacked(study, tmp_path / "out").cells[1].parts == ("tags",), "what it has so far"
    (left,) = (task for task in running.tasks(study, "sample") if str(task.cell) == name)
    (cost,) = estimate.estimates(study, [left], places.stages)
    assert cost.scoring == 0 and cost.unknown == ("pairs",), "of pairs nothing was timed yet"
    lines: list[str] = []
    pieces.unpack(study, places.work / "grown", [name])
    shutil.rmtree(places.work / "grown" / name / "tags")  # as an interruption leaves it
    assert running.make(study, [left], places, time.monotonic() + 600, lines.append) == [name]
    assert lines[0] == f"{name}: pairs" and not [line for line in lines if "udpos.de" in line]
    after = pieces.listed(study)[name]
    assert after.parts == ("tags", "pairs") and after.seconds["tags"] == before.seconds["tags"]
    pieces.unpack(study, tmp_path / "out", [name])
    for part, root in (("tags", made[1].work), ("pairs", places.work)):
        assert record.read(tmp_path / "out" / name / part).leaves == record.read(root / name / part).leaves
    assert running.kept_parts(study, study.cell(name)) == study.cell(name).parts
    assert not [*(places.work / "grown").rglob("*.json")]


def test_scores_of_another_training_are_not_taken_over(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    """A kept piece whose losses are not those of the same stage now, as on another processor."""
    study, places = _grown(made, tmp_path)
    cell = study.cell("whole/squad/seed-1")
    pieces.unpack(study, tmp_path / "out", [str(cell)])
    there = tmp_path / "out" / str(cell)
    records = json.loads((there / pieces.STAGES).read_text(encoding="utf-8"))
    records[1]["outcome"]["losses"][0][1] += 1e-3
    (there / pieces.STAGES).write_text(json.dumps(records), encoding="utf-8")
    pieces.keep(study, replace(cell, parts=("tags",)), there, pieces.listed(study)[str(cell)].seconds, "x86_64")
    (left,) = (task for task in running.tasks(study, "sample") if task.cell == cell)
    lines: list[str] = []
    running.make(study, [left], places, time.monotonic() + 600, lines.append)
    assert f"{cell}: its training did not go as that of the piece, so that tags are scored again" in lines
    assert [*pieces.stages(places.work / str(cell))] != [*pieces.stages(there)]
    assert pieces.listed(study)[str(cell)].parts == cell.parts


def test_a_target_that_only_some_seeds_have(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, _, _ = made
    kept = tables.Kept.unpacked(study, tmp_path / "out")
    (baseline, *_) = kept.cells
    other = replace(baseline, seed=2)
    shutil.copytree(kept.results / str(baseline), kept.results / str(other))
    file = kept.results / str(other) / pieces.STAGES
    records = json.loads(file.read_text(encoding="utf-8"))
    more = records[0] | {"tasks": {"sib200": records[0]["tasks"]["udpos"]}}
    file.write_text(json.dumps([more, *records]), encoding="utf-8")
    rows = [line.split(" | ") for line in tables.learned(replace(kept, cells=(baseline, other)))[2:]]
    assert [(row[2], row[-1]) for row in rows] == [("udpos", "2 |"), ("sib200", "1 |")]
    assert tables.formats(replace(kept, cells=(baseline, other))) == []
    older = [one | {"identity": one["identity"] | {"format": 1}} for one in records]
    file.write_text(json.dumps(older), encoding="utf-8")
    _, line = tables.formats(replace(kept, cells=(baseline, other)))
    assert line.endswith(" size: 1: whole/none/seed-2.")


def test_what_was_begun_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    run, results = tmp_path / "run", tmp_path / "results"
    for folder in (run, results):
        folder.mkdir()
        (folder / "old").touch()
    running.begin("a1", run, results)
    assert not run.exists() and not (results / "old").exists()
    for folder in (run, results):
        folder.mkdir(exist_ok=True)
        (folder / "new").touch()
    running.begin("a1", run, results)
    assert (run / "new").exists() and (results / "new").exists(), "an interruption"
    running.begin("b2", run, results)
    assert not run.exists() and not (results / "new").exists()


def test_hours_of_what_is_left(made: tuple[Study, Places, list[str]]) -> None:
    """Half of the blocks score in half of the time that the whole base took."""
    study, places, _ = made
    missing, half = estimate.estimates(study, running.tasks(study, "sample"), places.stages)
    assert "sib200" in missing.missing and half.missing == "" and half.unknown == () and half.training > 0
    timed = sorted(piece.seconds["tags"] for piece in pieces.listed(study).values())
    assert half.scoring == pytest.approx(sum(timed) / 2 / estimate.blocks(study, "whole"))


def test_gains_from_a_clone_are_those_of_the_runs(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, places, _ = made
    clone = shutil.copytree(study.folder, tmp_path / "clone")
    pieces.unpack(grid.read(clone), tmp_path / "out")
    for name in pieces.listed(study):
        assert record.read(tmp_path / "out" / name / "tags").leaves == record.read(places.work / name / "tags").leaves

    def gained(root: Path) -> list[tuple[str, float, float | None]]:
        pairing = gains.pair_seeds(root / "whole/none", root / "whole/squad", "tags")
        (family,) = pairing.families
        return [(one.language, one.gain, one.from_documents) for one in pairing.gains(family)]

    assert gained(tmp_path / "out") == gained(places.work)


def test_the_tables_are_those_of_the_runs(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, places, _ = made
    kept = tables.Kept.unpacked(study, tmp_path / "out")
    lines = tables.page(kept).splitlines()
    pairing = gains.pair_seeds(places.work / "whole/none", places.work / "whole/squad", "tags")
    (german, english) = pairing.gains(pairing.families[0])[:2]
    assert (german.language, english.language) == ("de", "en")
    row = next(line for line in lines if line.startswith("| tags | English |"))
    assert row.startswith(f"| tags | English | {english.baseline:.1f} | {english.gain:+.1f}")
    assert "seed)" not in row and tables._gain(english, 2).endswith(" (1 seed)"), "a column of two, of which one has it"
    assert "| target | languages | baseline | squad (seed 1) |" in lines
    record = stage.Record.model_validate(json.loads((places.work / "whole/squad/seed-1/stages.json").read_text())[0])
    learned = [line.split(" | ") for line in lines if line.startswith(("| whole | intermediate", "| whole | target"))]
    assert [(row[2], row[3], row[8]) for row in learned] == [("udpos", "16", "1 |"), ("squad", "16", "1 |")]
    assert learned[1][4] == str(record.outcome.steps) and learned[1][5].startswith("f1 ")
    cells = tuple(replace(one, seed=2) if one.intermediate == "squad" else one for one in kept.cells)
    others = replace(kept, cells=cells)
    assert tables.gains_of(others, "whole") == [], "no seed in common"
    seconds = [sum(piece.seconds.values()) for piece in pieces.listed(study).values()]
    assert lines[-1].startswith("| whole | 2 |") and lines[-1].endswith(f"| {sum(seconds) / 3600:.2f} |")


def test_a_question_is_answered(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, _, _ = made
    from xstilts_eval.commands.questions import _run

    lines: list[str] = []
    questions.answer(study, 1, tmp_path / "my results", _run, lines.append)
    assert lines[:2] == ["1. Does it gain?", "not made yet: half/none/seed-1"]
    assert lines[2].startswith("$ xstilts gains ") and (tmp_path / "my results/gains.json").is_file()
    assert not [*(tmp_path / "my results").glob("*.csv")], "no step reads one"
    assert lines[3].startswith("$ xstilts score ")
    assert lines[4:] == [
        "left out until they are: xstilts score {results}/half/none",
        "What this cannot say: little.",
    ]


def test_the_tables_of_a_step_are_of_its_own_cells(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    """Two steps that read the same table each find theirs, so that a printed command can be typed again."""
    study, _, _ = made
    asked = """
questions:
  "7":
    title: Which?
    steps:
      - {command: "analyze scaling --runs {ladder}", cells: ["whole/*"], some: true}
      - {command: "analyze scaling --runs {ladder} --estimates {estimates}", cells: [whole/squad]}
      - {command: "analyze scaling --runs {ladder}", cells: [whole/none]}
    limits: much.
"""
    folder = shutil.copytree(study.folder, tmp_path / "asked")
    (folder / questions.FILE).write_text(asked, encoding="utf-8")
    commands: list[list[str]] = []

    def run(words: list[str]) -> bool:
        commands.append(words)
        return True

    questions.answer(grid.read(folder), 7, tmp_path / "my results", run, lambda _: None)
    ladders = [Path(words[3]) for words in commands]
    assert [path.name for path in ladders] == ["ladder-7-1.csv", "ladder-7-2.csv", "ladder-7-3.csv"]
    rows = [[line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]] for path in ladders]
    assert rows == [["whole/squad"], ["whole/squad"], []], "whatever other steps have unpacked"
    suits = Path(commands[1][5]).read_text(encoding="utf-8").splitlines()
    assert suits[0] == "intermediate,target,estimate,value" and len(suits) > 1
    assert all(row.startswith("squad,") for row in suits[1:])


def test_estimates_are_means_over_the_seeds_that_have_one(tmp_path: Path) -> None:
    study = grid.read(written(tmp_path, blocks=[block(intermediate=["squad"], seeds=[1, 2, 3])]))
    told: dict[int, dict[str, float]] = {1: {"udpos": 1.0, "sib200": 5.0}, 2: {"udpos": 4.0}, 3: {}}
    for cell in study.cells:
        said = [{"estimate": "LogME", "target": target, "value": value} for target, value in told[cell.seed].items()]
        place = tmp_path / str(cell) / pieces.ESTIMATES
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(said), encoding="utf-8")
    header, *rows = questions._estimates(study, [str(cell) for cell in study.cells], tmp_path)
    assert header == ["intermediate", "target", "estimate", "value"]
    assert rows == [["squad", "udpos", "LogME", 2.5], ["squad", "sib200", "LogME", 5.0]]


def test_a_question_without_cells(made: tuple[Study, Places, list[str]], tmp_path: Path) -> None:
    study, _, _ = made
    empty = shutil.copytree(study.folder, tmp_path / "empty")
    (empty / pieces.LIST).unlink()
    with pytest.raises(MissingData, match="question 1 has too few cells to be answered from"):
        questions.answer(grid.read(empty), 1, tmp_path / "out", lambda _: True, lambda _: None)
