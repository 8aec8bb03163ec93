"""Tiny random translation models in the shapes of NLLB, M2M-100 and OPUS-MT, made in a second; nothing downloaded.

Each function writes a folder with safetensors weights and the family's own tokenizer. Random models seldom end a
sentence; the end's embedding is stretched so that some of theirs do.
"""

from __future__ import annotations

import io
import json
import string
from pathlib import Path
from typing import Any

import torch

POSITIONS = 96
LETTERS = string.ascii_letters + string.digits + " .,;:!?'\"-()[]{}<>"
FLORES = ("eng_Latn", "deu_Latn", "swh_Latn", "rus_Cyrl")
STRETCH = 3.0


def nllb_tokenizer() -> Any:
    """NLLB's own tokenizer class over single characters, with four of its languages."""
    from transformers import NllbTokenizer

    pieces = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS.replace(" ", "")])
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    return NllbTokenizer(
        vocab=vocabulary, merges=[], extra_special_tokens=list(FLORES), src_lang="eng_Latn", model_max_length=POSITIONS
    )


def make_nllb(folder: Path, seed: int = 1) -> Path:
    tokenizer = nllb_tokenizer()
    return _save(m2m_model(len(tokenizer), seed), tokenizer, folder)


def make_m2m(folder: Path, corpus: list[str]) -> Path:
    """M2M-100 with all its hundred languages; needs sentencepiece."""
    from transformers import M2M100Tokenizer

    folder.mkdir(parents=True)
    pieces = _sentencepiece(folder / "spm.model", corpus)
    names = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    (folder / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(dict.fromkeys(names))}))
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "spm.model"), model_max_length=POSITIONS)
    return _save(m2m_model(tokenizer.vocab_size + len(tokenizer.lang_code_to_id) + 8), tokenizer, folder)


def m2m_model(tokens: int, seed: int = 1, width: int = 32) -> Any:
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
    return _stretched(M2M100ForConditionalGeneration(config), 2)


def make_marian(folder: Path, corpus: list[str], target: str | None = "de", codes: tuple[str, ...] = ()) -> Path:
    """OPUS-MT for one pair, or for `codes` such as ``>>swh<<``; needs sentencepiece."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True)
    pieces = _sentencepiece(folder / "source.spm", corpus)
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
    torch.manual_seed(1)
    return _save(_stretched(MarianMTModel(config), 0), tokenizer, folder)


def _stretched(model: Any, end: int) -> Any:
    with torch.no_grad():
        model.get_input_embeddings().weight[end] *= STRETCH
    return model.eval()


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _sentencepiece(path: Path, corpus: list[str]) -> list[str]:
    """Train a small unigram model; returns its pieces."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter([*corpus, LETTERS]),
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
