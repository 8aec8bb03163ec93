"""CoNLL-U → tagged sentences, words fused as XTREME fuses them.

XTREME scores surface tokens: a multi-word token such as French ``du`` (``de`` + ``le``) counts once and has
the UPOS of the head of its span. The rule is that of google-research/xtreme @ 838c13b,
`third_party/ud-conversion-tools` followed by `utils_preprocess.py:190-289`, re-told here:

* The head of a span is its word with the fewest distinct ancestors, counting basic *and* enhanced edges
  (those from empty nodes apart). All heads are found before anything is fused; cycles are allowed.
* Ties go to the UPOS that comes first in a precedence list of the language, then to the leftmost word. The
  original stops with an error at a tie that involves a tag missing from its list; here such a tag comes last.
* Empty nodes (``5.1``) vanish. Blanks and U+200C are removed inside tokens.
* A sentence stays if it has no ``_`` form, or fewer than its length minus one (drops treebanks without text).
* The tag ``_`` stays as it is; any tag that is neither ``_`` nor one of the 17 UPOS is an error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts_eval.data import files
from xstilts_eval.data.examples import Tagged
from xstilts_eval.errors import DataError
from xstilts_eval.wording import counted

UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
)  # fmt: skip

_TAGS = frozenset([*UPOS, "_"])
COLUMNS = 10
_DIGITS = 10
"""No sentence has as many words; Python refuses numbers of thousands of digits with an error of its own."""
_DEFAULT_PRECEDENCE = (
    *("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ"),
    *("AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X", "PUNCT"),
)
_PRECEDENCE = {
    "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
    "fr": ("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ", "CONJ"),
    "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
}


@dataclass
class _Sentence:
    """One sentence as read: parallel lists over its words (word *i* is entry *i* - 1) and its spans."""

    first_line: int
    forms: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    enhanced: list[str] = field(default_factory=list)
    spans: list[tuple[int, int, str]] = field(default_factory=list)


def read(path: Path, language: str | None = None) -> list[Tagged]:
    """Sentences of one treebank file as XTREME scores them.

    `language` (default: the file name up to the first underscore) chooses the precedence list. Ids are
    ``<file>.<n>`` with the 0-based position among *all* sentences of the file. Raises `DataError`.
    """
    language = path.name.split("_")[0] if language is None else language
    precedence = _PRECEDENCE.get(language, _DEFAULT_PRECEDENCE)
    stem = files.plain_name(path).removesuffix(".conllu")
    kept: list[Tagged] = []
    total = 0
    for position, sentence in enumerate(_sentences(path)):
        total += 1
        forms, tags = _fused(sentence, precedence) if sentence.spans else (sentence.forms, sentence.tags)
        without_text = forms.count("_")
        if without_text and without_text >= len(forms) - 1:
            continue
        tokens = tuple(form.replace(" ", "").replace("\u200c", "") for form in forms)
        kept.append(Tagged(f"{stem}.{position}", tokens, tuple(tags)))
    if not total:
        raise DataError(f"{path}: no examples")
    return kept


def _sentences(path: Path) -> Iterator[_Sentence]:
    """Sentences in file order, every line checked."""
    sentence: _Sentence | None = None
    for number, line in files.lines(path):
        if not line.strip():
            if sentence is not None:
                yield _closed(path, sentence)
                sentence = None
            continue
        if line[0] == "#":
            continue
        if sentence is None:
            sentence = _Sentence(number)
        _add(path, number, line, sentence)
    if sentence is not None:  # the last blank line is often lost in editors; the sentence is whole without it
        yield _closed(path, sentence)


def _add(path: Path, number: int, line: str, sentence: _Sentence) -> None:
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        found = counted(len(columns), "column")
        raise DataError(f"{path}, line {number}: {found} separated by TAB; CoNLL-U has {COLUMNS}")
    name, form, tag, head = columns[0], columns[1].strip(), columns[3].strip(), columns[6]
    expected = len(sentence.forms) + 1
    if name == str(expected):
        if tag not in _TAGS:
            raise DataError(f"{path}, line {number}: UPOS {tag!r}; allowed: {' '.join(UPOS)} and _")
        if head != "_" and not _is_number(head):
            raise DataError(f"{path}, line {number}: head {head!r} is not the number of a word")
        sentence.forms.append(form)
        sentence.tags.append(tag)
        sentence.heads.append(head)
        sentence.enhanced.append(columns[8])
    elif "-" in name:
        first, last = _span(path, number, name)
        after = sentence.spans[-1][1] + 1 if sentence.spans else 1
        if first != expected or first < after or last < first:
            wanted = max(expected, after)
            raise DataError(f"{path}, line {number}: span {name} where one from {wanted} was expected")
        sentence.spans.append((first, last, form))
    elif "." in name:
        before, _, part = name.partition(".")
        if not (_is_number(before) and _is_number(part)) or int(before) != expected - 1:
            raise DataError(f"{path}, line {number}: empty node {name!r} does not follow word {before}")
    else:
        raise DataError(f"{path}, line {number}: id {name!r} where {expected} was expected")


def _span(path: Path, number: int, name: str) -> tuple[int, int]:
    first, _, last = name.partition("-")
    if not (_is_number(first) and _is_number(last)):
        raise DataError(f"{path}, line {number}: id {name!r} is neither a word number nor a span such as 3-4")
    return int(first), int(last)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < _DIGITS


def _closed(path: Path, sentence: _Sentence) -> _Sentence:
    """The sentence, once its heads and spans are known to stay inside it."""
    length = len(sentence.forms)
    where = f"{path}, sentence at line {sentence.first_line}"
    if not length:
        raise DataError(f"{where}: no words")
    if sentence.spans and sentence.spans[-1][1] > length:
        first, last, _ = sentence.spans[-1]
        raise DataError(f"{where}: span {first}-{last} goes beyond the last word, {length}")
    for word, head in enumerate(sentence.heads, 1):
        if head != "_" and int(head) > length:
            raise DataError(f"{where}: the head of word {word} is {head}, beyond the last word, {length}")
    return sentence


def _fused(sentence: _Sentence, precedence: Sequence[str]) -> tuple[list[str], list[str]]:
    """Forms and tags with every span replaced by its surface form and the tag of its head."""
    edges = [_heads_of(basic, extra) for basic, extra in zip(sentence.heads, sentence.enhanced, strict=True)]
    forms: list[str] = []
    tags: list[str] = []
    done = 0
    for first, last, form in sentence.spans:
        forms += sentence.forms[done : first - 1]
        tags += sentence.tags[done : first - 1]
        forms.append(form)
        tags.append(sentence.tags[_head(range(first, last + 1), edges, sentence.tags, precedence) - 1])
        done = last
    return forms + sentence.forms[done:], tags + sentence.tags[done:]


def _head(span: range, edges: Sequence[set[int]], tags: Sequence[str], precedence: Sequence[str]) -> int:
    """Number of the word nearest the root (see the module's first lines)."""
    depths = [_ancestors(word, edges) for word in span]
    nearest = [word for word, depth in zip(span, depths, strict=True) if depth == min(depths)]
    ranks = {tag: rank for rank, tag in enumerate(precedence)}
    return min(nearest, key=lambda word: ranks.get(tags[word - 1], len(ranks)))  # the leftmost of equals


def _heads_of(basic: str, enhanced: str) -> set[int]:
    """Direct heads of a word, 0 being the root; heads that are empty nodes are passed over."""
    heads = {int(basic)} if basic != "_" else set()
    if enhanced != "_":
        names = (pair.split(":")[0] for pair in enhanced.split("|"))
        heads.update(int(name) for name in names if _is_number(name))
    return heads


def _ancestors(word: int, edges: Sequence[set[int]]) -> int:
    """How many other nodes, the root included, lie on any way from `word` upwards."""
    seen: set[int] = set()
    waiting = [word]
    while waiting:
        node = waiting.pop()
        if 1 <= node <= len(edges):
            new = edges[node - 1] - seen
            seen |= new
            waiting += new
    return len(seen - {word})
