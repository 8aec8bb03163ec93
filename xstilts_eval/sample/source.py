"""Read and check the hand-written sample: one small file per language and kind in ``source/``.

The sample is written once in a compact form that a speaker can correct, and `build` turns it into the
benchmark's own file formats. Formats (UTF-8, NFC, one item per line):

* ``sentences/<lang>.txt``: 24 parallel sentences. Tokens are separated by one blank and written
  ``form|UPOS`` or ``form|UPOS|B-PER``; a leading ``~`` says "no space before this token"; a fused token lists
  its syntactic words in parentheses: ``du|ADP(de|ADP,le|DET)``.
* ``mining_dev/<lang>.txt``: 12 plain parallel sentences (the development set of BUCC).
* ``passages/<lang>.txt``: 5 passages (``P:``), each with four ``Q:``/``A:`` pairs; every answer occurs
  exactly once.
* ``xnli/<lang>.txt``: 8 blocks of ``P:``, ``E:``, ``N:``, ``C:`` (premise; entailment, neutral,
  contradiction).
* ``pawsx/<lang>.txt``: ``label TAB sentence TAB sentence``, labels 1 (paraphrase) and 0.
* ``xcopa/<lang>.txt``: 6 parallel blocks of ``P:``, ``Q:`` (cause or effect) and two options, the right one ``+:``, the
  other ``-:``.
* ``entities.txt``: ``language TAB title TAB description``, first the places that the sentences name, in their order.

English training and development data have the same formats under ``train/`` and ``dev/``. Those two folders also have
the intermediate tasks:

* ``qqp.txt``: as pawsx.
* ``{hellaswag,cosmosqa,commonsenseqa,siqa,copa}.txt``: blocks of ``P:`` (premise), ``Q:`` (question; HellaSwag: the
  words that begin every ending; none for CommonsenseQA) and the options in order, the right one ``+:``, others ``-:``.
* ``ccg.txt``: tokens separated by one blank, each written ``form|category``.

``python -m xstilts_eval.sample.source sentences fr de`` checks files against their English counterparts.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval.benchmark import PANX_TAGS, UPOS
from xstilts_eval.errors import DataError, UnknownName

SOURCE = Path(__file__).parent / "source"
QUESTIONS_PER_PASSAGE = 4


class SampleError(DataError):
    """A line of the sample source that breaks its format; the message names file and line."""


@dataclass(frozen=True)
class Token:
    """One surface token; `parts` are the syntactic words of a fused token as (form, UPOS)."""

    form: str
    upos: str
    ner: str = "O"
    space_before: bool = True
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Question:
    """A question and its answer, a string that occurs exactly once in the passage."""

    question: str
    answer: str


@dataclass(frozen=True)
class Passage:
    """A passage and its questions."""

    text: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class NliBlock:
    """A premise with one hypothesis of each class."""

    premise: str
    entailment: str
    neutral: str
    contradiction: str


@dataclass(frozen=True)
class ChoiceBlock:
    """A text with options to choose from; `question` may be empty, `right` is the place of the right option."""

    premise: str
    question: str
    options: tuple[str, ...]
    right: int


def _lines(path: Path) -> list[tuple[str, str]]:
    """Lines as (place, text); refuses empty lines, stray blanks and text that is not in form NFC."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{path.parent.name}/{path.name}:{number}"
        if not line.strip():
            raise SampleError(f"{place}: empty line")
        if line != unicodedata.normalize("NFC", line):
            raise SampleError(f"{place}: text is not in Unicode form NFC")
        if line != line.strip() or "  " in line:
            raise SampleError(f"{place}: stray blanks")
        if "\ufffd" in line:
            raise SampleError(f"{place}: U+FFFD, the mark of text that was decoded wrongly")
        rows.append((place, line))
    return rows


_TOKEN = re.compile(r"^(~?)([^|()~]+)\|([A-Z]+)(?:\|([BI]-[A-Z]+))?(?:\(([^()]+)\))?$")


def parse_sentence(line: str, place: str = "") -> tuple[Token, ...]:
    """Turn one line of ``sentences/`` into tokens; raises `SampleError` naming `place`."""
    tokens: list[Token] = []
    for item in line.split(" "):
        match = _TOKEN.match(item)
        if not match:
            raise SampleError(f"{place}: cannot read token {item!r}; expected form|UPOS[|B-PER][(form|UPOS,…)]")
        glue, form, upos, ner, inner = match.groups()
        parts = _parts(inner, item, place) if inner else ()
        for tag in (upos, *(tag for _, tag in parts)):
            if tag not in UPOS:
                raise SampleError(f"{place}: {tag!r} is not a UPOS tag (token {item!r})")
        ner = ner or "O"
        if ner not in PANX_TAGS:
            raise SampleError(f"{place}: {ner!r} is not one of {', '.join(PANX_TAGS)}")
        previous = tokens[-1].ner if tokens else "O"
        if ner.startswith("I-") and previous[1:] != ner[1:]:
            raise SampleError(f"{place}: {item!r} continues an entity that was not begun")
        tokens.append(Token(form, upos, ner, not glue, parts))
    return tuple(tokens)


def _parts(inner: str, item: str, place: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.split("|") for part in inner.split(",")]
    if len(pairs) == 1 or any(len(pair) != 2 or not pair[0] for pair in pairs):
        raise SampleError(f"{place}: a fused token lists two or more form|UPOS parts: {item!r}")
    return tuple((form, tag) for form, tag in pairs)


def detokenize(tokens: Sequence[Token]) -> str:
    """The sentence as it is written."""
    return "".join((" " if token.space_before else "") + token.form for token in tokens).strip()


def sentences(path: Path) -> list[tuple[Token, ...]]:
    """Read a file of tagged sentences."""
    return [parse_sentence(line, place) for place, line in _lines(path)]


def mining_dev(path: Path) -> list[str]:
    """Read a file of plain sentences."""
    return [line for _, line in _lines(path)]


def _prefixed(path: Path, allowed: str) -> list[tuple[str, str, str]]:
    rows = []
    for place, line in _lines(path):
        if line[0] not in allowed or line[1:3] != ": ":
            raise SampleError(f"{place}: a line starts with one of {', '.join(allowed)} and ': '")
        rows.append((place, line[0], line[3:]))
    return rows


def passages(path: Path) -> list[Passage]:
    """Read a file of passages, four questions each."""
    rows = _prefixed(path, "PQA")
    size = 1 + 2 * QUESTIONS_PER_PASSAGE
    found = []
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        if "".join(kind for _, kind, _ in block) != "P" + "QA" * QUESTIONS_PER_PASSAGE:
            raise SampleError(f"{block[0][0]}: a passage is P and then {QUESTIONS_PER_PASSAGE} times Q, A")
        text = block[0][2]
        for place, kind, answer in block:
            count = text.count(answer)
            if kind == "A" and count != 1:
                raise SampleError(f"{place}: answer {answer!r} occurs {count} times in its passage, not once")
        texts = [line for _, _, line in block[1:]]
        pairs = zip(texts[::2], texts[1::2], strict=True)
        found.append(Passage(text, tuple(Question(question, answer) for question, answer in pairs)))
    return found


def nli_blocks(path: Path) -> list[NliBlock]:
    """Read a file of premises with an entailed, a neutral and a contradicting hypothesis."""
    rows = _prefixed(path, "PENC")
    blocks = []
    for start in range(0, len(rows), 4):
        block = rows[start : start + 4]
        if "".join(kind for _, kind, _ in block) != "PENC":
            raise SampleError(f"{block[0][0]}: a block is P, E, N, C in this order")
        blocks.append(NliBlock(*(text for _, _, text in block)))
    return blocks


def paraphrases(path: Path) -> list[tuple[int, str, str]]:
    """Read a file of (label, sentence, sentence)."""
    rows = []
    for place, line in _lines(path):
        columns = line.split("\t")
        if len(columns) != 3 or columns[0] not in ("0", "1"):
            raise SampleError(f"{place}: expected label (0 or 1), TAB, sentence, TAB, sentence")
        if any(column != column.strip() or not column for column in columns):
            raise SampleError(f"{place}: stray blanks around a column")
        rows.append((int(columns[0]), columns[1], columns[2]))
    return rows


def choices(path: Path, options: int) -> list[ChoiceBlock]:
    """Read a file of premises with `options` options each, one of them right."""
    blocks: list[list[tuple[str, str, str]]] = []
    for row in _prefixed(path, "PQ+-"):
        if row[1] == "P" or not blocks:
            blocks.append([])
        blocks[-1].append(row)
    found = []
    for block in blocks:
        kinds = "".join(kind for _, kind, _ in block)
        marks = kinds.lstrip("P").lstrip("Q")
        if kinds[: -len(marks)] not in ("P", "PQ") or len(marks) != options or marks.count("+") != 1:
            raise SampleError(f"{block[0][0]}: a block is P, perhaps Q, and {options} options, one of them +")
        texts = [text for _, _, text in block]
        question = texts[1] if "Q" in kinds else ""
        found.append(ChoiceBlock(texts[0], question, tuple(texts[-options:]), marks.index("+")))
    return found


def entities(path: Path) -> list[tuple[str, str, str]]:
    """Read a file of described places: (language, title, description)."""
    rows = []
    for place, line in _lines(path):
        columns = line.split("\t")
        if len(columns) != 3 or not all(columns):
            raise SampleError(f"{place}: expected language, TAB, title, TAB, description")
        rows.append((columns[0], columns[1], columns[2]))
    return rows


def supertags(path: Path) -> list[list[tuple[str, str]]]:
    """Read a file of sentences with a CCG category behind every word: (form, category)."""
    found = []
    for place, line in _lines(path):
        words = [item.rpartition("|") for item in line.split(" ")]
        if any(not form or not tag for form, _, tag in words):
            raise SampleError(f"{place}: expected form|category, separated by one blank")
        found.append([(form, tag) for form, _, tag in words])
    return found


READERS: dict[str, Callable[[Path], Sequence[object]]] = {
    "sentences": sentences,
    "passages": passages,
    "xnli": nli_blocks,
    "pawsx": paraphrases,
    "mining_dev": mining_dev,
    "xcopa": lambda path: choices(path, 2),
}


def check(kind: str, lang: str, source: Path = SOURCE) -> str:
    """Compare one file with its English counterpart; returns a summary or raises `SampleError`."""
    if kind not in READERS:
        raise UnknownName.of("kind of sample file", kind, READERS)
    path, english_path = (source / kind / f"{code}.txt" for code in (lang, "en"))
    got, want = len(READERS[kind](path)), len(READERS[kind](english_path))
    if got != want:
        raise SampleError(f"{kind}/{lang}.txt has {got} items, English has {want}")
    if kind == "sentences":
        return _check_sentences(lang, path, english_path)
    if kind == "pawsx" and [row[0] for row in paraphrases(path)] != [row[0] for row in paraphrases(english_path)]:
        raise SampleError(f"pawsx/{lang}.txt: labels differ from the English file")
    return f"{kind} {lang}: ok"


def _check_sentences(lang: str, path: Path, english_path: Path) -> str:
    ours, english = sentences(path), sentences(english_path)
    for number, (mine, theirs) in enumerate(zip(ours, english, strict=True), 1):
        got, want = (sorted(token.ner for token in tokens if token.ner[0] == "B") for tokens in (mine, theirs))
        if got != want:
            raise SampleError(f"sentences/{lang}.txt:{number}: entities {got}, English has {want}")
    first_line: dict[str, int] = {}
    for number, text in enumerate(map(detokenize, ours), 1):
        if text in first_line:
            raise SampleError(f"sentences/{lang}.txt:{number}: the same sentence as line {first_line[text]}")
        first_line[text] = number
    return f"sentences {lang}: {len(ours)} lines, {sum(map(len, ours))} tokens"


if __name__ == "__main__":
    kind_argument, *languages = sys.argv[1:]
    for language in languages:
        try:
            print(check(kind_argument, language))
        except (SampleError, FileNotFoundError) as error:
            print("ERROR", error)
