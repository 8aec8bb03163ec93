"""`xstilts train` on its best and its worst input: one sentence, exit code 2, and nothing in the place of a bundle."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training import architectures, runs
from xstilts_eval import bundle, cli
from xstilts_eval.errors import SettingError
from xstilts_eval.training import request

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def xstilts(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line in this process: exit code, what it printed, and its error."""
    before = signal.getsignal(signal.SIGINT)

    def call(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["xstilts", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capfd.readouterr()
        return int(caught.value.code or 0), out, err

    yield call
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


def refused(xstilts: Cli, folder: Path, content: dict[str, Any], data: Any = "sample") -> str:
    """The one sentence of a recipe that cannot be trained; no bundle and no stage may be there afterwards."""
    written = runs.write(content, folder)
    code, _, err = xstilts("train", written, "-o", folder / "out", "--data", data)
    assert code == 2, err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if "xstilts: error: " in line]
    assert len(lines) == 1 and err.rstrip().endswith(lines[0])
    assert not (folder / "out").exists()
    assert not [path for path in folder.glob("stages/*") if not path.name.startswith(".")]
    return lines[0].removeprefix("xstilts: error: ")


def test_a_bundle_is_trained_and_found_again(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    options = ("--base", base, "--intermediate", "hellaswag", "--targets", "xquad,mlqa,udpos", "--data", "sample")
    quick = [f"--set={part}.{key}" for part in ("intermediate", "targets") for key in ("limit=8", "epochs=1")]
    code, out, _ = xstilts("train", *options, *quick, "-o", tmp_path / "out")
    assert code == 0
    assert set(bundle.read(tmp_path / "out").heads) == {"xquad", "mlqa", "tydiqa", "udpos"}
    trained = [line for line in out.splitlines() if re.search(r" steps?, ", line)]
    assert [line.split()[1] for line in trained] == ["hellaswag", "squad", "udpos"]
    assert out.rstrip().endswith(f"bundle of recipe xstilts_hellaswag, seed 1: {tmp_path / 'out'}")
    code, out, _ = xstilts("train", *options, *quick, "-o", tmp_path / "out")
    assert code == 0 and out.count("is there already") == 3 and not re.search(r" steps?, ", out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intermidiate": []}, "unknown key intermidiate; allowed there: name, description, base"),
        ({"targets": ["udpoz"]}, "unknown training task 'udpoz'; did you mean udpos"),
        ({"targets": runs.quick("udpos", learning_rate=-1)}, "recipe tiny: learning_rate: Input should be"),
        ({"targets": runs.quick("udpos", lerning_rate=1)}, "unknown setting of a stage (recipe tiny) 'lerning_rate'"),
        ({"targets": runs.quick("udpos", max_length=4096)}, "max_length 4096;"),
        ({"targets": runs.quick([{"name": "udpos", "holdout": 200}])}, "udpos: a holdout of 200 leaves none of 200"),
        ({"targets": runs.quick([{"name": "mnli", "language": "xx"}])}, "xx"),
        ({"intermediate": [runs.quick(["anli_plus", "mnli"])]}, "the stage trains on mnli twice; name each task once"),
        (
            {"intermediate": [runs.quick([{"name": "mnli", "weight": 0.5}, {"name": "squad", "weight": 0.6}])
                              | {"mixture": {"method": "weights"}}]},
            "mixture weights mnli 0.5, squad 0.6 do not sum to 1",
        ),
        ({"intermediate": [runs.quick(["mnli", "squad"]) | {"mixture": {"method": "capped"}}]}, "needs a cap"),
        ({"targets": {"tasks": ["hellaswag"], "preset": "jiant"}}, "'jiant' has no hyper-parameters for hellaswag"),
        ({"base": "nowhere/at-all"}, "'nowhere/at-all' is neither a local folder nor a hub checkpoint"),
    ],
)  # fmt: skip
def test_recipes_that_cannot_be_trained(
    changes: dict[str, Any], message: str, xstilts: Cli, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert message in refused(xstilts, tmp_path, runs.content(base, runs.quick("udpos")) | changes)


def test_settings_of_one_task_that_belong_to_the_stage(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    stage = runs.quick([{"name": "mnli", "settings": {"warmup": 0.5}}, "squad"])
    said = refused(xstilts, tmp_path, runs.content(base, None, stage))
    assert "warmup of mnli belongs to the whole stage; a task of a mixture has its own epochs, batch_size" in said


# --- data


def mnli_of(folder: Path, labels: str) -> Path:
    """MultiNLI's own format, one pair a label."""
    names = {"e": "entailment", "n": "neutral", "c": "contradiction", "?": "-"}
    lines = [
        json.dumps({"pairID": str(n), "sentence1": f"One {n}.", "sentence2": f"Two {n}.", "gold_label": names[label]})
        for n, label in enumerate(labels)
    ]
    (folder / "multinli_1.0").mkdir(parents=True)
    (folder / "multinli_1.0" / "multinli_1.0_train.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("", "multinli_1.0_train.jsonl"),
        ("??", "multinli_1.0_train.jsonl"),
        ("eee", "mnli: all 3 training pairs have"),
    ],
)
def test_sets_that_teach_nothing(labels: str, message: str, xstilts: Cli, base: Path, tmp_path: Path) -> None:
    data = mnli_of(tmp_path / "data", labels)
    said = refused(xstilts, tmp_path, runs.content(base, runs.quick("mnli")), data)
    assert message in said
    assert labels == "eee" or any(word in said for word in ("no ", "empty", "none")), said


def ccg_of(folder: Path, tags: str, names: dict[str, int]) -> Path:
    (folder / "ccg").mkdir(parents=True)
    (folder / "ccg" / "ccg.train").write_text(f"We see\t{tags}\n" * 4)
    (folder / "ccg" / "tags_to_id.json").write_text(json.dumps(names))
    return folder


@pytest.mark.parametrize(
    ("tags", "names"),
    [("NP S", {"NP": 0}), ("NP S", {"NP": 0, "S": 0}), ("NP S", {"NP": 0, "S": 7}), ("NP", {"NP": 0, "S": 1})],
)
def test_label_maps_that_cannot_be(tags: str, names: dict[str, int], xstilts: Cli, base: Path, tmp_path: Path) -> None:
    said = refused(
        xstilts, tmp_path, runs.content(base, None, runs.quick("ccg")), ccg_of(tmp_path / "data", tags, names)
    )
    assert "ccg" in said


def test_sentences_of_a_single_tag(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    data = ccg_of(tmp_path / "data", "NP NP", {"NP": 0, "S": 1})
    said = refused(xstilts, tmp_path, runs.content(base, None, runs.quick("ccg")), data)
    assert "ccg: all 4 training sentences have the label 'NP' alone; a classifier needs two" in said


def test_a_ccg_folder_that_is_not_there(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    said = refused(xstilts, tmp_path, runs.content(base, None, runs.quick("ccg")), tmp_path / "data")
    assert "ccg.train" in said and "tags_to_id.json" in said and str(tmp_path / "data") in said


def test_answers_that_are_not_in_the_context(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    """Dropped, counted and named; the others are trained on."""
    questions = [
        {"id": f"q{n}", "question": "Who?", "answers": [{"text": answer, "answer_start": 0}]}
        for n, answer in enumerate(["Ada", "Bob", "Ada"])
    ]
    paragraph = {"context": "Ada wrote it.", "qas": questions}
    (tmp_path / "data" / "squad").mkdir(parents=True)
    (tmp_path / "data" / "squad" / "train-v1.1.json").write_text(
        json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": [paragraph]}]})
    )
    written = runs.write(runs.content(base, runs.quick("squad")), tmp_path)
    code, out, err = xstilts("train", written, "-o", tmp_path / "out", "--data", tmp_path / "data")
    assert code == 0, err
    assert "2 trained" in out and "q1" in out and "dropped" in out
    _, out, _ = xstilts("train", written, "-o", tmp_path / "out", "--data", tmp_path / "data")
    assert "is there already" in out


# --- bases


def test_a_base_without_a_tokenizer(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "bare", ignore=shutil.ignore_patterns("tokenizer*"))
    said = refused(xstilts, tmp_path, runs.content(tmp_path / "bare", runs.quick("mnli")))
    assert f"{tmp_path / 'bare'}: " in said and "tokenizer" in said


@pytest.mark.parametrize("size", [40, 20_000])
def test_a_tokenizer_of_another_model(size: int, xstilts: Cli, base: Path, tmp_path: Path) -> None:
    import transformers

    shutil.copytree(base, tmp_path / "foreign")
    config = transformers.AutoConfig.from_pretrained(base)
    config.vocab_size = size
    transformers.BertModel(config).save_pretrained(tmp_path / "foreign")
    said = refused(xstilts, tmp_path, runs.content(tmp_path / "foreign", runs.quick("mnli")))
    assert "belongs to another model" in said and f"the model {size}" in said


def test_a_base_with_broken_weights(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no weights")
    said = refused(xstilts, tmp_path, runs.content(tmp_path / "broken", runs.quick("mnli")))
    assert "cannot load safetensors weights" in said


# --- places


def test_a_folder_of_another_recipe_is_left_alone(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    first = runs.write(runs.content(base, runs.quick("mnli", limit=8)), tmp_path / "first")
    other = runs.write(runs.content(base, runs.quick("mnli", limit=9)), tmp_path / "other")
    options = ("-o", tmp_path / "out", "--data", "sample")
    assert xstilts("train", first, *options)[0] == 0
    before = (tmp_path / "out" / "recipe.json").read_bytes()
    code, _, err = xstilts("train", other, *options)
    assert code == 2 and "was made by another recipe (tiny, other settings than now)" in err
    assert (tmp_path / "out" / "recipe.json").read_bytes() == before
    assert xstilts("train", other, *options, "--overwrite")[0] == 0
    assert (tmp_path / "out" / "recipe.json").read_bytes() != before


def test_a_folder_of_somebody_is_left_alone(xstilts: Cli, base: Path, tmp_path: Path) -> None:
    written = runs.write(runs.content(base, runs.quick("mnli", limit=8)), tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    for overwrite in ([], ["--overwrite"]):
        code, _, err = xstilts("train", written, "-o", tmp_path / "mine", "--data", "sample", *overwrite)
        assert code == 2 and "exists and is no run of a recipe; give another --output" in err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("place", ["out", "stages"])
def test_a_file_in_the_place_of_a_folder(place: str, xstilts: Cli, base: Path, tmp_path: Path) -> None:
    written = runs.write(runs.content(base, runs.quick("mnli", limit=8)), tmp_path)
    (tmp_path / place).write_text("a file")
    code, _, err = xstilts("train", written, "-o", tmp_path / "out", "--data", "sample")
    assert code == 2 and "Traceback" not in err and err.rstrip().splitlines()[-1].startswith("xstilts: error: ")
    assert (tmp_path / place).read_text() == "a file"


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": None, "base": None}, "give a recipe, or --base with --intermediate and --targets; shipped recipes: "),
        ({"name": "baseline", "targets": ["udpos"]}, "give a recipe, or --base with .* not both"),
        ({"seeds": ["one"]}, "--seeds 'one': seeds are whole numbers"),
        ({"changes": ["targets.epochs"]}, "--set 'targets.epochs': write targets.NAME=VALUE"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    given = {"name": "baseline", "base": None, "intermediate": [], "targets": [], "seeds": [], "changes": []} | options
    with pytest.raises(SettingError, match=message):
        request.recipe_of(**given)


def test_the_base_of_a_recipe_can_be_replaced(tmp_path: Path) -> None:
    given: dict[str, Any] = {"name": "baseline", "intermediate": [], "targets": [], "seeds": ["3", "4"], "changes": []}
    assert request.recipe_of(base="a/b@c0ffee", **given).base.model_dump() == {"model": "a/b", "revision": "c0ffee"}
    assert request.recipe_of(base="a/b", **given).base.revision is None
    (tmp_path / "a@b").mkdir()
    assert request.recipe_of(base=str(tmp_path / "a@b"), **given).base.model == str(tmp_path / "a@b")
    assert request.recipe_of(base="a/b", **given).seeds == (3, 4)


def test_long_examples_are_counted(xstilts: Cli, tmp_path: Path) -> None:
    base = architectures.make("distilbert", tmp_path / "base")
    written = runs.write(runs.content(base, runs.quick(["mnli"], limit=20, max_length=16)), tmp_path)
    code, out, _ = xstilts("train", written, "-o", tmp_path / "out", "--data", "sample")
    assert code == 0 and " examples longer than a row" in out
