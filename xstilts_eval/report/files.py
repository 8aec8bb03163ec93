"""Writes a report: the page, the figures as files, the summary; each whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xstilts_eval.errors import SettingError
from xstilts_eval.figures import raster, svg
from xstilts_eval.paths import Names
from xstilts_eval.report import page
from xstilts_eval.report.content import Content
from xstilts_eval.report.figures import figures
from xstilts_eval.writing import check_files, check_folders, replacing, write_atomically

FORMATS = (".svg", ".png", ".pdf")


def check(output: Path, folder: Path | None, markdown: Path | None) -> None:
    """Raise `SettingError` for targets that a report may not replace, before anything is read."""
    for path, endings in ((output, (".html", ".htm")), (markdown, (".md", ".markdown"))):
        if path is not None and path.suffix.lower() not in endings:
            raise SettingError(f"{path} does not end in {endings[0]}; a report replaces no other file")
    check_files(output, markdown)
    check_folders(folder)


def write(content: Content, title: str, output: Path, folder: Path | None, markdown: Path | None) -> list[str]:
    """Write what was asked for; a line about each."""
    write_atomically(output, page.html(named(content, output), title))
    lines = [f"page: {output}"]
    if markdown is not None:
        write_atomically(markdown, page.markdown(named(content, markdown), title))
        lines.append(f"summary: {markdown}")
    if folder is not None:
        names = write_figures(content, folder)
        formats = FORMATS if raster.is_installed() else FORMATS[:1]
        lines.append(f"figures: {folder}/ ({', '.join(names)}; each as {', '.join(formats)})")
        if formats != FORMATS:
            lines.append(raster.without("PNG and PDF"))
    return lines


def named(content: Content, file: Path) -> Content:
    """What a file shows: runs and checkpoints that its warnings speak of, named relative to it."""
    checkpoints = [part.checkpoint_folder for run in content.runs for parts in run.results.values() for part in parts]
    names = Names([*(run.given for run in content.runs), *checkpoints], file.parent)
    return replace(content, warnings=tuple(names.in_value(content.warnings)), made=names.in_value(content.made))


def write_figures(content: Content, folder: Path) -> list[str]:
    """Every figure as SVG and, where they can be painted, as PNG and PDF; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for figure in figures(content):
        scene = figure.scene()
        write_atomically(folder / f"{figure.name}.svg", svg.document(scene))
        for ending in FORMATS[1:] if raster.is_installed() else ():
            path = folder / f"{figure.name}{ending}"
            with replacing(path) as temporary:
                raster.save(scene, temporary)
        names.append(figure.name)
    return names
