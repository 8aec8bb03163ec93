"""The benchmark's own evaluator: a folder of prediction files against a folder of label files → its JSON.

Same layout, readers, metrics, averages and names as `evaluate.py` in google-research/xtreme @ 838c13b;
percentages 0-100. Where that script miscounts in silence or stops with a bare error, this one refuses with
the file and place: a tagged sentence with more or fewer labels than words, a mined pair without two columns,
an answer that is no text, text that is not Unicode. Tags that a task does not have are scored as there, and said.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xstilts_eval import kinds, reading
from xstilts_eval.benchmark import SUITES, Family, Suite
from xstilts_eval.errors import DataError, MissingData, PredictionError, SettingError
from xstilts_eval.kinds import Halves
from xstilts_eval.metrics import tagging
from xstilts_eval.metrics.base import Metric, Scores
from xstilts_eval.metrics.classification import ACCURACY
from xstilts_eval.wording import counted, shortened

log = logging.getLogger("xstilts_eval")
Fault = type[DataError] | type[PredictionError]
Report = dict[str, Any]

_OFFICIAL_NAMES = {"acc": "accuracy", "mrr_at_20": "map@20"}  # the other names are the same on both sides
VERSIONS = {suite.leaderboard: suite for suite in SUITES.values() if suite.leaderboard}
"""The official `--xtreme_version`, and the suite it means."""


def official_name(metric: str) -> str:
    """The evaluator's name of one of our metrics."""
    return _OFFICIAL_NAMES.get(metric, metric)


def file_name(family: Family, language: str) -> str:
    """Name of a language's file inside the task's folder: ``test-sw.tsv``."""
    return f"test-{language}.{SCORERS.of(family.kind).ending}"


def score_predictions(
    predictions: Path, labels: Path, version: str = "xtreme", allow_incomplete: bool = False
) -> Report:
    """Score every task that has a folder `{root}/{task}` with `test-{language}.{tsv,json,jsonl}` on both sides.

    Returns the official evaluator's JSON object, percentages 0-100: group scores first (`all_task` and each
    group only with all their tasks), then one object per task with `metric → language → value`,
    `avg_{metric}` and `avg_metric`. `version` is ``xtreme`` or ``xtreme-r``; the latter never has an
    `all_task`, because LAReQA, one of its tasks, has no prediction files. With `allow_incomplete` a task is
    scored on the languages that both sides have; such a task enters no group score, and a last object,
    `incomplete`, lists the languages each of them lacks. Raises `MissingData` for a folder or language file
    that is not there, `PredictionError` and `DataError` for files that do not fit, `SettingError` for another version.
    """
    if version not in VERSIONS:
        raise SettingError(f"--version {version!r}; allowed: {', '.join(VERSIONS)}")
    suite = VERSIONS[version]
    scored = [family for family in suite.families if family.predictions]
    for root in (predictions, labels):
        if not root.is_dir():
            raise MissingData(f"{root} is not a folder; expected {{root}}/{{task}}/test-{{language}}.tsv below it")
    present = [f for f in scored if (predictions / f.name).is_dir() and (labels / f.name).is_dir()]
    if not present:
        names = ", ".join(family.name for family in scored)
        raise MissingData(f"no task folder is in both {predictions} and {labels}; known tasks: {names}")
    absent = {f: _absent(f, predictions / f.name, labels / f.name) if allow_incomplete else [] for f in present}
    tasks = {
        f.name: _score_task(f, [language for language in f.languages if language not in lacking], predictions, labels)
        for f, lacking in absent.items()
    }
    incomplete = {family.name: lacking for family, lacking in absent.items() if lacking}
    groups = _group_scores({name: report for name, report in tasks.items() if name not in incomplete}, suite)
    return groups | tasks | ({"incomplete": incomplete} if incomplete else {})


def _absent(family: Family, predictions: Path, labels: Path) -> list[str]:
    """Languages without a file on one side; raises `MissingData` where none would be left."""
    names = {language: file_name(family, language) for language in family.languages}
    absent = [
        language
        for language, name in names.items()
        if not ((predictions / name).is_file() and (labels / name).is_file())
    ]
    if len(absent) == len(names):
        raise MissingData(f"no language file of {family.name} is in both {predictions} and {labels}")
    return absent


def _group_scores(tasks: dict[str, Report], suite: Suite) -> dict[str, float]:
    """Plain means of the tasks' `avg_metric`, for the groups that are complete."""
    groups = {"all_task": tuple(family.name for family in suite.families)}
    groups |= {category.value: names for category, names in suite.categories.items()}
    return {
        group: _mean([tasks[name]["avg_metric"] for name in names])
        for group, names in groups.items()
        if tasks.keys() >= set(names)
    }


def _score_task(family: Family, languages: Sequence[str], predictions: Path, labels: Path) -> Report:
    report: Report = {}
    for language in languages:
        name = f"{family.name}/{file_name(family, language)}"
        scores = SCORERS.of(family.kind).score(family, language, predictions / name, labels / name)
        for metric, score in scores.items():
            report.setdefault(official_name(metric), {})[language] = 100 * score
    report |= {f"avg_{metric}": _mean([*values.values()]) for metric, values in report.items()}
    official = [official_name(metric) for metric in family.official]
    report["avg_metric"] = _mean([report[f"avg_{metric}"] for metric in official])
    return report


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _score_lines(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    """Accuracy over lines; an empty line, even the last one, is a line."""
    gold, predicted = lines(labels, DataError), lines(predictions, PredictionError)
    if not gold:
        raise DataError(f"{labels} has no labels")
    if len(gold) != len(predicted):
        raise PredictionError(f"{predictions} has {counted(len(predicted), 'line')}, but {labels} has {len(gold)}")
    return ACCURACY.corpus_score(gold, predicted)


def _score_tags(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    gold, predicted = sentences(labels, DataError), sentences(predictions, PredictionError)
    if len(gold) != len(predicted):
        raise PredictionError(f"{predictions} has {counted(len(predicted), 'sentence')}, but {labels} has {len(gold)}")
    for number, (tags, guess) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(tags) != len(guess):
            place = f"{predictions}, sentence {number}"
            found = f"{counted(len(guess), 'label')} for {counted(len(tags), 'word')}"
            raise PredictionError(f"{place}: {found} (by {labels})")
    _say_strange_tags(family, predictions, predicted)
    return tagging.EVALUATOR_F1.corpus_score(gold, predicted)


def _say_strange_tags(family: Family, path: Path, predicted: Sequence[Sequence[str]]) -> None:
    """One line about tags that the task does not have: they are scored as the official evaluator reads them."""
    strange = Counter(tag for tags in predicted for tag in tags if tag not in (*family.labels, *family.extra_tags))
    if not strange:
        return
    first, _ = next(iter(strange.items()))
    number = next(number for number, line in enumerate(lines(path, PredictionError), start=1) if line == first)
    log.warning(
        "%s, line %d: %r is no tag of %s (%s); %d such tags are scored as the official evaluator reads them: a chunk's "
        "type is what follows the last hyphen, its place in the chunk the first letter",
        path,
        number,
        first,
        family.title,
        " ".join((*family.labels, *family.extra_tags)),
        strange.total(),
    )


def _metric(family: Family, language: str) -> Metric[Any, Any]:
    found = family.scoring.metric(language)
    if isinstance(found, str):
        raise SettingError(f"{family.title} has no single metric, so the evaluator cannot score it: {found}")
    return found


def _score_pairs(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    gold, predicted = pairs(labels, DataError), pairs(predictions, PredictionError)
    metric = _metric(family, language)
    return metric.score(metric.statistics(gold, predicted))


def _score_answers(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    """Exact match and F1 over the gold questions; an unanswered one scores 0, other answers do not count."""
    metric = _metric(family, language)
    answers = _json(predictions, PredictionError)
    if not isinstance(answers, dict) or "data" in answers:
        raise PredictionError(f"{predictions} must be one JSON object: question id → answer text")
    total = [0.0, 0.0, 0.0]
    for id_, gold in gold_answers(labels):
        if not gold:
            raise DataError(f"{labels}, question {id_}: no gold answers, nothing to score against")
        answer = answers.get(id_)
        if id_ in answers and not isinstance(answer, str):
            raise PredictionError(f"{predictions}, question {id_}: the answer must be text, got {answer!r}")
        row = (0.0, 0.0, 1.0) if answer is None else metric.statistics(gold, answer)
        total = [a + b for a, b in zip(total, row, strict=True)]
    if not total[-1]:
        raise DataError(f"{labels} has no questions")
    return metric.score(total)


def _score_choices(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    """Accuracy over JSON lines with a whole number `label`."""
    gold, predicted = _labels(labels, DataError), _labels(predictions, PredictionError)
    if not gold:
        raise DataError(f"{labels} has no labels")
    if len(gold) != len(predicted):
        raise PredictionError(f"{predictions} has {counted(len(predicted), 'line')}, but {labels} has {len(gold)}")
    return ACCURACY.corpus_score(gold, predicted)


def _labels(path: Path, fault: Fault) -> list[str]:
    found = []
    for number, line in enumerate(lines(path, fault), start=1):
        row = reading.parse_json(line, path, number, fault)
        try:
            label = row["label"]
        except (KeyError, TypeError, IndexError) as error:
            raise fault(f'{path}, line {number}: expected {{"label": 0}}, got {line!r}') from error
        if not isinstance(label, int) or isinstance(label, bool):
            raise fault(f"{path}, line {number}: the label must be a whole number, got {label!r}")
        found.append(str(label))
    return found


def _score_rankings(family: Family, language: str, predictions: Path, labels: Path) -> Scores:
    """Reciprocal rank over the gold mentions; one without predictions scores 0, other predictions do not count."""
    gold, ranked = _rankings(labels, DataError), _rankings(predictions, PredictionError)
    for name, entities in gold.items():
        if len(entities) != 1:
            raise DataError(f"{labels}, mention {name}: one entity is right, got {len(entities)}")
    if not gold:
        raise DataError(f"{labels} has no mentions")
    right = [[entity.strip() for entity in entities] for entities in gold.values()]
    return _metric(family, language).corpus_score(right, [ranked.get(name, []) for name in gold])


def _rankings(path: Path, fault: Fault) -> dict[str, list[str]]:
    content = _json(path, fault)
    if not isinstance(content, dict):
        raise fault(f"{path} must be one JSON object: mention id → list of entity ids")
    for name, entities in content.items():
        if not isinstance(entities, list) or not all(isinstance(one, str) for one in entities):
            raise fault(f"{path}, mention {name}: expected a list of entity ids, got {entities!r}")
    return content


class Scorer(NamedTuple):
    """How the evaluator scores two files of one language, and what their names end in."""

    score: Callable[[Family, str, Path, Path], Scores]
    ending: str = "tsv"


SCORERS: Halves[Scorer] = Halves("rule of the official evaluator")
SCORERS.register(kinds.PAIR, Scorer(_score_lines))
SCORERS.register(kinds.BITEXT, Scorer(_score_lines))
SCORERS.register(kinds.TAGGED, Scorer(_score_tags))
SCORERS.register(kinds.QUESTION, Scorer(_score_answers, "json"))
SCORERS.register(kinds.MINING, Scorer(_score_pairs))
SCORERS.register(kinds.CHOICE, Scorer(_score_choices, "jsonl"))
SCORERS.register(kinds.RANKING, Scorer(_score_rankings, "json"))


def _text(path: Path, fault: Fault) -> str:
    if not path.is_file():
        raise MissingData(
            f"{path} is missing: a task that has a folder needs a file for each of its languages; "
            "--allow-incomplete scores the others"
        )
    try:
        return path.read_text(encoding="utf-8-sig")  # a byte order mark is no part of the first label
    except UnicodeDecodeError as error:
        raise fault(f"{path} is not UTF-8 text: {error}") from error


def lines(path: Path, fault: Fault) -> list[str]:
    """Lines without outer whitespace, parted by line ends only: `splitlines` also cuts at form feeds."""
    found = _text(path, fault).split("\n")
    return [line.strip() for line in (found if found[-1] else found[:-1])]


def sentences(path: Path, fault: Fault) -> list[list[str]]:
    """Labels by sentence; every blank line ends one, so two in a row make an empty sentence."""
    found, current = [], []
    for line in lines(path, fault):
        if line:
            current.append(line)
        else:
            found.append(current)
            current = []
    return [*found, current] if current else found


def pairs(path: Path, fault: Fault) -> set[tuple[str, str]]:
    """(Foreign id, English id) of every line; raises `fault` for a line without two columns."""
    found = set()
    for number, line in enumerate(lines(path, fault), start=1):
        columns = line.split("\t")
        if len(columns) != 2:
            raise fault(f"{path}, line {number}: expected 'foreign id TAB English id', got {line!r}")
        found.add((columns[0], columns[1]))
    return found


def _json(path: Path, fault: Fault) -> Any:
    return reading.parse_json(_text(path, fault), path, fault=fault)


def gold_answers(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(question id, gold answers) of a SQuAD-style file, with or without the outer `data`; raises `DataError`."""
    content = _json(path, DataError)
    try:
        for article in content["data"] if isinstance(content, dict) else content:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    texts = [answer["text"] for answer in question["answers"]]
                    if not all(isinstance(text, str) for text in (question["id"], *texts)):
                        raise DataError(
                            f"{path}: ids and answers must be texts, got {shortened(str((question['id'], *texts)))}"
                        )
                    yield question["id"], texts
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not in the SQuAD format: {error!r}") from error
