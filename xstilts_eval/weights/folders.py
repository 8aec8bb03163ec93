"""The Hugging Face folder of each entry of the table: of an installed package, or made once and kept in the cache."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from xstilts_eval import extras, locking, reading
from xstilts_eval.errors import DataError, MissingData, UnfitCheckpoint, UnknownName, WriteError
from xstilts_eval.fingerprints import file_sha256
from xstilts_eval.paths import cache_folder
from xstilts_eval.weights import wheels
from xstilts_eval.weights.table import WEIGHTS, Installed, Packed
from xstilts_eval.writing import folder_beside, telling_of_a_full_disk, write_atomically

if TYPE_CHECKING:
    from xstilts_eval.weights import q4

RECORD = "PROVENANCE"
"""JSON: where the folder's files come from and their hashes. Its name keeps it out of `fingerprints.part_files`."""
FORMAT = 1
"""Raised when the same wheels are made into other files: the folder's name has it."""
Say = Callable[[str], None]


class Record(BaseModel):
    """Content of `RECORD`; `sha256` maps each file of the folder to its hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    source: str
    licence: str
    wheels: dict[str, dict[str, str]]
    sha256: dict[str, str]


def folder(name: str, say: Say = lambda _: None) -> Path:
    """The checkpoint folder of `name` (``minilm``, ``e5``), its weights checked against their hash.

    What is not in the cache yet is downloaded and made first, by one process at a time; `say` gets a line then. Raises
    `UnknownName`; `MissingData` without the package or without pip; `FetchError` for an index that does not give what
    is known; `UnfitCheckpoint` for a folder that is no longer what was written.
    """
    if name not in WEIGHTS:
        raise UnknownName.of("set of weights", name, WEIGHTS)
    entry = WEIGHTS[name]
    return _installed(entry) if isinstance(entry, Installed) else _packed(entry, say)


def _installed(entry: Installed) -> Path:
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        package = entry.module.replace("_", "-")
        raise MissingData(f"the package {package} is not installed; {extras.install(entry.extra)}")
    found = Path(spec.origin).parent / entry.inner
    digest = file_sha256(found / "model.safetensors")
    if digest != entry.sha256:
        raise UnfitCheckpoint(f"{found}/model.safetensors has sha256 {digest}; the published file has {entry.sha256}")
    return found


def place(entry: Packed) -> Path:
    """Where the folder of `entry` is, or will be."""
    return cache_folder() / "weights" / f"{entry.title}-q4-{FORMAT}"


def _packed(entry: Packed, say: Say) -> Path:
    target = place(entry)
    if not target.exists():
        with _alone(target):
            if not target.exists():  # another process may have made it meanwhile
                _make(entry, target, say)
    _check(target)
    return target


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One process at a time; what a killed one left half-made beside `target` goes."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locking.held(target.with_name(f".{target.name}.lock")))
        except WriteError as error:
            raise WriteError(f"{target} cannot be written: {error}; set XSTILTS_CACHE") from error
        for left in target.parent.glob(f".{target.name}.*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
        yield


def _make(entry: Packed, target: Path, say: Say) -> None:
    packages = " and ".join(wheel.requirement for wheel in entry.wheels)
    say(f"downloading {packages} for {entry.title} ({entry.megabytes} MB) ...")
    with folder_beside(target) as new, telling_of_a_full_disk(str(target)):
        scratch = new.with_name("wheels")
        scratch.mkdir()
        taken: dict[str, Path] = {}
        for wheel in entry.wheels:
            taken |= wheels.take(wheel, scratch)
        write(entry, taken, new)
        shutil.rmtree(scratch)
        new.rename(target)


def write(entry: Packed, taken: dict[str, Path], new: Path) -> None:
    """Write the checkpoint into the empty folder `new`: weights, tokenizer and notice byte for byte, configuration.

    `taken` maps the names of the members to their files. Raises `DataError` where weights and tokenizer do not belong
    together.
    """
    from safetensors.numpy import save_file

    from xstilts_eval.weights import q4

    (packed,) = entry.weights.members
    encoder = q4.read(taken[packed.name])
    others = [member.name for member in entry.tokenizer.members]
    for name in others:
        shutil.copyfile(taken[name], new / name)
    _check_vocabulary(new / "tokenizer.json", encoder.pieces)
    save_file(dict(encoder.tensors), new / "model.safetensors", metadata={"format": "pt"})
    shutil.copymode(new / "tokenizer.json", new / "model.safetensors")  # safetensors lets nobody else read it
    for name, content in _configuration(encoder.shape).items():
        (new / name).parent.mkdir(exist_ok=True)
        write_atomically(new / name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    files = sorted(path for path in new.rglob("*") if path.is_file())
    record = Record(
        name=entry.title,
        source=f"{entry.hub_id}, weights rounded to 4 bits (Q4_0) by the package {entry.weights.requirement}, made "
        "float32 again; the tokenizer is that of commit " + entry.revision,
        licence=f"{entry.licence}; see NOTICE",
        wheels={wheel.requirement: {member.path: member.sha256 for member in wheel.members} for wheel in entry.wheels},
        sha256={path.relative_to(new).as_posix(): file_sha256(path) for path in files},
    )
    write_atomically(new / RECORD, record.model_dump_json(indent=2) + "\n")


def _check_vocabulary(path: Path, pieces: tuple[str, ...]) -> None:
    """The pieces beside the weights are the tokenizer's, one by one."""
    vocabulary = reading.read_json(path, "a tokenizer")["model"]["vocab"]
    if [piece for piece, _ in vocabulary] != list(pieces):
        raise DataError(f"{path.name} has other pieces than the weights; they do not belong together")


def _check(target: Path) -> None:
    """Raise `UnfitCheckpoint` when a file of a kept folder is missing or has another hash than was written."""
    advice = f"delete {target} and call again"
    try:
        record = Record.model_validate(reading.read_json(target / RECORD, f"a {RECORD}"))
    except (DataError, ValidationError) as error:
        raise UnfitCheckpoint(f"{target} is not whole: it has no {RECORD} that can be read; {advice}") from error
    for name, digest in record.sha256.items():
        path = target / name
        if not path.is_file():
            raise UnfitCheckpoint(f"{target} is not whole: {name} is missing; {advice}")
        if (actual := file_sha256(path)) != digest:
            raise UnfitCheckpoint(f"{path} has sha256 {actual}, {digest} was written; {advice}")


def _configuration(shape: q4.Shape) -> dict[str, object]:
    """Configuration of the encoder, its tokenizer and its sentence vectors, as intfloat/multilingual-e5-small has them.

    The tokenizer class is the one that takes ``tokenizer.json`` as it is: transformers 5 builds its own normaliser for
    `XLMRobertaTokenizer`, whose ids differ from the published ones where blanks are doubled or end a text.
    """
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    }
    modules = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.intermediate,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "layer_norm_eps": float(f"{shape.eps:.6g}"),  # float32 in the file: 1e-12 as it was meant
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "pad_token_id": 0,  # as published; the tokenizer pads with 1, and what is padded is masked
            "dtype": "float32",
        },
        "tokenizer_config.json": special
        | {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": shape.positions,
        },
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for index, (kind, path) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
    }
