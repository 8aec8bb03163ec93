"""Real weights that come from the package index: one table, one folder for each."""

from xstilts_eval.weights.folders import folder
from xstilts_eval.weights.table import E5, MINILM, WEIGHTS

__all__ = ["E5", "MINILM", "WEIGHTS", "folder"]
