"""Hyper-parameters of a stage, and where each of them comes from.

Three published sets are tables here: XTREME's scripts (google-research/xtreme @ 838c13b, `scripts/train_*.sh` and the
argument parsers of `third_party/run_*.py`), jiant's XTREME scripts (`jiant/scripts/benchmarks/xtreme/`), and what is
recalled of Phang et al. 2020 (arXiv:2005.13013), which nobody here has read in its source. `resolve` puts a set, the
overrides of a recipe and the defaults together and keeps the origin of every value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.validation import complaint

JIANT = "jiant, jiant/scripts/benchmarks/xtreme/subscripts and xtreme_runconfig_writer.py"
JIANT_OPTIMISER = "jiant, jiant/shared/model_setup.py:57-108"
JIANT_SELECTION = "jiant, metarunner.py:166-260 and e_run_models.sh"
XTREME = "XTREME @ 838c13b, scripts/train_{}.sh"
PAPER = "Phang et al. 2020: recalled, unverified"
OURS = "default"


class Lora(BaseModel):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) through peft, merged into the weights at the end.

    `targets` are names of linear layers; None leaves the choice to peft, which knows the usual architectures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=8, ge=1)
    alpha: int = Field(default=16, ge=1)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    targets: tuple[str, ...] | None = None


class StageSettings(BaseModel):
    """What one training run is done with.

    `batch_size` is the effective one: examples of an optimiser step over all processes and accumulated micro-batches.
    `warmup` is a share of all steps below 1, a number of steps from 1 on; the rate falls linearly to 0 afterwards.
    `evaluate_every` (steps) 0 means once, at the end; `selection` takes the best or the last weights, by the score on
    the first `development` examples of the English development data; `patience` counts evaluations without a better
    score (0: never stop early). `max_length` None is the benchmark's for the kind of task. `limit` draws that many
    training examples with the seed. `first_piece` is the piece of a word that taggers learn its tag on
    (`models.tagging.FirstPiece`). `hidden_dropout` and `attention_dropout` None leave the base's own; without the
    latter attention runs in one fused kernel, which on a CPU makes a step about twice as fast. `micro_batch` (rows of
    one forward pass on one process) and `save_every` (steps, 0: as often as evaluated) move no number but for rounding
    and the drawing of dropout. `embeddings` frozen leaves the table of word vectors as the parent has it. `layers`
    takes the parent's first blocks only (Sajjad et al. 2023, "On the effect of dropping layers of pre-trained
    transformer models"); what is trained has that many, and so have later stages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    learning_rate: float = Field(default=1e-5, gt=0)
    epochs: float = Field(default=3, gt=0)
    batch_size: int = Field(default=32, ge=1)
    max_length: int | None = Field(default=None, ge=16)
    warmup: float = Field(default=0.1, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    adam_epsilon: float = Field(default=1e-8, gt=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    selection: Literal["best", "last"] = "best"
    evaluate_every: int = Field(default=1000, ge=0)
    development: int = Field(default=500, ge=0)
    patience: int = Field(default=30, ge=0)
    limit: int | None = Field(default=None, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    hidden_dropout: float | None = Field(default=None, ge=0, lt=1)
    attention_dropout: float | None = Field(default=None, ge=0, lt=1)
    micro_batch: int | None = Field(default=None, ge=1)
    save_every: int = Field(default=0, ge=0)
    gradient_checkpointing: bool = False
    first_piece: Literal["any", "text"] = "any"
    group_by_length: bool = True
    lora: Lora | None = None
    embeddings: Literal["trained", "frozen"] = "trained"
    layers: int | None = Field(default=None, ge=1)


SPEED_ONLY = frozenset({"micro_batch", "save_every", "gradient_checkpointing"})
"""Settings that are no part of a stage's identity."""
LATER = {"first_piece": "any"}
"""Settings that came after stages had been trained: at this value they are no part of it either."""


@dataclass(frozen=True)
class Resolved:
    """Settings and, for each of them, where its value comes from."""

    settings: StageSettings
    origins: Mapping[str, str]


def _xtreme(script: str, rate: float, epochs: float, length: int, **more: Any) -> dict[str, tuple[Any, str]]:
    source = XTREME.format(script)
    values = {
        "learning_rate": rate,
        "epochs": epochs,
        "batch_size": 32,
        "max_length": length,
        "warmup": 0.0,
        "weight_decay": 0.0,
        "patience": 0,
    }
    return {name: (value, source) for name, value in (values | more).items()}


_QA_XTREME = _xtreme("qa", 3e-5, 3, 384, warmup=500, weight_decay=1e-4, selection="last", evaluate_every=0)
_CHOICE_XTREME = _xtreme("xcopa", 3e-5, 5, 128, selection="last", evaluate_every=0)

NEGATIVES = "choice of ours: pairs of like length would be each other's negatives, and often share their candidate"
_RANDOM_NEGATIVES = {"group_by_length": (False, NEGATIVES)}


def _dual_encoder(script: str, rate: float, epochs: float, batch_size: int, **more: Any) -> dict[str, tuple[Any, str]]:
    """XTREME's dual encoders; their lengths are those of scoring."""
    found = _xtreme(script, rate, epochs, 0, batch_size=batch_size, **more)
    del found["max_length"]
    return found | _RANDOM_NEGATIVES


_JIANT_COMMON = {
    "learning_rate": (1e-5, JIANT),
    "warmup": (0.1, JIANT),
    "weight_decay": (0.01, JIANT_OPTIMISER),
    "adam_epsilon": (1e-8, JIANT_OPTIMISER),
    "max_grad_norm": (1.0, JIANT_OPTIMISER),
    "selection": ("best", JIANT_SELECTION),
    "evaluate_every": (1000, JIANT_SELECTION),
    "development": (500, JIANT_SELECTION),
    "patience": (30, JIANT_SELECTION),
}


def _jiant(epochs: float, batch_size: int, length: int | None) -> dict[str, tuple[Any, str]]:
    lengths = {} if length is None else {"max_length": (length, JIANT)}
    return _JIANT_COMMON | {"epochs": (epochs, JIANT), "batch_size": (batch_size, JIANT)} | lengths


def _paper(batch_size: int, epochs: float, rate: float = 1e-5) -> dict[str, tuple[Any, str]]:
    recalled = {"learning_rate": rate, "epochs": epochs, "batch_size": batch_size}
    return _JIANT_COMMON | {name: (value, PAPER) for name, value in recalled.items()}


PRESETS: Mapping[str, Mapping[str, Mapping[str, tuple[Any, str]]]] = {
    "xtreme": {
        "mnli": _xtreme("xnli", 3e-5, 5, 128, evaluate_every=100),
        "pawsx": _xtreme("pawsx", 2e-5, 5, 128, evaluate_every=200),
        "udpos": _xtreme("udpos", 2e-5, 10, 128, evaluate_every=500),
        "panx": _xtreme("panx", 2e-5, 10, 128, evaluate_every=1000),
        "squad": _QA_XTREME,
        "tydiqa": _QA_XTREME,
        "siqa": _CHOICE_XTREME,
        "copa": _CHOICE_XTREME,
        "lareqa": _dual_encoder("lareqa", 2e-5, 3, 16),
        "mewslix": _dual_encoder("mewslix", 1e-5, 2, 32, selection="last", evaluate_every=0),
    },
    "jiant": {
        "mnli": _jiant(2, 32, 256),
        "pawsx": _jiant(5, 32, 256),
        "udpos": _jiant(10, 32, 256),
        "panx": _jiant(10, 32, 256),
        "squad": _jiant(2, 16, 384),
        "tydiqa": _jiant(2, 16, 384),
    },
    # Table 4.5 of what is recalled: batch and epochs of the intermediate tasks.
    "paper": {
        "anli_plus": _paper(24, 2),
        "mnli": _paper(24, 2),
        "ccg": _paper(24, 15),
        "commonsenseqa": _paper(4, 10),
        "cosmosqa": _paper(4, 15),
        "hellaswag": _paper(24, 7),
        "qqp": _paper(24, 3),
        "squad": _paper(8, 3),
        "squad_v2": _paper(8, 3),
    },
    # The same source's settings of target tasks.
    "paper_targets": {
        "mnli": _paper(4, 2, 3e-6),
        "pawsx": _paper(32, 5, 3e-6),
        "udpos": _paper(32, 10, 3e-6),
        "panx": _paper(32, 10, 3e-6),
        "squad": _paper(16, 2, 3e-6),
        "tydiqa": _paper(16, 2, 3e-6),
    },
    "defaults": {"lareqa": _RANDOM_NEGATIVES, "mewslix": _RANDOM_NEGATIVES},
}
"""Set → training task → setting → (value, source). XTREME's are those for XLM-R large."""


def resolve(preset: str, task: str, overrides: Mapping[str, Any], where: str = "recipe") -> Resolved:
    """The settings of a stage on `task`: the defaults, then the set's, then `overrides`.

    Raises `UnknownName` for a set or a setting that does not exist, `SettingError` for a set without the task and for
    values that are not allowed.
    """
    if preset not in PRESETS:
        raise UnknownName.of("set of hyper-parameters", preset, PRESETS)
    known = PRESETS[preset].get(task)
    if known is None and preset != "defaults":
        raise SettingError(
            f"the set {preset!r} has no hyper-parameters for {task}; it has {', '.join(PRESETS[preset])}, "
            "or take 'defaults' and give your own"
        )
    origins = dict.fromkeys(StageSettings.model_fields, OURS)
    values: dict[str, Any] = {}
    for name, (value, source) in (known or {}).items():
        values[name], origins[name] = value, f"inherited: {source}"
    for name, value in overrides.items():
        if name not in StageSettings.model_fields:
            raise UnknownName.of(f"setting of a stage ({where})", name, StageSettings.model_fields)
        values[name], origins[name] = value, f"overridden: {where}"
    return Resolved(validated(values, where), origins)


def validated(values: Mapping[str, Any], where: str) -> StageSettings:
    """`StageSettings`; raises `SettingError` naming the first field that is wrong."""
    from pydantic import ValidationError

    try:
        return StageSettings(**values)
    except ValidationError as error:
        raise SettingError(f"{where}: {complaint(error)}") from error
