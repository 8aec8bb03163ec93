"""Intermediate heads: which one a bundle left, and that its outputs are those that transformers gives."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xstilts_eval import bundle
from xstilts_eval.analysis.relatedness import heads, representations, transferability
from xstilts_eval.analysis.relatedness import measure as relatedness_measure
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import MissingData, NumericError
from xstilts_eval.models.heads import HEADS
from xstilts_eval.paths import sample_path

UDPOS, PAWSX, XCOPA, XQUAD = (
    FAMILIES[name] for name in ("xtreme_udpos", "xtreme_pawsx", "xtremer_xcopa", "xtreme_xquad")
)


def loaded(head: Any) -> Any:
    return representations.load(head.folder, auto_class=HEADS.of(head.kind).auto_class)


def documents(family: Any, limit: Any = 20) -> Any:
    return heads.english(family, sample_path(), limit)


def write_bundle(folder: Path, trained: dict[str, str], recipe: str, intermediate: list[list[str]] | None) -> Path:
    """A bundle's small files only; `trained` maps a task to its head's sub-folder."""
    folder.mkdir(parents=True)
    parts = {task: {"path": path, "head": "x"} for task, path in trained.items()}
    content = {"format": 1, "encoder": "encoder", "trained": parts, "recipe": recipe}
    (folder / "bundle.json").write_text(json.dumps(content), encoding="utf-8")
    if intermediate is not None:
        stages = [{"tasks": [{"name": name} for name in stage]} for stage in intermediate]
        (folder / "recipe.json").write_text(json.dumps({"recipe": {"intermediate": stages}}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("trained", "recipe", "intermediate", "found"), [
    ({"hellaswag": "hellaswag-a1/hellaswag", "udpos": "udpos-b2/udpos"}, "r: hellaswag@a1 → udpos@b2",
     [["hellaswag"]], {"hellaswag": "hellaswag-a1/hellaswag"}),
    ({"hellaswag": "hellaswag/hellaswag"}, "r: hellaswag@a1 → udpos@b2", [["hellaswag"]],
     {"hellaswag": "hellaswag/hellaswag"}),
    ({"pawsx": "pawsx-c3/pawsx"}, "r: pawsx@a1 → pawsx@c3", [["pawsx"]], {"pawsx": "target's stage"}),
    ({"pawsx": "pawsx/pawsx"}, "r: pawsx@a1 → pawsx@c3", [["pawsx"]], {"pawsx": "target's stage"}),
    ({"squad": "squad-a1/squad"}, "r: squad@a1 → udpos@b2", [["squad"]], {"squad": "kind 'question' has no classes"}),
    ({"siqa": "siqa+copa-a1/siqa", "copa": "siqa+copa-a1/copa"}, "r: siqa+copa@a1 → udpos@b2", [["siqa", "copa"]],
     {"siqa": "siqa+copa-a1/siqa", "copa": "siqa+copa-a1/copa"}),
    ({"udpos": "udpos-b2/udpos"}, "r: hellaswag@a1 → udpos@b2", [["hellaswag"]], {"hellaswag": "no head was kept"}),
    ({"udpos": "udpos-b2/udpos"}, "r: udpos@b2", [], {}),
])  # fmt: skip
def test_which_head_is_the_intermediate_one(tmp_path, trained, recipe, intermediate, found):
    folder = write_bundle(tmp_path / "b", trained, recipe, intermediate)
    for head in heads.of(folder):
        expected = found.pop(head.task)
        if head.folder:
            assert head.folder == folder / expected
        else:
            assert expected in head.reason
    assert not found


def test_a_checkpoint_that_does_not_say(tmp_path):
    with pytest.raises(MissingData, match="is no bundle"):
        heads.of(tmp_path)
    with pytest.raises(MissingData, match=r"has no recipe\.json"):
        heads.of(write_bundle(tmp_path / "b", {"siqa": "siqa/siqa"}, "r: siqa@a1", None))


@pytest.fixture(scope="module")
def stage(tiny_bundle: Path, tmp_path_factory: Any) -> Path:
    """The tiny bundle as a stage that was trained on four tasks."""
    folder: Path = tmp_path_factory.mktemp("stage") / "stage"
    shutil.copytree(tiny_bundle, folder)
    trained = {"udpos": ("udpos", "upos"), "pawsx": ("pawsx", "paraphrase"), "copa": ("xcopa", "choice"),
               "squad": ("qa", "span")}  # fmt: skip
    made = bundle.read(folder).model_copy(
        update={"trained": {task: bundle.TrainedHead(path=path, head=head) for task, (path, head) in trained.items()}}
    )
    bundle.write(made, folder)
    (folder / "stage.json").write_text("{}", encoding="utf-8")
    return folder


def test_probabilities_are_those_of_transformers(stage):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

    found: Any = {head.task: head for head in heads.of(stage)}
    target = documents(UDPOS)
    values = heads.probabilities(loaded(found["udpos"]),
                                 target)  # fmt: skip
    assert values.shape == (len(target.labels), 17)
    tokenizer = AutoTokenizer.from_pretrained(stage / "udpos")
    tokens = list(target.examples[0].tokens)
    encoding = tokenizer(tokens, is_split_into_words=True, return_tensors="pt")
    first = [encoding.word_ids().index(n) for n in range(len(tokens))]
    with torch.inference_mode():
        logits = AutoModelForTokenClassification.from_pretrained(stage / "udpos")(**encoding).logits[0, first]
    assert values[: len(tokens)] == pytest.approx(torch.softmax(logits, -1).numpy(), abs=1e-5)

    target = documents(PAWSX)
    values = heads.probabilities(loaded(found["pawsx"]),
                                 target)  # fmt: skip
    one = target.examples[1]
    with torch.inference_mode():
        model = AutoModelForSequenceClassification.from_pretrained(stage / "pawsx")
        encoding = AutoTokenizer.from_pretrained(stage / "pawsx")(one.premise, one.hypothesis, return_tensors="pt")
        assert values[1] == pytest.approx(torch.softmax(model(**encoding).logits[0], -1).numpy(), abs=1e-5)


def test_a_head_that_knows_the_answers():
    labels = ["0", "1", "1", "0"]
    sure = np.array([[0.99, 0.01], [0.01, 0.99], [0.01, 0.99], [0.99, 0.01]])
    found: Any = heads.from_probabilities(sure, labels)
    assert found[heads.NCE] == pytest.approx(0) and found[heads.AGREEMENT] == pytest.approx(1)
    assert found[heads.LEEP] == pytest.approx(transferability.leep(sure, labels))
    with pytest.raises(NumericError):
        heads.from_probabilities(sure, ["0"] * 4)


def test_heads_and_targets_that_do_not_meet(stage):
    by_task: Any = {head.task: head for head in heads.of(stage)}
    with pytest.raises(MissingData, match="a head for pairs says nothing about words"):
        heads.from_head(by_task["pawsx"], documents(UDPOS))
    with pytest.raises(MissingData, match="a head for datasets of the kind 'question' has no classes to ask about"):
        heads.from_head(by_task["squad"], documents(UDPOS))
    with pytest.raises(MissingData, match="no classes to ask about in datasets of the kind 'question'"):
        documents(XQUAD)
    assert heads.same_type([by_task["squad"]], XQUAD) == 1 and heads.same_type([by_task["squad"]], UDPOS) == 0


@pytest.mark.slow
def test_all_estimates_of_a_run_and_what_is_left_out(stage):
    """Random weights: only form, units and reasons can be asserted."""
    one = relatedness_measure.Checkpoint("run", stage, stage / "encoder")
    gone = relatedness_measure.Checkpoint("other", stage / "none", None)
    targets = ["xtreme_udpos", "xtreme_pawsx", "xtreme_xquad", "xtreme_tatoeba"]
    found = relatedness_measure.estimates([one, gone], targets, "sample", 30)
    for name in (heads.LEEP, heads.NCE, heads.AGREEMENT, "LogME", "H-score", "H-score, regularised"):
        assert set(found.estimates[name]) == {"run"}
        assert set(found.estimates[name]["run"]) <= {"xtreme_udpos", "xtreme_pawsx"}
        assert "xtreme_udpos" in found.estimates[name]["run"]
    assert found.estimates[heads.SAME_HEAD]["run"] == {
        "xtreme_udpos": 1.0, "xtreme_pawsx": 1.0, "xtreme_xquad": 1.0, "xtreme_tatoeba": 0.0
    }  # fmt: skip
    notes = "\n".join(found.notes)
    assert "bundled sample" in notes and "in datasets of the kind 'question'" in notes and "no classes" in notes
    assert "other: no estimates" in notes


def test_options_count_one_by_one(stage):
    target = heads.English(XCOPA, "test", tuple(documents_of_copa()))
    features, labels = heads.features(representations.load(stage / "encoder"), target)
    assert features.shape == (6, 32) and labels == ["1", "0", "0", "1", "1", "0"]
    by_task: Any = {head.task: head for head in heads.of(stage)}
    assert set(heads.from_head(by_task["copa"], target)) == {heads.LEEP, heads.NCE, heads.AGREEMENT}


def documents_of_copa() -> Any:
    from xstilts_eval.data.examples import Choice

    return [Choice(str(n), "The street was wet.", "cause", ("It had rained.", "It was noon."), label)
            for n, label in enumerate((0, 1, 0))]  # fmt: skip
