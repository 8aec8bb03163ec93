"""One check of everything registered: each dataset says, for every language, all that the package asks of it.

A fault names the dataset, the language and what is missing. The second half takes one thing away at a time and wants to
see the name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from lm_eval import evaluate
from lm_eval.api.model import LM

from tests.host_results import host_results
from tests.registering import registered
from xstilts_eval import kinds, suites
from xstilts_eval.data import archives, examples, flores, hub, sources
from xstilts_eval.data.ranking import Pool
from xstilts_eval.datasets._dataset import SPLITS, Dataset, Text
from xstilts_eval.errors import MissingData, UnknownName
from xstilts_eval.paths import tasks_path
from xstilts_eval.results import official, record
from xstilts_eval.results.signature import Signature
from xstilts_eval.tasks import documents, generate
from xstilts_eval.tasks.leaf import LeafTask
from xstilts_eval.training_tasks import TRAINING_TASKS

DOCUMENTS = 3
Doc = Any
Fault = Iterator[str]


# --- items on the spot, by kind: a new kind is one line here


def _tag(dataset: Dataset, n: int) -> str:
    """A tag that starts a chunk."""
    tags = [tag for tag in dataset.labels if tag != dataset.filler and not tag.startswith("I-")]
    return tags[n % len(tags)]


def _lines(dataset: Dataset, language: str, n: int) -> examples.Translation:
    source, target = flores.languages_of(dataset, language)
    return examples.Translation(str(n), f"Satz {n} hier.", f"Sentence {n} over there.", source, target, f"article {n}")


def _bitext(dataset: Dataset, language: str, n: int) -> Any:
    line = _lines if dataset.is_line_by_line else lambda *_: examples.Bitext(str(n), f"Satz {n}", f"Sentence {n}")
    return line(dataset, language, n)


def _corpus(dataset: Dataset, language: str, n: int) -> examples.Corpus:
    numbers = range(DOCUMENTS)
    gold = frozenset((f"{language}-{one}", f"en-{one}") for one in numbers)
    source, target = ({f"{code}-{one}": f"{code} {one}" for one in numbers} for code in (language, "en"))
    return examples.Corpus(language, source, target, gold)


def _text(dataset: Dataset, language: str, n: int) -> Any:
    return dataset.kind.example(str(n), f"Text {n}.", n % len(dataset.labels))


ITEMS: Mapping[str, Callable[[Dataset, str, int], Any]] = {
    "pair": lambda dataset, _, n: examples.Pair(str(n), f"P {n}.", f"H {n}.", n % len(dataset.labels)),
    "text": _text,
    "tagged": lambda dataset, _, n: examples.Tagged(str(n), ("Anna", "lives"), (_tag(dataset, n),) * 2),
    "question": lambda dataset, _, n: examples.Question(
        str(n), f"It is place{n} here.", "Where?", (examples.Answer(f"place{n}", 6),), f"passage {n}"
    ),
    "choice": lambda dataset, _, n: examples.Choice(
        str(n), f"It rained {n}.", ("cause", "effect")[n % 2], tuple(f"Option {one}." for one in "abcd")[: 2 + n], n % 2
    ),
    "bitext": _bitext,
    "mining": _corpus,
    "ranking": lambda dataset, _, n: examples.Query(str(n), f"Q {n}", (f"c{n}",), f"passage {n}"),
    "translation": _lines,
}


def _loaded(dataset: Dataset, language: str, split: str, folder: Path) -> sources.Loaded:
    count = 1 if dataset.kind is kinds.MINING else DOCUMENTS
    items = tuple(ITEMS[dataset.kind.name](dataset, language, number) for number in range(count))
    return sources.Loaded(items, (), "0" * 12, split, False, ())


@pytest.fixture
def on_the_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data folders hold made-up items of every dataset, whatever the language."""
    ids = tuple(f"c{number}" for number in range(DOCUMENTS))
    monkeypatch.setattr(sources, "load", _loaded)
    monkeypatch.setattr(sources, "pool", lambda *_: Pool(ids, ids, {}, "0" * 12))


def _run_language(dataset: Dataset, language: str) -> str:
    """The language as a run has it: of a pair, any two."""
    return "deu_Latn-fra_Latn" if dataset.takes_a_pair else language


def _data(dataset: Dataset, language: str, folder: Path = Path("made up")) -> documents.LeafData:
    load: Any = vars(documents._load)["__wrapped__"]  # nothing made up stays in its cache
    found: documents.LeafData = load(dataset, _run_language(dataset, language), folder, "local", "test")
    return found


# --- the template as the host reads it


@dataclass(frozen=True)
class Template:
    """A template's functions; `conversation` where it has its own for chats."""

    content: Doc

    @property
    def conversation(self) -> Doc:
        found: Doc = self.content["metadata"].get("xs_conversation", {})
        return found

    @property
    def aggregations(self) -> dict[str, Callable[..., Any]]:
        return {one["metric"]: one["aggregation"] for one in self.content["metric_list"]}


class _Loader(yaml.SafeLoader):
    """Imports the functions that a template names, as the host does."""


def _imported(_: Any, node: yaml.ScalarNode) -> Any:
    module, _, name = str(node.value).rpartition(".")
    return getattr(importlib.import_module(module), name)


_Loader.add_constructor("!function", _imported)


@cache
def _template(dataset: Dataset) -> Template:
    return Template(yaml.load(dataset.template(), _Loader))


# --- what a language must have


def _of_size(dataset: Dataset, language: str) -> Fault:
    given = dataset.data.sizes.get("test", {})
    code = dataset.codes(language)[dataset.data.sizes_by]
    if code not in given and "*" not in given:
        yield "no official size of test; write None where it is not known"
    size = dataset.data.size("test", code)
    if size is not None and size <= 0:
        yield f"an official size of {size}"


def _of_files(dataset: Dataset, language: str) -> Fault:
    if "test" not in dataset.data.files:
        yield "no files of test"
    for split, alternatives in dataset.data.files.items():
        if not alternatives and not dataset.is_line_by_line:
            yield f"no files of {split}"
        for name in (name for names in alternatives for name in names):
            try:
                name.format(**dataset.codes(language))
            except (KeyError, IndexError) as error:
                yield f"the file {name} has a placeholder that is none: {error}"


def _of_origins(dataset: Dataset, language: str) -> Fault:
    """A plan whose files the walker will find, or a sentence."""
    for what, ask in (("hub", _hub_paths), ("archives", _archive_paths)):
        for split in SPLITS:
            try:
                paths = ask(dataset, language, split)
            except MissingData as error:
                if not str(error):
                    yield f"no reason why {what} has no {split}"
                continue
            except (KeyError, IndexError, UnknownName, re.error) as error:
                yield f"no plan for {what}, {split}: {error!r}"
                continue
            codes = dataset.codes(language)
            known = {name.format(**codes) for names in dataset.data.files.get(split, ()) for name in names}
            if stray := [path for path in paths if known and path not in known and dataset.data.search == "names"]:
                yield f"{what} puts {split} where nobody looks: {stray[0]}"


def _hub_paths(dataset: Dataset, language: str, split: str) -> list[str]:
    plan = hub.plan(dataset, language, split)
    for pattern in plan.patterns.values():
        re.compile(pattern)
    return list(plan.paths)


def _archive_paths(dataset: Dataset, language: str, split: str) -> list[str]:
    wanted = archives.archives(dataset, language, split)
    for one in wanted:
        re.compile(one.member or "")
    return [one.path for one in wanted if "\\" not in one.path]


def _of_signature(dataset: Dataset, language: str) -> Fault:
    leaf = dataset.leaf(language)
    metric = dataset.scoring.signature(_run_language(dataset, language))
    results = host_results({leaf: dict.fromkeys(dataset.official, 0.5)})
    results["configs"][leaf]["metadata"]["xs_metric"] = metric
    text = record.from_host(results).leaves[0].signature
    parsed = Signature.parse(text)
    if str(parsed) != text or Signature.parse(str(parsed)) != parsed:
        yield f"a signature that does not come back as it was written: {text}"
    if parsed.metric != metric:
        yield f"the metric {metric!r}, which a signature gives back as {parsed.metric!r}"


def _of_yaml(dataset: Dataset, language: str) -> Fault:
    path = tasks_path() / dataset.suite / dataset.name / f"{dataset.name}_{language}.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != generate.leaf_yaml(dataset, language):
        yield "no YAML file, or an old one; run python -m xstilts_eval.tasks.generate"


def _of_prompt(dataset: Dataset, language: str) -> Fault:
    """Text and choices of every document, as running text and as a conversation; sentences are embedded as they are."""
    template = _template(dataset)
    for doc in _data(dataset, language).documents:
        try:
            text, options = _asked(template, doc)
            turn, answers = _asked(template, doc, template.conversation)
        except (KeyError, UnknownName) as error:
            yield f"no prompt: {error}"
            return
        if not isinstance(text, str) or text != text.rstrip():
            yield f"a prompt that is no text or ends in a blank: {text!r}"
        if dataset.kind.request == "embed":
            continue
        if not turn.strip():
            yield "nothing to say in the user's turn; name a question and its answers for conversations"
        for choices in (options, answers):
            if choices is not None and len(set(choices)) != (len(dataset.labels) or len(choices)):
                yield f"{len(dataset.labels) or 'some'} labels, but the choices {choices}"
        labels = len(options) if options is not None else 0
        if options is not None and not 0 <= template.content["doc_to_target"](doc) < labels:
            yield "a gold choice that is none of the choices"


def _asked(template: Template, doc: Doc, instead: Mapping[str, Any] = {}) -> tuple[str, list[str] | None]:
    functions = {**template.content, **instead}
    of_choices = functions.get("doc_to_choice")
    return functions["doc_to_text"](doc), None if of_choices is None else list(of_choices(doc))


def _of_scores(dataset: Dataset, language: str) -> Fault:
    """Right answers score 1 in every official metric and wrong ones 0, by the template's own functions."""
    template, data = _template(dataset), _data(dataset, language)
    for is_right in (True, False):
        values: dict[str, list[Any]] = {}
        every: Any = data.documents
        for doc in every:
            response = _response(dataset, template, data, doc, is_right)
            process = template.content["process_results"]
            # The shard's gold pairs are not in the document.
            mined = dataset.kind is kinds.MINING
            for name, value in process(data.gold_of_shard(doc) if mined else doc, response).items():
                values.setdefault(name, []).append(value)
        for metric in dataset.official:
            score = template.aggregations[metric](values[metric])
            if score != pytest.approx(float(is_right), abs=1e-12):
                yield f"{metric} {score} for {'right' if is_right else 'wrong'} answers"


def _response(dataset: Dataset, template: Template, data: documents.LeafData, doc: Doc, is_right: bool) -> Any:
    if dataset.kind.request == "multiple_choice":
        _, options = _asked(template, doc)
        gold = template.content["doc_to_target"](doc)
        return [(-1.0 - ((number == gold) is not is_right), False) for number in range(len(options or ()))]
    if dataset.kind.request == "generate_until":
        return [_answer(dataset, template, doc, is_right)]
    found = _neighbours(data, doc, is_right)
    return found if dataset.kind is kinds.MINING else [found]


def _answer(dataset: Dataset, template: Template, doc: Doc, is_right: bool) -> str:
    if is_right:
        return f" {template.content['doc_to_target'](doc)}"
    if dataset.kind is kinds.TAGGED:
        other = next(tag for tag in dataset.labels if tag not in doc["tags"])
        return " ".join(f"{token}_{other}" for token in doc["tokens"])
    return "§"  # in none of the items


def _neighbours(data: documents.LeafData, doc: Doc, is_right: bool) -> Doc:
    if data.corpus is not None:
        return {"pairs": [(one, two if is_right else "en-none", 1.0) for one, two in data.gold_of_shard(doc)]}
    if data.candidates is not None:
        return {"candidates": doc["correct"] if is_right else ["other"]}
    line = doc["gold"] if is_right else doc["gold"] + 1
    return dict.fromkeys(("nearest_target", "margin_target", "nearest_source", "margin_source"), line)


# --- what a dataset must have


def _of_reader(dataset: Dataset) -> Fault:
    if not callable(dataset.data.read) or len(inspect.signature(dataset.data.read).parameters) != 3:
        yield "no reader of (paths, language, split)"


def _of_reasons(dataset: Dataset) -> Fault:
    """Where something cannot be had from says why, in a sentence."""
    for what, given in (("hub", dataset.data.hub), ("archives", dataset.data.archives)):
        for said in [given] if isinstance(given, str) else given.values():
            if isinstance(said, str) and len(said.split()) < 4 and not re.match(r"https?://", said):
                yield f"no reason why {what} does not have it: {said!r}"


def _of_terms(dataset: Dataset) -> Fault:
    if not dataset.data.licence.strip():
        yield "no licence"
    if not re.search(r"\b(19|20)\d\d\b", dataset.data.citation):
        yield f"no citation with a year: {dataset.data.citation!r}"


def _of_scoring(dataset: Dataset) -> Fault:
    scoring = dataset.scoring
    if not scoring.official:
        yield "no official metric"
    for metric in scoring.official:
        for name in (metric, f"{metric}_ci95"):
            if name not in scoring.aggregations and not (name.endswith("_ci95") and len(scoring.official) > 1):
                yield f"no aggregation of {name}"
    if not scoring.units:
        yield "no unit of resampling"
    sizes = {dataset.data.size("test", dataset.codes(code)[dataset.data.sizes_by]) for code in dataset.languages}
    if dataset.parallel and len(sizes - {None}) > 1:
        yield "items that are parallel over languages, and official sizes that differ"
    if dataset.learned and dataset.learned not in TRAINING_TASKS:
        yield f"the training task {dataset.learned}, which there is not"


def _of_documents(dataset: Dataset) -> Fault:
    if dataset.kind.name not in ITEMS:
        yield f"a kind, {dataset.kind.name}, of which this test has no item"
    elif (template := tasks_path() / dataset.suite / dataset.name / "_template") and not dataset.like:
        if not template.is_file() or template.read_text(encoding="utf-8") != generate.template(dataset):
            yield "no template, or an old one; run python -m xstilts_eval.tasks.generate"
        if not template.with_name("README.md").is_file():
            yield "no README"


def _of_export(dataset: Dataset) -> Fault:
    """Files of the leaderboard that the evaluator's rules read, or none."""
    if not dataset.predictions:
        return
    name = official.file_name(dataset, dataset.languages[0])
    if not name.endswith(f".{dataset.predictions}"):
        yield f"prediction files that end in {dataset.predictions}, which the evaluator calls {name}"
    if dataset.kind not in official.SCORERS:
        yield "prediction files that nothing scores"


OF_DATASET = (_of_reader, _of_reasons, _of_terms, _of_scoring, _of_documents, _of_export)
OF_LANGUAGE = (_of_size, _of_files, _of_origins, _of_signature, _of_yaml, _of_prompt, _of_scores)


def faults(dataset: Dataset) -> list[str]:
    """What a dataset lacks, each beginning with its name; of a dataset without its first needs, these alone."""
    found = [f"{dataset.suite}.{dataset.name}: {fault}" for check in OF_DATASET for fault in _tried(check, dataset)]
    if dataset.kind.name in ITEMS:
        found += [
            f"{dataset.leaf(language)}: {fault}"
            for language in dataset.languages
            for check in OF_LANGUAGE
            for fault in _tried(partial(check, language=language), dataset)
        ]
    return found


def _tried(check: Callable[..., Fault], dataset: Dataset) -> list[str]:
    try:
        return list(check(dataset))
    except Exception as error:  # a dataset that breaks a check is named, like one that fails it
        return [f"{type(error).__name__}: {error}"]


@pytest.mark.parametrize("group", list(suites.DATASETS))
@pytest.mark.usefixtures("on_the_spot")
def test_a_registered_dataset_says_everything(group: str) -> None:
    assert faults(suites.DATASETS[group]) == []


# --- through the host, where a dataset is a task in earnest


class _Table(LM):  # type: ignore[misc]
    """Answers everything right, or everything wrong."""

    tokenizer_name = "table"

    def __init__(self, tasks: Mapping[str, LeafTask], is_right: bool) -> None:
        super().__init__()
        self._by_name = tasks
        self._is_right = is_right
        self.turns: list[str] = []

    def _answers(self, requests: Any) -> list[Any]:
        found = []
        for request in requests:
            task = self._by_name[request.task_name]
            response = _response(task.family, _template(task.family), task.data, request.doc, self._is_right)
            found.append(response[request.idx] if request.request_type == "loglikelihood" else response)
        return found

    def loglikelihood(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
        return self._answers(requests)

    def generate_until(self, requests: Any, **_: Any) -> list[str]:
        return [answer for (answer,) in self._answers(requests)]

    def embed(self, requests: Any, **_: Any) -> list[Any]:
        return [one[0] if isinstance(one, list) else one for one in self._answers(requests)]

    def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        self.turns += [turn["content"] for turn in chat_history]
        return "".join(f"<{turn['role']}>{turn['content']}" for turn in chat_history) + "<assistant>"

    def chat_template(self, _: Any = False) -> str:
        return "{{ messages }}"


def _tasks(folder: Path) -> dict[str, LeafTask]:
    """The first language of every dataset, as the host builds it from the template."""
    found = {}
    for dataset in suites.DATASETS.values():
        leaf = dataset.leaf(dataset.languages[0])
        content = dict(yaml.load(dataset.template(), _Loader))
        del content["class"]
        pair = {"source": "deu_Latn", "target": "fra_Latn"} if dataset.takes_a_pair else {}
        content |= {"task": leaf, "dataset_name": dataset.languages[0], "num_fewshot": 0}
        content["metadata"] = {**content["metadata"], "data": str(folder), **pair}
        found[leaf] = LeafTask(content)
    return found


@pytest.mark.parametrize(("is_right", "is_chat"), [(True, False), (False, False), (True, True)])
@pytest.mark.usefixtures("on_the_spot")
def test_the_host_scores_one_and_zero(is_right: bool, is_chat: bool, tmp_path: Path) -> None:
    """Retrieval alone has no conversation; its official scores are the same."""
    tasks = _tasks(tmp_path)
    model = _Table(tasks, is_right)
    results = evaluate(model, {"tasks": tasks}, bootstrap_iters=0, apply_chat_template=is_chat, log_samples=False)
    assert results is not None and len(results["results"]) == len(suites.DATASETS)
    for leaf, task in tasks.items():
        for metric in task.family.official:
            assert results["results"][leaf][f"{metric},none"] == pytest.approx(float(is_right), abs=1e-12), leaf
    assert bool(model.turns) is is_chat and all(map(str.strip, model.turns))


# --- what lacks one thing is named


GOOD = replace(
    suites.DATASETS["xtreme_xnli"],
    suite="mine",
    name="nli",
    title="Mine",
    languages=("en", "sw"),
    data=replace(suites.DATASETS["xtreme_xnli"].data, hub="it is in no repository of the hub"),
)
NOT_GENERATED = "run python -m xstilts_eval.tasks.generate"


def _with(**changed: Any) -> Callable[[], Dataset]:
    """`GOOD` with fields changed, those of its data, scoring and prompt too."""
    of_data = {name: value for name, value in changed.items() if hasattr(GOOD.data, name)}
    of_scoring = {name: value for name, value in changed.items() if hasattr(GOOD.scoring, name) and name != "metrics"}
    own = {name: value for name, value in changed.items() if name not in of_data and name not in of_scoring}
    return lambda: replace(GOOD, data=replace(GOOD.data, **of_data), scoring=replace(GOOD.scoring, **of_scoring), **own)


def _other_kind() -> Dataset:
    kind = object.__new__(kinds.Kind)  # one that is not registered
    for name, value in {**vars(kinds.PAIR), "name": "riddle"}.items():
        object.__setattr__(kind, name, value)
    return replace(GOOD, kind=kind)


@pytest.mark.usefixtures("on_the_spot")
def test_a_complete_dataset_lacks_its_files_alone() -> None:
    with registered(GOOD):
        found = faults(GOOD)
    assert len(found) == 4 and [fault for fault in found if NOT_GENERATED not in fault] == ["mine.nli: no README"]


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (_with(read=lambda path: []), "mine.nli: no reader"),
        (_with(licence=" "), "mine.nli: no licence"),
        (_with(citation="A corpus of ours"), "mine.nli: no citation with a year"),
        (_with(files={"test": ()}), "mine.nli.en: no files of test"),
        (_with(files={"test": (("{code}.tsv",),)}), "mine.nli.en: the file {code}.tsv has a placeholder that is none"),
        (_with(sizes={}), "mine.nli.sw: no official size of test"),
        (_with(sizes={"test": {"en": 10}}), "mine.nli.sw: no official size of test"),
        (_with(sizes={"test": {"en": 10, "sw": 11}}), "mine.nli: items that are parallel over languages"),
        (_with(hub="none"), "mine.nli: no reason why hub does not have it: 'none'"),
        (_with(hub=suites.DATASETS["xtreme_pawsx"].data.hub), "mine.nli.sw: hub puts test where nobody looks: pawsx/"),
        (_with(units=""), "mine.nli: no unit of resampling"),
        (_with(official=()), "mine.nli: no official metric"),
        (_with(aggregations={"acc": "mean"}), "mine.nli: no aggregation of acc_ci95"),
        (
            _with(process="classify"),
            "mine.nli.en: AttributeError: module 'xstilts_eval.tasks.scoring' has no",
        ),
        (_with(process="tatoeba"), "mine.nli.sw: "),
        (_with(metric=lambda _: "acc|model:x"), "mine.nli.en: the metric 'acc|model:x', which a signature gives"),
        (
            _with(prompt=Text({"en": GOOD.prompt.words["en"]}, choices="xnli_choices")),
            "mine.nli.sw: no prompt: unknown",
        ),
        (
            _with(prompt=Text(GOOD.prompt.words, choices="xnli_choices")),
            "mine.nli.en: nothing to say in the user's turn",
        ),
        (_with(labels=("yes", "no"), likely_orders=()), "mine.nli.en: 2 labels, but the choices ["),
        (_with(learned="riddles"), "mine.nli: the training task riddles, which there is not"),
        (
            _with(predictions="json"),
            "mine.nli: prediction files that end in json, which the evaluator calls test-en.tsv",
        ),
        (_other_kind, "mine.nli: a kind, riddle, of which this test has no item"),
    ],
)
@pytest.mark.usefixtures("on_the_spot")
def test_what_lacks_one_thing_is_named(made: Callable[[], Dataset], fault: str) -> None:
    with registered(made()) as dataset:
        found = [one for one in faults(dataset) if NOT_GENERATED not in one and "README" not in one]
    assert any(one.startswith(fault) for one in found), found
