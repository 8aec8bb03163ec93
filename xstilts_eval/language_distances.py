"""How far 50 languages are from English, in syntax, sounds, family and on the map.

Recomputed from URIEL (github.com/antonisa/lang2vec @ 82ab445, CC BY-SA 4.0) and Glottolog v5.1 (CC BY 4.0); they are
not the distances that URIEL publishes. Syntactic, phonological, inventory and featural: 1 - cosine of the completed
feature vectors (103, 28, 158 and all 289 features); genetic: 1 - cosine of the family-membership vectors; geographic:
great-circle distance over half the circumference of the earth. The table stays under CC BY-SA 4.0.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from xstilts_eval.errors import UnknownName

TABLE = Path(__file__).with_name("language_distances.csv")
MEASURES = ("syntactic", "geographic", "genetic", "phonological", "inventory", "featural")


@cache
def to_english(measure: str) -> dict[str, float]:
    """Distance (0-1) to English by ISO 639-1 code, without the languages that have none; raises `UnknownName`."""
    if measure not in MEASURES:
        raise UnknownName.of("distance", measure, MEASURES)
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: float(row[measure]) for row in csv.DictReader(file) if row[measure]}
