"""`xstilts show`: what was run, on what data, with which checkpoint; scoreboard, counts, signatures of one result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from xstilts_eval import reading
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import PredictionError
from xstilts_eval.label_reading import LabelReading
from xstilts_eval.results import entity_types, record, render, samples, scoreboard
from xstilts_eval.results import run as runs
from xstilts_eval.results.entity_types import EntityType
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.tables import one_line, terminal_table
from xstilts_eval.validation import place


class _Model(BaseModel):
    """What our adapter says about itself; plain `lm_eval` models say nothing of it."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    encoder_sha256: str | None = None
    heads: dict[str, str | None] = {}
    dtype: str | None = None
    device: str | None = None
    max_length: dict[str, int | None] = {}
    retrieval: dict[str, JsonValue] | None = None
    rankers: dict[str, dict[str, JsonValue]] = {}
    processes: int | None = None
    chat_template: bool | None = None
    label_maps: dict[str, LabelReading] = {}
    counts: dict[str, dict[str, JsonValue]] = {}
    versions: dict[str, str] = {}


class _Config(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    model: str | None = None
    model_args: dict[str, JsonValue] | str | None = None
    xstilts: _Model | None = None


class _File(BaseModel):
    """The part of a results file that is about the run as a whole."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    config: _Config
    date: float | None = None
    lm_eval_version: str | None = None


@dataclass(frozen=True)
class DataRow:
    """One family: where its documents came from, how many were scored, which revisions."""

    family: str
    source: str
    split: str
    languages: int
    possible: int
    scored: int
    selected: int
    documents: int
    revisions: tuple[str, ...]
    partial: tuple[str, ...]
    sampled: int


@dataclass(frozen=True)
class Shown:
    """Everything that is shown of one result; `types` has the entity types of tagged datasets by group and language."""

    path: str
    facts: dict[str, str]
    data: tuple[DataRow, ...]
    counts: dict[str, dict[str, JsonValue]]
    labels: dict[str, LabelReading]
    signatures: dict[str, tuple[str, ...]]
    board: scoreboard.Scoreboard
    types: dict[str, dict[str, tuple[EntityType, ...]]]


def read(path: Path, types: bool = False, only: Collection[str] | None = None) -> Shown:
    """One results file or output folder, with `types` also its samples of entity tags; `only` names wanted leaves.

    Raises `MissingData`, `PredictionError`, `NumericError`, and `SettingError` where it has none of them.
    """
    file = record.results_file(path)
    ((run,),) = runs.read(file, only=only).results.values()
    try:
        whole = _File.model_validate(reading.read_json(file, "a results file", PredictionError))
    except ValidationError as error:
        raise PredictionError(
            f"{file}: {place(error)} is not what this version expects; which version wrote it?"
        ) from error
    model = whole.config.xstilts or _Model()
    return Shown(
        path=str(file),
        facts=_facts(run, whole, model),
        data=tuple(_data_rows(run, path)),
        counts={name: values for name, values in model.counts.items() if any(values.values())},
        labels=model.label_maps,
        signatures=_signatures(run.leaves),
        board=scoreboard.build([run]),
        types=entity_types.of_run(path, run) if types else {},
    )


def _facts(run: RunResult, whole: _File, model: _Model) -> dict[str, str]:
    made = datetime.fromtimestamp(whole.date, timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if whole.date else ""
    heads = " ".join(f"{family}:{sha}" for family, sha in model.heads.items())
    lengths = " ".join(f"{name}:{length}" for name, length in model.max_length.items() if length)
    host = f"lm_eval {whole.lm_eval_version}" if whole.lm_eval_version else ""
    found = {
        "checkpoint": run.checkpoint,
        "model class": whole.config.model or "",
        "encoder": model.encoder_sha256 or "",
        "heads": heads,
        "retrieval": _vectors(model.retrieval) if model.retrieval else "",
        "prompts": "; ".join(_sides(name, settings) for name, settings in model.rankers.items()),
        "lengths": lengths,
        "precision": model.dtype or "",
        "device": model.device or "",
        "processes": str(model.processes) if (model.processes or 1) > 1 else "",
        "limit": f"{run.limit:g}" if run.limit else "",
        "chat template": "yes" if model.chat_template else "",
        "made": made,
        "versions": ", ".join(filter(None, (host, *(f"{name} {v}" for name, v in model.versions.items())))),
    }
    return {name: value for name, value in found.items() if value}


def _vectors(settings: Mapping[str, object]) -> str:
    """How sentences became vectors; a prompt in quotes, which show its blanks."""
    prompt = settings.get("prompt")
    said = f"prompt {prompt!r}" if prompt else "no prompt"
    return f"layer {settings.get('layer') or 'last'}, {settings.get('pooling')} pooling, {said}"


def _sides(name: str, settings: Mapping[str, object]) -> str:
    """The prompts of the two sides of a ranking."""
    sides = (f"{side} {settings.get(f'{side}_prompt') or ''!r}" for side in ("query", "passage"))
    return f"{name}: {', '.join(sides)}"


def _data_rows(run: RunResult, path: Path) -> Iterable[DataRow]:
    families = dict.fromkeys(leaf.family for leaf in run.leaves)
    for family in families:
        leaves = [leaf for leaf in run.leaves if leaf.family == family]
        yield DataRow(
            family=family.title,
            source=", ".join(sorted({leaf.data.source for leaf in leaves})),
            split=", ".join(sorted({leaf.data.split for leaf in leaves})),
            languages=len(leaves),
            possible=len(family.languages),
            scored=sum(leaf.scored for leaf in leaves),
            selected=sum(leaf.selected for leaf in leaves),
            documents=sum(leaf.data.documents for leaf in leaves),
            revisions=tuple(dict.fromkeys(leaf.data.revision for leaf in leaves)),
            partial=tuple(leaf.language for leaf in leaves if leaf.data.source != "sample" and not leaf.data.complete),
            sampled=sum(samples.path_of(path, leaf.leaf) is not None for leaf in leaves),
        )


def _signatures(leaves: Iterable[LeafResult]) -> dict[str, tuple[str, ...]]:
    """What the signatures of a family have in common, once: ``*`` for the language, ``…`` for the data's hash."""
    found: dict[str, Counter[str]] = {}
    for leaf in leaves:
        pattern = replace(leaf.signed, leaf=leaf.leaf.rpartition(".")[0] + ".*", revision="…")
        found.setdefault(leaf.family.group, Counter())[str(pattern)] += 1
    return {group: tuple(texts) for group, texts in found.items()}


def as_json(shown: Shown) -> dict[str, object]:
    """Plain values; scores in percent."""
    found: dict[str, object] = {
        "path": shown.path,
        "facts": shown.facts,
        "data": [asdict(row) for row in shown.data],
        "counts": shown.counts,
        "labels": {name: reading.model_dump(mode="json") for name, reading in shown.labels.items()},
        "scoreboard": shown.board.to_json(),
    }
    return found | ({"entity_types": _types_as_json(shown)} if shown.types else {})


def _types_as_json(shown: Shown) -> dict[str, object]:
    return {
        group: {language: [asdict(row) for row in rows] for language, rows in by_language.items()}
        for group, by_language in shown.types.items()
    }


def terminal(shown: Shown, languages: bool = True) -> RenderableType:
    """All of it as a rich renderable."""
    facts = Table.grid(padding=(0, 2))
    for name, value in {"results": shown.path, **shown.facts}.items():
        facts.add_row(one_line(name, "bold"), _folded(value))
    parts: list[RenderableType] = [facts, "", _data_table(shown), "", render.terminal(shown.board, languages)]
    for group, by_language in shown.types.items():
        parts += ["", one_line(f"{FAMILIES[group].title} by entity type", "bold"), _types_table(by_language)]
    parts += [one_line(f"{name}: {_counted(values)}", "dim") for name, values in shown.counts.items()]
    parts += [one_line(note, "dim") for reading in shown.labels.values() for note in reading.notes]
    parts += ["", one_line("Signatures (* language, … hash of its data)", "bold")]
    parts += [_folded(text) for texts in shown.signatures.values() for text in texts]
    return Group(*parts)


def _folded(value: object) -> Text:
    """In as many lines as it needs, cut nowhere."""
    text = one_line(value)
    text.overflow = "fold"
    return text


def _data_table(shown: Shown) -> RenderableType:
    header = ["dataset", "data", "split", "languages", "scored", "of", "samples", "revisions", "note"]
    rows = [
        [
            row.family,
            row.source,
            row.split,
            f"{row.languages} of {row.possible}",
            f"{row.scored:,}",
            f"{row.documents:,}",
            "all" if row.sampled == row.languages else f"{row.sampled} of {row.languages}",
            row.revisions[0] if len(row.revisions) == 1 else f"{len(row.revisions)} hashes",
            f"partial in {' '.join(row.partial)}" if row.partial else "",
        ]
        for row in shown.data
    ]
    keep = len(header) if any(row[-1] for row in rows) else len(header) - 1
    return terminal_table(header[:keep], [row[:keep] for row in rows])


def _types_table(by_language: Mapping[str, Sequence[EntityType]]) -> RenderableType:
    """The mean over languages first, where there are several; a row for each language and type."""
    first = {"mean": entity_types.mean(by_language.values())} if len(by_language) > 1 else {}
    header = ["language", "type", "precision", "recall", "F1", "entities"]
    rows = [
        [code, one.type, f"{one.precision:.1f}", f"{one.recall:.1f}", f"{one.f1:.1f}", f"{one.support:,}"]
        for code, found in {**first, **by_language}.items()
        for one in found
    ]
    return terminal_table(header, rows, keys=2)


def _counted(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value)
