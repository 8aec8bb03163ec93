"""PAN-X: names of persons, organisations and places in Wikipedia (WikiANN), annotated automatically."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Tagged
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    SPLITS,
    Alternatives,
    Category,
    Data,
    Dataset,
    HubFiles,
    is_processed,
    processed,
    under,
)
from xstilts_eval.datasets._places import PARQUET
from xstilts_eval.datasets._places import XTREME as HUB_XTREME
from xstilts_eval.kinds import TAGGED

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
ADDED = ("qu", "pl", "uk", "az", "lt", "pa", "gu", "ro")
# The dataset card of `xtreme`; those of XTREME-R's languages, of WikiANN.
SIZES: dict[str, int] = {"*": 10_000}
SIZES |= dict.fromkeys(("af", "bn", "hi", "kk", "ml", "mr", "ms", "sw", "ta", "te", "tl", "ur", "az"), 1_000)
SIZES |= dict.fromkeys(("jv", "my", "yo", "gu", "pa", "qu"), 100)
_HUB_NAMES = {"test": "test", "dev": "validation", "train": "train"}


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Tagged]:
    if is_processed(paths[0]):
        return readers.processed_tags(paths[0], TAGS, f"{language}/{split} of panx_dataset (AmazonPhotos.zip)")
    return readers.panx(paths[0], TAGS)


def _files(split: str) -> Alternatives:
    folders = ("panx/panx_dataset/", "panx_dataset/", "panx/")
    return under(folders, f"{{lg}}/{split}") + under(folders, f"{{lg}}-{split}") + processed("panx", split)


def _hub(split: str) -> HubFiles:
    pattern, path = rf"PAN-X\.{{lg}}/{_HUB_NAMES[split]}{PARQUET}", f"panx/panx_dataset/{{lg}}/{split}"
    return HubFiles(HUB_XTREME, pattern, (path,), converters.panx, "none known")


XTREME = Dataset(
    "xtreme",
    "panx",
    "PAN-X",
    TAGGED,
    ("ar", "he", "vi", "id", "jv", "ms", "tl", "eu", "ml", "ta", "te", "af", "nl", "en", "de", "el", "bn", "hi", "mr",
     "ur", "fa", "fr", "it", "pt", "es", "bg", "ru", "ja", "ka", "ko", "th", "sw", "yo", "my", "zh", "kk", "tr", "et",
     "fi", "hu"),
    Data(
        "AmazonPhotos.zip (panx_dataset, one archive per language; see XTREME's download_data.sh)",
        {split: _files(split) for split in SPLITS},
        read,
        licence="none stated",
        citation="Pan et al. 2017, Cross-lingual Name Tagging and Linking for 282 Languages; "
        "splits of Rahimi et al. 2019, Massively Multilingual Transfer for NER",
        sizes={"test": SIZES, "dev": {"en": 10_000}, "train": {"en": 20_000}},
        hub={split: _hub(split) for split in SPLITS},
        archives="the archive of xtreme_panx (AmazonPhotos.zip) is shared through a page that needs a browser; use "
        "--from hub, or get it by hand as docs/data.md says",
        hub_lacks=frozenset(ADDED),
    ),
    _scoring.ENTITIES,
    Category.TAGGING,
    labels=TAGS,
    filler="O",
    learned="panx",
    predictions="tsv",
)  # fmt: skip
XTREMER = XTREME.again("xtremer", " ".join(ADDED))
