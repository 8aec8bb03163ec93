"""What encoders make of the same inputs, layer by layer: before and after an intermediate stage.

The one module of the analyses that runs a model; everything else takes its arrays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval import bundle
from xstilts_eval.data.examples import Tagged
from xstilts_eval.errors import MissingData, XstiltsError
from xstilts_eval.models import tagging
from xstilts_eval.models.embedding import pool
from xstilts_eval.models.encoder import Loaded, Read, Row, Runtime, forward_rows, rows_of
from xstilts_eval.models.source import Source

Layers = NDArray[np.floating[Any]]
MAX_LENGTH = 128


def load(
    folder: Path, batch_tokens: int = 4096, auto_class: str = "AutoModel", first_piece: tagging.FirstPiece = "any"
) -> Loaded:
    """A checkpoint folder's encoder, or the model with a head of `auto_class`, in float32; raises `MissingData`.

    `first_piece` is the rule a tagger was trained by.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import transformers

    if not (folder / "config.json").is_file():
        raise MissingData(f"{folder} holds no model (no config.json)")
    source = Source(str(folder))
    tokenizer = source.tokenizer()
    model = source.load(getattr(transformers, auto_class), dtype=torch.float32).eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    runtime = Runtime(device, torch.float32, batch_tokens, show_progress=False)
    return Loaded(model.to(device), tokenizer, runtime, MAX_LENGTH, folder.name, first_piece)


def encoder_of(checkpoint: str) -> Path | None:
    """The encoder folder of a run's checkpoint (a bundle or a plain folder); None where it is not on this machine."""
    folder = Path(checkpoint)
    if not folder.is_dir():
        return None
    try:
        inner = bundle.read(folder).encoder
    except XstiltsError:
        return folder if (folder / "config.json").is_file() else None
    return folder / inner if inner and (folder / inner).is_dir() else None


def sentence_layers(encoder: Loaded, texts: Sequence[str]) -> Layers:
    """Mean-pooled hidden states [layers + 1, texts, width] of every layer, the embeddings first."""
    encoding = encoder.tokenizer(list(texts), truncation=True, max_length=encoder.max_length, verbose=False)
    rows = forward_rows(encoder, rows_of(encoding, encoder.fields), _all_layers, output_hidden_states=True)
    width = int(encoder.model.config.hidden_size)
    stacked = np.stack(rows)
    layers: Layers = stacked.reshape(len(texts), -1, width).transpose(1, 0, 2)
    return layers


def _all_layers(output: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    mask = inputs["attention_mask"]
    return torch.cat([pool(hidden, mask, "mean") for hidden in output.hidden_states], dim=-1)


def word_features(encoder: Loaded, sentences: Sequence[Tagged]) -> tuple[Layers, list[str]]:
    """Last hidden states [words, width] at the piece of every word that `encoder.first_piece` says, and the tags."""
    return word_outputs(encoder, sentences, lambda output, _: output.last_hidden_state)


def word_outputs(model: Loaded, sentences: Sequence[Tagged], read: Read) -> tuple[Layers, list[str]]:
    """What `read` takes of a model's output at the piece that has a word's tag [words, width], and the tags."""
    limit = tagging.budget(model.tokenizer, model.model, model.max_length)
    known = tagging.WordTokenizer(model.tokenizer, limit, model.first_piece)
    known.learn(word for sentence in sentences for word in sentence.tokens)
    pieces = [p for number, s in enumerate(sentences) for p in tagging.cut(number, s.tokens, known, limit)]
    before, after = tagging.template(model.tokenizer)
    rows = []
    for piece in pieces:
        ids = [*before, *piece.ids, *after]
        values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)}
        rows.append({name: values[name] for name in model.fields})
    outputs = forward_rows(model, rows, read)
    found = [h[np.asarray(p.first) + len(before)] for h, p in zip(outputs, pieces, strict=True)]
    return np.concatenate(found), [tag for sentence in sentences for tag in sentence.tags]


def text_features(encoder: Loaded, texts: Sequence[str]) -> Layers:
    """Mean-pooled last hidden states [texts, width] of single texts."""
    encoding = encoder.tokenizer(list(texts), truncation=True, max_length=encoder.max_length)
    return pooled(encoder, rows_of(encoding, encoder.fields))


def pair_features(encoder: Loaded, texts: Sequence[tuple[str, str]]) -> Layers:
    """Mean-pooled last hidden states [pairs, width] of two sentences in the tokenizer's own template."""
    first, second = (list(side) for side in zip(*texts, strict=True))
    encoding = encoder.tokenizer(first, second, truncation="longest_first", max_length=encoder.max_length)
    return pooled(encoder, rows_of(encoding, encoder.fields))


def pooled(encoder: Loaded, rows: Sequence[Row]) -> Layers:
    """Mean-pooled last hidden states [rows, width] of encoded inputs."""
    found: Layers = np.stack(forward_rows(encoder, rows, _mean_of_last))
    return found


def _mean_of_last(output: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    return pool(output.last_hidden_state, inputs["attention_mask"], "mean")
