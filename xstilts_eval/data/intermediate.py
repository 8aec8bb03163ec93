"""Where the data of every training task lies below a data folder, and what was found there.

`load` is the one entry, as `sources.load` is for the benchmark's families. It knows the official archives' own names
and the plain folders people put them in, and reads local files only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from xstilts_eval.benchmark import family
from xstilts_eval.data import dual_encoder_readers as pairs_of_texts
from xstilts_eval.data import files, readers, sources, translated
from xstilts_eval.data import intermediate_readers as raw
from xstilts_eval.data.examples import Example
from xstilts_eval.data.sources import Loaded
from xstilts_eval.datasets import mewslix, pawsx, tydiqa
from xstilts_eval.errors import DataError, MissingData, SettingError
from xstilts_eval.languages import language as language_of
from xstilts_eval.training_tasks import TrainingTask

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Read = Callable[[Sequence[Path], Sequence[str], raw.Dropped], Sequence[Example]]


@dataclass(frozen=True)
class _Layout:
    """Files that belong together and the reader of their format.

    `of_language` picks the examples of one language out of a file that may hold all; `note` is said of what is read.
    """

    names: tuple[str, ...]
    read: Read
    note: str = ""
    of_language: Callable[[Sequence[Any], Path, str], Sequence[Any]] | None = None


@dataclass(frozen=True)
class _Place:
    """`splits`: layouts tried in order; ``{lg}`` stands for the language, ``{small_name}`` for its English name.

    English only unless in `other_languages`. `tags` is a file that names the classes, "" where the task does.
    """

    archive: str
    splits: Mapping[str, tuple[_Layout, ...]]
    other_languages: Mapping[str, tuple[_Layout, ...]]
    tags: str = ""


def _in(folders: Iterable[str], *names: str, read: Read, note: str = "") -> tuple[_Layout, ...]:
    return tuple(_Layout(tuple(f"{folder}{name}" for name in names), read, note) for folder in folders)


def _english(archive: str, **splits: tuple[_Layout, ...]) -> _Place:
    return _Place(archive, splits, {})


_MULTINLI = ("mnli/multinli_1.0/", "multinli_1.0/", "mnli/", "")
_SNLI = ("snli/snli_1.0/", "snli_1.0/", "snli/", "")
_HELLASWAG = ("hellaswag/data/", "hellaswag/", "")
_SIQA = ("siqa/socialIQa_v1.4/", "socialIQa_v1.4/", "siqa/", "")
_SIQA_APART = ("siqa/socialiqa-train-dev/", "socialiqa-train-dev/", "siqa/")
_COPA = ("copa/COPA-resources/datasets/", "COPA-resources/datasets/", "copa/", "")


def _glue(task: str) -> tuple[str, ...]:
    return (f"glue/{task}/", f"glue_data/{task}/", f"{task}/", f"{task.lower()}/")


def _mnli(name: str, glue: str) -> tuple[_Layout, ...]:
    lines = _in(_MULTINLI, f"multinli_1.0_{name}.jsonl", read=raw.nli_lines)
    table = _in(_MULTINLI, f"multinli_1.0_{name}.txt", read=raw.nli_table)
    return lines + table + _in(_glue("MNLI"), f"{glue}.tsv", read=raw.nli_table)


def _snli(split: str) -> tuple[_Layout, ...]:
    lines = _in(_SNLI, f"snli_1.0_{split}.jsonl", read=raw.nli_lines)
    return lines + _in(_SNLI, f"snli_1.0_{split}.txt", read=raw.nli_table)


def _anli(number: int) -> _Place:
    folders = tuple(f"{folder}R{number}/" for folder in ("anli/anli_v1.0/", "anli_v1.0/", "anli/"))
    splits = {split: _in(folders, f"{split}.jsonl", read=raw.anli) for split in SPLITS}
    return _english("anli_v1.0.zip of facebookresearch/anli", **splits)


def _squad(split: str, version: str, read: Read = raw.squad) -> tuple[_Layout, ...]:
    official = _in(("squad/", ""), f"{split}-v{version}.json", read=read)
    return official + _in(("squad/",), f"{split}-v{version}.unique-spans.json", read=read)


def _siqa(name: str, apart: str) -> tuple[_Layout, ...]:
    together = _in(_SIQA, f"socialIQa_v1.4_{name}.jsonl", read=raw.siqa)
    return together + _in(_SIQA_APART, f"{apart}.jsonl", f"{apart}-labels.lst", read=raw.siqa_apart)


_COPA_ITEMS = {"train": range(1, 401), "dev": range(401, 501)}
"""SuperGLUE's division of COPA's development items by id: item 401 opens its validation set, as it does XCOPA's."""


def _copa_items(split: str, paths: Sequence[Path], labels: Sequence[str], dropped: raw.Dropped) -> list[Example]:
    """One part of COPA's 500 development items; the mirrored ones of Balanced COPA have ids from 1001."""
    wanted = {str(number) for number in _COPA_ITEMS[split]}
    found: list[Example] = [item for item in raw.copa_xml(paths, labels, dropped) if item.id in wanted]
    if not found:
        raise DataError(f"{paths[0]}: no items with ids {_COPA_ITEMS[split][0]} to {_COPA_ITEMS[split][-1]}")
    return found


def _copa(split: str, name: str) -> tuple[_Layout, ...]:
    read = partial(_copa_items, split)
    lines = _in(("copa/COPA/", *_glue("COPA"), "super_glue/COPA/"), f"{name}.jsonl", read=raw.copa_lines)
    xml = _in(_COPA, "copa-dev.xml", read=read)
    balanced = ("balanced-copa-dev-all.xml", "balanced-copa-dev.xml")
    return (
        lines + xml + tuple(one for name in balanced for one in _in(("balanced_copa/", "copa/", ""), name, read=read))
    )


def _xcopa(name: str) -> tuple[_Layout, ...]:
    return _in(("xcopa/data/{lg}/", "xcopa/{lg}/", "data/{lg}/"), f"{name}.{{lg}}.jsonl", read=raw.copa_lines)


_CCG = ("ccg/", "")
_CCG_TAGS = "tags_to_id.json"


def _ccg(split: str) -> tuple[_Layout, ...]:
    return _in(_CCG, f"ccg.{split}", _CCG_TAGS, read=raw.ccg)


def _pawsx(paths: Sequence[Path], labels: Sequence[str], _: raw.Dropped) -> Sequence[Example]:
    return readers.pawsx(paths[0], tuple(labels))


def _tydiqa(scored: str, note: str = "") -> tuple[_Layout, ...]:
    """The benchmark's files of a split, read leniently."""
    alternatives = tydiqa.XTREME.data.files[scored]
    return tuple(_Layout(names, raw.squad, note, tydiqa.of_language) for names in alternatives)


_TYDIQA = {
    "train": _tydiqa("train"),
    "dev": _tydiqa("test", "TyDiQA-GoldP has no other dev questions than those XTREME scores as test"),
}


_PLACES: Mapping[str, _Place] = {
    "mnli": _english(
        "multinli_1.0.zip of nyu-mll (or MNLI.zip of GLUE, or XNLI-MT-1.0.zip and XNLI-1.0.zip)",
        train=_mnli("train", "train"),
        dev=_mnli("dev_matched", "dev_matched"),
    ),
    "snli": _english("snli_1.0.zip of the Stanford NLP group", **{split: _snli(split) for split in SPLITS}),
    "anli_r1": _anli(1),
    "anli_r2": _anli(2),
    "anli_r3": _anli(3),
    "qqp": _english(
        "QQP.zip of GLUE", **{split: _in(_glue("QQP"), f"{split}.tsv", read=raw.qqp) for split in ("train", "dev")}
    ),
    "squad": _english(
        "train-v1.1.json and dev-v1.1.json of rajpurkar/SQuAD-explorer",
        **{split: _squad(split, "1.1") for split in ("train", "dev")},
    ),
    "squad_v2": _english(
        "train-v2.0.json and dev-v2.0.json of rajpurkar/SQuAD-explorer",
        **{split: _squad(split, "2.0") for split in ("train", "dev")},
    ),
    "lareqa": _english(
        "train-v1.1.json and dev-v1.1.json of rajpurkar/SQuAD-explorer",
        **{split: _squad(split, "1.1", pairs_of_texts.question_sentences) for split in ("train", "dev")},
    ),
    "mewslix": _english(
        "mewsli-x_20220518_6.zip of google-research/google-research",
        **{
            split: _in(mewslix.FOLDERS, f"wikipedia_pairs-{split}.jsonl", read=pairs_of_texts.mention_entities)
            for split in ("train", "dev")
        },
    ),
    "hellaswag": _english(
        "data/hellaswag_train.jsonl and hellaswag_val.jsonl of rowanz/hellaswag",
        train=_in(_HELLASWAG, "hellaswag_train.jsonl", read=raw.hellaswag),
        dev=_in(_HELLASWAG, "hellaswag_val.jsonl", read=raw.hellaswag)
        + _in(("hellaswag/",), "hellaswag_val.sample1000.jsonl", read=raw.hellaswag),
    ),
    "ccg": _Place(
        "CCGbank (LDC2005T13), converted to ccg.train and ccg.dev (lines text TAB tags) with tags_to_id.json beside",
        {split: _ccg(split) for split in SPLITS},
        {},
        _CCG_TAGS,
    ),
    "cosmosqa": _english(
        "data/train.csv and valid.csv of wilburOne/cosmosqa",
        train=_in(("cosmosqa/data/", "cosmosqa/", "cosmos_qa/"), "train.csv", read=raw.cosmosqa),
        dev=_in(("cosmosqa/data/", "cosmosqa/", "cosmos_qa/"), "valid.csv", read=raw.cosmosqa),
    ),
    "commonsenseqa": _english(
        "train_rand_split.jsonl and dev_rand_split.jsonl of CommonsenseQA v1.11 (tau-nlp.org)",
        **{
            split: _in(("commonsenseqa/", "commonsense_qa/", ""), f"{split}_rand_split.jsonl", read=raw.commonsenseqa)
            for split in ("train", "dev")
        },
    ),
    "siqa": _english(
        "socialIQa_v1.4.zip (or socialiqa-train-dev.zip) of the Allen Institute for AI",
        train=_siqa("trn", "train"),
        dev=_siqa("dev", "dev"),
        test=_in(_SIQA, "socialIQa_v1.4_tst.jsonl", read=raw.siqa),
    ),
    "copa": _Place(
        "COPA.zip of SuperGLUE or copa-dev.xml of COPA-resources (other languages: cambridgeltl/xcopa)",
        {"train": _copa("train", "train"), "dev": _copa("dev", "val")},
        {"dev": _xcopa("val"), "test": _xcopa("test")},
    ),
    "pawsx": _Place(
        "x-final.tar.gz of google-research-datasets/paws (PAWS-X)",
        {},
        {
            "train": _in(
                pawsx.FOLDERS,
                "translated_train.tsv",
                read=_pawsx,
                note="machine-translated by the makers of PAWS-X",
            )
        },
    ),
    "tydiqa": _Place(tydiqa.XTREME.data.archive, _TYDIQA, _TYDIQA),
}
"""Besides, a task is trained on the files of its `dataset`."""
_NOWHERE = _Place("", {}, {})


def load(task: TrainingTask, split: Split, folder: Path, language: str = "en") -> Loaded:
    """Read one split of a training task from the files under `folder`.

    What cannot be trained on is dropped and counted in `notes`. In another language than English, translations
    (`data.translated`) come first, then data that were made in it. Raises `MissingData` (with the names tried and the
    archive to get) when the files are not there, `DataError` when they break their format or hold nothing usable,
    `SettingError` for a joint task such as anli_plus, whose parts are loaded one by one.
    """
    if task.parts:
        raise SettingError(f"{task.name} has no files of its own; load its parts {', '.join(task.parts)}")
    if split not in SPLITS:
        raise SettingError(f"split {split!r}; allowed: {', '.join(SPLITS)}")
    code = language_of(language).code
    if code == "en" or not translated.can_be(task):
        return _load(task, split, folder, code)
    try:
        examples, paths = translated.load(task.name, code, split, folder)
    except MissingData as no_translation:
        try:
            return _load(task, split, folder, code)
        except MissingData as error:
            raise MissingData(f"{error}; and {no_translation}") from error
    return Loaded(examples, paths, sources._revision(paths), split, complete=False, notes=translated.notes(paths))


def _load(task: TrainingTask, split: Split, folder: Path, language: str) -> Loaded:
    """Data as they were published."""
    layout, paths, tried = _listed(task, split, folder, language)
    if layout is not None:
        return _read(task, split, paths, layout, language)
    dataset = family(task.dataset) if task.dataset else None
    if dataset is None or dataset.spelled(language) not in dataset.languages:
        raise _missing(task, split, folder, language, tried)
    try:
        return sources.load(dataset, dataset.spelled(language), split, folder)
    except MissingData as error:
        if not tried:
            raise
        raise _missing(task, split, folder, language, [*tried, f"those of {dataset.group}"]) from error


def labels(task: TrainingTask, folder: Path) -> tuple[str, ...]:
    """Classes or tags of a task in the order of its head's outputs; those of CCG stand in ``tags_to_id.json``.

    Raises `MissingData` without that file.
    """
    place = _PLACES.get(task.name)
    if place is None or not place.tags:
        return task.labels
    names = [f"{folder}{place.tags}" for folder in _CCG]
    path = files.find(folder, names)
    if path is None:
        raise _missing(task, "train", folder, "en", names)
    return raw.ccg_tags(path)


def present(task: TrainingTask, split: Split, folder: Path) -> bool:
    """Whether the English files of a split are there; they are not read where their names tell."""
    if _listed(task, split, folder, "en")[0] is not None:
        return True
    if not task.dataset:
        return False
    try:
        _load(task, split, folder, "en")
    except MissingData:
        return False
    return True


def _listed(
    task: TrainingTask, split: Split, folder: Path, language: str
) -> tuple[_Layout | None, list[Path], list[str]]:
    """The first layout whose files are all there, with them; else the names that were looked for."""
    place = _PLACES.get(task.name, _NOWHERE)
    table = place.splits if language == "en" else place.other_languages
    small_name = language_of(language).name.lower()
    tried: list[str] = []
    for layout in table.get(split, ()):
        names = [name.format(lg=language, small_name=small_name) for name in layout.names]
        found = [files.find(folder, [name]) for name in names]
        paths = [path for path in found if path is not None]
        if len(paths) == len(names):
            return layout, paths, tried
        tried += [name for name, path in zip(names, found, strict=True) if path is None]
    return None, [], tried


def _read(task: TrainingTask, split: Split, paths: Sequence[Path], layout: _Layout, language: str) -> Loaded:
    dropped = raw.Dropped()
    examples = layout.read(paths, task.labels, dropped)
    if layout.of_language is not None:
        examples = layout.of_language(examples, paths[0], language)
    expected = _expected(task, split, language)
    unit, rows = task.kind.rows, len(examples)
    if expected is None:
        size = f"{rows:,} {unit}; the official number is not known here"
    elif rows < expected:
        size = f"partial: {rows:,} of {expected:,} {unit}"
    else:
        size = "" if rows == expected else f"{rows:,} {unit} where {expected:,} were expected"
    return Loaded(
        examples=tuple(examples),
        files=tuple(paths),
        revision=sources._revision(paths),
        split=split,
        complete=rows == expected,
        notes=(*dropped.notes, *filter(None, (size, layout.note))),
    )


def _expected(task: TrainingTask, split: Split, language: str) -> int | None:
    """Official number of examples, None where it is not known; in other languages that of the task's dataset."""
    if language == "en":
        return {"train": task.train_size, "dev": task.dev_size}.get(split)
    if not task.dataset:
        return None
    dataset = family(task.dataset)
    scored = "test" if split == "dev" and task.dev_is_scored else split
    return dataset.data.size(scored, dataset.codes(language)[dataset.data.sizes_by])


_SHOWN = 4
"""File names an error shows."""


def _missing(task: TrainingTask, split: str, folder: Path, language: str, tried: Iterable[str]) -> MissingData:
    place, names = _PLACES.get(task.name, _NOWHERE), list(tried)
    if not names:
        table = place.splits if language == "en" else place.other_languages
        known = f"it has {' and '.join(table)}" if table else "it has data in English only"
        return MissingData(f"{task.name} has no {split} data in {language!r}; {known}")
    if len(names) > _SHOWN:
        names = [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return MissingData(
        f"no {split} data of {task.name} in {language!r} under {folder}; looked for {', '.join(names)} "
        f"(also with .gz or .xz); get {place.archive} and put it there"
    )
