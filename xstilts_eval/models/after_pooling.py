"""The steps of a sentence-transformers encoder after its pooling: Dense layers and normalisation, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import BaseModel

from xstilts_eval import reading
from xstilts_eval.bundle import Module
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.sentence_transformers_settings import dense_activation
from xstilts_eval.models.source import Source

Step = Callable[[torch.Tensor], torch.Tensor]


def load_steps(source: Source, modules: Sequence[Module], device: torch.device) -> torch.nn.Sequential:
    """One step [rows, width] → [rows, other width] for all modules, in float32; raises `UnfitCheckpoint`."""
    layers = [_dense(source, str(one.path)) if one.kind == "dense" else _Normalize() for one in modules]
    return torch.nn.Sequential(*layers).to(device).eval()


def width_after(steps: torch.nn.Module, width: int) -> int:
    """Width of the vectors that leave `steps`, given the width that enters."""
    outputs = [layer.out_features for layer in steps.modules() if isinstance(layer, torch.nn.Linear)]
    return int(outputs[-1]) if outputs else width


class _Normalize(torch.nn.Module):
    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(vectors, dim=-1)


class _Dense(BaseModel):
    """``config.json`` of a Dense module."""

    in_features: int
    out_features: int
    bias: bool = True
    activation_function: str = "torch.nn.Tanh"


def _dense(source: Source, path: str) -> torch.nn.Module:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    settings, weights = source.file(f"{path}/config.json"), source.file(f"{path}/model.safetensors")
    if settings is None or weights is None:
        raise UnfitCheckpoint(f"{source.name}: its Dense module {path} lacks config.json or model.safetensors")
    try:
        config = _Dense.model_validate(reading.read_json(settings, "the settings of a Dense module"))
        linear = torch.nn.Linear(config.in_features, config.out_features, bias=config.bias)
        tensors = {name.removeprefix("linear."): tensor.float() for name, tensor in load_file(weights).items()}
        linear.load_state_dict(tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnfitCheckpoint(f"{source.name}: cannot load its Dense module {path} ({first})") from error
    name = dense_activation(config.activation_function)
    if name is None:
        raise UnfitCheckpoint(f"{source.name}: a Dense module with {config.activation_function} is not supported")
    return torch.nn.Sequential(linear, getattr(torch.nn, name)())
