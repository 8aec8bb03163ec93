"""Q4_0 against values computed by hand, and files that break the format."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.weights import packed_encoder as packed
from xstilts_eval.errors import DataError
from xstilts_eval.weights import q4


def test_a_block_by_hand() -> None:
    """Scale 0.5 (float16 0x3800) and bytes 0x80, 0x9f, 0x08, then 0x88: low halves are weights 0-15, high ones 16-31.

    0x80: low 0 → (0 - 8) x 0.5 = -4, high 8 → 0. 0x9f: low 15 → 3.5, high 9 → 0.5. 0x08: low 8 → 0, high 0 → -4.
    """
    raw = b"\x00\x38" + bytes([0x80, 0x9F, 0x08]) + bytes([0x88]) * 13
    weights = q4.dequantise(raw)
    assert weights.dtype == np.float32
    assert weights.tolist() == [-4.0, 3.5, 0.0] + [0.0] * 13 + [0.0, 0.5, -4.0] + [0.0] * 13


def test_scales_may_be_negative_and_blocks_follow_each_other() -> None:
    """Scale -2 (0xc000): number 0 → 16, 15 → -14; scale 2**-24, the smallest float16: 15 → 7 x 2**-24."""
    first = b"\x00\xc0" + bytes([0xF0] * 16)
    second = b"\x01\x00" + bytes([0xFF] * 16)
    weights = q4.dequantise(first + second)
    assert weights[:32].tolist() == [16.0] * 16 + [-14.0] * 16
    assert weights[32:].tolist() == [7 * 2.0**-24] * 32


def test_the_product_is_not_rounded_to_half_precision() -> None:
    """1 + 2**-10 is a float16; times 7 it needs 13 bits, which float16 has not."""
    raw = struct.pack("<e", 1 + 2**-10) + bytes([0xFF] * 16)
    assert q4.dequantise(raw)[0] == 7 + 7 * 2**-10


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "small.bin"
    path.write_bytes(packed.file_bytes())
    encoder = q4.read(path)
    assert (encoder.shape.hidden, encoder.shape.layers, encoder.shape.vocabulary) == (32, 1, 8)
    assert encoder.pieces == packed.PIECES
    assert {name: array.shape for name, array in encoder.tensors.items()} == encoder.shape.tensors()
    raw, _ = packed.tensors()["l0.fo.w"]
    numbers = [byte for byte in raw[2:18]]
    scale = np.frombuffer(raw[:2], "<f2")[0].astype(np.float32)
    row = [(byte & 15) - 8 for byte in numbers] + [(byte >> 4) - 8 for byte in numbers]
    np.testing.assert_array_equal(encoder.tensors["encoder.layer.0.output.dense.weight"][0, :32], scale * np.array(row))
    positions = np.frombuffer(packed.tensors()["emb.pos"][0], "<f4").reshape(8, 32)
    np.testing.assert_array_equal(encoder.tensors["embeddings.position_embeddings.weight"], positions)


def without(name: str) -> bytes:
    return packed.file_bytes({key: value for key, value in packed.tensors().items() if key != name})


def renamed(old: str, new: str) -> bytes:
    return packed.file_bytes({new if key == old else key: value for key, value in packed.tensors().items()})


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "requires a buffer"),
    "another format": (lambda: packed.file_bytes(magic=b"GGUF"), "begins with b'GGUF'"),
    "another version": (lambda: packed.file_bytes(version=2), "version 2"),
    "other blocks": (lambda: packed.file_bytes(block=64), "blocks of 64"),
    "cut off in the weights": (lambda: packed.file_bytes()[:-1], "'l0.fo.b' has 127 bytes"),
    "cut off in the directory": (lambda: packed.file_bytes()[:300], "is not a whole E5S1 file"),
    "a tensor less": (lambda: without("l0.k.b"), "lacks encoder.layer.0.attention.self.key.bias"),
    "an unknown tensor": (lambda: renamed("l0.k.b", "l1.k.b"), "'l1.k.b' is none of the encoder"),
    "another size": (
        lambda: packed.file_bytes(packed.tensors() | {"emb.ln.w": (b"\0" * 64, 16)}),
        "'emb.ln.w' has 64 bytes",
    ),
    "more pieces than rows": (lambda: packed.file_bytes(pieces=(*packed.PIECES, "x", "y")), "9 pieces and 8 emb"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path: Path, what: str) -> None:
    make, said = BROKEN[what]
    path = tmp_path / "small.bin"
    path.write_bytes(make())
    with pytest.raises(DataError, match=said) as caught:
        q4.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
