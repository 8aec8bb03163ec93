"""Belebele: a question about a passage of FLORES-200 and four answers, in 122 languages; the same questions in all."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import files
from xstilts_eval.data.examples import Choice
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, Text, under
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import CHOICE

# The languages are those of lm-evaluation-harness 0.4.13 (`tasks/belebele`).
_CODES = (
    "acm_Arab afr_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng azj_Latn "
    "bam_Latn ben_Beng ben_Latn bod_Tibt bul_Cyrl cat_Latn ceb_Latn ces_Latn ckb_Arab dan_Latn deu_Latn ell_Grek "
    "eng_Latn est_Latn eus_Latn fin_Latn fra_Latn fuv_Latn gaz_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr "
    "hin_Deva hin_Latn hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan "
    "kac_Latn kan_Knda kat_Geor kaz_Cyrl kea_Latn khk_Cyrl khm_Khmr kin_Latn kir_Cyrl kor_Hang lao_Laoo lin_Latn "
    "lit_Latn lug_Latn luo_Latn lvs_Latn mal_Mlym mar_Deva mkd_Cyrl mlt_Latn mri_Latn mya_Mymr nld_Latn nob_Latn "
    "npi_Deva npi_Latn nso_Latn nya_Latn ory_Orya pan_Guru pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn ron_Latn "
    "rus_Cyrl shn_Mymr sin_Latn sin_Sinh slk_Latn slv_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srp_Cyrl "
    "ssw_Latn sun_Latn swe_Latn swh_Latn tam_Taml tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tsn_Latn tso_Latn "
    "tur_Latn ukr_Cyrl urd_Arab urd_Latn uzn_Latn vie_Latn war_Latn wol_Latn xho_Latn yor_Latn zho_Hans zho_Hant "
    "zsm_Latn zul_Latn"
)
LANGUAGES = tuple(_CODES.split())
FIELDS = ("link", "question_number", "flores_passage", "question", "correct_answer_num")
ANSWERS = ("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4")
_FOLDERS = ("belebele/data/", "belebele/", "data/", "Belebele/")
# The pin is mteb's (`BelebeleRetrieval`); the path of the files, public programs that fetch them.
_HUB = "https://huggingface.co/datasets/facebook/belebele/resolve/75b399394a9803252cfec289d103de462763db7c/data/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Choice]:
    """The premise is the passage and, on a line of its own, the question."""
    found = []
    for number, row in files.json_lines(paths[0]):
        where = f"{paths[0]}, line {number}"
        if not isinstance(row, dict) or (missing := [name for name in (*FIELDS, *ANSWERS) if name not in row]):
            raise DataError(f"{where}: no field {', '.join(missing) if isinstance(row, dict) else FIELDS[0]}")
        if str(row["correct_answer_num"]) not in ("1", "2", "3", "4"):
            raise DataError(f"{where}: correct_answer_num {row['correct_answer_num']!r}; allowed: 1, 2, 3, 4")
        premise = f"{str(row['flores_passage']).strip()}\n{' '.join(str(row['question']).split())}"
        own = f"{row['link']}#{row['question_number']}"
        answers = tuple(str(row[name]).strip() for name in ANSWERS)
        found.append(Choice(own, premise, "", answers, int(row["correct_answer_num"]) - 1))
    if not found:
        raise DataError(f"{paths[0]} holds no questions")
    return found


BEYOND = Dataset(
    "beyond",
    "belebele",
    "Belebele",
    CHOICE,
    LANGUAGES,
    Data(
        "data/{lg}.jsonl of the hub's facebook/belebele",
        {"test": under(_FOLDERS, "{lg}.jsonl")},
        read,
        licence="CC BY-SA 4.0",
        citation="Bandarkar et al. 2024, The Belebele Benchmark: a Parallel Reading Comprehension Dataset in 122 "
        "Language Variants",
        sizes={"test": {"*": 900}},
        hub="its files on the hub are the official ones; they are fetched as they are with --from archives",
        archives={"test": (Archive(f"{_HUB}{{lg}}.jsonl", "belebele/data/{lg}.jsonl"),)},
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    prompt=Text(text="xstilts_eval.tasks.texts.reading_text", choices="xstilts_eval.tasks.texts.reading_choices"),
    parallel=True,
    code_standard="flores",
    learned="cosmosqa",
    max_length=512,
)
