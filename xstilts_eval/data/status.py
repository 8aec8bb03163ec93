"""What a data folder holds of every leaf, and under which terms the data of each family comes.

Pure functions; the command line prints. "None stated" means that a look at the publishing repository found no
licence, not that there is none.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES, FLORES_PAIR, Family
from xstilts_eval.data import fetch, hub, sources
from xstilts_eval.data.flores import PLACEHOLDER_NOTE
from xstilts_eval.data.sources import Loaded
from xstilts_eval.errors import DataError, MissingData, NoFiles


@dataclass(frozen=True)
class Credit:
    """Terms of a family's data and the publication to cite."""

    licence: str
    citation: str


CREDITS: dict[str, Credit] = {
    "xnli": Credit("CC BY-NC 4.0", "Conneau et al. 2018, XNLI: Evaluating Cross-lingual Sentence Representations"),
    "pawsx": Credit(
        "may be freely used for any purpose (acknowledge Google LLC)",
        "Yang et al. 2019, PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification",
    ),
    "udpos": Credit("per treebank (see each README; several are NC)", "Zeman et al. 2019, Universal Dependencies 2.5"),
    "panx": Credit(
        "none stated",
        "Pan et al. 2017, Cross-lingual Name Tagging and Linking for 282 Languages; "
        "splits of Rahimi et al. 2019, Massively Multilingual Transfer for NER",
    ),
    "xquad": Credit(
        "CC BY-SA 4.0",
        "Artetxe et al. 2020, On the Cross-lingual Transferability of Monolingual Representations",
    ),
    "mlqa": Credit("CC BY-SA 3.0", "Lewis et al. 2020, MLQA: Evaluating Cross-lingual Extractive Question Answering"),
    "tydiqa": Credit("Apache 2.0", "Clark et al. 2020, TyDi QA: A Benchmark for Information-Seeking QA"),
    "bucc2018": Credit("none found", "Zweigenbaum et al. 2018, Overview of the Third BUCC Shared Task"),
    "xcopa": Credit("CC BY 4.0", "Ponti et al. 2020, XCOPA: A Multilingual Dataset for Causal Commonsense Reasoning"),
    "lareqa": Credit(
        "CC BY-SA 4.0", "Roy et al. 2020, LAReQA: Language-agnostic Answer Retrieval from a Multilingual Pool"
    ),
    "mewslix": Credit(
        "not stated with the data",
        "Ruder et al. 2021, XTREME-R: Towards More Challenging and Nuanced Multilingual Evaluation",
    ),
    "tatoeba": Credit("CC BY 2.0 FR", "Artetxe and Schwenk 2019, Massively Multilingual Sentence Embeddings"),
}
CREDITS |= dict.fromkeys(
    ("to_eng", "from_eng", "retrieval", "translation"),
    Credit("CC BY-SA 4.0", "NLLB Team 2022, No Language Left Behind: Scaling Human-Centered Machine Translation"),
)
"""By family name; the Tatoeba families share theirs, those of FLORES-200 too."""


@dataclass(frozen=True)
class Row:
    """One leaf in one folder.

    `path` is relative to the folder: the (first) file, or the folder that holds all files; "" when nothing
    usable was found, and then `rows` is 0 and `notes` holds the one sentence that says what is missing or
    wrong; `is_unusable` tells a file that is there but cannot be scored from none. `rows` counts examples
    (bucc2018: gold pairs).
    """

    family: str
    language: str
    path: str
    rows: int
    complete: bool
    licence: str
    notes: tuple[str, ...]
    is_unusable: bool = False


def status(
    folder: Path,
    split: str = "test",
    families: Iterable[Family] | None = None,
    is_sample: bool = False,
    is_hub: bool = False,
) -> list[Row]:
    """One row per leaf of `families` (default: all that have data of their own) in the benchmark's order.

    Everything is read and checked, so a broken file shows up here and not in the middle of a run. In the managed folder
    of the hub (`is_hub`), what is not there yet names the repository and commit it will come from.
    """
    chosen = [family for family in families or FAMILIES.values() if family.suite != FLORES_PAIR]  # no data of its own
    rows = [_row(family, language, split, folder, is_hub) for family in chosen for language in family.languages]
    if is_sample:  # its text is the project's own, and "partial" goes without saying
        rows = [
            replace(row, licence="Apache-2.0", complete=False, notes=row.notes if _is_worth_telling(row) else ())
            for row in rows
        ]
    return rows


def _is_worth_telling(row: Row) -> bool:
    return not row.rows or any(note.startswith(PLACEHOLDER_NOTE) for note in row.notes)


def _row(family: Family, language: str, split: str, folder: Path, is_hub: bool) -> Row:
    licence = CREDITS[family.name].licence
    try:
        loaded = sources.load(family, language, split, folder)
        source, origin = fetch.provenance(folder, loaded.files)
    except NoFiles as error:
        reason = _not_fetched(family, language, split) if is_hub else str(error)
        return Row(family.group, language, "", 0, False, licence, (reason,))
    except DataError as error:
        return Row(family.group, language, "", 0, False, licence, (str(error),), is_unusable=True)
    except Exception as error:  # a file that a reader did not foresee hides one language, not the table
        reason = f"{family.leaf(language)} cannot be read ({type(error).__name__}: {error}); please report the file"
        return Row(family.group, language, "", 0, False, licence, (reason,), is_unusable=True)
    path = _shown(loaded, folder)
    complete = loaded.complete and not (source == "hub" and family.name in hub.OTHER_DOCUMENTS)
    return Row(family.group, language, path, loaded.rows, complete, licence, (*origin, *loaded.notes))


def _not_fetched(family: Family, language: str, split: str) -> str:
    try:
        repository = hub.plan(family, language, split).repository
    except MissingData as error:
        return str(error)
    return f"not fetched yet: comes from {repository.name}@{repository.revision[:12]} when it is asked for"


def _shown(loaded: Loaded, folder: Path) -> str:
    relative = [path.relative_to(folder) for path in loaded.files]
    if len({path.parent for path in relative}) == 1:
        return relative[0].as_posix()
    return Path(os.path.commonpath(relative)).as_posix()
