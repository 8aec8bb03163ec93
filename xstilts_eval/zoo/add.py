"""Scores of a results file → a table of the zoo, in a file of one's own that includes the shipped one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import record as results
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.writing import write_atomically
from xstilts_eval.zoo.manifest import SHIPPED, File, Model, Record, Table, Zoo, load, read_file, records_of

MARK = "# Written by xstilts zoo add; comments are not kept when it adds more.\n"


def add(
    path: Path,
    source: str,
    file: Path,
    url: str = "none",
    model: str | None = None,
    stage: str = "base",
    setting: str | None = None,
) -> list[Record]:
    """Add the scores of a results file or output folder to `file`, made where it is not there; gives the new records.

    The source gets the title `source`; a model that the zoo lacks gets an entry in which the rest is "unknown".
    Raises `PredictionError` for results of the bundled sample or of a part of the documents, and `SettingError` for a
    file that somebody else wrote and for scores that are there already.
    """
    run = results.read(path)
    _refuse_what_nobody_can_repeat(run, path)
    existing = _own(file)
    zoo = load(file if file.is_file() else None)
    name = model or Path(run.checkpoint.split("@")[0]).name
    new_model = () if name in zoo.models else (_unknown(name, run.checkpoint),)
    key = _key(source, {k: s.title for k, s in zoo.sources.items()})
    new_source = {"title": source, "url": url, "table": "scores of xstilts eval", "read_in": "the run's results file"}
    sources = {} if key in zoo.sources else {key: new_source}
    tables = tuple(_table(family, leaves, name, key, stage, setting) for family, leaves in _by_family(run.leaves))
    grown = File(
        include=existing.include,
        models=(*existing.models, *new_model),
        sources={**existing.sources, **sources},
        sizes=existing.sizes,
        tables=(*existing.tables, *tables),
        known=existing.known,
    )
    added = _records(tables, grown, zoo)
    _refuse_what_is_there(added, zoo, file)
    write_atomically(file, MARK + _yaml(grown))
    return added


def _refuse_what_nobody_can_repeat(run: RunResult, path: Path) -> None:
    if run.limit:
        raise PredictionError(f"{path} was scored with --limit {run.limit:g}; only whole test sets enter the zoo")
    sample = [leaf.leaf for leaf in run.leaves if leaf.data.source == "sample"]
    if sample:
        raise PredictionError(f"{path} was scored on the bundled sample ({sample[0]} …), which says nothing of a model")
    for leaf in run.leaves:
        if leaf.failed:
            raise PredictionError(f"{path}: {leaf.leaf} has {leaf.failed} unscored documents; score it whole first")


def _own(file: Path) -> File:
    if not file.is_file():
        return File(include=(SHIPPED,))
    if not file.read_text(encoding="utf-8").startswith(MARK.rstrip("\n")):
        raise SettingError(
            f"{file} was not written by xstilts zoo add, so its comments would be lost; name another --file"
        )
    return read_file(file)


def _unknown(name: str, checkpoint: str) -> Model:
    """An entry to be filled in; only ``owner/name@commit`` says for sure that a checkpoint is the hub's."""
    on_hub = re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{7,40})", checkpoint)
    hub_id, revision = on_hub.groups() if on_hub else ("unknown", "unknown")
    return Model(
        name=name,
        hub_id=hub_id,
        revision=revision,
        architecture="unknown",
        parameters="unknown",
        languages="unknown",
        licence="unknown",
        parent="unknown",
    )


def _key(title: str, titles: dict[str, str]) -> str:
    """The key of the source with this title, else a new one made of its first words."""
    for key, known in titles.items():
        if known == title:
            return key
    if not title.strip():
        raise SettingError("--source is empty; give the title of what publishes these scores")
    stem = "_".join(re.findall(r"\w+", title.lower())[:4]) or "source"
    return next(
        name for number in range(1, 10_000) if (name := stem if number == 1 else f"{stem}_{number}") not in titles
    )


def _by_family(leaves: Iterable[LeafResult]) -> list[tuple[Family, list[LeafResult]]]:
    groups: dict[str, list[LeafResult]] = defaultdict(list)
    for leaf in leaves:
        groups[leaf.family.group].append(leaf)
    return [(FAMILIES[group], members) for group, members in groups.items()]


def _table(
    family: Family, leaves: Sequence[LeafResult], model: str, source: str, stage: str, setting: str | None
) -> Table:
    revisions = {leaf.data.revision for leaf in leaves}
    partial = sorted(leaf.language for leaf in leaves if not leaf.data.complete)
    shared: dict[str, object] = {
        "benchmark": family.suite.upper(),
        "benchmark_version": f"xstilts {family.version}, split {leaves[0].data.split}",
        "family": family.group,
        "task": family.title,
        "stage": stage,
        "setting": setting or ("zero-shot" if family.kind.learns or family.kind.is_generated else "embedding"),
        "scale": "fraction",
        "source": source,
        "confidence": "seen",
        "n": {leaf.language: leaf.scored for leaf in leaves},
        "signature": {leaf.language: leaf.signature for leaf in leaves},
    }
    if len(revisions) == 1:
        shared["data_revision"] = revisions.pop()
    if partial:
        shared["note"] = f"not all of the official data: {', '.join(partial)}"
    rows = [row for metric in family.metrics if (row := _row(family, leaves, metric, model))]
    return Table.model_validate({**shared, "rows": rows})


def _row(family: Family, leaves: Sequence[LeafResult], metric: str, model: str) -> dict[str, object] | None:
    scored = [leaf for leaf in leaves if metric in leaf.metrics]
    if not scored:
        return None
    values = {leaf.language: leaf.metrics[metric] for leaf in scored}
    row: dict[str, object] = {"model": model, "metric": metric, "values": values}
    if set(values) == set(family.languages):
        row["derived"] = {"avg": sum(values.values()) / len(values)}
    return row


def _records(tables: Sequence[Table], grown: File, zoo: Zoo) -> list[Record]:
    models = {**zoo.models, **{model.name: model for model in grown.models}}
    sources = {*zoo.sources, *grown.sources}
    return [
        record
        for table in tables
        for row in table.rows
        for record in records_of(table, row, models, sources, f"{table.family}, {row.metric}", zoo.sizes)
    ]


def _refuse_what_is_there(added: Sequence[Record], zoo: Zoo, file: Path) -> None:
    there = {record.key: record for record in zoo.records}
    for record in added:
        old = there.get(record.key)
        if old and (old.source == record.source or old.value != record.value):
            raise SettingError(
                f"{record.metric} of {record.model} on {record.task}, {record.language} is there already "
                f"({old.value:g} from {old.source!r}, now {record.value:g}); give another --stage, --setting or --model"
            )


def _yaml(file: File) -> str:
    content = file.model_dump(exclude_defaults=True, exclude_none=True, mode="json")
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118, default_flow_style=None)
