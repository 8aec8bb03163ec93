"""The benchmarks as tables: suites, their families, languages, kinds, metrics and label lists.

Source of every fact: google-research/xtreme @ 838c13b, `evaluate.py:140-206` (languages, metrics, groups of XTREME and
XTREME-R), `utils_preprocess.py` (labels), and facebookresearch/LASER `data/tatoeba/v1` (the 112 pairs of
`bitext_tatoeba`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from xstilts_eval.errors import UnknownName
from xstilts_eval.language_codes import ENGLISH, flores_languages

FLORES, FLORES_PAIR = "flores200", "flores200pair"
"""Suites: FLORES-200 with English on one side, and any pair of its languages, named when it is run."""


class Kind(str, Enum):
    """What a family asks of a model; decides document, head and request type."""

    PAIR = "pair"
    TAGGED = "tagged"
    QUESTION = "question"
    CHOICE = "choice"
    BITEXT = "bitext"
    MINING = "mining"
    RANKING = "ranking"
    TRANSLATION = "translation"


EMBEDDED = frozenset({Kind.BITEXT, Kind.MINING, Kind.RANKING})
"""Kinds that sentence vectors answer."""


class Category(str, Enum):
    """The groups of the official score tables; `MULTI_CHOICE` is XTREME-R's only."""

    CLASSIFICATION = "classification"
    TAGGING = "tagging"
    QA = "qa"
    RETRIEVAL = "retrieval"
    MULTI_CHOICE = "multi_choice"


UPOS = tuple(
    [
        "ADJ",
        "ADP",
        "ADV",
        "AUX",
        "CCONJ",
        "DET",
        "INTJ",
        "NOUN",
        "NUM",
        "PART",
        "PRON",
        "PROPN",
        "PUNCT",
        "SCONJ",
        "SYM",
        "VERB",
        "X",
    ]
)
PANX_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


@dataclass(frozen=True)
class Family:
    """One task family of one suite.

    `metrics` are the names printed for a leaf (fractions 0-1), the official score of the family being the mean of
    `official` (two metrics for question answering, one elsewhere). `labels` is the class list (pairs) or the
    tag set (tagging); choice *i* is class *i*. `version` moves whenever a number could. `like` names the suite whose
    family of the same name this one is, in other languages: reader, head, prompts and metrics are that one's.
    `category` is shown beside the family; the groups of a suite are `Suite.categories`. The score of a `pooled` family
    is the mean over all documents, not over its languages.
    """

    suite: str
    name: str
    title: str
    kind: Kind
    category: Category | None
    languages: tuple[str, ...]
    metrics: tuple[str, ...]
    official: tuple[str, ...]
    labels: tuple[str, ...] = ()
    version: str = "1.0"
    like: str = ""
    pooled: bool = False

    @property
    def is_embedded(self) -> bool:
        """Whether sentence vectors answer the family."""
        return self.kind in EMBEDDED

    @property
    def group(self) -> str:
        """Name of the host group that holds the family's leaves: ``xtreme_xnli``, ``flores200-to_eng``.

        FLORES-200 has a hyphen, because its families overlap with the groups of languages behind ``flores200_*``, and
        the host refuses a call that reaches a leaf twice.
        """
        return f"{self.suite}{'-' if self.suite == FLORES else '_'}{self.name}"

    def leaf(self, language: str) -> str:
        """Name of the leaf task in one language: ``xtreme.xnli.sw``."""
        if language not in self.languages:
            raise UnknownName.of(f"language of {self.group}", language, self.languages)
        return f"{self.suite}.{self.name}.{language}"


_PANX = (
    "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my zh "
    "kk tr et fi hu"
)
_TATOEBA = "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu"
_XCOPA = "et ht id it qu sw ta th tr vi zh"
_MEWSLIX = "ar de en es fa ja pl ro ta tr uk"
_LAREQA = "ar de el en es hi ru th tr vi zh"
_LASER = (
    "afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu dsb "
    "dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn "
    "kab kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms "
    "pol por ron rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu "
    "xho yid yue zsm"
)

_OF_XTREME = (
    Family(
        "xtreme",
        "xnli",
        "XNLI",
        Kind.PAIR,
        Category.CLASSIFICATION,
        tuple(["ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"]),
        ("acc",),
        ("acc",),
        labels=("contradiction", "entailment", "neutral"),
    ),
    Family(
        "xtreme",
        "pawsx",
        "PAWS-X",
        Kind.PAIR,
        Category.CLASSIFICATION,
        tuple(["de", "en", "es", "fr", "ja", "ko", "zh"]),
        ("acc",),
        ("acc",),
        labels=("0", "1"),
    ),
    Family(
        "xtreme",
        "udpos",
        "UD-POS",
        Kind.TAGGED,
        Category.TAGGING,
        tuple(
            [
                "af",
                "ar",
                "bg",
                "de",
                "el",
                "en",
                "es",
                "et",
                "eu",
                "fa",
                "fi",
                "fr",
                "he",
                "hi",
                "hu",
                "id",
                "it",
                "ja",
                "kk",
                "ko",
                "mr",
                "nl",
                "pt",
                "ru",
                "ta",
                "te",
                "th",
                "tl",
                "tr",
                "ur",
                "vi",
                "yo",
                "zh",
            ]
        ),
        ("f1", "precision", "recall", "token_accuracy"),
        ("f1",),
        labels=UPOS,
    ),
    Family(
        "xtreme",
        "panx",
        "PAN-X",
        Kind.TAGGED,
        Category.TAGGING,
        tuple(_PANX.split()),
        ("f1", "precision", "recall", "token_accuracy"),
        ("f1",),
        labels=PANX_TAGS,
    ),
    Family(
        "xtreme",
        "xquad",
        "XQuAD",
        Kind.QUESTION,
        Category.QA,
        tuple(["en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"]),
        ("f1", "exact_match"),
        ("exact_match", "f1"),
    ),
    Family(
        "xtreme",
        "mlqa",
        "MLQA",
        Kind.QUESTION,
        Category.QA,
        tuple(["en", "es", "de", "ar", "hi", "vi", "zh"]),
        ("f1", "exact_match"),
        ("exact_match", "f1"),
    ),
    Family(
        "xtreme",
        "tydiqa",
        "TyDiQA-GoldP",
        Kind.QUESTION,
        Category.QA,
        tuple(["en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"]),
        ("f1", "exact_match"),
        ("exact_match", "f1"),
    ),
    Family(
        "xtreme",
        "bucc2018",
        "BUCC 2018",
        Kind.MINING,
        Category.RETRIEVAL,
        tuple(["de", "fr", "ru", "zh"]),
        ("f1", "precision", "recall"),
        ("f1",),
    ),
    Family(
        "xtreme",
        "tatoeba",
        "Tatoeba",
        Kind.BITEXT,
        Category.RETRIEVAL,
        tuple(_TATOEBA.split()),
        ("acc",),
        ("acc",),
    ),
)


def _again(name: str, added: str = "") -> Family:
    """XTREME's family in XTREME-R, with the languages added there."""
    of_xtreme = next(family for family in _OF_XTREME if family.name == name)
    return replace(of_xtreme, suite="xtremer", like="xtreme", languages=(*of_xtreme.languages, *added.split()))


def _flores(suite: str, name: str, title: str, kind: Kind) -> Family:
    """A family of FLORES-200 in its 203 languages beside English, or with one leaf for a pair given at run time."""
    languages = ("any",) if suite == FLORES_PAIR else tuple(code for code in flores_languages() if code != ENGLISH)
    if kind is Kind.TRANSLATION:
        return Family(suite, name, title, kind, None, languages, ("chrf++", "spbleu"), ("chrf++",))
    metrics = ("acc", "acc_back", "xsim_error", "xsim_error_back")
    like = FLORES if suite == FLORES_PAIR else ""
    return Family(suite, name, title, kind, None, languages, metrics, ("acc",), like=like)


_FAMILIES = (
    *_OF_XTREME,
    _again("xnli"),
    Family(
        "xtremer",
        "xcopa",
        "XCOPA",
        Kind.CHOICE,
        Category.CLASSIFICATION,
        tuple(_XCOPA.split()),
        ("acc",),
        ("acc",),
    ),
    _again("udpos", "lt pl uk wo ro"),
    _again("panx", "qu pl uk az lt pa gu ro"),
    _again("xquad", "ro"),
    _again("mlqa"),
    _again("tydiqa"),
    _again("tatoeba", "az lt pl uk ro"),
    Family(
        "xtremer",
        "mewslix",
        "Mewsli-X",
        Kind.RANKING,
        Category.RETRIEVAL,
        tuple(_MEWSLIX.split()),
        ("mrr_at_20",),
        ("mrr_at_20",),
    ),
    Family(
        "xtremer",
        "lareqa",
        "LAReQA (XQuAD-R)",
        Kind.RANKING,
        None,
        tuple(_LAREQA.split()),
        ("map_at_20",),
        ("map_at_20",),
        pooled=True,
    ),
    Family(
        "bitext",
        "tatoeba",
        "Tatoeba (112 LASER pairs, as MTEB)",
        Kind.BITEXT,
        None,
        tuple(_LASER.split()),
        ("acc", "f1", "precision", "recall"),
        ("acc",),
    ),
    _flores(FLORES, "to_eng", "FLORES-200 to English", Kind.TRANSLATION),
    _flores(FLORES, "from_eng", "FLORES-200 from English", Kind.TRANSLATION),
    _flores(FLORES, "retrieval", "FLORES-200 retrieval", Kind.BITEXT),
    _flores(FLORES_PAIR, "translation", "FLORES-200, a pair", Kind.TRANSLATION),
    _flores(FLORES_PAIR, "retrieval", "FLORES-200 retrieval, a pair", Kind.BITEXT),
)

FAMILIES: dict[str, Family] = {family.group: family for family in _FAMILIES}
_BY_STEM = {(family.suite, family.name): family for family in _FAMILIES}


@dataclass(frozen=True)
class Suite:
    """One benchmark: families in its own order, and how their scores are put together.

    `categories` maps a group of the score table to the names of its families; a family may be in several or in none.
    `has_overall` says whether the mean over all families means anything. `note` is printed under the table.
    """

    name: str
    title: str
    categories: Mapping[Category, tuple[str, ...]] = field(default_factory=dict)
    has_overall: bool = False
    note: str = ""

    @property
    def families(self) -> tuple[Family, ...]:
        """The suite's families in the order of the table."""
        return tuple(family for family in FAMILIES.values() if family.suite == self.name)

    @property
    def is_group(self) -> bool:
        """Whether the suite's name selects all its families: one alone needs no group above it."""
        return len(self.families) > 1


_TAGGING = ("udpos", "panx")
_QA = ("xquad", "mlqa", "tydiqa")

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            "xtreme",
            "XTREME",
            {
                Category.CLASSIFICATION: ("xnli", "pawsx"),
                Category.TAGGING: _TAGGING,
                Category.QA: _QA,
                Category.RETRIEVAL: ("bucc2018", "tatoeba"),
            },
            has_overall=True,
        ),
        Suite(
            "xtremer",
            "XTREME-R",
            # XCOPA is in two groups and LAReQA in none, as in the official evaluator (`evaluate.py:180-206`).
            {
                Category.CLASSIFICATION: ("xnli", "xcopa"),
                Category.TAGGING: _TAGGING,
                Category.QA: _QA,
                Category.RETRIEVAL: ("tatoeba", "mewslix"),
                Category.MULTI_CHOICE: ("xcopa",),
            },
            has_overall=True,
            note="XTREME-R's overall score is ours: the mean over its ten families, LAReQA among them. The official "
            "evaluator lists LAReQA without languages and can never print one; its retrieval group leaves LAReQA out. "
            "LAReQA's score is the mean over all questions, the metric beside it that over languages. "
            "The mAP@20 of Mewsli-X is MRR@20, every mention having one right entity.",
        ),
        Suite("bitext", "LASER's pairs"),
        Suite(
            FLORES,
            "FLORES-200",
            note="FLORES-200: translation is scored by chrF++, its README's primary metric, retrieval by accuracy.",
        ),
        Suite(FLORES_PAIR, "FLORES-200 pair"),
    )
}
"""Every suite by name."""

XTREME: tuple[Family, ...] = SUITES["xtreme"].families
XTREMER: tuple[Family, ...] = SUITES["xtremer"].families


def family(name: str) -> Family:
    """Look a family up as ``xtremer_xnli`` or by its bare name; raises `UnknownName` with close matches.

    A bare name of several suites (``xnli``) means the first of them in the table: XTREME's.
    """
    found = FAMILIES.get(name) or next((f for f in FAMILIES.values() if f.name == name), None)
    if found is None:
        raise UnknownName.of("task family", name, [*FAMILIES, *(f.name for f in FAMILIES.values())])
    return found


def leaf_parts(leaf: str) -> tuple[Family, str]:
    """Split ``xtreme.xnli.sw`` into its family and language; raises `UnknownName`."""
    parts = leaf.split(".")
    found = _BY_STEM.get((parts[0], parts[1])) if len(parts) == 3 else None
    if found is None or parts[2] not in found.languages:
        raise UnknownName.of("task", leaf, [f.leaf(language) for f in _FAMILIES for language in f.languages])
    return found, parts[2]
