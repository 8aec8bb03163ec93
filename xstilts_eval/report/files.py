"""Writes a report: the page, the figures as files, the summary; each whole or not at all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from xstilts_eval.errors import SettingError
from xstilts_eval.figures import raster, svg
from xstilts_eval.figures.scene import Scene, smallest_text
from xstilts_eval.paths import Names
from xstilts_eval.report import page
from xstilts_eval.report.content import Content
from xstilts_eval.report.figures import figures
from xstilts_eval.writing import check_files, check_folders, replacing, write_atomically

FORMATS = (".svg", ".png", ".pdf")
LEAST = 6.0
"""Points of the smallest text that is read with ease on paper."""
WIDTHS = (2.0, 20.0)
"""The least and the greatest width of a figure for print, inches."""


def check(output: Path, folder: Path | None, markdown: Path | None, inches: float | None = None) -> None:
    """Raise `SettingError` for targets that a report may not replace, before anything is read."""
    if inches is not None and folder is None:
        raise SettingError("--width is the width of figures; name a folder for them with --figures")
    if inches is not None and not WIDTHS[0] <= inches <= WIDTHS[1]:
        raise SettingError(f"--width {inches:g} is not between {WIDTHS[0]:g} and {WIDTHS[1]:g} inches")
    for path, endings in ((output, (".html", ".htm")), (markdown, (".md", ".markdown"))):
        if path is not None and path.suffix.lower() not in endings:
            raise SettingError(f"{path} does not end in {endings[0]}; a report replaces no other file")
    check_files(output, markdown)
    check_folders(folder)


def write(
    content: Content,
    title: str,
    output: Path,
    folder: Path | None,
    markdown: Path | None,
    inches: float | None = None,
) -> list[str]:
    """Write what was asked for; a line about each. Figures have a panel each, `inches` wide, where that is given."""
    write_atomically(output, page.html(named(content, output), title))
    lines = [f"page: {output}"]
    if markdown is not None:
        write_atomically(markdown, page.markdown(named(content, markdown), title))
        lines.append(f"summary: {markdown}")
    if folder is not None:
        names, small = write_figures(content, folder, inches)
        formats = FORMATS if raster.is_installed() else FORMATS[:1]
        lines.append(f"figures: {folder}/ ({', '.join(names)}; each as {', '.join(formats)})")
        lines += small
        if formats != FORMATS:
            lines.append(raster.without("PNG and PDF"))
    return lines


def named(content: Content, file: Path) -> Content:
    """What a file shows: runs and checkpoints that its warnings speak of, named relative to it."""
    checkpoints = [part.checkpoint_folder for run in content.runs for parts in run.results.values() for part in parts]
    names = Names([*(run.given for run in content.runs), *checkpoints], file.parent)
    return replace(content, warnings=tuple(names.in_value(content.warnings)), made=names.in_value(content.made))


def write_figures(content: Content, folder: Path, inches: float | None = None) -> tuple[list[str], list[str]]:
    """Every figure as SVG and, where they can be painted, as PNG and PDF; with `inches` every panel, that wide.

    Their names, and what is too small to be read in print.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes: dict[str, Scene] = {}
    for figure in figures(content, inches):
        scenes |= figure.files() if inches else {figure.name: figure.scene()}
    for name, scene in scenes.items():
        write_atomically(folder / f"{name}.svg", svg.document(scene, inches))
        for ending in FORMATS[1:] if raster.is_installed() else ():
            with replacing(folder / f"{name}{ending}") as temporary:
                raster.save(scene, temporary, inches)
    small = [too_small(name, scene, inches) for name, scene in scenes.items() if inches]
    return list(scenes), [sentence for sentence in small if sentence]


def too_small(name: str, scene: Scene, inches: float) -> str:
    """A sentence about a scene whose smallest text is below `LEAST` points in print."""
    points = 72 * inches * smallest_text(scene) / scene.width
    if points >= LEAST - 0.05:
        return ""
    enough = math.ceil(10 * inches * LEAST / points) / 10
    return f"{name}: its smallest text has {points:.1f} points; it has {LEAST:g} at --width {enough:.1f}"
