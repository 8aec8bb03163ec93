"""One module per dataset: everything about it, told once.

The package itself can be called: ``xs.datasets()`` is the register, by group name.
"""

import sys
from types import ModuleType

from xstilts_eval.datasets._dataset import (
    SPLITS,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Mteb,
    Repository,
    Scoring,
    Text,
    sizes,
    under,
)  # fmt: skip
from xstilts_eval.datasets._scoring import ACCURACY, ENTITIES, MACRO_F1, MLQA, POS, SQUAD, WEIGHTED_F1

__all__ = [
    "ACCURACY", "ENTITIES", "MACRO_F1", "MLQA", "POS", "SPLITS", "SQUAD", "WEIGHTED_F1", "Archive", "Category", "Data",
    "Dataset", "HubFiles", "Mteb", "Repository", "Scoring", "Text", "sizes", "under",
]  # fmt: skip


class _Register(ModuleType):
    """This package, whose name is that of a function of the public API as well (`xstilts_eval.api.datasets`)."""

    def __call__(self, suite: str | None = None) -> dict[str, Dataset]:
        from xstilts_eval import api

        return api.datasets(suite)


sys.modules[__name__].__class__ = _Register
