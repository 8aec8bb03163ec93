"""Training data in other languages than English: put together, counted, hashed, recorded, and told in the scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.training import runs
from xstilts_eval.benchmark import family
from xstilts_eval.data import intermediate
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.paths import sample_path
from xstilts_eval.results import render, scoreboard
from xstilts_eval.results.record import Data, LeafResult, RunResult
from xstilts_eval.training import recipe, run
from xstilts_eval.training.material import Material, gather
from xstilts_eval.training.recipe import Stage, TaskEntry
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training_tasks import training_task

SIZES = {"et": 6, "sw": 4, "th": 3}
"""Items of XCOPA's validation file by language, in `data`."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XCOPA's validation files in three languages, made up, and the sample's English COPA."""
    root = tmp_path_factory.mktemp("data")
    for code, size in SIZES.items():
        rows = [
            {"premise": f"{code} premise {number}", "choice1": "a", "choice2": "b", "question": "cause"}
            | {"label": number % 2, "idx": number}
            for number in range(size)
        ]
        path = root / "xcopa" / "data" / code / f"val.{code}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "COPA").mkdir()
    for name in ("train.jsonl", "val.jsonl"):
        (root / "COPA" / name).write_bytes((sample_path() / "COPA" / name).read_bytes())
    return root


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


def gathered(data: Path, languages: Any, seed: int = 1, **more: Any) -> Material:
    settings = {name: more.pop(name) for name in ("limit", "development") if name in more}
    entry = TaskEntry(name="copa", source_language=languages, split="dev", **more)
    return gather(training_task("copa"), "copa", entry, StageSettings(**settings), str(data), seed)


# --- examples


def test_one_language_is_its_file(data: Path) -> None:
    found = gathered(data, "et")
    training: Any = found.training
    assert [doc["premise"] for doc in training] == [f"et premise {number}" for number in range(6)]
    assert {doc["language"] for doc in found.training} == {"et"}
    assert found.by_language == {"et": 6} and list(found.revisions.values()) == [found.revision]


def test_several_languages_are_put_together_and_counted(data: Path) -> None:
    found = gathered(data, ["sw", "et", "th"])
    assert found.by_language == {"sw": 4, "et": 6, "th": 3}
    assert [doc["language"] for doc in found.training] == ["sw"] * 4 + ["et"] * 6 + ["th"] * 3
    assert len({doc["id"] for doc in found.training}) == 13, "items of equal number are told apart"
    assert found.counts == {"examples": 13, "trained": 13, "held_out": 0, "not_drawn": 0, "development": 0}


@pytest.mark.parametrize("limit", [1, 5, 12])
@pytest.mark.parametrize("holdout", [0, 2])
def test_counts_add_up(data: Path, limit: int, holdout: int) -> None:
    found = gathered(data, ["et", "sw"], limit=limit, holdout=holdout)
    counts = found.counts
    assert counts["examples"] == counts["trained"] + counts["held_out"] + counts["not_drawn"] == 10
    assert sum(found.by_language.values()) == counts["trained"] == min(limit, 10 - 2 * holdout)
    assert counts["held_out"] == 2 * holdout, "the first of each language"
    trained, developed = ({doc["id"] for doc in part} for part in (found.training, found.development))
    assert not trained & developed


def test_a_dev_split_in_another_language_has_no_english_score(data: Path) -> None:
    """XCOPA's validation items are COPA's: English ones would be the same questions."""
    found = gathered(data, "et")
    assert found.development == () and any("give a holdout" in note for note in found.notes)


def test_a_language_without_data(data: Path) -> None:
    with pytest.raises(MissingData, match="no dev data of copa in 'vi'"):
        gathered(data, ["et", "vi"])


def test_pawsx_has_its_own_translation(tmp_path: Path) -> None:
    path = tmp_path / "pawsx" / "x-final" / "de" / "translated_train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("id\tsentence1\tsentence2\tlabel\n1\tEr kam.\tEs kam.\t0\n2\tSie ging.\tSie ging weg.\t1\n")
    loaded = intermediate.load(training_task("pawsx"), "train", tmp_path, "de")
    assert loaded.rows == 2 and "machine-translated" in loaded.notes[-1]
    with pytest.raises(MissingData, match=r"no train data of pawsx in 'fr' .*x-final/fr/translated_train\.tsv"):
        intermediate.load(training_task("pawsx"), "train", tmp_path, "fr")


# --- recipes


def test_a_stage_gives_its_tasks_their_language() -> None:
    tasks = ["copa", {"name": "mnli", "source_language": "de"}, {"name": "squad", "language": "sw"}]
    stage = Stage(source_language=["ko", "sw"], tasks=tasks)  # type: ignore[arg-type]
    assert [entry.source_language for entry in stage.tasks] == [("ko", "sw"), ("de",), ("sw",)]
    assert Stage(**stage.model_dump()) == stage
    assert Stage(tasks=["copa"]).tasks[0].source_language == ("en",)  # type: ignore[arg-type]


def test_languages_that_cannot_be(data: Path) -> None:
    content = {"name": "x", "base": "x/y"}
    for wrong, message in (([], "give one code or a list of codes"), (["de", "de"], "name each language once")):
        with pytest.raises(DataError, match=message):
            recipe.validated(content | {"targets": {"source_language": wrong, "tasks": ["udpos"]}}, "test")
    with pytest.raises(UnknownName, match="unknown language 'xx'"):
        recipe.validated(content | {"targets": [{"name": "udpos", "source_language": ["de", "xx"]}]}, "test")


def test_the_controls_differ_in_nothing_but_the_language() -> None:
    for task in ("tydiqa", "udpos"):
        multilingual, english = (
            recipe.read(recipe.shipped()[name]).model_dump()
            for name in (f"multilingual_{task}", f"english_{task}_subsampled")
        )  # fmt: skip
        (stage,), (control,) = multilingual["intermediate"], english["intermediate"]
        assert "en" not in stage["source_language"] and control["source_language"] == ("en",)
        for one in (stage, control):
            del one["source_language"]
            for entry in one["tasks"]:
                del entry["source_language"]
        assert stage == control and multilingual["targets"] == english["targets"]
        settings = stage["settings"]
        batch, epochs = {"tydiqa": (16, 2), "udpos": (32, 10)}[task]  # jiant's
        assert settings["max_steps"] == epochs * settings["limit"] / batch, "every example makes at least one row"


# --- hash and records


def content(base: Path, languages: Any, **more: Any) -> dict[str, Any]:
    task = {"name": "copa", "source_language": languages, "split": "dev"}
    return runs.content(base, runs.quick("copa"), runs.quick([task]), **more)


def plans(base: Path, data: Path, languages: Any) -> Any:
    return run.plans(recipe.validated(content(base, languages), "test"), 1, str(data))


def test_another_language_makes_another_stage(base: Path, data: Path) -> None:
    found = [plans(base, data, languages) for languages in ("et", "sw", ["et", "sw"], ["sw", "et"], ["et"])]
    keys = [planned[0].key for planned in found]
    assert len(set(keys[:4])) == 4 and keys[4] == keys[0], "['et'] is et; the order of languages is that of examples"
    assert len({planned[1].key for planned in found[:4]}) == 4, "and another parent for what comes after"
    assert cast(Any, found[2][0].identity["tasks"])[0]["language"] == ["et", "sw"]


def test_english_stages_keep_their_hash(base: Path) -> None:
    """Stages that were trained before other languages could be named are found again."""
    (planned,) = run.plans(runs.recipe_of(base, runs.quick("mnli")), 1, "sample")
    (task,) = cast(Any, planned.identity["tasks"])
    assert task["language"] == "en"
    assert task.keys() == {
        "task", "head", "language", "split", "holdout", "weight", "revision", "development",
        "epochs", "batch_size", "max_length", "limit",
    }  # fmt: skip


def test_a_changed_file_of_one_language_makes_another_stage(base: Path, data: Path, tmp_path: Path) -> None:
    import shutil

    before = plans(base, data, ["et", "sw"])[0].key
    shutil.copytree(data, tmp_path / "data")
    path = tmp_path / "data/xcopa/data/sw/val.sw.jsonl"
    path.write_text(path.read_text().replace("premise 1", "premise one"))
    assert plans(base, tmp_path / "data", ["et", "sw"])[0].key != before
    assert plans(base, tmp_path / "data", "et")[0].key == plans(base, data, "et")[0].key


def test_bundle_and_stage_say_what_was_trained_on(base: Path, data: Path, tmp_path: Path) -> None:
    wanted = recipe.validated(content(base, ["et", "sw"]), "test")
    run.run(wanted, tmp_path / "out", str(data), say=lambda _: None)
    first, second = run.plans(wanted, 1, str(data))
    record = runs.record(first.folder(tmp_path / "stages"))
    assert record["languages"] == ["et", "sw"] and record["tasks"]["copa"]["by_language"] == {"et": 6, "sw": 4}
    assert runs.record(second.folder(tmp_path / "stages"))["languages"] == ["en", "et", "sw"]
    bundle = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert bundle["languages"]["encoder"] == ["et", "sw"]
    assert bundle["languages"][bundle["heads"]["xcopa"]["path"]] == ["en", "et", "sw"]
    assert {name: text.partition("@")[0] for name, text in bundle["data_revisions"].items()} == {
        "copa.et": "dev", "copa.sw": "dev", "copa.en": "train",
    }  # fmt: skip
    checkpoint = resolve(str(tmp_path / "out"))
    assert checkpoint.trained_on(family("xtremer_xcopa")) == ("en", "et", "sw")
    assert checkpoint.trained_on(family("tatoeba")) == ("et", "sw")
    replaced = resolve(str(tmp_path / "out"), heads={"xcopa": str(base)})
    assert replaced.trained_on(family("xtremer_xcopa")) == ()


def test_a_run_of_the_same_recipe_in_its_older_form_is_the_same(base: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(base, runs.quick("copa"))
    older = wanted.model_dump(mode="json")
    del older["targets"]["source_language"]
    entry = older["targets"]["tasks"][0]
    entry["language"] = entry.pop("source_language")[0]
    (tmp_path / run.RECIPE).write_text(json.dumps({"recipe": older}))
    run.check_output(wanted, tmp_path, overwrite=False)
    entry["language"] = "de"
    (tmp_path / run.RECIPE).write_text(json.dumps({"recipe": older}))
    with pytest.raises(SettingError, match="made by another recipe"):
        run.check_output(wanted, tmp_path, overwrite=False)


# --- scores


def leaf(name: str, trained_on: tuple[str, ...]) -> LeafResult:
    data = Data(source="local", split="test", revision="r", complete=True, documents=1)
    metrics = {"acc": 0.5, "f1": 0.5, "exact_match": 0.5}
    return LeafResult(
        leaf=name, metrics=metrics, intervals={}, selected=1, scored=1, unparsed=0, data=data, signature="",
        trained_on=trained_on,
    )  # fmt: skip


def test_a_row_names_the_languages_that_are_not_zero_shot() -> None:
    names = ("xtreme.xnli.sw", "xtreme.xnli.de", "xtreme.xnli.en", "xtreme.tatoeba.ko", "flores200.retrieval.kor_Hang")
    trained = ("en", "ko", "sw")
    run_ = RunResult(checkpoint="x", leaves=tuple(leaf(name, trained) for name in names))
    board = scoreboard.build([run_])
    found = {group: row.trained_on for group, row in board.families.items()}
    assert found == {"xtreme_xnli": ("sw",), "xtreme_tatoeba": ("ko",), "flores200-retrieval": ("kor_Hang",)}
    assert "trained on sw (not zero-shot)" in render.markdown(board)
    english = RunResult(checkpoint="x", leaves=tuple(leaf(name, ("en",)) for name in names))
    assert "trained on" not in render.markdown(scoreboard.build([english]))
