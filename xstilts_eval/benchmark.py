"""The benchmarks by the names that the rest of the package uses: suites, datasets, kinds."""

from xstilts_eval.data.conllu import UPOS
from xstilts_eval.datasets._dataset import Category
from xstilts_eval.datasets._dataset import Dataset as Family
from xstilts_eval.datasets.panx import TAGS as PANX_TAGS
from xstilts_eval.kinds import Kind
from xstilts_eval.suites import DATASETS as FAMILIES
from xstilts_eval.suites import SUITES, Suite, leaf_parts
from xstilts_eval.suites import dataset as family

__all__ = [
    "FAMILIES", "FLORES", "FLORES_PAIR", "PANX_TAGS", "SUITES", "UPOS", "XTREME", "XTREMER", "Category", "Family",
    "Kind", "Suite", "family", "leaf_parts",
]  # fmt: skip

FLORES, FLORES_PAIR = "flores200", "flores200pair"
"""Suites: FLORES-200 with English on one side, and any pair of its languages, named when it is run."""
XTREME: tuple[Family, ...] = SUITES["xtreme"].families
XTREMER: tuple[Family, ...] = SUITES["xtremer"].families
