"""sentence-transformers folders: vectors equal to the library's own, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from xstilts_eval import fingerprints
from xstilts_eval.bundle import Module
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.adapter import XstiltsLM

TEXTS = [
    "A small bird sings.",
    "Das Haus am See ist ALT",
    "x",
    "Ein Satz, der länger ist als die anderen Sätze hier",
    "",
]


def library() -> Any:
    return pytest.importorskip("sentence_transformers")


def modules() -> Any:
    library()
    from sentence_transformers.base import modules as base
    from sentence_transformers.sentence_transformer.modules import Pooling

    return SimpleNamespace(Transformer=base.Transformer, Pooling=Pooling, Dense=base.Dense, Normalize=base.Normalize)


def make(folder: Path, base: Path, pooling: str, *after: Any, **settings: Any) -> Path:
    """Write a folder with the library itself: base → pooling → `after`."""
    steps = [modules().Transformer(str(base)), modules().Pooling(32, pooling_mode=pooling), *after]
    library().SentenceTransformer(modules=steps, device="cpu", **settings).save(str(folder))
    return folder


def ours(folder: Path, **arguments: Any) -> np.ndarray[Any, Any]:
    model = XstiltsLM(str(folder), device="cpu", show_progress=False, batch_tokens=64, **arguments)
    return model._sentence_encoder().embed(TEXTS)


def theirs(folder: Path, **options: Any) -> np.ndarray[Any, Any]:
    model = library().SentenceTransformer(str(folder), device="cpu")
    return np.asarray(model.encode(TEXTS, normalize_embeddings=True, **options))


def dense(width: int, activation: Any, seed: int = 3, bias: bool = True) -> Any:
    torch.manual_seed(seed)
    return modules().Dense(32, width, bias=bias, activation_function=activation)


CASES: dict[str, Callable[[Path, Path], Path]] = {
    "LaBSE's shape: CLS, Dense with tanh, Normalize": lambda folder, base: make(
        folder, base, "cls", dense(32, torch.nn.Tanh()), modules().Normalize()
    ),
    "narrower, no bias, no activation": lambda folder, base: make(
        folder, base, "mean", dense(20, torch.nn.Identity(), bias=False)
    ),
    "normalised before the Dense layer": lambda folder, base: make(
        folder, base, "mean", modules().Normalize(), dense(24, torch.nn.GELU())
    ),
    "max": lambda folder, base: make(folder, base, "max"),
    "mean over the square root of the length": lambda folder, base: make(
        folder, base, "mean_sqrt_len_tokens", dense(32, torch.nn.Tanh())
    ),
    "a default prompt": lambda folder, base: make(
        folder, base, "mean", prompts={"query": "query: ", "passage": "passage: "}, default_prompt_name="query"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_vectors_are_the_librarys(case: str, tiny_bundle: Path, tmp_path: Path) -> None:
    folder = CASES[case](tmp_path / "model", tiny_bundle / "encoder")
    np.testing.assert_allclose(ours(folder), theirs(folder), atol=1e-6)


def test_minilm_vectors_are_the_librarys(minilm: Path) -> None:
    library()
    np.testing.assert_allclose(ours(minilm), theirs(minilm), atol=1e-6)


def test_a_prompt_given_by_the_user_goes_before_every_sentence(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_bundle / "encoder", "mean")
    expected = theirs(folder, prompt="query: ")
    np.testing.assert_allclose(ours(folder, prompt="query: "), expected, atol=1e-6)
    np.testing.assert_allclose(ours(folder, prompt="'query: '"), expected, atol=1e-6)
    assert np.abs(ours(folder) - expected).max() > 1e-3
    model = XstiltsLM(str(folder), prompt="'query: '")
    made = model.get_model_info()["xstilts"]["retrieval"]
    assert made and made["prompt"] == "query: "


def test_length_and_lower_case_are_the_folders(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_bundle / "encoder", "mean")
    inner = json.loads((folder / "tokenizer.json").read_text())
    inner["normalizer"]["lowercase"] = False  # so that only the setting can do it
    (folder / "tokenizer.json").write_text(json.dumps(inner))
    before = ours(folder)
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    (folder / "sentence_bert_config.json").write_text(
        json.dumps(settings | {"max_seq_length": 16, "do_lower_case": True})
    )
    np.testing.assert_allclose(ours(folder), theirs(folder), atol=1e-6)
    assert np.abs(ours(folder) - before).max() > 1e-3
    assert XstiltsLM(str(folder))._retrieval().max_length == 16


def test_without_a_length_the_tokenizers_counts(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_bundle / "encoder", "mean")
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"model_max_length": 16}))
    assert XstiltsLM(str(folder))._retrieval().max_length == 16
    np.testing.assert_allclose(ours(folder), theirs(folder), atol=1e-6)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"model_max_length": 10**30}))
    assert XstiltsLM(str(folder))._retrieval().max_length is None


def test_a_changed_dense_layer_changes_what_the_checkpoint_is(tiny_bundle: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make(tmp_path / "model", tiny_bundle / "encoder", "cls", dense(32, torch.nn.Tanh()))
    assert XstiltsLM(str(folder))._retrieval().modules == (Module(kind="dense", path="2_Dense"),)
    before = fingerprints.identity(folder)
    weights = load_file(folder / "2_Dense" / "model.safetensors")
    save_file({name: value * 2 for name, value in weights.items()}, folder / "2_Dense" / "model.safetensors")
    assert fingerprints.identity(folder) != before
    np.testing.assert_allclose(ours(folder), theirs(folder), atol=1e-6)


def test_no_texts_have_the_width_of_the_others(tiny_bundle: Path, tmp_path: Path) -> None:
    """A process with no sentence of its own must fit to the others."""
    folder = make(tmp_path / "model", tiny_bundle / "encoder", "cls", dense(20, torch.nn.Tanh()))
    assert XstiltsLM(str(folder))._sentence_encoder().embed([]).shape == (0, 20)


MODULES = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modules.json": [*MODULES, ("LSTM", "3")]}, "module LSTM is not supported"),
        ({"modules.json": [("Router", "")]}, "module Router is not supported"),
        ({"modules.json": [MODULES[0], MODULES[2], MODULES[1]]}, "modules are Transformer, Dense, Pooling; allowed"),
        ({"modules.json": [("Transformer", "0_Transformer"), *MODULES[1:]]}, "lies in the sub-folder '0_Transformer'"),
        ({"2_Dense/config.json": {"activation_function": "evil.Act"}}, "a Dense module with evil.Act is not supported"),
        ({"2_Dense/config.json": {"activation_function": "torch.load"}}, "Dense module with torch.load is not"),
        ({"2_Dense/config.json": {"use_residual": True}}, "a Dense module with use_residual is not supported"),
        ({"2_Dense/config.json": {"module_input_name": "token_embeddings"}}, "Dense module on 'token_embeddings'"),
        ({"1_Pooling/config.json": {"pooling_mode": ["cls", "mean"]}}, "pooling cls, mean is not supported"),
        ({"1_Pooling/config.json": {"pooling_mode": "lasttoken"}}, "pooling lasttoken is not supported"),
        ({"config_sentence_transformers.json": {"default_prompt_name": "q"}}, "cannot read its sentence-transformers"),
        ({"2_Dense/model.safetensors": None}, "Dense module 2_Dense has no model.safetensors; pickles are not read"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    change: dict[str, Any], message: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bundle / "encoder", folder)
    files: dict[str, Any] = {
        "modules.json": MODULES,
        "1_Pooling/config.json": {"pooling_mode": "cls"},
        "2_Dense/config.json": {"in_features": 32, "out_features": 32},
        "2_Dense/model.safetensors": "",
    }
    for name, content in (files | change).items():
        (folder / name).parent.mkdir(exist_ok=True)
        if name == "modules.json":
            content = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in content]
        if content is not None:
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UnfitCheckpoint, match=message):
        XstiltsLM(str(folder))


@pytest.mark.parametrize("damage", [b"", b"cut"])
def test_broken_dense_weights_are_one_sentence(damage: bytes, tiny_bundle: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_bundle / "encoder", "cls", dense(32, torch.nn.Tanh()))
    (folder / "2_Dense" / "model.safetensors").write_bytes(damage)
    with pytest.raises(UnfitCheckpoint, match="cannot load its Dense module 2_Dense"):
        XstiltsLM(str(folder))._sentence_encoder()
