"""A zoo as tables: models at a glance, everything about one of them, the verdict of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from xstilts_eval.tables import one_line, terminal_table
from xstilts_eval.wording import ABSENT, counted
from xstilts_eval.zoo.check import Verdict
from xstilts_eval.zoo.detection import Detection, by_model, detections, span
from xstilts_eval.zoo.joint import POWER
from xstilts_eval.zoo.manifest import Model, Record, Zoo
from xstilts_eval.zoo.selection import of_names


class Overview(TypedDict):
    """A model of the zoo, and what is there of it."""

    model: str
    architecture: str
    parameters: int | str
    records: int
    families: list[str]


Rows = list[Overview]
DETECTED = (
    f"one number: the differences that turn it red with a chance of {POWER:.0%}, from its smallest to its largest, or "
    "for certain where a tolerance decides; dataset as a whole: the same of the mean difference over all its languages"
)


def overview(zoo: Zoo, tasks: Sequence[str] = (), confidence: str | None = None) -> Rows:
    """One row per model with a record of those tasks and that confidence; without either, every model."""
    of_tasks = of_names(zoo.records, tasks, "the zoo")
    chosen = [record for record in of_tasks if confidence is None or record.confidence == confidence]
    numbers = Counter(record.model for record in chosen)
    families: dict[str, dict[str, None]] = {}
    for record in chosen:
        families.setdefault(record.model, {})[record.family] = None
    return [
        {
            "model": model.name,
            "architecture": model.architecture,
            "parameters": model.parameters,
            "records": numbers[model.name],
            "families": [name for name in families.get(model.name, {}) if name != "none"],
        }
        for model in zoo.models.values()
        if numbers[model.name] or not (tasks or confidence)
    ]


def overview_table(rows: Rows, zoo: Zoo) -> RenderableType:
    """The overview for the terminal."""
    total = sum(row["records"] for row in rows)
    title = f"{len(rows)} of {len(zoo.models)} models, {total:,} of {len(zoo.records):,} records"
    cells = [
        [row["model"], row["architecture"], short_size(row["parameters"]), f"{row['records']:,}",
         " ".join(row["families"]) or "–"]
        for row in rows
    ]  # fmt: skip
    return terminal_table(("model", "architecture", "parameters", "records", "datasets"), cells, title)


def short_size(parameters: int | str) -> str:
    """``22.7M`` for 22,700,000."""
    if isinstance(parameters, str):
        return parameters
    for unit, name in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.3g}{name}"
    return str(parameters)


def model_page(zoo: Zoo, model: Model, records: Sequence[Record]) -> Group:
    """Everything about one model: its entry, its records by stage, setting and benchmark, and their sources."""
    parts: list[RenderableType] = [one_line(model.name, "bold"), _entry(model)]
    numbers = {key: index for index, key in enumerate(dict.fromkeys(record.source for record in records), start=1)}
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault((record.stage, record.setting, record.benchmark, record.benchmark_version), []).append(record)
    for (stage, setting, benchmark, version), members in groups.items():
        version = "" if version in ("unknown", benchmark) else f" ({version})"
        parts += [
            "",
            one_line(f"{benchmark}{version} · stage: {stage} · {setting}", "bold"),
            _scores(members, numbers),
        ]
        parts += [one_line(f"  note: {note}", "dim") for note in dict.fromkeys(r.note for r in members) if note]
    if found := [row for row in detections(zoo, model.name) if row.family in {record.family for record in records}]:
        parts += ["", Text("What xstilts regress detects (points)", style="bold"), _detected(found)]
        parts.append(Text(DETECTED, style="dim"))
    parts += ["", Text("Sources", style="bold")]
    for key, index in numbers.items():
        source = zoo.sources[key]
        read_in = f"; read in: {source.read_in}" if source.read_in else ""
        parts += [
            one_line(f"[{index}] {source.title}"),
            *map(one_line, (f"    {source.url}", f"    {source.table}{read_in}")),
        ]
    return Group(*parts)


def _detected(found: Sequence[Detection]) -> RenderableType:
    """By stage, setting and source, as a regression that names them compares."""
    header = ("stage", "setting", "source", "dataset", "metric", "numbers", "by", "one number", "dataset as a whole")
    rows = [
        [row.stage, row.setting, row.source, row.family, row.metric, str(row.numbers), row.by,
         span((row.smallest, row.largest)), ABSENT if row.together is None else f"{row.together:.2g}"]
        for row in found
    ]  # fmt: skip
    return terminal_table(header, rows)


def detection_table(zoo: Zoo) -> RenderableType:
    """Every model that can decide something."""
    rows = [
        [model, f"{numbers:,}", span((low, high)), ABSENT if together is None else f"{together:.2g}"]
        for model, numbers, low, high, together in by_model(zoo)
    ]
    return terminal_table(("model", "numbers", "one number detects", "a dataset detects"), rows)


def detection_line(zoo: Zoo) -> str:
    """How many models can decide, and by what."""
    found = by_model(zoo)
    joint = [together for *_, together in found if together is not None]
    if not found:
        return "no model has a number that can decide in xstilts regress"
    text = f"{len(found)} of {len(zoo.models)} models decide in xstilts regress"
    ends = f", where a mean shift of {span(joint)} points shows" if joint else ""
    return f"{text}, {len(joint)} of them by a dataset as a whole{ends} (each model: --detects)"


def _entry(model: Model) -> Group:
    languages = model.languages if isinstance(model.languages, (int, str)) else " ".join(model.languages)
    fields = {
        "hub id": model.hub_id,
        "revision": model.revision,
        "architecture": model.architecture,
        "parameters": short_size(model.parameters),
        "languages": languages,
        "licence": model.licence,
        "parent": model.parent,
        "weights": f"sha256 {model.weights_sha256}" if model.weights_sha256 else None,
        "note": model.note or None,
    }
    evaluate = model.evaluate.model_dump(exclude_none=True)
    if "prompt" in evaluate:
        evaluate["prompt"] = repr(evaluate["prompt"])  # with its blanks, or visibly empty
    fields["evaluate"] = "; ".join(f"{name}: {value}" for name, value in evaluate.items()) or "unknown"
    return Group(*(one_line(f"  {name:<13}{value}") for name, value in fields.items() if value is not None))


def _scores(records: Sequence[Record], numbers: dict[str, int]) -> Table:
    """One line per task, metric and source; values as published, means of ours marked with ~."""
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for name in ("dataset", "metric", "scores", "scale", "confidence", "source"):
        table.add_column(name, overflow="fold", ratio=1 if name == "scores" else None)
    lines: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        name = record.family if record.family != "none" else f"none: {record.task}"
        lines.setdefault((name, record.metric, record.scale, record.confidence, record.source), []).append(record)
    for (name, metric, scale, confidence, source), members in lines.items():
        scores = "  ".join(f"{r.language} {'~' if r.derived else ''}{_short(r)}" for r in members)
        spread = {f"± {r.tolerance:g}: {r.tolerance_reason}" for r in members if r.tolerance is not None}
        lines_of_cell = [scores, *sorted(spread), *_sizes(members)]
        table.add_row(name, metric, "\n".join(lines_of_cell), scale, confidence, f"[{numbers[source]}]")
    return table


def _sizes(records: Sequence[Record]) -> list[str]:
    sizes = sorted({record.n for record in records if record.n})
    return [f"n {sizes[0]:,}" + (f"–{sizes[-1]:,}" if len(sizes) > 1 else "")] if sizes else []


def _short(record: Record) -> str:
    """As printed, but at most four digits of a long fraction; the files keep all."""
    return min(repr(record.value), f"{record.value:.4g}", key=len) if record.scale == "fraction" else repr(record.value)


def verdict_lines(verdict: Verdict) -> list[str]:
    """Errors first, then what the publications themselves get wrong, then the counts."""
    lines = [f"error: {finding.name}\n       {finding.detail}" for finding in verdict.errors]
    lines += [f"known: {finding.name}\n       {finding.detail}: {reason}" for finding, reason in verdict.known]
    lines += [f"{name}: {count:,}" for name, count in verdict.counts.items()]
    return [*lines, f"{counted(len(verdict.errors), 'error')}, {counted(len(verdict.known), 'known finding')}"]
