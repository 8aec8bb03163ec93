"""Folders that hold a PEFT adapter only: what they are is said, and with the base at hand they are merged."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.run_host import run_host
from xstilts_eval import bundle
from xstilts_eval.benchmark import family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import checkpoint

peft = pytest.importorskip("peft")


def write(folder: Path, base: Path, auto: str, task: str, **options: Any) -> Any:
    """An adapter with random weights in the format of peft, and the model it makes."""
    import transformers

    torch.manual_seed(1)
    model = getattr(transformers, auto).from_pretrained(base, **options)
    adapted = peft.get_peft_model(model, peft.LoraConfig(task_type=task, r=2, init_lora_weights=False)).eval()
    adapted.save_pretrained(folder)
    return adapted


def test_a_classifier_answers_as_peft_does(tiny_bundle: Path, tmp_path: Path) -> None:
    """Log-probabilities of the merged model against those of peft's own, sentence pair by sentence pair."""
    from transformers import AutoTokenizer

    base = tiny_bundle / "encoder"
    adapted = write(tmp_path / "a", base, "AutoModelForSequenceClassification", "SEQ_CLS", num_labels=3)
    order = "|".join(family("xnli").labels)
    results = run_host(["xtreme.xnli.sw", "xtreme.tatoeba.sw"], tmp_path / "a", limit=2, label_order=order)
    tokenizer = AutoTokenizer.from_pretrained(base)
    for sample in results["samples"]["xtreme.xnli.sw"]:
        pair = tokenizer(sample["doc"]["premise"], sample["doc"]["hypothesis"], return_tensors="pt")
        with torch.no_grad():
            expected = adapted(**pair).logits.log_softmax(-1)[0].tolist()
        assert [score for score, _ in sample["filtered_resps"]] == pytest.approx(expected, abs=1e-5)
    own, of_base = results["config"]["xstilts"]["heads"]["xnli"].split("+")
    assert of_base == checkpoint.resolve(str(base)).encoder.identity != own  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["base_model_name_or_path", "task_type", "weights", "peft_type", "strange"])
def test_what_cannot_be_merged(name: str, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write(tmp_path / "a", tiny_bundle / "encoder", "AutoModelForSequenceClassification", "SEQ_CLS", num_labels=3)
    path = tmp_path / "a" / "adapter_config.json"
    settings = json.loads(path.read_text())
    if name == "base_model_name_or_path":
        settings[name] = str(tmp_path / "moved")
        message = r"is a PEFT adapter \(LORA, SEQ_CLS\) of '.*moved', which cannot be had \(.*\)\. With the model"
    elif name == "task_type":
        settings[name] = "FISHING"
        message = "task_type 'FISHING' is not one of SEQ_CLS"
    elif name == "weights":
        (tmp_path / "a" / "adapter_model.safetensors").rename(tmp_path / "a" / "adapter_model.bin")
        message = "without adapter_model.safetensors; pickled weights are not read"
    elif name == "peft_type":
        del settings[name]
        message = "names no model that it belongs to"
    else:
        settings["base_model_name_or_path"] = str(tiny_bundle / "qa")  # no such width of the head
        settings["task_type"] = "QUESTION_ANS"
        message = "has weights that this model has no place for"
    path.write_text(json.dumps(settings))
    with pytest.raises(UnfitCheckpoint, match=message):
        import transformers

        source = checkpoint.resolve(str(tmp_path / "a")).encoder
        assert source is not None
        source.load(transformers.AutoModelForQuestionAnswering)


def test_without_peft(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", tiny_bundle / "encoder", "AutoModel", "FEATURE_EXTRACTION")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UnfitCheckpoint, match=r"needs the package peft: pip install 'peft>=[^']*'"):
        run_host(["xtreme.tatoeba.sw"], tmp_path / "a", limit=1)


def test_bundles_hold_whole_models(tiny_bundle: Path, tmp_path: Path) -> None:
    write(tmp_path / "a", tiny_bundle / "encoder", "AutoModel", "FEATURE_EXTRACTION")
    with pytest.raises(UnfitCheckpoint, match="is a PEFT adapter without the model it belongs to"):
        bundle.make(tmp_path / "bundle", str(tmp_path / "a"), {})
    shutil.rmtree(tmp_path / "a")
