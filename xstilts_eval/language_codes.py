"""One table between the codes under which a language is known: FLORES-200, ISO 639-3, ISO 639-1 and XTREME(-R).

`find` takes any of them and gives the language of FLORES-200; a code that could mean several is refused with the
candidates, never guessed. Sources of `flores_languages.csv`: codes and names from the FLORES-200 README
(facebookresearch/flores @ 3f26fb07; ``sat_Olck`` as the data's file is called, where the README says ``sat_Beng``); ISO
639-1 codes and macro-languages from the ISO 639-3 registry (the code of the macro-language where the language has none
of its own); top-level families from Glottolog 5.1 (glottolog/glottolog-cldf @ b6d3ea20, by ISO code; Estonian, Chinese,
Guarani, Kikongo and Sardinian by a member of the macro-language); resource classes 0-5 of Joshi et al. 2020
(arXiv:2004.09095) by language, from two copies of their list (MaLA-LM/LangResourceAtlas @ ea4606be first), empty where
neither has it; the code in XTREME(-R) from `languages.csv`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xstilts_eval.errors import UnknownName

TABLE = Path(__file__).with_name("flores_languages.csv")
ENGLISH = "eng_Latn"
_MACRO_ONLY = {"no": "nor", "sh": "hbs"}
"""ISO 639-1 codes of macro-languages all of whose members in the table have a two-letter code of their own."""


@dataclass(frozen=True)
class FloresLanguage:
    """One language of FLORES-200 in one script.

    `code` is FLORES-200's (``swh_Latn``), `name` its English name with the script where a language has two,
    `macrolanguage` the ISO 639-3 code of the macro-language the individual one belongs to, `iso639_1` its two-letter
    code or that of the macro-language, `script` ISO 15924, `resource_class` Joshi et al.'s ``0``-``5``, `xtreme` the
    code in XTREME and XTREME-R. What does not exist or is not known is empty.
    """

    code: str
    name: str
    iso639_3: str
    macrolanguage: str
    iso639_1: str
    script: str
    family: str
    resource_class: str
    xtreme: str


@cache
def flores_languages() -> dict[str, FloresLanguage]:
    """All 204 languages of FLORES-200 by code, in alphabetical order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: FloresLanguage(**row) for row in csv.DictReader(file)}


def find(code: str) -> FloresLanguage:
    """The language that a FLORES-200, ISO 639-3, ISO 639-1 or XTREME(-R) code means.

    Two-letter codes of XTREME(-R)'s 50 languages mean the language and script of that benchmark (``zh``: simplified
    Chinese, ``ar``: Modern Standard Arabic). Raises `UnknownName` for a code that the table does not have, with close
    matches, and for one that could mean several languages or scripts (``zho``, ``msa``, ``no``), with all of them.
    """
    table = flores_languages()
    if code in table:
        return table[code]
    found = candidates(code)
    if len(found) > 1:
        listed = ", ".join(f"{row.code} ({row.name})" for row in found)
        raise UnknownName(f"the language code {code!r} could mean {listed}; give one of these codes")
    if not found:
        same = [row.code for row in table.values() if row.iso639_3 == code.partition("_")[0].lower()]
        if same:  # the right language in another script or case
            raise UnknownName(f"unknown language code {code!r}; FLORES-200 has {' and '.join(same)}")
        known = {value for row in table.values() for value in (row.code, row.iso639_3, row.iso639_1, row.xtreme)}
        raise UnknownName.of("language code", code, known - {""})
    return found[0]


def candidates(code: str) -> list[FloresLanguage]:
    """Every language of FLORES-200 that `code` could mean, the most exact kind of match deciding."""
    rows = flores_languages().values()
    macro = _MACRO_ONLY.get(code, code)
    kinds = (
        [row for row in rows if row.code == code],
        [row for row in rows if row.xtreme == code],
        [row for row in rows if row.iso639_3 == code],
        [row for row in rows if row.macrolanguage == macro],
        [row for row in rows if row.iso639_1 == code],
    )
    if not code:
        return []
    own = next((found for found in kinds if found), [])
    # ISO's code of Chinese is its macro-language's too: Yue Chinese is a candidate beside the two scripts.
    return own + [row for row in kinds[3] if row not in own] if len(own) > 1 else own


def iso639_3(code: str) -> str:
    """The ISO 639-3 code of the individual language that any code means; raises as `find`."""
    return find(code).iso639_3


def xtreme_code(code: str) -> str:
    """The XTREME(-R) code of the language that any code means; raises `UnknownName` where XTREME(-R) lacks it."""
    found = find(code)
    if not found.xtreme:
        known = [row.xtreme for row in flores_languages().values() if row.xtreme]
        raise UnknownName.of("language of XTREME or XTREME-R", found.code, known)
    return found.xtreme
