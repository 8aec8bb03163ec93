"""From a data folder to the documents of one task, with what a number needs to know about them."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, wraps
from itertools import islice
from pathlib import Path

from xstilts_eval import kinds, processes
from xstilts_eval.benchmark import Family
from xstilts_eval.data import fetch, flores, intermediate, sources
from xstilts_eval.data.examples import (
    Bitext,
    BitextDocument,
    Corpus,
    Document,
    Example,
    LineDocument,
    Query,
    ShardDocument,
    Translation,
    document,
)
from xstilts_eval.data.ranking import Pool
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.paths import sample_path
from xstilts_eval.reading import Json
from xstilts_eval.suites import name_in_documents
from xstilts_eval.training_tasks import training_task

log = logging.getLogger("xstilts_eval")

SPLITS = ("test", "dev", "train")
MAX_SHOTS = 1000
"""Few-shot examples are drawn from at most this many English rows (design decision D4)."""
KEPT = 20_000
"""Documents, and sentences of corpora, that are held for the next call: some 30 MB."""
SHARD_SENTENCES = 400_000
"""Sentences a side of one BUCC document; bounds the memory of one request (design decision D4)."""


@dataclass(frozen=True)
class LeafData:
    """Documents of one leaf and their provenance.

    `source` is ``sample``, ``local``, or ``hub`` for files that were made of the hub's (the first note then says of
    which repository and commit, and how they differ from the official files); `revision` the first 12 hex digits of a
    sha256 over the files read. For
    retrieval, `pool` holds the two sides in file order, for mining `corpus` and `development` hold the corpora, for
    ranking `candidates` is the one object that all languages of the family share.
    """

    family: Family
    language: str
    documents: Sequence[Document]
    folder: Path
    source: str
    split: str
    revision: str
    complete: bool
    notes: tuple[str, ...]
    pool: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    corpus: Corpus | None = field(default=None, repr=False)
    development: Corpus | None = field(default=None, repr=False)
    candidates: Pool | None = field(default=None, repr=False)

    def provenance(self) -> dict[str, Json]:
        """What the results file records about the data."""
        return {
            "source": self.source,
            "split": self.split,
            "revision": self.revision,
            "complete": self.complete,
            "notes": list(self.notes),
            "documents": len(self.documents),
        }

    def ids_of_shard(self, doc: ShardDocument) -> set[str]:
        """Ids of the foreign sentences of the shard `doc`."""
        assert self.corpus is not None
        return set(islice(self.corpus.source, doc["source_from"], doc["source_to"]))

    def gold_of_shard(self, doc: ShardDocument) -> set[tuple[str, str]]:
        """Gold pairs (foreign id, English id) whose foreign sentence lies in the shard `doc`."""
        assert self.corpus is not None
        inside = self.ids_of_shard(doc)
        return {pair for pair in self.corpus.gold if pair[0] in inside}


def resolve_folder(data: str | None) -> tuple[Path, str]:
    """The data folder and its kind: argument, else ``XSTILTS_DATA``, else the bundled sample.

    ``hub`` is the managed folder that is filled from the hub when a leaf is asked for.
    """
    wanted = data or os.environ.get("XSTILTS_DATA") or "sample"
    if wanted == "sample":
        if not data and not os.environ.get("XSTILTS_DATA"):
            _say_sample_once()
        return sample_path(), "sample"
    if wanted == "hub":
        return fetch.hub_folder(), "hub"
    folder = Path(wanted).expanduser()
    if not folder.is_dir():
        raise MissingData(
            f"the data folder {wanted!r} does not exist; give a folder with the benchmark's files, 'hub' or 'sample'"
        )
    return folder.resolve(), "local"


@lru_cache(maxsize=1)
def _say_sample_once() -> None:
    if processes.is_first():
        log.warning(
            "no data folder was given: this is the bundled SAMPLE, and its scores are no benchmark scores; "
            "name a folder of real files in XSTILTS_DATA (xstilts data fetch brings them)"
        )


def load_leaf(family: Family, language: str, data: str | None = None, split: str | None = None) -> LeafData:
    """Documents of one leaf.

    Raises `MissingData` when the files are not there, `DataError` when they break their format or hold nothing,
    `SettingError` for another split than test, dev and train, and for English training data, which models have seen;
    in other languages a training set (TyDiQA-GoldP's) is unseen data for zero-shot transfer.
    """
    folder, source = resolve_folder(data)
    split = split or "test"
    if split not in SPLITS:
        raise SettingError(f"split {split!r} cannot be scored; allowed: {', '.join(SPLITS)}")
    if split == "train" and language == family.spelled("en"):
        raise SettingError(
            "split 'train' cannot be scored in English, which models are trained on; take "
            f"{family.leaf(language)} out of --tasks"
        )
    if source == "hub":
        for needed in filter(None, (family.kind.tuned_on, split)):
            fetch.ensure(family, language, needed, folder)
    return _load(family, language, folder, source, split)


@dataclass(frozen=True)
class LeafFacts:
    """What is remembered of a leaf when its documents are not: their revision and number."""

    revision: str
    documents: int


_FACTS: dict[tuple[object, ...], LeafFacts] = {}


def leaf_facts(family: Family, language: str, data: str | None = None, split: str | None = None) -> LeafFacts:
    """The facts of a leaf, which is read once for them; raises what `load_leaf` raises."""
    key = (family, language, *resolve_folder(data), split or "test")
    if key not in _FACTS:
        leaf = load_leaf(family, language, data, split)
        _FACTS[key] = LeafFacts(leaf.revision, len(leaf.documents))
    return _FACTS[key]


Load = Callable[[Family, str, Path, str, str], LeafData]


def _recent(load: Load) -> Load:
    """Keeps the leaves that were read last, as long as they hold no more than `KEPT` sentences together."""
    kept: dict[tuple[object, ...], LeafData] = {}

    @wraps(load)
    def loaded(family: Family, language: str, folder: Path, source: str, split: str) -> LeafData:
        key = (family, language, folder, source, split)
        found = kept.pop(key, None) or load(family, language, folder, source, split)
        kept[key] = found
        total = sum(map(_size, kept.values()))
        for oldest in list(kept):
            if total <= KEPT:
                break
            total -= _size(kept.pop(oldest))
        return found

    return loaded


def _size(leaf: LeafData) -> int:
    corpora = [side for one in (leaf.corpus, leaf.development) if one for side in (one.source, one.target)]
    return len(leaf.documents) + sum(map(len, corpora))


@_recent
def _load(family: Family, language: str, folder: Path, source: str, split: str) -> LeafData:
    loaded = sources.load(family, language, split, folder)
    origin, origin_notes = (None, ()) if source == "sample" else fetch.provenance(folder, loaded.files)
    bare = LeafData(
        family,
        language,
        documents=(),
        folder=folder,
        source="sample" if source == "sample" else origin or "local",
        split=split,
        revision=loaded.revision,
        # The sample is never complete and says so by its name.
        complete=loaded.complete and source != "sample" and not (origin == "hub" and family.data.rewritten),
        notes=(*origin_notes, *(note for note in loaded.notes if source != "sample" or _is_placeholder(note))),
    )
    return DOCUMENTS.of(family.kind)(bare, loaded.examples)


def _is_placeholder(note: str) -> bool:
    return note.startswith(flores.PLACEHOLDER_NOTE)


# --- what becomes of the examples, by kind


def _one_by_one(leaf: LeafData, examples: Sequence[Example]) -> LeafData:
    """One document per example."""
    name = name_in_documents(leaf.family)
    rows = [document(example, name, leaf.language) for example in examples]
    return replace(leaf, documents=rows)


def _bitext(leaf: LeafData, examples: Sequence[Example]) -> LeafData:
    """One document per query; the pool is the leaf.

    XTREME sorts the stripped English sentences by code point and asks for the line of the translation in the untouched
    foreign file (`utils_preprocess.py:376-404`); MTEB keeps file order on both sides.
    """
    if leaf.family.is_line_by_line:
        return _lines(leaf, examples)
    pairs = [example for example in examples if isinstance(example, Bitext)]
    order = list(range(len(pairs)))
    targets = [pair.target.strip() if leaf.family.asks_in_english else pair.target for pair in pairs]
    if leaf.family.asks_in_english:
        order.sort(key=lambda line: targets[line])
    rows: list[BitextDocument] = [
        {
            "id": pairs[line].id,
            "source": pairs[line].source,
            "target": targets[line],
            "gold": line,
            "family": name_in_documents(leaf.family),
            "language": leaf.language,
        }
        for line in order
    ]
    return replace(leaf, documents=rows, pool=(tuple(pair.source for pair in pairs), tuple(targets)))


def _lines(leaf: LeafData, examples: Sequence[Example]) -> LeafData:
    """One document per line; the other lines are its pool, in the order of the file."""
    name, lines = name_in_documents(leaf.family), [one for one in examples if isinstance(one, Translation)]
    rows: list[LineDocument] = [
        {**document(line, name, leaf.language), "gold": number} for number, line in enumerate(lines)
    ]
    return replace(leaf, documents=rows, pool=(tuple(one.source for one in lines), tuple(one.target for one in lines)))


def _mining(leaf: LeafData, examples: Sequence[Example]) -> LeafData:
    """One document per shard; the development corpus sets the threshold, so a change of it is a change of the data."""
    corpus, dev = examples[0], _development(leaf)
    development = dev.examples[0]
    assert isinstance(corpus, Corpus) and isinstance(development, Corpus)
    return replace(
        leaf,
        documents=shards(leaf.family, leaf.language, corpus),
        corpus=corpus,
        development=development,
        revision=_joint(leaf.revision, dev.revision),
    )


def _development(leaf: LeafData) -> sources.Loaded:
    """The corpus that gives the threshold of a mining task; raises `MissingData` saying so where it is not there."""
    try:
        return sources.load(leaf.family, leaf.language, leaf.family.kind.tuned_on, leaf.folder)
    except MissingData as error:
        raise MissingData(
            f"{leaf.family.leaf(leaf.language)} needs its dev corpus, which gives the threshold: {error}"
        ) from error


def _ranking(leaf: LeafData, examples: Sequence[Example]) -> LeafData:
    """One document per query; what is right is right in every language of the pool, which belongs to the data."""
    with sources.naming(leaf.family.leaf(leaf.language)):
        candidates = sources.pool(leaf.family, leaf.split, leaf.folder)
    name = name_in_documents(leaf.family)
    rows = []
    for query in examples:
        assert isinstance(query, Query)
        correct = list(candidates.correct.get(query.id, query.correct))
        rows.append(document(query, name, leaf.language) | {"correct": correct})
    return replace(
        leaf,
        documents=rows,
        candidates=candidates,
        revision=_joint(leaf.revision, candidates.revision),
        complete=leaf.complete and candidates.is_complete,
        notes=leaf.notes if leaf.source == "sample" else (*leaf.notes, *candidates.notes),
    )


def _joint(*revisions: str) -> str:
    return hashlib.sha256(" ".join(revisions).encode()).hexdigest()[:12]


DOCUMENTS: kinds.Halves[Callable[[LeafData, Sequence[Example]], LeafData]] = kinds.Halves("documents")
"""(a leaf without documents, its examples) to the leaf with them.

A kind of one's own registers here how its examples become documents.
"""
DOCUMENTS.register(kinds.PAIR, _one_by_one)
DOCUMENTS.register(kinds.TEXT, _one_by_one)
DOCUMENTS.register(kinds.TAGGED, _one_by_one)
DOCUMENTS.register(kinds.QUESTION, _one_by_one)
DOCUMENTS.register(kinds.CHOICE, _one_by_one)
DOCUMENTS.register(kinds.TRANSLATION, _one_by_one)
DOCUMENTS.register(kinds.BITEXT, _bitext)
DOCUMENTS.register(kinds.MINING, _mining)
DOCUMENTS.register(kinds.RANKING, _ranking)


def shards(family: Family, language: str, corpus: Corpus) -> list[ShardDocument]:
    """Ranges over the foreign side, at most `SHARD_SENTENCES` long; as many whatever the number of processes.

    The sentences stay in the leaf's corpus: a document that held 400,000 of them would be copied into every log.
    """
    total = len(corpus.source)
    count = max(-(-max(total, len(corpus.target)) // SHARD_SENTENCES), 1)
    bounds = [total * shard // count for shard in range(count + 1)]
    return [
        {
            "id": f"{language}-en.{shard}",
            "source_from": bounds[shard],
            "source_to": bounds[shard + 1],
            "source_sentences": total,
            "target_sentences": len(corpus.target),
            "family": name_in_documents(family),
            "language": language,
        }
        for shard in range(count)
    ]


def shots(family: Family, language: str, folder: Path, scored_split: str) -> Sequence[Document]:
    """Few-shot examples: English ones, or of lines in two languages the dev lines of the same two."""
    if family.is_line_by_line:
        return translation_shots(family, language, folder, scored_split)
    return english_shots(family, folder, scored_split)


@lru_cache(maxsize=512)
def translation_shots(family: Family, language: str, folder: Path, scored_split: str) -> Sequence[Document]:
    """The dev lines of the same two languages; raises `MissingData` without them, `SettingError` when dev is scored."""
    if scored_split == "dev":
        raise SettingError(
            f"few-shot examples of {family.title} are its dev lines; score test, or leave --num_fewshot out"
        )
    lines = sources.load(family, language, "dev", folder).examples
    return [document(line, name_in_documents(family), language) for line in lines]


@lru_cache(maxsize=32)
def english_shots(family: Family, folder: Path, scored_split: str) -> Sequence[Document]:
    """Up to `MAX_SHOTS` English training (else development) documents, never of the split that is scored."""
    english = family.spelled("en")
    for split in ("train", "dev") if scored_split != "dev" else ("train",):
        try:
            if english not in family.languages and family.learned:  # XCOPA has no English part; it is trained on COPA
                examples = intermediate.load(training_task(family.learned), split, folder).examples
            else:
                if folder == fetch.hub_folder():
                    fetch.ensure(family, english, split, folder)
                examples = sources.load(family, english, split, folder).examples
        except MissingData:
            continue
        name = name_in_documents(family)
        return [document(example, name, english) for example in examples[:MAX_SHOTS]]
    return []
