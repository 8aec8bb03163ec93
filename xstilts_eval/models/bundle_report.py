"""What a bundle holds, part by part, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts_eval import bundle as bundles
from xstilts_eval import fingerprints
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import labels
from xstilts_eval.models.checkpoint import Checkpoint, resolve
from xstilts_eval.models.source import Source


def report(folder: Path) -> dict[str, Any]:
    """The manifest with one entry per part under ``parts``; raises `UnfitCheckpoint` for a bundle that cannot be read.

    A part whose files are missing or changed, or whose labels do not fit its family, says so in its ``problem``.
    """
    manifest = bundles.read(folder)
    checkpoint = resolve(str(folder))
    parts = []
    if manifest.language_model and checkpoint.language_model:
        served = {"serves": f"retrieval, text{' for the rest' if manifest.heads else ''}"}
        parts.append({**served, **_part(manifest, folder, manifest.language_model, checkpoint.language_model)})
    elif manifest.encoder and checkpoint.encoder:
        parts.append({"serves": "retrieval", **_part(manifest, folder, manifest.encoder, checkpoint.encoder)})
    for name, head in manifest.heads.items():
        part = _part(manifest, folder, head.path, checkpoint.heads[name])
        rule = {"first_piece": head.first_piece} if find_family(name).kind.by_word else {}
        parts.append({"serves": name, **part, **rule, **_labels(checkpoint, name, part.get("problem"))})
    return {**manifest.model_dump(mode="json", exclude={"sha256"}), "folder": str(folder), "parts": parts}


def _part(manifest: bundles.Bundle, folder: Path, path: str, source: Source) -> dict[str, Any]:
    if source.folder is None:
        return {"path": path, "revision": source.revision, "class": None, "size_bytes": None, "sha256": None}
    found: dict[str, Any] = {
        "path": path,
        "class": None,
        "size_bytes": sum(file.stat().st_size for file in fingerprints.part_files(source.folder).values()),
        "sha256": source.identity,
        "recorded": path in manifest.sha256,
    }
    try:
        bundles.verify(manifest, folder, path)
        found["class"] = " ".join(source.config.architectures or []) or None
    except UnfitCheckpoint as error:
        found["problem"] = str(error)
    return found


def _labels(checkpoint: Checkpoint, name: str, problem: str | None) -> dict[str, Any]:
    """Label names and how they are read; nothing for hub ids, which are not asked for here."""
    family = find_family(name)
    if problem or checkpoint.heads[name].folder is None:
        return {}
    try:
        checkpoint.check(family)
        if not family.labels:
            return {}
        reading = checkpoint.label_map(family).reading()
        told = {"extra": list(reading.extra), "masked": list(reading.masked), "notes": list(reading.notes)}
        return {"labels": checkpoint.label_names(family), "scheme": reading.scheme, **told}
    except UnfitCheckpoint as error:
        return {"problem": str(error)}


def refuse_label_order(family: str, folder: Path, order: tuple[str, ...]) -> None:
    """Raise `UnfitCheckpoint` for an order of classes that says something else than the head's own names."""
    try:
        if names := labels.own_names(Source(str(folder)).raw_config):
            labels.given_names(find_family(family), names, order, f"--label-order {family}")
    except UnfitCheckpoint as error:
        raise UnfitCheckpoint(f"{folder}: {error}") from error


def table(found: dict[str, Any]) -> Any:
    """The report as a table with the manifest's facts above it, for the terminal."""
    from rich.console import Group
    from rich.table import Table

    parts = Table(box=None, pad_edge=False)
    for heading in ("serves", "path", "class", "labels"):
        parts.add_column(heading, overflow="fold")
    parts.add_column("size", justify="right")
    parts.add_column("sha256")
    for part in found["parts"]:
        size = part["size_bytes"]
        parts.add_row(
            part["serves"],
            part["path"] + (f"@{part['revision']}" if part.get("revision") else ""),
            part["class"] or ("?" if size is not None else "on the hub"),
            _shown(part.get("labels"), part.get("scheme")),
            f"{size / 1e6:.1f} MB" if size is not None else "–",
            part["sha256"] or "–",
        )
    facts = [f"{name}: {found[name]}" for name in ("parent", "recipe", "seed") if found[name] is not None]
    for part in found["parts"]:
        if part.get("first_piece", "any") != "any":
            facts.append(f"{part['serves']}: first_piece {part['first_piece']}, which is not XTREME's rule")
    if found["retrieval"]:
        settings = bundles.Retrieval.model_validate(found["retrieval"]).described()
        shown = {name: "last" if name == "layer" and value is None else value for name, value in settings.items()}
        facts.append("retrieval: " + ", ".join(f"{name} {value}" for name, value in shown.items()))
    unchecked = sorted({part["path"] for part in found["parts"] if part.get("recorded") is False})
    if unchecked:
        facts.append(f"no hashes recorded for {', '.join(unchecked)}: changes go unnoticed")
    facts += dict.fromkeys(note for part in found["parts"] for note in part.get("notes", ()))
    problems = dict.fromkeys(part["problem"] for part in found["parts"] if part.get("problem"))
    return Group(f"bundle {found['folder']}", *facts, "", parts, *(f"\nproblem: {problem}" for problem in problems))


def _shown(labels: list[str] | None, scheme: str | None) -> str:
    if not labels:
        return "–"
    listed = ", ".join(labels) if len(labels) <= 9 else f"{len(labels)}: {', '.join(labels[:6])} …"
    return listed if scheme == "classes" else f"{scheme}: {listed}"
