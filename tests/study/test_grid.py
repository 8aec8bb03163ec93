"""The grid of a study: what cells it has, what is trained for them, and what is refused."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.study import grid, questions

STUDY = Path(__file__).parents[2] / "study"


def content(**changes: Any) -> dict[str, Any]:
    base = {"weights": "minilm", "parameters": 10, "embeddings": 5}
    found = {
        "title": "small",
        "settings": {"epochs": 1},
        "bases": {"whole": base, "half": base | {"layers": 1}},
        "intermediate": {
            "none": {},
            "squad": {"tasks": ["squad"]},
            "topics": {"tasks": ["sib200"], "leaves": ["sib200"]},
        },
        "targets": {"udpos": "udpos", "sib200": "sib200", "mnli": "mnli"},
        "parts": {
            "tags": {"tasks": ["xtreme_udpos"], "limit": 4, "needs": ["udpos"]},
            "topics": {"tasks": ["sib200"], "needs": ["sib200"]},
            "far": {"tasks": ["americasnli"], "heads": {"americasnli": "mnli"}},
            "pairs": {"tasks": ["xtreme_tatoeba"]},
        },
        "blocks": [{"bases": ["whole"], "intermediate": ["none"], "seeds": [1], "parts": ["tags"]}],
    }
    return found | changes


def written(folder: Path, **changes: Any) -> Path:
    made = content(**changes)
    made["targets"] = {name: {"name": name} for name in made["targets"]}
    for entry in made["intermediate"].values():
        entry |= {"tasks": [{"name": name} for name in entry["tasks"]]} if "tasks" in entry else {}
    (folder / grid.FILE).write_text(yaml.safe_dump(made, sort_keys=False), encoding="utf-8")
    return folder


def block(**changes: Any) -> dict[str, Any]:
    return {"bases": ["whole"], "intermediate": ["none"], "seeds": [1], "parts": ["tags"]} | changes


def test_cells_come_in_the_order_of_the_blocks_with_all_their_parts(tmp_path: Path) -> None:
    blocks = [
        block(intermediate=["none", "squad"], seeds=[1]),
        block(bases=["half", "whole"], seeds=[1, 2], parts=["pairs", "tags"]),
    ]
    study = grid.read(written(tmp_path, blocks=blocks))
    assert [(str(cell), cell.parts) for cell in study.cells] == [
        ("whole/none/seed-1", ("tags", "pairs")),
        ("whole/squad/seed-1", ("tags",)),
        ("half/none/seed-1", ("pairs", "tags")),
        ("half/none/seed-2", ("pairs", "tags")),
        ("whole/none/seed-2", ("pairs", "tags")),
    ]


def test_what_a_cell_trains(tmp_path: Path) -> None:
    """A target for every head that is asked, but for those that the intermediate stage leaves."""
    blocks = [block(bases=["half"], intermediate=["topics"], seeds=[3], parts=["tags", "topics", "far"])]
    study = grid.read(written(tmp_path, blocks=blocks))
    recipe = study.recipe(study.cells[0], Path("weights"))
    assert [entry.name for entry in recipe.targets.tasks] == ["udpos", "mnli"] and recipe.seeds == (3,)
    assert [entry.name for entry in recipe.intermediate[0].tasks] == ["sib200"]
    assert recipe.targets.settings == recipe.intermediate[0].settings == {"epochs": 1, "layers": 1}


def test_intermediate_stages_of_other_settings(tmp_path: Path) -> None:
    """Those of an entry over those of all intermediate stages, and these over the grid's; targets have the grid's."""
    between = {"none": {}, "squad": {"tasks": ["squad"], "settings": {"epochs": 3}}}
    changes = {"intermediate": between, "intermediate_settings": {"learning_rate": 5e-5, "epochs": 2}}
    study = grid.read(written(tmp_path, blocks=[block(intermediate=["squad"])], **changes))
    recipe = study.recipe(study.cells[0], Path("weights"))
    assert recipe.intermediate[0].settings == {"epochs": 3, "learning_rate": 5e-5}
    assert recipe.targets.settings == {"epochs": 1}


def test_what_moves_the_settings_of_a_cell(tmp_path: Path) -> None:
    def settings(**changes: Any) -> str:
        study = grid.read(written(tmp_path, **changes))
        return study.settings_of(study.cells[0])

    first = settings()
    assert first == settings(title="other") == settings(blocks=[block(), block(seeds=[2])])
    parts = content()["parts"]
    others = [
        settings(settings={"epochs": 2}),
        settings(blocks=[block(intermediate=["squad"])]),
        settings(blocks=[block(bases=["half"])]),
        settings(parts=parts | {"tags": parts["tags"] | {"limit": 5}}),
    ]
    assert len({first, *others}) == 5


def test_settings_of_an_intermediate_stage_are_the_same_wherever_they_stand(tmp_path: Path) -> None:
    def settings(between: str, own: dict[str, Any] | None = None, **changes: Any) -> str:
        entries = {"none": {}, "squad": {"tasks": ["squad"]} | ({"settings": own} if own else {})}
        blocks = [block(intermediate=[between])]
        study = grid.read(written(tmp_path, intermediate=entries, blocks=blocks, **changes))
        return study.settings_of(study.cells[0])

    slow, fast = {"learning_rate": 5e-5}, {"learning_rate": 2e-4}
    assert settings("squad", slow) == settings("squad", intermediate_settings=slow) != settings("squad")
    as_all = {"settings": {"epochs": 1} | fast}
    assert settings("squad", fast, intermediate_settings=slow, **as_all) == settings("squad", **as_all)
    assert settings("none", intermediate_settings=slow) == settings("none"), "it has no such stage"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"blocks": []}, "blocks"),
        ({"blocks": [block(bases=["big"])]}, "no base is called 'big'; there are whole, half"),
        ({"blocks": [block(intermediate=["mnli"])]}, "no intermediate entry is called 'mnli'"),
        ({"blocks": [block(parts=["x"])]}, "no part is called 'x'; there are tags, topics, far, pairs"),
        ({"parts": {"tags": {"tasks": ["udpos"], "needs": ["ner"]}}}, "no target is called 'ner'"),
        ({"bases": {"whole": {"weights": "bert", "parameters": 1, "embeddings": 0}}}, "no weights are called 'bert'"),
        ({"settings": {"learning_rat": 1e-4}}, "no setting of a stage is called 'learning_rat'"),
        ({"intermediate_settings": {"rate": 1e-4}}, "no setting of a stage is called 'rate'; there are learning_rate"),
        ({"intermediate": {"none": {}, "squad": {"tasks": ["squad"], "settings": {"epoch": 3}}}}, "is called 'epoch'"),
        ({"intermediate": {"none": {"settings": {"epochs": 3}}}}, "settings epochs of an entry without tasks"),
        ({"more": 1}, "more"),
        ({"bases": {"../..": {"weights": "minilm", "parameters": 1, "embeddings": 0}}}, r"bases\.\.\./\.\."),
        ({"parts": {"a/b": {"tasks": ["udpos"]}}}, r"parts\.a/b"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as raised:
        grid.read(written(tmp_path, **changes))
    assert str(tmp_path / grid.FILE) in str(raised.value) and "\n" not in str(raised.value)


def test_cells_that_it_does_not_have(tmp_path: Path) -> None:
    study = grid.read(written(tmp_path))
    with pytest.raises(SettingError, match="the study has whole/none with seeds 1; asked for whole/none/seed-4"):
        study.cell("whole/none/seed-4")
    with pytest.raises(UnknownName, match="unknown cell of the study 'whole/nome/seed-1'; did you mean"):
        study.cell("whole/nome/seed-1")
    with pytest.raises(MissingData, match=r"holds no study: there is no study\.yaml"):
        grid.read(tmp_path / "nowhere")


def test_a_cell_that_trains_nothing(tmp_path: Path) -> None:
    study = grid.read(written(tmp_path, blocks=[block(parts=["pairs"])]))
    with pytest.raises(SettingError, match="trains nothing; score its base with xstilts eval"):
        study.recipe(study.cells[0], Path("weights"))


def test_the_study_of_this_project() -> None:
    """Its grid can be read, every question asks for cells that it has, and its parameters are those of the weights."""
    study = grid.read(STUDY)
    assert {cell.base for cell in study.cells} == {*study.grid.bases}
    rows = {f"{cell.base}/{cell.intermediate}" for cell in study.cells}
    asked = questions.read(study)
    assert [*asked] == [1, 2, 3, 4, 5]
    for question in asked.values():
        for step in question.steps:
            for pattern in step.cells:
                assert any(fnmatch(row, pattern) for row in rows), pattern
    for base in study.grid.bases.values():
        width, layer = 384, 12 * 384 * 384 + 13 * 384  # a block of BERT: 4 w² + 8 w² weights, 13 w biases and norms
        pooler = width * width + width
        blocks = base.layers or {"e5": 12, "minilm": 6}[base.weights]
        assert base.parameters - base.embeddings == blocks * layer + pooler


def test_reading_a_study_runs_nothing_of_it(tmp_path: Path) -> None:
    """A task of the study's own is unknown until its file is named, and only whoever trains it must know it."""
    intermediate = content()["intermediate"] | {"theirs": {"tasks": ["theirs"]}}
    folder = written(tmp_path, intermediate=intermediate, blocks=[block(intermediate=["theirs"])])
    (folder / "datasets").mkdir()
    (folder / "datasets/theirs.py").write_text("raise SystemExit('this ran')", encoding="utf-8")
    study = grid.read(folder)
    assert study.settings_of(study.cells[0])
    with pytest.raises(UnknownName, match="unknown training task 'theirs'"):
        study.recipe(study.cells[0], Path("weights"))


@pytest.mark.parametrize(
    "command", ["push x", "train r", "gains a b --include evil.py", "gains a --include=evil.py", "", "gains 'a"]
)
def test_a_question_runs_only_what_reads_results(command: str, tmp_path: Path) -> None:
    asked = {"questions": {"1": {"title": "t", "limits": "l", "steps": [{"command": command}]}}}
    folder = written(tmp_path)
    (folder / questions.FILE).write_text(yaml.safe_dump(asked), encoding="utf-8")
    with pytest.raises(DataError, match=r"questions\.1\.steps\.0\.command: the command "):
        questions.read(grid.read(folder))
