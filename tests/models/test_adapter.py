"""The adapter at its door: what it refuses, in one sentence, before anything is loaded."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.run_host import load_tasks, run_host
from xstilts_eval import bundle
from xstilts_eval.benchmark import family
from xstilts_eval.errors import NumericError, SettingError, UnfitCheckpoint
from xstilts_eval.models import source
from xstilts_eval.models.adapter import XstiltsLM


def test_a_base_encoder_is_refused_by_name_before_the_first_forward_pass(
    minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source.Source, "load", lambda *_, **__: pytest.fail("weights were loaded"))
    with pytest.raises(UnfitCheckpoint) as refusal:
        run_host(["xtreme.xnli.sw", "xtreme.udpos.de", "xtreme.tatoeba.fr"], minilm)
    message = str(refusal.value)
    assert "xtreme_xnli: no head for xnli" in message
    assert "xtreme_udpos: no head for udpos" in message
    assert message.endswith("It can serve: --tasks xtreme.tatoeba.fr")


def test_a_single_head_serves_its_families_only(tiny_bundle: Path) -> None:
    head = tiny_bundle / "panx"
    results = run_host(["xtreme.panx.sw"], head)
    assert 0 <= results["results"]["xtreme.panx.sw"]["f1,none"] <= 1
    with pytest.raises(UnfitCheckpoint) as refusal:
        run_host(["xtreme.udpos.de", "xtreme.panx.sw"], head)
    assert "B-PER" in str(refusal.value) and "SCONJ" in str(refusal.value), "both label sets are named"
    assert str(refusal.value).endswith("It can serve: --tasks xtreme.panx.sw")
    with pytest.raises(UnfitCheckpoint, match="needs a question-answering head; the checkpoint is BertForToken"):
        run_host(["xtreme.xquad.de"], head)


def test_heads_can_come_from_several_folders(tiny_bundle: Path) -> None:
    model = XstiltsLM(str(tiny_bundle / "encoder"), xnli=str(tiny_bundle / "xnli"), panx=str(tiny_bundle / "panx"))
    model.checkpoint.check(family("xnli"))
    model.checkpoint.check(family("panx"))
    with pytest.raises(UnfitCheckpoint, match="no head for pawsx"):
        model.checkpoint.check(family("pawsx"))


def test_the_next_evaluation_starts_a_new_selection(tiny_bundle: Path) -> None:
    """A task that an earlier evaluation selected must not count for the next one."""
    with pytest.raises(UnfitCheckpoint):
        run_host(["xtreme.xnli.sw"], tiny_bundle / "panx")
    assert run_host(["xtreme.panx.sw"], tiny_bundle / "panx")["n-samples"]["xtreme.panx.sw"]["effective"] == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_token": 5}, "unknown model argument 'batch_token'; did you mean batch_tokens"),
        ({"flavour": "x"}, "unknown model argument 'flavour'; known: pretrained"),
        ({"dtype": "int4"}, "model argument dtype: Input should be 'float32', 'bfloat16' or 'float16'"),
        ({"batch_tokens": 0}, "model argument batch_tokens: Input should be greater than or equal to 1"),
        ({"batch_tokens": "many"}, "model argument batch_tokens: Input should be a valid integer"),
        ({"max_length": 2}, "model argument max_length: Input should be greater than or equal to 16"),
        ({"layer": 0}, "model argument layer: Input should be greater than or equal to 1"),
        ({"pooling": "median"}, "model argument pooling: Input should be 'mean', 'cls', 'max' or 'pooler'"),
        ({"device": "mps"}, "device=mps: torch finds no such device here; use device=cpu"),
        ({"device": "xpu:0"}, "device=xpu:0: torch finds no such device here"),
        ({"load_in_4bit": True}, "load_in_4bit is for language models"),
        ({"device": "cuda:3"}, "device=cuda:3: no CUDA device here"),
    ],
)
def test_arguments_are_checked_at_the_door(tiny_bundle: Path, arguments: dict[str, Any], message: str) -> None:
    import torch

    if "device" in arguments and torch.cuda.is_available():
        pytest.skip("has a CUDA device")
    with pytest.raises(SettingError, match=message):
        XstiltsLM(str(tiny_bundle), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 9}, "layer=9 does not exist; the model has blocks 1 to 2"),
        ({"max_length": 4096}, "max_length=4096: the model has 512 positions"),
    ],
)
def test_retrieval_settings_are_checked(tiny_bundle: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        run_host(["xtreme.tatoeba.fr"], tiny_bundle, **arguments)


def test_what_the_host_says_when_nobody_asked(tiny_bundle: Path) -> None:
    model = XstiltsLM(str(tiny_bundle), device="cuda:0", batch_size=1, max_batch_size=None)
    assert model.runtime.max_rows is None
    assert XstiltsLM(str(tiny_bundle), batch_size="auto").runtime.max_rows is None
    assert XstiltsLM(str(tiny_bundle), batch_size=8).runtime.max_rows == 8


def test_nothing_loadable_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnfitCheckpoint, match="cannot read a model configuration there"):
        XstiltsLM(str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnfitCheckpoint, match="'no/such-model' is neither a local folder nor a hub checkpoint"):
        XstiltsLM("no/such-model")


def copy_head(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_pickled_weights_are_never_read(tiny_bundle: Path, tmp_path: Path) -> None:
    import torch

    head = copy_head(tiny_bundle / "panx", tmp_path / "pickled")
    (head / "model.safetensors").unlink()
    torch.save({}, head / "pytorch_model.bin")
    with pytest.raises(UnfitCheckpoint, match="pickled weights are not read"):
        run_host(["xtreme.panx.sw"], head)


def test_truncated_weights_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    head = copy_head(tiny_bundle / "panx", tmp_path / "cut")
    weights = (head / "model.safetensors").read_bytes()
    (head / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UnfitCheckpoint, match="cannot load safetensors weights"):
        run_host(["xtreme.panx.sw"], head)


def test_a_head_without_its_weights_is_not_filled_with_random_ones(tiny_bundle: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    head = copy_head(tiny_bundle / "panx", tmp_path / "headless")
    weights = {k: v for k, v in load_file(head / "model.safetensors").items() if not k.startswith("classifier")}
    save_file(weights, head / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnfitCheckpoint, match=r"lacks weights: classifier\.bias, classifier\.weight"):
        run_host(["xtreme.panx.sw"], head)


@pytest.mark.parametrize(
    ("name", "leaf"), [("xnli", "xtreme.xnli.sw"), ("udpos", "xtreme.udpos.de"), ("qa", "xtreme.xquad.de")]
)
def test_nan_is_an_error_that_names_the_document(tiny_bundle: Path, tmp_path: Path, name: str, leaf: str) -> None:
    from safetensors.torch import load_file, save_file

    head = copy_head(tiny_bundle / name, tmp_path / "nan")
    weights = load_file(head / "model.safetensors")
    for key in weights:
        if key.startswith(("classifier", "qa_outputs")):
            weights[key].fill_(float("nan"))
    save_file(weights, head / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NumericError, match=r"NaN or infinite numbers for .*float32"):
        run_host([leaf], head)


def test_few_shot_and_chat_templates_mean_nothing_to_heads(tiny_bundle: Path) -> None:
    from lm_eval import evaluate

    loaded = load_tasks(["xtreme.xnli.sw"])
    loaded["tasks"]["xtreme.xnli.sw"].set_config("num_fewshot", 2)
    with pytest.raises(UnfitCheckpoint, match="--num_fewshot has no meaning for a checkpoint with heads"):
        evaluate(XstiltsLM(str(tiny_bundle)), loaded)


def test_limit_keeps_the_pool_whole_for_tatoeba(tiny_bundle: Path) -> None:
    whole = run_host(["xtreme.tatoeba.fr"], tiny_bundle)["samples"]["xtreme.tatoeba.fr"]
    limited = run_host(["xtreme.tatoeba.fr"], tiny_bundle, limit=5)["samples"]["xtreme.tatoeba.fr"]
    assert len(limited) == 5
    answers = [sample["filtered_resps"][0]["nearest_source"] for sample in whole]
    assert [sample["filtered_resps"][0]["nearest_source"] for sample in limited] == answers[:5]
    assert max(answers) >= 5, "the answers reach beyond the limited documents"


def test_foreign_tasks_are_not_answered(tiny_bundle: Path) -> None:
    request: Any = SimpleNamespace(task_name="hellaswag", doc_id=0, idx=0, doc={}, request_type="loglikelihood")
    with pytest.raises(UnfitCheckpoint, match="serves only this package's tasks, not 'hellaswag'"):
        XstiltsLM(str(tiny_bundle)).loglikelihood([request])
    with pytest.raises(UnfitCheckpoint, match="needs a language model"):
        XstiltsLM(str(tiny_bundle)).loglikelihood_rolling([request])


def test_remote_code_is_never_run(tiny_bundle: Path, tmp_path: Path) -> None:
    """A checkpoint that brings its own code, and somebody who answers "y" to everything."""
    import subprocess
    import sys

    head = copy_head(tiny_bundle / "panx", tmp_path / "evil")
    config = json.loads((head / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (head / "config.json").write_text(json.dumps(config))
    (head / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    command = [sys.executable, "-m", "xstilts_eval.cli", "eval", str(head), "-o", str(tmp_path / "out")]
    run = subprocess.run(command, input="y\n" * 100, capture_output=True, text=True)
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("part", ["classifier", "pooler"])
def test_no_part_of_a_head_is_made_up(tiny_bundle: Path, tmp_path: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    head = copy_head(tiny_bundle / "xnli", tmp_path / "part")
    weights = {k: v for k, v in load_file(head / "model.safetensors").items() if part not in k}
    save_file(weights, head / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnfitCheckpoint, match=f"lacks weights: .*{part}"):
        run_host(["xtreme.xnli.sw"], head)


def test_a_tokenizer_of_another_model_is_refused(tiny_bundle: Path, minilm: Path, tmp_path: Path) -> None:
    head = copy_head(tiny_bundle / "panx", tmp_path / "mixed")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(minilm / name, head / name)
    with pytest.raises(UnfitCheckpoint, match="the tokenizer has 30522 tokens, the model"):
        run_host(["xtreme.panx.sw"], head)


@pytest.mark.parametrize(
    "damage", ["{", '{"model_type": "bert", "hidden_size": "x"}', '{"model_type": "nothing"}', "[]"]
)
def test_a_broken_configuration_is_one_sentence(tiny_bundle: Path, tmp_path: Path, damage: str) -> None:
    head = copy_head(tiny_bundle / "panx", tmp_path / "broken")
    (head / "config.json").write_text(damage)
    with pytest.raises(UnfitCheckpoint, match="cannot read a model configuration there"):
        XstiltsLM(str(head))


def test_the_hosts_caches_are_kept_out(tiny_bundle: Path) -> None:
    """Both key by less than what an answer depends on (the UD-POS and PAN-X requests of a sentence are one text)."""
    from lm_eval.api.model import CachingLM

    with pytest.raises(SettingError, match="--use_cache does not tell tasks, data and checkpoints apart"):
        CachingLM(XstiltsLM(str(tiny_bundle)), str(tiny_bundle.parent / "cache.db"))


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_leaves_something(tiny_bundle: Path, limit: int) -> None:
    with pytest.raises(SettingError, match="--limit must leave at least one document"):
        run_host(["xtreme.pawsx.de"], tiny_bundle, limit=limit)


def test_equal_inputs_have_equal_neighbours_whatever_the_batch(minilm: Path) -> None:
    """MiniLM sees many Telugu and Malayalam words as [UNK]: different texts, one input, no matter of rounding."""
    answers = []
    for settings in ({"batch_tokens": 64}, {"batch_tokens": 2048}, {"batch_tokens": 500}, {"batch_size": 3}):
        samples = run_host(["xtreme.tatoeba.te", "xtreme.tatoeba.ml"], minilm, **settings)["samples"]  # type: ignore[arg-type]
        answers.append(
            {
                leaf: [
                    (s["filtered_resps"][0]["nearest_source"], s["filtered_resps"][0]["nearest_target"]) for s in rows
                ]
                for leaf, rows in samples.items()
            }
        )
    assert all(answer == answers[0] for answer in answers)


# ------------------------------------------------------------------ labels


def test_nameless_labels_need_an_order(tiny_bundle: Path, tmp_path: Path) -> None:
    head = copy_head(tiny_bundle / "xnli", tmp_path / "nameless")
    config = json.loads((head / "config.json").read_text())
    config |= {"id2label": {str(i): f"LABEL_{i}" for i in range(3)}, "label2id": {f"LABEL_{i}": i for i in range(3)}}
    (head / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnfitCheckpoint, match=r"label_order=contradiction\|entailment\|neutral"):
        run_host(["xtreme.xnli.sw"], head)
    named = run_host(["xtreme.xnli.sw"], tiny_bundle)["samples"]["xtreme.xnli.sw"]
    ordered = run_host(["xtreme.xnli.sw"], head, label_order="contradiction|entailment|neutral")
    assert ordered["config"]["xstilts"]["label_order"] == {"xnli": ["contradiction", "entailment", "neutral"]}
    assert [s["acc"] for s in ordered["samples"]["xtreme.xnli.sw"]] == [s["acc"] for s in named]
    with pytest.raises(UnfitCheckpoint, match=r"its labels are \[LABEL_0, LABEL_1, LABEL_2\], xnli needs"):
        run_host(["xtreme.xnli.sw"], head, label_order="entailment|neutral")


def test_class_order_reaches_the_scores(tiny_bundle: Path, tmp_path: Path) -> None:
    """The same weights with the names of two classes swapped must swap their log-likelihoods."""
    head = copy_head(tiny_bundle / "xnli", tmp_path / "swapped")
    config = json.loads((head / "config.json").read_text())
    config["id2label"] = {"0": "neutral", "1": "entailment", "2": "contradiction"}
    config["label2id"] = {"neutral": 0, "entailment": 1, "contradiction": 2}
    (head / "config.json").write_text(json.dumps(config))
    plain = run_host(["xtreme.xnli.sw"], tiny_bundle / "xnli")["samples"]["xtreme.xnli.sw"]
    swapped = run_host(["xtreme.xnli.sw"], head)["samples"]["xtreme.xnli.sw"]
    for one, other in zip(plain, swapped, strict=True):
        values, changed = ([score for score, _ in sample["filtered_resps"]] for sample in (one, other))
        assert changed == pytest.approx([values[2], values[1], values[0]])


def test_a_replaced_head_brings_its_own_order(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    order = ("entailment", "neutral", "contradiction")
    config = json.loads((folder / "xnli" / "config.json").read_text())
    config |= {"id2label": {str(i): f"LABEL_{i}" for i in range(3)}, "label2id": {f"LABEL_{i}": i for i in range(3)}}
    (folder / "xnli" / "config.json").write_text(json.dumps(config))
    manifest = bundle.read(folder)
    heads = manifest.heads | {"xnli": bundle.Head(path="xnli", label_order=order)}
    bundle.write(manifest.model_copy(update={"heads": heads}), folder)
    assert XstiltsLM(str(folder)).checkpoint.label_names(family("xnli")) == list(order)
    other = XstiltsLM(str(folder), xnli=str(tiny_bundle / "xnli"))
    assert other.checkpoint.label_names(family("xnli")) == list(family("xnli").labels)
    with pytest.raises(UnfitCheckpoint, match=r"xnli_label_order=e\|c\|n contradicts the head's own names"):
        XstiltsLM(str(folder), xnli_label_order="e|c|n").checkpoint.label_map(family("xnli"))


# ------------------------------------------------------------------ bundles


def test_bundle_survives_a_round_trip(tmp_path: Path) -> None:
    made = bundle.Bundle(
        encoder="encoder", heads={"xnli": bundle.Head(path="org/model", label_order=("a", "b", "c"))}, seed=3
    )
    bundle.write(made, tmp_path)
    assert bundle.read(tmp_path) == made


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ('{"heads": {"xnli": {"path": "../../etc"}}}', r"heads\.xnli\.path: .*must be a sub-folder of the bundle"),
        ('{"encoder": "/etc"}', "must be a sub-folder"),
        ('{"colour": 1}', "colour: is not known here"),
        ('{"format": 2}', "format: Input should be 1"),
        ('{"retrieval": {"pooling": "sum"}}', r"retrieval\.pooling: Input should be 'mean', 'cls', 'max', 'mean_sqrt"),
    ],
)
def test_malformed_bundles_are_refused_by_field(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(UnfitCheckpoint, match=message):
        bundle.read(tmp_path)


def test_a_missing_part_is_not_looked_up_elsewhere(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    shutil.move(folder / "xnli", tmp_path / "xnli")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnfitCheckpoint, match="names a part 'xnli', and it has no such sub-folder"):
        XstiltsLM(str(folder))


def test_changed_settings_change_the_fingerprint(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    before = XstiltsLM(str(folder)).checkpoint.fingerprint()
    manifest = bundle.read(folder)
    bundle.write(manifest.model_copy(update={"retrieval": bundle.Retrieval(layer=1, pooling="cls")}), folder)
    assert XstiltsLM(str(folder)).checkpoint.fingerprint() != before


# ------------------------------------------------------------------ sentence-transformers folders


def test_the_settings_of_a_sentence_transformers_folder_are_used(minilm: Path) -> None:
    """As its files say: mean pooling of the last layer, 256 sub-words."""
    settings = XstiltsLM(str(minilm))._retrieval()
    assert settings == bundle.Retrieval(layer=None, pooling="mean", max_length=256)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("modules.json", "[1]", "cannot read its sentence-transformers settings"),
        ("modules.json", '[{"type": "a.Transformer", "path": ""}]', "cannot read its sentence-transformers settings"),
        ("modules.json", '[{"type": "a.CNN", "path": "2"}]', "module CNN is not supported"),
        (
            "1_Pooling/config.json",
            '{"pooling_mode_lasttoken": true}',
            "pooling_mode_lasttoken is not supported",
        ),
        ("1_Pooling/config.json", "{}", "pooling none is not supported"),
    ],
)
def test_settings_not_understood_are_refused(
    minilm: Path, tmp_path: Path, name: str, content: str, message: str
) -> None:
    for path in ("config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(minilm / path, tmp_path / path)
    (tmp_path / name).write_text(content)
    with pytest.raises(UnfitCheckpoint, match=message):
        XstiltsLM(str(tmp_path))
