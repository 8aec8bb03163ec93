"""Low-rank adapters on a shared encoder, through peft: put in before training, merged into the weights after it.

Everything but the encoder's own weights stays trainable: heads, and the pooling layer between, which many checkpoints
do not bring and which would stay random.
"""

from __future__ import annotations

from typing import Any

from xstilts_eval import extras
from xstilts_eval.errors import SettingError
from xstilts_eval.models import products
from xstilts_eval.training.settings import Lora

POOLER = "pooler."


def add(encoder: Any, settings: Lora) -> None:
    """Freeze `encoder` and put adapters beside its linear layers, new weights from torch's random state.

    Raises `SettingError` without peft, and for layers that do not exist or that peft cannot choose by itself.
    """
    try:
        import peft
    except ImportError as error:
        raise SettingError(f"lora needs the package peft; {extras.install('train')}") from error
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets) if settings.targets else None,
    )
    try:
        peft.inject_adapter_in_model(config, encoder)
    except ValueError as error:
        why, model = " ".join(str(error).split()), type(encoder).__name__
        raise SettingError(f"lora: {why}; give lora.targets names of linear layers of {model}") from error
    products.use_fastest(encoder)  # the adapters' own layers are new
    for name, weight in encoder.named_parameters():
        weight.requires_grad = "lora_" in name or name.startswith(POOLER)


def merge(encoder: Any) -> None:
    """Add the adapters' products to the weights they stand beside, and take them out; plain layers remain."""
    from peft.tuners.lora import LoraLayer

    for name, layer in [(name, module) for name, module in encoder.named_modules() if isinstance(module, LoraLayer)]:
        layer.merge()
        place, _, last = name.rpartition(".")
        setattr(encoder.get_submodule(place), last, layer.get_base_layer())
    for attribute in ("peft_config", "_hf_peft_config_loaded"):
        if attribute in encoder.__dict__:
            delattr(encoder, attribute)
    encoder.requires_grad_(True)
