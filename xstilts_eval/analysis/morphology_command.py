"""`xstilts analyze morphology`: options, tokenizers, table and picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group, RenderableType

from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xstilts_eval.analysis.morphology import Measured, MorphologyReport

LABELS = {"c_wals": "C_WALS (0–1)", "mattr": "moving-average type–token ratio", "type_token": "type–token ratio",
          "entropy": "entropy of words (bits)", "ud_features": "features per word (PUD)"}  # fmt: skip


def morphology(
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language, score, outcome."),
    subword: str = typer.Option(..., help="Model (with --table) or run: of sub-words, or the only one."),
    byte: str | None = typer.Option(None, help="Model or run of bytes, compared with it language by language."),
    baseline: Path | None = typer.Option(None, help="With runs: the sub-word model's run without intermediate stage."),
    byte_baseline: Path | None = typer.Option(None, help="With runs: the same of the byte model."),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    outcome: str | None = typer.Option(None, help="gain, gap or score; default gain with a baseline, else score."),
    family: str | None = typer.Option(None, help="Benchmark, e.g. xnli; needed where several were scored."),
    by: str = typer.Option(
        "c_wals", help="c_wals; of parallel text: mattr, type_token, entropy; of treebanks: ud_features."
    ),
    size: str = typer.Option("mc4", help="Corpus the models were pre-trained on: cc100, mc4 or wikipedia."),
    texts: Path | None = typer.Option(None, help="Folder of parallel text (FLORES) for word forms and tokenizers."),
    treebanks: Path | None = typer.Option(None, help="Folder of Universal Dependencies with PUD, for ud_features."),
    tokenizer: list[str] = typer.Option([], help="NAME=FOLDER; fertility and premium; the first one is held fixed."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """Morphological complexity against transfer, for one model or for a byte model against a sub-word model."""
    from xstilts_eval.analysis import morphology as analysis
    from xstilts_eval.analysis import observations
    from xstilts_eval.analysis.publish import publish

    if tokenizer and texts is None:
        raise SettingError("--tokenizer needs --texts, the parallel text to cut")
    if by == "ud_features" and treebanks is None:
        raise SettingError("--by ud_features needs --treebanks, a folder with PUD treebanks")
    if treebanks and not treebanks.is_dir():
        raise MissingData(f"{treebanks} does not exist; give a folder with PUD treebanks")

    def rows_of(name: str, base: Path | None) -> list[observations.Observation]:
        if table:
            rows = observations.from_table(observations.read_table(table))
        else:
            rows = observations.from_runs(Path(name), base, inner, family)
        wanted = outcome or ("gain" if base or any(row.outcome == "gain" for row in rows) else "score")
        if wanted not in observations.OUTCOMES:
            raise SettingError(f"unknown outcome {wanted!r}; known: {', '.join(observations.OUTCOMES)}")
        return observations.select(rows, wanted, family, name if table else None)

    arms = [rows_of(subword, baseline), *([rows_of(byte, byte_baseline)] if byte else [])]
    found: Sequence[Any] = analysis.differences(*arms) if byte else arms[0]
    languages = [row[0].language if isinstance(row, tuple) else row.language for row in found]
    measures = _measure([code for code in languages if code not in ("en", "avg")], texts, tokenizer)
    if treebanks:
        measures = {
            code: replace(m, ud_features=analysis.from_treebanks(treebanks, code)) for code, m in measures.items()
        }
    first = tokenizer[0].partition("=")[0] if tokenizer else None
    report = analysis.analyse(found, measures, by, size, first, analysis.baselines(*arms))
    compared = [(subword, baseline), *([(byte, byte_baseline)] if byte else [])]
    lacking = [] if table else [observations.left_out(Path(name), base, inner, family) for name, base in compared]
    report = replace(report, notes=(*(line for lines in lacking for line in lines), *report.notes))
    publish(report, show(report), lambda: draw(report), output, "morphology", overwrite)


def _measure(languages: Sequence[str], texts: Path | None, tokenizers: Sequence[str]) -> dict[str, Measured]:
    from xstilts_eval.analysis import morphology as analysis
    from xstilts_eval.analysis import representations

    if texts is None:
        return {language: analysis.measure(language) for language in languages}
    parallel: dict[str, list[str]] = {}
    for language in ["en", *languages]:
        try:
            parallel |= representations.parallel_texts(texts, [language], 1_000_000)
        except MissingData:
            if language == "en":
                raise
    measures = {language: analysis.measure(language, parallel.get(language, ())) for language in languages}
    for text in tokenizers:
        name, sign, folder = text.partition("=")
        if not sign:
            raise SettingError(f"cannot read --tokenizer {text!r}; write NAME=FOLDER")
        cut = _tokenizer(Path(folder))
        measures = {code: _cut(one, name, cut, parallel) for code, one in measures.items()}
    return measures


def _tokenizer(folder: Path) -> Callable[[str], Sequence[str]]:
    from transformers import AutoTokenizer

    if not folder.is_dir():
        raise MissingData(f"{folder} does not exist; give a folder with a tokenizer")
    loaded = AutoTokenizer.from_pretrained(folder)

    def cut(text: str) -> Sequence[str]:
        pieces: list[str] = loaded.tokenize(text)
        return pieces

    return cut


def _cut(
    measured: Measured, name: str, cut: Callable[[str], Sequence[str]], parallel: dict[str, list[str]]
) -> Measured:
    from xstilts_eval.analysis import complexity
    from xstilts_eval.analysis import morphology as analysis

    texts = parallel.get(measured.language)
    if not texts:
        return measured
    premium = complexity.premium(texts, parallel["en"], lambda text: len(cut(text)))
    changed = replace(measured, premium={**measured.premium, name: premium})
    words = analysis.words_of(texts) if measured.language not in complexity.UNSPACED else []
    if not words:
        return changed
    found = complexity.cutting(words, cut)
    return replace(
        changed,
        fertility={**measured.fertility, name: found.fertility},
        continuation={**measured.continuation, name: found.continuation},
    )


def show(report: MorphologyReport) -> Group:
    """Languages by complexity, correlations, regression."""
    from xstilts_eval.analysis import text

    measures = {one.language: one for one in report.measures}
    names = list(dict.fromkeys(name for one in report.measures for name in one.premium))
    header = ("language", "family", "value", "±", report.by, f"log10 {report.size}",
              *(f"{what} {name}" for name in names for what in ("fertility", "split", "premium")))  # fmt: skip
    rows = []
    for row in report.rows:
        one = measures[row.language]
        cells = [part.get(name) for name in names for part in (one.fertility, one.continuation, one.premium)]
        rows.append((row.language, row.family, f"{row.value:+.2f}", text.number(row.half_width),
                     f"{row.complexity:.3f}", text.number(row.log_size), *map(text.number, cells)))  # fmt: skip
    parts: list[RenderableType] = [
        f"{report.outcome} of {report.models[0]} on {report.benchmark} (points) against {report.by}",
        *([report.level.conclusion] if report.level else []), "",
        terminal_table(header, rows), "",
        f"rho {text.interval(report.spearman)}, p {p_value(report.spearman.p)}; r {text.interval(report.pearson)}, n "
        f"{report.pearson.n}",
    ]  # fmt: skip
    if report.partial:
        parts.append(
            f"with log10 {report.size} held fixed: r {text.interval(report.partial)}, p {p_value(report.partial.p)}"
        )
    if report.premium:
        parts.append(f"premium: rho {text.interval(report.premium)}, p {p_value(report.premium.p)}")
    if report.regression:
        parts += ["", text.regression(report.regression)]
    if report.level:
        parts += ["", *text.level(report.level)]
    if report.level_regression:
        parts += ["", text.regression(report.level_regression)]
    if report.moran:
        parts.append(f"Moran's I of the residuals: {report.moran.estimate:.3f}, p {p_value(report.moran.p)}")
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *(f"- {note}" for note in report.notes), *left)


def draw(report: MorphologyReport) -> Figure:
    """The value (or D_l) against complexity, and where there are two models their scores language by language."""
    from xstilts_eval.analysis import figures

    pairs = [row for row in report.rows if row.subword is not None and row.byte is not None]
    colours = figures.colour_of([row.family for row in report.rows])
    height = max(4.2, 0.15 * len(pairs))
    with figures.drawing(4.6 * (2 if pairs else 1), height, ncols=2 if pairs else 1, squeeze=False) as (figure, axes):
        axis = axes[0][0]
        for row in report.rows:
            colour = colours[row.family]
            axis.errorbar(row.complexity, row.value, yerr=row.half_width, fmt="o", color=colour, elinewidth=0.9)
        if pairs or report.outcome == "gain":
            axis.axhline(0, color="#555555", linewidth=0.8)
        axis.set_xlabel(LABELS[report.by])
        axis.set_ylabel(f"{report.models[0]}: {report.outcome} (points)")
        rho = report.spearman
        title = f"ρ = {rho.estimate:.2f} [{rho.low:.2f}, {rho.high:.2f}], n {rho.n}"
        axis.set_title(f"{title}\n{report.level.short}" if report.level else title)
        axis.margins(x=0.08)
        figures.legend(axis, colours)
        xs, ys = [row.complexity for row in report.rows], [row.value for row in report.rows]
        figures.label_points(axis, xs, ys, [row.language for row in report.rows])
        for place, row in enumerate(pairs):
            axes[0][1].plot([row.subword, row.byte], [place, place], color="#bbbbbb", zorder=1)
            axes[0][1].plot(row.subword, place, "o", color=figures.COLOURS[0], markersize=8, fillstyle="none",
                            label="sub-words" if not place else None)  # fmt: skip
            axes[0][1].plot(row.byte, place, "s", color=figures.COLOURS[1], markersize=4,
                            label="bytes" if not place else None)  # fmt: skip
        if pairs:
            axes[0][1].set_yticks(
                range(len(pairs)), [f"{row.language} {row.complexity:.2f}" for row in pairs], fontsize=7
            )
            axes[0][1].set_xlabel(f"{report.outcome} (points)")
            axes[0][1].set_title(f"by {LABELS[report.by]}, highest on top")
            axes[0][1].legend()
        figure.suptitle(f"{report.benchmark} · {len(report.rows)} languages", x=0.01, ha="left", fontsize=10)
        return figure
