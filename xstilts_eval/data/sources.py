"""Where every family and split lies below a data folder, and what was found there.

`load` is the one entry. It knows the official archives' own names and the plain folders people put them in; it
reads local files only. Sizes are those of the Hugging Face dataset card of `xtreme`; where another source was read,
the table says so.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from xstilts_eval import kinds
from xstilts_eval.benchmark import FLORES, FLORES_PAIR, UPOS, Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import conllu, files, flores, intermediate_readers, ranking, readers
from xstilts_eval.data.examples import Candidate, Corpus, Example, Question
from xstilts_eval.data.ranking import Pool
from xstilts_eval.errors import DataError, MissingData, NoFiles, SettingError
from xstilts_eval.languages import language as language_of

SPLITS = ("test", "dev", "train")
_UNITS = {
    kinds.TAGGED: "sentences",
    kinds.QUESTION: "questions",
    kinds.CHOICE: "questions",
    kinds.MINING: "gold pairs",
    kinds.RANKING: "queries",
}
UD_RELEASE = "r2.5"
"""The Universal Dependencies release XTREME is made of, as `ud/INDEX.tsv` writes it."""
UD_ADDED = dict.fromkeys(("lt", "pl", "ro", "uk", "wo"), "r2.7")
"""Languages that XTREME-R added, and the release it takes them from (`scripts/download_data.sh:58-73`)."""


@dataclass(frozen=True)
class Loaded:
    """What a data folder holds of one leaf and split.

    `examples` is a 1-tuple of a `Corpus` for bucc2018. `revision` is the first 12 hex digits of a sha256
    over the names and contents of `files`: compression, folder and line of search do not enter it.
    `complete` says whether the number of examples is the benchmark's; `notes` say what differs.
    """

    examples: tuple[Example, ...]
    files: tuple[Path, ...]
    revision: str
    split: str
    complete: bool
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of scored items: gold pairs for bucc2018, examples elsewhere."""
        return _rows(self.examples)


@dataclass(frozen=True)
class _Found:
    """Files of one leaf; `original` is False where one is known to be of another release than the benchmark's.

    `whole` says that they are all there are, whatever their number of rows: a release's own folder.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    original: bool = True
    whole: bool = False


Alternatives = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Place:
    """`splits`: alternatives tried in order, each a tuple of files that must all be there.

    ``{lg}``, ``{xxx}`` and ``{name}`` stand for ``sw``, ``swh`` and ``swahili``. `english` lists the splits
    that exist in English only.
    """

    archive: str
    splits: Mapping[str, Alternatives]
    english: frozenset[str] = field(default_factory=frozenset)


def _under(folders: Iterable[str], *names: str) -> Alternatives:
    return tuple(tuple(f"{folder}{name}" for name in names) for folder in folders)


_SQUAD = {
    split: _under(("squad/", ""), f"{split}-v1.1.json") + _under(("squad/",), f"{split}-v1.1.unique-spans.json")
    for split in ("train", "dev")
}
_XNLI = ("xnli/XNLI-1.0/", "XNLI-1.0/", "xnli/", "")
_MULTINLI = ("xnli/XNLI-MT-1.0/multinli/", "XNLI-MT-1.0/multinli/", "xnli/multinli/", "xnli/", "")
_MLQA = ("mlqa/MLQA_V1/", "MLQA_V1/", "mlqa/")
_TYDIQA = ("tydiqa/", "")
MEWSLIX = ("mewslix/", "mewsli-x/", "mewsli_x/output/dataset/", "mewslix/dataset/", "")
_BUCC = ("bucc2018/{lg}-en/", "bucc2018/bucc2018/{lg}-en/", "{lg}-en/", "bucc2018/", "")


def _processed(family: str, split: str, ending: str = "tsv") -> Alternatives:
    """Where XTREME's own preprocessing puts a language's file."""
    return _under((f"{family}/xtreme_format/", f"{family}/"), f"{split}-{{lg}}.{ending}")


def _pawsx(name: str, xtreme: str) -> Alternatives:
    official = _under(("pawsx/x-final/{lg}/", "x-final/{lg}/", "pawsx/{lg}/"), f"{name}.tsv")
    return official + _processed("pawsx", xtreme)


def _panx(split: str) -> Alternatives:
    folders = ("panx/panx_dataset/", "panx_dataset/", "panx/")
    official = _under(folders, f"{{lg}}/{split}") + _under(folders, f"{{lg}}-{split}")
    return official + _processed("panx", split)


def _mewslix(split: str) -> Alternatives:
    """The released file of all languages, or XTREME's of one."""
    released = _under(MEWSLIX, f"wikinews_mentions-{split}.jsonl", "candidate_set_entities.jsonl")
    inner = ("mewslix/", "mewsli-x/", "")
    return released + _under(inner, f"wikinews_mentions/{split}-{{lg}}.jsonl", "candidate_set_entities.jsonl")


def _bucc(official: str, xtreme: str) -> Alternatives:
    return tuple(
        tuple(f"{folder}{{lg}}-en.{split}.{ending}" for ending in ("{lg}", "en", "gold"))
        for split in (official, xtreme)
        for folder in _BUCC
    )


def _tydiqa(split: str) -> Alternatives:
    inner = tuple(f"{folder}tydiqa-goldp-v1.1-{split}/" for folder in _TYDIQA)
    return (
        _under(inner, f"tydiqa.goldp.{{lg}}.{split}.json")
        + _under(inner, f"tydiqa-goldp-{split}-{{name}}.json")
        + _under((*_TYDIQA, *inner), f"tydiqa-goldp-v1.1-{split}.json")
    )


_PLACES: Mapping[str, _Place] = {
    "xnli": _Place(
        "XNLI-1.0.zip (training data: XNLI-MT-1.0.zip) of facebookresearch/XNLI",
        {
            "test": _under(_XNLI, "xnli.test.tsv") + _processed("xnli", "test"),
            "dev": _under(_XNLI, "xnli.dev.tsv") + _processed("xnli", "dev"),
            "train": _under(_MULTINLI, "multinli.train.en.tsv") + _processed("xnli", "train"),
        },
        english=frozenset(["train"]),
    ),
    "pawsx": _Place(
        "x-final.tar.gz of google-research-datasets/paws (PAWS-X)",
        {
            "test": _pawsx("test_2k", "test"),
            "dev": _pawsx("dev_2k", "dev"),
            "train": _pawsx("train", "train"),
        },
        english=frozenset(["train"]),
    ),
    "panx": _Place(
        "AmazonPhotos.zip (panx_dataset, one archive per language; see XTREME's download_data.sh)",
        {split: _panx(split) for split in SPLITS},
    ),
    "xquad": _Place(
        "google-deepmind/xquad (train and dev: SQuAD v1.1 of rajpurkar/SQuAD-explorer)",
        {"test": _under(("xquad/", ""), "xquad.{lg}.json"), **_SQUAD},
        english=frozenset(["train", "dev"]),
    ),
    "mlqa": _Place(
        "MLQA_V1.zip of facebookresearch/MLQA (train: SQuAD v1.1 of rajpurkar/SQuAD-explorer)",
        {
            "test": _under(_MLQA, "test/test-context-{lg}-question-{lg}.json"),
            "dev": _under(_MLQA, "dev/dev-context-{lg}-question-{lg}.json"),
            "train": _SQUAD["train"],
        },
        english=frozenset(["train"]),
    ),
    "tydiqa": _Place(
        "tydiqa-goldp-v1.1-dev.tgz (train: tydiqa-goldp-v1.1-train.json) of google-research-datasets/tydiqa",
        {"test": _tydiqa("dev"), "train": _tydiqa("train")},
    ),
    "bucc2018": _Place(
        "bucc2018-{lg}-en.training-gold.tar.bz2 and …sample-gold.tar.bz2 of the BUCC 2018 shared task",
        {"test": _bucc("training", "test"), "dev": _bucc("sample", "dev")},
    ),
    "tatoeba": _Place(
        "facebookresearch/LASER, folder data/tatoeba/v1",
        {"test": _under(("tatoeba/v1/", "tatoeba/", "v1/", ""), "tatoeba.{xxx}-eng.{xxx}", "tatoeba.{xxx}-eng.eng")},
    ),
    "udpos": _Place("ud-treebanks-v{ud}.tgz (Universal Dependencies {ud})", {split: () for split in SPLITS}),
    "xcopa": _Place(
        "the folder data/{lg} of cambridgeltl/xcopa",
        {
            split: _under(("xcopa/data/{lg}/", "xcopa/{lg}/", "data/{lg}/", "xcopa/"), f"{name}.{{lg}}.jsonl")
            + _processed("xcopa", name, "jsonl")
            for split, name in (("test", "test"), ("dev", "val"))
        },
    ),
    "lareqa": _Place(
        "the folder xquad-r of google-research-datasets/lareqa",
        {"test": _under(("lareqa/xquad-r/", "xquad-r/", "lareqa/"), "{lg}.json")},
    ),
    "mewslix": _Place(
        "mewsli-x_20220518_6.zip, with get-mewsli-x.sh of google-research/google-research",
        {split: _mewslix(split) for split in ("test", "dev")},
    ),
}


def _sizes(text: str) -> dict[str, int]:
    """``"af 425 ar 1680"`` as a dictionary."""
    words = text.split()
    return {language: int(size) for language, size in zip(words[::2], words[1::2], strict=True)}


def _panx_sizes() -> dict[str, int]:
    small = dict.fromkeys(("af", "az", "bn", "hi", "kk", "ml", "mr", "ms", "sw", "ta", "te", "tl", "ur"), 1_000)
    return small | dict.fromkeys(("gu", "jv", "my", "pa", "qu", "yo"), 100)


# Examples (bucc2018: gold pairs) by family and split; "*" stands for every language not named.
_EXPECTED: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("xnli", "test"): {"*": 5_010},
    ("xnli", "dev"): {"*": 2_490},
    ("xnli", "train"): {"*": 392_702},
    ("pawsx", "test"): {"*": 2_000},
    ("pawsx", "dev"): {"*": 2_000},
    ("pawsx", "train"): {"*": 49_401},
    # Read off XTREME's own processed files; the official converter makes as many of UD v2.5 (the last five: of v2.7).
    # The hub's copy has more in de el fr ru zh, because its script takes in Ancient Greek, Old French and their like.
    ("udpos", "test"): _sizes(
        "af 425 ar 1680 bg 1116 de 22358 el 456 en 5440 es 3147 et 3760 eu 1799 fa 600 fi 4422 "
        "fr 5009 he 491 hi 2684 hu 449 id 1557 it 3518 ja 2372 kk 1047 ko 4276 mr 47 nl 1471 "
        "pt 2681 ru 8976 ta 120 te 146 th 1000 tl 55 tr 4785 ur 535 vi 800 yo 100 zh 3455 "
        "lt 739 pl 4942 uk 892 wo 470 ro 2272"
    ),
    ("udpos", "dev"): {"en": 3_974},
    ("udpos", "train"): {"en": 21_253},
    ("panx", "test"): dict.fromkeys(find_family("xtremer_panx").languages, 10_000) | _panx_sizes(),
    ("panx", "dev"): {"en": 10_000},
    ("panx", "train"): {"en": 20_000},
    ("xquad", "test"): {"*": 1_190},
    ("xquad", "dev"): {"*": 10_570},
    ("xquad", "train"): {"*": 87_599},
    ("mlqa", "test"): _sizes("en 11590 ar 5335 de 4517 es 5253 hi 4918 vi 5495 zh 5137"),
    ("mlqa", "dev"): _sizes("en 1148 ar 517 de 512 es 500 hi 507 vi 511 zh 504"),
    ("mlqa", "train"): {"*": 87_599},
    # Read off the published files, which add up to the 5,077 of the card.
    ("tydiqa", "test"): _sizes("ar 921 bn 113 en 440 fi 782 id 565 ko 276 ru 812 sw 499 te 669"),
    ("tydiqa", "train"): _sizes("en 3696 ko 1625 sw 2755"),
    # Counted in the published files, which have as many in every language.
    ("xcopa", "test"): {"*": 500},
    ("xcopa", "dev"): {"*": 100},
    ("lareqa", "test"): {"*": 1_190},
    # mewsli-x.md of google-research/google-research @ 47071fbe.
    ("mewslix", "test"): _sizes(
        "ar 1501 de 1551 en 1490 es 1552 fa 458 ja 1519 pl 1562 ro 672 ta 1567 tr 1215 uk 1537"
    ),
    ("mewslix", "dev"): _sizes("ar 318 de 326 en 316 es 311 fa 72 ja 310 pl 304 ro 145 ta 312 tr 262 uk 315"),
    ("bucc2018", "test"): _sizes("de 9580 fr 9086 ru 14435 zh 1899"),
    ("bucc2018", "dev"): _sizes("de 1038 fr 929 ru 2374 zh 257"),
    # By the codes of LASER, read off its files; 1,000 but for the smaller ones named and those in `_UNSEEN`.
    ("tatoeba", "test"): {"*": 1_000}
    | _sizes(
        "ang 134 arq 911 arz 477 ast 127 awa 231 bos 354 ceb 600 cha 137 csb 253 dsb 479 fao 262 "
        "fry 173 gla 829 gsw 117 hsb 483 hye 742 jav 205 kat 746 kaz 575 khm 722 kur 410 mal 687 "
        "max 284 nov 257 orv 835 pms 525 slv 823 swg 112 swh 390 tam 307 tel 234 tha 548 tuk 203 "
        "tzl 104 uzb 428 xho 142 yid 848"
    ),
}
MEWSLIX_CANDIDATES = 1_003_893
"""Entities of Mewsli-X's candidate set (mewsli-x.md)."""
_UNSEEN = frozenset(["amh", "cym", "gle", "isl", "mon", "slk", "swe"])
"""Pairs of LASER whose files nobody here has counted."""


def load(family: Family, language: str, split: str, folder: Path) -> Loaded:
    """Read one language and split of a family from the files under `folder`.

    Raises `MissingData` (with the names tried and the archive to get) when they are not there or the
    benchmark has no such split, `DataError` when they break their format, `SettingError` for a split nobody
    has, `UnknownName` for a language the family lacks.
    """
    if split not in SPLITS:
        raise SettingError(f"split {split!r}; allowed: {', '.join(SPLITS)}")
    if family.suite in (FLORES, FLORES_PAIR):
        return _load_flores(family, language, split, folder)
    place = _PLACES[family.name]
    if split not in place.splits:
        raise NoFiles(f"{family.group} has no {split} data; it has {' and '.join(place.splits)}")
    family.leaf(language)
    if split in place.english and language != "en":
        raise NoFiles(f"{family.group} has {split} data in English only, not in {language!r}")
    locate = _treebanks if family.name == "udpos" else _listed
    found = locate(family, language, split, folder)
    with naming(family.leaf(language)):
        examples = tuple(_READ[family.name](family, language, split, found.paths))
    if not examples:
        raise DataError(f"{family.leaf(language)}: {found.paths[0]}: no examples")
    complete, size_note = _completeness(family, language, split, _rows(examples), found.whole)
    return Loaded(
        examples=examples,
        files=found.paths,
        revision=_revision(found.paths),
        split=split,
        complete=complete and found.original,
        notes=(*found.notes, *size_note),
    )


@contextmanager
def naming(leaf: str) -> Iterator[None]:
    """Put the leaf in front of what a reader says of its file: a run reads many."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"{leaf}: {error}") from error


def _load_flores(family: Family, language: str, split: str, folder: Path) -> Loaded:
    source, target = flores.languages_of(family, language)
    with naming(family.leaf(language)):
        lines, paths, notes = flores.parallel(source, target, split, folder, f"{family.group} in {language!r}")
    complete = flores.is_complete(split, len(lines))
    return Loaded(tuple(lines), tuple(paths), _revision(paths), split, complete, tuple(notes))


def _rows(examples: tuple[Example, ...]) -> int:
    first = examples[0]
    return len(first.gold) if isinstance(first, Corpus) else len(examples)


def _completeness(
    family: Family, language: str, split: str, rows: int, whole: bool = False
) -> tuple[bool, tuple[str, ...]]:
    """Whether the number of rows is the benchmark's, and a note when it is not or is not known."""
    code = _codes(family, language)["xxx"] if family.kind is kinds.BITEXT else language
    sizes = _EXPECTED.get((family.name, split), {})
    expected = None if family.name == "tatoeba" and code in _UNSEEN else sizes.get(code, sizes.get("*"))
    unit = _UNITS.get(family.kind, "pairs")
    if expected is None:
        # Treebanks of a language come one by one, so an unknown total is complete from a release's own folder only.
        return whole or family.name != "udpos", (f"{rows:,} {unit}; the official number is not known here",)
    if rows == expected:
        return True, ()
    if rows < expected:
        return False, (f"partial: {rows:,} of {expected:,} {unit}",)
    return False, (f"{rows:,} {unit} where {expected:,} were expected",)


def _codes(family: Family, language: str) -> dict[str, str]:
    """What the placeholders of `_Place` stand for; ``bitext_tatoeba`` uses the codes of LASER themselves."""
    if family.suite == "bitext":
        return {"lg": language, "xxx": language, "name": language}
    row = language_of(language)
    ud = _ud_release(language).removeprefix("r")
    return {"lg": row.code, "xxx": row.tatoeba, "name": row.name.lower(), "ud": ud}


def _ud_release(language: str) -> str:
    return UD_ADDED.get(language, UD_RELEASE)


def _listed(family: Family, language: str, split: str, folder: Path) -> _Found:
    """The first alternative of the family's table whose files are all there."""
    codes = _codes(family, language)
    tried: list[str] = []
    for alternative in _PLACES[family.name].splits[split]:
        names = [name.format(**codes) for name in alternative]
        paths = [files.find(folder, [name]) for name in names]
        if None not in paths:
            return _Found(tuple(path for path in paths if path is not None))
        tried += [name for name, path in zip(names, paths, strict=True) if path is None]
    if (family.name, split) in _LABELS_LOST:
        other, why = _LABELS_LOST[family.name, split]
        stripped = files.find(folder, [name.format(**codes) for name in other])
        if stripped is not None:
            raise MissingData(
                f"{family.leaf(language)}: {stripped} is a file as XTREME's preprocessing leaves it, {why}; get "
                f"{_PLACES[family.name].archive.format(**codes)} and put it there"
            )
    raise _missing(family, language, split, folder, tried)


_LABELS_LOST = {
    ("tatoeba", "test"): (
        ("tatoeba/{lg}-en.en",),
        "its English side sorted, so that no line says which one it translates",
    ),
    ("bucc2018", "test"): (
        ("bucc2018/{lg}-en.test.{lg}",),
        "without the gold pairs (it deletes the .gold files of its test sets; the dev files keep theirs)",
    ),
}
"""Files of XTREME's preprocessing that cannot be scored, by family and split, and what they lack."""


_SHOWN = 4
"""File names an error shows."""


def _missing(
    family: Family, language: str, split: str, folder: Path, tried: Iterable[str], notes: Iterable[str] = ()
) -> NoFiles:
    archive = _PLACES[family.name].archive.format(**_codes(family, language))
    names = list(tried)
    if len(names) > _SHOWN:  # the first are the official ones; docs/data.md lists all
        names = [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return NoFiles(
        f"no {split} data of {family.group} in {language!r} under {folder}; looked for {', '.join(names)} "
        f"(also with .gz or .xz); get {archive} and put it there" + "".join(f"; {note}" for note in notes)
    )


def _revision(paths: Iterable[Path]) -> str:
    entries = sorted(f"{files.plain_name(path)}\t{files.sha256(path)}\n" for path in paths)
    return hashlib.sha256("".join(entries).encode()).hexdigest()[:12]


# --- Universal Dependencies: one file per treebank, several releases side by side


@dataclass(frozen=True)
class _Treebank:
    """One file of one release; `blob` is INDEX.tsv's word on it against v2.5 (same, differs, absent, "")."""

    name: str
    release: str
    blob: str
    path: Path


def _treebanks(family: Family, language: str, split: str, folder: Path) -> _Found:
    """The language's files as the benchmark took them: one release per treebank, sorted by file name."""
    wanted = _ud_release(language)
    by_file: dict[str, list[_Treebank]] = {}
    for treebank in _candidates(language, split, folder):
        by_file.setdefault(files.plain_name(treebank.path), []).append(treebank)
    chosen: list[Path] = []
    notes: dict[str, None] = {}  # an ordered set: a treebank of several files is named once
    original = True
    for name in sorted(by_file):
        best = min(by_file[name], key=lambda treebank: _preference(treebank, wanted))
        if best.blob == "absent" and best.release != wanted:  # the index speaks of v2.5 alone
            unknown = "not in" if wanted == UD_RELEASE else "not known to be in"
            notes[f"left out: {best.name} ({unknown} UD v{wanted.removeprefix('r')})"] = None
            continue
        chosen.append(best.path)
        if not _is_original(best, wanted):
            original = False
            release = f"other release ({best.release})" if best.release else "release unknown"
            notes[f"{best.name}: {release}"] = None
    if not chosen and (processed := files.find(folder, _processed_names("udpos", language, split))):
        return _Found((processed,), whole=True)
    if not chosen:
        roots = (f"ud-treebanks-v{wanted.removeprefix('r')}/", "ud/", "")
        tried = [f"{root}UD_*/{language}_*-ud-{split}.conllu" for root in roots]
        raise _missing(family, language, split, folder, tried, notes)
    release_folder = f"ud-treebanks-v{wanted.removeprefix('r')}"
    whole = all(path.absolute().parent.parent.name == release_folder for path in chosen)
    return _Found(tuple(chosen), tuple(notes), original, whole)


def _processed_names(family: str, language: str, split: str) -> list[str]:
    return [name.format(lg=language) for names in _processed(family, split) for name in names]


def _is_processed(path: Path) -> bool:
    """Whether a file has the name that XTREME's preprocessing gives: ``dev-sw.tsv``."""
    return re.fullmatch(r"(test|dev|train)-[a-z]{2}\.tsv", files.plain_name(path)) is not None


def _is_original(treebank: _Treebank, wanted: str) -> bool:
    return treebank.release == wanted or (wanted == UD_RELEASE and treebank.blob == "same")


def _preference(treebank: _Treebank, wanted: str) -> tuple[bool, bool, tuple[int, ...], bool]:
    """Smaller is better: the wanted release, what equals it, the oldest release, the file that is not packed."""
    number = tuple(int(part) for part in re.findall(r"\d+", treebank.release)) or (999,)
    packed = treebank.path.suffix in files.COMPRESSED
    return treebank.release != wanted, not _is_original(treebank, wanted), number, packed


def _candidates(language: str, split: str, folder: Path) -> Iterator[_Treebank]:
    """Files of the first root that has any: a release folder, the folder ``ud``, the data folder itself."""
    for root in _roots(folder, _ud_release(language)):
        index = _index(root)
        release = re.fullmatch(r"ud-treebanks-v(\d+\.\d+)", root.absolute().name)
        found = False
        name_pattern = f"{language}_*-ud-{split}*.conllu*"
        for path in sorted([*root.glob(f"UD_*/{name_pattern}"), *root.glob(f"UD_*/r[0-9]*/{name_pattern}")]):
            if not path.is_file() or path.suffix not in (".conllu", *files.COMPRESSED):
                continue
            inner = path.parent.name
            own = inner if re.fullmatch(r"r\d+\.\d+", inner) else f"r{release[1]}" if release else ""
            name = path.relative_to(root).parts[0]
            found = True
            yield _Treebank(name, own, index.get((name, own, files.plain_name(path)), ""), path)
        if found:
            return


def _roots(folder: Path, wanted: str) -> list[Path]:
    bases = [folder / "ud", folder / "udpos", folder]
    numbers = sorted(("2.5", "2.7"), key=lambda number: f"r{number}" != wanted)
    releases = [base / f"ud-treebanks-v{number}" for number in numbers for base in bases]
    return [root for root in (*releases, *bases) if root.is_dir()]


def _index(root: Path) -> dict[tuple[str, str, str], str]:
    """``r2.5_blob`` of INDEX.tsv by treebank, release and file; empty when there is no such file."""
    path = root / "INDEX.tsv"
    if not path.is_file():
        return {}
    rows = csv.DictReader((line for _, line in files.lines(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    index = {}
    try:
        for row in rows:
            key = (row["treebank"], row["release"], files.plain_name(Path(row["file"])))
            index[key] = row["r2.5_blob"]
    except (KeyError, TypeError, csv.Error) as error:
        raise DataError(
            f"{path}, line {rows.line_num}: needs the columns treebank, release, file and r2.5_blob"
        ) from error
    return index


# --- one reader per family

Read = Callable[[Family, str, str, tuple[Path, ...]], Sequence[Example]]


def _read_xnli(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    if _is_processed(paths[0]):
        return readers.processed_pairs(paths[0], family.labels, f"xnli.{split}.tsv of XNLI-1.0.zip")
    if split == "train":
        return readers.multinli(paths[0], family.labels)
    return readers.xnli(paths[0], language, family.labels)


def _read_pawsx(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    return readers.pawsx(paths[0], family.labels)


def _read_panx(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    if _is_processed(paths[0]):
        return readers.processed_tags(paths[0], family.labels, f"{language}/{split} of panx_dataset (AmazonPhotos.zip)")
    return readers.panx(paths[0], family.labels)


def _read_udpos(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    if _is_processed(paths[0]):
        archive = _PLACES["udpos"].archive.format(**_codes(family, language))
        return readers.processed_tags(paths[0], (*UPOS, "_"), f"the treebanks of {archive}")
    sentences = [sentence for path in paths for sentence in conllu.read(path, language)]
    if not sentences:
        names = ", ".join(path.name for path in paths)
        raise MissingData(
            f"{paths[0].parent}: no sentence of {names} has text (every form is _, as in treebanks whose licence keeps "
            "the words out); put the words in with the treebank's own script, or take the file away"
        )
    return sentences


def _read_squad(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    return readers.squad(paths[0], "article" if family.name == "mlqa" and split != "train" else "paragraph")


def _read_tydiqa(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    questions = readers.squad(paths[0])
    if not re.fullmatch(r"tydiqa-goldp-v1\.1-(dev|train)\.json", files.plain_name(paths[0])):
        return questions
    # The archive's undivided files hold all languages; question ids begin with the language's name.
    prefix = f"{language_of(language).name.lower()}-"
    mine: list[Question] = [question for question in questions if question.id.startswith(prefix)]
    if not mine:
        raise DataError(f"{paths[0]}: no questions whose id begins with {prefix!r}")
    return mine


def _read_bucc(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    source, target, gold = paths
    return [readers.bucc(source, target, gold, f"{language}-en.{split}")]


def _read_tatoeba(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    source, target = paths
    return readers.tatoeba(source, target)


_MANY = 20
"""Questions that are not all right at the first choice by chance (one in a million)."""


def _read_xcopa(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    dropped = intermediate_readers.Dropped()
    choices = intermediate_readers.copa_lines(paths, (), dropped)
    if dropped.total:
        raise MissingData(
            f"{paths[0]}: {dropped.total:,} questions have no label (XTREME's preprocessing removes those of the test "
            "sets); use the file of cambridgeltl/xcopa"
        )
    if len(choices) >= _MANY and not any(choice.label for choice in choices):
        raise MissingData(
            f"{paths[0]}: all {len(choices):,} questions have the label 0, which XTREME's preprocessing writes over "
            "those of the test sets; use the file of cambridgeltl/xcopa"
        )
    return choices


def _read_lareqa(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    return ranking.xquad_r(paths[0], language)[0]


def _read_mewslix(family: Family, language: str, split: str, paths: tuple[Path, ...]) -> Sequence[Example]:
    return ranking.mentions(paths[0], language)


_READ: Mapping[str, Read] = {
    "xnli": _read_xnli,
    "pawsx": _read_pawsx,
    "udpos": _read_udpos,
    "panx": _read_panx,
    "xquad": _read_squad,
    "mlqa": _read_squad,
    "tydiqa": _read_tydiqa,
    "bucc2018": _read_bucc,
    "tatoeba": _read_tatoeba,
    "xcopa": _read_xcopa,
    "lareqa": _read_lareqa,
    "mewslix": _read_mewslix,
}


# --- candidates that the languages of a family share


@lru_cache(maxsize=4)
def pool(family: Family, split: str, folder: Path) -> Pool:
    """The candidates of lareqa or mewslix below `folder`; read once for all languages.

    LAReQA's are the sentences of all its languages; those without a file are named in the notes. Raises `MissingData`
    when nothing is there.
    """
    if family.name == "mewslix":
        path = _entities(family, split, folder)
        return _pool(ranking.entities(path), {}, [path], MEWSLIX_CANDIDATES, ())
    candidates: list[Candidate] = []
    correct: dict[str, list[str]] = {}
    paths: list[Path] = []
    absent: list[str] = []
    for language in family.languages:
        try:
            found = _listed(family, language, split, folder).paths[0]
        except MissingData:
            absent.append(language)
            continue
        queries, of_language = ranking.xquad_r(found, language)
        paths.append(found)
        candidates += of_language
        for query in queries:
            correct.setdefault(query.id, []).extend(query.correct)
    if not paths:
        raise _missing(family, family.languages[0], split, folder, [f"lareqa/xquad-r/{family.languages[0]}.json"])
    present = len(family.languages) - len(absent)
    notes = (f"pool of {present} of {len(family.languages)} languages (without {' '.join(absent)})",) if absent else ()
    return _pool(candidates, {name: tuple(ids) for name, ids in correct.items()}, paths, len(candidates), notes)


def _entities(family: Family, split: str, folder: Path) -> Path:
    """Mewsli-X's candidate set: beside the released mentions, or beside XTREME's folder of one file per language."""
    for language in family.languages[:-1]:
        try:
            return _listed(family, language, split, folder).paths[1]
        except MissingData:
            continue
    return _listed(family, family.languages[-1], split, folder).paths[1]


def _pool(
    candidates: Sequence[Candidate],
    correct: dict[str, tuple[str, ...]],
    paths: Sequence[Path],
    expected: int,
    notes: tuple[str, ...],
) -> Pool:
    ids = tuple(candidate.id for candidate in candidates)
    if len(set(ids)) < len(ids):
        raise DataError(f"{paths[0]}: a candidate's id occurs twice")
    if len(ids) != expected:
        notes = (*notes, f"pool of {len(ids):,} of {expected:,} candidates")
    texts = tuple(candidate.text for candidate in candidates)
    return Pool(ids, texts, correct, _revision(paths), not notes, notes)
