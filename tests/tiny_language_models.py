"""Tiny random language models of three shapes, made in a second: real formats, nothing downloaded.

Each function writes a folder that any Hugging Face loader opens (safetensors weights, tokenizer files) and returns it.
Equal calls write equal files. All have two blocks of width 32 and read at least 4,096 tokens.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from itertools import pairwise
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


def make_thinker(folder: Path, answer: str = "Elvir", thought: str = "\n~", opens_in_prompt: bool = False) -> Path:
    """A Llama over bytes that answers every conversation with a thought in ``<think>`` marks, then with `answer`.

    Its chat template knows ``enable_thinking``; without a thought the answer comes at once. A thought without an end
    is asked for by an empty `answer`. With `opens_in_prompt` the template writes the opening mark. No character may
    occur twice: the next token is looked up by the last one.
    """
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<|user|>", "<|assistant|>", "<nothink>"]
    marks = ["<think>", "</think>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*special, *marks, *alphabet])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(piece, special=True, normalized=False) for piece in special])
    inner.add_tokens([AddedToken(piece, special=False, normalized=False) for piece in marks])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=8192
    )
    start = "<think>" if opens_in_prompt else ""
    tokenizer.chat_template = (
        "{% for m in messages %}<|user|>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>"
        "{% if enable_thinking is defined and not enable_thinking %}<nothink>{% else %}"
        + start
        + "{% endif %}{% endif %}"
    )
    size = 272
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=8,
        max_position_embeddings=8192,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    pieces = tokenizer.convert_tokens_to_ids
    byte = {text: pieces(inner.pre_tokenizer.pre_tokenize_str(text)[0][0]) for text in {*thought, *answer}}
    chain = [pieces("<think>"), *(byte[text] for text in thought)]
    after = [*(byte[text] for text in answer), pieces("</s>")] if answer else []
    if after:
        chain += [pieces("</think>"), *after]
    steps = [(pieces("<|assistant|>"), chain[0]), *pairwise(chain)]
    if after:
        steps.append((pieces("<nothink>"), after[0]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.model.embed_tokens.weight[:, : len(tokenizer)] = torch.eye(size)[: len(tokenizer), : len(tokenizer)]
        model.model.norm.weight.fill_(1)
        for layer in model.model.layers:
            layer.input_layernorm.weight.fill_(1)
            layer.post_attention_layernorm.weight.fill_(1)
        for one, other in steps:
            model.lm_head.weight[other, one] = 10.0
    return _save(model, tokenizer, folder)
