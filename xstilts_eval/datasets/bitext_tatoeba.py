"""All 112 pairs of LASER's Tatoeba files, asked from the language to English as MTEB does."""

from xstilts_eval.datasets import _scoring, tatoeba
from xstilts_eval.datasets._dataset import Dataset, Mteb, Text
from xstilts_eval.kinds import BITEXT

_CODES = (
    "afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu dsb "
    "dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn "
    "kab kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms "
    "pol por ron rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu "
    "xho yid yue zsm"
)
"""The files of facebookresearch/LASER, `data/tatoeba/v1`."""

_SCRIPTS = (
    "Arab ara arq arz pes uig urd",
    "Armn hye",
    "Beng ben",
    "Cyrl bel bul kaz mhr mkd mon orv rus srp tat ukr",
    "Deva awa hin mar max",
    "Ethi amh",
    "Geor kat",
    "Grek ell",
    "Hang kor",
    "Hans cmn wuu",
    "Hant yue",
    "Hebr heb yid",
    "Jpan jpn",
    "Khmr khm",
    "Mlym mal",
    "Taml tam",
    "Telu tel",
    "Tfng ber",
    "Thai tha",
)
_OF_MTEB = Mteb(
    "Tatoeba", "69e8f12da6e31d59addadda9a9c8a2e601a0e282", "f1",
    {"accuracy": "acc", "f1": "f1", "precision": "precision", "recall": "recall"},
    {code: script for script, *codes in map(str.split, _SCRIPTS) for code in codes},
    "mteb 2.26.24, tasks/bitext_mining/multilingual/tatoeba_bitext_mining.py",
)  # fmt: skip

BITEXT_TATOEBA = Dataset(
    "bitext",
    "tatoeba",
    "Tatoeba (112 LASER pairs, as MTEB)",
    BITEXT,
    tuple(_CODES.split()),
    tatoeba.DATA,
    _scoring.TO_ENGLISH,
    prompt=Text(text="foreign_text"),
    code_standard="laser",
    mteb=_OF_MTEB,
)
