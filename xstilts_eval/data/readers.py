"""The benchmark's raw formats → examples, one function each.

All read files as their makers published them, keep every row in file order, and raise `DataError` naming
file and line (or question). Ids that repeat get ``#2``, ``#3`` … appended. Formats: google-research/xtreme
@ 838c13b, `utils_preprocess.py` and `scripts/download_data.sh`. Files whose labels or answers were taken out
raise `MissingData`, a `DataError` too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from xstilts_eval.data import files
from xstilts_eval.data.examples import Answer, Bitext, Corpus, Pair, Question, Tagged
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.reading import Json
from xstilts_eval.wording import counted

XNLI_COLUMNS = {0: "language", 1: "gold_label", 6: "sentence1", 7: "sentence2", 9: "pairID"}
MULTINLI_HEADER = ("premise", "hypo", "label")
PAWSX_HEADER = ("id", "sentence1", "sentence2", "label")
_SHOWN = 3
"""Ids an error shows."""
_XNLI_WIDTH = max(XNLI_COLUMNS) + 1
_SPELLINGS = {"contradictory": "contradiction"}  # XNLI-MT writes the first, XNLI the second

T = TypeVar("T")
Named = TypeVar("Named", Pair, Question)


def xnli(path: Path, language: str, labels: Sequence[str]) -> list[Pair]:
    """One language of ``xnli.test.tsv`` or ``xnli.dev.tsv``; the id is the pairID."""
    rows = _rows(path)
    _check_header(path, next(rows, (1, ""))[1].split("\t"), XNLI_COLUMNS)
    allowed = {label: index for index, label in enumerate(labels)}
    prefix = f"{language}\t"
    pairs: list[Pair] = []
    for number, line in rows:
        if line.count("\t") + 1 < _XNLI_WIDTH:
            raise _columns(path, number, line.count("\t") + 1, f"at least {_XNLI_WIDTH}")
        if not line.startswith(prefix):  # only one language in fifteen is worth splitting
            continue
        cells = line.split("\t")
        label = _class(path, number, cells[1], allowed)
        pairs.append(Pair(cells[9].strip(), cells[6].strip(), cells[7].strip(), label))
    if not pairs:
        raise DataError(f"{path}: no examples in language {language!r}")
    return _distinct(pairs)


def multinli(path: Path, labels: Sequence[str]) -> list[Pair]:
    """``multinli.train.en.tsv`` of XNLI-MT-1.0: premise, hypothesis, label; the id is the row from 0."""
    rows = _rows(path)
    _check_header(path, next(rows, (1, ""))[1].split("\t"), dict(enumerate(MULTINLI_HEADER)))
    allowed = {label: index for index, label in enumerate(labels)}
    pairs: list[Pair] = []
    for number, line in rows:
        cells = line.split("\t")
        if len(cells) != 3:
            raise _columns(path, number, len(cells), "3")
        label = _class(path, number, cells[2], allowed)
        pairs.append(Pair(str(len(pairs)), cells[0].strip(), cells[1].strip(), label))
    return _some(path, pairs)


def pawsx(path: Path, labels: Sequence[str]) -> list[Pair]:
    """PAWS-X: official layout (header; id, two sentences, label) or XTREME's (`processed_pairs`)."""
    rows = [(number, line.split("\t")) for number, line in _rows(path)]
    if not rows or tuple(rows[0][1]) != PAWSX_HEADER:
        return processed_pairs(path, labels, "test_2k.tsv of the original archive x-final.tar.gz")
    return _labelled_pairs(path, rows[1:], labels, 4)


def processed_pairs(path: Path, labels: Sequence[str], original: str) -> list[Pair]:
    """XNLI and PAWS-X as XTREME's preprocessing writes them: two sentences and the label, no header.

    The id is the row from 0; `original` names the file that has the labels which XTREME takes out of test files.
    """
    rows = [(number, line.split("\t")) for number, line in _rows(path)]
    if rows and all(len(cells) == 2 for _, cells in rows):
        raise _unlabelled(path, original)
    return _labelled_pairs(path, rows, labels, 3)


def _labelled_pairs(path: Path, rows: Sequence[tuple[int, list[str]]], labels: Sequence[str], width: int) -> list[Pair]:
    """Rows of `width` columns, the last three being two sentences and a label.

    In the original archives quotes are ordinary characters. Copies that went through a CSV writer, as XTREME's did,
    have them wrapped and doubled; that is undone, so that both give the same text.
    """
    for number, cells in rows:
        if len(cells) != width:
            raise _columns(path, number, len(cells), str(width))
    if _went_through_csv(cell for _, cells in rows for cell in cells):
        rows = [(number, [_unquoted(cell) for cell in cells]) for number, cells in rows]
    allowed = {label: index for index, label in enumerate(labels)}
    pairs: list[Pair] = []
    for number, cells in rows:
        name = cells[0].strip() if width > 3 else str(len(pairs))
        label = _class(path, number, cells[-1], allowed)
        pairs.append(Pair(name, cells[-3].strip(), cells[-2].strip(), label))
    return _distinct(_some(path, pairs))


def processed_tags(path: Path, labels: Sequence[str], original: str) -> list[Tagged]:
    """PAN-X and UD-POS as XTREME's preprocessing writes them: ``token TAB tag``, blank lines between sentences.

    The id is the sentence from 0. XTREME cuts a token of PAN-X that is nothing but white space down to nothing; here it
    is one blank, so that words and tags keep their number. `original` as in `processed_pairs`.
    """
    allowed = frozenset(labels)
    sentences: list[Tagged] = []
    words: list[tuple[str, str]] = []
    bare: list[int] = []
    for number, line in files.lines(path):
        if not line.strip():
            _close(sentences, words)
            continue
        cells = line.split("\t")
        if len(cells) == 1:
            bare.append(number)
            continue
        tag = cells[1].strip()
        if len(cells) != 2 or not tag:
            raise _columns(path, number, sum(bool(cell.strip()) for cell in cells), "2 (token, tag)")
        if tag not in allowed:
            raise _label(path, number, tag, labels)
        words.append((cells[0].strip() or " ", tag))
    _close(sentences, words)
    if bare and not sentences:
        raise _unlabelled(path, original)
    if bare:
        raise _columns(path, bare[0], 1, "2 (token, tag)")
    return _some(path, sentences)


def _close(sentences: list[Tagged], words: list[tuple[str, str]]) -> None:
    """Move the words of a sentence, if there are any, to `sentences`."""
    if words:
        tokens, tags = zip(*words, strict=True)
        sentences.append(Tagged(str(len(sentences)), tokens, tags))
        words.clear()


def _unlabelled(path: Path, original: str) -> MissingData:
    return MissingData(
        f"{path} has no labels: XTREME's preprocessing takes them out of its test files, so they cannot be scored; use "
        f"{original}, or score the dev files, which keep theirs"
    )


def panx(path: Path, labels: Sequence[str]) -> list[Tagged]:
    """PAN-X: lines ``lang:token TAB label``, blank lines between sentences; the id is the sentence from 0.

    A token is what stands between the first colon and the TAB, without white space around it; one that is
    nothing but white space (Thai has such) stays as it is, so that words and labels keep their number.
    """
    allowed = frozenset(labels)
    sentences: list[Tagged] = []
    words: list[tuple[str, str]] = []
    for number, line in files.lines(path):
        if not line.strip():
            _close(sentences, words)
            continue
        cells = line.split("\t")
        if len(cells) != 2 or not cells[1].strip():
            found = sum(bool(cell.strip()) for cell in cells)
            raise _columns(path, number, found, "2 (lang:token, label)")
        prefix, colon, token = cells[0].partition(":")
        if not colon:
            raise DataError(f"{path}, line {number}: {prefix!r} does not begin with a language and a colon")
        tag = cells[1].strip()
        if tag not in allowed:
            raise _label(path, number, tag, labels)
        words.append((token.strip() or token, tag))
    _close(sentences, words)
    return _some(path, sentences)


def squad(
    path: Path,
    group: Literal["article", "paragraph"] = "paragraph",
    answers: Literal["required", "optional"] = "required",
) -> list[Question]:
    """SQuAD-style JSON: XQuAD, MLQA, TyDiQA-GoldP, SQuAD.

    `group` names the unit of independence: ``article`` gives ``3``, ``paragraph`` ``3.7`` (both from 0).
    Every answer must stand at its position in the context. With ``required``, a question without an answer,
    or with the blank one that XTREME's preprocessing leaves, is an error; with ``optional`` it has no
    answers.
    """
    questions: list[Question] = []
    blank: list[str] = []
    for place, context, raw in _questions(path):
        name = _field(path, place, raw, "id", str)
        text = _field(path, f"question {name!r}", raw, "question", str)
        gold = _answers(path, name, context, _field(path, f"question {name!r}", raw, "answers", list))
        if not gold:
            blank.append(name)
        unit = place.split(".")[0] if group == "article" else place
        questions.append(Question(name, context, text, gold, unit))
    if blank and answers == "required":
        raise _unanswered(path, blank, len(questions))
    return _distinct(_some(path, questions))


def _unanswered(path: Path, names: Sequence[str], total: int) -> MissingData:
    """Whether XTREME blanked the whole file, or a few questions have no answer of their own."""
    if len(names) == total:
        return MissingData(
            f"{path}: {total:,} of {total:,} questions have no answers (XTREME's scripts blank those of the test "
            "sets), so they cannot be scored; use the file of the original archive"
        )
    shown = ", ".join(repr(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    have = "has no answer" if len(names) == 1 else "have no answers"
    return MissingData(
        f"{path}: {len(names):,} of {total:,} questions {have} ({shown}), so the file cannot be scored; in this task "
        "every question has one, so use the file of the original archive"
    )


def bucc(source: Path, target: Path, gold: Path, name: str) -> Corpus:
    """One BUCC corpus: ``id TAB text`` in `source` (foreign) and `target` (English), pairs of ids in `gold`.

    Columns after the second are ignored, as `scripts/run_bucc2018.sh` (``cut -f2``) does.
    """
    foreign, english = _sentences_by_id(source), _sentences_by_id(target)
    pairs = set()
    for number, line in _rows(gold):
        cells = line.strip().split("\t")
        if len(cells) != 2:
            raise _columns(gold, number, len(cells), "2 (foreign id, English id)")
        for cell, side, path in zip(cells, (foreign, english), (source, target), strict=True):
            if cell not in side:
                raise DataError(f"{gold}, line {number}: no sentence {cell!r} in {path.name}")
        pairs.add((cells[0], cells[1]))
    if not pairs:
        raise DataError(f"{gold}: no examples")
    return Corpus(name, foreign, english, frozenset(pairs))


def tatoeba(source: Path, target: Path) -> list[Bitext]:
    """Two files of equally many lines, foreign and English; the id is the line from 0."""
    foreign = [line for _, line in _rows(source)]
    english = [line for _, line in _rows(target)]
    if len(foreign) != len(english):
        raise DataError(
            f"{source} has {counted(len(foreign), 'line')} and {target.name} {len(english):,}; they must have "
            "the same number, because line n of one translates line n of the other"
        )
    both = enumerate(zip(foreign, english, strict=True))
    return _some(source, [Bitext(str(line), left, right) for line, (left, right) in both])


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a table; a blank one, which no format here allows, is an error unless nothing follows it."""
    blank = 0
    for number, line in files.lines(path):
        if not line.strip():
            blank = blank or number
        elif blank:
            raise DataError(f"{path}, line {blank}: blank line")
        else:
            yield number, line


def _check_header(path: Path, header: Sequence[str], expected: dict[int, str]) -> None:
    for column, name in expected.items():
        found = header[column].strip() if column < len(header) else ""
        if found != name:
            raise DataError(f"{path}, line 1: column {column + 1} of the header is {found!r}, not {name!r}")


def _columns(path: Path, number: int, found: int, expected: str) -> DataError:
    return DataError(f"{path}, line {number}: {counted(found, 'column')} separated by TAB; expected {expected}")


def _label(path: Path, number: int, found: str, allowed: Iterable[str]) -> DataError:
    return DataError(f"{path}, line {number}: label {found!r}; allowed: {', '.join(allowed)}")


def _class(path: Path, number: int, cell: str, allowed: dict[str, int]) -> int:
    label = cell.strip()
    index = allowed.get(_SPELLINGS.get(label, label))
    if index is None:
        raise _label(path, number, label, allowed)
    return index


def _went_through_csv(cells: Iterable[str]) -> bool:
    """Whether every cell with a quote looks as a CSV writer leaves it: wrapped, with inner quotes doubled.

    One cell that does not is proof of the contrary; the original translations have hundreds of those.
    """
    seen = False
    for cell in cells:
        if '"' not in cell:
            continue
        inner = cell[1:-1]
        wrapped = len(cell) > 1 and cell[0] == cell[-1] == '"'
        if not wrapped or '""' not in inner or '"' in inner.replace('""', ""):
            return False
        seen = True
    return seen


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _distinct(examples: list[Named]) -> list[Named]:
    """The examples, the second and later bearers of an id renamed.

    XTREME's per-language TyDiQA training files number the questions of each document anew.
    """
    seen: Counter[str] = Counter()
    result = []
    for example in examples:
        seen[example.id] += 1
        count = seen[example.id]
        result.append(example if count == 1 else replace(example, id=f"{example.id}#{count}"))
    return result


def _some(path: Path, examples: list[T]) -> list[T]:
    if not examples:
        raise DataError(f"{path}: no examples")
    return examples


def _sentences_by_id(path: Path) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for number, line in _rows(path):
        cells = line.split("\t", 2)
        if len(cells) < 2:
            raise _columns(path, number, len(cells), "2 (id, sentence)")
        if cells[0] in sentences:
            raise DataError(f"{path}, line {number}: id {cells[0]!r} occurs a second time")
        sentences[cells[0]] = cells[1]
    if not sentences:
        raise DataError(f"{path}: no examples")
    return sentences


def _questions(path: Path) -> Iterator[tuple[str, str, Json]]:
    """``article.paragraph`` (both from 0), context and raw question, in file order."""
    content = files.read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: a JSON object with the field 'data' was expected")
    for article, document in enumerate(_field(path, "top level", content, "data", list)):
        for paragraph, passage in enumerate(_field(path, f"article {article}", document, "paragraphs", list)):
            place = f"{article}.{paragraph}"
            context = _field(path, f"paragraph {place}", passage, "context", str)
            for question in _field(path, f"paragraph {place}", passage, "qas", list):
                yield place, context, question


def _field(path: Path, place: str, holder: Any, name: str, kind: type[T]) -> T:
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{path}, {place}: field {name!r} ({kind.__name__}) is missing or of another type")
    return value


def _answers(path: Path, name: str, context: str, raw: list[Any]) -> tuple[Answer, ...]:
    """Gold answers, each checked against the context; blank ones are left out."""
    found = []
    for entry in raw:
        text = _field(path, f"question {name!r}", entry, "text", str)
        start = _field(path, f"question {name!r}", entry, "answer_start", int)
        if start < 0 or context[start : start + len(text)] != text:
            raise DataError(
                f"{path}, question {name!r}: the answer is {text!r}, but its context has "
                f"{context[max(start, 0) : max(start, 0) + len(text)]!r} at character {start}"
            )
        if text:
            found.append(Answer(text, start))
    return tuple(found)
