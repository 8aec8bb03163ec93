"""What a dataset says about itself, once: the object behind every module of this package.

A dataset is one benchmark's view of one collection, keyed by (suite, name): its languages, where its files lie and how
they are read, where they can be had, how answers are scored and what a prompt says. Everything else (tasks, results,
tables) reads it off here; a branch on a dataset's name elsewhere is a field that is missing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xstilts_eval.data.converters import Convert
from xstilts_eval.data.files import plain_name
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.kinds import Kind

if TYPE_CHECKING:
    from xstilts_eval.metrics.base import Metric

SPLITS = ("test", "dev", "train")
Alternatives = tuple[tuple[str, ...], ...]
Sizes = Mapping[str, int | None]
Read = Callable[[tuple[Path, ...], str, str], Sequence[Any]]
"""(files, language, split) to examples of the kind."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Category(str, Enum):
    """The groups of the official score tables; `MULTI_CHOICE` is XTREME-R's only."""

    CLASSIFICATION = "classification"
    TAGGING = "tagging"
    QA = "qa"
    RETRIEVAL = "retrieval"
    MULTI_CHOICE = "multi_choice"


@dataclass(frozen=True)
class Repository:
    """A dataset repository; `revision` is a commit sha of 40 hex digits, `seen` the place where it was read."""

    name: str
    revision: str
    seen: str

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.revision):
            raise SettingError(f"{self.name} is pinned to {self.revision!r}; a pin is a commit of 40 hex digits")


@dataclass(frozen=True)
class HubFiles:
    """Files of a hub repository for one split, and the official files they become.

    `pattern` is a regular expression that full-matches paths in the repository; it and `paths` may hold placeholders of
    `Dataset.codes`. `together` says which languages one set of official files holds: each its own, all (fetched
    together), all in rows that one file mixes, or English alone. `besides` are differences of single languages.
    """

    repository: Repository
    pattern: str
    paths: tuple[str, ...]
    convert: Convert
    differences: str
    together: Literal["each", "all", "mixed", "english"] = "each"
    besides: Mapping[str, str] = field(default_factory=dict)

    def said_of(self, language: str) -> str:
        """How the rows of a language differ from the official files."""
        return "; ".join(filter(None, (self.differences, self.besides.get(language))))


@dataclass(frozen=True)
class Archive:
    """One address, and the official path of what is wanted from it; all three texts may hold placeholders.

    `member` is a regular expression that full-matches members of a zip or tar archive, and `path` where they go
    (``\\g<0>`` is the member's own name); without `member` the file itself goes to `path`. `sha256` pins the file.
    """

    url: str
    path: str
    member: str | None = None
    sha256: str | None = None

    def filled(self, codes: Mapping[str, str]) -> Archive:
        """The same with codes in place of placeholders."""
        member = self.member.format(**codes) if self.member else None
        return replace(self, url=self.url.format(**codes), path=self.path.format(**codes), member=member)

    def place(self, name: str) -> str | None:
        """Official path of a member; None for one that is not wanted."""
        found = re.fullmatch(self.member or "", name)
        return found.expand(self.path) if found else None


@dataclass(frozen=True)
class Data:
    """Where a dataset's files lie, how they are read, how large they are and where they come from.

    `archive` is what an error tells the user to get. `files` holds by split alternatives tried in order, each a tuple
    of files that must all be there; placeholders as in `Dataset.codes`. `search` is how they are looked for: by these
    names, as treebanks of a release, or as lines that are parallel over languages. `sizes` are the official numbers of
    rows by split; "*" stands for every language not named, None for one that is not known. `english` are splits that
    exist in English only, `absent` languages without a split. `hub` and `archives` hold by split where to get it, or
    one sentence why it cannot be had there; `hub_lacks` are languages that the hub does not have. `rewritten` says
    that the hub's rows are not what the benchmark scores. `sizes_by` is the placeholder whose code `sizes` go by. Of
    treebanks, `release` is the number of the release, `releases` that of languages from another one, which have
    `release_archives` of their own. `candidates` is the official number of those that all languages share.
    `stripped` names by split a file that XTREME's preprocessing leaves and that cannot be scored, and what it lacks.
    """

    archive: str
    files: Mapping[str, Alternatives]
    read: Read
    licence: str
    citation: str
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    search: Literal["names", "treebanks", "lines"] = "names"
    english: frozenset[str] = frozenset()
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hub: Mapping[str, HubFiles | str] | str = ""
    archives: Mapping[str, tuple[Archive, ...]] | str = ""
    hub_lacks: frozenset[str] = frozenset()
    rewritten: bool = False
    sizes_by: str = "lg"
    release: str = ""
    releases: Mapping[str, str] = field(default_factory=dict)
    release_archives: Mapping[str, Mapping[str, tuple[Archive, ...]]] = field(default_factory=dict)
    candidates: int | None = None
    stripped: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def size(self, split: str, code: str) -> int | None:
        """Official number of rows of a language, by the code that `sizes_by` says; None where it is not known."""
        sizes = self.sizes.get(split, {})
        return sizes[code] if code in sizes else sizes.get("*")


@dataclass(frozen=True)
class Scoring:
    """How answers become numbers.

    `metrics` are the names printed for a task (fractions 0-1), the official score being the mean of `official` (two for
    question answering). `metric` gives the metric in a language, or only a signature where it is made of several.
    `process` names the function of `tasks.scoring` that turns a document and its answers into values, `aggregations`
    the one for each value. `units` is what intervals resample whole, and `statistic` how their sums become the official
    score (`results.statistics`): a mean, a ratio of sums (correct, all), F1 of counts, the mean of classes' F1 weighted
    by their gold counts or plain, F1 of mined pairs, or chrF++. Of a `pooled` dataset the score is the mean over all
    documents, not over its languages. `learned_by` is the metric of a development set while a head is trained
    (`training_tasks.TrainingTask.metric`). `of_document` is the value that says how much of one document is right, ""
    for the official score.
    """

    metrics: tuple[str, ...]
    official: tuple[str, ...]
    metric: Callable[[str], Metric[Any, Any] | str]
    process: str
    aggregations: Mapping[str, str]
    units: str
    statistic: Literal["mean", "ratio", "counts", "weighted_f1", "macro_f1", "pairs", "chrf"] = "mean"
    lower_is_better: frozenset[str] = frozenset()
    pooled: bool = False
    learned_by: str = "accuracy"
    of_document: str = ""

    @property
    def is_sharded(self) -> bool:
        """Whether a sample is no document but a shard of the corpora that are mined, one or more per process."""
        return self.statistic == "pairs"

    def signature(self, language: str) -> str:
        """Everything about the metric that could move a score in a language."""
        found = self.metric(language)
        return found if isinstance(found, str) else found.signature()


@dataclass(frozen=True)
class Mteb:
    """A task of MTEB that measures the very same thing, so that scores may be given to its leaderboard.

    `task` and `revision` are MTEB's, `main` is the metric that it shows, `metrics` are its names of ours. `scripts` are
    those of the languages (ISO 15924), Latin where none is given; `seen` is where all this was read.
    """

    task: str
    revision: str
    main: str
    metrics: Mapping[str, str]
    scripts: Mapping[str, str]
    seen: str

    def tag(self, language: str) -> str:
        """``deu-Latn``."""
        return f"{language}-{self.scripts.get(language, 'Latn')}"


@dataclass(frozen=True)
class Text:
    """What a prompt says: words by language, and functions of `tasks.prompts` where the kind's own do not serve.

    `question` and `answers` are the functions of a conversation, where that reads otherwise than a plain text.
    """

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    choices: str = ""
    target: str = ""
    delimiter: str | None = None
    question: str = ""
    answers: str = ""


@dataclass(frozen=True)
class Dataset:
    """One dataset of one suite; see the module.

    `labels` is the class list (pairs, texts) or the tag set; choice *i* is class *i*. `extra_tags` are read, and never
    right; `filler` stands for a tag that is missing. `parallel` says that items are translations of each other, in the
    same order in every language. `codes` is the standard of the language codes. `learned` is the training task whose
    head serves it, "" where nothing is trained. `lengths` are the tokens of queries and candidates of a dual encoder.
    `predictions` is the ending of its files on the leaderboard, "" where there are none. `column` is its short title in
    wide tables. `likely_orders` are class orders met in public checkpoints. `version` moves whenever a number could.
    `served_by` names datasets whose heads serve it too where it has none of its own. `max_length` is the longest input
    of a head in sub-words, 0 for the kind's own.
    `like` names the suite whose dataset of the same name this one is, in other languages. `english_side` says where
    English stands in lines of two languages, "" where both are named. `mteb` is the same measurement in MTEB.
    """

    suite: str
    name: str
    title: str
    kind: Kind
    languages: tuple[str, ...]
    data: Data
    scoring: Scoring
    category: Category | None = None
    labels: tuple[str, ...] = ()
    extra_tags: tuple[str, ...] = ()
    filler: str = ""
    prompt: Text = Text()
    parallel: bool = False
    code_standard: Literal["xtreme", "laser", "flores", "iso639_3"] = "xtreme"
    learned: str = ""
    lengths: tuple[int, int] | None = None
    predictions: str = ""
    column: str = ""
    likely_orders: tuple[tuple[str, ...], ...] = ()
    version: str = "1.0"
    like: str = ""
    separator: str = "_"
    english_side: Literal["source", "target", ""] = ""
    served_by: tuple[str, ...] = ()
    max_length: int = 0
    mteb: Mteb | None = None

    def __post_init__(self) -> None:
        for what, name in (("suite", self.suite), ("dataset", self.name)):
            if not _NAME.fullmatch(name):
                raise SettingError(f"{what} {name!r}: a name has small letters, digits and _, and begins with a letter")
        self._refuse("has no language", not self.languages)
        for what, values in (("language", self.languages), ("label", self.labels)):
            twice = sorted({value for value in values if values.count(value) > 1})
            self._refuse(f"names the {what} {' '.join(twice)} twice", bool(twice))
        self._refuse("has no labels", self.kind.has_labels and not self.labels)
        lacks_filler = self.kind.by_word and self.filler not in (*self.labels, *self.extra_tags)
        self._refuse("has no filler, a tag for words whose answer cannot be read; give one of its labels", lacks_filler)
        self._refuse(f"has no reader: {self.data.read!r} is no function", not callable(self.data.read))
        self._refuse("names no files of the split test", "test" not in self.data.files and self.data.search == "names")
        strange = sorted({label for order in self.likely_orders for label in order} - {*self.labels})
        self._refuse(f"names the label {' '.join(strange)}, which it does not have", bool(strange))
        unknown = [name for name in self.scoring.official if name not in self.scoring.metrics]
        self._refuse(f"has no metric {' '.join(unknown)}, which is to be its official score", bool(unknown))
        splits = {*self.data.files, *self.data.sizes, *self.data.english, *self.data.absent} - {*SPLITS}
        self._refuse(f"has a split {' '.join(sorted(splits))}; splits are {', '.join(SPLITS)}", bool(splits))
        self._refuse("states no licence or citation", not (self.data.licence and self.data.citation))
        for fault, are_missing in (("hub", not self.data.hub), ("archives", not self.data.archives)):
            self._refuse(f"says neither where nor why not: {fault}", are_missing)

    def _refuse(self, fault: str, holds: bool) -> None:
        if holds:
            raise SettingError(f"the dataset {self.suite}.{self.name} {fault}")

    def __hash__(self) -> int:
        return hash((self.suite, self.name))

    def __repr__(self) -> str:
        languages = f"{len(self.languages)} language{'s' if len(self.languages) > 1 else ''}"
        return f"<Dataset {self.suite}.{self.name}: {self.title}, {self.kind.name}, {languages}>"

    @property
    def metrics(self) -> tuple[str, ...]:
        return self.scoring.metrics

    @property
    def official(self) -> tuple[str, ...]:
        return self.scoring.official

    @property
    def pooled(self) -> bool:
        return self.scoring.pooled

    @property
    def is_embedded(self) -> bool:
        """Whether sentence vectors answer the dataset."""
        return self.kind.is_embedded

    @property
    def entity_types(self) -> tuple[str, ...]:
        """Types of the entities that its IOB2 tags mark; () for classes and other tags."""
        return tuple(label.removeprefix("B-") for label in self.labels if label.startswith("B-"))

    @property
    def is_line_by_line(self) -> bool:
        """Whether an item is a line in two languages, each from a file of its own."""
        return self.data.search == "lines"

    @property
    def names_languages(self) -> bool:
        """Whether its codes are those of languages, and not LASER's names of pairs."""
        return self.code_standard != "laser"

    @property
    def takes_a_pair(self) -> bool:
        """Whether both languages are named when it is run; such a dataset has no data of its own."""
        return self.is_line_by_line and not self.english_side

    @property
    def asks_in_english(self) -> bool:
        """Of bitext, whether the English sentence is the query, as in XTREME, or the foreign one."""
        return self.prompt.text != "foreign_text"

    @property
    def group(self) -> str:
        """Name of the host group that holds the dataset's tasks: ``xtreme_xnli``, ``flores200-to_eng``.

        FLORES-200 has a hyphen, because its datasets overlap with the groups of languages behind ``flores200_*``, and
        the host refuses a call that reaches a task twice.
        """
        return f"{self.suite}{self.separator}{self.name}"

    def leaf(self, language: str) -> str:
        """Name of the task in one language: ``xtreme.xnli.sw``."""
        if language not in self.languages:
            raise UnknownName.of(f"language of {self.group}", language, self.languages)
        return f"{self.suite}.{self.name}.{language}"

    def spelled(self, code: str) -> str:
        """The dataset's own code of a language of XTREME(-R) (``en``); the code itself where it has no such language.

        Where two of its codes mean the language, that of FLORES-200's row is taken.
        """
        if self.code_standard == "xtreme" or code in self.languages:
            return code
        from xstilts_eval.language_codes import find

        row = find(code)
        spellings = (row.code, row.iso639_3, row.macrolanguage, row.iso639_1)
        return next((one for one in spellings if one in self.languages), code)

    def codes(self, language: str) -> dict[str, str]:
        """What placeholders stand for.

        ``{lg}`` is the code here, ``{xxx}`` LASER's, ``{name}`` the English name, ``{small_name}``
        that in small letters, ``{ud}`` the release of Universal Dependencies.
        """
        if self.code_standard != "xtreme":
            return {"lg": language, "xxx": language, "name": language, "small_name": language}
        from xstilts_eval.languages import language as row_of

        row = row_of(language)
        codes = {"lg": row.code, "xxx": row.tatoeba, "name": row.name, "small_name": row.name.lower()}
        return codes | {"ud": self.data.releases.get(language, self.data.release)}

    def template(self, class_: str = "xstilts_eval.tasks.leaf.LeafTask") -> str:
        """The YAML template of the dataset's tasks."""
        shared, own = self.kind.template, self.prompt
        functions = {"doc_to_text": own.text or shared.text, "doc_to_choice": own.choices or shared.choices}
        functions |= {"doc_to_target": own.target or shared.target}
        lines = [f"class: !function {class_}", f"dataset_path: {self.group}", f"output_type: {self.kind.request}"]
        lines += ["test_split: test", *([f"fewshot_split: {shared.shots}"] if shared.shots else [])]
        lines += [f"{name}: !function {_dotted('prompts', what)}" for name, what in functions.items() if what]
        lines += [f'target_delimiter: "{own.delimiter}"'] if own.delimiter is not None else []
        lines += [] if shared.shots else ["num_fewshot: 0"]
        if shared.tokens:
            lines += [
                "generation_kwargs:",
                '  until: ["\\n"]',
                "  do_sample: false",
                f"  max_gen_toks: {shared.tokens}",
            ]
        lines += [f"process_results: !function {_dotted('scoring', self.scoring.process)}", "metric_list:"]
        for metric, aggregation in self.scoring.aggregations.items():
            better = metric.removesuffix("_ci95") not in self.scoring.lower_is_better
            lines += [f"  - metric: {metric}", f"    aggregation: !function {_dotted('scoring', aggregation)}"]
            lines += [f"    higher_is_better: {str(better).lower()}"]
        lines += ["metadata:"]
        if own.question:
            lines += ["  xs_conversation:", f"    doc_to_text: !function {_dotted('prompts', own.question)}"]
            lines += [f"    doc_to_choice: !function {_dotted('prompts', own.answers)}", '    target_delimiter: ""']
        return "\n".join([*lines, f'  version: "{self.version}"', ""])

    def again(self, suite: str, added: str = "", **changed: Any) -> Dataset:
        """The same dataset in another suite, with `added` languages (codes parted by blanks) and `changed` fields."""
        languages = (*self.languages, *added.split())
        return replace(self, suite=suite, like=self.suite, languages=languages, **changed)


def _dotted(module: str, name: str) -> str:
    """A function of `tasks`, or one anywhere by its whole name."""
    return name if "." in name else f"xstilts_eval.tasks.{module}.{name}"


def under(folders: Sequence[str], *names: str) -> Alternatives:
    """The files `names` in each of several folders."""
    return tuple(tuple(f"{folder}{name}" for name in names) for folder in folders)


def processed(name: str, split: str, ending: str = "tsv") -> Alternatives:
    """Where XTREME's own preprocessing puts a language's file."""
    return under((f"{name}/xtreme_format/", f"{name}/"), f"{split}-{{lg}}.{ending}")


def is_processed(path: Path) -> bool:
    """Whether a file has the name that XTREME's preprocessing gives: ``dev-sw.tsv``."""
    return re.fullmatch(r"(test|dev|train)-[a-z]{2}\.tsv", plain_name(path)) is not None


def sizes(text: str) -> dict[str, int]:
    """``"af 425 ar 1680"`` as a dictionary."""
    words = text.split()
    return {language: int(size) for language, size in zip(words[::2], words[1::2], strict=True)}
