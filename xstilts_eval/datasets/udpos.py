"""UD-POS: parts of speech on Universal Dependencies; words that a treebank splits are fused again, with one tag."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import conllu, converters, readers
from xstilts_eval.data.conllu import UPOS
from xstilts_eval.data.examples import Tagged
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    SPLITS,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    is_processed,
    processed,
    sizes,
)
from xstilts_eval.datasets._places import PARQUET
from xstilts_eval.datasets._places import XTREME as HUB_XTREME
from xstilts_eval.errors import MissingData
from xstilts_eval.kinds import TAGGED

NO_CHUNK = ("O", "_")
"""Extra classes of XTREME's own POS models (`utils_tag.py:239-244`) and of raw treebanks: read, and never right."""
RELEASE, ADDED_RELEASE = "2.5", "2.7"
"""XTREME is made of UD v2.5; the languages that XTREME-R added come from v2.7 (`scripts/download_data.sh:58-73`)."""
ADDED = ("lt", "pl", "uk", "wo", "ro")
RELEASES = dict.fromkeys(ADDED, ADDED_RELEASE)
WITHOUT_DEV = frozenset(["kk", "th", "tl", "yo"])
"""Languages whose treebanks of UD v2.5 have no dev file (`datasets/xtreme/xtreme.py` @ 02bb18c7)."""
# XTREME's own processed files; the official converter run on UD gives the same. The hub's copy has more in de, el, fr,
# ru and zh, because it takes in other languages whose treebanks' names begin alike (Ancient Greek, Old French …).
SIZES = sizes(
    "af 425 ar 1680 bg 1116 de 22358 el 456 en 5440 es 3147 et 3760 eu 1799 fa 600 fi 4422 fr 5009 he 491 hi 2684 "
    "hu 449 id 1557 it 3518 ja 2372 kk 1047 ko 4276 mr 47 nl 1471 pt 2681 ru 8976 ta 120 te 146 th 1000 tl 55 tr 4785 "
    "ur 535 vi 800 yo 100 zh 3455 lt 739 pl 4942 uk 892 wo 470 ro 2272"
)
_LINDAT = "https://lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/{handle}/ud-treebanks-v{ud}.tgz"
_HANDLES = {RELEASE: "1-3105", ADDED_RELEASE: "1-3424"}
_HUB_NAMES = {"test": "test", "dev": "validation", "train": "train"}


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Tagged]:
    if is_processed(paths[0]):
        release = RELEASES.get(language, RELEASE)
        archive = f"ud-treebanks-v{release}.tgz (Universal Dependencies {release})"
        return readers.processed_tags(paths[0], (*UPOS, "_"), f"the treebanks of {archive}")
    sentences = [sentence for path in paths for sentence in conllu.read(path, language)]
    if not sentences:
        names = ", ".join(path.name for path in paths)
        raise MissingData(
            f"{paths[0].parent}: no sentence of {names} has text (every form is _, as in treebanks whose licence keeps "
            "the words out); put the words in with the treebank's own script, or take the file away"
        )
    return sentences


BESIDES = {
    "el": "84 % of its test sentences are Ancient Greek",
    "zh": "38 % of its test sentences are Classical Chinese",
    "de": "with Swiss German",
    "fr": "with Old French",
    "ru": "with treebanks the benchmark does not count as Russian",
}
"""What the script that made the hub's rows took in besides, because it looks for names that end in the language's.

Sentences: Ancient Greek 2,353 of 2,809, Classical Chinese 2,073 of 5,528 (UD v2.5, and `datasets/xtreme/xtreme.py`).
"""


def _hub(split: str) -> HubFiles:
    return HubFiles(
        HUB_XTREME, rf"udpos\.{{name}}/{_HUB_NAMES[split]}{PARQUET}",
        (f"ud/ud-treebanks-v2.5/UD_{{name}}-Hub/{{lg}}_hub-ud-{split}.conllu",), converters.udpos,
        "multi-word tokens split into words, not fused as the benchmark scores them: other tokens, other chunk F1",
        besides=BESIDES,
    )  # fmt: skip


def archives(release: str, split: str) -> tuple[Archive, ...]:
    """One release's archive, and the language's files in it."""
    escaped = release.replace(".", r"\.")
    member = rf"ud-treebanks-v{escaped}/UD_[^/]+/{{lg}}_[^/]*-ud-{split}[^/]*\.conllu"
    return (Archive(_LINDAT.format(handle=_HANDLES[release], ud=release), r"ud/\g<0>", member),)


XTREME = Dataset(
    "xtreme",
    "udpos",
    "UD-POS",
    TAGGED,
    ("af", "ar", "bg", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "kk",
     "ko", "mr", "nl", "pt", "ru", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh"),
    Data(
        "ud-treebanks-v{ud}.tgz (Universal Dependencies {ud})",
        {split: processed("udpos", split) for split in SPLITS},
        read,
        licence="per treebank (see each README; several are NC)",
        citation="Zeman et al. 2019, Universal Dependencies 2.5",
        sizes={"test": SIZES, "dev": {"en": 3_974}, "train": {"en": 21_253}},
        search="treebanks",
        absent={"dev": WITHOUT_DEV},
        hub={split: _hub(split) for split in SPLITS},
        archives={split: archives(RELEASE, split) for split in SPLITS},
        releases=RELEASES,
        release=RELEASE,
        release_archives={language: {split: archives(ADDED_RELEASE, split) for split in SPLITS} for language in ADDED},
        hub_lacks=frozenset(ADDED),
        rewritten=True,
    ),
    _scoring.POS,
    Category.TAGGING,
    labels=UPOS,
    extra_tags=NO_CHUNK,
    filler="X",
    learned="udpos",
    predictions="tsv",
)  # fmt: skip
XTREMER = XTREME.again("xtremer", " ".join(ADDED))
