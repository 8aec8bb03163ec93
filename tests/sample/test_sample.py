"""The hand-written source of the sample: every file parses, matches English, and is in the right script."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts_eval import kinds
from xstilts_eval.benchmark import XTREME, XTREMER, family
from xstilts_eval.languages import language, languages
from xstilts_eval.sample.source import (
    SOURCE,
    SampleError,
    check,
    choices,
    detokenize,
    mining_dev,
    nli_blocks,
    paraphrases,
    parse_sentence,
    passages,
    sentences,
)


def _of(*names: str) -> set[str]:
    return {code for name in names for code in family(name).languages} | {"en"}


LANGUAGES = {
    "sentences": set(languages()),  # UD-POS, PAN-X, Tatoeba, BUCC; Haitian Creole for FLORES-200 alone
    "passages": _of("xtremer_xquad", "mlqa", "tydiqa"),
    "xcopa": _of("xcopa"),
    "xnli": _of("xnli"),
    "pawsx": _of("pawsx"),
    "mining_dev": _of("bucc2018"),
}
FILES = [(kind, code) for kind, codes in LANGUAGES.items() for code in sorted(codes)]
ENGLISH_ONLY = ("sentences", "passages", "xnli", "pawsx")

# First words of the Unicode names of the letters that a script (ISO 15924) is written with.
LETTERS = {
    "Arab": ("ARABIC",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Geor": ("GEORGIAN",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hans": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK"),
    "Kore": ("HANGUL", "CJK"),
    "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",),
    "Mymr": ("MYANMAR",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}


def _texts(kind: str, path: Path) -> list[str]:
    """Every string of a source file that a reader of the sample will see."""
    if kind == "sentences":
        return [detokenize(tokens) for tokens in sentences(path)]
    if kind == "passages":
        return [
            text
            for passage in passages(path)
            for text in (passage.text, *(question.question for question in passage.questions))
        ]
    if kind == "xnli":
        return [t for b in nli_blocks(path) for t in (b.premise, b.entailment, b.neutral, b.contradiction)]
    if kind == "pawsx":
        return [text for _, first, second in paraphrases(path) for text in (first, second)]
    if kind == "xcopa":
        return [text for block in choices(path, 2) for text in (block.premise, *block.options)]
    return mining_dev(path)


def test_the_lists_cover_every_family() -> None:
    """A family added to the benchmark must be given sample files here."""
    assert {f.name for f in (*XTREME, *XTREMER)} == {
        "xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba",
        "xcopa", "lareqa", "mewslix",
    }  # fmt: skip
    assert {f.kind.name for f in (*XTREME, *XTREMER)} >= set(kinds.KINDS) - {"translation", "text"}


def test_xcopa_asks_the_same_in_every_language() -> None:
    english = choices(SOURCE / "xcopa/en.txt", 2)
    for code in family("xcopa").languages:
        blocks = choices(SOURCE / f"xcopa/{code}.txt", 2)
        assert [(one.question, one.right) for one in blocks] == [(one.question, one.right) for one in english], code


@pytest.mark.parametrize("kind", LANGUAGES)
def test_no_language_is_missing_or_unused(kind: str) -> None:
    assert {path.name for path in (SOURCE / kind).iterdir()} == {f"{code}.txt" for code in LANGUAGES[kind]}


@pytest.mark.parametrize(("kind", "code"), FILES)
def test_file_matches_english(kind: str, code: str) -> None:
    check(kind, code)


@pytest.mark.parametrize("code", sorted(LANGUAGES["sentences"]))
def test_sentences_are_aligned_and_carry_the_same_entities(code: str) -> None:
    ours, english = (sentences(SOURCE / "sentences" / f"{c}.txt") for c in (code, "en"))
    assert len(ours) == len(english) == 24
    for mine, theirs in zip(ours, english, strict=True):
        begun = [sorted(t.ner for t in tokens if t.ner.startswith("B-")) for tokens in (mine, theirs)]
        assert begun[0] == begun[1], detokenize(mine)


@pytest.mark.parametrize(("kind", "code"), FILES)
def test_script_is_the_one_of_the_language(kind: str, code: str) -> None:
    expected = LETTERS[language(code).script]
    text = "".join(_texts(kind, SOURCE / kind / f"{code}.txt"))
    letters = [char for char in text if unicodedata.category(char).startswith("L")]
    fitting = [char for char in letters if unicodedata.name(char).replace("-", " ").split()[0] in expected]
    assert len(fitting) >= 0.8 * len(letters) > 0


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.txt")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_text_is_clean(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "\ufffd" not in text
    assert "\r" not in text and "\ufeff" not in text
    assert text.endswith("\n")
    assert text == unicodedata.normalize("NFC", text)


def test_english_training_sizes() -> None:
    train, dev = SOURCE / "train", SOURCE / "dev"
    assert len(sentences(train / "sentences.txt")) == 200
    assert 3 * len(nli_blocks(train / "xnli.txt")) >= 100
    assert len(paraphrases(train / "pawsx.txt")) >= 100
    assert sum(len(passage.questions) for passage in passages(train / "passages.txt")) == 60
    assert len(sentences(dev / "sentences.txt")) >= 20
    assert 3 * len(nli_blocks(dev / "xnli.txt")) >= 20
    assert len(paraphrases(dev / "pawsx.txt")) >= 20
    assert sum(len(passage.questions) for passage in passages(dev / "passages.txt")) >= 12


@pytest.mark.parametrize("split", ["train", "dev"])
def test_both_classes_and_all_entity_types_are_learnable(split: str) -> None:
    labels = [label for label, _, _ in paraphrases(SOURCE / split / "pawsx.txt")]
    assert 0.4 <= sum(labels) / len(labels) <= 0.6
    found = {token.ner for tokens in sentences(SOURCE / split / "sentences.txt") for token in tokens}
    assert found == set(family("panx").labels)


@pytest.mark.parametrize("kind", ENGLISH_ONLY)
def test_no_english_text_is_in_two_splits(kind: str) -> None:
    test = set(_texts(kind, SOURCE / kind / "en.txt"))
    train, dev = (set(_texts(kind, SOURCE / split / f"{kind}.txt")) for split in ("train", "dev"))
    assert not train & test
    assert not dev & test
    assert not train & dev


def test_mining_sets_share_no_sentence() -> None:
    """English distractors are training and development sentences; a shared one would be an unlisted pair."""
    for code in sorted(LANGUAGES["mining_dev"]):
        dev = set(mining_dev(SOURCE / "mining_dev" / f"{code}.txt"))
        assert not dev & set(_texts("sentences", SOURCE / "sentences" / f"{code}.txt"))
    pools = (set(_texts("sentences", SOURCE / split / "sentences.txt")) for split in ("train", "dev"))
    assert not set().union(*pools) & set(mining_dev(SOURCE / "mining_dev" / "en.txt"))


# --- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Anna|PROPN lives|VERBO", "'VERBO' is not a UPOS tag"),
        ("Anna|PROPN lives", "cannot read token 'lives'"),
        ("Anna|PROPN|B-CITY", "'B-CITY' is not one of O, B-PER"),
        ("Port|PROPN Selma|PROPN|I-LOC", "continues an entity that was not begun"),
        ("Port|PROPN|B-ORG Selma|PROPN|I-LOC", "continues an entity that was not begun"),
        ("Port|PROPN|B-LOC of|ADP Selma|PROPN|I-LOC", "continues an entity that was not begun"),
        ("du|ADP(de|ADP,le|DET", "cannot read token"),
        ("du|ADP(de|ADP)", "lists two or more"),
        ("du|ADP(de|ADP,le)", "lists two or more"),
        ("du|ADP(de|ADP,le|ART)", "'ART' is not a UPOS tag"),
        ("|NOUN", "cannot read token"),
    ],
)
def test_bad_token_is_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sentences" / "xx.txt"
    path.parent.mkdir()
    path.write_text(f"Fine|ADJ ~.|PUNCT\n{line}\n", encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape(message)) as error:
        sentences(path)
    assert str(error.value).startswith("sentences/xx.txt:2: ")


_QA = "Q: Where?\nA: here\n"


@pytest.mark.parametrize(
    ("reader", "text", "line", "message"),
    [
        (passages, "P: It is here.\n" + _QA * 3 + "Q: Where?\nA: there\n", 9, "occurs 0 times"),
        (passages, "P: It is here, here.\n" + _QA * 4, 3, "occurs 2 times"),
        (passages, "P: It is here.\n" + _QA * 3, 1, "4 times Q, A"),
        (passages, "P: It is here.\n" + _QA * 5, 10, "4 times Q, A"),
        (passages, _QA * 4, 1, "4 times Q, A"),
        (passages, "P: It is here.\n" + _QA * 3 + "A: here\nQ: Where?\n", 1, "4 times Q, A"),
        (nli_blocks, "P: a\nE: b\nN: c\nC: d\nP: a\nE: b\nC: d\nN: c\n", 5, "P, E, N, C in this order"),
        (nli_blocks, "P: a\nE: b\nN: c\n", 1, "P, E, N, C in this order"),
        (nli_blocks, "P: a\nX: b\n", 2, "starts with one of P, E, N, C"),
        (paraphrases, "1\ta\tb\n2\ta\tb\n", 2, "expected label (0 or 1)"),
        (paraphrases, "1\ta b\n", 1, "expected label (0 or 1)"),
        (paraphrases, "1\ta \tb\n", 1, "stray blanks around a column"),
        (mining_dev, "a\n\nb\n", 2, "empty line"),
        (mining_dev, "a  b\n", 1, "stray blanks"),
        (mining_dev, "a \n", 1, "stray blanks"),
        (mining_dev, "cafe\u0301\n", 1, "not in Unicode form NFC"),
        (mining_dev, "caf\ufffd\n", 1, "U+FFFD"),
    ],
)
def test_bad_line_is_refused(
    reader: Callable[[Path], object], text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "kind" / "xx.txt"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape(message)) as error:
        reader(path)
    assert str(error.value).startswith(f"kind/xx.txt:{line}: ")


@pytest.mark.parametrize(
    ("kind", "english", "other", "message"),
    [
        ("sentences", "a|X\nb|X\n", "a|X\n", "sentences/xx.txt has 1 items, English has 2"),
        (
            "sentences",
            "a|X\nb|X|B-LOC\n",
            "a|X\nb|X\n",
            "sentences/xx.txt:2: entities [], English has ['B-LOC']",
        ),
        ("sentences", "a|X\nb|X\n", "c|X\nc|X\n", "sentences/xx.txt:2: the same sentence as line 1"),
        ("xnli", "P: a\nE: b\nN: c\nC: d\n" * 2, "P: a\nE: b\nN: c\nC: d\n", "has 1 items, English has 2"),
        ("passages", ("P: It is here.\n" + _QA * 4) * 2, "P: It is here.\n" + _QA * 4, "has 1 items"),
        ("pawsx", "1\ta\tb\n", "0\ta\tb\n", "pawsx/xx.txt: labels differ"),
        ("mining_dev", "a\nb\n", "a\nb\nc\n", "mining_dev/xx.txt has 3 items, English has 2"),
    ],
)
def test_difference_from_english_is_refused(kind: str, english: str, other: str, message: str, tmp_path: Path) -> None:
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "en.txt").write_text(english, encoding="utf-8")
    (tmp_path / kind / "xx.txt").write_text(other, encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape(message)):
        check(kind, "xx", tmp_path)


def test_unknown_kind_offers_the_known_ones() -> None:
    with pytest.raises(LookupError, match="did you mean sentences"):
        check("sentence", "fr")


def test_fused_tokens_and_spacing() -> None:
    tokens = parse_sentence("L'|DET ~eau|NOUN du|ADP|B-LOC(de|ADP,le|DET) lac|NOUN|I-LOC ~.|PUNCT")
    assert detokenize(tokens) == "L'eau du lac."
    assert tokens[2].parts == (("de", "ADP"), ("le", "DET"))
    assert [token.ner for token in tokens] == ["O", "O", "B-LOC", "I-LOC", "O"]
