"""What is kept of a task's documents beside its scores: the counts of its units, and samples for people."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args

from xstilts_eval.benchmark import Family
from xstilts_eval.results import entity_types, samples, unit_files
from xstilts_eval.results.host import Row
from xstilts_eval.results.statistics import Named

SamplesAs = Literal["json", "compressed", "none"]
"""JSON lines as they are, the same through gzip, or no samples."""
WAYS = get_args(SamplesAs)
_LEVEL = 6


def files(
    family: Family, leaf: str, rows: Sequence[Row], counted: Named, how: SamplesAs, plain: Callable[[Any], Any]
) -> Iterator[tuple[str, bytes]]:
    """Names, relative to the folder of the run, and contents; `plain` makes JSON of what is none."""
    more = {}
    if family.entity_types:
        more[entity_types.IN_HEADER] = entity_types.text(entity_types.of_samples(family, rows, leaf))
    yield unit_files.name(leaf), unit_files.content(family, counted, len(rows), more)
    if how == "none":
        return
    text = lines(rows, plain).encode()
    if how == "json":
        yield samples.name(leaf), text
    else:
        yield f"{samples.name(leaf)}{samples.COMPRESSED}", gzip.compress(text, _LEVEL, mtime=0)


def lines(rows: Sequence[Row], plain: Callable[[Any], Any]) -> str:
    """Samples as JSON lines, in the order of the test file."""
    encoder = json.JSONEncoder(ensure_ascii=False, default=plain)
    ordered = sorted(rows, key=lambda row: int(row["doc_id"]))
    return "".join(encoder.encode(row) + "\n" for row in ordered)
