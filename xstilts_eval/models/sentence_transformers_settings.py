"""What a sentence-transformers checkpoint does to a sentence, so that its vectors are the published ones.

Read from the folder's own files: ``modules.json`` (the steps and their order), the pooling's and Dense layers'
``config.json``, ``sentence_bert_config.json`` (length, lower case) and ``config_sentence_transformers.json`` (prompts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xstilts_eval import reading
from xstilts_eval.bundle import Module, Retrieval
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.source import Source

_MODES = {
    "mean": "mean",
    "pooling_mode_mean_tokens": "mean",
    "cls": "cls",
    "pooling_mode_cls_token": "cls",
    "max": "max",
    "pooling_mode_max_tokens": "max",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
}
_SENTENCE = "sentence_embedding"
_DENSE_KEYS = frozenset(
    {
        "in_features",
        "out_features",
        "bias",
        "activation_function",
        "module_input_name",
        "module_output_name",
        "use_residual",
    }
)
ACTIVATIONS = ("Tanh", "Identity", "ReLU", "GELU", "Sigmoid", "SiLU")
"""Activations of Dense layers that are understood: classes of ``torch.nn`` without arguments."""


def sentence_transformers_settings(source: Source) -> Retrieval | None:
    """The checkpoint's retrieval settings; None for one without ``modules.json``.

    Raises `UnfitCheckpoint` for modules, pooling or activations that are not understood, and for malformed files.
    """
    if source.file("modules.json") is None:
        return None
    try:
        return _settings(source)
    except UnfitCheckpoint:
        raise
    except (*reading.UNFIT, OSError) as error:
        raise UnfitCheckpoint(f"{source.name}: cannot read its sentence-transformers settings ({error!r})") from error


def _settings(source: Source) -> Retrieval:
    modules = [(str(m["type"]).rsplit(".", 1)[-1], str(m["path"])) for m in _json(source, "modules.json")]
    kinds = [kind for kind, _ in modules]
    unknown = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Dense", "Normalize")]
    if unknown:
        raise UnfitCheckpoint(f"{source.name}: sentence-transformers module {unknown[0]} is not supported")
    if "Pooling" not in kinds:
        raise KeyError("Pooling")
    if kinds[:2] != ["Transformer", "Pooling"] or {"Transformer", "Pooling"} & set(kinds[2:]):
        raise UnfitCheckpoint(
            f"{source.name}: its sentence-transformers modules are {', '.join(kinds)}; allowed: Transformer, Pooling, "
            "then Dense and Normalize"
        )
    if modules[0][1]:
        raise UnfitCheckpoint(
            f"{source.name}: its sentence-transformers encoder lies in the sub-folder {modules[0][1]!r}; "
            "save it again with a current sentence-transformers"
        )
    pooling = _json(source, f"{modules[1][1]}/config.json")
    limits = _json(source, "sentence_bert_config.json")
    prompt = _prompt(source)
    if prompt and pooling.get("include_prompt") is False:
        raise UnfitCheckpoint(f"{source.name}: pooling without the prompt's tokens (include_prompt) is not supported")
    return Retrieval(
        layer=None,
        pooling=_pooling(source.name, pooling),
        max_length=limits.get("max_seq_length") or _tokenizer_length(source),
        prompt=prompt,
        lower_case=bool(limits.get("do_lower_case", False)),
        modules=_after_pooling(source, modules[2:]),
    )


def _json(source: Source, name: str) -> Any:
    path = source.file(name)
    return reading.read_json(path, "settings of sentence-transformers") if path else {}


def _pooling(name: str, settings: Mapping[str, Any]) -> Any:
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    if not chosen and "pooling_mode" in settings:
        given = settings["pooling_mode"]
        chosen = [given] if isinstance(given, str) else list(given)
    if len(chosen) != 1 or chosen[0] not in _MODES:
        shown = ", ".join(map(str, chosen)) or "none"
        raise UnfitCheckpoint(f"{name}: pooling {shown} is not supported; allowed: mean, cls, max, mean_sqrt_len")
    return _MODES[chosen[0]]


def _tokenizer_length(source: Source) -> int | None:
    """Where no length is set the library takes the tokenizer's; it may be a number that means none."""
    length = _json(source, "tokenizer_config.json").get("model_max_length")
    return int(length) if isinstance(length, int | float) and 2 <= length < 1_000_000 else None


def _prompt(source: Source) -> str:
    """The prompt that is used where nobody names one (`default_prompt_name`)."""
    settings = _json(source, "config_sentence_transformers.json")
    name = settings.get("default_prompt_name")
    return "" if name is None else str(settings["prompts"][name])


def _after_pooling(source: Source, modules: list[tuple[str, str]]) -> tuple[Module, ...]:
    """The steps that change a vector's direction: all up to the last Dense layer; cosines do not see the rest."""
    found = [_module(source, kind, path) for kind, path in modules]
    while found and found[-1].kind == "normalize":
        found.pop()
    return tuple(found)


def _module(source: Source, kind: str, path: str) -> Module:
    config = _json(source, f"{path}/config.json")
    if {config.get("module_input_name", _SENTENCE), config.get("module_output_name") or _SENTENCE} != {_SENTENCE}:
        raise UnfitCheckpoint(f"{source.name}: a {kind} module on {config['module_input_name']!r} is not supported")
    if kind == "Normalize":
        return Module(kind="normalize")
    strange = sorted(set(config) - _DENSE_KEYS)
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if strange or config.get("use_residual") or dense_activation(activation) is None:
        what = strange[0] if strange else ("use_residual" if config.get("use_residual") else activation)
        raise UnfitCheckpoint(f"{source.name}: a Dense module with {what} is not supported")
    if source.file(f"{path}/model.safetensors") is None:
        raise UnfitCheckpoint(f"{source.name}: its Dense module {path} has no model.safetensors; pickles are not read")
    return Module(kind="dense", path=path)


def dense_activation(name: str) -> str | None:
    """The class in ``torch.nn`` that a Dense module's configuration names; None for one that is not understood."""
    last = name.rsplit(".", 1)[-1]
    return last if name.startswith("torch.nn.") and last in ACTIVATIONS else None
