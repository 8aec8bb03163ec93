"""Decoders and encoder-decoders behind `--model xstilts`, against the host's own `hf` on the same requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny_language_models
from tests.run_host import load_tasks
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models import language_model
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.models.source import Source
from xstilts_eval.tasks.documents import load_leaf

TEXT_LEAVES = ["xtreme.xnli.sw", "xtreme.pawsx.de", "xtreme.panx.sw", "xtreme.mlqa.zh"]
RETRIEVAL_LEAVES = ["xtreme.tatoeba.fr", "xtreme.bucc2018.de"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("language_models")
    return {
        "llama": tiny_language_models.make_llama(root / "llama", chat=True),
        "no_pad": tiny_language_models.make_llama(root / "no_pad", pad=False),
        "mt5": tiny_language_models.make_mt5(root / "mt5"),
        "byt5": tiny_language_models.make_byt5(root / "byt5"),
    }


def evaluate(
    model: Any, leaves: list[str], limit: int | None = 1, shots: int = 0, most: int | None = 16, **options: Any
) -> dict[str, Any]:
    """Results of the host's evaluator; `most` bounds the tokens of an answer, to be quick."""
    from lm_eval import evaluate as host_evaluate

    loaded = load_tasks(leaves)
    for task in loaded["tasks"].values():
        task.set_config("num_fewshot", 0 if task.is_retrieval else shots)
        if most and task.config.generation_kwargs:
            task.set_config("generation_kwargs", {"max_gen_toks": most}, update=True)
    results: dict[str, Any] = host_evaluate(model, loaded, limit=limit, log_samples=True, bootstrap_iters=0, **options)
    return results


def ours(folder: Path, **arguments: Any) -> XstiltsLM:
    return XstiltsLM(pretrained=str(folder), show_progress=False, **arguments)


def of_host(folder: Path) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=1)


def responses(results: dict[str, Any]) -> dict[tuple[str, int], list[Any]]:
    return {
        (leaf, row["doc_id"]): [answer for (answer,) in row["resps"]]
        for leaf, rows in results["samples"].items()
        for row in rows
    }


@pytest.mark.parametrize("shape", ["llama", "no_pad", "mt5", "byt5"])
def test_text_answers_are_the_hosts(folders: dict[str, Path], shape: str) -> None:
    """Same prompts, same log-likelihoods, same generated text as `--model hf` one request at a time."""
    mine = responses(evaluate(ours(folders[shape]), TEXT_LEAVES))
    theirs = responses(evaluate(of_host(folders[shape]), TEXT_LEAVES))
    assert mine.keys() == theirs.keys() and len(mine) == 4
    for key, answers in mine.items():
        for answer, other in zip(answers, theirs[key], strict=True):
            if isinstance(answer, str):
                assert answer == other, key
            else:
                assert answer[0] == pytest.approx(other[0], rel=1e-5) and answer[1] == other[1], key


@pytest.mark.parametrize("shape", ["llama", "no_pad", "mt5", "byt5"])
def test_retrieval_by_pooled_states(folders: dict[str, Path], shape: str) -> None:
    """Tatoeba's neighbours equal those of vectors pooled one sentence at a time, by a loop that shares no code."""
    results = evaluate(ours(folders[shape], layer=1), RETRIEVAL_LEAVES, limit=None)
    assert 0 <= results["results"]["xtreme.bucc2018.de"]["f1,none"] <= 1
    rows = {row["doc"]["gold"]: row["resps"][0][0] for row in results["samples"]["xtreme.tatoeba.fr"]}
    french, english = pooled(folders[shape], "xtreme.tatoeba.fr")
    for line, found in rows.items():
        assert found["target_score"] == pytest.approx(float((french[line] @ english.T).max()), abs=1e-4)
        assert found["source_score"] == pytest.approx(float((english[line] @ french.T).max()), abs=1e-4)


def pooled(folder: Path, leaf: str) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers import AutoModel, AutoTokenizer

    from xstilts_eval.benchmark import leaf_parts

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    family, language = leaf_parts(leaf)
    sides = []
    for side in load_leaf(family, language, "sample").pool or ():
        with torch.inference_mode():
            states = [
                model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False), output_hidden_states=True)
                for text in side
            ]
        sides.append(torch.stack([torch.nn.functional.normalize(s.hidden_states[1][0].mean(0), dim=0) for s in states]))
    return sides[0], sides[1]


def test_shots_are_english_and_only_when_asked(folders: dict[str, Path]) -> None:
    leaves = ["xtreme.xquad.de", "xtreme.xnli.sw"]
    plain = evaluate(ours(folders["llama"]), leaves, limit=1)["samples"]
    shots = evaluate(ours(folders["llama"]), leaves, limit=1, shots=2)["samples"]
    (question,), (prompt,) = ([row["arguments"][0][0] for row in run["xtreme.xquad.de"]] for run in (plain, shots))
    assert prompt.endswith(question) and prompt.count("Question:") == 2 and prompt.count("Frage:") == 1
    assert question.count("Frage:") == 1 and "Question:" not in question
    ((context, _), *_) = shots["xtreme.xnli.sw"][0]["arguments"]
    assert context.count(", right?") == 2 and "sahihi?" not in context


def test_a_chat_template_wraps_the_prompt(folders: dict[str, Path]) -> None:
    model = ours(folders["llama"])
    results = evaluate(model, ["xtreme.xquad.de", "xtreme.tatoeba.fr"], limit=1, apply_chat_template=True)
    prompt = results["samples"]["xtreme.xquad.de"][0]["arguments"][0][0]
    assert prompt.startswith("<|user|>\nKontext:") and prompt.endswith("Antwort:<|end|>\n<|assistant|>\n")
    assert "<|user|>" not in results["samples"]["xtreme.tatoeba.fr"][0]["arguments"][0][0]
    assert model.get_model_info()["xstilts"]["chat_template"] is True


def test_without_a_chat_template_it_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(UnfitCheckpoint, match="has no chat template; leave --apply_chat_template out"):
        evaluate(ours(folders["mt5"]), ["xtreme.xquad.de"], limit=1, apply_chat_template=True)


def test_generation_that_never_stops_is_bounded(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model writes no newline; answers end at the limit of their leaf (64 and 512 tokens)."""
    model = ours(folders["llama"])
    language = model._language()
    pieces = {number: language.tokenizer.decode(number) for number in range(len(language.tokenizer))}
    ends = [number for number, piece in pieces.items() if "\n" in piece or piece == "</s>"]
    language.model.lm_head.weight.data[ends] = 0  # a score of 0 is never the highest here
    generate, written = language.model.generate, []

    def counted(input_ids: torch.Tensor, **options: Any) -> torch.Tensor:
        found: torch.Tensor = generate(input_ids=input_ids, **options)
        written.append(found.shape[1] - input_ids.shape[1])
        return found

    monkeypatch.setattr(language.model, "generate", counted)
    evaluate(model, ["xtreme.xquad.de", "xtreme.udpos.de"], most=None)
    assert sorted(written) == [64, 512]


def test_no_room_to_answer_is_said(folders: dict[str, Path]) -> None:
    with pytest.raises(SettingError, match="max_length=64 leaves no room for a prompt beside 64 generated tokens"):
        evaluate(ours(folders["llama"], max_length=64), ["xtreme.xquad.de"], most=None)


def test_prompts_that_are_cut_are_counted(folders: dict[str, Path]) -> None:
    model = ours(folders["llama"], max_length=100)
    evaluate(model, ["xtreme.xquad.de"], limit=2)
    assert model.get_model_info()["xstilts"]["counts"]["language_model"]["truncated"] == 2  # both questions


def test_cut_prompts_of_all_requests_add_up(folders: dict[str, Path]) -> None:
    """Text first, choices behind it: the first choices of a run must not forget what was counted before."""
    model = ours(folders["llama"], max_length=100)
    evaluate(model, ["xtreme.xquad.de", "xtreme.xnli.en"], shots=3)
    assert model.get_model_info()["xstilts"]["counts"]["language_model"]["truncated"] == 1 + 3


@pytest.mark.parametrize("shape", ["llama", "byt5"])
def test_a_choice_that_does_not_fit_is_said(folders: dict[str, Path], shape: str) -> None:
    with pytest.raises(SettingError, match=r"max_length=16: a choice has \d+ tokens; give a longer max_length"):
        evaluate(ours(folders[shape], max_length=16), ["xtreme.xnli.en"])


def test_a_head_serves_its_family_and_the_language_model_the_rest(folders: dict[str, Path], tiny_bundle: Path) -> None:
    model = ours(folders["llama"], xnli=str(tiny_bundle / "xnli"))
    with_head = responses(evaluate(model, ["xtreme.xnli.sw", "xtreme.pawsx.de"]))
    head = responses(evaluate(ours(tiny_bundle), ["xtreme.xnli.sw"]))
    text = responses(evaluate(ours(folders["llama"]), ["xtreme.pawsx.de"]))
    assert with_head == head | text


def test_an_architecture_that_attends_through_a_window_is_scored_choice_by_choice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Mistral with a window of 8 tokens: the shared pass would see more than the model does, and steps aside."""
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    llama = tiny_language_models.make_llama(tmp_path / "llama")
    tokenizer = AutoTokenizer.from_pretrained(llama)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(3)
    config = MistralConfig(
        vocab_size=len(tokenizer), num_key_value_heads=2, sliding_window=8, initializer_range=0.5, **shape
    )
    MistralForCausalLM(config).save_pretrained(tmp_path / "mistral")
    tokenizer.save_pretrained(tmp_path / "mistral")
    mine = responses(evaluate(ours(tmp_path / "mistral"), ["xtreme.xnli.en"]))
    assert "scores every choice with its whole context" in caplog.text
    theirs = responses(evaluate(of_host(tmp_path / "mistral"), ["xtreme.xnli.en"]))
    for key, answers in mine.items():
        assert [a for a, _ in answers] == pytest.approx([a for a, _ in theirs[key]], rel=1e-5)


@pytest.mark.parametrize("kind", ["GPT2", "Bloom", "GPTNeoX", "Qwen2"])
def test_other_architectures_score_as_the_host_does(tmp_path: Path, kind: str) -> None:
    """Absolute positions, ALiBi, rotary: shared or not, the numbers are the host's."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_language_models.make_llama(tmp_path / "llama"))
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer) + 8, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        initializer_range=0.4, **({"num_key_value_heads": 2} if kind == "Qwen2" else {}),
    )  # fmt: skip
    name = {"GPT2": "GPT2LMHeadModel"}.get(kind, f"{kind}ForCausalLM")
    getattr(transformers, name)(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    mine = responses(evaluate(ours(tmp_path / "model"), ["xtreme.xnli.en"], limit=4))
    theirs = responses(evaluate(of_host(tmp_path / "model"), ["xtreme.xnli.en"], limit=4))
    for key, answers in mine.items():
        assert [a for a, _ in answers] == pytest.approx([a for a, _ in theirs[key]], rel=1e-5)


def test_every_family_of_a_run_has_its_signature(folders: dict[str, Path], tiny_bundle: Path, tmp_path: Path) -> None:
    """`xstilts eval` saves family by family; a head is skipped when examples are asked for."""
    from xstilts_eval import evaluation

    settings = evaluation.Settings(
        str(folders["llama"]),
        ("xtreme.xquad.de", "xtreme.xnli.sw", "xtreme.pawsx.de"),
        "sample",
        limit=1,
        num_fewshot=1,
        apply_chat_template=True,
        model_args=(("pawsx", str(tiny_bundle / "pawsx")), ("show_progress", False)),
    )
    board = evaluation.evaluate(settings, tmp_path / "run", False, say=lambda _: None)
    assert board is not None and board.skipped == {"xtreme_pawsx": "a head takes neither examples nor a chat template"}
    signatures = {group: next(iter(row.cells.values())).signature for group, row in board.families.items()}
    assert signatures.keys() == {"xtreme_xquad", "xtreme_xnli"}
    for signature in signatures.values():
        fields = set(signature.split("|"))
        assert {"chat_template:yes", "shots:1", "max_length:4096"} <= fields
        assert any(field.startswith("prompt:xstilts_eval.tasks.prompts.") for field in fields)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_in_fewer_bits_are_asked_of_the_library(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, bits: int
) -> None:
    """What transformers is told; the packing itself is bitsandbytes', which is not installed with the tests."""
    told: list[dict[str, Any]] = []
    load = Source.load

    def noted(self: Source, auto_class: Any, **options: Any) -> Any:
        told.append({name: options.pop(name) for name in ("quantization_config", "device_map")})
        return load(self, auto_class, **options)

    lm = ours(folders["llama"], **{f"load_in_{bits}bit": True})
    monkeypatch.setattr(language_model, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=f"load_in_{bits}bit needs bitsandbytes; pip install bitsandbytes"):
        lm._language()
    monkeypatch.setattr(language_model, "find_spec", lambda name: name)
    monkeypatch.setattr(Source, "load", noted)
    lm._language()
    (given,) = told
    settings = given["quantization_config"]
    assert (settings.load_in_4bit, settings.load_in_8bit) == (bits == 4, bits == 8)
    assert given["device_map"] == {"": torch.device("cpu")}
    assert lm.get_model_info()["xstilts"]["dtype"] == f"float32, weights of {bits} bits"
