"""Label sets of public NER heads, and every tagging scheme against two slow readings of the same tags.

The sets are recalled, not read: names as they were remembered of the checkpoints' configurations. What is wanted of
each follows from PAN-X's three types, not from the code.
"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from xstilts_eval.benchmark import UPOS, family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import labels, tagging
from xstilts_eval.models.label_map import LabelMap

PANX = family("panx")
Entity = tuple[str, int, int]


def tags(types: str, prefixes: str = "BI", pattern: str = "{p}-{t}") -> list[str]:
    """All tags of some types, type by type; a ``~`` in a type is a blank."""
    return [pattern.format(p=p, t=one.replace("~", " ")) for one in types.split() for p in prefixes]


_CONLL = "PER ORG LOC MISC"
_ONTONOTES = (
    "CARDINAL DATE EVENT FAC GPE LANGUAGE LAW LOC MONEY NORP ORDINAL ORG PERCENT PERSON PRODUCT QUANTITY TIME "
    "WORK_OF_ART"
)
_TNER = (
    "cardinal~number date person group geopolitical~area location organization facility time product work~of~art law "
    "money percent quantity ordinal~number event language"
)
_CAHYA = "CRD DAT EVT FAC GPE LAN LAW LOC MON NOR ORD ORG PER PRC PRD QTY REG TIM WOA"
_NAVER = "PER FLD AFW ORG LOC CVL DAT TIM NUM EVT ANM PLT MAT TRM"
_MOHA = "PERSON ORGANIZATION LOCATION DATE PRODUCT COMPETITION PRICE EVENT DISEASE"
_SUC = "OBJ TME ORG/PRS OBJ/ORG PRS/WRK WRK LOC ORG PER LOC/PRS LOC/ORG MSR EVN"

# Checkpoint or kind, its classes (recalled), the scheme, the names of PER, ORG and LOC in it, its special tokens.
HEADS = [
    ("tner/xlm-roberta-base-ontonotes5", ["O", *tags(_TNER)], "iob2", "person organization location", ""),
    (
        "HooshvareLab/bert-base-parsbert-ner-uncased",
        ["O", *tags("date event facility location money organization person product time percent")],
        "iob2",
        "person organization location",
        "",
    ),
    (
        "HooshvareLab peyma",
        ["O", *tags("DAT LOC MON ORG PCT PER TIM", pattern="{p}_{t}")],
        "iob2",
        "PER ORG LOC",
        "",
    ),
    ("cahya/bert-base-indonesian-NER", ["O", *tags(_CAHYA)], "iob2", "PER ORG LOC", ""),
    ("hatmimoha/arabic-ner", ["O", *tags(_MOHA)], "iob2", "PERSON ORGANIZATION LOCATION", ""),
    ("Davlan/xlm-roberta-base-ner-hrl", ["O", *tags("DATE PER ORG LOC")], "iob2", "PER ORG LOC", ""),
    (
        "xlm-roberta-large-finetuned-conll03-english",
        ["B-LOC", "B-MISC", "B-ORG", "I-LOC", "I-MISC", "I-ORG", "I-PER", "O"],
        "iob1",
        "PER ORG LOC",
        "",
    ),
    ("Babelscape/wikineural", ["O", *tags("PER ORG LOC MISC")], "iob2", "PER ORG LOC", ""),
    ("KB/bert-base-swedish-cased-ner", ["O", *_SUC.split()], "io", "PER ORG LOC", ""),
    ("KB with its special tokens", ["[PAD]", "O", *_SUC.split(), "[CLS]"], "io", "PER ORG LOC", "[PAD] [CLS]"),
    ("ckiplab/bert-base-chinese-ner", ["O", *tags(_ONTONOTES, "BIES")], "bioes", "PERSON ORG LOC", ""),
    ("wietsedv dutch", ["O", *tags("per org loc misc", "bi")], "iob2", "per org loc", ""),
    ("conll with X/[CLS]/[SEP]", ["O", *tags(_CONLL), "X", "[CLS]", "[SEP]"], "iob2", "PER ORG LOC", "X [CLS] [SEP]"),
    ("[PAD] first", ["[PAD]", "O", *tags("PER ORG LOC")], "iob2", "PER ORG LOC", "[PAD]"),
    ("<pad> last", ["O", *tags("PER ORG LOC"), "<pad>"], "iob2", "PER ORG LOC", "<pad>"),
    ("<unk> and <START>", ["<unk>", "O", *tags("PER ORG LOC"), "<START>"], "iob2", "PER ORG LOC", "<unk> <START>"),
    (
        "NoDaLiDa norne (GPE_LOC, GPE_ORG)",
        ["O", *tags("PER ORG LOC GPE_LOC GPE_ORG PROD EVT DRV MISC")],
        "iob2",
        "PER ORG LOC",
        "",
    ),
    ("russian collection3/nerus", ["O", *tags("PER ORG LOC")], "iob2", "PER ORG LOC", ""),
    ("hungarian (akdeniz27 hubert)", ["O", *tags(_CONLL)], "iob2", "PER ORG LOC", ""),
    ("estonian est-roberta ner", ["O", *tags("PER ORG LOC")], "iob2", "PER ORG LOC", ""),
    (
        "vietnamese PhoNER/VLSP",
        ["O", *tags("PERSON ORGANIZATION LOCATION MISCELLANEOUS")],
        "iob2",
        "PERSON ORGANIZATION LOCATION",
        "",
    ),
    ("MSRA", ["O", *tags("PER ORG LOC", "BMES")], "bmes", "PER ORG LOC", ""),
    ("naver", ["O", *tags(_NAVER, pattern="{t}-{p}")], "iob2", "PER ORG LOC", ""),
    ("klue", [*tags("DT LC OG PS QT TI"), "O"], "iob2", "PS OG LC", ""),
    # Kinds that no line of the table has.
    ("germeval", ["O", *tags("LOC LOCderiv LOCpart ORG ORGderiv PER PERpart OTH")], "iob2", "PER ORG LOC", ""),
    ("B/I/E without S", ["O", *tags("PER ORG LOC", "BIE")], "bie", "PER ORG LOC", ""),
    ("BILOU with a bar", ["O", *tags("PER ORG LOC x|y", "BILU", "{p}|{t}")], "bilou", "PER ORG LOC", ""),
    (
        "a blank between",
        ["O", *tags("person organization location", pattern="{p} {t}")],
        "iob2",
        "person organization location",
        "",
    ),
]


@pytest.mark.parametrize(("name", "names", "scheme", "types", "special"), HEADS, ids=[head[0] for head in HEADS])
def test_public_heads(name: str, names: list[str], scheme: str, types: str, special: str) -> None:
    """The three types are found, special tokens are masked, all other classes are O, and both are listed by name."""
    found = labels.understand(PANX, names)
    assert found.scheme == scheme
    label_of = dict(zip(types.split(), ("PER", "ORG", "LOC"), strict=True))
    expected = {one: "O" if one == "O" else next(iter(_labels(one, label_of)), "-") for one in names}
    assert {one: meaning.label for one, meaning in zip(names, found.meanings, strict=True)} == {
        one: label.replace("-", "O") for one, label in expected.items()
    }
    masked = special.split()
    extra = [one for one in names if expected[one] == "-" and one not in masked]
    assert [names[index] for index in found.special] == masked
    assert [names[index] for index in found.extra] == extra
    reading, notes = found.reading(), " ".join(found.notes)
    assert (list(reading.extra), list(reading.masked)) == (extra, masked)
    assert all(one in notes for one in (*extra, *masked))
    fields = {field.partition(":")[0] for field in reading.signature()}
    assert fields == {field for field, has in (("extra", extra), ("masked", masked)) if has}


def _labels(name: str, label_of: dict[str, str]) -> list[str]:
    """Labels of the types that, with one letter and one sign before or behind, are the whole name."""
    return [
        label
        for kind, label in label_of.items()
        if re.fullmatch(rf"([A-Za-z][-_| ])?{re.escape(kind)}([-_][A-Z])?", name, re.IGNORECASE)
    ]


def test_a_head_without_the_types_is_refused_and_what_is_near_them_is_named() -> None:
    names = ["O", *tags("address book company game government movie name organization position scene")]
    with pytest.raises(UnfitCheckpoint) as refusal:
        labels.understand(PANX, names)
    message = str(refusal.value)
    assert f"[{', '.join(names)}]" in message
    assert "PER cannot be found (near it: B-name, I-name)" in message
    assert "ORG is B-organization, I-organization" in message
    assert "LOC cannot be found (near it: B-address, I-address, B-scene, I-scene)" in message
    assert "panx_label_order=" in message


@pytest.mark.parametrize("name", ["tner/xlm-roberta-base-ontonotes5", "ckiplab/bert-base-chinese-ner"])
def test_geopolitical_entities_are_places_on_request_only(name: str) -> None:
    (names,) = (head[1] for head in HEADS if head[0] == name)
    places = [index for index, one in enumerate(names) if "GPE" in one or "geopolitical" in one]
    plain, asked = labels.understand(PANX, names), labels.understand(PANX, names, gpe="loc")
    assert {plain.meanings[index].label for index in places} == {"O"} and set(places) <= set(plain.extra)
    assert {asked.meanings[index].label for index in places} == {"LOC"} and not set(places) & set(asked.extra)
    assert any("gpe=loc" in note for note in plain.notes), "the way to it is shown"
    assert "gpe:loc" in asked.reading().signature()


# ------------------------------------------------------------------ schemes

KINDS = ("PER", "ORG", "LOC", "MISC")
PREFIXES = {
    "io": "",
    "iob1": "BI",
    "iob2": "BI",
    "bie": "BIE",
    "bies": "BIES",
    "bilu": "BILU",
    "bmes": "BMES",
    "i": "I",
    "ie": "IE",
}
"""Schemes by the prefixes that a set of their tags has; the first of IOB1 lacks B-PER, as the CoNLL-2003 heads do."""


def head_of(scheme: str, pattern: str = "{p}-{t}") -> tuple[LabelMap, list[str]]:
    names = ["O", *(tags(" ".join(KINDS), PREFIXES[scheme], pattern) if PREFIXES[scheme] else KINDS)]
    if scheme == "iob1":
        names.remove("B-PER")
    return labels.understand(PANX, names), names


def by_seqeval(own: list[str]) -> set[Entity]:
    """Entities by seqeval 1.2.2, which follows the conlleval script; it knows B, I, E, S and no other letters."""
    letters = {"M": "I", "L": "E", "U": "S"}
    split = [tag.rpartition("-") for tag in own]
    renamed = [kind if kind == "O" else f"{letters.get(p, p) or 'I'}-{kind}" for p, _, kind in split]
    return {entity for entity in get_entities(renamed) if entity[0] != "MISC"}


def by_definition(own: list[str]) -> set[Entity]:
    """Every span, tried: one type throughout, a beginning at its first word only, and the next word goes on no more."""

    def parts(place: int) -> tuple[str, str]:
        tag = own[place] if 0 <= place < len(own) else "O"
        prefix, _, kind = tag.rpartition("-")
        return prefix, kind

    def begins(place: int) -> bool:
        (before, last), (prefix, kind) = parts(place - 1), parts(place)
        return kind != "O" and (kind != last or prefix in tuple("BSU") or before in tuple("ESLU"))

    found: set[Entity] = set()
    for start in range(len(own)):
        for end in range(start, len(own)):
            kinds = {parts(place)[1] for place in range(start, end + 1)}
            inner = any(begins(place) for place in range(start + 1, end + 1))
            goes_on = parts(end + 1)[1] in kinds and not begins(end + 1)
            if len(kinds) == 1 and begins(start) and not inner and not goes_on:
                found.add((kinds.pop(), start, end))
    return {entity for entity in found if entity[0] not in ("O", "MISC")}


def entities(iob2: list[str]) -> set[Entity]:
    return set(get_entities(iob2))


@pytest.mark.parametrize("scheme", list(PREFIXES))
@given(data=st.data())
def test_any_sequence_has_the_entities_that_its_scheme_says(scheme: str, data: st.DataObject) -> None:
    """Well-formed or not: what a head predicts need not be."""
    found, names = head_of(scheme)
    sentence = data.draw(st.lists(st.sampled_from(names), max_size=9))
    answer = found.decode(names.index(tag) for tag in sentence)
    assert len(answer) == len(sentence) and set(answer) <= set(PANX.labels)
    assert entities(answer) == by_definition(sentence) == by_seqeval(sentence)
    if scheme != "iob2":  # there the head's own prefixes stay, and the metric reads a stray I- as a beginning
        assert all(tag[0] != "I" or answer[place - 1][2:] == tag[2:] for place, tag in enumerate(answer) if place)
        assert not answer or answer[0][0] != "I"


def spelled(sentence: list[tuple[str, int]], letters: str) -> list[str]:
    """Entities (type, words) in a scheme of four letters (first, inside, last, single), from its definition."""
    first, inside, last, single = list(letters)
    own: list[str] = []
    for kind, length in sentence:
        if kind == "O":
            own += ["O"] * length
        else:
            long = [first, *[inside] * (length - 2), last]
            own += [f"{letter}-{kind}" for letter in (long if length > 1 else single)]
    return own


@pytest.mark.parametrize(
    ("scheme", "letters", "pattern"),
    [
        ("iob2", "BIIB", "{t}_{p}"),
        ("bie", "BIEB", "{p}_{t}"),
        ("bies", "BIES", "{t}-{p}"),
        ("bilu", "BILU", "{p}|{t}"),
        ("bmes", "BMES", "{p}.{t}"),
    ],
)
@given(sentence=st.lists(st.tuples(st.sampled_from(["O", *KINDS]), st.integers(min_value=1, max_value=4)), max_size=6))
def test_what_was_written_in_a_scheme_is_read_back(
    scheme: str, letters: str, pattern: str, sentence: list[tuple[str, int]]
) -> None:
    """Prefix or suffix, any separator; neighbours of one type stay two entities."""
    found, names = head_of(scheme, pattern)
    plain = ["O", *tags(" ".join(KINDS), PREFIXES[scheme])]  # the same classes in the same order
    answer = found.decode(plain.index(tag) for tag in spelled(sentence, letters))
    assert len(plain) == len(names)
    assert answer == ["O" if tag.endswith("MISC") else tag for tag in spelled(sentence, "BIIB")]


# ------------------------------------------------------------------ scores


@given(data=st.data())
def test_probabilities_of_one_name_add(data: st.DataObject) -> None:
    """Against plain sums of plain exponentials, word by word; special tokens never win."""
    names = ["O", "PER", "[PAD]", "ORG", "PER", "LOC", "MISC", "O", "PER", "misc"]
    distinct = ["O", "PER", "ORG", "LOC", "MISC"]
    mask = data.draw(st.booleans())
    found = labels.understand(PANX, names, "mask" if mask else "drop")
    words = data.draw(st.lists(st.lists(st.integers(-6, 6), min_size=10, max_size=10), min_size=1, max_size=5))
    noise = np.random.default_rng(0).uniform(0, 1e-3, (len(words), len(names)))  # no ties
    scores = (np.array(words, dtype=np.float64) + noise).astype(np.float32)
    chosen, outside, special = [], 0, 0
    for row in scores.tolist():
        sums = {one: sum(np.exp(v) for v, n in zip(row, names, strict=True) if n.upper() == one) for one in distinct}
        special += np.exp(row[2]) > max(sums.values())
        outside += max(sums, key=sums.__getitem__) == "MISC"
        if mask:
            del sums["MISC"]
        chosen.append(max(sums, key=sums.__getitem__))
    answer, counts = tagging.decode([scores], found)
    assert [tag[2:] or "O" for tag in answer] == [one.replace("MISC", "O") for one in chosen]
    assert counts == {"outside_label_set": outside, "special_tokens": special}


def test_equal_parts_of_speech_add_too() -> None:
    names = [*UPOS, "noun", "<pad>"]
    found = labels.understand(family("udpos"), names)
    scores = np.full((1, len(names)), -9, dtype=np.float32)
    scores[0, [names.index("VERB"), names.index("NOUN"), 17, 18]] = [1.0, 0.5, 0.5, 3.0]
    answer, counts = tagging.decode([scores], found)
    assert answer == ["NOUN"], "e^0.5 + e^0.5 > e^1"
    assert counts == {"outside_label_set": 0, "special_tokens": 1}
