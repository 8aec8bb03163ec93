"""One table of languages: code, name, family, script. Per-benchmark spellings are columns of it, nothing else.

Sources: task membership and Tatoeba codes from google-research/xtreme @ 838c13b; ISO 639-3 codes and names from the
ISO 639-3 registry (macro-language codes where ISO 639-1 maps to one); scripts from CLDR likely subtags; families from
the Universal Dependencies table and XTREME's README. An empty family means "not stated in any source read". FLORES
codes (language and script, the names of FLORES-200's files, which NLLB's tokenizer uses too): the individual language
that stands for a macro-language there (arb, azj, pes, quy, swh, zsm). Resource classes, 0 (left behind) to 5 (winners),
are those of Joshi et al. 2020 (2020.acl-main.560), read in MaLA-LM/LangResourceAtlas @ ea4606be and matched by name.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xstilts_eval.errors import UnknownName

TABLE = Path(__file__).with_name("languages.csv")
CLASSES = Path(__file__).with_name("language_classes.csv")


@dataclass(frozen=True)
class Language:
    """`code` is ISO 639-1, `tatoeba` the three-letter code of the LASER files, `script` ISO 15924.

    `flores` is the code of FLORES-200, as in ``swh_Latn``.
    """

    code: str
    iso639_3: str
    tatoeba: str
    name: str
    family: str
    script: str
    flores: str


@cache
def languages() -> dict[str, Language]:
    """All 50 languages of XTREME and XTREME-R by ISO 639-1 code."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: Language(**row) for row in csv.DictReader(file)}


def language(code: str) -> Language:
    """The language with this ISO 639-1 code; raises `UnknownName` with close matches."""
    table = languages()
    if code not in table:
        raise UnknownName.of("language", code, table)
    return table[code]


@cache
def resource_classes() -> dict[str, int]:
    """How well resourced a language is, by ISO 639-1 code: class 0 to 5 of Joshi et al. 2020."""
    with CLASSES.open(encoding="utf-8", newline="") as file:
        return {row["code"]: int(row["joshi_class"]) for row in csv.DictReader(file)}
