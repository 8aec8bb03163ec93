"""Every report goes the same way: shown as a table, written as JSON beside its figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xstilts_eval import __version__, paper, printing
from xstilts_eval.analysis import figures
from xstilts_eval.analysis.stats.regression import as_json
from xstilts_eval.errors import SettingError
from xstilts_eval.figures import raster
from xstilts_eval.figures.scene import Scene


def publish(
    report: Any,
    shown: Any,
    draw: Callable[[], Scene | Mapping[str, Scene]],
    output: Path | None,
    name: str,
    overwrite: bool,
    tables: paper.Wanted = paper.Wanted(),
) -> None:
    """Print `shown`, or write its tables as `tables` says; with `output` write ``name.json`` and its figures there.

    `draw` gives one figure, or several by what they add to the name (``distance-size.svg``), "" for the first. Raises
    `SettingError` where a report stands already, unless `overwrite`.
    """
    if output is not None:
        target = output / f"{name}.json"
        if target.exists() and not overwrite:
            raise SettingError(f"{target} exists; give --overwrite, or another --output")
        content = {"analysis": name, "xstilts": __version__, **as_json(report)}
        printing.write_json(content, str(target))
        drawn = draw()
        scenes = drawn if isinstance(drawn, Mapping) else {"": drawn}
        written = [target]
        for part, scene in scenes.items():
            written += figures.save(scene, output / (f"{name}-{part}" if part else name))
    found = paper.of_shown(shown)
    tables.write(lambda: found, lambda: paper.rows_of(found))
    if not tables.prints:
        printing.show(shown)
    if output is not None:
        say = printing.remark if tables.prints else printing.say
        say("written: " + "  ".join(map(str, written)))
        if not raster.is_installed():
            say(raster.without("PNG and PDF"))
