"""Tiny random translation models in the shapes of NLLB, M2M-100 and OPUS-MT, made in a second; nothing downloaded.

Each function writes a folder with safetensors weights and the family's own tokenizer. Random models seldom end a
sentence; the end's embedding is stretched so that some of theirs do.
"""

from __future__ import annotations

import io
import json
import string
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

POSITIONS = 96
LETTERS = string.ascii_letters + string.digits + " .,;:!?'\"-()[]{}<>"
CORPUS = [
    f"{first} {second}"
    for first in ("The mill", "An old river", "Ada", "Twenty sacks of wheat", "In spring the museum")
    for second in ("rises.", "is sold today.", "came home, and then left.", "runs in 1999.", "opens near a town?")
]
FLORES = ("eng_Latn", "deu_Latn", "swh_Latn", "rus_Cyrl")


def nllb_tokenizer() -> Any:
    """NLLB's own tokenizer class over single characters, with four of its languages."""
    from transformers import NllbTokenizer

    pieces = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS.replace(" ", "")])
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    return NllbTokenizer(
        vocab=vocabulary, merges=[], extra_special_tokens=list(FLORES), src_lang="eng_Latn", model_max_length=POSITIONS
    )


def make_nllb(folder: Path, seed: int = 1, stretch: float = 5.0) -> Path:
    """NLLB with four languages."""
    tokenizer = nllb_tokenizer()
    return _save(m2m_model(len(tokenizer), seed, stretch=stretch), tokenizer, folder)


def make_m2m(folder: Path, seed: int = 1, stretch: float = 5.0) -> Path:
    """M2M-100 with all its hundred languages; needs sentencepiece."""
    from transformers import M2M100Tokenizer
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    folder.mkdir(parents=True)
    pieces = _sentencepiece(folder / "spm.model")
    names = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    (folder / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(dict.fromkeys(names))}))
    tokenizer = M2M100Tokenizer(
        str(folder / "vocab.json"),
        str(folder / "spm.model"),
        model_max_length=POSITIONS,
        additional_special_tokens=[f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]],
    )
    tokens = tokenizer.vocab_size + len(tokenizer.lang_code_to_id) + 8  # as in its own configuration
    return _save(m2m_model(tokens, seed, stretch=stretch), tokenizer, folder)


def m2m_model(tokens: int, seed: int = 1, width: int = 32, stretch: float = 1.0) -> Any:
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    config = M2M100Config(
        vocab_size=tokens,
        d_model=width,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        max_position_embeddings=POSITIONS,
        decoder_start_token_id=2,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        max_length=40,
        init_std=0.5,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
    )
    torch.manual_seed(seed)
    return _stretched(M2M100ForConditionalGeneration(config), 2, stretch)


def make_marian(
    folder: Path, target: str | None = "de", codes: tuple[str, ...] = (), seed: int = 4, stretch: float = 5.0
) -> Path:
    """OPUS-MT for one pair, or for `codes` such as ``>>swh<<``; needs sentencepiece."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True)
    pieces = _sentencepiece(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    names = dict.fromkeys(["</s>", "<unk>", *pieces, *codes, "<pad>"])
    (folder / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(names)}))
    tokenizer = MarianTokenizer(
        str(folder / "source.spm"),
        str(folder / "target.spm"),
        str(folder / "vocab.json"),
        source_lang="en",
        target_lang=target,
        model_max_length=POSITIONS,
    )
    padding = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=POSITIONS,
        scale_embedding=True,
        decoder_start_token_id=padding,
        pad_token_id=padding,
        eos_token_id=0,
        forced_eos_token_id=0,
        bad_words_ids=[[padding]],
        max_length=40,
        num_beams=4,
        init_std=0.5,
        static_position_embeddings=True,
    )
    torch.manual_seed(seed)
    return _save(_stretched(MarianMTModel(config), 0, stretch), tokenizer, folder)


def _stretched(model: Any, end: int, factor: float) -> Any:
    with torch.no_grad():
        model.get_input_embeddings().weight[end] *= factor
    return model.eval()


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _sentencepiece(path: Path) -> list[str]:
    """Train a small unigram model; returns its pieces."""
    sentencepiece = import_module("sentencepiece")

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter([*CORPUS, LETTERS]),
        model_writer=written,
        vocab_size=150,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    path.write_bytes(written.getvalue())
    found = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [found.IdToPiece(index) for index in range(found.GetPieceSize()) if not found.IsControl(index)]


def make_copier(folder: Path, steps: int = 700) -> Path:
    """NLLB that has learned to say again what it reads, letter by letter, as long as that is at most 40 letters."""
    import random

    tokenizer = nllb_tokenizer()
    model = m2m_model(len(tokenizer), width=64)
    torch.manual_seed(1)
    for weights in model.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=0.05)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, step / 100) * (1 - step / (steps + 100))
    )
    draw = random.Random(1)
    for _ in range(steps):
        letters = [draw.choices(LETTERS, k=draw.randint(3, 40)) for _ in range(32)]
        words = [[letter if draw.random() < 0.85 else " " for letter in row] for row in letters]
        texts = [" ".join("".join(row).split()) or "a" for row in words]
        inputs = tokenizer(texts, padding=True, return_tensors="pt")
        labels = inputs["input_ids"].clone()
        labels[:, 0] = tokenizer.convert_tokens_to_ids(["deu_Latn", "swh_Latn"][draw.randrange(2)])
        decoded = torch.cat([torch.full((len(texts), 1), 2), labels[:, :-1]], dim=1)
        labels[labels == 1] = -100
        loss = model(**inputs, decoder_input_ids=decoded, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return _save(model.eval(), tokenizer, folder)
