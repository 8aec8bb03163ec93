"""The benchmark as a table: families, their languages, kinds, metrics and label lists.

Source of every fact: google-research/xtreme @ 838c13b, `evaluate.py:140-206` (languages, metrics, groups),
`utils_preprocess.py` (labels), and facebookresearch/LASER `data/tatoeba/v1` (the 112 pairs of `bitext_tatoeba`).
"""

from dataclasses import dataclass
from enum import Enum

from xstilts_eval.errors import UnknownName


class Kind(str, Enum):
    """What a family asks of a model; decides document, head and request type."""

    PAIR = "pair"
    TAGGED = "tagged"
    QUESTION = "question"
    CHOICE = "choice"
    BITEXT = "bitext"
    MINING = "mining"


class Category(str, Enum):
    """The four groups of the official score table."""

    CLASSIFICATION = "classification"
    TAGGING = "tagging"
    QA = "qa"
    RETRIEVAL = "retrieval"


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
    tag set (tagging); choice *i* is class *i*. `version` moves whenever a number could.
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

    @property
    def group(self) -> str:
        """Name of the host group that holds the family's leaves: ``xtreme_xnli``."""
        return f"{self.suite}_{self.name}"

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
_LASER = (
    "afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu dsb "
    "dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn "
    "kab kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms "
    "pol por ron rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu "
    "xho yid yue zsm"
)

_FAMILIES = (
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
)

FAMILIES: dict[str, Family] = {family.group: family for family in _FAMILIES}
XTREME: tuple[Family, ...] = tuple(family for family in _FAMILIES if family.suite == "xtreme")


def family(name: str) -> Family:
    """Look a family up as ``xtreme_xnli`` or, for XTREME, ``xnli``; raises `UnknownName` with close matches."""
    found = FAMILIES.get(name) or FAMILIES.get(f"xtreme_{name}")
    if found is None:
        raise UnknownName.of("task family", name, [*FAMILIES, *(f.name for f in XTREME)])
    return found


def leaf_parts(leaf: str) -> tuple[Family, str]:
    """Split ``xtreme.xnli.sw`` into its family and language; raises `UnknownName`."""
    parts = leaf.split(".")
    found = FAMILIES.get("_".join(parts[:2])) if len(parts) == 3 else None
    if found is None or parts[2] not in found.languages:
        raise UnknownName.of("task", leaf, [f.leaf(language) for f in _FAMILIES for language in f.languages])
    return found, parts[2]
