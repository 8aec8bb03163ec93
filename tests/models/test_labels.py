"""Label names of public checkpoints and what they must mean; the sets are those of real configurations."""

import gzip
from collections import Counter, defaultdict
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import PANX_TAGS, UPOS, family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import joined_order, split_order
from xstilts_eval.models import label_map, labels
from xstilts_eval.models.tagsets import PENN

XNLI, PAWSX, PANX, UDPOS = (family(name) for name in ("xnli", "pawsx", "panx", "udpos"))

_PENN = """
O `` " , : . '' $ # CC CD DT EX FW IN JJ JJR JJS -LRB- LS MD NN NNP NNPS NNS PDT POS PRP PRP$ RB RBR RBS RP -RRB- SYM
TO UH VB VBD VBG VBN VBP VBZ WDT WP WP$ WRB
"""
_FRENCH = """
O ADJ ADJWH ADV ADVWH CC CLO CLR CLS CS DET DETWH ET I NC NPP P P+D PONCT PREF PRO PROREL PROWH U V VIMP VINF VPP VPR VS
"""
PENN_NAMES, FRENCH_TREEBANK = _PENN.split(), _FRENCH.split()


def order(names: list[str]) -> list[int]:
    return labels.understand(XNLI, names).order(XNLI.labels)


def ner(names: str, tags: str, **options: str) -> str:
    """Decode a sentence of a head's own tags, both written with spaces."""
    own = names.split()
    found = labels.understand(PANX, own, **options)  # type: ignore[arg-type]
    return " ".join(found.decode(own.index(tag) for tag in tags.split()))


# ------------------------------------------------------------------ pairs


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Class of contradiction, entailment, neutral.
        (["contradiction", "neutral", "entailment"], [0, 2, 1]),
        (["contradiction", "entailment", "neutral"], [0, 1, 2]),
        (["entailment", "neutral", "contradiction"], [2, 0, 1]),
        (["ENTAILMENT", "NEUTRAL", "CONTRADICTION"], [2, 0, 1]),
        (["contradictory", "neutral", "entailment"], [0, 2, 1]),
        (["e", "n", "c"], [2, 0, 1]),
        (["Entails", "Neither", "Contradicts"], [2, 0, 1]),
        (["ｅｎｔａｉｌｍｅｎｔ", " neutral ", "Contradiction"], [2, 0, 1]),  # full-width: NFKC
    ],
)
def test_nli_labels_in_any_order_case_and_form(names: list[str], expected: list[int]) -> None:
    assert order(names) == expected


@pytest.mark.parametrize("names", list(permutations(["contradiction", "entailment", "neutral"])))
def test_the_order_is_the_inverse_of_the_names(names: tuple[str, ...]) -> None:
    assert [names[index] for index in order(list(names))] == ["contradiction", "entailment", "neutral"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["not_paraphrased", "paraphrased"], [0, 1]),
        (["paraphrase", "not_paraphrase"], [1, 0]),
        (["Different-Meaning", "Same"], [0, 1]),
        (["0", "1"], [0, 1]),
        (["1", "0"], [1, 0]),
        (["yes", "NO"], [1, 0]),
        (["not equivalent", "equivalent"], [0, 1]),
        (["not__duplicate", "duplicate"], [0, 1]),
    ],
)
def test_paraphrase_labels_with_negated_forms(names: list[str], expected: list[int]) -> None:
    assert labels.understand(PAWSX, names).order(PAWSX.labels) == expected


@pytest.mark.parametrize(
    ("name", "names", "hint"),
    [
        ("xnli", ["entailment", "not_entailment"], "a two-way head cannot tell neutral from contradiction"),
        ("xnli", ["entailment", "non-entailment"], "two-way"),
        ("xnli", ["entailment", "entailment", "neutral"], ""),
        ("xnli", ["entailment", "neutral", "contradiction", "other"], ""),
        ("xnli", ["positive", "neutral", "negative"], ""),
        ("pawsx", ["contradiction", "entailment", "neutral"], ""),
        ("pawsx", ["paraphrase", "same"], ""),
    ],
)
def test_pair_labels_that_do_not_fit_are_refused_naming_both_sets(name: str, names: list[str], hint: str) -> None:
    with pytest.raises(UnfitCheckpoint) as refusal:
        labels.understand(family(name), names)
    message = str(refusal.value)
    assert f"its labels are [{', '.join(names)}], {name} needs [{', '.join(family(name).labels)}]" in message
    assert hint in message


@pytest.mark.parametrize("names", [["LABEL_0", "LABEL_1", "LABEL_2"], ["0", "1", "2"], ["label-0", "label 1", "2"]])
def test_numbers_say_nothing_and_the_likely_orders_are_shown(names: list[str]) -> None:
    assert label_map.says_nothing(names)
    with pytest.raises(UnfitCheckpoint) as refusal:
        labels.understand(XNLI, names)
    # The three orders of section 1 of the notes on public checkpoints (data order, its reverse, cross-encoders).
    for likely in (
        "entailment|neutral|contradiction",
        "contradiction|neutral|entailment",
        "contradiction|entailment|neutral",
    ):
        assert f"label_order={likely}" in str(refusal.value)


def test_a_given_order_never_overrules_names_that_say_something() -> None:
    given_order = ["entailment", "neutral", "contradiction"]
    assert labels.given_names(XNLI, ["LABEL_0", "LABEL_1", "LABEL_2"], given_order) == given_order
    assert labels.given_names(XNLI, ["Entailment", "Neutral", "Contradiction"], given_order) == given_order
    with pytest.raises(UnfitCheckpoint, match="contradicts the head's own names"):
        labels.given_names(XNLI, ["contradiction", "neutral", "entailment"], given_order)
    with pytest.raises(UnfitCheckpoint, match="contradicts the head's own names"):
        labels.given_names(XNLI, ["positive", "neutral", "negative"], given_order)
    assert labels.given_names(XNLI, ["contradiction", "neutral", "entailment"], ["C", "N", "E"]) == ["C", "N", "E"]
    with pytest.raises(UnfitCheckpoint, match="label_order gives 3 labels, the checkpoint has 2 classes"):
        labels.given_names(XNLI, ["LABEL_0", "LABEL_1"], given_order)


CLUENER = ["O", "B-address", "I-address", "B-name", "I-name", "B-organization", "I-organization", "B-book"]


def test_an_order_says_what_the_names_of_a_tagger_leave_open() -> None:
    """Where they cannot be read; a class whose name says what it is may not be called another."""
    meant = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-MISC"]
    assert labels.given_names(PANX, CLUENER, meant) == meant
    swapped = ["O", "B-ORG", "I-ORG", "B-PER", "I-PER", "B-LOC", "I-LOC", "O"]
    with pytest.raises(UnfitCheckpoint, match=r"\(it calls B-organization B-LOC\)"):
        labels.given_names(PANX, CLUENER, swapped)
    with pytest.raises(UnfitCheckpoint, match="contradicts the head's own names"):
        labels.given_names(PANX, list(PANX_TAGS), ["O", "I-PER", "B-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"])
    torn = ["O", "PER", "ORG", "LOC", "B-PER", "B-ORG", "B-LOC"]  # two readings
    chosen = ["O", "MISC", "MISC", "MISC", "B-PER", "B-ORG", "B-LOC"]
    assert labels.given_names(PANX, torn, chosen) == chosen
    assert labels.given_names(UDPOS, [*PENN_NAMES[:3], "NN"], ["X", "PUNCT", "PUNCT", "NOUN"])[3] == "NOUN"
    with pytest.raises(UnfitCheckpoint, match=r"\(it calls SYM VERB\)"):
        labels.given_names(UDPOS, ["NN", "VB", "SYM"], ["NOUN", "VERB", "VERB"])


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("a|b", ("a", "b")),
        (r"NOUN\|Case|b", ("NOUN|Case", "b")),
        (["a|b", "c"], ("a|b", "c")),
        ("", ()),
        (None, ()),
    ],
)
def test_orders_as_text_and_as_lists(order: object, names: tuple[str, ...]) -> None:
    assert split_order(order) == names  # type: ignore[arg-type]
    if names:
        assert split_order(joined_order(names)) == names


# ------------------------------------------------------------------ id2label and label2id


def test_names_come_from_either_table() -> None:
    assert labels.own_names({"id2label": {"1": "b", "0": "a"}}) == ["a", "b"]
    assert labels.own_names({"label2id": {"b": "1", "a": 0}}) == ["a", "b"], "numbers may be strings"
    assert labels.own_names({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"b": 0, "a": 1}}) == ["b", "a"]
    assert labels.own_names({"id2label": {"0": "b", "1": "a"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}) == ["b", "a"]
    assert labels.own_names({"model_type": "bert"}) is None
    twice: Any = {"id2label": {"0": "O", "1": "O", "2": "a"}, "label2id": {"O": 1, "a": 2}}
    assert labels.own_names(twice) == ["O", "O", "a"], "label2id holds one of two classes with one name"


def test_who_speaks_by_label2id() -> None:
    nameless = {"0": "LABEL_0", "1": "LABEL_1"}
    assert labels.speaks_by_label2id({"id2label": nameless, "label2id": {"b": 0, "a": 1}})
    assert not labels.speaks_by_label2id({"id2label": nameless, "label2id": {"LABEL_0": 0, "LABEL_1": 1}})
    assert not labels.speaks_by_label2id({"id2label": {"0": "b", "1": "a"}, "label2id": {"b": 0, "a": 1}})
    assert not labels.speaks_by_label2id({"label2id": {"b": 0, "a": 1}}), "nothing else was said"


@pytest.mark.parametrize(
    ("names", "nothing"),
    [
        ("LABEL_0 LABEL_1", True),
        ("0 1 2", True),
        ("class-1 class-2", True),
        ("C0 C1 C2", True),
        ("LABEL_0 B-PER", False),
        ("B-1 I-1", False),
        ("C0 D0", False),
        ("entailment1", False),
    ],
)
def test_which_names_say_nothing(names: str, nothing: bool) -> None:
    assert label_map.says_nothing(names.split()) is nothing


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"id2label": {"0": "a", "1": "b"}, "label2id": {"b": 0, "a": 1}},
            r"id2label \[0: a, 1: b\] and label2id \[0: b, 1: a\] disagree",
        ),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0}}, "disagree"),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}, "label2id": {"a": 2, "b": 1}}, "disagree"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"a": 0}}, "disagree"),
        ({"id2label": {"0": "a", "1": "b"}, "num_labels": 3}, r"num_labels=3 and names 2: \[0: a, 1: b\]"),
        ({"id2label": {"0": "a", "1": "b"}, "_num_labels": 3}, "num_labels=3"),
        ({"id2label": {"0": "a", "2": "b"}}, "have gaps"),
        ({"id2label": {"first": "a"}}, "not a table from class number to name"),
        ({"id2label": ["a", "b"]}, "not a table from class number to name"),
        ({"label2id": {"a": "first"}}, "not a table from name to class number"),
    ],
)
def test_tables_that_contradict_each_other_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UnfitCheckpoint, match=message):
        labels.own_names(config)


# ------------------------------------------------------------------ entities


@pytest.mark.parametrize(
    ("names", "scheme", "tags", "expected"),
    [
        # The benchmark's own set, and the same in lower case: nothing changes, not even an I- that continues nothing.
        (" ".join(PANX_TAGS), "iob2", "O I-PER B-LOC I-LOC B-LOC", "O I-PER B-LOC I-LOC B-LOC"),
        ("o b-per i-per b-org i-org b-loc i-loc", "iob2", "b-org i-org o", "B-ORG I-ORG O"),
        # Jean-Baptiste/camembert-ner: I- only.
        (
            "O I-LOC I-PER I-MISC I-ORG",
            "iob1",
            "I-PER I-PER O I-PER I-LOC I-MISC I-ORG",
            "B-PER I-PER O B-PER B-LOC O B-ORG",
        ),
        # Jean-Baptiste/roberta-large-ner-english: no prefixes; neighbours of one type merge.
        ("O LOC PER MISC ORG", "io", "PER PER MISC PER LOC", "B-PER I-PER O B-PER B-LOC"),
        # FacebookAI/xlm-roberta-large-finetuned-conll03-english: IOB1, no B-PER, O last.
        (
            "B-LOC B-MISC B-ORG I-LOC I-MISC I-ORG I-PER O",
            "iob1",
            "I-PER I-PER O I-LOC B-LOC I-LOC I-PER",
            "B-PER I-PER O B-LOC B-LOC I-LOC B-PER",
        ),
        # tner/…: whole words, O is not class 0.
        (
            "B-organization I-organization O B-location I-location B-person I-person",
            "iob2",
            "O B-person I-person B-organization",
            "O B-PER I-PER B-ORG",
        ),
        # Aimlab/Roberta-Base-NER: `Other` alone is O.
        ("Other Location Person Organization", "io", "Other Person Person Location", "O B-PER I-PER B-LOC"),
        # tner/xlm-roberta-large-fin: `B-other` is a type, and has no I-.
        (
            "O B-organization I-organization B-location I-location B-person I-person B-other",
            "iob2",
            "B-other B-person I-person O",
            "O B-PER I-PER O",
        ),
        # Davlan/…-ner-hrl: DATE first; class numbers must not shift.
        (
            "O B-DATE I-DATE B-PER I-PER B-ORG I-ORG B-LOC I-LOC",
            "iob2",
            "B-DATE I-DATE B-LOC I-LOC B-PER",
            "O O B-LOC I-LOC B-PER",
        ),
        # KBLab: SUC types without prefixes.
        ("O PRS TME LOC ORG EVN WRK MSR OBJ", "io", "PRS TME ORG ORG", "B-PER O B-ORG I-ORG"),
        # RecordedFuture/Swedish-NER: NAT, PRO, REL, TIT.
        (
            "B-LOC I-LOC B-NAT I-NAT B-ORG I-ORG B-PER I-PER B-PRO I-PRO B-REL I-REL B-TIT I-TIT O",
            "iob2",
            "B-TIT B-PER I-PER B-NAT",
            "O B-PER I-PER O",
        ),
        # The type first.
        ("O PER-B PER-I ORG-B ORG-I LOC-B LOC-I", "iob2", "PER-B PER-I LOC-B", "B-PER I-PER B-LOC"),
        # O in its other spellings.
        ("0 B-PER I-PER B-ORG I-ORG B-LOC I-LOC", "iob2", "0 B-PER", "O B-PER"),
        ("- B-PER I-PER B-ORG I-ORG B-LOC I-LOC", "iob2", "- B-PER", "O B-PER"),
        # `Other` beside O is one more type.
        ("O PER ORG LOC Other", "io", "O Other PER", "O O B-PER"),
    ],
)
def test_entity_schemes_come_out_as_iob2(names: str, scheme: str, tags: str, expected: str) -> None:
    assert labels.understand(PANX, names.split()).scheme == scheme
    assert ner(names, tags) == expected


BIOES = "O " + " ".join(f"{prefix}-{kind}" for kind in ("PER", "ORG", "LOC", "MISC") for prefix in "BIES")
BILOU = "O " + " ".join(f"{prefix}-{kind}" for kind in ("PER", "ORG", "LOC", "MISC") for prefix in "BILU")
Entity = tuple[str, int]


def test_a_place_under_two_names() -> None:
    """On request GPE is LOC, too; a change of name begins an entity."""
    names, tags = "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC B-GPE I-GPE", "B-GPE I-GPE I-LOC B-LOC"
    assert ner(names, tags, gpe="loc") == "B-LOC I-LOC B-LOC B-LOC"
    assert ner(names, tags) == "O O I-LOC B-LOC"


def spelled(sentence: list[Entity], scheme: str) -> list[str]:
    """A sentence of (type, length) in a scheme, straight from the scheme's definition (slow, one entity at a time)."""
    first, inside, last, single = list({"bioes": "BIES", "bilou": "BILU", "iob2": "BIIB"}[scheme])
    tags: list[str] = []
    for kind, length in sentence:
        if kind == "O":
            tags += ["O"] * length
        elif length == 1:
            tags.append(f"{single}-{kind}")
        else:
            tags += [f"{first}-{kind}", *[f"{inside}-{kind}"] * (length - 2), f"{last}-{kind}"]
    return tags


def as_iob1(sentence: list[Entity]) -> list[str]:
    """IOB1: B- only where an entity follows one of its own type without a gap."""
    tags: list[str] = []
    before = "O"
    for kind, length in sentence:
        if kind == "O":
            tags += ["O"] * length
        else:
            tags += [f"{'B' if before == kind else 'I'}-{kind}", *[f"I-{kind}"] * (length - 1)]
        before = kind
    return tags


sentences = st.lists(
    st.tuples(st.sampled_from(["O", "PER", "ORG", "LOC", "MISC"]), st.integers(min_value=1, max_value=4)), max_size=8
)


@given(sentences)
def test_every_scheme_says_the_same(sentence: list[Entity]) -> None:
    """One sentence written in four schemes is read back as one sequence, with MISC gone."""
    expected = " ".join("O" if tag.endswith("MISC") else tag for tag in spelled(sentence, "iob2"))
    assert ner(BIOES, " ".join(spelled(sentence, "bioes"))) == expected
    assert ner(BILOU, " ".join(spelled(sentence, "bilou"))) == expected
    iob1 = "B-LOC B-MISC B-ORG I-LOC I-MISC I-ORG I-PER O B-PER"
    if "B-PER" not in as_iob1(sentence):
        assert ner(iob1.removesuffix(" B-PER"), " ".join(as_iob1(sentence))) == expected
    assert ner(" ".join([*PANX_TAGS, "B-MISC", "I-MISC"]), " ".join(spelled(sentence, "iob2"))) == expected


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("O B-PER I-PER B-LOC I-LOC", "PER is B-PER, I-PER, ORG cannot be found, LOC is B-LOC, I-LOC"),
        ("O PER PERSON LOC", "PER is PER, PERSON, ORG cannot be found, LOC is LOC"),
        # MultiCoNER and the Polish NKJP, recalled.
        ("O B-PER I-PER B-CORP I-CORP B-GRP B-LOC B-CW", "ORG cannot be found (near it: B-CORP, I-CORP, B-GRP)"),
        ("O persName orgName placeName geogName", "LOC cannot be found (near it: placeName, geogName)"),
        ("O PS LC", "PER is PS, ORG cannot be found, LOC is LC"),
        ("O B-PER.NAM I-PER.NAM B-ORG.NAM B-LOC.NAM", "PER cannot be found (near it: B-PER.NAM, I-PER.NAM)"),
        ("O B-PER I-PER B-ORG I-ORG B-GPE I-GPE", "GPE counts as LOC only with gpe=loc"),
        # The same three types with and without prefixes, on both sides, under two vocabularies.
        ("O PER ORG LOC B-PER I-PER B-ORG I-ORG B-LOC I-LOC", "two readings fit, which differ in B-PER, I-PER, B-ORG"),
        ("O B-PER B-ORG B-LOC PER-B ORG-B LOC-B", "two readings fit, which differ in B-PER, B-ORG, B-LOC, PER-B"),
        ("O PER ORG LOC PS OG LC", "two readings fit, which differ in PER, ORG, LOC, PS, OG, LC"),
        # Without B-, S- may be *start* or *single*.
        ("O S-PER I-PER S-ORG I-ORG S-LOC I-LOC", "with I-, S- alone two readings fit"),
        ("O E-PER E-ORG E-LOC", "with E- alone two readings fit"),
        (" ".join(FRENCH_TREEBANK), "PER cannot be found"),
        (" ".join(UPOS), "PER cannot be found"),
        (" ".join(f"LABEL_{n}" for n in range(7)), "label_order=O|B-PER|I-PER|B-ORG|I-ORG|B-LOC|I-LOC"),
    ],
)
def test_entity_sets_that_are_not_covered_are_refused(names: str, why: str) -> None:
    with pytest.raises(UnfitCheckpoint) as refusal:
        labels.understand(PANX, names.split())
    message = str(refusal.value)
    assert f"its labels are [{', '.join(names.split())}], panx needs [O, B-PER" in message, "the list, all of it"
    assert why in message
    assert "label_order=" in message, "the way out"


def test_places_under_another_name_are_read_on_request() -> None:
    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-GPE", "I-GPE"]
    found = labels.understand(PANX, names, gpe="loc")
    assert found.notes == ("panx: B-GPE, I-GPE read as LOC (gpe=loc)",)
    assert not found.extra and found.reading().signature() == ["gpe:loc"]
    found = labels.understand(PANX, [*names, "B-LOC", "I-LOC"])
    assert found.notes[-1] == "panx: gpe=loc would read B-GPE, I-GPE as LOC" and found.extra == (5, 6)
    assert labels.understand(PANX, list(PANX_TAGS), gpe="loc").reading().signature() == [], "nothing was read by it"


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (" ".join(PANX_TAGS[:-1]), "the head never predicts I-LOC"),
        ("O B-PER B-ORG I-ORG B-LOC", "the head never predicts I-PER, I-LOC"),
        ("O B-PER I-PER B-ORG I-ORG LOC", "the head never predicts B-LOC, I-LOC"),
        ("B-PER I-PER B-ORG I-ORG B-LOC I-LOC", "the head has no class for O"),
        ("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC B-FRUIT I-FRUIT", "B-FRUIT, I-FRUIT read as O and counted where predi"),
        ("O 0 B-PER I-PER B-ORG I-ORG B-LOC I-LOC", "0 read as O and counted where predicted"),
        ("O PER per ORG LOC", "several classes are called PER; their probabilities add"),
        ("O O PER ORG LOC", "several classes are called O; their probabilities add"),
        ("O PER ORG LOC <START> [STOP] X -PAD-", "<START>, [STOP], X, -PAD- never predicted (special tokens)"),
    ],
)
def test_what_is_strange_about_a_set_is_said(names: str, note: str) -> None:
    said = labels.understand(PANX, names.split()).notes
    assert any(sentence.startswith(f"panx: {note}") for sentence in said), said


def test_what_was_done_is_recorded() -> None:
    names = ["O", "LOC", "PER", "A/B, c|d", "ORG", "[PAD]", "org"]
    reading = labels.understand(PANX, names, "mask").reading()
    assert reading.model_dump(exclude={"notes"}) == {
        "scheme": "io",
        "map": {
            "O": "O",
            "LOC": "LOC",
            "PER": "PER",
            "A/B, c|d": "O",
            "ORG": "ORG",
            "[PAD]": "never predicted",
            "org": "ORG",
        },
        "extra": ("A/B, c|d",),
        "masked": ("[PAD]",),
        "repeated": ("ORG",),
        "extra_types": "mask",
        "gpe": None,
    }
    fields = ["extra:A/B%2C c%7Cd", "masked:[PAD]", "repeated:ORG", "extra_types:mask"]
    assert reading.signature() == fields, "a comma or a bar in a name must not look like a border"


def test_a_name_cannot_write_to_the_terminal() -> None:
    bad = "\x1b[2JB-PER\n"
    found = labels.understand(PANX, ["O", "PER", "ORG", "LOC", bad])
    assert found.notes == ("panx: \\x1b[2JB-PER\\n read as O and counted where predicted",)
    assert found.reading().signature() == ["extra:%1B[2JB-PER%0A"]
    with pytest.raises(UnfitCheckpoint) as refusal:
        labels.understand(PANX, ["O", bad])
    assert str(refusal.value).isprintable()


# ------------------------------------------------------------------ parts of speech


def pos(names: list[str], **options: str) -> label_map.LabelMap:
    return labels.understand(UDPOS, names, **options)  # type: ignore[arg-type]


def test_upos_in_any_order_and_case() -> None:
    names = [tag.lower() for tag in reversed(UPOS)]
    assert pos(names).decode(range(17)) == list(reversed(UPOS))
    assert not pos(names).extra and not pos(names).notes


@pytest.mark.parametrize(("extra", "read"), [("_", "X"), ("O", "O"), ("SPACE", "X"), ("ADP_DET", "X")])
def test_classes_without_a_tag_are_counted(extra: str, read: str) -> None:
    """AdapterHub/roberta-base-pf-ud_pos has 18 labels with `_`; the benchmark's own models have O, no chunk."""
    found = pos([extra, *UPOS])
    assert found.decode([0, 1, 17]) == [read, "ADJ", "X"]
    assert found.extra == (0,) and found.reading().signature() == [f"extra:{extra}"]
    assert found.notes == (f"udpos: {extra} read as {read} and counted where predicted",)


@pytest.mark.parametrize("special", ["[PAD]", "<pad>", "-PAD-", "<unk>", "[SEP]"])
def test_special_tokens_among_parts_of_speech_are_never_predicted(special: str) -> None:
    found = pos([special, *UPOS])
    assert (found.special, found.extra) == ((0,), ())
    assert found.decode([17]) == ["X"], "the tag X is no special token"


def test_a_treebank_without_some_tags_is_noted() -> None:
    found = pos([tag for tag in UPOS if tag not in ("SYM", "X")])
    assert found.notes == ("udpos: the head never predicts SYM, X",)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (PENN_NAMES, "udpos_map=ptb"),
        (FRENCH_TREEBANK, "NOUN and VERB cannot be found"),
        (["ADJ", "ADV", "CON", "FW", "INT", "NOUN", "NUM", "N_PRP"], "VERB cannot be found"),
        (list(PANX_TAGS), "udpos_label_order="),
        (["X", "O"], "cannot be found"),
        ([*UPOS, "NN", "VBZ"], "two readings fit"),
        (["NOUN|Case=Nom|nsubj", "VERB|root", "PUNCT"], "udpos_map=compound"),
        (["B-NOUN", "I-NOUN", "B-VERB", "I-VERB", "B-X"], "udpos_map=compound"),
        (["NOUN", "VERB", "NOUN|Case=Nom", "VERB|Mood=Ind"], "two readings fit"),
    ],
)
def test_other_tag_sets_are_refused(names: list[str], why: str) -> None:
    with pytest.raises(UnfitCheckpoint, match=r"its labels are \[.*udpos needs \[ADJ, ADP") as refusal:
        pos(names)
    assert why in str(refusal.value)


def test_penn_tags_are_mapped_on_request_and_what_is_lost_is_said() -> None:
    found = pos(PENN_NAMES, udpos_map="ptb")
    tags = ["NN", "VBZ", "-LRB-", "PRP$", "POS", "O"]
    assert found.decode(PENN_NAMES.index(tag) for tag in tags) == ["NOUN", "VERB", "PUNCT", "PRON", "PART", "O"]
    assert found.scheme == "ptb" and found.notes[-1].endswith("the head never predicts SCONJ")
    assert found.reading().signature()[0] == "mapped:ptb"
    assert pos(list(UPOS), udpos_map="ptb").scheme == "upos", "for Penn heads only"


def test_equal_tags_are_one() -> None:
    found = pos([*UPOS, "noun"])
    assert found.same == ((UPOS.index("NOUN"), 17),) and found.reading().repeated == ("NOUN",)


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        ("NOUN|Case=Nom|nsubj NOUN|Case=Acc|obj VERB|Mood=Ind|root DET|_|det PUNCT _", "NOUN NOUN VERB DET PUNCT X"),
        ("NOUN__Case=Nom|Number=Sing VERB__Mood=Ind ADP AUX__Mood=Ind", "NOUN VERB ADP AUX"),
        ("B-NOUN I-NOUN B-VERB I-VERB B-X O", "NOUN NOUN VERB VERB X O"),
        ("NOUN_B NOUN_I VERB_B X_B", "NOUN NOUN VERB X"),
        ("NOUN|nsubj VERB|root ADP_DET|case ADP|case", "NOUN VERB X ADP"),
    ],
)
def test_compound_names_are_read_on_request(names: str, tags: str) -> None:
    """The field is the same in all names; a contraction is no tag; nothing is read because it begins like one."""
    own = names.split()
    found = pos(own, udpos_map="compound")
    assert found.scheme == "compound" and found.decode(range(len(own))) == tags.split()
    assert found.reading().signature()[0] == "mapped:compound"
    assert not found.same, "the most probable class of the head decides, as for its authors"
    assert pos(list(UPOS), udpos_map="compound").scheme == "upos", "for compound names only"


def test_names_that_begin_like_a_tag_are_none() -> None:
    found = pos(["NOUN", "VERB", "NOUNS", "ADJX", "VERB_PRON", "X"])
    assert found.decode(range(6)) == ["NOUN", "VERB", "X", "X", "X", "X"] and found.extra == (2, 3, 4)


@needs_data
def test_the_penn_table_agrees_with_a_treebank_that_has_both() -> None:
    """English-EWT r2.5, training part: most frequent UPOS of each Penn tag."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    path = DATA / "ud" / "UD_English-EWT" / "r2.5" / "en_ewt-ud-train.conllu.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if len(columns) == 10 and columns[0].isdigit():
                counts[columns[4]][columns[3]] += 1
    most = {tag: counter.most_common(1)[0][0] for tag, counter in counts.items()}
    assert {tag for tag in most if PENN.get(tag) != most[tag]} == {"VBZ"}, "the exception the table names"
    assert set(PENN) - set(most) == {"#", '"', "(", ")"}
