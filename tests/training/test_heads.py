"""`xstilts fit-head`: heads that learn, runs that repeat, bundles written whole or not at all."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from tests.commanded import xstilts
from xstilts_eval import bundle, kinds
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import sources
from xstilts_eval.errors import MissingData, NumericError, SettingError, UnfitCheckpoint, UnknownName, WriteError
from xstilts_eval.kinds import Kind
from xstilts_eval.metrics import tagging as metrics
from xstilts_eval.models import pairs, spans
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.source import Source
from xstilts_eval.paths import sample_path
from xstilts_eval.training.heads import Settings, fit, planned, train

WORDS = ("the", "old", "museum", "opens", "every", "morning", "near", "a", "river", "and", "people", "walk", "bread")
COLOURS = ("red", "green", "blue", "yellow", "white")


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> str:
    """Two blocks of width 32, random weights."""
    return str(tiny_bundle / "encoder")


@pytest.fixture(scope="module")
def fitted(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagging bundle, trained for one epoch on the sample; not to be changed."""
    output = tmp_path_factory.mktemp("fitted") / "bundle"
    fit(quick(base), output)
    return output


def quick(base: str, /, **changes: Any) -> Settings:
    options: dict[str, Any] = {"base": base, "data": "sample", "epochs": 1, "limit": 32, "learning_rate": 1e-3}
    return Settings(**options | changes)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------ learning


def synthetic(kind: Kind, count: int, seed: int) -> list[Any]:
    """Documents with a rule that words alone decide: entailed when a colour is named, answered by the colour."""
    draw = random.Random(seed)
    made: list[Any] = []
    for number in range(count):
        words, colour, label = draw.choices(WORDS, k=10), draw.choice(COLOURS), draw.randrange(2)
        if kind is kinds.PAIR:
            second = [*words[5:], colour] if label else words[5:]
            made.append({"premise": " ".join(words[:5]), "hypothesis": " ".join(second), "label": label})
        else:
            place = draw.randrange(10)
            before = "".join(word + " " for word in words[:place])
            answer = {"text": colour, "answer_start": len(before)}
            context = before + " ".join([colour, *words[place:]])
            made.append({"context": context, "question": "which colour ?", "answers": [answer]})
        made[-1]["id"] = str(number)
    return made


def trained(base: str, family: str, documents: list[Any], epochs: int) -> tuple[Loaded, list[float]]:
    plan = planned(quick(base, family=family, epochs=epochs, learning_rate=5e-3), Source(base))
    material = replace(plan.materials[0], training=tuple(documents), development=())
    head, outcome = train(replace(plan, materials=(material,)))
    return head, [loss for _, loss in outcome.losses]


def test_a_pair_head_learns_the_family_label_order(base: str) -> None:
    head, losses = trained(base, "pawsx", synthetic(kinds.PAIR, 160, 1), epochs=6)
    unseen = synthetic(kinds.PAIR, 100, 2)
    values, _ = pairs.classify(head, unseen, range(2))
    right = sum(int(row.argmax()) == doc["label"] for row, doc in zip(values, unseen, strict=True))
    assert losses[-1] < 0.5 * losses[0]
    assert right >= 90  # 50 by chance


def test_a_span_head_learns(base: str) -> None:
    head, losses = trained(base, "xquad", synthetic(kinds.QUESTION, 160, 1), epochs=8)
    unseen = synthetic(kinds.QUESTION, 100, 2)
    answers, _ = spans.answer(head, unseen)
    assert losses[-1] < 0.5 * losses[0]
    assert sum(found == doc["answers"][0]["text"] for found, doc in zip(answers, unseen, strict=True)) >= 80


def test_a_tagging_head_learns_the_sample(base: str, tmp_path: Path) -> None:
    """Far better on unseen sentences than the most frequent tag everywhere."""
    family = find_family("udpos")
    report = fit(quick(base, limit=None, epochs=6, learning_rate=5e-3), tmp_path / "bundle")
    first, last = report.split("loss ")[1].split(",")[0].split(" → ")
    assert float(last) < 0.6 * float(first)
    gold = [list(e.tags) for e in sources.load(family, "en", "dev", sample_path()).examples]  # type: ignore[union-attr]
    (frequent, _), *_ = Counter(tag for tags in gold for tag in tags).most_common(1)
    baseline = metrics.POS_F1.corpus_score(gold, [[frequent] * len(tags) for tags in gold])["f1"]
    score = float(report.split("chunk F1 ")[1].split()[0])
    assert score > 100 * baseline + 15


# ------------------------------------------------------------------ repetition


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    found: dict[str, torch.Tensor] = load_file(folder / "udpos" / "model.safetensors")
    return found


def test_equal_seeds_give_equal_weights(base: str, fitted: Path, tmp_path: Path) -> None:
    fit(quick(base), tmp_path / "again")
    fit(quick(base, seed=2), tmp_path / "other")
    first, again, other = weights(fitted), weights(tmp_path / "again"), weights(tmp_path / "other")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_a_limit_draws_with_the_seed(base: str) -> None:
    ids = [example.id for example in sources.load(find_family("udpos"), "en", "train", sample_path()).examples]

    def drawn(limit: int, seed: int) -> list[str]:
        plan = planned(quick(base, limit=limit, seed=seed), Source(base))
        return [doc["id"] for doc in plan.materials[0].training]

    for seed in (1, 2):
        assert len(set(drawn(20, seed))) == 20 and drawn(20, seed) == sorted(drawn(20, seed), key=ids.index)
    assert drawn(20, 1) != drawn(20, 2)
    assert drawn(10_000, 1) == ids


def test_bfloat16_trains_float32_weights(base: str, fitted: Path, tmp_path: Path) -> None:
    fit(quick(base, dtype="bfloat16"), tmp_path / "half")
    exact, half = weights(fitted), weights(tmp_path / "half")
    assert {tensor.dtype for tensor in half.values()} == {torch.float32}
    assert not torch.equal(exact["classifier.weight"], half["classifier.weight"])
    assert torch.allclose(exact["classifier.weight"], half["classifier.weight"], atol=5e-3)


# ------------------------------------------------------------------ the bundle


def test_the_bundle_says_what_was_done_and_serves(base: str, fitted: Path) -> None:
    found = bundle.read(fitted)
    assert found.recipe == (
        "fit-head udpos en train: 32 of 200 sample sentences, 1 epoch, lr 0.001, batch 16, length 128, float32, seed 1"
    )
    revision = sources.load(find_family("udpos"), "en", "train", sample_path()).revision
    assert found.data_revisions == {"udpos.en.train": f"sample@{revision}"}
    assert found.parent == Source(base).identity
    checkpoint = resolve(str(fitted))
    checkpoint.check(find_family("udpos"))
    assert checkpoint.encoder and checkpoint.encoder.identity == found.parent
    with pytest.raises(UnfitCheckpoint, match="no head for panx"):
        checkpoint.check(find_family("panx"))


@pytest.mark.parametrize("name", ["xnli", "pawsx", "panx"])
def test_classes_bear_the_family_labels_in_order(base: str, tmp_path: Path, name: str) -> None:
    fit(quick(base, family=name, limit=16), tmp_path / "bundle")
    config = json.loads((tmp_path / "bundle" / name / "config.json").read_text(encoding="utf-8"))
    assert [config["id2label"][str(i)] for i in range(len(config["id2label"]))] == list(find_family(name).labels)


def test_heads_are_added_to_a_bundle_and_replaced(base: str, fitted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    fit(quick(base), folder)
    fit(quick(base, family="mlqa", limit=8), folder, into=True)
    fit(quick(base, family="xquad", limit=8), folder, into=True)  # takes the place of the former
    fit(quick(base, family="tydiqa", limit=8), folder, into=True)
    both = bundle.read(folder)
    assert {name: head.path for name, head in both.heads.items()} == {
        "udpos": "udpos",
        "xquad": "xquad",
        "mlqa": "xquad",
        "tydiqa": "tydiqa",
    }
    before = contents(folder / "udpos")
    fit(quick(base, seed=2), folder, into=True)
    found = bundle.read(folder)
    assert contents(folder / found.heads["udpos"].path) != before
    assert not (folder / "udpos").exists()  # the head that was replaced
    recipes = (found.recipe or "").split("; ")
    assert [recipe.split(":")[0] for recipe in recipes] == [
        "fit-head xquad en train",
        "fit-head tydiqa en train",
        "fit-head udpos en train",
    ]
    assert recipes[2].endswith("seed 2")
    assert found.seed is None
    assert set(found.data_revisions) == {"udpos.en.train", "xquad.en.train", "tydiqa.en.train"}
    checkpoint = resolve(str(folder))
    for name in ("udpos", "xquad", "mlqa", "tydiqa"):
        checkpoint.check(find_family(name))
    for path in found.paths:
        bundle.verify(found, folder, path)
    assert not list(tmp_path.glob(".*"))


def test_split_dev_is_recorded_and_not_scored(base: str, tmp_path: Path) -> None:
    report = fit(quick(base, family="pawsx", split="dev", limit=None), tmp_path / "bundle")
    assert "no score: the dev split was trained on" in report
    found = bundle.read(tmp_path / "bundle")
    assert "fit-head pawsx en dev: 20 of 20 sample pairs" in (found.recipe or "")
    assert list(found.data_revisions) == ["pawsx.en.dev"]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"family": "tatoeba"}, SettingError, "tatoeba needs no head; fit-head fits xnli, pawsx"),
        ({"family": "xlni"}, UnknownName, "did you mean xnli"),
        ({"split": "test"}, SettingError, "--split 'test'; a head can be trained with train or dev"),
        ({"dtype": "float16"}, SettingError, "--dtype 'float16'; a head can be trained with float32 or bfloat16"),
        ({"max_length": 8}, SettingError, "--max-length 8 is too short; give at least 16"),
        ({"max_length": 513}, SettingError, "udpos: max_length 513; .* has 512 positions"),
        (
            {"family": "tydiqa", "split": "dev"},
            SettingError,
            "tydiqa: what the benchmark scores of TyDiQA-GoldP is its dev split; train on train",
        ),
        ({"base": "/no/such"}, MissingData, "/no/such is not a folder; fit-head works on a local base encoder"),
        (
            {"learning_rate": 1e30},
            NumericError,
            "NaN or infinite numbers after step 2 of 2, .*; give a learning_rate below 1e",
        ),
        ({"learning_rate": 1e30, "limit": 160}, NumericError, "NaN or infinite in step [2-9] of 10, .*; give a"),
    ],
)
def test_wrong_settings_are_refused(
    base: str, tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(quick(base, **changes), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_where_a_head_may_not_go(base: str, tiny_bundle: Path, fitted: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="exists; give another --output or --overwrite"):
        fit(quick(base), fitted)
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(SettingError, match="exists and is not a bundle"):
        fit(quick(base), tmp_path, overwrite=True)
    with pytest.raises(SettingError, match="is not a bundle; --into adds a head to one"):
        fit(quick(base), tmp_path, into=True)
    with pytest.raises(UnfitCheckpoint, match="stands on base None"):
        fit(quick(base), tiny_bundle, into=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("options", [[], ["--output", "a", "--into", "b"]])
def test_one_target_is_needed(options: list[str]) -> None:
    run = xstilts("fit-head", "base", *options)
    assert run.returncode == 2
    assert run.stderr.strip().endswith(
        "give either --output (a new bundle) or --into (an existing one that gets the head)"
    )


@pytest.mark.slow
def test_the_command_goes_without_libraries_that_it_does_not_ask(base: str, tmp_path: Path) -> None:
    """And makes the same head; what it goes without can be imported afterwards."""
    script = f"""
import sys
from typer.testing import CliRunner
from xstilts_eval import cli
words = "fit-head {base} --data sample --limit 32 --epochs 1 --learning-rate 1e-3 -o {tmp_path / "bundle"}".split()
done = CliRunner().invoke(cli.app, words)
assert done.exit_code == 0, (done.output, done.exception)
assert not {{"datasets", "pandas", "pyarrow", "peft", "scipy"}} & set(sys.modules), "imported after all"
import peft, scipy.stats
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
    fit(quick(base), tmp_path / "again")
    assert all(map(torch.equal, weights(tmp_path / "bundle").values(), weights(tmp_path / "again").values()))


# ------------------------------------------------------------------ interrupted


@pytest.mark.parametrize("into", [False, True])
@pytest.mark.parametrize("where", ["_save", "save_head", "bundle.write", "Path.rename"])
def test_a_failed_write_leaves_the_old_bundle(
    base: str, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: bool, where: str
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(fitted, folder)
    manifest = (folder / bundle.MANIFEST).read_bytes()

    rename = Path.rename

    def full(*call: Any) -> Any:
        if where == "Path.rename" and call[0].name not in ("new", "head"):  # only what moves the new one into its place
            return rename(*call)
        if where == "save_head":
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"xstilts_eval.training.{'model' if where == 'save_head' else 'store'}.{where}", full)
    with pytest.raises(WriteError, match=r"bundle cannot be written: .*No space left"):
        fit(quick(base, limit=8), folder, overwrite=True, into=into)
    assert (folder / bundle.MANIFEST).read_bytes() == manifest
    assert contents(folder) == contents(fitted)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("into", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_kill_while_writing_leaves_the_old_bundle(base: str, fitted: Path, tmp_path: Path, into: bool) -> None:
    """SIGKILL just before the manifest is written: nothing can clean up, and the bundle is still the old one."""
    folder = tmp_path / "bundle"
    shutil.copytree(fitted, folder)
    script = f"""
import os, pathlib
from xstilts_eval import bundle
from xstilts_eval.training.heads import Settings, fit
bundle.write = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)})
settings = Settings({base!r}, data="sample", limit=8, epochs=1)
fit(settings, pathlib.Path({str(folder)!r}), overwrite=True, into={into})
"""
    run = subprocess.run([sys.executable, "-c", script], env={**os.environ, "HF_HUB_OFFLINE": "1"}, timeout=200)
    assert run.returncode == -signal.SIGKILL
    found = bundle.read(folder)
    assert found == bundle.read(fitted)
    for path in found.paths:
        bundle.verify(found, folder, path)
    fit(quick(base, limit=8, family="pawsx"), folder, into=True)
    assert set(bundle.read(folder).heads) == {"udpos", "pawsx"}
