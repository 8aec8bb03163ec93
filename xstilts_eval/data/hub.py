"""The nine families on the Hugging Face hub: pinned repositories, and their rows back in the official raw formats.

Nothing here downloads. `plan` says which files of which repository hold one leaf; `convert` turns their rows into the
official files that `sources` reads, and says how they differ from what the benchmark's makers published.

Pins were read in public code, not on the hub itself; `Repository.seen` says where. The layouts of the repositories
(configuration, column and file names) are those of their dataset cards, of `datasets/xtreme/xtreme.py` @ 02bb18c7 of
huggingface/datasets (which made the rows), and of the public code that pins them.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from xstilts_eval.benchmark import Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import files
from xstilts_eval.errors import FetchError, MissingData
from xstilts_eval.languages import language as language_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Repository:
    """A dataset repository; `revision` is a commit sha of 40 hex digits, `seen` the place where it was read."""

    name: str
    revision: str
    seen: str


XTREME = Repository(
    "google/xtreme",
    "ec5f1f46e9af79639a90684a7a70a956c4998f04",
    "three public files that pin it, two of them with configurations (MLQA.en.en, PAWS-X.es)",
)
XNLI = Repository(
    "facebook/xnli",
    "b8dd5d7af51114dbda02c0e3f6133f332186418e",
    "ten public repositories that pin it, one with the sha256 of all_languages/test-00000-of-00001.parquet",
)
PAWSX = Repository(
    "google-research-datasets/paws-x",
    "4cd8187c404bda33cb1f62b49b001115862acf37",
    "ten public repositories that pin it, two with addresses of its parquet files",
)
XQUAD = Repository(
    "google/xquad",
    "51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/retrieval/multilingual/x_qu_ad_retrieval.py",
)
BUCC = Repository(
    "mteb/BUCC",
    "414572247440f0ccacf7eb0bb70a31533a0e5443",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/bitext_mining/multilingual/bucc_bitext_mining.py",
)
TATOEBA = Repository(
    "mteb/tatoeba-bitext-mining",
    "69e8f12da6e31d59addadda9a9c8a2e601a0e282",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/bitext_mining/multilingual/tatoeba_bitext_mining.py",
)
REPOSITORIES = (XTREME, XNLI, PAWSX, XQUAD, BUCC, TATOEBA)
OTHER_DOCUMENTS = frozenset(["udpos"])
"""Families whose rows on the hub are not what the benchmark scores, however many there are: words are not fused."""


@dataclass
class Output:
    """Official files made of hub rows: relative path → text, number of rows, what had to be changed."""

    files: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    changes: dict[str, int] = field(default_factory=dict)

    def changed(self, what: str) -> None:
        self.changes[what] = self.changes.get(what, 0) + 1

    def flat(self, value: Any) -> str:
        """One cell of a line-based format; a TAB or line end inside it becomes a blank and is counted."""
        text = "" if value is None else str(value).strip("\r\n")
        if re.search(r"[\t\r\n]", text):
            self.changed("texts with a TAB or line end inside, now a blank")
            text = re.sub(r"[\t\r\n]+", " ", text)
        return text


@dataclass(frozen=True)
class Part:
    """Rows of one configuration; `language` is the benchmark's code ("*" when it holds all of them)."""

    language: str
    rows: Sequence[Row]


Convert = Callable[[Sequence[Part], Sequence[str], Output], None]


@dataclass(frozen=True)
class Plan:
    """What to download for one leaf and split, and what it becomes.

    `patterns` maps a language to a regular expression that full-matches the wanted paths in the repository; a plan of
    several languages (one official file holds them all) fetches them together. `paths` are the official files.
    """

    repository: Repository
    patterns: Mapping[str, str]
    paths: tuple[str, ...]
    convert: Convert
    differences: str


# --- rows → official files, one function per format

XNLI_HEADER = ("language", "gold_label", "", "", "", "", "sentence1", "sentence2", "promptID", "pairID")
"""The first ten columns of the official file; the four without a name hold parses, which the hub does not keep."""


def _xnli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """``xnli.{test,dev}.tsv``: ten columns, of which the readers use language, gold_label, sentences and pairID."""
    lines = ["\t".join(XNLI_HEADER)]
    for part in parts:
        for number, row in enumerate(part.rows, 1):
            texts = output.flat(row["premise"]), output.flat(row["hypothesis"])
            cells = [part.language, str(row["label"]), "", "", "", "", *texts, str(number), str(number)]
            lines.append("\t".join(cells))
    _lines(output, paths[0], lines, len(lines) - 1)


def _multinli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    lines = ["premise\thypo\tlabel"]
    for row in parts[0].rows:
        lines.append(f"{output.flat(row['premise'])}\t{output.flat(row['hypothesis'])}\t{row['label']}")
    _lines(output, paths[0], lines, len(lines) - 1)


def _pawsx(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    lines = ["id\tsentence1\tsentence2\tlabel"]
    for row in parts[0].rows:
        if str(row["label"]) not in ("0", "1"):  # the card: "missing or wrong labels … replaced … with -1"
            output.changed("rows without a label left out")
            continue
        texts = output.flat(row["sentence1"]), output.flat(row["sentence2"])
        lines.append("\t".join([str(row["id"]), *texts, str(row["label"])]))
    _lines(output, paths[0], lines, len(lines) - 1)


def _panx(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    (part,) = parts
    lines = []
    for row in part.rows:
        tagged = zip(row["tokens"], row["ner_tags"], strict=True)
        lines += [f"{part.language}:{output.flat(token)}\t{tag}" for token, tag in tagged] + [""]
    _lines(output, paths[0], lines, len(part.rows))


def _udpos(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """CoNLL-U with forms and UPOS only; the hub keeps neither heads nor multi-word tokens."""
    (part,) = parts
    lines = []
    for row in part.rows:
        for number, (form, tag) in enumerate(zip(row["tokens"], row["pos_tags"], strict=True), 1):
            lines.append(f"{number}\t{output.flat(form)}\t_\t{tag}" + "\t_" * 6)
        lines.append("")
    _lines(output, paths[0], lines, len(part.rows))


def _squad(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """Rows of one question each, back into articles (equal titles in a row) and paragraphs (equal contexts)."""
    (part,) = parts
    data = []
    for title, article in groupby(part.rows, key=lambda row: row.get("title") or ""):
        paragraphs = []
        for context, rows in groupby(article, key=lambda row: str(row["context"])):
            paragraphs.append({"context": context, "qas": [_question(row, context, output) for row in rows]})
        data.append({"title": title, "paragraphs": paragraphs})
    output.files[paths[0]] = json.dumps({"version": "1.1", "data": data}, ensure_ascii=False) + "\n"
    output.rows += len(part.rows)


def _question(row: Row, context: str, output: Output) -> Row:
    answers = row["answers"]
    if isinstance(answers, dict):  # columns of lists; some writers keep a list of answers
        answers = [dict(zip(answers, values, strict=True)) for values in zip(*answers.values(), strict=True)]
    aligned = [_aligned(str(row["id"]), context, one["text"], int(one["answer_start"]), output) for one in answers]
    return {"id": row["id"], "question": row["question"], "answers": aligned}


def _aligned(name: str, context: str, text: str, start: int, output: Output) -> Row:
    """The answer where it stands: white space was cut off contexts and answers without moving their positions."""
    if context[start : start + len(text)] != text:
        places = [found.start() for found in re.finditer(re.escape(text), context)] if text else []
        if not places:
            raise FetchError(f"question {name!r}: its answer {text!r} does not occur in its context")
        start = min(places, key=lambda place: abs(place - start))
        output.changed("answers moved to where they stand in the context")
    return {"text": text, "answer_start": start}


def _bucc(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """One row with both sides and 1-based pairs of positions; ids are written as the shared task's are."""
    (part,) = parts
    (row,) = part.rows
    sides = ((part.language, row["sentence1"]), ("en", row["sentence2"]))
    for path, (code, sentences) in zip(paths, sides, strict=False):
        numbered = [f"{_bucc_id(code, n)}\t{output.flat(text)}" for n, text in enumerate(sentences, 1)]
        output.files[path] = "".join(f"{line}\n" for line in numbered)
    pairs = [f"{_bucc_id(part.language, int(left))}\t{_bucc_id('en', int(right))}" for left, right in row["gold"]]
    _lines(output, paths[2], pairs, len(pairs))


def _bucc_id(code: str, number: int) -> str:
    return f"{code}-{number:09d}"


def _tatoeba(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    (part,) = parts
    for path, column in zip(paths, ("sentence1", "sentence2"), strict=True):
        output.files[path] = "".join(f"{output.flat(row[column])}\n" for row in part.rows)
    output.rows += len(part.rows)


def _lines(output: Output, path: str, lines: Iterable[str], rows: int) -> None:
    output.files[path] = "".join(f"{line}\n" for line in lines)
    output.rows += rows


# --- the table


_HUB_SPLIT = {"test": "test", "dev": "validation", "train": "train"}
_PARQUET = r"-\d+-of-\d+\.parquet"
_SQUAD_TRIMMED = "questions regrouped; white space cut from contexts, questions and answers"


def _per_language(
    repository: Repository,
    config: str,
    path: tuple[str, ...],
    convert: Convert,
    differences: str,
    family: Family,
    language: str,
    split: str,
    hub_split: str | None = None,
) -> Plan:
    codes = _codes(family, language)
    pattern = f"{config.format(**codes)}/{hub_split or _HUB_SPLIT[split]}{_PARQUET}"
    official = {"test": "test_2k", "dev": "dev_2k", "train": "train"}[split] if family.name == "pawsx" else split
    paths = tuple(part.format(split=official, **codes) for part in path)
    return Plan(repository, {language: pattern}, paths, convert, differences)


def _xnli_plan(family: Family, language: str, split: str) -> Plan:
    if split == "train":
        paths = ("xnli/XNLI-MT-1.0/multinli/multinli.train.en.tsv",)
        return Plan(XNLI, {"en": f"en/train{_PARQUET}"}, paths, _multinli, "numbers for ids")
    patterns = {code: f"{code}/{_HUB_SPLIT[split]}{_PARQUET}" for code in family.languages}
    return Plan(XNLI, patterns, (f"xnli/XNLI-1.0/xnli.{split}.tsv",), _xnli, "row numbers for pair ids")


def _squad_plan(split: str) -> Plan:
    pattern = f"SQuAD/{_HUB_SPLIT[split]}{_PARQUET}"
    return Plan(XTREME, {"en": pattern}, (f"squad/{split}-v1.1.json",), _squad, _SQUAD_TRIMMED)


def _tydiqa_plan(family: Family, language: str, split: str) -> Plan:
    hub_split, name = {"test": ("validation", "dev"), "train": ("train", "train")}[split]
    paths = (f"tydiqa/tydiqa-goldp-v1.1-{name}.json",)
    return Plan(XTREME, {"*": f"tydiqa/{hub_split}{_PARQUET}"}, paths, _squad, _SQUAD_TRIMMED)


def _xquad_plan(family: Family, language: str, split: str) -> Plan:
    if split != "test":
        return _squad_plan(split)
    path, difference = "xquad/xquad.{lg}.json", _SQUAD_TRIMMED + "; articles joined"
    return _per_language(XQUAD, r"xquad\.{lg}", (path,), _squad, difference, family, language, split, "validation")


def _mlqa_plan(family: Family, language: str, split: str) -> Plan:
    if split == "train":
        return _squad_plan(split)
    path = "mlqa/MLQA_V1/{split}/{split}-context-{lg}-question-{lg}.json"
    return _per_language(XTREME, r"MLQA\.{lg}\.{lg}", (path,), _squad, _SQUAD_TRIMMED, family, language, split)


def _tatoeba_plan(family: Family, language: str, split: str) -> Plan:
    code = _codes(family, language)["xxx"]
    paths = (f"tatoeba/v1/tatoeba.{code}-eng.{code}", f"tatoeba/v1/tatoeba.{code}-eng.eng")
    # The repository keeps one file per pair; whether as JSON lines or as parquet is left to what it lists.
    pattern = rf"(?:test/)?{code}-eng(?:/test\S*)?\.(?:jsonl|jsonl\.gz|parquet)|{code}-eng/\S+\.(?:jsonl\.gz|parquet)"
    return Plan(TATOEBA, {language: pattern}, paths, _tatoeba, "line ends cut")


def _bucc_plan(family: Family, language: str, split: str) -> Plan:
    paths = tuple(f"bucc2018/{language}-en/{language}-en.training.{ending}" for ending in (language, "en", "gold"))
    return Plan(BUCC, {language: f"{language}-en/test{_PARQUET}"}, paths, _bucc, "positions for ids")


_UNFUSED = "multi-word tokens split into words, not fused as the benchmark scores them: other tokens, other chunk F1"
_STRANGERS = {
    "el": "84 % of its test sentences are Ancient Greek",
    "zh": "38 % of its test sentences are Classical Chinese",
    "de": "with Swiss German",
    "fr": "with Old French",
    "ru": "with treebanks the benchmark does not count as Russian",
}
"""What the script that made the hub's rows took in besides, because it looks for names that end in the language's.

Sentences: Ancient Greek 2,353 of 2,809, Classical Chinese 2,073 of 5,528 (UD v2.5, and `datasets/xtreme/xtreme.py`).
"""


def _udpos_plan(family: Family, language: str, split: str) -> Plan:
    path = "ud/ud-treebanks-v2.5/UD_{name}-Hub/{lg}_hub-ud-{split}.conllu"
    differences = "; ".join(filter(None, (_UNFUSED, _STRANGERS.get(language))))
    return _per_language(XTREME, r"udpos\.{name}", (path,), _udpos, differences, family, language, split)


_PLANS: Mapping[str, Callable[[Family, str, str], Plan]] = {
    "xnli": _xnli_plan,
    "pawsx": partial(_per_language, PAWSX, "{lg}", ("pawsx/x-final/{lg}/{split}.tsv",), _pawsx, "none known"),
    "udpos": _udpos_plan,
    "panx": partial(_per_language, XTREME, r"PAN-X\.{lg}", ("panx/panx_dataset/{lg}/{split}",), _panx, "none known"),
    "xquad": _xquad_plan,
    "mlqa": _mlqa_plan,
    "tydiqa": _tydiqa_plan,
    "bucc2018": _bucc_plan,
    "tatoeba": _tatoeba_plan,
}
_SPLITS: Mapping[str, tuple[str, ...]] = {
    "tydiqa": ("test", "train"),
    "bucc2018": ("test",),
    "tatoeba": ("test",),
}
"""Splits the hub has, where not all three."""
_NOT_THERE = {
    "xcopa": "no commit of XCOPA on the hub is known here",
    "lareqa": "the hub has no copy of LAReQA",
    "mewslix": "the hub has no copy of Mewsli-X, which comes without its texts and is put together by a script",
    **dict.fromkeys(
        ("to_eng", "from_eng", "retrieval", "translation"), "no commit of FLORES-200 on the hub is known here"
    ),
}
"""Families that no repository with a known commit holds."""


UD_WITHOUT_DEV = frozenset(["kk", "th", "tl", "yo"])
"""Languages of XTREME whose treebanks of UD v2.5 have no dev file (`datasets/xtreme/xtreme.py` @ 02bb18c7)."""


def refuse_absent(family: Family, language: str, split: str) -> None:
    """Raise `MissingData` for a split that nobody published in this language, `UnknownName` for the language."""
    family.leaf(language)
    english_only = {"xnli": ("train",), "pawsx": ("train",), "mlqa": ("train",), "xquad": ("train", "dev")}
    if split in english_only.get(family.name, ()) and language != "en":
        raise MissingData(f"{family.group} has {split} data in English only, not in {language!r}")
    if (family.name, split) == ("udpos", "dev") and language in UD_WITHOUT_DEV:
        raise MissingData(f"{family.group} has no dev data in {language!r}")


def plan(family: Family, language: str, split: str) -> Plan:
    """Where the hub keeps one leaf and split.

    Raises `MissingData` when it has no such split, `UnknownName` for a language the family lacks.
    """
    refuse_absent(family, language, split)
    if family.name in _NOT_THERE:
        raise MissingData(f"{_NOT_THERE[family.name]}; use a local folder, or xstilts data fetch --from archives")
    if family.name in ("udpos", "panx") and family.suite == "xtremer" and language not in _languages_of_xtreme(family):
        raise MissingData(
            f"the hub's copy of XTREME has no {family.title} in {language!r}, which XTREME-R added; use a local folder"
        )
    if family.name == "bucc2018" and split == "dev":
        raise MissingData(
            "the hub has no sample (dev) set of BUCC 2018, and BUCC is not scored without one, because it gives the "
            "threshold; get it with xstilts data fetch bucc2018 --split dev --from archives, into the same folder"
        )
    allowed = _SPLITS.get(family.name, ("test", "dev", "train"))
    if split not in allowed:
        raise MissingData(f"the hub has no {split} data of {family.group}; it has {' and '.join(allowed)}")
    return _PLANS[family.name](family, language, split)


def _languages_of_xtreme(family: Family) -> tuple[str, ...]:
    return find_family(f"xtreme_{family.name}").languages


def _codes(family: Family, language: str) -> dict[str, str]:
    if family.suite == "bitext":
        return {"lg": language, "xxx": language, "name": language}
    row = language_of(language)
    return {"lg": row.code, "xxx": row.tatoeba, "name": row.name}


def convert(plan: Plan, parts: Sequence[Part]) -> Output:
    """The official files of `parts`; raises `FetchError` when their columns are not those expected."""
    output = Output()
    try:
        plan.convert(parts, plan.paths, output)
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError(
            f"{plan.repository.name}@{plan.repository.revision}: its rows are not as expected "
            f"({type(error).__name__}: {error}); another revision may have other columns"
        ) from error
    return output


def read_rows(path: Path, name: str) -> list[Row]:
    """Rows of a downloaded parquet or JSON-lines file called `name` on the hub; class indices become class names.

    Raises `FetchError` for a file that breaks its format.
    """
    try:
        if name.endswith(".parquet"):
            return _parquet_rows(path)
        with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as file:
            numbered = [(number, line) for number, line in enumerate(file, 1) if line.strip()]
    except (OSError, ValueError, EOFError, zlib.error) as error:  # pyarrow's and JSON's are ValueErrors or OSErrors
        raise FetchError(f"{name}: cannot be read ({str(error).splitlines()[0][:150]})") from error
    return [files.parse_json(line, name, number, FetchError) for number, line in numbered]


def _parquet_rows(path: Path) -> list[Row]:
    from pyarrow import parquet  # type: ignore[import-untyped]

    table = parquet.read_table(path)
    names = _class_names((table.schema.metadata or {}).get(b"huggingface"))
    rows: list[Row] = table.to_pylist()
    for column, labels in names.items():
        for row in rows:
            row[column] = _named(row[column], labels)
    return rows


def _named(value: Any, labels: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(one, labels) for one in value]
    return labels[value] if isinstance(value, int) and 0 <= value < len(labels) else value


def _class_names(metadata: bytes | None) -> dict[str, list[str]]:
    """Names of the classes by column, from the description that `datasets` stores in every parquet file it writes."""
    features = json.loads(metadata)["info"]["features"] if metadata else {}
    found = {}
    for column, feature in features.items():
        while isinstance(feature, (dict, list)):
            inner = feature[0] if isinstance(feature, list) else feature
            if "names" in inner:
                found[column] = inner["names"]
                break
            feature = inner.get("feature")
    return found
