"""What a checkpoint is: heads per family, orders per family, and parts that do not belong together."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.run_host import run_host
from tests.tiny_language_models import make_llama
from xstilts_eval import bundle
from xstilts_eval.benchmark import family
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models import arguments
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.models.checkpoint import Reading, resolve

XNLI, PAWSX, PANX = (family(name) for name in ("xnli", "pawsx", "panx"))
NAMELESS = {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, "label2id": None}


def change(source: Path, target: Path, **config: Any) -> Path:
    """A copy of a head with other entries in its config.json; None takes one out."""
    shutil.copytree(source, target)
    content = json.loads((target / "config.json").read_text()) | config
    content = {name: value for name, value in content.items() if value is not None}
    (target / "config.json").write_text(json.dumps(content))
    return target


# ------------------------------------------------------------------ heads


def test_a_base_without_heads_takes_heads_of_others(tiny_bundle: Path) -> None:
    heads = {"xnli": str(tiny_bundle / "xnli"), "panx": "owner/name@0123abc"}
    checkpoint = resolve(str(tiny_bundle / "encoder"), heads=heads)
    assert checkpoint.head(XNLI).folder == tiny_bundle / "xnli"
    assert (checkpoint.heads["panx"].name, checkpoint.heads["panx"].revision) == ("owner/name", "0123abc")
    with pytest.raises(UnfitCheckpoint, match="no head for pawsx"):
        checkpoint.check(PAWSX)


def test_an_argument_replaces_the_head_of_a_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    other = change(tiny_bundle / "xnli", tmp_path / "other")
    checkpoint = resolve(str(tiny_bundle), heads={"xnli": str(other)})
    assert checkpoint.head(XNLI).folder == other
    assert checkpoint.head(PAWSX).folder == tiny_bundle / "pawsx"


@pytest.mark.parametrize("part", ["encoder", "qa", "panx"])
def test_a_head_for_another_task_says_what_it_is(part: str, tiny_bundle: Path) -> None:
    architecture = json.loads((tiny_bundle / part / "config.json").read_text())["architectures"][0]
    message = f"xnli needs a sequence-classification head; the checkpoint is {architecture}"
    with pytest.raises(UnfitCheckpoint, match=message):
        resolve(str(tiny_bundle / "encoder"), heads={"xnli": str(tiny_bundle / part)}).check(XNLI)


def test_two_heads_for_one_family_are_refused() -> None:
    with pytest.raises(SettingError, match=r"--model-args gives xnli twice \(A and B\); keep one"):
        arguments.parse("xnli=A,dtype=bfloat16,xnli=B")
    assert arguments.parse("xnli=A,panx=A") == {"xnli": "A", "panx": "A"}


def test_a_bundle_with_a_language_model_answers_what_no_head_does(tiny_bundle: Path, tmp_path: Path) -> None:
    """By the host's evaluator, as a plain folder of the same model does."""
    make_llama(tmp_path / "bundle" / "lm")
    shutil.copytree(tiny_bundle / "xnli", tmp_path / "bundle" / "xnli")
    heads = {"xnli": bundle.Head(path="xnli")}
    bundle.write(bundle.Bundle(language_model="lm", heads=heads), tmp_path / "bundle")
    checkpoint = resolve(str(tmp_path / "bundle"))
    assert (checkpoint.is_generated(XNLI), checkpoint.is_generated(PAWSX)) == (False, True)
    leaves = ["xtreme.pawsx.ja", "xtreme.tatoeba.fr"]
    ours, plain = (run_host(leaves, folder)["results"] for folder in (tmp_path / "bundle", tmp_path / "bundle" / "lm"))
    assert ours == plain
    score = run_host(["xtreme.xnli.sw"], tmp_path / "bundle")["results"]
    assert score == run_host(["xtreme.xnli.sw"], tiny_bundle)["results"]


def test_a_language_model_of_a_bundle_may_be_on_the_hub(tmp_path: Path) -> None:
    made = bundle.Bundle(language_model="owner/name", language_model_revision="0123abc", retrieval=bundle.Retrieval())
    bundle.write(made, tmp_path)
    model = resolve(str(tmp_path)).language_model
    assert model is not None and (model.name, model.revision, model.on_hub) == ("owner/name", "0123abc", True)


# ------------------------------------------------------------------ label orders


def test_an_order_is_for_nameless_heads_only(tiny_bundle: Path, tmp_path: Path) -> None:
    nameless = change(tiny_bundle / "xnli", tmp_path / "nameless", **NAMELESS)
    heads = {"xnli": str(nameless), "pawsx": str(tiny_bundle / "pawsx")}
    order = ("entailment", "neutral", "contradiction")
    checkpoint = resolve(str(tiny_bundle / "encoder"), None, heads, Reading(order=order))
    assert checkpoint.label_map(XNLI).order(XNLI.labels) == [2, 0, 1]
    assert checkpoint.label_map(PAWSX).order(PAWSX.labels) == [0, 1]
    named = resolve(str(tiny_bundle), None, None, Reading(order=order))
    assert named.label_map(XNLI).order(XNLI.labels) == [0, 1, 2]


def test_each_family_can_have_its_own_order(tiny_bundle: Path, tmp_path: Path) -> None:
    nameless = change(tiny_bundle / "xnli", tmp_path / "xnli", **NAMELESS)
    two = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": None}
    other = change(tiny_bundle / "pawsx", tmp_path / "pawsx", **two)
    given = {
        "pretrained": str(tiny_bundle / "encoder"),
        "xnli": str(nameless),
        "pawsx": str(other),
        "xnli_label_order": "neutral|c|e",
        "pawsx_label_order": "paraphrase|not_paraphrase",
    }
    model = XstiltsLM(**given)
    assert model.checkpoint.label_map(XNLI).order(XNLI.labels) == [1, 2, 0]
    assert model.checkpoint.label_map(PAWSX).order(PAWSX.labels) == [1, 0]
    with pytest.raises(UnfitCheckpoint, match=r"xnli_label_order=e\|c\|n contradicts the head's own names"):
        XstiltsLM(str(tiny_bundle), xnli_label_order="e|c|n").checkpoint.check(XNLI)


def test_the_reading_is_part_of_the_fingerprint(tiny_bundle: Path) -> None:
    plain = resolve(str(tiny_bundle)).fingerprint()
    for other in (Reading(extra_types="mask"), Reading(gpe="loc"), Reading(udpos_map="compound"), Reading(("a",))):
        assert resolve(str(tiny_bundle), None, None, other).fingerprint() != plain
    json.dumps(plain)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"extra_types": "keep"}, "extra_types: Input should be 'drop' or 'mask'"),
        ({"udpos_map": "stts"}, "udpos_map: Input should be 'ptb' or 'compound'"),
        ({"gpe": "org"}, "gpe: Input should be 'loc'"),
        ({"xquad_label_order": "a|b"}, "unknown model argument 'xquad_label_order'"),
    ],
)
def test_settings_for_labels_are_checked(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        arguments.read({"pretrained": "x", **given})


# ------------------------------------------------------------------ bad input


def test_own_code_is_refused_even_where_the_architecture_is_known(tiny_bundle: Path, tmp_path: Path) -> None:
    own = {"AutoModelForTokenClassification": "modeling.Tagger"}
    head = change(tiny_bundle / "panx", tmp_path / "own", auto_map=own)
    message = r"asks for its own code \(auto_map in config.json: AutoModelForTokenClassification\)"
    with pytest.raises(UnfitCheckpoint, match=message):
        resolve(str(head))
    with pytest.raises(UnfitCheckpoint, match=message):
        resolve(str(tiny_bundle), heads={"panx": str(head)}).check(PANX)


def test_a_pickle_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    head = change(tiny_bundle / "panx", tmp_path / "pickled")
    (head / "model.safetensors").rename(head / "pytorch_model.bin")
    with pytest.raises(UnfitCheckpoint, match=r"has only pickled weights \(pytorch_model\.bin\), .* can run any code"):
        run_host(["xtreme.panx.sw"], head)


def with_weights(head: Path, **extra: Any) -> Path:
    from safetensors.torch import load_file, save_file

    weights = load_file(head / "model.safetensors") | extra
    save_file(weights, head / "model.safetensors", metadata={"format": "pt"})
    return head


@pytest.mark.parametrize("name", ["crf.transitions", "transitions", "bert.encoder.layer.0.adapter.down.weight"])
def test_weights_that_would_be_left_out_are_refused(name: str, tiny_bundle: Path, tmp_path: Path) -> None:
    import torch

    head = with_weights(change(tiny_bundle / "panx", tmp_path / "more"), **{name: torch.zeros(7, 7)})
    with pytest.raises(UnfitCheckpoint, match=f"weights that BertForTokenClassification does not use .{name}.;"):
        run_host(["xtreme.panx.sw"], head)


def test_left_overs_of_pretraining_are_no_reason_to_refuse(tiny_bundle: Path, tmp_path: Path) -> None:
    """Older library versions saved taggers with the pooler they do not use (dslim/bert-base-NER and many others)."""
    import torch

    spare = {"bert.pooler.dense.weight": torch.zeros(32, 32), "cls.predictions.bias": torch.zeros(5)}
    head = with_weights(change(tiny_bundle / "panx", tmp_path / "spare"), **spare)
    model = XstiltsLM(str(head))
    assert model._load(resolve(str(head)).head(PANX), "AutoModelForTokenClassification", "panx", 128)


@pytest.mark.parametrize("config", [{"crf_state_dict": {"_constraint_mask": []}}, {"use_crf": True}])
def test_a_crf_in_the_configuration_is_refused(config: dict[str, Any], tiny_bundle: Path, tmp_path: Path) -> None:
    head = change(tiny_bundle / "panx", tmp_path / "crf", **config)
    with pytest.raises(UnfitCheckpoint, match=rf"\({next(iter(config))} in its config\.json\).*arg-max"):
        resolve(str(head)).check(PANX)


def test_fewer_names_than_outputs(tiny_bundle: Path, tmp_path: Path) -> None:
    names = {"id2label": {"0": "not_paraphrase", "1": "paraphrase"}, "label2id": None}
    head = change(tiny_bundle / "xnli", tmp_path / "two", **names)
    message = r"weights classifier\.(bias|weight) have shape \[3(, 32)?\], its config.json makes them \[2(, 32)?\]"
    with pytest.raises(UnfitCheckpoint, match=message):
        run_host(["xtreme.pawsx.de"], head)


def test_num_labels_that_disagrees_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    """The library would forget the names in silence."""
    head = change(tiny_bundle / "xnli", tmp_path / "two", num_labels=2)
    with pytest.raises(UnfitCheckpoint, match="num_labels=2 and names 3"):
        resolve(str(head)).check(XNLI)


def test_tables_that_disagree_are_both_shown(tiny_bundle: Path, tmp_path: Path) -> None:
    other = {"label2id": {"entailment": 0, "neutral": 1, "contradiction": 2}}
    head = change(tiny_bundle / "xnli", tmp_path / "two", **other)
    with pytest.raises(UnfitCheckpoint, match=r"id2label \[0: contradiction, .*label2id \[0: entailment, .*disagree"):
        resolve(str(head)).check(XNLI)


# ------------------------------------------------------------------ tokenizers


def load(head: Path) -> None:
    model = XstiltsLM(str(head))
    model._load(resolve(str(head)).head(PANX), "AutoModelForTokenClassification", "panx", 128)


def test_a_missing_tokenizer_is_not_made_up(tiny_bundle: Path, tmp_path: Path) -> None:
    """The library makes one of five tokens for a BERT without tokenizer files."""
    head = change(tiny_bundle / "panx", tmp_path / "bare")
    for path in head.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(
        UnfitCheckpoint, match=r"tokenizer has 5 tokens, the model \d+; it is missing or belongs to ano"
    ):
        load(head)


def test_a_special_token_beyond_the_embeddings(tiny_bundle: Path, tmp_path: Path) -> None:
    head = change(tiny_bundle / "panx", tmp_path / "far")
    inner = json.loads((head / "tokenizer.json").read_text())
    for token in inner["added_tokens"]:
        if token["content"] == "[SEP]":
            token["id"] = 99_999
    inner["model"]["vocab"]["[SEP]"] = 99_999
    (head / "tokenizer.json").write_text(json.dumps(inner))
    with pytest.raises(UnfitCheckpoint, match=r"tokenizer's \[SEP\] has id 99999, the model only \d+ tokens"):
        load(head)


def test_a_tokenizer_that_is_much_smaller_is_warned_of(
    tiny_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = change(tiny_bundle / "panx", tmp_path / "small")
    inner = json.loads((head / "tokenizer.json").read_text())
    vocabulary = inner["model"]["vocab"]
    inner["model"]["vocab"] = {token: index for token, index in vocabulary.items() if index < 0.7 * len(vocabulary)}
    (head / "tokenizer.json").write_text(json.dumps(inner))
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        load(head)
    assert "is it the right one?" in caplog.text


def test_padding_that_shifts_positions_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    """XLM-R counts positions from its padding id 1; a tokenizer that pads with 0 is a BERT's."""
    import torch
    from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForTokenClassification

    tokenizer = AutoTokenizer.from_pretrained(tiny_bundle / "panx")
    shape = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "pad_token_id": 1,
    }
    names = dict(enumerate(PANX.labels))
    config = XLMRobertaConfig(vocab_size=len(tokenizer), id2label=names, **shape)
    torch.manual_seed(1)
    XLMRobertaForTokenClassification(config).save_pretrained(tmp_path / "head")
    tokenizer.save_pretrained(tmp_path / "head")
    with pytest.raises(
        UnfitCheckpoint, match="the tokenizer pads with id 0, the model with id 1, from which it counts"
    ):
        load(tmp_path / "head")


def test_a_bundle_of_parts_with_revisions(tmp_path: Path) -> None:
    heads = {"xnli": bundle.Head(path="owner/name", revision="0123abc")}
    bundle.write(bundle.Bundle(heads=heads), tmp_path)
    found = resolve(str(tmp_path)).heads["xnli"]
    assert (found.name, found.revision, found.on_hub) == ("owner/name", "0123abc", True)
