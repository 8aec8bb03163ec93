"""The benchmark's main model in small: XLM-R's architecture, a Unigram vocabulary with its template, random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.run_host import run_host
from tests.tiny import texts
from xstilts_eval.benchmark import UPOS, family
from xstilts_eval.bundle import Bundle, Head, write
from xstilts_eval.data import sources
from xstilts_eval.data.examples import document
from xstilts_eval.models import embedding, spans, tagging
from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
from xstilts_eval.paths import sample_path


def xlmr_tokenizer() -> Any:
    """A Unigram tokenizer trained on the sample, with XLM-R's special tokens, ids and template."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    inner = Tokenizer(models.Unigram())
    inner.normalizer = normalizers.NFKC()
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=2000, special_tokens=special, unk_token="<unk>", show_progress=False)
    inner.train_from_iterator(texts(), trainer)
    ends = [("<s>", 0), ("</s>", 2)]
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=512, bos_token="<s>", cls_token="<s>", pad_token="<pad>",
        eos_token="</s>", sep_token="</s>", unk_token="<unk>", mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with an encoder, a tagging head and a question-answering head."""
    import transformers

    folder = tmp_path_factory.mktemp("xlmr")
    tokenizer = xlmr_tokenizer()
    shape = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": 514, "type_vocab_size": 1, "initializer_range": 0.3,
    }  # fmt: skip
    for name, kind, labels in (
        ("encoder", transformers.XLMRobertaModel, ()),
        ("udpos", transformers.XLMRobertaForTokenClassification, UPOS),
        ("qa", transformers.XLMRobertaForQuestionAnswering, ()),
    ):
        torch.manual_seed(3)
        options = {"id2label": dict(enumerate(labels)), "num_labels": len(labels)} if labels else {}
        kind(transformers.XLMRobertaConfig(**shape, **options)).eval().save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    write(Bundle(encoder="encoder", heads={"udpos": Head(path="udpos"), "xquad": Head(path="qa")}), folder)
    return folder


def load(folder: Path, auto_class: str, length: int) -> Loaded:
    import transformers

    model = getattr(transformers, auto_class).from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return Loaded(model, tokenizer, Runtime(torch.device("cpu"), torch.float32, 2048, show_progress=False), length)


def test_the_families_run_and_the_defaults_are_the_benchmarks(xlmr: Path) -> None:
    results = run_host(["xtreme.udpos.th", "xtreme.xquad.zh", "xtreme.tatoeba.ka", "xtreme.bucc2018.ru"], xlmr)
    info = results["config"]["xstilts"]
    assert info["max_length"] == {"udpos": 128, "xquad": 384, "retrieval": 512}
    assert info["retrieval"] == {"layer": 2, "pooling": "mean", "max_length": 512}  # 14 of 24 blocks: 2 of 3


@pytest.mark.parametrize(
    ("blocks", "kind", "layer"), [(24, "xlm-roberta", 14), (12, "bert", 8), (12, "xlm-roberta", 7)]
)
def test_default_layers(blocks: int, kind: str, layer: int) -> None:
    """XLM-R large: block 14; mBERT: block 8 (xtreme_spec.md 2.4); no official layer for XLM-R base."""
    from transformers import AutoConfig

    config = AutoConfig.for_model(kind, num_hidden_layers=blocks)
    assert embedding.default_retrieval(config).layer == layer


def test_positions_leave_room_for_the_padding_index(xlmr: Path) -> None:
    assert model_positions(load(xlmr / "encoder", "AutoModel", 512).model) == 512


def test_rows_follow_the_tokenizers_own_template(xlmr: Path) -> None:
    head = load(xlmr / "qa", "AutoModelForQuestionAnswering", 384)
    assert head.fields == ("input_ids", "attention_mask"), "XLM-R takes no token types"
    pair = spans.PairTemplate.of(head.tokenizer)
    ids = [head.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("Who left?", "Paulo Reis left.")]
    question, context = ids
    assert (
        pair.row(question, context, head.fields)["input_ids"]
        == head.tokenizer("Who left?", "Paulo Reis left.")["input_ids"]
    )
    assert (pair.before, pair.between, pair.after) == ([0], [2, 2], [2])
    assert tagging.template(head.tokenizer) == ([0], [2])


def test_pieces_hold_125_sub_words(xlmr: Path) -> None:
    """128 less three special tokens, as the benchmark's scripts count for XLM-R (xtreme_spec.md 2.2)."""
    head = load(xlmr / "udpos", "AutoModelForTokenClassification", 128)
    assert tagging.budget(head.tokenizer, head.model, 128) == 125
    doc: Any = {"id": "1", "tokens": ["a"] * 300}
    tags, counts = tagging.tag(head, [doc], UPOS)
    assert len(tags[0]) == 300
    length = len(head.tokenizer("a", add_special_tokens=False)["input_ids"])
    assert counts["extra_pieces"] == [-(-300 // (125 // length)) - 1]


@torch.inference_mode()
@pytest.mark.parametrize("language", ["zh", "th", "ar", "en"])
def test_answers_are_slices_that_a_plain_loop_finds_too(xlmr: Path, language: str) -> None:
    """One window each: arg-max over the pairs SQuAD allows, text by character offsets."""
    head = load(xlmr / "qa", "AutoModelForQuestionAnswering", 384)
    examples = sources.load(family("xquad"), language, "test", sample_path()).examples
    docs: list[Any] = [document(example, "xquad", language) for example in examples]
    found, counts = spans.answer(head, docs)
    assert counts["windows"] == [1] * len(docs)
    for doc, text in zip(docs, found, strict=True):
        encoding = head.tokenizer(doc["question"], doc["context"], return_offsets_mapping=True, return_tensors="pt")
        offsets = encoding.pop("offset_mapping")[0].tolist()
        output = head.model(**encoding)
        places = [i for i, side in enumerate(encoding.sequence_ids(0)) if side == 1]
        start, end = output.start_logits[0].numpy(), output.end_logits[0].numpy()
        starts = sorted(places, key=lambda i: -start[i])[:20]
        ends = sorted(places, key=lambda i: -end[i])[:20]
        allowed = [(float(start[s] + end[e]), s, e) for s in starts for e in ends if s <= e < s + 30]
        _, first, last = max(allowed, key=lambda item: item[0])
        assert text == doc["context"][offsets[first][0] : offsets[last][1]].strip()


@torch.inference_mode()
def test_a_cut_encoder_gives_the_hidden_state_of_its_block(xlmr: Path) -> None:
    whole = load(xlmr / "encoder", "AutoModel", 512)
    sentences = ["Anna lives in Lisbon.", "安娜住在里斯本。"]
    expected = []
    for sentence in sentences:
        hidden = whole.model(**whole.tokenizer(sentence, return_tensors="pt"), output_hidden_states=True).hidden_states[
            2
        ]
        mean = hidden[0].mean(dim=0)
        expected.append((mean / mean.norm()).numpy())
    encoder = embedding.SentenceEncoder(load(xlmr / "encoder", "AutoModel", 512), 2, "mean")
    assert len(encoder.loaded.model.encoder.layer) == 2
    np.testing.assert_allclose(encoder.embed(sentences), np.stack(expected), atol=1e-5)
