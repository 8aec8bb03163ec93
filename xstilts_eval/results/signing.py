"""Signs a task: reads what could move its score off the host's results dictionary, and writes the `Signature`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xstilts_eval.benchmark import Family
from xstilts_eval.label_reading import LabelReading, quoted
from xstilts_eval.models.info import ModelInfo, RankerInfo
from xstilts_eval.results.host import HostResults, Metadata, TaskConfig
from xstilts_eval.results.signature import Signature

if TYPE_CHECKING:
    from xstilts_eval.results.record import Data

Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answered:
    """Who answered: a checkpoint (its hash, or hub id and commit), or the host's name of another adapter's model."""

    checkpoint: str | None
    model: str | None
    settings: Settings


def sign(leaf: str, family: Family, results: HostResults, data: Data) -> Signature:
    """The signature of a leaf in a results dictionary of the host; raises `KeyError` for what that lacks."""
    config, counts = results["configs"][leaf], results["n-samples"][leaf]
    metadata, model = config["metadata"], results["config"].get("xstilts") or {}
    limit = results["config"].get("limit")
    lacks_scores = counts["effective"] < counts["original"] and not limit
    answered = _by_us(family, model, config) if model else _by_another(results, config)
    return Signature(
        leaf=leaf,
        source=data.source,
        revision=data.revision,
        split=data.split,
        task=str(metadata["version"]),
        metric=metadata["xs_metric"],
        documents="complete" if data.complete else "sample" if data.source == "sample" else "partial",
        # the first note names repository and commit, and the differences from the official files
        copy=data.notes[0] if data.source == "hub" else None,
        scored=(counts["effective"], counts["original"]) if lacks_scores else None,
        checkpoint=answered.checkpoint,
        model=answered.model,
        settings=answered.settings,
        shots=config.get("num_fewshot") or 0,
        limit=str(limit) if limit else None,
        versions=tuple((name, str(version)) for name, version in model.get("versions", {}).items()),
        xstilts=str(metadata.get("xs_version")),
        lm_eval=str(results.get("lm_eval_version", "?")),
    )


def _by_us(family: Family, model: ModelInfo, config: TaskConfig) -> Answered:
    """Of what our adapter says about itself, the part that concerns the family."""
    checkpoint, settings = str(model["heads"].get(family.name)), _of_head(family, model)
    if ranker := model.get("rankers", {}).get(family.name):
        checkpoint, settings = str(ranker["checkpoint"]), _of_ranker(ranker)
    elif family.is_embedded:
        checkpoint, settings = str(model["encoder_sha256"]), _of_vectors(model)
    elif family.name in (model.get("language_model") or {}).get("families", ()):
        settings = _of_language_model(family, model, config)
    return Answered(checkpoint, None, (*settings, ("dtype", str(model["dtype"]))))


def _by_another(results: HostResults, config: TaskConfig) -> Answered:
    """A model that another adapter serves; of its vectors the task itself keeps how they were made."""
    if vectors := config["metadata"].get("xs_retrieval"):
        names = ("layer", "pooling", "max_length", "dtype")
        settings = tuple((name, str(vectors.get(name) or "last")) for name in names)
    else:
        settings = (*_prompt(config), _chat_template(results), *_conversation(config["metadata"]))
    return Answered(None, str(results.get("model_name")), settings)


def _of_ranker(ranker: RankerInfo) -> Settings:
    return (
        ("layer", str(ranker["layer"] or "last")),
        ("pooling", str(ranker["pooling"])),
        ("max_length", "/".join(map(str, ranker["max_length"]))),
        *((name, repr(ranker[name])) for name in ("query_prompt", "passage_prompt") if ranker[name]),
    )


def _of_vectors(model: ModelInfo) -> Settings:
    vectors = model["retrieval"] or {}
    return (
        ("layer", str(vectors.get("layer") or "last")),
        ("pooling", str(vectors.get("pooling"))),
        ("max_length", str(model["max_length"].get("retrieval"))),
        *((("prompt", repr(vectors["prompt"])),) if vectors.get("prompt") else ()),
    )


def _of_language_model(family: Family, model: ModelInfo, config: TaskConfig) -> Settings:
    return (
        ("max_length", str(model["max_length"].get("language_model"))),
        *_prompt(config, family.name in (model["language_model"] or {}).get("forced_languages", ())),
        _chat_template(model),
        *_conversation(config["metadata"]),
    )


def _of_head(family: Family, model: ModelInfo) -> Settings:
    found = [("max_length", str(model["max_length"].get(family.name)))]
    if order := model.get("label_order", {}).get(family.name):
        found.append(("labels", "/".join(quoted(name, "/") for name in order)))
    if reading := model.get("label_maps", {}).get(family.name):
        found += _named(LabelReading.model_validate(reading).signature())
    if rule := model.get("first_piece", {}).get(family.name):
        found.append(("first_piece", str(rule)))
    return tuple(found)


def _named(fields: Iterable[str]) -> Settings:
    """Written fields as pairs."""
    return tuple((name, value) for name, _, value in (field.partition(":") for field in fields))


def _prompt(config: TaskConfig, forced_languages: bool = False) -> Settings:
    """What writes the prompt, and how text is generated: greedily unless it says otherwise."""
    options = dict(config.get("generation_kwargs") or {})
    if options.get("until") == ["\n"]:  # every task's own
        del options["until"]
    if options.get("do_sample") is False:
        del options["do_sample"]
    function = config.get("doc_to_choice") or config.get("doc_to_text")
    prompt = "none, forced languages" if forced_languages else str(function)
    return (("prompt", prompt), *((name, str(value)) for name, value in sorted(options.items())))


def _chat_template(says: ModelInfo | HostResults) -> tuple[str, str]:
    return "chat_template", "yes" if says.get("chat_template") else "no"


def _conversation(metadata: Metadata) -> Settings:
    """What else a prompt held and how it was given: a system instruction (its hash), shots as turns, thinking."""
    prompting, thinking = metadata.get("xs_prompting") or {}, metadata.get("xs_thinking") or {}
    digest = prompting.get("system_instruction")
    return (
        *((("system_instruction", str(digest)),) if digest else ()),
        *((("multiturn", "yes"),) if prompting.get("multiturn") else ()),
        *((name, json.dumps(value, ensure_ascii=False, sort_keys=True)) for name, value in sorted(thinking.items())),
    )
