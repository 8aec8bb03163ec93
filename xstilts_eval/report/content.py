"""Everything a report shows, gathered once; tables and figures only arrange it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts_eval import language_distances
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import SettingError
from xstilts_eval.figures.scene import SERIES
from xstilts_eval.languages import languages, resource_classes
from xstilts_eval.report import comparison, examples, training
from xstilts_eval.report.comparison import Comparison
from xstilts_eval.report.examples import Changed
from xstilts_eval.report.training import Stage
from xstilts_eval.results import entity_types, scored
from xstilts_eval.results.entity_types import EntityType
from xstilts_eval.results.scored import Run
from xstilts_eval.results.sides import ZOO
from xstilts_eval.zoo import sides

Types = Mapping[str, Mapping[str, Sequence[EntityType]]]
"""Entity types by group and language."""
NO_BASELINE = "none"
"""`--baseline none`: scores alone, no gains."""


@dataclass(frozen=True)
class Content:
    """`why_no_gains` is a sentence where `comparisons` is empty; `warnings` stand on top of the page.

    `marked` are (run, group) whose scores cannot stand beside those of the other runs; `distances` are those to
    English by language, in the `measure` asked for. `types` are the entity types by run.
    `pages` are those of single runs, by name, where there are any, `examples` documents that runs answer otherwise than
    the baseline. `made` says when and by which command.
    """

    runs: tuple[Run, ...]
    baseline: Run | None
    comparisons: tuple[Comparison, ...]
    why_no_gains: str
    marked: frozenset[tuple[str, str]]
    warnings: tuple[str, ...]
    stages: tuple[Stage, ...]
    measure: str
    distances: dict[str, float]
    types: dict[str, Types]
    pages: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Changed, ...] = ()
    made: str = ""

    @property
    def is_sample(self) -> bool:
        return self.runs[0].is_sample

    @property
    def groups(self) -> list[str]:
        """Families that any run has, in the benchmark's order."""
        return [group for group in FAMILIES if any(group in run.families for run in self.runs)]

    @property
    def limits(self) -> str:
        """A sentence about runs of the first documents only; empty when all are whole."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            if run.limits:
                found.setdefault(" or ".join(f"{limit:g}" for limit in run.limits), []).append(run.name)
        parts = [f"{limit} in {'every run' if len(names) == len(self.runs) else ', '.join(names)}"
                 for limit, names in found.items()]  # fmt: skip
        return f"Limited to the first documents of every task: {'; '.join(parts)}." if parts else ""

    def languages_of(self, group: str) -> list[str]:
        """Languages that any run has scored in a family, English first, then in the benchmark's order."""
        found = {code for run in self.runs if group in run.families for code in run.families[group].languages}
        family = FAMILIES[group]
        return sorted(found, key=lambda code: (code != family.spelled("en"), family.languages.index(code)))

    def paint(self, run: Run) -> str:
        """The role of a run's colour: the baseline's, or one of the series, which repeat."""
        if run is self.baseline:
            return "base"
        return f"s{[one for one in self.runs if one is not self.baseline].index(run) % SERIES}"


def gather(
    given: Sequence[str],
    inner: Sequence[str] = ("eval",),
    baseline: str | None = None,
    measure: str = "syntactic",
    say: Callable[[str], None] = lambda _: None,
    only: Collection[str] | None = None,
    sources: Sequence[str] = (),
    most_examples: int = 0,
) -> Content:
    """Read runs and models of the zoo, compare runs with the baseline (default: the first), look for their training.

    `only` names the leaves that are wanted. Of every task `most_examples`
    gained and lost documents are kept. Raises `PredictionError`, `NumericError`, `MissingData` for results that
    cannot be read or shown together.
    """
    distances = language_distances.to_english(measure)
    given = list(dict.fromkeys(given))
    if baseline not in (None, NO_BASELINE):
        first = next((text for text in given if _same(text, str(baseline))), str(baseline))
        if first.partition("=")[2].startswith(ZOO) or first.startswith(ZOO):
            raise SettingError(
                f"--baseline {baseline}: published scores have no samples, so nothing is a gain over them; xstilts "
                "compare gives the differences"
            )
        given = [first, *(text for text in given if text != first)]
    found = scored.read(given, inner, lambda model: sides.read(model, sources=sources, only=only), only)
    measured = [one for one in found if not one.is_published]
    reference = None if baseline == NO_BASELINE or len(measured) < 2 else measured[0]
    compared = comparison.compare(reference, measured, say) if reference else []
    stages, problems = training.read(measured)
    apart = scored.apart(found)
    warnings = [f"{one.why}; marked †, not comparable." for one in apart]
    warnings += [f"{one.run.name}: {_sentence(refusal)}" for one in compared for refusal in one.refusals]
    changed: list[Changed] = []
    for one in compared if most_examples else ():
        assert reference is not None  # it is what was compared with
        documents, missing = examples.read(reference, one.run, most_examples)
        changed += documents
        warnings += [_sentence(sentence) for sentence in missing]
    return Content(
        runs=tuple(found),
        baseline=reference,
        comparisons=tuple(one for one in compared if one.families),
        why_no_gains=_why(found, reference, compared),
        marked=frozenset((one.run, one.group) for one in apart),
        warnings=(*warnings, *problems),
        stages=tuple(stages),
        measure=measure,
        distances=distances,
        types={run.name: types for run in found if (types := _types(run))},
        examples=tuple(changed),
    )


def _types(run: Run) -> Types:
    """The entity types of a run's tagged datasets, each the mean over its seeds."""
    found: dict[str, dict[str, list[Sequence[EntityType]]]] = {}
    for by_seed, place in ((run.results[seed][part], by_inner[seed])
                           for part, by_inner in enumerate(run.folders.values()) for seed in run.seeds):  # fmt: skip
        for group, by_language in entity_types.of_run(place, by_seed).items():
            for language, rows in by_language.items():
                found.setdefault(group, {}).setdefault(language, []).append(rows)
    return {
        group: {language: entity_types.over_seeds(seeds) for language, seeds in by_language.items()}
        for group, by_language in found.items()
    }


def _same(text: str, wanted: str) -> bool:
    """Whether a run given as PATH or NAME=PATH is the one meant, by name or path."""
    name, sign, path = text.partition("=")
    candidates = [text, name, path] if sign else [text]
    return wanted in candidates or any(Path(one).absolute() == Path(wanted).absolute() for one in candidates if one)


def _why(found: Sequence[Run], reference: Run | None, compared: Sequence[Comparison]) -> str:
    if any(one.families for one in compared):
        return ""
    if sum(not one.is_published for one in found) < 2:
        return "No gains: one run only. Give a baseline and the runs to compare with it."
    if reference is None:
        return "No gains: no baseline was asked for."
    return f"No gains: no run could be compared with {reference.name}; the reasons stand above."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


GROUPINGS = ("family", "script", "resource class")
"""What languages are grouped by, in the order of `kin`."""
UNKNOWN = "~"
"""The group of a language of which it is not known; it stands behind all others."""


def kin(code: str) -> tuple[str, str, str]:
    """Family, script and resource class (Joshi et al. 2020) of a language, each `UNKNOWN` where it is not known."""
    known = languages().get(code)
    if known is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return known.family or UNKNOWN, known.script or UNKNOWN, str(resource_classes().get(code, UNKNOWN))


def language_name(family: Family, code: str) -> str:
    """English name of a language; of a pair of `bitext_tatoeba` the three-letter code."""
    known = languages().get(code)
    return known.name if known and family.names_languages else code
