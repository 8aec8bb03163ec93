"""The host's own model classes: retrieval through `--model hf`, one warning, refusals, few-shot, chat, bounds."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm_eval.api.model import LM

from tests.bridged_host import bridged, hf, simple_evaluate
from tests.run_host import load_tasks
from tests.test_bridge import INSTALL, NO_DEFAULTS, python
from tests.tiny_language_models import make_byt5, make_llama, make_mt5
from xstilts_eval import kinds
from xstilts_eval.benchmark import FAMILIES, XTREME, family
from xstilts_eval.data import sources
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import host_models, host_vectors
from xstilts_eval.paths import sample_path
from xstilts_eval.tasks import announced

SHAPES = {
    "llama": make_llama,
    "llama-no-pad": lambda folder: make_llama(folder, pad=False),
    "llama-chat": lambda folder: make_llama(folder, chat=True),
    "mt5": make_mt5,
    "byt5": make_byt5,
}
TEXT = ["xtreme.xnli.sw", "xtreme.pawsx.ko", "xtreme.udpos.ta", "xtreme.panx.ka"]
TEXT += ["xtreme.xquad.th", "xtreme.mlqa.hi", "xtreme.tydiqa.te"]
RETRIEVAL = ["xtreme.tatoeba.th", "xtreme.bucc2018.zh"]
GENERATIVE = [f for f in XTREME if f.kind in (kinds.TAGGED, kinds.QUESTION)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in SHAPES.items()}


@pytest.fixture(scope="module", autouse=True)
def bridge() -> Iterator[None]:
    with bridged():
        yield


def load(folder: Path, **arguments: Any) -> Any:
    """The host's HFLM on a folder."""
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return HFLM(pretrained=str(folder), device="cpu", **({"batch_size": 8} | arguments))


# ---------------------------------------------------------------------- all families


@pytest.mark.parametrize("shape", ["llama-no-pad", "mt5", "byt5"])
def test_every_family_answers(folders: dict[str, Path], shape: str) -> None:
    """Text families with one document; retrieval whole, since BUCC's score needs its corpus."""
    results = hf(folders[shape], TEXT, limit=1, gen_kwargs={"max_gen_toks": 4})
    more = hf(folders[shape], RETRIEVAL)
    for leaf in TEXT + RETRIEVAL:
        found = FAMILIES["_".join(leaf.split(".")[:2])]
        scores = (results if leaf in TEXT else more)["results"][leaf]
        assert all(0 <= scores[f"{metric},none"] <= 1 for metric in found.metrics), leaf
    for leaf in RETRIEVAL:
        settings = more["configs"][leaf]["metadata"]["xs_retrieval"]
        # Block 1 of 2: the same depth as block 14 of XLM-R large's 24.
        assert settings == {"layer": 1, "pooling": "mean", "max_length": 512, "dtype": "float32", "truncated": 0}
        responses = [sample["filtered_resps"][0] for sample in more["samples"][leaf]]
        expected = {"pairs", "threshold"} if "bucc" in leaf else {
            "nearest_source", "source_score", "nearest_target", "target_score"
        }  # fmt: skip
        assert all(response.keys() == expected for response in responses)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["llama", "mt5", "byt5"])
def test_the_whole_suite_through_the_command(folders: dict[str, Path], shape: str, tmp_path: Path) -> None:
    """Plain ``lm_eval --model hf --tasks xtreme``: all 162 leaves of the sample.

    With a shorter bound than the tasks': random weights never stop, and 512 tokens for each of 1,752 sentences take
    half an hour.
    """
    done = command(
        tmp_path, "--tasks", "xtreme", "--batch_size", "64", "--gen_kwargs", "max_gen_toks=16", model=folders[shape]
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.rglob("results_*.json")
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    assert sum(len(f.languages) for f in XTREME) == 162
    for f in XTREME:
        for language in f.languages:
            assert all(0 <= results[f.leaf(language)][f"{metric},none"] <= 1 for metric in f.metrics)


def command(output: Path, *arguments: str, model: Path) -> Any:
    """The host's command in a new process, with the repository's bridge."""
    given = ["lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model}", "--device", "cpu"]
    given += ["--output_path", str(output), *arguments]
    code = INSTALL + NO_DEFAULTS + (
        f"from lm_eval.__main__ import cli_evaluate\nsys.argv = {given!r}\ncli_evaluate()"
    )  # fmt: skip
    return python(code, output, XSTILTS_DATA="sample", TQDM_DISABLE="1")


def test_the_command_runs_retrieval(folders: dict[str, Path], tmp_path: Path) -> None:
    done = command(
        tmp_path, "--tasks", "xtreme.tatoeba.de,xtreme.bucc2018.de,xtremer.mewslix.de", model=folders["llama"]
    )
    assert done.returncode == 0, done.stderr
    assert "xtreme.bucc2018.de" in done.stdout and "no language model" not in done.stderr
    (path,) = tmp_path.rglob("results_*.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["configs"]["xtreme.tatoeba.de"]["metadata"]["xs_retrieval"]["layer"] == 1
    assert written["configs"]["xtremer.mewslix.de"]["metadata"]["xs_retrieval"]["max_length"] == "64/64"
    assert 0 <= written["results"]["xtremer.mewslix.de"]["mrr_at_20,none"] <= 1


# ---------------------------------------------------------------------- sentence vectors

SENTENCES = [
    "Anna.",
    "The river flows from the mountains to the sea, and nobody has ever asked it why.",
    "Mto unatiririka.",
    "แม่น้ำไหลจากภูเขาสู่ทะเล",
    "Ποτάμι " * 30,
]


def reference(folder: Path, shape: str, text: str) -> Any:
    """One sentence alone: mean over its tokens of the state after block 1, of length 1."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)(text)["input_ids"]])
    with torch.no_grad():
        if shape.startswith("llama"):
            states = AutoModelForCausalLM.from_pretrained(folder)(ids, output_hidden_states=True).hidden_states
        else:
            model = AutoModelForSeq2SeqLM.from_pretrained(folder)
            states = model(ids, decoder_input_ids=ids[:, :1], output_hidden_states=True).encoder_hidden_states
    mean = states[1][0].mean(dim=0)
    return (mean / mean.norm()).numpy()


@pytest.mark.parametrize("shape", SHAPES)
def test_vectors_are_those_of_each_sentence_alone(folders: dict[str, Path], shape: str) -> None:
    lm = load(folders[shape])
    lm.tokenizer.padding_side = "left"  # the host's habit; vectors must not depend on it
    vectors = host_vectors.encoder_of(lm).embed(SENTENCES)
    expected = np.stack([reference(folders[shape], shape, text) for text in SENTENCES])
    np.testing.assert_allclose(vectors, expected, atol=2e-6)
    assert np.abs(expected @ expected.T - np.eye(len(SENTENCES))).max() > 0.01, "the sentences differ"


def test_mixed_precision_is_the_hosts(folders: dict[str, Path]) -> None:
    exact = host_vectors.encoder_of(load(folders["llama"])).embed(SENTENCES)
    mixed = host_vectors.encoder_of(load(folders["llama"], mixed_precision_dtype="bfloat16")).embed(SENTENCES)
    assert 1e-6 < np.abs(exact - mixed).max() < 0.05


@pytest.mark.parametrize("shape", ["llama", "byt5"])
def test_cut_sentences_are_counted(folders: dict[str, Path], shape: str) -> None:
    encoder = host_vectors.encoder_of(load(folders[shape], max_length=24))
    encoder.embed(SENTENCES)
    lengths = [len(encoder.loaded.tokenizer(text)["input_ids"]) for text in SENTENCES]
    assert encoder.truncated == sum(length > 24 for length in lengths) > 0


def test_retrieval_leaves_the_model_as_it_was(tiny_bundle: Path) -> None:
    """`--model xstilts` drops the blocks it does not need; the host goes on using all of them."""
    lm = load(tiny_bundle / "encoder")
    before = {name: value.clone() for name, value in lm.model.state_dict().items()}
    host_vectors.encoder_of(lm).embed(SENTENCES)
    after = lm.model.state_dict()
    assert after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("shape", ["encoder", "llama"])
def test_both_model_names_give_the_same_answers(folders: dict[str, Path], tiny_bundle: Path, shape: str) -> None:
    folder = tiny_bundle / "encoder" if shape == "encoder" else folders[shape]
    ours = simple_evaluate("xstilts", RETRIEVAL, {"pretrained": str(folder), "show_progress": False}, device="cpu")
    theirs = hf(folder, RETRIEVAL)
    for leaf in RETRIEVAL:
        one, other = ([s["filtered_resps"][0] for s in run["samples"][leaf]] for run in (ours, theirs))
        assert [without_scores(response) for response in one] == [without_scores(response) for response in other]


def without_scores(response: dict[str, Any]) -> Any:
    if "pairs" in response:
        return sorted(tuple(pair[:2]) for pair in response["pairs"])
    return response["nearest_source"], response["nearest_target"]


def test_processes_are_the_hosts(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]) -> None:
    """On CPU the host gives every process all documents, whatever the launcher says."""
    lm = load(folders["llama"])
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    found = host_vectors.HostProcesses(lm)
    assert (found.rank, found.world_size, found.all_gather_object("x")) == (0, 1, ["x"])


# ---------------------------------------------------------------------- the warning


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "xstilts_eval"]


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> Path:
    """A masked language model of XLM-R's kind; its tokenizer is the tiny Llama's."""
    from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForMaskedLM

    folder = tmp_path_factory.mktemp("masked")
    tokenizer = AutoTokenizer.from_pretrained(folders["llama"])
    tokenizer.save_pretrained(folder)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=1026, pad_token_id=1, **shape)
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


def test_a_masked_model_is_warned_about_once(masked: Path, caplog: pytest.LogCaptureFixture) -> None:
    hf(masked, ["xtreme.xnli.sw", "xtreme.xnli.de", "xtreme.tydiqa.sw"], limit=1, gen_kwargs={"max_gen_toks": 4})
    (line,) = warnings(caplog)
    assert line == (
        f"{masked} (XLMRobertaForMaskedLM) is no language model: what --model hf reports for xtreme_xnli, "
        f"xtreme_tydiqa means nothing; run --model xstilts --model_args pretrained={masked} instead"
    )


def test_the_warning_comes_before_anything_runs(
    masked: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    lm = load(masked)

    def answer(requests: list[Any]) -> list[tuple[float, bool]]:
        seen.append(warnings(caplog))
        return [(0.0, False)] * len(requests)

    monkeypatch.setattr(lm, "loglikelihood", answer)
    simple_evaluate(lm, ["xtreme.xnli.sw"], limit=1)
    assert len(seen) == 1 and len(seen[0]) == 1


def test_retrieval_from_a_masked_model_is_sound(masked: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The states of its blocks mean what they always mean, so nothing is said."""
    hf(masked, ["xtreme.tatoeba.de"], limit=2)
    assert warnings(caplog) == []


def test_a_language_model_is_not_warned_about(folders: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    for shape in ("llama", "mt5", "byt5"):
        host_models.warn_if_no_language_model(load(folders[shape]), leaves("xtreme.xnli.sw"))
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("model_type", "settings", "described"),
    [
        ("xlm-roberta", {"architectures": ["XLMRobertaForMaskedLM"]}, "XLMRobertaForMaskedLM"),
        ("xlm-roberta", {"architectures": ["XLMRobertaForTokenClassification"]}, "XLMRobertaForTokenClassification"),
        ("bert", {"architectures": ["BertForPreTraining"]}, "BertForPreTraining"),
        ("bert", {"architectures": ["BertModel"]}, "BertModel"),
        ("bert", {}, "model type bert"),
        ("xlm", {"architectures": ["XLMWithLMHeadModel"]}, "XLMWithLMHeadModel"),
        ("llama", {"architectures": ["LlamaForSequenceClassification"]}, "LlamaForSequenceClassification"),
        ("llama", {"architectures": ["LlamaModel"], "tie_word_embeddings": False}, "LlamaModel"),
        ("t5", {"architectures": ["T5EncoderModel"]}, "T5EncoderModel"),
        ("bert", {"architectures": ["BertLMHeadModel"], "is_decoder": True}, None),
        ("xlm", {"architectures": ["XLMWithLMHeadModel"], "causal": True}, None),
        ("llama", {"architectures": ["LlamaForCausalLM"]}, None),
        ("llama", {}, None),
        ("gpt2", {"architectures": ["GPT2LMHeadModel"]}, None),
        ("mt5", {"architectures": ["MT5ForConditionalGeneration"]}, None),
        ("bart", {"architectures": ["BartModel"]}, None),
        ("mbart", {"architectures": ["MBartForConditionalGeneration"]}, None),
    ],
)
def test_what_is_no_language_model(model_type: str, settings: dict[str, Any], described: str | None) -> None:
    from transformers import AutoConfig

    config = AutoConfig.for_model(model_type, **settings)
    assert host_models.other_than_language_model(config) == described


# ---------------------------------------------------------------------- refusals


def leaves(*names: str) -> list[Any]:
    return list(load_tasks(list(names))["tasks"].values())


def bare(path: str, **attributes: Any) -> Any:
    """An object of a host's class without its constructor, which may want a server or an engine."""
    module, name = path.rsplit(".", 1)
    found = object.__new__(getattr(importlib.import_module(f"lm_eval.models.{module}"), name))
    for attribute, value in {"_rank": 0, **attributes}.items():
        setattr(found, attribute, value)
    return found


@pytest.mark.parametrize(
    ("path", "attributes", "refused"),
    [
        ("dummy.DummyLM", {}, {"retrieval"}),
        ("gguf.GGUFLM", {}, {"retrieval"}),
        ("textsynth.TextSynthLM", {}, {"retrieval"}),
        ("sglang_causallms.SGLangLM", {}, {"retrieval"}),
        ("trtllm_causallms.TRTLLM", {}, {"retrieval"}),
        ("openai_completions.LocalCompletionsAPI", {"tokenizer": "any"}, {"retrieval"}),
        ("openai_completions.LocalCompletionsAPI", {"tokenizer": None}, {"pair", "retrieval"}),
        ("openai_completions.LocalChatCompletion", {"tokenizer": None}, {"pair", "retrieval"}),
        ("openai_completions.OpenAIChatCompletion", {"tokenizer": None}, {"pair", "retrieval"}),
        ("openai_completions.OpenAICompletionsAPI", {"tokenizer": "any", "model": "gpt-x"}, {"pair", "retrieval"}),
        ("openai_completions.OpenAICompletionsAPI", {"tokenizer": "any", "model": "davinci-002"}, {"retrieval"}),
        ("anthropic_llms.AnthropicLM", {}, {"pair", "retrieval"}),
        ("anthropic_llms.AnthropicChat", {"tokenizer": None}, {"pair", "retrieval"}),
        ("litellm_llms.LiteLLMChatCompletion", {"tokenizer": None}, {"pair", "retrieval"}),
    ],
)
def test_classes_of_the_host(path: str, attributes: dict[str, Any], refused: set[str]) -> None:
    lm = bare(path, **attributes)
    by_name = {"pair": kinds.PAIR, "text": kinds.TAGGED, "retrieval": kinds.BITEXT}
    assert {name for name, kind in by_name.items() if host_models._CHECKS[kind.request](lm)} == refused


class Stub(LM):  # type: ignore[misc]
    """A model of nobody's, which gives the same answer to everything."""

    def loglikelihood(self, requests: list[Any], **_: Any) -> list[tuple[float, bool]]:
        return [(0.0, False)] * len(requests)

    def loglikelihood_rolling(self, requests: list[Any], **_: Any) -> list[float]:
        return [0.0] * len(requests)

    def generate_until(self, requests: list[Any], **_: Any) -> list[str]:
        return [""] * len(requests)


def test_a_class_that_cannot_generate_is_refused_for_text() -> None:
    class Mute(Stub):
        def generate_until(self, requests: Any, **_: Any) -> Any:
            """Not this one."""
            raise NotImplementedError("no text")

        def loglikelihood(self, requests: Any, **_: Any) -> Any:
            raise AssertionError("asked before the refusal")

    with pytest.raises(UnfitCheckpoint) as error:
        simple_evaluate(Mute(), ["xtreme.xnli.sw", "xtreme.udpos.de", "xtreme_mlqa"])
    assert str(error.value) == (
        "--model Mute cannot serve xtreme_udpos, xtreme_mlqa: tagging, questions and translation need generated text, "
        "which this model class does not give. It can serve: --tasks xtreme.xnli.sw"
    )


def test_nothing_fits() -> None:
    with pytest.raises(UnfitCheckpoint, match="It can serve none of the selected tasks"):
        simple_evaluate(Stub(), ["xtreme_tatoeba", "xtreme_bucc2018"])


def test_groups_that_fit_are_offered_by_group() -> None:
    with pytest.raises(UnfitCheckpoint, match=r"It can serve: --tasks xtreme_xnli,xtreme\.pawsx\.de$"):
        simple_evaluate(Stub(), ["xtreme_xnli", "xtreme.pawsx.de", "xtreme.tatoeba.de"])


def test_an_engine_that_is_not_transformers_is_refused_for_retrieval(folders: dict[str, Path]) -> None:
    """OpenVINO, Mamba's own and others inherit from the host's HFLM; their models hold no hidden states."""
    lm = load(folders["llama"])
    assert host_models._no_vectors(lm) is None
    lm._model = torch.nn.Linear(2, 2)
    assert "sentence vectors" in str(host_models._no_vectors(lm))


def test_a_class_with_its_own_embed_is_asked() -> None:
    class Own(Stub):
        def embed(self, requests: list[Any]) -> list[dict[str, Any]]:
            right = [request.doc["gold"] for request in requests]
            return [{"nearest_source": line, "nearest_target": line} for line in right]

    assert simple_evaluate(Own(), ["xtreme.tatoeba.de"])["results"]["xtreme.tatoeba.de"]["acc,none"] == 1.0


def test_thinking_has_no_likelihood(folders: dict[str, Path]) -> None:
    lm = load(folders["llama"], enable_thinking=True, think_end_token="<end>")
    assert "enable_thinking" in str(host_models._no_choices(lm))


def test_a_tokenizer_without_ends_is_refused(folders: dict[str, Path]) -> None:
    lm = load(folders["llama"])
    lm.tokenizer.bos_token = lm.tokenizer.eos_token = None
    assert "neither bos nor eos" in str(host_models._no_choices(lm))
    assert "has none" in str(host_models._no_text(lm))


def test_other_peoples_tasks_are_none_of_our_business(folders: dict[str, Path]) -> None:
    from lm_eval import evaluator

    class Theirs:
        pass

    with pytest.raises(AttributeError):  # the host's own complaint about a task that is none
        evaluator.evaluate(lm=bare("dummy.DummyLM"), task_dict={"tasks": {"theirs": Theirs()}, "groups": {}})


def test_a_failing_check_costs_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the host has changed")

    monkeypatch.setattr(host_models, "before_evaluation", fail)
    results = simple_evaluate(Stub(), ["xtreme.xnli.sw"], limit=1)
    assert "xtreme.xnli.sw" in results["results"]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xstilts-eval")]
    assert "RuntimeError('the host has changed')" in line


@pytest.mark.parametrize("as_text", [True, False])
def test_a_refusal_comes_before_a_task_is_loaded(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, as_text: bool
) -> None:
    """The host prints several lines for each of its tasks while it loads them."""
    from lm_eval.tasks import TaskManager

    head, loaded = tiny_bundle / "xnli", []
    monkeypatch.setattr(TaskManager, "load", lambda *_: loaded.append(1))
    given = f"pretrained={head},dtype=float32" if as_text else {"pretrained": str(head)}
    with pytest.raises(UnfitCheckpoint, match=r"cannot serve xtreme_mlqa: mlqa needs a .*: --tasks xtreme.xnli.sw$"):
        simple_evaluate("xstilts", ["xtreme_mlqa", "xtreme.xnli.sw", "somebody_elses"], given)
    with pytest.raises(UnfitCheckpoint, match="--num_fewshot has no meaning for a checkpoint with heads"):
        simple_evaluate("xstilts", ["xtreme.xnli.sw"], given, num_fewshot=2)
    assert not loaded


def test_an_evaluation_starts_with_an_empty_list(folders: dict[str, Path]) -> None:
    """Leaves that a host's model answered, and nobody read, do not belong to the next evaluation."""
    earlier, later = load_tasks(["xtreme.xnli.sw", "xtreme.udpos.de"]), load_tasks(["xtreme.pawsx.de"])
    for loaded in (earlier, later):  # both stay alive: a task that is gone is not announced any more
        simple_evaluate(Stub(), list(loaded["tasks"].values()), limit=1)
    assert [selection.name for selection in announced.current()] == ["xtreme.pawsx.de"]


# ---------------------------------------------------------------------- few-shot and chat


def english(name: str) -> list[str]:
    """A text of each English training example, as it stands in a prompt."""
    for split in ("train", "dev"):
        try:
            examples = sources.load(family(name), "en", split, sample_path()).examples
            break
        except FileNotFoundError:
            continue
    fields = ("tokens", "question", "hypothesis")
    values = [next(getattr(one, name) for name in fields if hasattr(one, name)) for one in examples]
    return [value if isinstance(value, str) else " ".join(value) for value in values]


def prompts(results: dict[str, Any], leaf: str) -> list[str]:
    return ["".join(map(str, arguments[:2])) for s in results["samples"][leaf] for arguments in s["arguments"]]


@pytest.mark.parametrize("chat", [False, True])
def test_shots_are_english_for_every_text_family(folders: dict[str, Path], chat: bool) -> None:
    results = hf(
        folders["llama-chat"],
        [*TEXT, "xtreme.tatoeba.de"],
        limit=1,
        num_fewshot=2,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
        gen_kwargs={"max_gen_toks": 4},
    )
    for leaf in TEXT:
        name = leaf.split(".")[1]
        shots = english(name)
        documents = [sample["doc"] for sample in hf_documents(leaf)]
        for prompt in prompts(results, leaf):
            assert sum(shot in prompt for shot in set(shots)) == 2, leaf
            assert sum(text_of(document) in prompt for document in documents) == 1, "only the document itself"
            assert prompt.count("<|user|>") == (3 if chat else 0)
    for sample in results["samples"]["xtreme.tatoeba.de"]:
        assert sample["arguments"][0][0] == sample["doc"]["target"], "retrieval embeds the sentence as it is"


def hf_documents(leaf: str) -> list[dict[str, Any]]:
    return [{"doc": document} for document in load_tasks([leaf])["tasks"][leaf].data.documents]


def text_of(document: dict[str, Any]) -> str:
    """What tells a document from all others of its leaf."""
    if "tokens" in document:
        return f"C: {' '.join(document['tokens'])}\nT:"
    if "question" in document:
        return f": {document['question']}\n\n"
    return str(document["hypothesis"])


# ---------------------------------------------------------------------- bounds


def test_every_generative_leaf_has_a_bound_and_a_stop() -> None:
    loaded = load_tasks([f.leaf(language) for f in GENERATIVE for language in f.languages])
    assert len(loaded["tasks"]) == 33 + 40 + 11 + 7 + 9
    for task in loaded["tasks"].values():
        bound = {"tagged": 512, "question": 64}[task.family.kind.value]
        assert task.config.generation_kwargs["max_gen_toks"] == bound
        assert task.config.generation_kwargs["until"] == ["\n"]
        assert task.config.generation_kwargs["do_sample"] is False


@pytest.mark.parametrize("shape", ["llama", "mt5"])
def test_generation_that_never_stops_is_bounded(
    folders: dict[str, Path], shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All logits equal: the first token again and again, and never an end."""
    lm = load(folders[shape])
    torch.nn.init.zeros_(lm.model.get_output_embeddings().weight)
    lengths = []
    generate = lm._model_generate

    def measured(context: Any, **options: Any) -> Any:
        found = generate(context, **options)
        lengths.append(found.shape[1] - (context.shape[1] if shape == "llama" else 0))
        return found

    monkeypatch.setattr(lm, "_model_generate", measured)
    results = simple_evaluate(lm, ["xtreme.tydiqa.sw"], limit=2, gen_kwargs={"max_gen_toks": 24})
    start = 0 if shape == "llama" else 1  # an encoder-decoder's first token is its start
    assert set(lengths) == {start + 24}, "neither less, so it did not stop by itself, nor more"
    assert lm._model_generate is measured, "the host's class is left as it was"
    assert results["results"]["xtreme.tydiqa.sw"]["f1,none"] == 0.0
