"""The figures of a report, each a row of panels with a legend and the table that holds its numbers."""

from __future__ import annotations

import math
import re
import statistics as simple
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.figures import charts
from xstilts_eval.figures.charts import Curve, Labelled, Placed, Value
from xstilts_eval.figures.scene import PIXELS, SERIES, Row, Scene, packed, padded, shortened, tile
from xstilts_eval.metrics.bootstrap import too_few
from xstilts_eval.report.content import Content, kin, language_name
from xstilts_eval.report.tables import scored_families
from xstilts_eval.report.training import Stage
from xstilts_eval.results.gains import Gain
from xstilts_eval.results.scored import Estimate, Run, Scored
from xstilts_eval.wording import signed

_GAP = 18.0
_MARGIN = 8.0
_NAME = 40
"""Most characters of a panel's title in the name of its file."""
_ACROSS = 3
"""Panels side by side in a file: about the width of a page of text."""


@dataclass(frozen=True)
class Figure:
    """`name` is its anchor and file name; `table` the anchor of the table with the same numbers."""

    name: str
    title: str
    caption: str
    panels: tuple[Scene, ...]
    legend: tuple[tuple[str, str], ...]
    table: str

    @property
    def has_rows(self) -> bool:
        """Whether its lines can be put into another order."""
        return any(isinstance(mark, Row) for panel in self.panels for mark in panel.marks)

    def scene(self) -> Scene:
        """All panels and the legend as one, for a file."""
        across = min(_ACROSS, len(self.panels))
        body = packed(self.panels, across, _GAP, self.title)
        if self.legend:
            body = tile([charts.legend(self.legend, body.width), body], 1, 4.0, self.title)
        return padded(body, _MARGIN)

    def files(self) -> dict[str, Scene]:
        """Every panel with the legend, by a file name without ending."""
        found: dict[str, Scene] = {}
        for number, panel in enumerate(self.panels, start=1):
            key = [charts.legend(self.legend, panel.width)] if self.legend else []
            words = re.sub(r"[^A-Za-z0-9]+", "-", panel.title).strip("-")[:_NAME].lower()
            name = "-".join(filter(None, (self.name, words)))
            found[f"{name}-{number}" if name in found else name] = tile([*key, panel], 1, 4.0, panel.label)
        return found


def figures(content: Content, inches: float | None = None) -> list[Figure]:
    """Every figure that has something to show; for print, panels as wide as a column of `inches`."""
    width = inches * PIXELS if inches else charts.WIDTH
    made = [
        gains(content, width),
        gain_map(content, width if inches else None),
        heat_map(content, width if inches else None),
        bars(content, width),
        gaps(content, width),
        distance(content, width),
        training(content, width),
    ]
    return [figure for figure in made if figure.panels]


def gains(content: Content, width: float = charts.WIDTH) -> Figure:
    """A forest of gains per family."""
    drawn = []
    for group in content.groups:
        found = [(one.run, one.families.get(group)) for one in content.comparisons]
        if any(gain for _, gain in found):
            rows = [
                Labelled(run.name, (_gain(gain, run, content.paint(run)) if gain else None,)) for run, gain in found
            ]
            drawn.append((FAMILIES[group].title, rows))
    values = [value for _, rows in drawn for row in rows for value in row.values if value]
    edges = [0.0, *(edge for value in values for edge in (value.value, *(value.interval or ())))]
    panels = [charts.forest(title, rows, "points gained", (min(edges), max(edges)), width) for title, rows in drawn]
    name = content.baseline.name if content.baseline else ""
    caption = f"Points gained over the baseline, {name}: means over the languages; filled where the 95 % interval "
    caption += "leaves out 0, without a line where there is none; one axis for all."
    return Figure("gains", "Gains over the baseline", caption, tuple(panels), (), "gains")


def heat_map(content: Content, width: float | None = None) -> Figure:
    """Languages by families, a panel per run; the 112 pairs of `bitext_tatoeba` are in the table only."""
    groups, codes = _map_axes(content)
    panels = []
    for run in content.runs if groups else ():
        if not any(run.families[group].languages for group in groups if group in run.families):
            continue  # of some models nothing but means is published
        rows = []
        for code in codes:
            cells = [_value(run, group, code, "heat") for group in groups]
            rows.append(_map_row(groups, code, cells))
        columns = [FAMILIES[group].column or FAMILIES[group].title for group in groups]
        panels.append(charts.heat_map(run.name, columns, rows, width=width))
    caption = "Points by language and dataset, the more colour the higher; an empty frame was not scored."
    return Figure("heat-map", "Languages × datasets", caption, tuple(panels), (), "languages")


def gain_map(content: Content, width: float | None = None) -> Figure:
    """Gains by language and dataset, a panel per run, one colour scale for all."""
    groups, codes = _map_axes(content)
    found = [
        {(group, code): gain for group in groups for code, gain in one.languages.get(group, {}).items()}
        for one in content.comparisons
    ]
    most = max((abs(gain.gain) for gains in found for gain in gains.values()), default=0.0)
    panels = []
    for one, gains in zip(content.comparisons, found, strict=True):
        rows = []
        for code in (code for code in codes if any((group, code) in gains for group in groups)):
            cells = [gains.get((group, code)) for group in groups]
            rows.append(_map_row(groups, code, [_gain(cell, one.run, "gain") if cell else None for cell in cells]))
        if rows:
            columns = [FAMILIES[group].column or FAMILIES[group].title for group in groups]
            panels.append(charts.heat_map(one.run.name, columns, rows, most, width))
    name = content.baseline.name if content.baseline else ""
    caption = f"Points gained over {name} by language and dataset: green above 0, orange below, bold where the 95 % "
    caption += "interval leaves out 0; an empty frame has no gain."
    return Figure("gain-map", "Gains by language", caption, tuple(panels), (), "gains-by-language")


def _map_axes(content: Content) -> tuple[list[str], list[str]]:
    """Datasets and languages of a heat map: English first, the others by family, script and code."""
    groups = [group for group in content.groups if FAMILIES[group].names_languages]
    codes = {code for group in groups for code in content.languages_of(group)}
    english = {FAMILIES[group].spelled("en") for group in groups}
    return groups, sorted(codes, key=lambda code: (code not in english, *map(str.lower, kin(code)[:2]), code))


def _map_row(groups: Sequence[str], code: str, cells: Sequence[Value | None]) -> Labelled:
    family, script, resources = kin(code)
    name = language_name(FAMILIES[groups[0]], code)
    keys = (("code", code), ("name", name), ("family", family), ("script", script), ("resources", resources))
    return Labelled(f"{name} {code}", tuple(cells), keys)


def bars(content: Content, width: float = charts.WIDTH) -> Figure:
    """Scores by language with intervals, runs side by side, at most six of them in a panel."""
    panels = []
    for group in (group for group in content.groups if content.languages_of(group)):
        for some in _sixes([run for run, _ in scored_families(content, group)]):
            rows = [
                Labelled(
                    language_name(FAMILIES[group], code),
                    tuple(_value(run, group, code, content.paint(run)) for run in some),
                )
                for code in content.languages_of(group)
            ]
            panels.append(_with_key(content, some, charts.bars(FAMILIES[group].title, rows, "points", width)))
    caption = "Points by language; whiskers are 95 % intervals."
    return Figure("bars", "Scores by language", caption, tuple(panels), _legend(content, content.runs), "languages")


def gaps(content: Content, width: float = charts.WIDTH) -> Figure:
    """The mean of the other languages and English, a panel per family."""
    panels = []
    for group in content.groups:
        rows = []
        for run, scored in scored_families(content, group):
            if scored.gap is not None and scored.others is not None:
                english = scored.english.value
                tip = f"{run.name} · {FAMILIES[group].title}\nEnglish {english:.1f}, others {scored.others:.1f}\n"
                tip += f"transfer gap {_written(scored.gap)}"
                rows.append((run.name, scored.others, english, content.paint(run), tip))
        if rows:
            panels.append(charts.dumbbells(FAMILIES[group].title, rows, "points", width))
    caption = "From the mean of the other languages (open) to English (filled): the line is the transfer gap."
    return Figure("gaps", "Transfer gap", caption, tuple(panels), (), "gaps")


def distance(content: Content, width: float = charts.WIDTH) -> Figure:
    """Gain by language against its distance to English, a panel per family and run; axes shared by a family."""
    panels = []
    for group in content.groups:
        found = [(one.run, _placed(content, one.run, one.languages.get(group, {}))) for one in content.comparisons]
        found = [(run, points) for run, points in found if len(points) > 2]
        if not (FAMILIES[group].names_languages and found):
            continue
        values = [point.at.value for _, points in found for point in points]
        spread = max(max(map(abs, values)) * 1.25, 1.0)
        limits = ((0.0, max(point.x for _, points in found for point in points) * 1.06), (-spread, spread))
        for run, points in found:
            title = f"{FAMILIES[group].title} · {run.name}"
            panels.append(
                charts.scatter(title, points, f"{content.measure} distance to English", "gain", limits, width)
            )
    caption = (
        "Points gained by language against its distance to English (0–1, recomputed from URIEL and Glottolog), filled "
        "where the 95 % interval leaves out 0. Intervals longer than the axis are cut. A description, no test: "
        "related languages are not independent. A label without room is left out."
    )
    return Figure("distance", "Gain and distance to English", caption, tuple(panels), (), "gains-by-language")


def training(content: Content, width: float = charts.WIDTH) -> Figure:
    """Training loss, a panel per stage name; a line per run, the mean of its seeds in a band of their range."""
    panels = []
    for role in ("intermediate", "target"):
        for name in dict.fromkeys(stage.name for stage in content.stages if stage.role == role):
            here = [stage for stage in content.stages if (stage.role, stage.name) == (role, name)]
            for some in _sixes([run for run in content.runs if any(stage.run == run.name for stage in here)]):
                lines = [_curve([s for s in here if s.run == run.name], content.paint(run)) for run in some]
                kept = [line for line in lines if line.points]
                if kept:
                    drawn = charts.curves(f"{shortened(name, 20)} ({role})", kept, "step", "training loss", width)
                    panels.append(_with_key(content, some, drawn))
    shown = [run for run in content.runs if any(stage.run == run.name for stage in content.stages)]
    caption = "Training loss, means of windows of steps; a line is the mean of the seeds, its band their range."
    return Figure("training", "Training", caption, tuple(panels), _legend(content, shown), "training")


def _curve(stages: Sequence[Stage], paint: str) -> Curve:
    """Mean and range over seeds, window by window; a seed with fewer windows ends earlier."""
    points, band = [], []
    for window in zip_longest(*(stage.curve for stage in stages)):
        found = [point for point in window if point is not None and math.isfinite(point[1])]
        if found:
            x, losses = simple.fmean(step for step, _ in found), [loss for _, loss in found]
            points.append((x, simple.fmean(losses)))
            band.append((x, min(losses), max(losses)))
    return Curve(paint, tuple(points), tuple(band) if len(stages) > 1 else ())


def _placed(content: Content, run: Run, found: dict[str, Gain]) -> list[Placed]:
    return [
        Placed(content.distances[code], code, _gain(gain, run, content.paint(run)))
        for code, gain in found.items()
        if code != gain.family.spelled("en") and code in content.distances
    ]


def _gain(found: Gain, run: Run, paint: str) -> Value:
    where = language_name(found.family, found.language) if found.language in found.family.languages else ""
    title = " · ".join(filter(None, (run.name, found.family.title, where)))
    half = found.half_width
    spread = f" ± {half:.1f}" if half is not None else f", {too_few(found.units)}"
    tip = f"{title}\n{signed(found.gain)}{spread} (from {found.baseline:.1f} to {found.score:.1f})"
    interval = (found.gain - half, found.gain + half) if half is not None else None
    return Value(found.gain, interval, paint, tip, found.is_clear)


def _value(run: Run, group: str, code: str, paint: str) -> Value | None:
    scored: Scored | None = run.families.get(group)
    if scored is None or code not in scored.languages:
        return None
    found = scored.languages[code]
    tip = f"{run.name} · {scored.family.title} · {language_name(scored.family, code)}\n{_written(found)}"
    return Value(found.value, found.interval, paint, tip)


def _written(found: Estimate) -> str:
    spread = f" ± {found.half_width:.1f}" if found.half_width is not None else ""
    seeds = f"\nseeds {', '.join(f'{value:.1f}' for value in found.by_seed)}" if len(found.by_seed) > 1 else ""
    origin = " (published)" if found.is_published else ""
    return f"{found.value:.1f}{spread}{origin}{seeds}"


def _sixes(shown: Sequence[Run]) -> list[Sequence[Run]]:
    """Runs by as many as there are colours."""
    return [shown[start : start + SERIES] for start in range(0, len(shown), SERIES)]


def _has_keys(content: Content) -> bool:
    """Whether colours repeat, so that every panel needs a legend of its own."""
    return len(content.runs) > SERIES


def _with_key(content: Content, shown: Sequence[Run], panel: Scene) -> Scene:
    if not _has_keys(content):
        return panel
    key = charts.legend([(content.paint(run), shortened(run.name, 24)) for run in shown], panel.width)
    return replace(tile([panel, key], 1, 0.0, panel.label), title=panel.title)


def _legend(content: Content, shown: Sequence[Run]) -> tuple[tuple[str, str], ...]:
    if len(shown) < 2 or _has_keys(content):
        return ()
    return tuple((content.paint(run), run.name) for run in shown)
