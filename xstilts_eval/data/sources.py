"""Where every dataset and split lies below a data folder, and what was found there.

`load` is the one entry. It knows the official archives' own names and the plain folders people put them in; it
reads local files only. Sizes are those of the Hugging Face dataset card of `xtreme`; where another source was read,
the table says so.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from xstilts_eval.benchmark import Family
from xstilts_eval.data import files, flores, ranking
from xstilts_eval.data.examples import Candidate, Corpus, Example
from xstilts_eval.data.ranking import Pool
from xstilts_eval.errors import DataError, MissingData, NoFiles, SettingError

SPLITS = ("test", "dev", "train")


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


def load(family: Family, language: str, split: str, folder: Path) -> Loaded:
    """Read one language and split of a family from the files under `folder`.

    Raises `MissingData` (with the names tried and the archive to get) when they are not there or the
    benchmark has no such split, `DataError` when they break their format, `SettingError` for a split nobody
    has, `UnknownName` for a language the family lacks.
    """
    if split not in SPLITS:
        raise SettingError(f"split {split!r}; allowed: {', '.join(SPLITS)}")
    if family.is_line_by_line:
        return _load_flores(family, language, split, folder)
    found = _located(family, language, split, folder)
    with naming(family.leaf(language)):
        examples = tuple(family.data.read(found.paths, language, split))
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


def located(family: Family, language: str, split: str, folder: Path) -> tuple[Path, ...]:
    """The files that `load` reads, which may hold other languages too; raises what that raises without them.

    Lines of two languages are looked for while they are read: of these there is nothing to say.
    """
    return () if family.is_line_by_line else _located(family, language, split, folder).paths


def _located(family: Family, language: str, split: str, folder: Path) -> _Found:
    if split not in family.data.files:
        raise NoFiles(f"{family.group} has no {split} data; it has {' and '.join(family.data.files)}")
    family.leaf(language)
    if split in family.data.english and language != family.spelled("en"):
        raise NoFiles(f"{family.group} has {split} data in English only, not in {language!r}")
    return _SEARCH[family.data.search](family, language, split, folder)


@contextmanager
def naming(leaf: str) -> Iterator[None]:
    """Put the leaf in front of what a reader says of its file: a run reads many."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"{leaf}: {error}") from error


def _load_flores(family: Family, language: str, split: str, folder: Path) -> Loaded:
    source, target = flores.languages_of(family, language)
    # The one task of a pair has no language in its name.
    with naming(family.leaf(language if language in family.languages else family.languages[0])):
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
    expected = family.data.size(split, family.codes(language)[family.data.sizes_by])
    unit = family.kind.rows
    if expected is None:
        # Treebanks of a language come one by one, so an unknown total is complete from a release's own folder only.
        return whole or family.data.search != "treebanks", (f"{rows:,} {unit}; the official number is not known here",)
    if rows == expected:
        return True, ()
    if rows < expected:
        return False, (f"partial: {rows:,} of {expected:,} {unit}",)
    return False, (f"{rows:,} {unit} where {expected:,} were expected",)


def _listed(family: Family, language: str, split: str, folder: Path) -> _Found:
    """The first alternative of the family's table whose files are all there."""
    codes = family.codes(language)
    tried: list[str] = []
    for alternative in family.data.files[split]:
        names = [name.format(**codes) for name in alternative]
        paths = [files.find(folder, [name]) for name in names]
        if None not in paths:
            return _Found(tuple(path for path in paths if path is not None))
        tried += [name for name, path in zip(names, paths, strict=True) if path is None]
    if split in family.data.stripped:
        other, why = family.data.stripped[split]
        stripped = files.find(folder, [other.format(**codes)])
        if stripped is not None:
            raise MissingData(
                f"{family.leaf(language)}: {stripped} is a file as XTREME's preprocessing leaves it, {why}; get "
                f"{family.data.archive.format(**codes)} and put it there"
            )
    raise _missing(family, language, split, folder, tried)


_SHOWN = 4
"""File names an error shows."""


def _missing(
    family: Family, language: str, split: str, folder: Path, tried: Iterable[str], notes: Iterable[str] = ()
) -> NoFiles:
    archive = family.data.archive.format(**family.codes(language))
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


INDEXED = "r2.5"
"""The release that INDEX.tsv compares with."""


@dataclass(frozen=True)
class _Treebank:
    """One file of one release; `blob` is INDEX.tsv's word on it against v2.5 (same, differs, absent, "")."""

    name: str
    release: str
    blob: str
    path: Path


def _treebanks(family: Family, language: str, split: str, folder: Path) -> _Found:
    """The language's files as the benchmark took them: one release per treebank, sorted by file name."""
    wanted = _release(family, language)
    by_file: dict[str, list[_Treebank]] = {}
    for treebank in _candidates(language, split, folder, wanted):
        by_file.setdefault(files.plain_name(treebank.path), []).append(treebank)
    chosen: list[Path] = []
    notes: dict[str, None] = {}  # an ordered set: a treebank of several files is named once
    original = True
    for name in sorted(by_file):
        best = min(by_file[name], key=lambda treebank: _preference(treebank, wanted))
        if best.blob == "absent" and best.release != wanted:  # the index speaks of v2.5 alone
            unknown = "not in" if wanted == INDEXED else "not known to be in"
            notes[f"left out: {best.name} ({unknown} UD v{wanted.removeprefix('r')})"] = None
            continue
        chosen.append(best.path)
        if not _is_original(best, wanted):
            original = False
            release = f"other release ({best.release})" if best.release else "release unknown"
            notes[f"{best.name}: {release}"] = None
    if not chosen and (processed := files.find(folder, _names(family, language, split))):
        return _Found((processed,), whole=True)
    if not chosen:
        roots = (f"ud-treebanks-v{wanted.removeprefix('r')}/", "ud/", "")
        tried = [f"{root}UD_*/{language}_*-ud-{split}.conllu" for root in roots]
        raise _missing(family, language, split, folder, tried, notes)
    release_folder = f"ud-treebanks-v{wanted.removeprefix('r')}"
    whole = all(path.absolute().parent.parent.name == release_folder for path in chosen)
    return _Found(tuple(chosen), tuple(notes), original, whole)


def _names(family: Family, language: str, split: str) -> list[str]:
    return [name.format(**family.codes(language)) for names in family.data.files[split] for name in names]


def _release(family: Family, language: str) -> str:
    """The release a language comes from, as INDEX.tsv writes it."""
    return f"r{family.data.releases.get(language, family.data.release)}"


def _is_original(treebank: _Treebank, wanted: str) -> bool:
    return treebank.release == wanted or (wanted == INDEXED and treebank.blob == "same")


def _preference(treebank: _Treebank, wanted: str) -> tuple[bool, bool, tuple[int, ...], bool]:
    """Smaller is better: the wanted release, what equals it, the oldest release, the file that is not packed."""
    number = tuple(int(part) for part in re.findall(r"\d+", treebank.release)) or (999,)
    packed = treebank.path.suffix in files.COMPRESSED
    return treebank.release != wanted, not _is_original(treebank, wanted), number, packed


def _candidates(language: str, split: str, folder: Path, wanted: str) -> Iterator[_Treebank]:
    """Files of the first root that has any: a release folder, the folder ``ud``, the data folder itself."""
    for root in _roots(folder, wanted):
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


_SEARCH = {"names": _listed, "treebanks": _treebanks}
"""How files are looked for, by `Data.search`; lines of two languages have a loader of their own."""


# --- candidates that the languages of a family share


@lru_cache(maxsize=4)
def pool(family: Family, split: str, folder: Path) -> Pool:
    """The candidates of lareqa or mewslix below `folder`; read once for all languages.

    LAReQA's are the sentences of all its languages; those without a file are named in the notes. Raises `MissingData`
    when nothing is there.
    """
    if family.data.candidates is not None:
        path = _entities(family, split, folder)
        return _pool(ranking.entities(path), {}, [path], family.data.candidates, ())
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
        raise _missing(family, family.languages[0], split, folder, _names(family, family.languages[0], split))
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
