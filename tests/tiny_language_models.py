"""Tiny random language models of three shapes, made in a second: real formats, nothing downloaded.

Each function writes a folder that any Hugging Face loader opens (safetensors weights, tokenizer files) and returns it.
Equal calls write equal files. All have two blocks of width 32 and read at least 4,096 tokens.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.tiny import SEED, texts

POSITIONS = 4096
PIECES = 2500
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make_llama(folder: Path, pad: bool = True, chat: bool = False) -> Path:
    """A Llama with a byte-level BPE tokenizer that puts ``<s>`` in front; without `pad` it has no padding token."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<s>", "</s>", *(["<pad>"] if pad else []), *(["<|user|>", "<|assistant|>", "<|end|>"] if chat else [])]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_byte_level_bpe(tuple(specials)),
        model_max_length=POSITIONS,
        bos_token="<s>",
        eos_token="</s>",
        **({"pad_token": "<pad>"} if pad else {}),
    )
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    torch.manual_seed(SEED)
    return _save(LlamaForCausalLM(config), tokenizer, folder)


def make_mt5(folder: Path) -> Path:
    """An mT5 with a unigram tokenizer that ends every text with ``</s>``."""
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration, T5Tokenizer

    tokenizer = T5Tokenizer(vocab=list(_unigram()), extra_ids=0, model_max_length=POSITIONS)
    config = MT5Config(vocab_size=len(tokenizer), **_t5_shape())
    torch.manual_seed(SEED)
    return _save(MT5ForConditionalGeneration(config), tokenizer, folder)


def make_byt5(folder: Path) -> Path:
    """A ByT5: a T5 over UTF-8 bytes; its tokenizer is written in Python and has no fast version."""
    import torch
    from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration

    tokenizer = ByT5Tokenizer(model_max_length=POSITIONS)
    config = T5Config(vocab_size=len(tokenizer), tokenizer_class="ByT5Tokenizer", **_t5_shape())
    torch.manual_seed(SEED)
    return _save(T5ForConditionalGeneration(config), tokenizer, folder)


def _t5_shape() -> dict[str, Any]:
    return {
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
        "eos_token_id": 1,
    }


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@lru_cache(maxsize=8)
def _byte_level_bpe(specials: tuple[str, ...]) -> Any:
    """A tokenizer that can spell every text, with merges learned from the bundled sample."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        special_tokens=list(specials),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    inner.train_from_iterator(_texts(), trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", inner.token_to_id("<s>"))]
    )
    return inner


@lru_cache(maxsize=1)
def _unigram() -> tuple[tuple[str, float], ...]:
    """Frequent words and all characters of the sample with log frequencies; special pieces first, as T5 has them."""
    words = Counter(f"▁{word}" for text in _texts() for word in text.split())
    characters = Counter(character for word, count in words.items() for character in word for _ in range(count))
    frequent = sorted(words, key=lambda word: (-words[word], word))[:PIECES]
    counts = {
        **{character: characters[character] for character in sorted(characters)},
        **{w: words[w] for w in frequent},
    }
    total = sum(counts.values())
    pieces = [(piece, math.log(count / total)) for piece, count in counts.items()]
    return (("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), *pieces)


@lru_cache(maxsize=1)
def _texts() -> tuple[str, ...]:
    return tuple(texts())
