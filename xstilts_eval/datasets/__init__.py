"""One module per dataset: everything about it, told once."""

from xstilts_eval.datasets._dataset import (
    SPLITS,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Repository,
    Scoring,
    Text,
    sizes,
    under,
)  # fmt: skip

__all__ = [
    "SPLITS", "Archive", "Category", "Data", "Dataset", "HubFiles", "Repository", "Scoring", "Text", "sizes", "under",
]  # fmt: skip
