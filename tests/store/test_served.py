"""`--model xstilts` with a store: nothing is asked twice, and what could move an answer is asked again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny_language_models
from tests.run_host import load_tasks, run_host
from tests.tiny import make_bundle
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.models import arguments, encoder, serving
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.models.answer_keys import NAMES, OF_VECTORS, UNMOVED, Keys
from xstilts_eval.models.encoder import Runtime
from xstilts_eval.models.language_model import LanguageModel
from xstilts_eval.store.answers import Answered, Store
from xstilts_eval.tasks.documents import load_leaf

LEAVES = [
    "xtreme.xnli.sw", "xtreme.panx.sw", "xtreme.mlqa.zh", "xtremer.xcopa.et", "xtreme.tatoeba.fr",
    "xtreme.bucc2018.de", "xtremer.lareqa.th",
]  # fmt: skip


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every pass through an encoder."""
    rows: list[int] = []
    whole = encoder.in_batches

    def in_batches(runtime: Any, label: str, lengths: Any, forward: Any) -> Any:
        rows.append(len(lengths))
        return whole(runtime, label, lengths, forward)

    monkeypatch.setattr(encoder, "in_batches", in_batches)
    monkeypatch.setattr("xstilts_eval.models.choices.in_batches", in_batches)
    return rows


def facts(results: dict[str, Any]) -> dict[str, Any]:
    """What a results file would hold, and every response as the host writes it."""
    info = results["config"]["xstilts"]
    rows = {
        leaf: [(row["doc_id"], str(row["resps"])) for row in sorted(rows, key=lambda row: row["doc_id"])]
        for leaf, rows in results["samples"].items()
    }
    return {"scores": results["results"], "info": info, "rows": rows}


def test_a_second_run_is_served(tiny_bundle: Path, tmp_path: Path, forwards: list[int]) -> None:
    """The same scores, counts, lengths and responses, bit by bit, and no pass through the model."""
    store = str(tmp_path / "store")
    plain = facts(run_host(LEAVES, tiny_bundle, store="off"))
    first = facts(run_host(LEAVES, tiny_bundle, store=store))
    assert forwards and first == plain
    forwards.clear()
    assert facts(run_host(LEAVES, tiny_bundle, store=store)) == plain
    assert forwards == [], "nothing is computed again"
    few = facts(run_host(["xtreme.xnli.sw", "xtreme.bucc2018.de"], tiny_bundle, store=store, limit=3))
    assert [doc for doc, _ in few["rows"]["xtreme.xnli.sw"]] == [0, 1, 2]
    assert few["rows"]["xtreme.xnli.sw"] == plain["rows"]["xtreme.xnli.sw"][:3]
    assert forwards, "BUCC's corpora are others with a limit"


def test_a_run_that_ended_early_goes_on(
    tiny_bundle: Path, tmp_path: Path, forwards: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions of ten documents, with an end in the middle of the second task."""
    leaves = ["xtreme.xnli.sw", "xtreme.xnli.de", "xtreme.xnli.en"]
    monkeypatch.setattr(serving, "DOCUMENTS", 10)
    whole = facts(run_host(leaves, tiny_bundle, store="off"))
    documents = sum(forwards)
    forwards.clear()
    passes = encoder.in_batches

    def ending(*given: Any) -> Any:
        if len(forwards) == 4:
            raise KeyboardInterrupt
        return passes(*given)

    with monkeypatch.context() as patched:
        patched.setattr(encoder, "in_batches", ending)
        with pytest.raises(KeyboardInterrupt):
            run_host(leaves, tiny_bundle, store=str(tmp_path))
    assert sum(forwards) == 40
    forwards.clear()
    assert facts(run_host(leaves, tiny_bundle, store=str(tmp_path))) == whole
    assert sum(forwards) == documents - 40


@pytest.mark.parametrize("change", ["weights", "configuration", "vocabulary"])
def test_another_checkpoint_in_its_place_is_asked(
    change: str, tiny_bundle: Path, tmp_path: Path, forwards: list[int]
) -> None:
    """Whatever file changed; one that no list of files names may be a vocabulary."""
    checkpoint, store = tmp_path / "tiny", str(tmp_path / "store")
    shutil.copytree(tiny_bundle / "xnli", checkpoint)
    before = facts(run_host(["xtreme.xnli.sw"], checkpoint, store=store))
    forwards.clear()
    if change == "weights":
        shutil.copy(make_bundle(tmp_path / "other", seed=2) / "xnli/model.safetensors", checkpoint)
    elif change == "configuration":
        path = checkpoint / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "layer_norm_eps": 0.5}))
    else:
        (checkpoint / "source.spm").write_text("pieces")
    after = facts(run_host(["xtreme.xnli.sw"], checkpoint, store=store))
    assert sum(forwards) == 24
    assert (after["rows"] == before["rows"]) == (change == "vocabulary")


# ------------------------------------------------------------------------------------ every setting

EXAMPLES: dict[str, Any] = {
    "dtype": "bfloat16", "max_length": 32, "layer": 1, "pooling": "cls", "prompt": "query: ", "query_prompt": "q: ",
    "passage_prompt": "p: ", "label_order": "contradiction|entailment|neutral",
    "label_orders": {"xnli_label_order": "contradiction|entailment|neutral"}, "extra_types": "mask",
    "udpos_map": "ptb", "gpe": "loc", "first_piece": "text", "enable_thinking": False, "think_end_token": "</t>",
    "chat_template_args": {"thinking": False}, "load_in_4bit": True, "load_in_8bit": True,
}  # fmt: skip
"""A value of every argument that could move an answer."""


def keys_of(folder: Path, given: dict[str, Any], device: str = "cpu") -> dict[str, str]:
    """Digests of the keys of a tagger, a classifier, a language model's answer and a search."""
    read = arguments.read({"pretrained": str(folder), **given})
    from xstilts_eval.models import checkpoint as checkpoints

    found = checkpoints.resolve(read.pretrained, read.revision, read.heads, read.reading())
    runtime = Runtime(torch.device(device), torch.float32, 1)
    keys = Keys(found, read, runtime)
    leaf = {name: load_leaf(FAMILIES[f"xtreme_{name}"], code, "sample") for name, code in
            (("udpos", "de"), ("xnli", "sw"), ("tatoeba", "fr"), ("bucc2018", "de"))}  # fmt: skip
    found.language_model = found.encoder
    named = {
        "udpos": keys.of_head(leaf["udpos"]),
        "xnli": keys.of_head(leaf["xnli"]),
        "model": keys.of_language_model("xtreme.xnli.sw", leaf["xnli"], "loglikelihood", False),
        "vectors": keys.of_vectors(leaf["tatoeba"], found.retrieval),
        "mining": keys.of_vectors(leaf["bucc2018"], found.retrieval),
    }
    return {name: one.digest for name, one in named.items() if one}


def test_every_argument_is_decided_about() -> None:
    every = set(arguments.Arguments.model_fields)
    assert {*NAMES, *UNMOVED, *EXAMPLES} == every and not {*NAMES, *UNMOVED} & set(EXAMPLES)
    assert set(OF_VECTORS) < set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_setting_that_could_move_an_answer_makes_another_key(name: str, tiny_bundle: Path) -> None:
    value = EXAMPLES[name]
    before = keys_of(tiny_bundle, {})
    after = keys_of(tiny_bundle, value if name == "label_orders" else {name: value})
    moved = {part for part in before if before[part] != after[part]}
    assert moved == ({"vectors", "mining"} if name in OF_VECTORS else set(before))


def test_what_moves_no_answer_makes_no_other_key(tiny_bundle: Path) -> None:
    before = keys_of(tiny_bundle, {})
    assert len(set(before.values())) == len(before) == 5
    for given in ({"batch_tokens": 64}, {"show_progress": False}, {"store": "x"}, {"device": "cpu"}):
        assert keys_of(tiny_bundle, given) == before
    assert not set(keys_of(tiny_bundle, {}, "cuda").values()) & set(before.values())


def changed_leaf(what: str) -> Callable[[Any], Any]:
    more = {
        "revision": lambda leaf: replace(leaf, revision="0"),
        "split": lambda leaf: replace(leaf, split="dev"),
        "version": lambda leaf: replace(leaf, family=replace(leaf.family, version="9.9")),
        "pool": lambda leaf: replace(leaf, pool=(leaf.pool[0], (*leaf.pool[1][:-1], "changed"))),
    }
    return more[what]


@pytest.mark.parametrize("what", ["revision", "split", "version", "pool"])
def test_other_data_make_another_key(what: str, tiny_bundle: Path) -> None:
    model = XstiltsLM(pretrained=str(tiny_bundle))
    leaf = load_leaf(FAMILIES["xtreme_tatoeba"], "fr", "sample")
    one, other = (model._keys.of_vectors(found, None) for found in (leaf, changed_leaf(what)(leaf)))
    assert one and other and one.digest != other.digest


def test_another_document_or_prompt_is_another_question() -> None:
    def asked(doc: Any, *args: Any) -> str:
        request: Any = type("Request", (), {"task_name": "t", "doc_id": 0, "doc": doc, "args": args})
        return serving.items([request], [0], with_arguments=True)[0].digest

    digests = {
        asked({"id": "1"}, "Q", " a"), asked({"id": "2"}, "Q", " a"), asked({"id": "1"}, "Q ", " a"),
        asked({"id": "1"}, "Q", "a"), asked({"id": "1"}, "Q", {"until": ["a"]}),
        asked({"id": "1"}, "Q", {"until": ["a"], "max_gen_toks": 9}),
    }  # fmt: skip
    assert len(digests) == 6


def test_what_has_no_fixed_content_is_not_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    import transformers

    folder = tiny_bundle / "xnli"
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    held = XstiltsLM(
        pretrained=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder), store=str(tmp_path)
    )
    assert held._keys.of_head(load_leaf(FAMILIES["xtreme_xnli"], "sw", "sample")) is None


# ------------------------------------------------------------------------------------ language models


def test_language_models_are_served_without_being_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = ["xtreme.xnli.sw", "xtreme.xquad.de", "xtreme.tatoeba.fr"]
    llama, store = tiny_language_models.make_llama(tmp_path / "llama"), str(tmp_path / "store")
    first = facts(run_host(leaves, llama, store=store, limit=2, max_length=600))
    monkeypatch.setattr(LanguageModel, "__init__", lambda *_, **__: pytest.fail("it is loaded"))
    assert facts(run_host(leaves, llama, store=store, limit=2, max_length=600)) == first


def test_drawn_text_is_drawn_again(tmp_path: Path) -> None:
    from lm_eval import evaluate

    llama = tiny_language_models.make_llama(tmp_path / "llama")
    assert [serving.is_drawn(one) for one in ({}, {"temperature": 0}, {"temperature": 0.7}, {"do_sample": True})] == [
        False, False, True, True,
    ]  # fmt: skip
    model = XstiltsLM(pretrained=str(llama), store=str(tmp_path / "store"), show_progress=False)
    loaded = load_tasks(["xtreme.xquad.de"])
    for task in loaded["tasks"].values():
        task.set_config("generation_kwargs", {"do_sample": True, "temperature": 0.7, "max_gen_toks": 4}, update=True)
    evaluate(model, loaded, limit=2, bootstrap_iters=0)
    assert not (tmp_path / "store").exists()
    assert model.get_model_info()["xstilts"]["counts"]["language_model"]["truncated"] == 0


def test_portions_are_the_same_whatever_is_kept(tmp_path: Path) -> None:
    """Seven documents in threes, the second portion kept in part: only what is missing is asked."""
    from xstilts_eval.store.key import Key

    asked: list[list[str]] = []
    documents = [serving.Item("t", {"id": str(n)}, ((n,),), str(n)) for n in range(7)]
    store = Store(tmp_path)
    store.add(Key("t", "", {}), {"4": Answered("kept")}, {"lengths": {}})
    served = serving.Serving(store)

    def ask(chosen: Any, part: str) -> Any:
        asked.append([item.digest for item in chosen] + [part])
        return [Answered(f"said {item.digest}") for item in chosen], {}

    found = served.answers(documents, lambda task: Key(task, "", {}), ask, 3, lambda facts: None)
    assert asked == [["0", "1", "2", " · 1 of 3"], ["3", "5", " · 2 of 3"], ["6", " · 3 of 3"]]
    assert [one.value for one in found] == [*(f"said {n}" for n in range(4)), "kept", "said 5", "said 6"]
    assert served.taken() == (1, 6) and served.taken() == (0, 0)


# ------------------------------------------------------------------------------------ killed


@pytest.mark.slow
@pytest.mark.parametrize("command", ["lm_eval", "xstilts"])
def test_runs_that_are_killed_go_on(command: str, tiny_bundle: Path, tmp_path: Path) -> None:
    """SIGKILL at any time, until a run comes through: its numbers are those of one that was let alone."""
    tasks, store = "xtreme.xnli.sw,xtreme.panx.sw,xtreme.tatoeba.fr,xtreme.udpos.de", tmp_path / "store"

    def start(output: Path, store: str) -> Any:
        words = ["lm_eval", "--model", "xstilts", "--model_args", f"pretrained={tiny_bundle}", "--tasks", tasks,
                 "--output_path", str(output), "--metadata", '{"data": "sample"}']  # fmt: skip
        if command == "xstilts":
            words = ["xstilts_eval.cli", "eval", str(tiny_bundle), "-t", tasks, "-o", str(output), "--data", "sample"]
        environment = os.environ | {"XSTILTS_STORE": store, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.PIPE, text=True, env=environment)

    def scores(output: Path) -> Any:
        (path,) = [one for one in output.rglob("results*.json")]
        return json.loads(path.read_text())["results"]

    began = time.monotonic()
    run = start(tmp_path / "whole", "off")
    assert run.wait(300) == 0, run.stderr.read()
    takes = time.monotonic() - began
    chance = random.Random(15)
    killed = 0
    for number in range(12):
        run = start(tmp_path / f"{command}-{number}", str(store))
        try:
            assert run.wait(chance.uniform(0.6, 1.0) * takes if number < 11 else 300) == 0
            break
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
            killed += 1
    assert scores(tmp_path / f"{command}-{number}") == scores(tmp_path / "whole")
